//! Column lineage for programs: JSON and OpenLineage's events.

use serde_json::Value;

use super::{keep, project};
use crate::project::Project;

fn chain() -> Project {
    project(&[
        ("models/base.sql", "select id, customer, amount * 2 as twice from {{ ref('orders') }}\n"),
        (
            "models/top.sql",
            "{{ config(materialized='table') }}\nselect customer, sum(twice) as total from {{ ref('base') }} where id > 1 group by customer\n",
        ),
    ])
}

#[test]
fn lineage_as_json() {
    let project = chain();
    let json: Value = serde_json::from_str(&project.output(&["lineage", "--format", "json"])).unwrap();
    let trace = ["lineage", "--column", "top.total", "--format", "json"];
    let trace: Value = serde_json::from_str(&project.output(&trace)).unwrap();
    let told = format!(
        "{}\n{}\n",
        serde_json::to_string_pretty(&json).unwrap(),
        serde_json::to_string_pretty(&trace).unwrap()
    );
    keep("lineage_as_json", &project, &told);
}

#[test]
fn openlineage_events() {
    let project = chain();
    project.output(&["build", "--openlineage", "events.ndjson"]);
    let events = std::fs::read_to_string(project.path("events.ndjson")).unwrap();
    let mut told = String::new();
    for line in events.lines() {
        let mut event: Value = serde_json::from_str(line).unwrap();
        if event["job"]["name"] != "model.shop.top" {
            continue;
        }
        settle(&mut event);
        told += &format!("{}\n", serde_json::to_string_pretty(&event).unwrap());
    }
    keep("openlineage_events", &project, &told);
}

/// Takes out what differs from run to run.
fn settle(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match key.as_str() {
                    "eventTime" | "runId" | "size" | "datasetVersion" => *value = Value::from("…"),
                    _ => settle(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(settle),
        _ => {}
    }
}
