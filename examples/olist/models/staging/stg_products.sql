select
    products.product_id,
    coalesce(translation.product_category_name_english, products.product_category_name, 'unknown') as category,
    products.product_photos_qty as photos,
    products.product_weight_g as weight_g,
    products.product_length_cm * products.product_height_cm * products.product_width_cm as volume_cm3
from {{ ref('olist_products_dataset') }} as products
left join {{ ref('product_category_name_translation') }} as translation
    on products.product_category_name = translation.product_category_name
