//! A node of the plan as the manifest has it.

use std::path::{Component, Path};

use headwater_plan::{DataType, Node, NodeKind, Plan, Step};
use serde_json::{Map, Value, json};

use super::config::{config, contract};

/// What is said of every kind of thing.
pub(super) fn common(node: &Node, plan: &Plan) -> Map<String, Value> {
    let (schema, alias) = match &node.relation {
        Some(relation) => (relation.schema.clone(), relation.name.clone()),
        None => ("dbt_test__audit".to_owned(), node.name.clone()),
    };
    let package = package(node, plan);
    let file = original_path(&node.location.file);
    let mut fqn = node.about.fqn.clone();
    if fqn.is_empty() {
        fqn = vec![package.clone(), node.name.clone()];
    }
    let value = json!({
        "database": null,
        "schema": schema,
        "name": node.name,
        "resource_type": node.kind.word(),
        "package_name": package,
        "path": below_first(&file),
        "original_file_path": file,
        "unique_id": node.id,
        "fqn": fqn,
        "alias": alias,
        "description": node.description.clone().unwrap_or_default(),
        "columns": columns(node),
        "meta": node.about.config.get("meta").cloned().unwrap_or_else(|| json!({})),
        "patch_path": node.about.patch.as_ref().map(|path| format!("{package}://{}", original_path(path))),
        "unrendered_config": node.about.config,
        "relation_name": node.relation.as_ref().map(|relation| relation.quoted()),
        "tags": node.tags,
        "created_at": 0.0,
        "config": config(node),
        "doc_blocks": [],
    });
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A model, seed, snapshot, test or operation: an entry of `nodes`.
pub(super) fn node(node: &Node, plan: &Plan) -> Value {
    let mut map = common(node, plan);
    let mut add = |key: &str, value: Value| {
        map.insert(key.to_owned(), value);
    };
    add("checksum", json!({ "name": "sha256", "checksum": node.about.checksum }));
    add("group", node.about.config.get("group").cloned().unwrap_or(Value::Null));
    let docs = json!({ "show": true, "node_color": null });
    add("docs", node.about.config.get("docs").filter(|docs| docs.is_object()).cloned().unwrap_or(docs));
    add("build_path", Value::Null);
    add("raw_code", json!(node.about.raw_code));
    if node.kind == NodeKind::Seed {
        add("root_path", Value::Null);
        add("depends_on", json!({ "macros": node.about.macros }));
        return Value::Object(map);
    }
    add("language", json!("sql"));
    let parents = || node.depends_on.iter().filter_map(|id| plan.nodes.get(id));
    let refs = parents().filter(|parent| parent.kind != NodeKind::Source);
    add(
        "refs",
        refs.map(|parent| {
            let foreign = parent.about.package != node.about.package && !parent.about.package.is_empty();
            json!({ "name": parent.name, "package": foreign.then_some(&parent.about.package), "version": null })
        })
        .collect(),
    );
    let sources = parents().filter(|parent| parent.kind == NodeKind::Source);
    add("sources", sources.filter_map(|parent| parent.name.split_once('.')).map(|(a, b)| json!([a, b])).collect());
    add("metrics", json!([]));
    add("depends_on", json!({ "macros": node.about.macros, "nodes": node.depends_on }));
    let compiled = compiled(node);
    add("compiled_path", json!(compiled.map(|_| compiled_path(node, plan))));
    add("compiled", json!(compiled.is_some()));
    add("compiled_code", json!(compiled));
    add("extra_ctes_injected", json!(true));
    add("extra_ctes", json!([]));
    add("contract", with_checksum(contract(node.about.config.get("contract").unwrap_or(&Value::Null))));
    match node.kind {
        NodeKind::Model => {
            let access = node.about.config.get("access").and_then(Value::as_str).unwrap_or("protected");
            add("access", json!(access));
            add("constraints", json!([]));
            add("version", Value::Null);
            add("latest_version", Value::Null);
            add("deprecation_date", Value::Null);
            add("primary_key", json!([]));
            add("time_spine", Value::Null);
        }
        NodeKind::Test => test(node, &mut map),
        NodeKind::Operation => {
            map.insert("index".to_owned(), Value::Null);
        }
        _ => {}
    }
    Value::Object(map)
}

fn with_checksum(mut contract: Value) -> Value {
    if let Value::Object(map) = &mut contract {
        map.insert("checksum".to_owned(), Value::Null);
    }
    contract
}

fn test(node: &Node, map: &mut Map<String, Value>) {
    let (tested, column) = match &node.step {
        Step::Test(test) => (test.tested.as_ref(), test.column.as_ref()),
        _ => (None, None),
    };
    if let Some(about) = &node.about.test {
        map.insert(
            "test_metadata".to_owned(),
            json!({ "name": about.name, "kwargs": about.arguments, "namespace": about.namespace }),
        );
        map.insert("column_name".to_owned(), json!(column));
        map.insert("file_key_name".to_owned(), json!(tested.map(|id| yaml_key(&id.0))));
        map.insert("path".to_owned(), json!(format!("{}.sql", node.name)));
        map.insert("attached_node".to_owned(), json!(tested));
    }
}

/// Under which key of YAML a node stands: `models.users`, `sources.crm`.
fn yaml_key(id: &str) -> String {
    let mut parts = id.split('.');
    let (kind, _package, name) = (parts.next(), parts.next(), parts.next());
    format!("{}s.{}", kind.unwrap_or_default(), name.unwrap_or_default())
}

/// A table of a source: an entry of `sources`.
pub(super) fn source(node: &Node, plan: &Plan) -> Value {
    let mut map = common(node, plan);
    let (source, table) = node.name.split_once('.').unwrap_or(("", &node.name));
    let identifier = node.relation.as_ref().map_or(table, |relation| &relation.name);
    map.remove("alias");
    let config = map.remove("config");
    let more = [
        ("name", json!(table)),
        ("source_name", json!(source)),
        ("source_description", json!("")),
        ("loader", json!(if matches!(node.step, Step::Ingest(_)) { "headwater" } else { "" })),
        ("identifier", json!(identifier)),
        ("quoting", json!({ "database": null, "schema": null, "identifier": null, "column": null })),
        ("loaded_at_field", Value::Null),
        ("loaded_at_query", Value::Null),
        ("freshness", Value::Null),
        ("external", Value::Null),
        ("source_meta", json!({})),
        ("config", config.unwrap_or_else(|| json!({ "enabled": true }))),
    ];
    map.extend(more.map(|(key, value)| (key.to_owned(), value)));
    Value::Object(map)
}

/// A unit test: an entry of `unit_tests`.
pub(super) fn unit_test(node: &Node, plan: &Plan) -> Value {
    let common = common(node, plan);
    let kept = ["name", "resource_type", "package_name", "path", "original_file_path", "unique_id", "fqn"];
    let mut map: Map<String, Value> =
        kept.iter().filter_map(|key| Some(((*key).to_owned(), common.get(*key)?.clone()))).collect();
    let tested = match &node.step {
        Step::UnitTest(test) => Some(&test.tested),
        _ => node.depends_on.first(),
    };
    let model = tested.and_then(|id| plan.nodes.get(id)).map(|node| node.name.clone()).unwrap_or_default();
    let more = [
        ("model", json!(model)),
        ("given", node.about.config.get("given").cloned().unwrap_or_else(|| json!([]))),
        (
            "expect",
            node.about
                .config
                .get("expect")
                .cloned()
                .unwrap_or_else(|| json!({ "rows": [], "format": "dict", "fixture": null })),
        ),
        ("description", json!(node.description.clone().unwrap_or_default())),
        ("overrides", node.about.config.get("overrides").cloned().unwrap_or(Value::Null)),
        ("depends_on", json!({ "macros": node.about.macros, "nodes": node.depends_on })),
        (
            "config",
            json!({
                "tags": node.tags, "enabled": true,
                "meta": node.about.config.get("meta").cloned().unwrap_or_else(|| json!({})),
            }),
        ),
        ("checksum", json!(node.about.checksum)),
        ("schema", json!(tested.and_then(|id| plan.nodes.get(id)?.relation.as_ref()).map(|it| it.schema.clone()))),
        ("created_at", json!(0.0)),
        ("versions", Value::Null),
        ("version", Value::Null),
    ];
    map.extend(more.map(|(key, value)| (key.to_owned(), value)));
    Value::Object(map)
}

/// Columns by their names: those that the user described, with the types that they have.
fn columns(node: &Node) -> Value {
    let typed = |name: &str| -> Option<&DataType> {
        node.schema.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| &field.data_type)
    };
    let columns = node.about.columns.iter().map(|column| {
        let data_type = column.data_type.as_ref().or_else(|| typed(&column.name)).map(ToString::to_string);
        let value = json!({
            "name": column.name, "description": column.description, "meta": column.meta, "data_type": data_type,
            "constraints": [], "quote": null, "config": { "meta": column.meta, "tags": column.tags },
            "tags": column.tags, "granularity": null, "doc_blocks": [],
        });
        (column.name.clone(), value)
    });
    Value::Object(columns.collect())
}

