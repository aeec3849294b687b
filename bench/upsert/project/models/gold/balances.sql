{{ config(materialized='incremental', unique_key=['part', 'id'], partition_by='part') }}

-- depends_on: {{ source('bank', 'changes') }}
select part, id, amount, status, updated_at
{% if is_incremental() %}
from {{ source('bank', 'changes') }}
{% else %}
from {{ source('bank', 'accounts') }}
{% endif %}
