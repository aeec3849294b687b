//! Which selected nodes run, and why. Pure: the lake was looked at before, nothing is changed.
//!
//! The risk is a node that is left out although its result is stale. So a node is up to date only if everything that
//! its result was made of is known to be as it was: its fingerprint (its own code and settings), and the version of
//! every table and view that it read, those below its views included; and only if nothing that it reads, straight or
//! through views, is about to change in this run.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use headwater_plan::{Built, Node, NodeId, NodeState, Pending, Plan, Step, TableName, TableVersion};
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// What the user asked for beside the selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DecideOptions {
    /// Build every selected node anew.
    pub full_refresh: bool,
}

/// Whether a node runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Its step is executed.
    Run,
    /// Nothing to do.
    UpToDate,
}

/// What is to happen with a selected node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The node.
    pub node: NodeId,
    /// Whether it runs.
    pub action: Action,
    /// Why, in a few words: `2 new files`, `changed code`, `up to date`.
    pub reason: String,
    /// For an ingest: what waits to be loaded.
    pub pending: Pending,
}

/// Decides for every selected node, in the plan's order.
///
/// `states` holds what [`crate::states`] found; a node without an entry counts as not there. `passed` holds, for every
/// test that passed before, what it passed on.
pub fn decide(
    plan: &Plan,
    selected: &BTreeSet<NodeId>,
    states: &BTreeMap<NodeId, NodeState>,
    passed: &BTreeMap<NodeId, Built>,
    options: &DecideOptions,
) -> Vec<Decision> {
    let lake = Lake::new(plan, states);
    // The nodes whose rows change in this run, each with the name of the node that makes them change.
    let mut changing: BTreeMap<&NodeId, &str> = BTreeMap::new();
    let mut decisions = Vec::new();
    for node in plan.nodes.values() {
        let upstream = node.depends_on.iter().find_map(|id| changing.get(id).copied());
        let is_view = matches!(node.step, Step::View(_));
        let reason = if !selected.contains(&node.id) {
            None
        } else if options.full_refresh && !matches!(node.step, Step::External) {
            Some("full refresh".to_owned())
        } else {
            // A view holds no rows: what changes below it changes what it shows, not the view.
            lake.own_reason(node, passed)
                .or_else(|| upstream.filter(|_| !is_view).map(|name| format!("`{name}` runs before it")))
        };
        if !matches!(node.step, Step::Test(_)) {
            if reason.is_some() {
                changing.insert(&node.id, &node.name);
            } else if let (true, Some(name)) = (is_view, upstream) {
                changing.insert(&node.id, name);
            }
        }
        if selected.contains(&node.id) {
            let action = if reason.is_some() { Action::Run } else { Action::UpToDate };
            let pending = states.get(&node.id).map(|state| state.pending).unwrap_or_default();
            decisions.push(Decision {
                node: node.id.clone(),
                action,
                reason: reason.unwrap_or_else(|| up_to_date(node).to_owned()),
                pending,
            });
        }
    }
    decisions
}

fn up_to_date(node: &Node) -> &'static str {
    match node.step {
        Step::Ingest(_) => "no new files",
        Step::Test(_) => "passed on the same rows",
        _ => "up to date",
    }
}

/// The plan beside what the lake holds for it.
struct Lake<'a> {
    makers: HashMap<&'a TableName, &'a Node>,
    states: &'a BTreeMap<NodeId, NodeState>,
}

impl<'a> Lake<'a> {
    fn new(plan: &'a Plan, states: &'a BTreeMap<NodeId, NodeState>) -> Self {
        let makers = plan.nodes.values().filter_map(|node| Some((node.relation.as_ref()?, node))).collect();
        Self { makers, states }
    }

    /// Why the node must run whatever happens upstream; `None` if it need not.
    fn own_reason(&self, node: &Node, passed: &BTreeMap<NodeId, Built>) -> Option<String> {
        let (built, never) = match &node.step {
            Step::Test(_) => (passed.get(&node.id), "not passed yet"),
            _ => {
                let state = self.states.get(&node.id);
                if state.is_none_or(|state| state.version.is_none()) {
                    return Some(self.first_time(node));
                }
                (state.and_then(|state| state.built.as_ref()), "not built by headwater")
            }
        };
        if let Step::Ingest(_) = node.step
            && let Some(waiting) = self.waiting(node)
        {
            return Some(waiting);
        }
        let Some(built) = built else {
            return Some(never.to_owned());
        };
        if built.fingerprint != node.fingerprint {
            return Some(changed(node).to_owned());
        }
        match node.step {
            Step::Table(_) | Step::Test(_) => self.changed_inputs(node, built),
            Step::Ingest(_) | Step::External | Step::Seed(_) | Step::View(_) => None,
        }
    }

    fn first_time(&self, node: &Node) -> String {
        match node.step {
            Step::Ingest(_) => self.waiting(node).unwrap_or_else(|| "first load".to_owned()),
            Step::External => "not there".to_owned(),
            _ => "first build".to_owned(),
        }
    }

    /// The files that wait for an ingest, in words.
    fn waiting(&self, node: &Node) -> Option<String> {
        let pending = self.states.get(&node.id)?.pending;
        let known = pending.resumed_files + pending.changed_files;
        let mut words = Vec::new();
        if pending.resumed_files > 0 {
            words.push(format!("{} to finish", count(pending.resumed_files, "file")));
        }
        if pending.files > known {
            words.push(count(pending.files - known, "new file"));
        }
        if pending.changed_files > 0 {
            words.push(format!("{} changed after loading", count(pending.changed_files, "file")));
        }
        (!words.is_empty()).then(|| words.join(", "))
    }

    fn changed_inputs(&self, node: &Node, built: &Built) -> Option<String> {
        let mut inputs = BTreeMap::new();
        self.inputs(node.step.reads(), &mut inputs);
        let changed: Vec<&TableName> = inputs
            .iter()
            .filter(|(name, version)| version.is_none() || built.inputs.get(*name) != version.as_ref())
            .map(|(name, _)| name)
            .chain(built.inputs.keys().filter(|name| !inputs.contains_key(*name)))
            .collect();
        match changed.as_slice() {
            [] => None,
            [one] => Some(format!("`{one}` changed")),
            many => Some(format!("{} inputs changed", many.len())),
        }
    }

    /// The present version of everything that a step reads, through views; `None` for what nobody knows.
    fn inputs(&self, reads: &[TableName], inputs: &mut BTreeMap<TableName, Option<TableVersion>>) {
        for name in reads {
            if inputs.contains_key(name) {
                continue;
            }
            let maker = self.makers.get(name);
            let version = maker.and_then(|maker| self.states.get(&maker.id)).and_then(|state| state.version.clone());
            inputs.insert(name.clone(), version);
            if let Some(Step::View(view)) = maker.map(|maker| &maker.step) {
                self.inputs(&view.reads, inputs);
            }
        }
    }
}

fn changed(node: &Node) -> &'static str {
    match node.step {
        Step::Ingest(_) => "changed settings",
        Step::External => "changed columns",
        Step::Seed(_) => "changed file",
        Step::Table(_) | Step::View(_) | Step::Test(_) => "changed code",
    }
}

fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
