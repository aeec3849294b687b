{# Days and instants. `dateadd` gives a timestamp; `datediff` counts the boundaries that lie between, as dbt has it. #}

{% macro hw_datepart(datepart, what) %}
  {% set parts = ['microsecond', 'millisecond', 'second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'] %}
  {% set part = (datepart | string | lower).strip().strip("'") %}
  {% set part = part[:-1] if part.endswith('s') else part %}
  {% if part not in parts %}
    {{ exceptions.raise_compiler_error(
      "`" ~ what ~ "` knows no datepart `" ~ datepart ~ "`: the dateparts are `" ~ parts | join("`, `") ~ "`"
    ) }}
  {% endif %}
  {{ return(part) }}
{% endmacro %}

{% macro current_timestamp() %}{{ return(adapter.dispatch('current_timestamp', 'dbt')()) }}{% endmacro %}
{% macro headwater__current_timestamp() %}{{ return('current_timestamp()') }}{% endmacro %}

{% macro current_timestamp_backcompat() %}{{ return(dbt.current_timestamp()) }}{% endmacro %}
{% macro current_timestamp_in_utc_backcompat() %}{{ return(dbt.current_timestamp()) }}{% endmacro %}
{% macro snapshot_get_time() %}{{ return(adapter.dispatch('snapshot_get_time', 'dbt')()) }}{% endmacro %}
{% macro headwater__snapshot_get_time() %}{{ return(dbt.current_timestamp()) }}{% endmacro %}

{% macro dateadd(datepart, interval, from_date_or_timestamp) %}
  {{ return(adapter.dispatch('dateadd', 'dbt')(datepart, interval, from_date_or_timestamp)) }}
{% endmacro %}
{% macro headwater__dateadd(datepart, interval, from_date_or_timestamp) %}
  {% set part = dbt.hw_datepart(datepart, 'dateadd') %}
  {{ return(
    'timestampadd(' ~ part ~ ', cast(' ~ interval ~ ' as int), cast(' ~ from_date_or_timestamp ~ ' as timestamp))'
  ) }}
{% endmacro %}

{% macro datediff(first_date, second_date, datepart) %}
  {{ return(adapter.dispatch('datediff', 'dbt')(first_date, second_date, datepart)) }}
{% endmacro %}
{% macro headwater__datediff(first_date, second_date, datepart) %}
  {% set part = dbt.hw_datepart(datepart, 'datediff') %}
  {% if part == 'day' %}
    {{ return('datediff(cast(' ~ second_date ~ ' as date), cast(' ~ first_date ~ ' as date))') }}
  {% endif %}
  {% set first = "date_trunc('" ~ part ~ "', cast(" ~ first_date ~ " as timestamp))" %}
  {% set second = "date_trunc('" ~ part ~ "', cast(" ~ second_date ~ " as timestamp))" %}
  {{ return('cast(timestampdiff(' ~ part ~ ', ' ~ first ~ ', ' ~ second ~ ') as int)') }}
{% endmacro %}

{% macro date_trunc(datepart, date) %}{{ return(adapter.dispatch('date_trunc', 'dbt')(datepart, date)) }}{% endmacro %}
{% macro headwater__date_trunc(datepart, date) %}
  {{ return("date_trunc('" ~ datepart ~ "', " ~ date ~ ")") }}
{% endmacro %}

{% macro last_day(date, datepart) %}{{ return(adapter.dispatch('last_day', 'dbt')(date, datepart)) }}{% endmacro %}
{% macro headwater__last_day(date, datepart) %}
  {% set next = dbt.dateadd(datepart, 1, dbt.date_trunc(datepart, date)) %}
  {{ return('cast(' ~ dbt.dateadd('day', -1, next) ~ ' as date)') }}
{% endmacro %}

{% macro date(year, month, day) %}{{ return(adapter.dispatch('date', 'dbt')(year, month, day)) }}{% endmacro %}
{% macro headwater__date(year, month, day) %}
  {{ return("date '" ~ modules.datetime.date(year | int, month | int, day | int).isoformat() ~ "'") }}
{% endmacro %}

{% macro get_powers_of_two(upper_bound) %}
  {{ return(adapter.dispatch('get_powers_of_two', 'dbt')(upper_bound)) }}
{% endmacro %}
{% macro headwater__get_powers_of_two(upper_bound) %}
  {% if upper_bound <= 0 %}{{ exceptions.raise_compiler_error('upper bound must be positive') }}{% endif %}
  {% for power in range(1, 100) if upper_bound <= 2 ** power %}{{ return(power) }}{% endfor %}
{% endmacro %}

{% macro generate_series(upper_bound) %}
  {{ return(adapter.dispatch('generate_series', 'dbt')(upper_bound)) }}
{% endmacro %}
{% macro headwater__generate_series(upper_bound) %}
  {% if upper_bound <= 0 %}{{ exceptions.raise_compiler_error('upper bound must be positive') }}{% endif %}
  select explode(sequence(1, {{ upper_bound }})) as generated_number
{% endmacro %}

{% macro get_intervals_between(start_date, end_date, datepart) %}
  {{ return(adapter.dispatch('get_intervals_between', 'dbt')(start_date, end_date, datepart)) }}
{% endmacro %}
{% macro headwater__get_intervals_between(start_date, end_date, datepart) %}
  {% set counted = run_query('select ' ~ dbt.datediff(start_date, end_date, datepart)) %}
  {{ return(counted[0][0] if counted else 1) }}
{% endmacro %}

{% macro date_spine(datepart, start_date, end_date) %}
  {{ return(adapter.dispatch('date_spine', 'dbt')(datepart, start_date, end_date)) }}
{% endmacro %}
{% macro headwater__date_spine(datepart, start_date, end_date) %}
with rawdata as (
  {{ dbt.generate_series(dbt.get_intervals_between(start_date, end_date, datepart)) }}
),
all_periods as (
  select {{ dbt.dateadd(datepart, 'generated_number - 1', start_date) }} as date_{{ datepart }} from rawdata
)
select * from all_periods where date_{{ datepart }} <= {{ end_date }}
{% endmacro %}

{% macro py_current_timestring() %}
  {{ return(modules.datetime.datetime.now().strftime('%Y%m%d%H%M%S%f')) }}
{% endmacro %}
