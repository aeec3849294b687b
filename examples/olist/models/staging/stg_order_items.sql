{{ config(materialized='table') }}

select
    order_id,
    -- The numbers of the files count from 1 within an order; those of generated files do not, so they are given anew.
    row_number() over (partition by order_id order by order_item_id, product_id, seller_id, price, freight_value)
        as item_number,
    product_id,
    seller_id,
    shipping_limit_date,
    price,
    freight_value
from {{ ref('olist_order_items_dataset') }}
