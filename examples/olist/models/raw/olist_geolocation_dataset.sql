select
    geolocation_zip_code_prefix,
    geolocation_lat,
    geolocation_lng,
    geolocation_city,
    geolocation_state,
    {{ ingestion_columns() }}
from {{ source('landing', 'olist_geolocation_dataset') }}
