//! What people, templates and other tools want to know of a node.

use headwater_plan::{About, ColumnAbout, NodeKind};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::fingerprint::hex;
use super::item::{Body, Item, Kept};
use super::settings::Materialized;
use crate::config::ColumnDecl;

/// dbt's `model` variable, and its entry in `graph`.
pub(super) fn model_json(item: &Item<'_>) -> Value {
    let (path, raw) = match &item.body {
        Body::Model(model) => (model.path.display().to_string(), model.text.as_ref()),
        _ => (item.location.file.display().to_string(), ""),
    };
    json!({
        "name": item.name,
        "resource_type": item.kind.word(),
        "package_name": item.package,
        "unique_id": item.id.0,
        "fqn": item.fqn,
        "alias": item.relation.name,
        "schema": item.relation.schema,
        "database": Value::Null,
        "original_file_path": path,
        "path": path,
        "raw_code": raw,
        "language": "sql",
        "tags": item.settings.tags,
        "description": item.description.as_deref().unwrap_or_default(),
        "config": config(item),
        "meta": item.layers.get("meta").cloned().unwrap_or_else(|| json!({})),
        "columns": columns(item.columns),
    })
}

/// An entry of dbt's `graph`: what `model` has, and what templates that look over a whole project ask for.
pub(super) fn graph_json(item: &Item<'_>) -> Value {
    let mut entry = model_json(item);
    let more = [
        ("relation_name", json!(item.relation.quoted())),
        ("patch_path", json!(item.patch.map(|path| format!("{}://{}", item.package, path.display())))),
        ("access", item.layers.get("access").cloned().unwrap_or_else(|| json!("protected"))),
        ("group", item.layers.get("group").cloned().unwrap_or(Value::Null)),
        ("contract", json!({ "enforced": item.settings.contract })),
        ("constraints", json!([])),
        ("version", Value::Null),
        ("latest_version", Value::Null),
    ];
    more.into_iter().for_each(|(key, value)| entry[key] = value);
    if let Some(config) = entry["config"].as_object_mut() {
        for (key, value) in
            [("meta", json!({})), ("docs", json!({ "show": true })), ("on_schema_change", json!("ignore"))]
        {
            config.entry(key).or_insert(value);
        }
        for key in ["alias", "schema", "database", "group", "unique_key", "incremental_strategy", "full_refresh"] {
            config.entry(key).or_insert(Value::Null);
        }
    }
    let of_source = [
        ("source_description", json!("")),
        ("loader", json!("")),
        ("source_meta", json!({})),
        ("loaded_at_field", Value::Null),
        ("loaded_at_query", Value::Null),
        ("freshness", Value::Null),
        ("external", Value::Null),
    ];
    if let (NodeKind::Source, Some((source, table))) = (item.kind, item.name.split_once('.')) {
        of_source.into_iter().for_each(|(key, value)| entry[key] = value);
        entry["source_name"] = json!(source);
        entry["name"] = json!(table);
        entry["identifier"] = json!(item.relation.name);
    }
    entry
}

fn columns(columns: &[ColumnDecl]) -> Value {
    let columns = columns.iter().map(|column| {
        let about = json!({
            "name": column.name,
            "description": column.description.as_deref().unwrap_or_default(),
            "data_type": column.data_type.as_ref().map(ToString::to_string),
            "meta": column.meta,
            "tags": column.tags,
            "constraints": [],
            "quote": Value::Null,
        });
        (column.name.clone(), about)
    });
    Value::Object(columns.collect())
}

/// The resolved settings, with those that dbt always tells.
pub(super) fn config(item: &Item<'_>) -> Map<String, Value> {
    let mut config = item.layers.values().clone();
    config.insert("enabled".into(), Value::from(item.enabled));
    config.insert("materialized".into(), Value::from(materialized(item)));
    config.insert("tags".into(), json!(item.settings.tags));
    config
}

/// dbt's word for how a node is kept.
pub(super) fn materialized(item: &Item<'_>) -> &'static str {
    match (item.body.kept(), item.kind) {
        (Kept::Seed, _) => "seed",
        (Kept::Model, NodeKind::Snapshot) => "snapshot",
        (Kept::Model, _) => match item.settings.materialized {
            Materialized::Table => "table",
            Materialized::View => "view",
            Materialized::Ephemeral => "ephemeral",
            Materialized::Incremental => "incremental",
            Materialized::Snapshot => "snapshot",
        },
        _ => "table",
    }
}

/// What goes with the node into the plan.
pub(super) fn about(item: &Item<'_>, expand: &dyn Fn(&str) -> String) -> About {
    let raw_code = match &item.body {
        Body::Model(model) => model.text.trim_start_matches(['\n', ' ']).to_owned(),
        _ => String::new(),
    };
    let hashed = match &item.body {
        Body::Seed(seed) => seed.content.clone(),
        _ => hex(&Sha256::digest(raw_code.as_bytes())),
    };
    About {
        package: item.package.to_owned(),
        fqn: item.fqn.clone(),
        checksum: hashed,
        raw_code,
        config: config(item),
        columns: item.columns.iter().map(|column| column_about(column, expand)).collect(),
        macros: item.macros.iter().cloned().collect(),
        patch: item.patch.map(std::path::Path::to_path_buf),
        lineage: item.lineage.clone(),
        test: None,
    }
}

fn column_about(column: &ColumnDecl, expand: &dyn Fn(&str) -> String) -> ColumnAbout {
    ColumnAbout {
        name: column.name.clone(),
        description: column.description.as_deref().map(expand).unwrap_or_default(),
        data_type: column.data_type.clone(),
        meta: column.meta.clone(),
        tags: column.tags.clone(),
    }
}
