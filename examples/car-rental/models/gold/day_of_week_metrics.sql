{{ config(materialized='table', tags=['gold']) }}

select
    date_format(rental_start_time, 'EEEE') as day_of_week,
    count(*) as total_transactions,
    sum(total_amount) as total_revenue,
    round(avg(total_amount), 2) as avg_transaction_amount
from {{ ref('rentals') }}
group by date_format(rental_start_time, 'EEEE')
