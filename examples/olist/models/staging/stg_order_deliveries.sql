{{
    config(
        materialized='incremental',
        unique_key='order_id',
        on_schema_change='sync_all_columns'
    )
}}

-- Of an order that was delivered several times, in one load or in several, the last file counts.
select
    order_id,
    order_approved_at,
    order_delivered_carrier_date,
    order_delivered_customer_date,
    order_estimated_delivery_date,
    ingestion_timestamp
from {{ ref('olist_orders_dataset') }}

{% if is_incremental() %}
where ingestion_timestamp > (select max(ingestion_timestamp) from {{ this }})
{% endif %}

qualify row_number() over (partition by order_id order by ingestion_timestamp desc, source_file desc) = 1
