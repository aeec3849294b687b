{{ config(materialized='table', tags=['gold']) }}

select
    hour(rental_start_time) as hour_of_day,
    count(*) as total_transactions,
    sum(total_amount) as total_revenue,
    round(avg(total_amount), 2) as avg_transaction_amount
from {{ ref('rentals') }}
group by hour(rental_start_time)
