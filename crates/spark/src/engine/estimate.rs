//! How much a stage reads, before it does: from the sizes of the tables that are there, and of the files that wait.
//!
//! A table that is not there yet is taken to be as large as the largest of what it is made from, as a join of facts with
//! their dimensions is. That is too much for most, which is the safe side: more partitions, and Spark sooner than later.

use std::collections::{BTreeMap, BTreeSet};

use headwater_lake::{Lake, Relation};
use headwater_plan::{Diagnostic, Node, Plan, Step, TableName};

use crate::launch::Sizes;

/// A node that is to run.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// It.
    pub node: &'a Node,
    /// For an ingest: the bytes of the files that wait.
    pub pending_bytes: u64,
}

/// What the nodes read of a lake, each after those that it needs.
pub async fn measure(
    plan: &Plan,
    reading: &[Reading<'_>],
    lake: &Lake,
    memory_limit: u64,
) -> Result<Sizes, Diagnostic> {
    let mut there = BTreeMap::new();
    for name in tables(plan, reading.iter().map(|reading| reading.node)) {
        if let Some(Relation::Table(table)) = lake.relation(&name).await.map_err(|error| error.diagnostic())? {
            there.insert(name, table.bytes());
        }
    }
    Ok(sizes(plan, reading.iter().copied(), &there, memory_limit))
}

/// The tables whose sizes are wanted: all that is read, straight or through the project's views, and all that is made.
fn tables<'a>(plan: &'a Plan, nodes: impl Iterator<Item = &'a Node>) -> BTreeSet<TableName> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&TableName> = Vec::new();
    for node in nodes {
        open.extend(node.step.reads().iter().chain(&node.relation));
    }
    while let Some(name) = open.pop() {
        if found.insert(name.clone())
            && let Some(Step::View(view)) = plan.maker(name).map(|node| &node.step)
        {
            open.extend(&view.reads);
        }
    }
    found
}

/// What the nodes read, each after those that it needs. `there` has the sizes of the tables that are there.
fn sizes<'a>(
    plan: &Plan,
    nodes: impl Iterator<Item = Reading<'a>>,
    there: &BTreeMap<TableName, u64>,
    memory_limit: u64,
) -> Sizes {
    let mut known = there.clone();
    let mut sizes = Sizes { memory_limit, ..Sizes::default() };
    for Reading { node, pending_bytes } in nodes {
        let read = match &node.step {
            // It is written down, and reads nothing.
            Step::View(_) | Step::Ephemeral(_) => 0,
            step => pending_bytes + size_of(plan, step.reads(), &known),
        };
        sizes.total = sizes.total.saturating_add(read);
        sizes.largest = sizes.largest.max(read);
        if let (Some(relation), false) = (&node.relation, matches!(node.step, Step::View(_) | Step::Ephemeral(_))) {
            let largest = node.step.reads().iter().map(|name| size_of(plan, std::slice::from_ref(name), &known)).max();
            let made = largest.unwrap_or_default().max(pending_bytes);
            let there = known.entry(relation.clone()).or_default();
            *there = (*there).max(made);
        }
    }
    sizes
}

/// The bytes of tables, those behind views included, each once.
fn size_of(plan: &Plan, reads: &[TableName], known: &BTreeMap<TableName, u64>) -> u64 {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&TableName> = reads.iter().collect();
    let mut size: u64 = 0;
    while let Some(name) = open.pop() {
        if !seen.insert(name) {
            continue;
        }
        match plan.maker(name).map(|node| &node.step) {
            Some(Step::View(view)) => open.extend(&view.reads),
            _ => size = size.saturating_add(known.get(name).copied().unwrap_or_default()),
        }
    }
    size
}
