select
    items.order_id,
    items.item_number,
    orders.order_date,
    orders.order_status,
    orders.customer_state,
    items.product_id,
    products.category,
    items.seller_id,
    sellers.state as seller_state,
    items.price,
    items.freight_value,
    orders.is_late,
    orders.review_score
from {{ ref('stg_order_items') }} as items
join {{ ref('fct_orders') }} as orders on items.order_id = orders.order_id
join {{ ref('stg_products') }} as products on items.product_id = products.product_id
join {{ ref('stg_sellers') }} as sellers on items.seller_id = sellers.seller_id
