with orders as (
    select
        customer_unique_id,
        min(order_purchase_timestamp) as first_order_at,
        max(order_purchase_timestamp) as last_order_at,
        count(*) as orders,
        sum(payment_value) as total_paid,
        round(avg(review_score), 2) as avg_review_score
    from {{ ref('fct_orders') }}
    group by customer_unique_id
)

select
    orders.*,
    orders.orders > 1 as has_come_back,
    round(percent_rank() over (order by orders.total_paid) * 100, 2) as spending_percentile
from orders
