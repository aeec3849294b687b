select
    cast(date_trunc('MONTH', order_date) as date) as month,
    count(*) as orders,
    count(distinct customer_unique_id) as customers,
    sum(items) as items,
    sum(items_value) as items_value,
    sum(freight_value) as freight_value,
    round(avg(items_value), 2) as avg_order_value,
    count_if(order_status = 'canceled') as canceled
from {{ ref('fct_orders') }}
group by cast(date_trunc('MONTH', order_date) as date)
