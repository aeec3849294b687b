with categories as (
    select
        category,
        count(*) as items,
        count(distinct order_id) as orders,
        count(distinct seller_id) as sellers,
        sum(price) as items_value,
        round(avg(price), 2) as avg_price,
        round(avg(review_score), 2) as avg_review_score
    from {{ ref('fct_order_items') }}
    group by category
)

select
    categories.*,
    rank() over (order by items_value desc) as place,
    round(100 * items_value / sum(items_value) over (), 2) as share_percent
from categories
