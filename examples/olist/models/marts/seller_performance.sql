with sellers as (
    select
        seller_id,
        seller_state,
        count(distinct order_id) as orders,
        count(*) as items,
        sum(price) as items_value,
        round(avg(review_score), 2) as avg_review_score,
        count_if(is_late) as late_items
    from {{ ref('fct_order_items') }}
    group by seller_id, seller_state
)

select
    sellers.*,
    zip_codes.latitude,
    zip_codes.longitude,
    round(100 * late_items / items, 2) as late_percent,
    rank() over (partition by seller_state order by items_value desc) as place_in_state
from sellers
join {{ ref('stg_sellers') }} as seller on sellers.seller_id = seller.seller_id
left join {{ ref('stg_zip_codes') }} as zip_codes on seller.zip_code_prefix = zip_codes.zip_code_prefix
