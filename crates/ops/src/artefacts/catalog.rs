//! `catalog.json`: the tables and views that the lake has of the project's nodes, with their columns and sizes.

use std::collections::BTreeMap;

use headwater_lake::{Relation, RelationSummary};
use headwater_plan::{Node, NodeKind, Plan, Schema, TableName};
use serde_json::{Map, Value, json};

use super::Writer;

/// The file.
pub(crate) const CATALOG: &str = "catalog.json";

/// What the lake has of one relation.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    /// Its columns.
    pub(crate) schema: Schema,
    /// Whether it is a table and no view.
    pub(crate) is_table: bool,
    /// Its rows, if its files tell.
    pub(crate) rows: Option<u64>,
    /// Its size, as stored; 0 for a view.
    pub(crate) bytes: u64,
}

impl From<&Relation> for Held {
    fn from(relation: &Relation) -> Self {
        match relation {
            Relation::Table(table) => {
                Self { schema: table.schema().clone(), is_table: true, rows: table.rows(), bytes: table.bytes() }
            }
            Relation::View(view) => Self { schema: view.schema.clone(), is_table: false, rows: None, bytes: 0 },
        }
    }
}

/// The relations of a plan that the lake lists.
pub(crate) fn made<'a>(plan: &'a Plan, listed: &'a [RelationSummary]) -> impl Iterator<Item = &'a TableName> {
    let names = plan.nodes.values().filter_map(|node| node.relation.as_ref());
    names.filter(|name| listed.iter().any(|summary| summary.name == **name))
}

/// The catalog.
pub(crate) fn catalog(plan: &Plan, held: &BTreeMap<TableName, Held>, writer: &Writer<'_>) -> Value {
    let (mut nodes, mut sources) = (Map::new(), Map::new());
    for node in plan.nodes.values() {
        let Some((relation, held)) = node.relation.as_ref().and_then(|name| Some((name, held.get(name)?))) else {
            continue;
        };
        let section = if node.kind == NodeKind::Source { &mut sources } else { &mut nodes };
        section.insert(node.id.0.clone(), entry(node, relation, held));
    }
    json!({ "metadata": writer.metadata("catalog/v1"), "nodes": nodes, "sources": sources, "errors": null })
}

fn entry(node: &Node, relation: &TableName, held: &Held) -> Value {
    let described = |name: &str| {
        let column = node.about.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        column.map(|column| column.description.as_str()).filter(|text| !text.is_empty())
    };
    let columns = held.schema.fields.iter().enumerate().map(|(index, field)| {
        let value = json!({
            "type": field.data_type.to_string(), "index": index + 1, "name": field.name,
            "comment": described(&field.name),
        });
        (field.name.clone(), value)
    });
    json!({
        "metadata": {
            "type": if held.is_table { "table" } else { "view" },
            "schema": relation.schema, "name": relation.name, "database": null,
            "comment": node.description, "owner": null,
        },
        "columns": columns.collect::<Map<_, _>>(),
        "stats": stats(held),
        "unique_id": node.id,
    })
}

fn stats(held: &Held) -> Value {
    let stat = |id: &str, label: &str, value: Value, description: &str| {
        let include = !value.is_null();
        (
            id.to_owned(),
            json!({ "id": id, "label": label, "value": value, "include": include, "description": description }),
        )
    };
    let has_stats = held.is_table;
    let mut stats = Map::from_iter([stat(
        "has_stats",
        "Has Stats?",
        json!(has_stats),
        "Indicates whether there are statistics for this table",
    )]);
    if has_stats {
        stats.extend([
            stat("num_rows", "Row count", json!(held.rows), "The rows of the table"),
            stat("num_bytes", "Size", json!(held.bytes), "The bytes of the table, as stored"),
        ]);
    }
    if let Some(Value::Object(has)) = stats.get_mut("has_stats") {
        has.insert("include".to_owned(), json!(false));
    }
    Value::Object(stats)
}
