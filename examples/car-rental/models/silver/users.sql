{{ config(materialized='table', tags=['silver']) }}

select
    user_id,
    trim(first_name) as first_name,
    trim(last_name) as last_name,
    lower(trim(email)) as email,
    phone_number,
    driver_license_number,
    driver_license_expiry,
    creation_date,
    is_active = 1 as is_active
from {{ source('rental', 'users') }}
