{# A model's schema is the one that `dbt_project.yml` gives it, without dbt's prefix of the target's schema. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ target.schema if custom_schema_name is none else custom_schema_name | trim }}
{%- endmacro %}
