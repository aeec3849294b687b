//! Unit tests: how rows are given, and what templates are told instead of the truth.

use super::{project, tell};

const MODELS: &[(&str, &str)] = &[
    (
        "models/base.sql",
        "{{ config(materialized='ephemeral') }}\nselect id, customer, amount from {{ ref('orders') }}\n",
    ),
    (
        "models/totals.sql",
        "{{ config(materialized='incremental', unique_key='customer') }}\nselect customer, sum(amount) as total, '{{ var('currency', 'EUR') }}' as currency, '{{ env_var('REGION', 'none') }}' as region, {{ rate() }} as rate\nfrom {{ ref('base') }}\n{% if is_incremental() %}where customer not in (select customer from {{ this }}){% endif %}\ngroup by customer\n",
    ),
    ("macros/rate.sql", "{% macro rate() %}{{ 1 / 0 }}{% endmacro %}\n"),
];

#[test]
fn rows_are_given_in_each_form() {
    let project = project(MODELS);
    project.replace("macros/rate.sql", "1 / 0", "2");
    project.write("tests/fixtures/three_orders.csv", "id,customer,amount\n1,7,1.50\n2,7,2.50\n3,8,\n");
    project.write(
        "models/totals.yml",
        "unit_tests:
  - name: as_mappings
    model: totals
    description: The sum of each customer.
    given:
      - input: ref('base')
        rows: [{ customer: 7, amount: 1 }, { customer: 7, amount: 2.5 }]
    expect: { rows: [{ customer: 7, total: 3.5 }] }
    config: { tags: [fast] }
  - name: as_csv
    model: totals
    given:
      - input: ref('base')
        format: csv
        rows: |
          customer,amount
          7,1
          8,2
    expect:
      format: csv
      rows: |
        customer,total
        7,1
        8,2
  - name: as_sql
    model: totals
    given: [{ input: ref('base'), format: sql, rows: \"select 1 as id, 7L as customer, cast(4 as decimal(4,2)) as amount\" }]
    expect: { format: sql, rows: \"select 7L as customer, 4 as total, 'EUR' as currency, 'none' as region, 2 as rate\" }
  - name: from_a_file
    model: totals
    given: [{ input: ref('base'), format: csv, fixture: three_orders }]
    expect: { rows: [{ customer: 7, total: 4 }, { customer: 8, total: null }] }
  - name: a_later_run
    model: totals
    overrides: { macros: { is_incremental: true } }
    given:
      - { input: ref('base'), rows: [{ customer: 7, amount: 1 }, { customer: 8, amount: 1 }] }
      - { input: this, rows: [{ customer: 7 }] }
    expect: { rows: [{ customer: 8 }] }
",
    );
    tell(
        "unit_tests_in_each_form",
        &project,
        &[&["test", "-s", "test_type:unit"], &["ls", "-s", "tag:fast"], &["compile", "-s", "as_csv"]],
    );
    project.replace(
        "models/totals.yml",
        "[{ customer: 7, total: 3.5 }]",
        "[{ customer: 7, total: 3 }, { customer: 9, total: 1 }]",
    );
    tell("a_unit_test_that_fails", &project, &[&["test", "-s", "test_type:unit"]]);
}

#[test]
fn what_templates_are_told() {
    let project = project(MODELS);
    project.write(
        "models/totals.yml",
        "unit_tests:
  - name: told_otherwise
    model: totals
    overrides:
      vars: { currency: NOK }
      env_vars: { REGION: north }
      macros: { shop.rate: 3 }
    given: [{ input: ref('base'), rows: [{ customer: 7, amount: 1 }] }]
    expect: { rows: [{ customer: 7, total: 1, currency: NOK, region: north, rate: 3 }] }
",
    );
    project.write(".env", "REGION=south\n");
    project.replace("macros/rate.sql", "1 / 0", "2");
    tell(
        "unit_tests_that_tell_templates_otherwise",
        &project,
        &[&["test", "-s", "test_type:unit", "--vars", "{currency: SEK}"], &["compile", "-s", "told_otherwise"]],
    );
    project.replace("models/totals.yml", "shop.rate: 3", "shop.rat: 3");
    tell("a_unit_test_that_overrides_nothing", &project, &[&["check"]]);
}
