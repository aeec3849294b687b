//! Which selected nodes run, and why. Pure: the lake was looked at before, nothing is changed.
//!
//! The risk is a node that is left out although its result is stale. So a node is up to date only if everything that
//! its result was made of is known to be as it was: its fingerprint (its own code and settings), and the version of
//! every table and view that it read, those below its views included; and only if nothing that it reads, straight or
//! through views, is about to change in this run. A snapshot is never up to date: comparing is its work.
//!
//! A node whose template asked for rows that change in this run was compiled from the old ones. It waits, and what
//! needs it waits with it, until it is compiled again.

use std::collections::{BTreeMap, BTreeSet};

use headwater_plan::{Built, Node, NodeId, NodeState, Pending, Plan, Step, TableName};
use serde::{Deserialize, Serialize};

use self::lake::Lake;
use crate::moment::Moment;

mod lake;
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
    /// It cannot run as it is compiled: it waits for rows of this run, or for a node that does. It is compiled and
    /// decided again once they are there.
    Late,
}

/// What is to happen with a selected node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The node.
    pub node: NodeId,
    /// Whether it runs.
    pub action: Action,
    /// Why, in a few words: `2 new files`, `changed code`, `up to date`, `compiled after \`users\``.
    pub reason: String,
    /// For an ingest: what waits to be loaded.
    pub pending: Pending,
}

/// Decides for every selected node, in the plan's order. An ephemeral model is no decision: there is nothing to do for
/// it, whatever reads it does it.
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
    let mut deciding = Deciding {
        lake: Lake::new(plan, states),
        passed,
        full_refresh: options.full_refresh,
        changing: BTreeMap::new(),
        late: BTreeMap::new(),
    };
    let mut decisions = Vec::new();
    for node in plan.nodes.values() {
        let is_selected = selected.contains(&node.id);
        let Some((action, reason)) = deciding.node(node, is_selected) else { continue };
        let pending = states.get(&node.id).map(|state| state.pending).unwrap_or_default();
        decisions.push(Decision { node: node.id.clone(), action, reason, pending });
    }
    decide_statements(plan, &mut decisions);
    decisions
}

/// The statements before and after everything run when anything else does.
fn decide_statements(plan: &Plan, decisions: &mut [Decision]) {
    let moment = |decision: &Decision| plan.nodes.get(&decision.node).and_then(Moment::of);
    let any = decisions.iter().any(|decision| decision.action != Action::UpToDate && moment(decision).is_none());
    for decision in decisions {
        let reason = match moment(decision) {
            None => continue,
            Some(_) if !any => "nothing else runs",
            Some(Moment::Start) => "before everything else",
            Some(Moment::End) => "after everything else",
        };
        decision.action = if any { Action::Run } else { Action::UpToDate };
        reason.clone_into(&mut decision.reason);
    }
}

/// The nodes are gone through in the plan's order, each after all that it depends on.
struct Deciding<'a> {
    lake: Lake<'a>,
    passed: &'a BTreeMap<NodeId, Built>,
    full_refresh: bool,
    /// The nodes whose rows change in this run, each with the name of the node that makes them change.
    changing: BTreeMap<&'a NodeId, &'a str>,
    /// The nodes that wait to be compiled, and those that only pass on what such a node makes.
    late: BTreeMap<&'a NodeId, &'a str>,
}

impl<'a> Deciding<'a> {
    /// What happens with a node; `None` for one that is not selected, or never runs.
    fn node(&mut self, node: &'a Node, is_selected: bool) -> Option<(Action, String)> {
        if Moment::of(node).is_some() {
            return is_selected.then(|| (Action::UpToDate, String::new()));
        }
        // An ephemeral model and a view hold no rows: what changes below them changes what they show, not them.
        let is_ephemeral = matches!(node.step, Step::Ephemeral(_));
        let passes_on = is_ephemeral || matches!(node.step, Step::View(_));
        let upstream = needs(node).iter().find_map(|id| self.changing.get(id).copied());
        let waits = if is_selected || is_ephemeral { self.waits(node) } else { None };
        let reason = if !is_selected || is_ephemeral || waits.is_some() {
            None
        } else if self.full_refresh && is_refreshed(node) {
            Some("full refresh".to_owned())
        } else {
            let own = self.lake.own_reason(node, self.passed);
            own.or_else(|| upstream.filter(|_| !passes_on).map(|name| format!("`{name}` runs before it")))
        };
        if !node.step.is_test() {
            if waits.is_some() {
                self.late.insert(&node.id, &node.name);
            }
            if reason.is_some() || (waits.is_some() && !is_ephemeral) {
                self.changing.insert(&node.id, &node.name);
            } else if let (true, Some(name)) = (passes_on, upstream) {
                self.changing.insert(&node.id, name);
            }
        }
        if !is_selected || is_ephemeral {
            return None;
        }
        Some(match (waits, reason) {
            (Some(waits), _) => (Action::Late, waits),
            (None, Some(reason)) => (Action::Run, reason),
            (None, None) => (Action::UpToDate, up_to_date(node).to_owned()),
        })
    }

    /// For what a node waits before it can be compiled as it will run.
    fn waits(&self, node: &Node) -> Option<String> {
        if let Step::Late(late) = &node.step {
            return Some(format!("waits for the rows of {}", relations(&late.waits_for)));
        }
        let asked = node.asks.iter().filter_map(|relation| self.lake.maker(relation));
        if let Some(name) = asked.filter_map(|maker| self.changing.get(&maker.id)).next() {
            return Some(format!("compiled after `{name}`"));
        }
        let name = needs(node).iter().find_map(|id| self.late.get(id))?;
        Some(format!("waits for `{name}`"))
    }
}

/// The nodes whose rows a node reads: a test of code has rows of its own.
fn needs(node: &Node) -> &[NodeId] {
    if matches!(node.step, Step::UnitTest(_)) { &[] } else { &node.depends_on }
}

/// Whether a full refresh makes a node anew.
fn is_refreshed(node: &Node) -> bool {
    match &node.step {
        Step::External | Step::Snapshot(_) => false,
        Step::Incremental(incremental) => !incremental.keep_on_full_refresh,
        _ => true,
    }
}

fn relations(names: &[TableName]) -> String {
    match names {
        [] => "what it reads".to_owned(),
        [one] => format!("`{one}`"),
        [one, other] => format!("`{one}` and `{other}`"),
        many => format!("{} relations", many.len()),
    }
}

fn up_to_date(node: &Node) -> &'static str {
    match node.step {
        Step::Ingest(_) => "no new files",
        Step::Test(_) => "passed on the same rows",
        Step::UnitTest(_) => "passed on the same code",
        _ => "up to date",
    }
}
