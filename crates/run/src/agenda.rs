//! What of the decided nodes an engine is about to be asked for, and what each waits for.
//!
//! An engine that gates by itself must come to what the scheduler comes to: a node waits for the nearest running nodes
//! upstream, through those that are up to date, and what waits for anything that is not compiled yet is left for a later
//! stage.

use std::collections::BTreeSet;

use headwater_plan::{AgendaNode, Node, NodeId, Pending, Plan, Step};

use crate::graph::Graph;
use crate::moment::Moment;
use crate::{Action, Decision};

/// The nodes of a plan that are named, as if each were to run.
pub fn whole(plan: &Plan, selected: &BTreeSet<NodeId>) -> Vec<AgendaNode> {
    let is_wanted = |node: &&Node| selected.contains(&node.id) && !matches!(node.step, Step::Ephemeral(_));
    let decision = |node: &Node| Decision {
        node: node.id.clone(),
        action: if matches!(node.step, Step::Late(_)) { Action::Late } else { Action::Run },
        reason: String::new(),
        pending: Pending::default(),
    };
    let decisions: Vec<Decision> = plan.nodes.values().filter(is_wanted).map(decision).collect();
    nodes(plan, &decisions, &Graph::new(plan, &decisions), &|_| Standing::Open)
}

/// How a node stands at the beginning of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is to run.
    Open,
    /// It has nothing to do.
    Idle,
    /// Something that it needs has failed.
    Blocked,
}

/// The nodes of this stage. `standing` tells of each, by its position in the decisions.
pub(crate) fn nodes(
    plan: &Plan,
    decisions: &[Decision],
    graph: &Graph,
    standing: &dyn Fn(usize) -> Standing,
) -> Vec<AgendaNode> {
    let is_end = |at: usize| {
        let node = decisions.get(at).and_then(|decision| plan.nodes.get(&decision.node));
        node.is_some_and(|node| Moment::of(node) == Some(Moment::End))
    };
    let is_late = |at: usize| decisions.get(at).is_some_and(|decision| decision.action == Action::Late);
    let all = 0..decisions.len();
    let mut held = below(all.clone().filter(|at| standing(*at) == Standing::Blocked), graph);
    // The statements after everything else run however that ended, but not before it has.
    held.retain(|at| !is_end(*at));
    held.extend(below(all.clone().filter(|at| is_late(*at)), graph));
    let runs = |at: usize| !held.contains(&at) && standing(at) == Standing::Open;
    let any = all.clone().any(|at| runs(at) && !is_end(at));
    let runs = |at: usize| runs(at) || (any && is_end(at) && !held.contains(&at));
    let name = |at: usize| decisions.get(at).map(|decision| decision.node.clone());
    let entry = |at: usize| {
        let after = nearest(at, graph, &runs).into_iter().filter_map(name).collect();
        let decision = decisions.get(at)?;
        let pending_bytes = decision.pending.bytes;
        Some(AgendaNode { id: decision.node.clone(), after, always: is_end(at), pending_bytes })
    };
    all.filter(|at| runs(*at)).filter_map(entry).collect()
}

/// These, and all that waits for them.
fn below(these: impl Iterator<Item = usize>, graph: &Graph) -> BTreeSet<usize> {
    let mut open: Vec<usize> = these.collect();
    let mut found = BTreeSet::new();
    while let Some(at) = open.pop() {
        if found.insert(at) {
            open.extend(graph.needed_by.get(at).into_iter().flatten());
        }
    }
    found
}

/// The running nodes that a node waits for, through those that do not run.
fn nearest(of: usize, graph: &Graph, runs: &dyn Fn(usize) -> bool) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut open: Vec<usize> = graph.needs_of(of).collect();
    while let Some(at) = open.pop() {
        if !seen.insert(at) {
            continue;
        }
        if runs(at) {
            found.insert(at);
        } else {
            open.extend(graph.needs_of(at));
        }
    }
    found
}
