select
    customer_state,
    count(*) as orders,
    count_if(delivery_days is not null) as delivered,
    round(avg(delivery_days), 2) as avg_delivery_days,
    max(delivery_days) as max_delivery_days,
    count_if(is_late) as late,
    round(100 * count_if(is_late) / nullif(count_if(delivery_days is not null), 0), 2) as late_percent
from {{ ref('fct_orders') }}
group by customer_state
