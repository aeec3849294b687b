with items as (
    select
        order_id,
        count(*) as items,
        count(distinct seller_id) as sellers,
        sum(price) as items_value,
        sum(freight_value) as freight_value
    from {{ ref('stg_order_items') }}
    group by order_id
),

payments as (
    select
        order_id,
        sum(payment_value) as payment_value,
        max(installments) as installments
    from {{ ref('stg_order_payments') }}
    group by order_id
),

reviews as (
    select
        order_id,
        round(avg(cast(review_score as decimal(3,0))), 2) as review_score
    from {{ ref('stg_order_reviews') }}
    group by order_id
)

select
    orders.order_id,
    orders.customer_id,
    customers.customer_unique_id,
    customers.state as customer_state,
    orders.order_status,
    orders.order_purchase_timestamp,
    cast(orders.order_purchase_timestamp as date) as order_date,
    deliveries.order_delivered_customer_date,
    {{ days_between('orders.order_purchase_timestamp', 'deliveries.order_delivered_customer_date') }} as delivery_days,
    deliveries.order_delivered_customer_date > deliveries.order_estimated_delivery_date as is_late,
    coalesce(items.items, 0) as items,
    coalesce(items.sellers, 0) as sellers,
    coalesce(items.items_value, 0) as items_value,
    coalesce(items.freight_value, 0) as freight_value,
    coalesce(payments.payment_value, 0) as payment_value,
    payments.installments,
    reviews.review_score
from {{ ref('stg_orders') }} as orders
join {{ ref('stg_customers') }} as customers on orders.customer_id = customers.customer_id
join {{ ref('stg_order_deliveries') }} as deliveries on orders.order_id = deliveries.order_id
left join items on orders.order_id = items.order_id
left join payments on orders.order_id = payments.order_id
left join reviews on orders.order_id = reviews.order_id
