select
    payments.payment_type,
    cast(date_trunc('MONTH', orders.order_date) as date) as month,
    count(*) as payments,
    count(distinct payments.order_id) as orders,
    sum(payments.payment_value) as payment_value,
    round(avg(cast(payments.installments as decimal(5,0))), 2) as avg_installments
from {{ ref('stg_order_payments') }} as payments
join {{ ref('fct_orders') }} as orders on payments.order_id = orders.order_id
group by payments.payment_type, cast(date_trunc('MONTH', orders.order_date) as date)
