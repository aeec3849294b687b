{{ config(materialized='table', tags=['gold']) }}

select
    vehicles.vehicle_type,
    count(*) as total_rentals,
    sum(rentals.total_amount) as total_revenue,
    round(avg(rentals.total_amount), 2) as avg_rental_amount,
    max(rentals.total_amount) as max_rental_amount,
    min(rentals.total_amount) as min_rental_amount,
    round(avg(rentals.duration_hours), 2) as avg_rental_duration_hours,
    max(rentals.duration_hours) as max_rental_duration_hours,
    min(rentals.duration_hours) as min_rental_duration_hours,
    count(distinct rentals.vehicle_id) as unique_vehicles
from {{ ref('rentals') }} as rentals
join {{ ref('vehicles') }} as vehicles on rentals.vehicle_id = vehicles.vehicle_id
group by vehicles.vehicle_type
