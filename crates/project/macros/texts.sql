{# Texts, and expressions over them. #}

{% macro concat(fields) %}{{ return(adapter.dispatch('concat', 'dbt')(fields)) }}{% endmacro %}
{% macro headwater__concat(fields) %}{{ return('concat(' ~ fields | join(', ') ~ ')') }}{% endmacro %}

{% macro hash(field) %}{{ return(adapter.dispatch('hash', 'dbt')(field)) }}{% endmacro %}
{% macro headwater__hash(field) %}{{ return('md5(cast(' ~ field ~ ' as string))') }}{% endmacro %}

{% macro length(expression) %}{{ return(adapter.dispatch('length', 'dbt')(expression)) }}{% endmacro %}
{% macro headwater__length(expression) %}{{ return('length(' ~ expression ~ ')') }}{% endmacro %}

{% macro position(substring_text, string_text) %}
  {{ return(adapter.dispatch('position', 'dbt')(substring_text, string_text)) }}
{% endmacro %}
{% macro headwater__position(substring_text, string_text) %}
  {{ return('position(' ~ substring_text ~ ' in ' ~ string_text ~ ')') }}
{% endmacro %}

{% macro replace(field, old_chars, new_chars) %}
  {{ return(adapter.dispatch('replace', 'dbt')(field, old_chars, new_chars)) }}
{% endmacro %}
{% macro headwater__replace(field, old_chars, new_chars) %}
  {{ return('replace(' ~ field ~ ', ' ~ old_chars ~ ', ' ~ new_chars ~ ')') }}
{% endmacro %}

{% macro right(string_text, length_expression) %}
  {{ return(adapter.dispatch('right', 'dbt')(string_text, length_expression)) }}
{% endmacro %}
{% macro headwater__right(string_text, length_expression) %}
  {{ return('right(' ~ string_text ~ ', ' ~ length_expression ~ ')') }}
{% endmacro %}

{% macro split_part(string_text, delimiter_text, part_number) %}
  {{ return(adapter.dispatch('split_part', 'dbt')(string_text, delimiter_text, part_number)) }}
{% endmacro %}
{% macro headwater__split_part(string_text, delimiter_text, part_number) %}
  {{ return('split_part(' ~ string_text ~ ', ' ~ delimiter_text ~ ', ' ~ part_number ~ ')') }}
{% endmacro %}

{% macro string_literal(value) %}{{ return(adapter.dispatch('string_literal', 'dbt')(value)) }}{% endmacro %}
{% macro headwater__string_literal(value) %}{{ return("'" ~ value ~ "'") }}{% endmacro %}

{# Spark reads two quotes in a text as the end of one text and the beginning of the next. #}
{% macro escape_single_quotes(expression) %}
  {{ return(adapter.dispatch('escape_single_quotes', 'dbt')(expression)) }}
{% endmacro %}
{% macro headwater__escape_single_quotes(expression) %}{{ return(expression | replace("'", "\\'")) }}{% endmacro %}
