select
    customer_id,
    customer_unique_id,
    customer_zip_code_prefix,
    customer_city,
    customer_state,
    {{ ingestion_columns() }}
from {{ source('landing', 'olist_customers_dataset') }}
