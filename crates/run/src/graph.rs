//! Who waits for whom among the decided nodes.
//!
//! Kinds of edge:
//! - A node needs the nearest decided nodes upstream, through nodes that were not selected.
//! - A node that makes a table or view needs the error tests of what it reads, so that rows that fail a test go no
//!   further, as in `dbt build`. These are added one by one and left out where they would close a circle (a
//!   relationships test that needs the very node it would gate).
//! - A model needs the tests of its code; they need nothing.
//! - All need the statements that run before everything else, and the statements after everything else need all.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use headwater_plan::{Node, NodeId, Plan, Severity, Step};

use crate::Decision;
use crate::moment::Moment;

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
        let is_decided = |id: &NodeId| positions.contains_key(id);
        for (position, node) in decided(plan, decisions) {
            for id in upstream(plan, node, &is_decided) {
                if let Some(needed) = positions.get(id) {
                    graph.add(position, *needed);
                }
            }
        }
        graph.add_tests_of_code(plan, decisions, &is_decided);
        graph.add_gates(plan, decisions, &is_decided);
        graph.add_statements(plan, decisions);
        graph
    }

    /// The rows of a model whose code fails its test are not made; where the model itself is not decided, those of
    /// whatever reads it are not.
    fn add_tests_of_code(&mut self, plan: &Plan, decisions: &[Decision], is_decided: &dyn Fn(&NodeId) -> bool) {
        let mut tests: BTreeMap<&NodeId, Vec<usize>> = BTreeMap::new();
        for (position, node) in decided(plan, decisions) {
            if let Step::UnitTest(test) = &node.step {
                tests.entry(&test.tested).or_default().push(position);
            }
        }
        if tests.is_empty() {
            return;
        }
        for (position, node) in decided(plan, decisions) {
            if node.step.is_test() {
                continue;
            }
            let tested = upstream(plan, node, is_decided).into_iter().filter(|id| !is_decided(id)).chain([&node.id]);
            for test in tested.filter_map(|id| tests.get(id)).flatten() {
                self.add(position, *test);
            }
        }
    }

    fn add_gates(&mut self, plan: &Plan, decisions: &[Decision], is_decided: &dyn Fn(&NodeId) -> bool) {
        let gates = gates(plan, decisions);
        for (position, node) in decided(plan, decisions) {
            if node.step.is_test() {
                continue;
            }
            let guarding = upstream(plan, node, is_decided).into_iter().filter_map(|id| gates.get(id)).flatten();
            for test in guarding {
                if !self.reaches(*test, position) {
                    self.add(position, *test);
                }
            }
        }
    }

    /// One after the other in the plan's order, around everything else.
    fn add_statements(&mut self, plan: &Plan, decisions: &[Decision]) {
        let moments: Vec<(usize, Option<Moment>)> =
            decided(plan, decisions).map(|(position, node)| (position, Moment::of(node))).collect();
        let at = |wanted| moments.iter().filter(move |(_, moment)| *moment == wanted).map(|(position, _)| *position);
        let (start, end): (Vec<usize>, Vec<usize>) =
            (at(Some(Moment::Start)).collect(), at(Some(Moment::End)).collect());
        for statements in [&start, &end] {
            for pair in statements.windows(2) {
                if let [before, after] = pair {
                    self.add(*after, *before);
                }
            }
        }
        for other in at(None) {
            start.last().into_iter().for_each(|last| self.add(other, *last));
            end.first().into_iter().for_each(|first| self.add(*first, other));
        }
        if let (Some(last), Some(first)) = (start.last(), end.first()) {
            self.add(*first, *last);
        }
    }

    /// How many nodes each node waits for.
    pub(crate) fn waits_for(&self) -> Vec<usize> {
        self.needs.iter().map(BTreeSet::len).collect()
    }

    /// What a node needs.
    pub(crate) fn needs_of(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        self.needs.get(node).into_iter().flatten().copied()
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

/// What a node depends on (a test of code and a statement in its own moment, nothing), passing through the nodes that were not selected; those passed through are in it too,
/// because a test of one of them may gate.
pub(crate) fn upstream<'a>(
    plan: &'a Plan,
    node: &'a Node,
    is_decided: &dyn Fn(&NodeId) -> bool,
) -> BTreeSet<&'a NodeId> {
    let mut found = BTreeSet::new();
    if matches!(node.step, Step::UnitTest(_)) || Moment::of(node).is_some() {
        return found;
    }
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
        for id in guarded(node) {
            gates.entry(id).or_default().insert(position);
        }
    }
    gates
}

/// The nodes beyond which nothing goes when a test of data fails.
pub(crate) fn guarded(node: &Node) -> &[NodeId] {
    match &node.step {
        Step::Test(test) if test.severity == Severity::Error => match &test.tested {
            Some(tested) => std::slice::from_ref(tested),
            // A singular test is about all that it reads.
            None => &node.depends_on,
        },
        _ => &[],
    }
}
