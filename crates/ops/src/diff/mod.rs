//! `diff`: what changed in the project since a revision of git, and which columns downstream that touches.
//!
//! Both states are compiled; nothing is run. What a changed query makes otherwise is told column by column where the two
//! queries differ in their select lists alone; where they differ in more, all of its columns count, and its rows.
//!
//! | module | owns |
//! |---|---|
//! | `base` | the project as it was at the revision |
//! | `select_list` | which columns of two queries differ |

use std::collections::{BTreeMap, BTreeSet};

use headwater_plan::{Diagnostics, Node, NodeId, Plan, TableName};
use serde::Serialize;
use serde_json::Value;

use crate::Context;
use crate::artefacts::compiled;
use crate::project::compile;

mod base;
mod select_list;

use select_list::Differs;

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiffReport {
    /// The revision, as the user named it.
    pub base: String,
    /// Its commit.
    pub commit: String,
    /// The nodes that changed, in the plan's order, those that are gone first.
    pub nodes: Vec<NodeDiff>,
    /// What did not change itself and is touched.
    pub touched: Vec<Touched>,
    /// The exposures that read what changed or is touched.
    pub exposures: Vec<String>,
    /// What the user should know.
    pub warnings: Diagnostics,
}

/// A node that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeDiff {
    /// The node.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// The table or view that it makes.
    pub relation: Option<TableName>,
    /// How.
    pub change: Change,
    /// What of it changed: `sql`, `settings`, `step`, `columns`.
    pub parts: Vec<&'static str>,
    /// The columns that changed.
    pub columns: Vec<ColumnDiff>,
    /// Whether other rows may be there.
    pub rows: bool,
}

/// How a thing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another.
    Modified,
}

/// A column that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnDiff {
    /// Its name.
    pub name: String,
    /// How.
    pub change: Change,
    /// Its type before.
    pub from: Option<String>,
    /// Its type now.
    pub to: Option<String>,
}

/// A node that did not change and is touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Touched {
    /// The node.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// The table or view that it makes; none for a test.
    pub relation: Option<TableName>,
    /// The columns that are made of what changed.
    pub columns: Vec<String>,
    /// Whether other rows may be there.
    pub rows: bool,
}

/// Compares the project with what it was.
///
/// # Errors
/// Mistakes in the project or in what it was, a revision that is not there, no git.
pub async fn diff(context: &Context, revision: &str) -> Result<DiffReport, Diagnostics> {
    let now = compile(context).await?;
    let base = base::at(context, &now.request, revision).await?;
    let nodes = changed(&base.plan, &now.plan);
    let (touched, exposures) = touched(&now.plan, &nodes);
    Ok(DiffReport { base: revision.to_owned(), commit: base.commit, nodes, touched, exposures, warnings: now.warnings })
}

fn changed(before: &Plan, now: &Plan) -> Vec<NodeDiff> {
    let gone = before.nodes.values().filter(|node| !now.nodes.contains_key(&node.id));
    let mut nodes: Vec<NodeDiff> = gone.map(|node| whole(node, Change::Removed)).collect();
    for node in now.nodes.values() {
        match before.nodes.get(&node.id) {
            None => nodes.push(whole(node, Change::Added)),
            Some(old) => nodes.extend(modified(old, node)),
        }
    }
    nodes
}

fn whole(node: &Node, change: Change) -> NodeDiff {
    let columns = node.schema.fields.iter().map(|field| {
        let data_type = Some(field.data_type.to_string());
        let (from, to) = if change == Change::Added { (None, data_type) } else { (data_type, None) };
        ColumnDiff { name: field.name.clone(), change, from, to }
    });
    NodeDiff {
        id: node.id.clone(),
        name: node.name.clone(),
        relation: node.relation.clone(),
        change,
        parts: Vec::new(),
        columns: columns.collect(),
        rows: true,
    }
}

fn modified(old: &Node, node: &Node) -> Option<NodeDiff> {
    if node.step.is_test() {
        return modified_test(old, node);
    }
    let sql = |node: &Node| compiled(node).unwrap_or_default().trim().to_owned();
    let (old_sql, new_sql) = (sql(old), sql(node));
    let mut columns = columns(old, node);
    let mut parts = Vec::new();
    let mut rows = false;
    if old_sql != new_sql {
        parts.push("sql");
        match select_list::compare(&old_sql, &new_sql) {
            Differs::Nowhere => {}
            Differs::In(names) => made_otherwise(node, &mut columns, |name| names.contains(&name.to_lowercase())),
            Differs::Everywhere => {
                made_otherwise(node, &mut columns, |_| true);
                rows = true;
            }
        }
    } else if step(old) != step(node) {
        parts.push("step");
        made_otherwise(node, &mut columns, |_| true);
        rows = true;
    }
    if old.about.config != node.about.config || old.relation != node.relation {
        parts.push("settings");
    }
    if !columns.is_empty() {
        parts.push("columns");
    }
    (!parts.is_empty()).then(|| NodeDiff {
        id: node.id.clone(),
        name: node.name.clone(),
        relation: node.relation.clone(),
        change: Change::Modified,
        parts,
        columns,
        rows,
    })
}

