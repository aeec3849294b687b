{# The names of what is built. A project defines macros of these names to have its own rules. #}

{% macro generate_schema_name(custom_schema_name=none, node=none) %}
  {{ return(adapter.dispatch('generate_schema_name', 'dbt')(custom_schema_name, node)) }}
{% endmacro %}
{% macro default__generate_schema_name(custom_schema_name=none, node=none) %}
  {{ return(target.schema if custom_schema_name is none else target.schema ~ '_' ~ custom_schema_name | trim) }}
{% endmacro %}

{% macro generate_schema_name_for_env(custom_schema_name, node=none) %}
  {{ return(
    custom_schema_name | trim if target.name == 'prod' and custom_schema_name is not none else target.schema
  ) }}
{% endmacro %}

{% macro generate_alias_name(custom_alias_name=none, node=none) %}
  {{ return(adapter.dispatch('generate_alias_name', 'dbt')(custom_alias_name, node)) }}
{% endmacro %}
{% macro default__generate_alias_name(custom_alias_name=none, node=none) %}
  {% if custom_alias_name %}{{ return(custom_alias_name | trim) }}{% endif %}
  {% set version = node.version if node else none %}
  {{ return(node.name ~ '_v' ~ version | string | replace('.', '_') if version else node.name) }}
{% endmacro %}

{# The lake has schemas and no databases. #}
{% macro generate_database_name(custom_database_name=none, node=none) %}{{ return(none) }}{% endmacro %}
{% macro default__generate_database_name(custom_database_name=none, node=none) %}{{ return(none) }}{% endmacro %}

{# What a generic test reads: the relation, or of it only what `where:` keeps. #}
{% macro get_where_subquery(relation) %}
  {{ return(adapter.dispatch('get_where_subquery', 'dbt')(relation)) }}
{% endmacro %}
{% macro default__get_where_subquery(relation) %}
  {% set where = config.get('where', '') %}
  {{ return('(select * from ' ~ relation ~ ' where ' ~ where ~ ') dbt_subquery' if where else relation) }}
{% endmacro %}
