//! Tests of data: generic ones with arguments, singular ones, and what their settings do.

use super::{keep, project, session, tell};

#[test]
fn generic_tests_of_the_users_own() {
    let project = project(&[
        (
            "tests/generic/positive.sql",
            "{% test positive(model, column_name, at_least=0, but=none) %}\nselect {{ column_name }} from {{ model }} where {{ column_name }} < {{ at_least }}{% if but %} and not ({{ but }}){% endif %}\n{% endtest %}\n",
        ),
        (
            "macros/tests.sql",
            "{% test as_many_as(model, other) %}\nselect 1 as x from (select count(*) as n from {{ model }}) a join (select count(*) as n from {{ other }}) b on a.n <> b.n\n{% endtest %}\n{% macro threshold() %}6{% endmacro %}\n",
        ),
        ("models/m.sql", "select id, customer, status, amount from {{ ref('orders') }}\n"),
        (
            "models/m.yml",
            "models:
  - name: m
    data_tests:
      - as_many_as: { arguments: { other: ref('orders') } }
      - as_many_as: { name: as_many_as_half, arguments: { other: \"(select * from {{ ref('orders') }} where id < 2)\" } }
    columns:
      - name: amount
        data_tests:
          - positive
          - positive: { arguments: { at_least: 10 }, config: { severity: warn } }
          - positive:
              arguments:
                at_least: '{{ threshold() }}'
                but: status = '{{ var(\"allowed\", \"new\") }}'
      - name: customer
        data_tests:
          - relationships: { arguments: { to: ref('orders'), field: customer } }
          - accepted_values: { arguments: { values: [7, 8], quote: false } }
",
        ),
    ]);
    tell(
        "generic_tests_of_the_users_own",
        &project,
        &[&["build"], &["compile", "-s", "m,test_name:positive"], &["ls", "-s", "test_name:positive"]],
    );
}

#[test]
fn settings_of_tests() {
    let project = project(&[
        ("models/m.sql", "select id, customer, status, amount from {{ ref('orders') }}\n"),
        (
            "models/m.yml",
            "models:
  - name: m
    columns:
      - name: customer
        data_tests:
          - unique: { config: { severity: warn } }
          - unique: { name: unique_among_the_paid, config: { where: \"status = 'paid'\" } }
          - unique: { name: unique_but_for_one, config: { error_if: '> 1', warn_if: '> 0' } }
          - unique: { name: unique_counted_by_rows, config: { fail_calc: sum(n), error_if: '> 2', warn_if: '> 2' } }
          - not_null: { config: { enabled: false } }
      - name: status
        data_tests:
          - accepted_values:
              name: only_paid
              arguments: { values: [paid] }
              config: { store_failures: true, limit: 1, tags: [strict] }
          - accepted_values:
              name: only_new
              arguments: { values: [new] }
              config: { store_failures_as: table, schema: failures, alias: not_new }
",
        ),
        (
            "tests/no_dear_orders.sql",
            "{{ config(severity='warn', tags=['strict']) }}\nselect * from {{ ref('m') }} where amount > 15\n",
        ),
        ("tests/tests.yml", "data_tests:\n  - name: no_dear_orders\n    description: Nothing costs more than 15.\n"),
    ]);
    let mut told = session(&project, &[&["build"]]);
    told += &session(
        &project,
        &[
            &["query", "select * from main_dbt_test__audit.only_paid"],
            &["query", "select * from main_failures.not_new"],
            &["ls", "-s", "tag:strict"],
            &["test", "-s", "no_dear_orders"],
        ],
    );
    keep("settings_of_tests", &project, &told);
}

#[test]
fn failing_rows_are_kept_in_no_view() {
    let project = project(&[
        ("models/m.sql", "select id, customer from {{ ref('orders') }}\n"),
        (
            "models/m.yml",
            "models:
  - name: m
    columns:
      - name: customer
        data_tests:
          - not_null: { config: { store_failures_as: view } }
",
        ),
    ]);
    tell("failing_rows_are_kept_in_no_view", &project, &[&["check"], &["build", "-s", "+m"]]);
}