/// A test is what its user wrote: what it looks at changes with what it tests, and that is told there.
fn modified_test(old: &Node, node: &Node) -> Option<NodeDiff> {
    let mut parts = Vec::new();
    if old.about.checksum != node.about.checksum || old.about.raw_code != node.about.raw_code {
        parts.push("sql");
    }
    if old.about.config != node.about.config {
        parts.push("settings");
    }
    let diff = NodeDiff { parts, rows: false, columns: Vec::new(), ..whole(node, Change::Modified) };
    (!diff.parts.is_empty()).then_some(diff)
}

/// The columns that came, went or have another type.
fn columns(old: &Node, node: &Node) -> Vec<ColumnDiff> {
    let types = |node: &Node| -> BTreeMap<String, (String, String)> {
        let fields = node.schema.fields.iter();
        fields.map(|field| (field.name.to_lowercase(), (field.name.clone(), field.data_type.to_string()))).collect()
    };
    let (before, now) = (types(old), types(node));
    let mut columns = Vec::new();
    for field in &node.schema.fields {
        let to = field.data_type.to_string();
        match before.get(&field.name.to_lowercase()) {
            None => {
                columns.push(ColumnDiff { name: field.name.clone(), change: Change::Added, from: None, to: Some(to) })
            }
            Some((_, from)) if *from != to => columns.push(ColumnDiff {
                name: field.name.clone(),
                change: Change::Modified,
                from: Some(from.clone()),
                to: Some(to),
            }),
            Some(_) => {}
        }
    }
    let gone = before.iter().filter(|(key, _)| !now.contains_key(*key));
    columns.extend(gone.map(|(_, (name, from))| ColumnDiff {
        name: name.clone(),
        change: Change::Removed,
        from: Some(from.clone()),
        to: None,
    }));
    columns
}

/// Adds the columns that are there as before and made otherwise.
fn made_otherwise(node: &Node, columns: &mut Vec<ColumnDiff>, is_meant: impl Fn(&str) -> bool) {
    for field in node.schema.fields.iter().filter(|field| is_meant(&field.name)) {
        if !columns.iter().any(|column| column.name == field.name) {
            let name = field.name.clone();
            columns.push(ColumnDiff { name, change: Change::Modified, from: None, to: None });
        }
    }
}

/// A step without the places where it is written, which move with every line above them.
fn step(node: &Node) -> Value {
    let mut step = serde_json::to_value(&node.step).unwrap_or_default();
    without_places(&mut step);
    step
}

fn without_places(value: &mut Value) {
    match value {
        Value::Object(map) => {
            // Absolute paths are those of the two folders; what is written stands beside them.
            for key in ["location", "file", "pattern"] {
                map.remove(key);
            }
            map.values_mut().for_each(without_places);
        }
        Value::Array(items) => items.iter_mut().for_each(without_places),
        _ => {}
    }
}

/// What is made of what changed, along the columns.
fn touched(plan: &Plan, changed: &[NodeDiff]) -> (Vec<Touched>, Vec<String>) {
    let by_id: BTreeMap<&NodeId, &NodeDiff> = changed.iter().map(|diff| (&diff.id, diff)).collect();
    let mut columns: BTreeSet<(TableName, String)> = BTreeSet::new();
    let mut rows: BTreeSet<TableName> = BTreeSet::new();
    let mut reached: BTreeSet<&NodeId> = by_id.keys().copied().collect();
    let mut touched = Vec::new();
    for node in plan.nodes.values() {
        let inputs = node.step.reads();
        let other_rows = inputs.iter().any(|name| rows.contains(name))
            || node
                .about
                .lineage
                .rows
                .iter()
                .any(|input| columns.contains(&(input.relation.clone(), input.column.to_lowercase())));
        let own = by_id.get(&node.id);
        let mut names: Vec<String> = Vec::new();
        for column in &node.about.lineage.columns {
            let is_touched = |input: &headwater_plan::ColumnInput| {
                columns.contains(&(input.relation.clone(), input.column.to_lowercase()))
            };
            if other_rows || column.inputs.iter().any(is_touched) {
                names.push(column.name.clone());
            }
        }
        if let Some(relation) = &node.relation {
            let of_own = own.into_iter().flat_map(|diff| &diff.columns).map(|column| &column.name);
            columns.extend(of_own.chain(&names).map(|name| (relation.clone(), name.to_lowercase())));
            if other_rows || own.is_some_and(|diff| diff.rows) {
                rows.insert(relation.clone());
            }
        }
        let tests_it = node.step.is_test() && node.depends_on.iter().any(|id| reached.contains(id));
        if own.is_none() && (other_rows || !names.is_empty() || tests_it) {
            reached.insert(&node.id);
            touched.push(Touched {
                id: node.id.clone(),
                name: node.name.clone(),
                relation: node.relation.clone(),
                columns: names,
                rows: other_rows,
            });
        }
    }
    let reads =
        plan.beside.exposures.iter().filter(|exposure| exposure.depends_on.iter().any(|id| reached.contains(id)));
    (touched, reads.map(|exposure| exposure.name.clone()).collect())
}
