//! Every table and view that takes part in a stage: what is read, what the views among it read, and what is written.

use std::collections::BTreeSet;

use headwater_plan::{Ingest, Step, TableName};

use super::Lowering;
use crate::bundle::{Column, Quarantine, Relation, ViewQuery};

pub(super) fn all(lowering: &Lowering<'_>) -> Vec<Relation> {
    let mut found = BTreeSet::new();
    let mut open: Vec<TableName> = Vec::new();
    for entry in &lowering.stage.nodes {
        let node = entry.node;
        open.extend(node.relation.clone());
        open.extend(node.step.reads().iter().cloned());
        for statement in node.hooks.before.iter().chain(&node.hooks.after) {
            open.extend(statement.reads.iter().chain(&statement.writes).cloned());
        }
        match &node.step {
            Step::Ingest(ingest) => open.extend([ingest.target.clone(), ingest.quarantine.clone()]),
            Step::Test(test) => open.extend(test.store_failures.clone()),
            Step::Statement(statement) => open.extend(statement.writes.clone()),
            _ => {}
        }
    }
    while let Some(name) = open.pop() {
        if let Some(view) = lowering.stage.views.get(&name) {
            open.extend(view.reads.iter().filter(|read| !found.contains(*read)).cloned());
        }
        if let Some(of) = quarantined(&name) {
            open.extend(Some(of).filter(|of| !found.contains(of)));
        }
        found.insert(name);
    }
    found.into_iter().map(|name| relation(lowering, name)).collect()
}

fn relation(lowering: &Lowering<'_>, name: TableName) -> Relation {
    let view = lowering.stage.views.get(&name).map(|view| ViewQuery {
        sql: view.sql.clone(),
        reads: view.reads.clone(),
        fingerprint: view.built.fingerprint.clone(),
    });
    Relation {
        location: lowering.location(&name),
        view_file: format!("{}/_headwater/views/{}/{}.json", lowering.lake(), name.schema, name.name),
        view,
        empty: quarantined(&name).map(|of| Quarantine { of, columns: Column::all(&Ingest::quarantine_schema()) }),
        name,
    }
}

/// The table whose quarantine one of that name would be.
fn quarantined(name: &TableName) -> Option<TableName> {
    let of = name.name.strip_suffix("_quarantine").filter(|of| !of.is_empty())?;
    Some(TableName::new(&name.schema, of))
}
