{# What the RAW tables carry beside the columns of the files: the run, the instant and the day of the load, and the file. #}
{% macro ingestion_columns() -%}
_run_id as pipeline_run_id,
    _ingested_at as ingestion_timestamp,
    cast(_ingested_at as date) as ingestion_date,
    _source_file as source_file
{%- endmacro %}
