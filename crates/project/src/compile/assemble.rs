//! The plan: items and tests as nodes, each after all that it depends on, with their fingerprints.

use std::collections::{HashMap, HashSet};

use headwater_plan::{
    About, Diagnostic, Diagnostics, Hooks, Incremental, Ingest, Late, Node, NodeId, NodeKind, Query, Schema, Step,
    Strategy, Table, TableLayout, TableName,
};
use indexmap::IndexMap;

use super::about::{about, materialized};
use super::checks::Check;
use super::fingerprint::{Printed, fingerprint};
use super::hooks::Operation;
use super::incremental::snapshot;
use super::item::{Body, Index, Item, Kept, ModelBody};
use super::parse;
use super::settings::{Materialized, Wrong};
use super::typing::Typing;

/// Puts nodes together.
pub(super) struct Assembly<'a> {
    pub(super) items: &'a [Item<'a>],
    pub(super) order: &'a [Index],
    pub(super) typing: &'a Typing<'a>,
    /// Expands the Jinja of descriptions.
    pub(super) expand: &'a dyn Fn(&str, &str) -> String,
    /// The spans that the user asks microbatches for.
    pub(super) asked: Option<(chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>)>,
}

impl Assembly<'_> {
    /// The nodes of a project. A unit test stands before the model that it tests, another test after the last of what
    /// it reads.
    pub(super) fn nodes(
        &self,
        checks: Vec<Check>,
        (start, end): (Vec<Operation>, Vec<Operation>),
        diagnostics: &mut Diagnostics,
    ) -> IndexMap<NodeId, Node> {
        let items = self.items;
        let of_items = self.order.iter().flat_map(|index| &items[*index].reads);
        let read: HashSet<Index> = of_items.chain(checks.iter().flat_map(|check| &check.reads)).copied().collect();
        // What is set aside is there to be read, and nothing to do where nobody does.
        let is_idle = |index: &Index| items[*index].body.kept() == Kept::Quarantine && !read.contains(index);
        let order: Vec<Index> = self.order.iter().copied().filter(|index| !is_idle(index)).collect();
        let position: HashMap<Index, usize> =
            order.iter().enumerate().map(|(position, index)| (*index, position)).collect();
        let mut before: Vec<Vec<Check>> = order.iter().map(|_| Vec::new()).collect();
        let mut after: Vec<Vec<Check>> = order.iter().map(|_| Vec::new()).collect();
        let mut free = Vec::new();
        for check in checks {
            match check.reads.iter().filter_map(|read| position.get(read)).max() {
                Some(last) if check.kind == NodeKind::UnitTest => before[*last].push(check),
                Some(last) => after[*last].push(check),
                None => free.push(check),
            }
        }
        let mut views = Views::default();
        let mut nodes = IndexMap::with_capacity(order.len() * 2);
        let mut add = |node: Option<Node>| {
            if let Some(node) = node {
                nodes.insert(node.id.clone(), node);
            }
        };
        for operation in start {
            add(self.operation_node(operation, diagnostics));
        }
        for ((index, before), after) in order.iter().zip(before).zip(after) {
            for check in before {
                add(self.check_node(check, &views, diagnostics));
            }
            add(self.item_node(*index, &mut views, diagnostics));
            for check in after {
                add(self.check_node(check, &views, diagnostics));
            }
        }
        for check in free {
            add(self.check_node(check, &views, diagnostics));
        }
        for operation in end {
            add(self.operation_node(operation, diagnostics));
        }
        nodes
    }

    fn item_node(&self, index: Index, views: &mut Views, diagnostics: &mut Diagnostics) -> Option<Node> {
        let item = &self.items[index];
        let (step, content) = match &item.body {
            Body::Ingest(ingest) => (Step::Ingest(Ingest::clone(ingest)), None),
            Body::External | Body::Quarantine | Body::Kept(_) => (Step::External, None),
            Body::Seed(body) => (Step::Seed(body.seed.clone()), Some(body.content.as_str())),
            Body::Model(model) => match self.model_step(item, model) {
                Ok(step) => (step, None),
                Err(wrong) => {
                    diagnostics.extend(parse::placed(item, wrong, self.typing.templates, self.typing.facts));
                    return None;
                }
            },
        };
        let read = views.of(step.reads());
        let printed =
            Printed { step: &step, relation: Some(&item.relation), content, views: &read, hooks: &item.hooks };
        let fingerprint = self.hashed(printed, diagnostics)?;
        if item.is_view() {
            views.0.insert(item.relation.clone(), fingerprint.clone());
        }
        let expand = |text: &str| (self.expand)(item.package, text);
        Some(Node {
            id: item.id.clone(),
            name: item.name.clone(),
            kind: item.kind,
            location: item.location.clone(),
            relation: (!item.is_ephemeral()).then(|| item.relation.clone()),
            depends_on: self.ids(&item.reads),
            tags: item.settings.tags.clone(),
            description: item.description.as_deref().map(expand),
            schema: item.schema.clone().unwrap_or_default(),
            step,
            fingerprint,
            hooks: item.hooks.clone(),
            asks: item.asks.clone(),
            about: Box::new(about(item, &expand)),
        })
    }

    fn model_step(&self, item: &Item<'_>, model: &ModelBody<'_>) -> Result<Step, Vec<Wrong>> {
        let (Some(code), Some(schema)) = (&model.code, &item.schema) else {
            return Ok(Step::Late(Late {
                becomes: materialized(item).into(),
                waits_for: item.late.clone().unwrap_or_default(),
                schema: Schema::default(),
            }));
        };
        let layout = || TableLayout {
            partition_by: item.settings.partition_by.clone(),
            cluster_by: item.settings.cluster_by.clone(),
            ..TableLayout::default()
        };
        let query = code.full.clone();
        Ok(match item.settings.materialized {
            Materialized::Table => Step::Table(Table { query, layout: layout() }),
            Materialized::View => Step::View(query),
            Materialized::Ephemeral => Step::Ephemeral(query),
            Materialized::Snapshot => Step::Snapshot(snapshot(item, schema, query)?),
            Materialized::Incremental => {
                let mut strategy = code.strategy.clone().unwrap_or(Strategy::Append);
                if let Strategy::Microbatch(microbatch) = &mut strategy {
                    microbatch.asked = self.asked;
                }
                let increment = code.increment.clone().unwrap_or_else(|| query.clone());
                Step::Incremental(Incremental {
                    reads: self.reads(item, &query, &increment),
                    full: query,
                    increment,
                    strategy,
                    on_schema_change: item.settings.incremental.on_schema_change,
                    layout: layout(),
                    keep_on_full_refresh: item.settings.incremental.full_refresh == Some(false),
                })
            }
        })
    }

    /// What an incremental model reads, its own table left out.
    fn reads(&self, item: &Item<'_>, full: &Query, increment: &Query) -> Vec<TableName> {
        let mut reads: Vec<TableName> =
            full.reads.iter().chain(&increment.reads).filter(|read| **read != item.relation).cloned().collect();
        reads.sort();
        reads.dedup();
        reads
    }

    fn check_node(&self, check: Check, views: &Views, diagnostics: &mut Diagnostics) -> Option<Node> {
        let views = views.of(check.step.reads());
        let hooks = Hooks::default();
        let printed = Printed { step: &check.step, relation: None, content: None, views: &views, hooks: &hooks };
        let fingerprint = self.hashed(printed, diagnostics)?;
        let package = check.about.package.clone();
        Some(Node {
            id: check.id,
            name: check.name,
            kind: check.kind,
            location: check.location,
            relation: None,
            depends_on: self.ids(&check.reads),
            tags: check.tags,
            description: check.description.map(|text| (self.expand)(&package, &text)),
            schema: Schema::default(),
            fingerprint,
            step: check.step,
            hooks: Hooks::default(),
            asks: check.asks,
            about: Box::new(check.about),
        })
    }

    fn operation_node(&self, operation: Operation, diagnostics: &mut Diagnostics) -> Option<Node> {
        let step = Step::Statement(operation.statement);
        let hooks = Hooks::default();
        let printed = Printed { step: &step, relation: None, content: None, views: &[], hooks: &hooks };
        let fingerprint = self.hashed(printed, diagnostics)?;
        let package = self.typing.facts.project.clone();
        Some(Node {
            about: Box::new(About { fqn: vec![package.clone(), operation.name.clone()], package, ..About::default() }),
            id: operation.id,
            name: operation.name,
            kind: NodeKind::Operation,
            location: operation.location,
            relation: None,
            depends_on: Vec::new(),
            tags: vec![operation.when],
            description: None,
            schema: Schema::default(),
            step,
            fingerprint,
            hooks: Hooks::default(),
            asks: Vec::new(),
        })
    }

    fn hashed(&self, printed: Printed<'_>, diagnostics: &mut Diagnostics) -> Option<String> {
        match fingerprint(printed) {
            Ok(fingerprint) => Some(fingerprint),
            Err(error) => {
                diagnostics.push(Diagnostic::internal("cannot hash a step").caused_by(&error));
                None
            }
        }
    }

    fn ids(&self, reads: &[Index]) -> Vec<NodeId> {
        reads.iter().map(|read| self.items[*read].id.clone()).collect()
    }
}

/// The fingerprints of the views so far.
#[derive(Default)]
struct Views(HashMap<TableName, String>);

impl Views {
    fn of(&self, reads: &[TableName]) -> Vec<&str> {
        reads.iter().filter_map(|read| self.0.get(read)).map(String::as_str).collect()
    }
}