/// The package that a node belongs to.
pub(crate) fn package(node: &Node, plan: &Plan) -> String {
    if node.about.package.is_empty() { plan.project.clone() } else { node.about.package.clone() }
}

/// The SQL that a node comes to when it is built for the first time, or anew.
pub(crate) fn compiled_anew(node: &Node) -> Option<&str> {
    match &node.step {
        Step::Incremental(incremental) => Some(&incremental.full.sql),
        _ => compiled(node),
    }
}

/// The SQL that a node comes to, if it is SQL; of an incremental model that of a later run.
pub(crate) fn compiled(node: &Node) -> Option<&str> {
    Some(match &node.step {
        Step::Table(table) => &table.query.sql,
        Step::View(query) | Step::Ephemeral(query) => &query.sql,
        Step::Incremental(incremental) => &incremental.increment.sql,
        Step::Snapshot(snapshot) => &snapshot.query.sql,
        Step::Test(test) => &test.query.sql,
        Step::UnitTest(test) => &test.actual.sql,
        Step::Statement(statement) => &statement.sql,
        Step::Ingest(_) | Step::External | Step::Seed(_) | Step::Late(_) => return None,
    })
}

/// Where a node's compiled SQL is written, relative to the project: `target/compiled/<package>/models/…`.
pub(crate) fn compiled_path(node: &Node, plan: &Plan) -> String {
    let file = original_path(&node.location.file);
    let file = match Path::new(&file).extension().and_then(|end| end.to_str()) {
        // What YAML declares has its own file below that of the YAML, as in dbt.
        Some("yml" | "yaml") => format!("{file}/{}.sql", node.name),
        _ => file,
    };
    format!("{}/compiled/{}/{file}", super::TARGET, package(node, plan))
}

/// A package's own path of a file: without `dbt_packages/<package>/`.
pub(super) fn original_path(file: &Path) -> String {
    let parts: Vec<&str> = file
        .components()
        .filter_map(|part| match part {
            Component::Normal(part) => part.to_str(),
            _ => None,
        })
        .collect();
    match parts.as_slice() {
        ["dbt_packages" | "dbt_modules", _, rest @ ..] if !rest.is_empty() => rest.join("/"),
        parts => parts.join("/"),
    }
}

/// A path below the folder of its kind: `gold/users.sql` of `models/gold/users.sql`.
pub(super) fn below_first(path: &str) -> &str {
    path.split_once('/').map_or(path, |(_, below)| below)
}
