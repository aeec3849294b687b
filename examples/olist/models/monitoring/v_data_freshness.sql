with loaded as (
    {% for table in var('raw_tables') %}
    select '{{ table }}' as table_name, max(ingestion_timestamp) as last_ingested, count(*) as total_records
    from {{ ref(table) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    table_name,
    total_records,
    last_ingested,
    datediff(HOUR, last_ingested, current_timestamp()) as hours_since_load,
    case
        when last_ingested is null then 'EMPTY'
        when datediff(HOUR, last_ingested, current_timestamp()) >= {{ var('stale_after_hours') }} then 'STALE'
        else 'FRESH'
    end as freshness
from loaded
