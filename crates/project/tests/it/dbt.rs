//! dbt's conventions, from files to a plan: each has a small project and what it compiles to.

#![expect(clippy::unwrap_used, reason = "a test fails loudly; clippy sees that only inside `#[test]`")]

use std::sync::Arc;

use headwater_plan::{Diagnostic, Schema, Step, TableName};
use headwater_project::world::{Answer, Outside, Rows};
use headwater_project::{Compiled, compile};
use headwater_sql::{RelationSource, Relations};
use serde_json::json;

use crate::compile::{Lake, compile_in, plan, project, request, show, tell, write};

/// A dbt project of these files.
fn shop(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &[("dbt_project.yml", "name: shop\nversion: '1.0'\nprofile: shop\n")]);
    write(dir.path(), &[("seeds/orders.csv", "id,customer,status,amount,ordered_at\n1,7,new,12.50,2024-01-02\n")]);
    write(dir.path(), files);
    dir
}

/// What one node of a plan is.
fn node(dir: &tempfile::TempDir, id: &str) -> String {
    let plan = plan(dir);
    let one = plan.nodes.into_iter().filter(|(known, _)| known.0 == id).collect();
    show(&headwater_plan::Plan { nodes: one, ..plan_without_nodes(dir) })
}

fn plan_without_nodes(dir: &tempfile::TempDir) -> headwater_plan::Plan {
    headwater_plan::Plan { nodes: Default::default(), ..plan(dir) }
}

fn wrong(dir: &tempfile::TempDir) -> String {
    tell(&compile_in(dir, &Lake::default()).diagnostics)
}

#[test]
fn an_ephemeral_model_is_written_into_what_reads_it() {
    let dir = shop(&[
        ("models/base.sql", "{{ config(materialized='ephemeral') }}\nselect id, amount from {{ ref('orders') }}"),
        (
            "models/twice.sql",
            "{{ config(materialized='ephemeral') }}\nselect id, amount * 2 as twice from {{ ref('base') }}",
        ),
        (
            "models/total.sql",
            "{{ config(materialized='table') }}\nwith t as (select * from {{ ref('twice') }})\nselect sum(twice) as total from t",
        ),
    ]);
    insta::assert_snapshot!(node(&dir, "model.shop.total"));
    let plan = plan(&dir);
    let total = &plan.nodes[&headwater_plan::NodeId("model.shop.total".into())];
    insta::assert_json_snapshot!(total.about.lineage.columns);
}

#[test]
fn an_incremental_model_has_two_queries() {
    let dir = shop(&[(
        "models/events.sql",
        "{{ config(materialized='incremental', unique_key='id', on_schema_change='append_new_columns') }}
select id, status, ordered_at from {{ ref('orders') }}
{% if is_incremental() %}
where ordered_at > (select max(ordered_at) from {{ this }})
{% endif %}",
    )]);
    insta::assert_snapshot!(node(&dir, "model.shop.events"));
}

#[test]
fn a_strategy_that_lacks_something_is_told() {
    let dir = shop(&[
        (
            "models/a.sql",
            "{{ config(materialized='incremental', incremental_strategy='delete+insert') }}\nselect id from {{ ref('orders') }}",
        ),
        (
            "models/b.sql",
            "{{ config(materialized='incremental', unique_key='idd') }}\nselect id from {{ ref('orders') }}",
        ),
        (
            "models/c.sql",
            "{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='ordered_at') }}
select id, ordered_at from {{ ref('orders') }}",
        ),
        ("models/d.sql", "{{ config(materialized='incremental', incremental_strategy='mrege') }}\nselect 1 as x"),
        ("models/e.sql", "{{ config(materialized='incrementl') }}\nselect 1 as x"),
    ]);
    insta::assert_snapshot!(wrong(&dir));
}

#[test]
fn a_snapshot_has_columns_of_its_own() {
    let dir = shop(&[(
        "snapshots/history.sql",
        "{% snapshot orders_history %}
{{ config(target_schema='history', unique_key='id', strategy='check', check_cols=['status'], hard_deletes='new_record') }}
select id, status from {{ ref('orders') }}
{% endsnapshot %}",
    )]);
    insta::assert_snapshot!(node(&dir, "snapshot.shop.orders_history"));
    let dir = shop(&[(
        "snapshots/s.yml",
        "snapshots:
  - name: by_time
    relation: ref('orders')
    config: { unique_key: id, strategy: timestamp, updated_at: ordered_at }
  - name: broken
    relation: ref('orders')
    config: { unique_key: id, strategy: timestmp }
",
    )]);
    insta::assert_snapshot!(wrong(&dir));
}

