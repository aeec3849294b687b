with loaded as (
    {% for table in var('raw_tables') %}
    select '{{ table }}' as table_name, pipeline_run_id, ingestion_date, ingestion_timestamp, source_file
    from {{ ref(table) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    pipeline_run_id,
    table_name,
    ingestion_date,
    count(*) as total_records,
    count(distinct source_file) as source_files,
    min(ingestion_timestamp) as first_record_ingested,
    max(ingestion_timestamp) as last_record_ingested
from loaded
group by pipeline_run_id, table_name, ingestion_date
