{{ config(materialized='view', tags=['silver']) }}

select
    location_id,
    trim(location_name) as location_name,
    address,
    trim(city) as city,
    upper(trim(state)) as state,
    zip_code,
    latitude,
    longitude
from {{ source('rental', 'locations') }}
