-- Every order is bought in some month, so the months together bring what the orders bring.
select
    months.revenue as revenue_of_months,
    orders.revenue as revenue_of_orders
from (select sum(cast(items_value as decimal(20,2))) as revenue from {{ ref('monthly_sales') }}) as months
cross join (select sum(items_value) as revenue from {{ ref('fct_orders') }}) as orders
where months.revenue <> orders.revenue
