{{ config(materialized='table', tags=['silver']) }}

select
    vehicle_id,
    trim(brand) as brand,
    lower(trim(vehicle_type)) as vehicle_type,
    vehicle_year,
    trim(registration_name) as registration_name,
    vehicle_license_number,
    permit_license_number,
    certification_date,
    expiration_date,
    last_update_timestamp as last_updated_at,
    active = 1 as is_active
from {{ source('rental', 'vehicles') }}
