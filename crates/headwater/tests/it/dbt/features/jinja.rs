//! What templates may ask and call.

use super::{project, tell};

#[test]
fn what_templates_call() {
    let project = project(&[
        (
            "macros/calls.sql",
            "{% macro listed() %}{% set xs = [] %}{% for x in varargs %}{% do xs.append(x ~ '') %}{% endfor %}{{ return(xs) }}{% endmacro %}
{% macro named() %}{{ return(kwargs) }}{% endmacro %}
{% macro in_parentheses(times=1) %}{% for _ in range(times) %}({{ caller() }}){% endfor %}{% endmacro %}
{% macro to_cents(column) %}cast({{ column }} * 100 as bigint){% endmacro %}
{% macro early(x) %}{% if x %}{{ return('early') }}{% endif %}late{% endmacro %}
",
        ),
        (
            "models/called.sql",
            "{% set xs = listed('a', 2, 'c') %}{% do xs.extend(['d']) %}{% set more = {'x': 1} %}{% do more.update({'y': 2}) %}
select
    '{{ xs | join('-') }}' as varargs,
    '{{ named(a=1, b='two').b }}' as kwargs,
    '{% call in_parentheses(2) %}inner{% endcall %}' as caller,
    '{{ early(true) }} {{ early(false) }}' as returned,
    {{ to_cents('amount') }} as cents,
    '{{ more.keys() | list | join(',') }}' as changed,
    '{{ \"%s of %05.1f\" % ('x', 2.5) }}' as formatted,
    '{{ modules.datetime.date(2024, 2, 28) + modules.datetime.timedelta(days=2) }}' as day,
    '{{ modules.re.sub('[aeiou]', '_', 'headwater') }}' as regex,
    '{{ tojson({'a': [1, none]}) }}' as json,
    '{{ target.type }} {{ target.name }} {{ this }}' as names
from {{ ref('orders') }} where id = 1
",
        ),
    ]);
    tell(
        "what_templates_call",
        &project,
        &[&["build"], &["compile", "-s", "called"], &["show", "-s", "called", "--format", "json"]],
    );
}

#[test]
fn what_templates_ask() {
    let project = project(&[
        (
            "models/base.sql",
            "{{ config(materialized='table', meta={'owner': 'ada'}) }}\nselect id, status, amount from {{ ref('orders') }}\n",
        ),
        (
            "models/asked.sql",
            "{{ config(materialized='table') }}
-- depends_on: {{ ref('base') }}
{% set columns = adapter.get_columns_in_relation(ref('base')) %}
{% set base = api.Relation.create(schema=target.schema, identifier='base') %}
{% set nobody = adapter.get_relation(database=none, schema=target.schema, identifier='nobody') %}
{% set statuses = run_query('select distinct status from ' ~ ref('base') ~ ' order by 1') %}
{% call statement('most', fetch_result=true) %}select max(amount) as most from {{ ref('base') }}{% endcall %}
select
    '{{ execute }}' as execute,
    '{% for column in columns %}{{ column.name }}:{{ column.dtype }} {% endfor %}' as columns,
    '{{ base }} {{ base.identifier }} {{ base.is_table }}' as relation,
    '{{ nobody is none }}' as nobody,
    {% if execute %}
    '{{ statuses.columns[0].values() | join(',') }}' as run_query,
    '{{ load_result('most')['data'][0][0] }}' as statement,
    '{% for node in graph.nodes.values() if node.config.meta.owner == 'ada' %}{{ node.unique_id }}{% endfor %}' as graph,
    {% endif %}
    '{{ adapter.quote('x y') }} {{ model.name }} {{ flags.WHICH }} {{ var('size', 'small') }}' as others
",
        ),
    ]);
    tell(
        "what_templates_ask",
        &project,
        &[
            &["plan"],
            &["build"],
            &["show", "-s", "asked", "--format", "json"],
            &["compile", "-s", "asked", "--vars", "size: large"],
        ],
    );
}

#[test]
fn templates_that_are_wrong() {
    let project = project(&[
        ("models/a.sql", "select {{ nope }} as x\n"),
        ("models/b.sql", "{% do adapter.drop_schema(this) %}select 1 as x\n"),
        ("models/c.sql", "{{ exceptions.raise_compiler_error('not on a ' ~ 'Sunday') }}\n"),
        ("models/d.sql", "select {{ adapter.dispatch('cents')('amount') }} as x\n"),
        ("models/e.sql", "select * from {{ ref('order') }}\n"),
        ("models/f.sql", "select {% if x %} 1 as x\n"),
        ("models/g.sql", "select '{{ var('sise') }}' as x\n"),
        ("dbt_project.yml", "name: shop\nversion: '1.0'\nprofile: shop\nvars: { size: 1 }\n"),
    ]);
    tell("templates_that_are_wrong", &project, &[&["check"]]);
}
