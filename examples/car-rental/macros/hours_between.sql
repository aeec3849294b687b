{# The hours from one timestamp to another: whole seconds divided by 3600, rounded to 2. A decimal, so that sums and
   averages of it are exact whatever the order in which an engine adds. #}
{% macro hours_between(start, end) -%}
cast(round((unix_timestamp({{ end }}) - unix_timestamp({{ start }})) / 3600, 2) as decimal(10,2))
{%- endmacro %}
