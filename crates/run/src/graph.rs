//! Who waits for whom among the decided nodes.
//!
//! Two kinds of edge. A node needs the nearest decided nodes upstream, through nodes that were not selected. And a
//! node that makes a table or view needs the error tests of what it reads, so that rows that fail a test go no
//! further, as in `dbt build`. The second kind is added one by one and left out where it would close a circle (a
//! relationships test that needs the very node it would gate).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use headwater_plan::{Node, NodeId, Plan, Severity, Step};

use crate::Decision;

/// The edges, by position in the decisions.
#[derive(Debug)]
pub(crate) struct Graph {
    /// For each node, what it needs.
    needs: Vec<BTreeSet<usize>>,
    /// For each node, what needs it.
    pub(crate) needed_by: Vec<BTreeSet<usize>>,
}

impl Graph {
    pub(crate) fn new(plan: &Plan, decisions: &[Decision]) -> Self {
        let positions: HashMap<&NodeId, usize> =
            decisions.iter().enumerate().map(|(position, decision)| (&decision.node, position)).collect();
        let mut graph =
            Self { needs: vec![BTreeSet::new(); decisions.len()], needed_by: vec![BTreeSet::new(); decisions.len()] };
        for (position, node) in decided(plan, decisions) {
            for id in upstream(plan, node, &|id| positions.contains_key(id)) {
                if let Some(needed) = positions.get(id) {
                    graph.add(position, *needed);
                }
            }
        }
        let gates = gates(plan, decisions);
        for (position, node) in decided(plan, decisions) {
            if matches!(node.step, Step::Test(_)) {
                continue;
            }
            let guarding = upstream(plan, node, &|id| positions.contains_key(id))
                .into_iter()
                .filter_map(|id| gates.get(id))
                .flatten();
            for test in guarding {
                if !graph.reaches(*test, position) {
                    graph.add(position, *test);
                }
            }
        }
        graph
    }

    /// How many nodes each node waits for.
    pub(crate) fn waits_for(&self) -> Vec<usize> {
        self.needs.iter().map(BTreeSet::len).collect()
    }

    fn add(&mut self, node: usize, needed: usize) {
        if let (Some(needs), Some(needed_by)) = (self.needs.get_mut(node), self.needed_by.get_mut(needed)) {
            needs.insert(needed);
            needed_by.insert(node);
        }
    }

    /// Whether `from` needs `to`, straight or through others.
    fn reaches(&self, from: usize, to: usize) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(node) = open.pop() {
            if node == to {
                return true;
            }
            if seen.insert(node) {
                open.extend(self.needs.get(node).into_iter().flatten());
            }
        }
        false
    }
}

fn decided<'a>(plan: &'a Plan, decisions: &'a [Decision]) -> impl Iterator<Item = (usize, &'a Node)> {
    decisions.iter().enumerate().filter_map(|(position, decision)| Some((position, plan.nodes.get(&decision.node)?)))
}

/// What a node depends on, passing through the nodes that were not selected; those passed through are in it too,
/// because a test of one of them may gate.
fn upstream<'a>(plan: &'a Plan, node: &'a Node, is_decided: &dyn Fn(&NodeId) -> bool) -> BTreeSet<&'a NodeId> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&NodeId> = node.depends_on.iter().collect();
    while let Some(id) = open.pop() {
        if found.insert(id)
            && !is_decided(id)
            && let Some(passed) = plan.nodes.get(id)
        {
            open.extend(&passed.depends_on);
        }
    }
    found
}

/// The tests whose failure stops what depends on a node, by that node.
fn gates<'a>(plan: &'a Plan, decisions: &'a [Decision]) -> BTreeMap<&'a NodeId, BTreeSet<usize>> {
    let mut gates: BTreeMap<&NodeId, BTreeSet<usize>> = BTreeMap::new();
    for (position, node) in decided(plan, decisions) {
        let Step::Test(test) = &node.step else { continue };
        if test.severity != Severity::Error {
            continue;
        }
        let guarded = match &test.tested {
            Some(tested) => std::slice::from_ref(tested),
            // A singular test is about all that it reads.
            None => node.depends_on.as_slice(),
        };
        for id in guarded {
            gates.entry(id).or_default().insert(position);
        }
    }
    gates
}
