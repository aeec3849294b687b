select
    seller_id,
    seller_zip_code_prefix,
    seller_city,
    seller_state,
    {{ ingestion_columns() }}
from {{ source('landing', 'olist_sellers_dataset') }}
