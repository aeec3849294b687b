{{ config(materialized='table', tags=['gold']) }}

select
    rental_date,
    count(*) as total_transactions,
    sum(total_amount) as total_revenue,
    round(avg(total_amount), 2) as avg_transaction_amount,
    max(total_amount) as max_transaction_amount,
    min(total_amount) as min_transaction_amount,
    count(distinct user_id) as unique_users,
    count(distinct vehicle_id) as unique_vehicles
from {{ ref('rentals') }}
group by rental_date
