{# Aggregates, arrays, and operators between queries. #}

{% macro except() %}{{ return(adapter.dispatch('except', 'dbt')()) }}{% endmacro %}
{% macro headwater__except() %}{{ return('except') }}{% endmacro %}

{% macro intersect() %}{{ return(adapter.dispatch('intersect', 'dbt')()) }}{% endmacro %}
{% macro headwater__intersect() %}{{ return('intersect') }}{% endmacro %}

{% macro equals(expr1, expr2) %}{{ return(adapter.dispatch('equals', 'dbt')(expr1, expr2)) }}{% endmacro %}
{% macro headwater__equals(expr1, expr2) %}{{ return('(' ~ expr1 ~ ' = ' ~ expr2 ~ ')') }}{% endmacro %}

{% macro any_value(expression) %}{{ return(adapter.dispatch('any_value', 'dbt')(expression)) }}{% endmacro %}
{% macro headwater__any_value(expression) %}{{ return('any_value(' ~ expression ~ ')') }}{% endmacro %}

{% macro bool_or(expression) %}{{ return(adapter.dispatch('bool_or', 'dbt')(expression)) }}{% endmacro %}
{% macro headwater__bool_or(expression) %}{{ return('bool_or(' ~ expression ~ ')') }}{% endmacro %}

{% macro listagg(measure, delimiter_text="','", order_by_clause=none, limit_num=none) %}
  {{ return(adapter.dispatch('listagg', 'dbt')(measure, delimiter_text, order_by_clause, limit_num)) }}
{% endmacro %}
{% macro headwater__listagg(measure, delimiter_text, order_by_clause, limit_num) %}
  {% if order_by_clause %}
    {% do exceptions.warn('`order_by_clause` of `listagg` has no effect on Spark: the order of the values is open') %}
  {% endif %}
  {% set collected = 'collect_list(' ~ measure ~ ')' %}
  {% set collected = 'slice(' ~ collected ~ ', 1, ' ~ limit_num ~ ')' if limit_num else collected %}
  {{ return('array_join(' ~ collected ~ ', ' ~ delimiter_text ~ ')') }}
{% endmacro %}

{% macro array_construct(inputs=[], data_type='int') %}
  {{ return(adapter.dispatch('array_construct', 'dbt')(inputs, data_type)) }}
{% endmacro %}
{% macro headwater__array_construct(inputs, data_type) %}
  {{ return(
    'array(' ~ inputs | join(', ') ~ ')' if inputs
    else 'cast(array() as array<' ~ api.Column.translate_type(data_type) ~ '>)'
  ) }}
{% endmacro %}

{% macro array_append(array, new_element) %}
  {{ return(adapter.dispatch('array_append', 'dbt')(array, new_element)) }}
{% endmacro %}
{% macro headwater__array_append(array, new_element) %}
  {{ return('array_append(' ~ array ~ ', ' ~ new_element ~ ')') }}
{% endmacro %}

{% macro array_concat(array_1, array_2) %}
  {{ return(adapter.dispatch('array_concat', 'dbt')(array_1, array_2)) }}
{% endmacro %}
{% macro headwater__array_concat(array_1, array_2) %}{{ return('concat(' ~ array_1 ~ ', ' ~ array_2 ~ ')') }}{% endmacro %}
