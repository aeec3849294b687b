//! `lineage`: which columns a column is made of, and which are made of it.

use std::collections::{BTreeMap, BTreeSet};

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{
    Code, ColumnInput, Diagnostic, Diagnostics, InputKind, Lineage, NodeId, NodeKind, Plan, TableName,
};
use serde::Serialize;
use serde_json::Value;

use crate::Context;
use crate::choice::Choice;
use crate::selection::chosen;

/// Where the columns of the selected nodes come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineageReport {
    /// The project's name.
    pub project: String,
    /// The nodes that make a table or view, in the plan's order.
    pub nodes: Vec<NodeLineage>,
    /// What the user should know.
    pub warnings: Diagnostics,
}

/// Where a node's columns come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeLineage {
    /// The node.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: NodeKind,
    /// The table or view that it makes.
    pub relation: TableName,
    /// Its columns, and what decides which rows there are.
    #[serde(flatten)]
    pub lineage: Lineage,
}

/// What a column is made of, or what is made of it, through the whole project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// The table or view.
    pub relation: TableName,
    /// Its column.
    pub column: String,
    /// Whether `steps` lead to what is made of it, and not to what it is made of.
    pub downstream: bool,
    /// The columns that are reached, each once, by the least number of steps.
    pub steps: Vec<TraceStep>,
}

/// A column that is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TraceStep {
    /// How many steps away, from 1.
    pub depth: usize,
    /// The table or view.
    pub relation: TableName,
    /// Its column.
    pub column: String,
    /// How the nearer one uses it, or it uses the nearer one.
    pub kind: InputKind,
    /// The nearer one: `gold.revenue.amount`.
    pub via: String,
}

/// The lineage of the selected nodes.
///
/// # Errors
/// Mistakes in the project or in the selection.
pub async fn lineage(context: &Context, choice: &Choice) -> Result<LineageReport, Diagnostics> {
    let (project, selected) = chosen(context, choice, "lineage").await?;
    let nodes = project.plan.nodes.values().filter(|node| selected.contains(&node.id));
    let nodes = nodes.filter(|node| !node.about.lineage.columns.is_empty());
    let nodes = nodes.filter_map(|node| {
        Some(NodeLineage {
            id: node.id.clone(),
            name: node.name.clone(),
            kind: node.kind,
            relation: node.relation.clone()?,
            lineage: node.about.lineage.clone(),
        })
    });
    Ok(LineageReport { project: project.plan.project.clone(), nodes: nodes.collect(), warnings: project.warnings })
}

/// The lineage of the whole project as OpenLineage's job events.
///
/// # Errors
/// Mistakes in the project.
pub async fn openlineage(context: &Context) -> Result<Vec<Value>, Diagnostics> {
    let project = crate::project::compile(context).await?;
    Ok(crate::openlineage::jobs(&project.plan, context.clock.now()))
}

/// Follows a column, written `table.column` or `schema.table.column`, through the project.
///
/// # Errors
/// Mistakes in the project, or a column that it does not have.
pub async fn trace(context: &Context, asked: &str, downstream: bool) -> Result<Trace, Diagnostics> {
    let (project, _) = chosen(context, &Choice::default(), "lineage").await?;
    let (relation, column) = find(&project.plan, asked)?;
    Ok(follow(&project.plan, relation, column, downstream))
}

/// The column that is meant.
fn find(plan: &Plan, asked: &str) -> Result<(TableName, String), Diagnostic> {
    let unknown = |message: String, help: String| Err(Diagnostic::error(Code::UnknownColumn, message).help(help));
    let Some((table, column)) = asked.rsplit_once('.') else {
        return unknown(
            format!("`{asked}` is not a column: expected `table.column`"),
            "for example `headwater lineage --column revenue.amount`".into(),
        );
    };
    let lower = table.to_lowercase();
    let node = plan.nodes.values().find(|node| {
        let is_relation = |name: &TableName| name.to_string() == lower || name.name == lower;
        node.relation.as_ref().is_some_and(is_relation) || node.name == table
    });
    let Some((node, relation)) = node.and_then(|node| Some((node, node.relation.clone()?))) else {
        let names: Vec<String> =
            plan.nodes.values().filter_map(|node| Some(node.relation.as_ref()?.to_string())).collect();
        let help = match did_you_mean(&lower, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`headwater list` lists the nodes".into(),
        };
        return unknown(format!("the project makes no table or view `{table}`"), help);
    };
    match node.schema.names().find(|name| name.eq_ignore_ascii_case(column)) {
        Some(name) => Ok((relation, name.to_owned())),
        None => {
            let help = match did_you_mean(column, node.schema.names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it has `{}`", node.schema.names().collect::<Vec<_>>().join("`, `")),
            };
            unknown(format!("`{relation}` has no column `{column}`"), help)
        }
    }
}

/// The edges of the columns' graph, by a column in lower case: the other columns, and how they are used.
pub(crate) type Edges = BTreeMap<(TableName, String), Vec<ColumnInput>>;

/// All edges of the columns, towards what they are made of or away from it.
pub(crate) fn edges(plan: &Plan, downstream: bool) -> Edges {
    let mut edges: Edges = BTreeMap::new();
    for node in plan.nodes.values() {
        let Some(relation) = &node.relation else { continue };
        for column in &node.about.lineage.columns {
            for input in &column.inputs {
                let (here, there) = (
                    (relation.clone(), column.name.to_lowercase()),
                    (input.relation.clone(), input.column.to_lowercase()),
                );
                let (from, to) = if downstream { (there, here) } else { (here, there) };
                edges.entry(from).or_default().push(ColumnInput { relation: to.0, column: to.1, kind: input.kind });
            }
        }
    }
    edges
}

fn follow(plan: &Plan, relation: TableName, column: String, downstream: bool) -> Trace {
    let edges = edges(plan, downstream);
    let start = (relation.clone(), column.to_lowercase());
    let mut seen = BTreeSet::from([start.clone()]);
    let mut front = vec![start];
    let (mut steps, mut depth) = (Vec::new(), 0);
    while !front.is_empty() {
        depth += 1;
        let mut next = Vec::new();
        for from in &front {
            for input in edges.get(from).into_iter().flatten() {
                let to = (input.relation.clone(), input.column.clone());
                if seen.insert(to.clone()) {
                    steps.push(TraceStep {
                        depth,
                        relation: input.relation.clone(),
                        column: written(plan, &to),
                        kind: input.kind,
                        via: format!("{}.{}", from.0, written(plan, from)),
                    });
                    next.push(to);
                }
            }
        }
        front = next;
    }
    Trace { relation, column, downstream, steps }
}

/// A column in the spelling of its own table.
fn written(plan: &Plan, (relation, column): &(TableName, String)) -> String {
    let names = plan.maker(relation).into_iter().flat_map(|node| node.schema.names());
    let found = names.into_iter().find(|name| name.eq_ignore_ascii_case(column)).map(str::to_owned);
    found.unwrap_or_else(|| column.clone())
}
