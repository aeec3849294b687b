{{ config(materialized='table', tags=['gold']) }}

with spending as (
    select
        user_id,
        count(*) as total_rentals,
        sum(total_amount) as total_spent,
        round(avg(total_amount), 2) as avg_rental_amount,
        max(total_amount) as max_rental_amount,
        min(total_amount) as min_rental_amount,
        round(avg(duration_hours), 2) as avg_rental_duration_hours,
        sum(duration_hours) as total_rental_hours,
        count(distinct vehicle_id) as unique_vehicles_rented
    from {{ ref('rentals') }}
    group by user_id
),

ranked as (
    select
        spending.*,
        users.first_name,
        users.last_name,
        users.email,
        users.is_active,
        round(percent_rank() over (order by total_spent) * 100, 2) as spending_percentile
    from spending
    join {{ ref('users') }} as users on spending.user_id = users.user_id
)

select
    ranked.*,
    category.spending_category
from ranked
join {{ ref('spending_categories') }} as category
    on ranked.spending_percentile >= category.from_percentile
    and ranked.spending_percentile < category.below_percentile
