{{
    config(
        materialized='incremental',
        unique_key='order_id',
        on_schema_change='sync_all_columns'
    )
}}

SELECT 
    order_id,
    customer_id,
    order_status,
    order_purchase_timestamp,
    ingestion_timestamp
FROM {{ ref('olist_orders_dataset') }}

{% if is_incremental() %}
WHERE ingestion_timestamp > (SELECT MAX(ingestion_timestamp) FROM {{ this }})
{% endif %}
