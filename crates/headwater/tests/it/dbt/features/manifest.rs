//! dbt's artefacts, whole.

use serde_json::Value;

use super::{keep, project};

#[test]
fn the_manifest_of_a_small_project() {
    let project = project(&[
        ("models/m.sql", "{{ config(materialized='table', group='sales', access='private') }}\nselect id, amount from {{ source('crm', 'people') }} where {{ is_dear() }}\n"),
        ("models/off.sql", "{{ config(enabled=false) }}\nselect 1 as x\n"),
        ("macros/dear.sql", "{% macro is_dear() %}amount > 1{% endmacro %}\n"),
        (
            "models/all.yml",
            "groups: [{ name: sales, owner: { name: Ada, email: ada@example.com } }]
sources:
  - name: crm
    tables: [{ name: people, columns: [{ name: id, data_type: int }, { name: amount, data_type: double }] }]
models:
  - name: m
    description: People who spend.
    columns: [{ name: id, description: Their number., data_tests: [unique, { accepted_values: { arguments: { values: [1, 2] } } }] }]
unit_tests:
  - name: spends
    model: m
    given:
      - input: source('crm', 'people')
        rows: [{ id: 1, amount: 2 }]
    expect: { rows: [{ id: 1 }] }
exposures:
  - { name: page, type: dashboard, owner: { name: Ada, email: a@b.c }, depends_on: [ref('m')] }
",
        ),
    ]);
    project.output(&["compile"]);
    let text = std::fs::read_to_string(project.path("target/manifest.json")).unwrap();
    let mut manifest: Value = serde_json::from_str(&text).unwrap();
    settle(&mut manifest);
    keep("the_manifest_of_a_small_project", &project, &serde_json::to_string_pretty(&manifest).unwrap());
}

/// Takes out what differs from run to run.
fn settle(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match key.as_str() {
                    "created_at" | "generated_at" | "invocation_id" | "invocation_started_at" | "run_started_at" => {
                        *value = Value::from("…");
                    }
                    _ => settle(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(settle),
        _ => {}
    }
}
