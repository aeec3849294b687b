{{ config(materialized='table', tags=['silver']) }}

select
    rental_id,
    user_id,
    vehicle_id,
    pickup_location as pickup_location_id,
    dropoff_location as dropoff_location_id,
    rental_start_time,
    rental_end_time,
    cast(rental_start_time as date) as rental_date,
    {{ hours_between('rental_start_time', 'rental_end_time') }} as duration_hours,
    total_amount
from {{ source('rental', 'rental_transactions') }}
