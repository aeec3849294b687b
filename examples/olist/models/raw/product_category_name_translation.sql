select
    product_category_name,
    product_category_name_english,
    {{ ingestion_columns() }}
from {{ source('landing', 'product_category_name_translation') }}
