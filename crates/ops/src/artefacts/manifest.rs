//! `manifest.json`: the whole project, as dbt's tools read it.

use std::collections::BTreeMap;

use headwater_plan::{NodeKind, Plan};
use serde_json::{Map, Value, json};

use super::node::{below_first, node, original_path, source, unit_test};
use super::{Writer, instant};

/// The file.
pub(crate) const MANIFEST: &str = "manifest.json";

/// The manifest of a plan.
pub(crate) fn manifest(plan: &Plan, writer: &Writer<'_>) -> Value {
    let mut sections = Sections::default();
    for it in plan.nodes.values() {
        let (section, value) = match it.kind {
            NodeKind::Source => (&mut sections.sources, source(it, plan)),
            NodeKind::UnitTest => (&mut sections.unit_tests, unit_test(it, plan)),
            _ => (&mut sections.nodes, node(it, plan)),
        };
        section.insert(it.id.0.clone(), value);
    }
    let created = created_at(writer);
    for section in [&mut sections.nodes, &mut sections.sources, &mut sections.unit_tests] {
        for value in section.values_mut().filter_map(Value::as_object_mut) {
            value.insert("created_at".to_owned(), json!(created));
        }
    }
    let (parents, children) = maps(plan);
    json!({
        "metadata": metadata(plan, writer),
        "nodes": sections.nodes,
        "sources": sections.sources,
        "macros": macros(plan, created),
        "docs": docs(plan),
        "exposures": exposures(plan, created),
        "metrics": {},
        "groups": groups(plan),
        "selectors": {},
        "disabled": {},
        "parent_map": parents,
        "child_map": children,
        "group_map": group_map(plan),
        "saved_queries": {},
        "semantic_models": {},
        "unit_tests": sections.unit_tests,
    })
}

#[derive(Default)]
struct Sections {
    nodes: Map<String, Value>,
    sources: Map<String, Value>,
    unit_tests: Map<String, Value>,
}

/// Seconds since 1970.
fn created_at(writer: &Writer<'_>) -> f64 {
    writer.now.timestamp_micros() as f64 / 1e6
}

fn metadata(plan: &Plan, writer: &Writer<'_>) -> Value {
    let mut metadata = writer.metadata("manifest/v12");
    if let Value::Object(map) = &mut metadata {
        let more = [
            ("project_name", json!(plan.project)),
            ("project_id", Value::Null),
            ("user_id", Value::Null),
            ("send_anonymous_usage_stats", json!(false)),
            ("adapter_type", json!("spark")),
            ("quoting", json!({ "database": false, "schema": false, "identifier": false, "column": null })),
            ("run_started_at", json!(instant(writer.invocation.started_at))),
        ];
        map.extend(more.map(|(key, value)| (key.to_owned(), value)));
    }
    metadata
}

fn macros(plan: &Plan, created: f64) -> Value {
    let macros = plan.beside.macros.iter().map(|it| {
        let file = original_path(&it.file);
        let value = json!({
            "name": it.name, "resource_type": "macro", "package_name": it.package, "path": file,
            "original_file_path": file, "unique_id": it.id, "macro_sql": it.text, "depends_on": { "macros": [] },
            "description": it.description, "meta": {}, "config": { "meta": {}, "docs": { "show": true, "node_color": null } },
            "docs": { "show": true, "node_color": null }, "patch_path": null, "arguments": [], "created_at": created,
            "supported_languages": null,
        });
        (it.id.clone(), value)
    });
    Value::Object(macros.collect())
}

fn docs(plan: &Plan) -> Value {
    let docs = plan.beside.docs.iter().map(|it| {
        let file = original_path(&it.file);
        let id = format!("doc.{}.{}", it.package, it.name);
        let value = json!({
            "name": it.name, "resource_type": "doc", "package_name": it.package, "path": below_first(&file),
            "original_file_path": file, "unique_id": id, "block_contents": it.text,
        });
        (id, value)
    });
    Value::Object(docs.collect())
}

fn exposures(plan: &Plan, created: f64) -> Value {
    let exposures = plan.beside.exposures.iter().map(|it| {
        let file = original_path(&it.location.file);
        let mut owner = it.owner.clone();
        owner.entry("name").or_insert(Value::Null);
        owner.entry("email").or_insert(Value::Null);
        let parents = || it.depends_on.iter().filter_map(|id| plan.nodes.get(id));
        let refs: Vec<Value> = parents()
            .filter(|parent| parent.kind != NodeKind::Source)
            .map(|parent| json!({ "name": parent.name, "package": null, "version": null }))
            .collect();
        let sources: Vec<Value> = parents()
            .filter(|parent| parent.kind == NodeKind::Source)
            .filter_map(|parent| parent.name.split_once('.'))
            .map(|(source, table)| json!([source, table]))
            .collect();
        let value = json!({
            "name": it.name, "resource_type": "exposure", "package_name": it.package, "path": below_first(&file),
            "original_file_path": file, "unique_id": it.id, "fqn": it.fqn, "type": it.kind, "owner": owner,
            "description": it.description.clone().unwrap_or_default(), "label": it.label, "maturity": it.maturity,
            "meta": it.meta, "tags": it.tags, "config": { "enabled": true, "tags": it.tags, "meta": it.meta },
            "unrendered_config": {}, "url": it.url, "depends_on": { "macros": [], "nodes": it.depends_on },
            "refs": refs, "sources": sources, "metrics": [], "created_at": created,
        });
        (it.id.0.clone(), value)
    });
    Value::Object(exposures.collect())
}

fn groups(plan: &Plan) -> Value {
    let groups = plan.beside.groups.iter().map(|it| {
        let file = original_path(&it.file);
        let id = format!("group.{}.{}", it.package, it.name);
        let mut owner = it.owner.clone();
        owner.entry("name").or_insert(Value::Null);
        owner.entry("email").or_insert(Value::Null);
        let value = json!({
            "name": it.name, "resource_type": "group", "package_name": it.package, "path": below_first(&file),
            "original_file_path": file, "unique_id": id, "owner": owner,
        });
        (id, value)
    });
    Value::Object(groups.collect())
}

fn group_map(plan: &Plan) -> Value {
    let mut map: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in plan.nodes.values() {
        if let Some(group) = node.about.config.get("group").and_then(Value::as_str) {
            map.entry(group).or_default().push(&node.id.0);
        }
    }
    json!(map)
}

/// Who reads whom, both ways; every node has an entry.
fn maps(plan: &Plan) -> (Value, Value) {
    let mut parents: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut children: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let nodes = plan.nodes.values().map(|node| (&node.id, &node.depends_on));
    for (id, depends_on) in nodes.chain(plan.beside.exposures.iter().map(|it| (&it.id, &it.depends_on))) {
        parents.entry(&id.0).or_default().extend(depends_on.iter().map(|parent| parent.0.as_str()));
        children.entry(&id.0).or_default();
        for parent in depends_on {
            children.entry(&parent.0).or_default().push(&id.0);
        }
    }
    (json!(parents), json!(children))
}
