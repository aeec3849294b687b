{# The days from one timestamp to another: seconds divided by 86400, rounded to 2. A decimal, so that sums and averages of
   it are exact whatever the order in which an engine adds. #}
{% macro days_between(start, end) -%}
cast(round((unix_timestamp({{ end }}) - unix_timestamp({{ start }})) / 86400, 2) as decimal(10,2))
{%- endmacro %}
