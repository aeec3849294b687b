{{ config(materialized='table', tags=['gold']) }}

select
    vehicles.brand,
    count(*) as total_rentals,
    sum(rentals.total_amount) as total_revenue,
    round(avg(rentals.total_amount), 2) as avg_rental_amount,
    count(distinct rentals.vehicle_id) as unique_vehicles
from {{ ref('rentals') }} as rentals
join {{ ref('vehicles') }} as vehicles on rentals.vehicle_id = vehicles.vehicle_id
group by vehicles.brand