#[test]
fn settings_come_from_folder_yaml_and_sql() {
    let dir = shop(&[
        (
            "dbt_project.yml",
            "name: shop\nmodels:\n  shop:\n    +materialized: table\n    +tags: [all]\n    marts:\n      +schema: marts\n      +tags: [mart]\n",
        ),
        ("models/marts/daily.sql", "{{ config(tags='hot') }}\nselect 1 as x"),
        ("models/marts/loose.sql", "select 1 as x"),
        ("models/marts/marts.yml", "models: [{ name: loose, config: { materialized: view, alias: free } }]"),
    ]);
    insta::assert_snapshot!(show(&plan(&dir)));
}

#[test]
fn a_macro_of_the_user_names_schemas() {
    let dir = shop(&[
        (
            "macros/names.sql",
            "{% macro generate_schema_name(custom_schema_name, node) -%}
{%- if custom_schema_name is none -%}{{ target.schema }}_{{ node.resource_type }}{%- else -%}{{ custom_schema_name | trim }}{%- endif -%}
{%- endmacro %}",
        ),
        ("models/a.sql", "{{ config(schema='mart') }}\nselect 1 as x"),
        ("models/b.sql", "select x from {{ ref('a') }}"),
    ]);
    insta::assert_snapshot!(show(&plan(&dir)));
}

#[test]
fn generic_tests_are_macros() {
    let dir = shop(&[
        (
            "tests/generic/positive.sql",
            "{% test positive(model, column_name, at_least=0) %}
select * from {{ model }} where {{ column_name }} < {{ at_least }}
{% endtest %}",
        ),
        (
            "models/m.yml",
            "models:
  - name: m
    columns:
      - name: amount
        data_tests:
          - positive
          - positive: { arguments: { at_least: 5 }, config: { where: 'id > 0', severity: warn, warn_if: '> 3', limit: 10, store_failures: true } }
",
        ),
        ("models/m.sql", "select id, amount from {{ ref('orders') }}"),
    ]);
    insta::assert_snapshot!(show(&plan(&dir)));
    write(
        dir.path(),
        &[("models/m.yml", "models: [{ name: m, columns: [{ name: id, tests: [positve, dbt_utils.x] }] }]")],
    );
    insta::assert_snapshot!(wrong(&dir));
}

#[test]
fn a_unit_test_needs_no_table() {
    let dir = shop(&[
        ("models/m.sql", "select customer, sum(amount) as total from {{ ref('orders') }} group by customer"),
        (
            "models/m.yml",
            "unit_tests:
  - name: adds_up
    model: m
    given:
      - input: ref('orders')
        rows:
          - { customer: 1, amount: 2.50 }
          - { customer: 1, amount: 1 }
    expect:
      rows: [{ customer: 1, total: 3.50 }]
",
        ),
    ]);
    insta::assert_snapshot!(node(&dir, "unit_test.shop.m.adds_up"));
    write(
        dir.path(),
        &[(
            "models/m.yml",
            "unit_tests:
  - { name: none_given, model: m, given: [], expect: { rows: [] } }
  - { name: no_such_column, model: m, given: [{ input: ref('orders'), rows: [{ amont: 1 }] }], expect: { rows: [] } }
  - { name: no_such_model, model: mm, given: [], expect: { rows: [] } }
",
        )],
    );
    insta::assert_snapshot!(wrong(&dir));
}

#[test]
fn hooks_are_statements() {
    let dir = shop(&[
        ("dbt_project.yml", "name: shop\non-run-end: \"insert into {{ ref('log') }} select 'done'\"\n"),
        ("models/log.sql", "{{ config(materialized='table') }}\nselect 'begin' as what"),
        (
            "models/m.sql",
            "{{ config(materialized='table', post_hook=\"delete from {{ this }} where id < 0\") }}\nselect id from {{ ref('orders') }}",
        ),
    ]);
    let plan = plan(&dir);
    let hooks: Vec<_> = plan.nodes.values().filter(|node| node.name == "m").map(|node| node.hooks.clone()).collect();
    insta::assert_json_snapshot!(hooks);
    insta::assert_snapshot!(node(&dir, "operation.shop.shop-on-run-end-0"));
    write(
        dir.path(),
        &[(
            "models/m.sql",
            "{{ config(materialized='table', post_hook='delete from {{ this }} where idd < 0', pre_hook='drop table x') }}\nselect id from {{ ref('orders') }}",
        )],
    );
    insta::assert_snapshot!(wrong(&dir));
}

