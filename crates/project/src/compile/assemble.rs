//! The plan: items and tests as nodes, each after all that it depends on, with their fingerprints.

use std::collections::{HashMap, HashSet};

use headwater_plan::{Diagnostic, Diagnostics, Ingest, Node, NodeId, NodeKind, Query, Schema, Step, TableName, Test};
use indexmap::IndexMap;

use super::checks::Check;
use super::fingerprint::fingerprint;
use super::item::{Body, Index, Item};
use super::settings::Materialized;

/// The nodes of a project without errors. A test stands after the last of what it reads.
pub(super) fn nodes(
    items: &[Item<'_>],
    order: &[Index],
    checks: Vec<Check>,
    diagnostics: &mut Diagnostics,
) -> IndexMap<NodeId, Node> {
    let of_items = order.iter().flat_map(|index| &items[*index].reads);
    let read: HashSet<Index> = of_items.chain(checks.iter().flat_map(|check| &check.reads)).copied().collect();
    // What is set aside is there to be read, and nothing to do where nobody does.
    let is_idle = |index: &Index| matches!(items[*index].body, Body::Quarantine) && !read.contains(index);
    let order: Vec<Index> = order.iter().copied().filter(|index| !is_idle(index)).collect();
    let position: HashMap<Index, usize> =
        order.iter().enumerate().map(|(position, index)| (*index, position)).collect();
    let mut after: Vec<Vec<Check>> = order.iter().map(|_| Vec::new()).collect();
    let mut free = Vec::new();
    for check in checks {
        match check.reads.iter().filter_map(|read| position.get(read)).max() {
            Some(last) => after[*last].push(check),
            None => free.push(check),
        }
    }
    let mut views = Views::default();
    let mut nodes = IndexMap::with_capacity(order.len() * 2);
    let mut add = |node: Result<Node, serde_json::Error>| match node {
        Ok(node) => {
            nodes.insert(node.id.clone(), node);
        }
        Err(error) => diagnostics.push(Diagnostic::internal("cannot hash a step").caused_by(&error)),
    };
    for (index, checks) in order.iter().zip(after) {
        add(item_node(items, *index, &mut views));
        for check in checks {
            add(check_node(items, check, &views));
        }
    }
    for check in free {
        add(check_node(items, check, &views));
    }
    nodes
}

/// The fingerprints of the views so far.
#[derive(Default)]
struct Views(HashMap<TableName, String>);

impl Views {
    fn of(&self, reads: &[TableName]) -> Vec<&str> {
        reads.iter().filter_map(|read| self.0.get(read)).map(String::as_str).collect()
    }
}

fn item_node(items: &[Item<'_>], index: Index, views: &mut Views) -> Result<Node, serde_json::Error> {
    let item = &items[index];
    let (step, content) = match &item.body {
        Body::Ingest(ingest) => (Step::Ingest(Ingest::clone(ingest)), None),
        Body::External | Body::Quarantine => (Step::External, None),
        Body::Seed(body) => (Step::Seed(body.seed.clone()), Some(body.content.as_str())),
        Body::Model(model) => {
            let sql = model.rendered.as_ref().map(|rendered| rendered.text.trim().to_string()).unwrap_or_default();
            let query = Query { sql, reads: model.query_reads.clone() };
            match model.settings.materialized {
                Materialized::Table => (Step::Table(query), None),
                Materialized::View => (Step::View(query), None),
            }
        }
    };
    let fingerprint = fingerprint(&step, Some(&item.relation), content, &views.of(step.reads()))?;
    if item.is_view() {
        views.0.insert(item.relation.clone(), fingerprint.clone());
    }
    Ok(Node {
        id: item.id.clone(),
        name: item.name.clone(),
        kind: item.kind,
        location: item.location.clone(),
        relation: Some(item.relation.clone()),
        depends_on: ids(items, &item.reads),
        tags: item.tags.clone(),
        description: item.description.map(str::to_string),
        schema: item.schema.clone().unwrap_or_default(),
        step,
        fingerprint,
    })
}

fn check_node(items: &[Item<'_>], check: Check, views: &Views) -> Result<Node, serde_json::Error> {
    let views = views.of(&check.query_reads);
    let step = Step::Test(Test {
        query: Query { sql: check.sql, reads: check.query_reads.clone() },
        severity: check.severity,
        tested: check.tested.map(|tested| items[tested].id.clone()),
        column: check.column,
    });
    Ok(Node {
        id: check.id,
        name: check.name,
        kind: NodeKind::Test,
        location: check.location,
        relation: None,
        depends_on: ids(items, &check.reads),
        tags: check.tags,
        description: None,
        schema: Schema::default(),
        fingerprint: fingerprint(&step, None, None, &views)?,
        step,
    })
}

fn ids(items: &[Item<'_>], reads: &[Index]) -> Vec<NodeId> {
    reads.iter().map(|read| items[*read].id.clone()).collect()
}
