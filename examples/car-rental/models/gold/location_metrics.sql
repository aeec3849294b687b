{{ config(materialized='table', tags=['gold']) }}

with pickups as (
    select
        pickup_location_id as location_id,
        count(*) as total_pickups,
        sum(total_amount) as pickup_revenue,
        round(avg(total_amount), 2) as avg_transaction_amount,
        max(total_amount) as max_transaction_amount,
        min(total_amount) as min_transaction_amount,
        count(distinct vehicle_id) as unique_vehicles_picked_up
    from {{ ref('rentals') }}
    group by pickup_location_id
),

dropoffs as (
    select
        dropoff_location_id as location_id,
        count(*) as total_dropoffs,
        sum(total_amount) as dropoff_revenue,
        count(distinct vehicle_id) as unique_vehicles_dropped_off
    from {{ ref('rentals') }}
    group by dropoff_location_id
),

activity as (
    select
        coalesce(pickups.location_id, dropoffs.location_id) as location_id,
        coalesce(total_pickups, 0) as total_pickups,
        coalesce(total_dropoffs, 0) as total_dropoffs,
        coalesce(pickup_revenue, 0) as pickup_revenue,
        coalesce(dropoff_revenue, 0) as dropoff_revenue,
        avg_transaction_amount,
        max_transaction_amount,
        min_transaction_amount,
        coalesce(unique_vehicles_picked_up, 0) as unique_vehicles_picked_up,
        coalesce(unique_vehicles_dropped_off, 0) as unique_vehicles_dropped_off
    from pickups
    full outer join dropoffs on pickups.location_id = dropoffs.location_id
)

select
    activity.location_id,
    locations.location_name,
    locations.city,
    locations.state,
    total_pickups,
    total_dropoffs,
    total_pickups + total_dropoffs as total_transactions,
    pickup_revenue,
    dropoff_revenue,
    pickup_revenue + dropoff_revenue as total_revenue,
    avg_transaction_amount,
    max_transaction_amount,
    min_transaction_amount,
    unique_vehicles_picked_up,
    unique_vehicles_dropped_off,
    unique_vehicles_picked_up + unique_vehicles_dropped_off as total_unique_vehicles
from activity
join {{ ref('locations') }} as locations on activity.location_id = locations.location_id
