//! The `config` of a node: dbt's defaults of its kind under what the user set.

use headwater_plan::{Node, Severity, Step};
use serde_json::{Map, Value, json};

/// The resolved settings in dbt's form.
pub(super) fn config(node: &Node) -> Value {
    let mut config = defaults(node);
    for (key, value) in &node.about.config {
        let (key, value) = match key.as_str() {
            "pre_hook" | "pre-hook" => ("pre-hook", hooks(value)),
            "post_hook" | "post-hook" => ("post-hook", hooks(value)),
            "tags" => ("tags", json!(node.tags)),
            "contract" => ("contract", contract(value)),
            "severity" => ("severity", value.as_str().map_or_else(|| value.clone(), |word| json!(word.to_uppercase()))),
            // dbt has a number or nothing; `full_refresh: null` is nothing too.
            other => (other, value.clone()),
        };
        config.insert(key.to_owned(), value);
    }
    Value::Object(config)
}

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn defaults(node: &Node) -> Map<String, Value> {
    let mut config = map(match &node.step {
        Step::Ingest(_) | Step::External => json!({ "enabled": true }),
        Step::UnitTest(_) => json!({ "tags": [], "meta": {}, "enabled": true }),
        Step::Test(test) => json!({
            "enabled": true, "alias": null, "schema": "dbt_test__audit", "database": null, "tags": [], "meta": {},
            "group": null, "materialized": "test", "store_failures": null, "store_failures_as": null, "where": null,
            "severity": if test.severity == Severity::Error { "ERROR" } else { "WARN" },
            "limit": null, "fail_calc": "count(*)", "warn_if": "!= 0", "error_if": "!= 0",
        }),
        _ => json!({
            "enabled": true, "alias": null, "schema": null, "database": null, "tags": [], "meta": {}, "group": null,
            "materialized": materialized(node), "incremental_strategy": null, "batch_size": null, "lookback": 1,
            "begin": null, "persist_docs": {}, "post-hook": [], "pre-hook": [], "quoting": {}, "column_types": {},
            "full_refresh": null, "unique_key": null, "on_schema_change": "ignore",
            "on_configuration_change": "apply", "grants": {}, "packages": [],
            "docs": { "show": true, "node_color": null }, "contract": { "enforced": false, "alias_types": true },
            "event_time": null, "concurrent_batches": null,
        }),
    });
    match &node.step {
        Step::Seed(_) => {
            config.insert("delimiter".into(), json!(","));
            config.insert("quote_columns".into(), Value::Null);
        }
        Step::Snapshot(_) => {
            for key in ["strategy", "target_schema", "target_database", "updated_at", "check_cols"] {
                config.insert(key.into(), Value::Null);
            }
        }
        _ => {}
    }
    if !matches!(node.step, Step::Ingest(_) | Step::External) {
        config.insert("tags".into(), json!(node.tags));
    }
    config
}

/// dbt's word for how a node is kept.
pub(super) fn materialized(node: &Node) -> &str {
    match &node.step {
        Step::Late(late) => &late.becomes,
        step => step.word(),
    }
}

fn hooks(value: &Value) -> Value {
    let hook = |sql: &str| json!({ "sql": sql, "transaction": true, "index": null });
    match value {
        Value::String(sql) => json!([hook(sql)]),
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::String(sql) => hook(sql),
                other => hook(other.get("sql").and_then(Value::as_str).unwrap_or_default()),
            })
            .collect(),
        Value::Object(_) => json!([hook(value.get("sql").and_then(Value::as_str).unwrap_or_default())]),
        _ => json!([]),
    }
}

/// Whether a contract is enforced, however the setting is written.
pub(super) fn contract(value: &Value) -> Value {
    let enforced = value.as_bool().or_else(|| value.get("enforced").and_then(Value::as_bool)).unwrap_or(false);
    json!({ "enforced": enforced, "alias_types": true })
}