#[test]
fn an_enforced_contract_is_exact() {
    let dir = shop(&[
        ("models/m.sql", "select id, status, amount from {{ ref('orders') }}"),
        (
            "models/m.yml",
            "models:
  - name: m
    config: { contract: { enforced: true } }
    columns:
      - { name: id, data_type: int }
      - { name: status }
      - { name: gone, data_type: string }
",
        ),
    ]);
    insta::assert_snapshot!(wrong(&dir));
}

/// A lake that answers what it is asked.
struct Answers(Option<Rows>);

impl Relations for Answers {
    fn relation(&self, _: &TableName) -> Option<RelationSource> {
        None
    }

    fn names(&self) -> Vec<TableName> {
        Vec::new()
    }
}

impl Outside for Answers {
    fn rows(&self, _: &str) -> Result<Answer, Diagnostic> {
        Ok(self.0.clone().map_or_else(|| Answer::Later(vec![TableName::new("main", "orders")]), Answer::Rows))
    }
}

fn compiled_with(dir: &tempfile::TempDir, rows: Option<Rows>) -> Compiled {
    let outside: Arc<dyn Outside> = Arc::new(Answers(rows));
    compile(&request(dir.path()), &outside)
}

#[test]
fn a_template_that_asks_for_rows_waits_for_them() {
    let dir = shop(&[
        (
            "models/pivot.sql",
            "{% set found = run_query('select distinct status from ' ~ ref('orders')) %}
select id {% if execute %}{% for row in found %}, status = '{{ row[0] }}' as is_{{ row[0] }}{% endfor %}{% endif %} from {{ ref('orders') }}",
        ),
        ("models/above.sql", "select * from {{ ref('pivot') }}"),
        ("models/beside.sql", "select 1 as x"),
    ]);
    let compiled = compiled_with(&dir, None);
    assert_eq!(tell(&compiled.diagnostics), "");
    insta::assert_snapshot!(show(&compiled.plan.unwrap()));

    let schema = Schema::new(vec![headwater_plan::Field::new("status", headwater_plan::DataType::String)]);
    let rows = Rows { schema, rows: vec![vec![json!("new")], vec![json!("paid")]], reads: Vec::new() };
    let plan = compiled_with(&dir, Some(rows)).plan.unwrap();
    let pivot = plan.nodes.values().find(|node| node.name == "pivot").unwrap();
    assert_eq!(pivot.asks, [TableName::new("main", "orders")]);
    let Step::View(query) = &pivot.step else { panic!("{:?}", pivot.step) };
    insta::assert_snapshot!(query.sql);
    assert_eq!(pivot.schema.names().collect::<Vec<_>>(), ["id", "is_new", "is_paid"]);
}

#[test]
fn a_name_in_a_circle_or_a_package_that_is_not_there_is_told() {
    let dir = shop(&[
        ("models/a.sql", "select * from {{ ref('b') }}"),
        ("models/b.sql", "select * from {{ ref('a') }}"),
        ("models/c.sql", "select * from {{ ref('shopp', 'a') }}"),
        ("models/d.sql", "select * from {{ ref('a', v=2) }}"),
        ("models/e.sql", "{{ dbt_utils.star(ref('orders')) }}"),
    ]);
    insta::assert_snapshot!(wrong(&dir));
}

#[test]
fn a_project_without_a_file_of_dbts_keeps_its_own_rules() {
    let dir = project(&[
        ("models/gold/daily.sql", "{{ config(materialized='incremental', unique_key='x') }}select 1 as x"),
        (
            "snapshots/s.sql",
            "{% snapshot s %}{{ config(unique_key='x', strategy='check', check_cols='all') }}select 1 as x{% endsnapshot %}",
        ),
    ]);
    insta::assert_snapshot!(show(&plan(&dir)));
}
