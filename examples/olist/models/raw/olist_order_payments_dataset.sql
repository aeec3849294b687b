select
    order_id,
    payment_sequential,
    payment_type,
    payment_installments,
    payment_value,
    {{ ingestion_columns() }}
from {{ source('landing', 'olist_order_payments_dataset') }}
