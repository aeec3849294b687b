//! Asks the engine what the lake holds for the nodes of a selection. Reads metadata only.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use headwater_plan::{Diagnostics, Engine, Node, NodeId, NodeState, Plan, Step, TableName};

/// How many nodes are looked at side by side: enough to hide the latency of a store, few enough for open files.
const SIDE_BY_SIDE: usize = 16;

/// The state of every selected node and of every table and view that one of them reads.
///
/// # Errors
/// All that stands in the way of a selected node (no files for a source, a file that changed), so that a run with a
/// wrong input stops before it writes anything.
pub async fn states(
    plan: &Plan,
    selected: &BTreeSet<NodeId>,
    engine: &dyn Engine,
) -> Result<BTreeMap<NodeId, NodeState>, Diagnostics> {
    let nodes = looked_at(plan, selected);
    let mut answers = futures::stream::iter(nodes)
        .map(|node| async move { (engine.state(&node).await, node) })
        .buffered(SIDE_BY_SIDE);
    let mut states = BTreeMap::new();
    let mut diagnostics = Diagnostics::default();
    while let Some((answer, node)) = answers.next().await {
        match answer {
            Ok(state) => {
                states.insert(node.id, state);
            }
            Err(mut diagnostic) => {
                diagnostic.node.get_or_insert(node.id);
                diagnostics.push(diagnostic);
            }
        }
    }
    if diagnostics.has_errors() { Err(diagnostics) } else { Ok(states) }
}

/// The nodes whose state matters, in the plan's order, each with the step that says what matters of it.
fn looked_at(plan: &Plan, selected: &BTreeSet<NodeId>) -> Vec<Node> {
    let mut read: BTreeSet<&TableName> = BTreeSet::new();
    let mut nodes = Vec::new();
    // Backwards, so that a view is known to be read before what it reads itself is reached.
    for node in plan.nodes.values().rev() {
        let is_selected = selected.contains(&node.id);
        let is_read = node.relation.as_ref().is_some_and(|relation| read.contains(relation));
        if is_selected || (is_read && matches!(node.step, Step::View(_))) {
            read.extend(node.step.reads());
        }
        if is_selected && has_state(&node.step) {
            nodes.push(node.clone());
        } else if is_read {
            // Not to run: only its table matters, not the files that may wait for it.
            nodes.push(Node { step: Step::External, ..node.clone() });
        }
    }
    nodes.reverse();
    nodes
}

/// Whether the lake holds something for a step.
fn has_state(step: &Step) -> bool {
    match step {
        Step::Ingest(_)
        | Step::External
        | Step::Seed(_)
        | Step::Table(_)
        | Step::View(_)
        | Step::Incremental(_)
        | Step::Snapshot(_) => true,
        Step::Ephemeral(_) | Step::Test(_) | Step::UnitTest(_) | Step::Statement(_) | Step::Late(_) => false,
    }
}
