//! The plan's edges both ways, and which nodes a definition selects.

use std::collections::{BTreeSet, HashMap};

use headwater_plan::{Code, Diagnostic, NodeId, Plan};

use super::criterion::{Criterion, Depth};
use super::definition::Definition;
use super::matching::Thing;
use super::method::Method;
use super::selectors::Selectors;
use super::suggest::suggest;
use super::{Beside, Indirect};

/// A plan with its edges, by the numbers of its nodes and, after them, its exposures.
pub(super) struct Graph<'a> {
    plan: &'a Plan,
    beside: Beside<'a>,
    indirect: Indirect,
    things: Vec<Thing<'a>>,
    parents: Vec<Vec<usize>>,
    children: Vec<Vec<usize>>,
}

/// What is selected.
#[derive(Debug, Clone, Default)]
pub(super) struct Chosen {
    /// For good.
    nodes: BTreeSet<usize>,
    /// Tests that are in once all that they read is.
    tests: BTreeSet<usize>,
}

impl Chosen {
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub(super) fn unite(&mut self, other: Self) {
        self.nodes.extend(other.nodes);
        self.tests.extend(other.tests);
    }

    fn intersect(&mut self, other: &Self) {
        self.nodes.retain(|node| other.nodes.contains(node));
        self.tests.retain(|test| other.tests.contains(test) || other.nodes.contains(test));
    }

    pub(super) fn leave_out(&mut self, other: &Self) {
        self.nodes.retain(|node| !other.nodes.contains(node));
        self.tests.retain(|test| !other.tests.contains(test) && !other.nodes.contains(test));
    }
}

impl<'a> Graph<'a> {
    pub(super) fn new(plan: &'a Plan, beside: Beside<'a>, indirect: Indirect) -> Self {
        let things: Vec<Thing<'a>> =
            plan.nodes.values().map(Thing::Node).chain(plan.beside.exposures.iter().map(Thing::Exposure)).collect();
        let numbers: HashMap<&NodeId, usize> =
            things.iter().enumerate().map(|(index, thing)| (thing.id(), index)).collect();
        let mut parents = vec![Vec::new(); things.len()];
        let mut children = vec![Vec::new(); things.len()];
        for (index, thing) in things.iter().enumerate() {
            for parent in thing.depends_on().iter().filter_map(|id| numbers.get(id)) {
                parents[index].push(*parent);
                children[*parent].push(index);
            }
        }
        Self { plan, beside, indirect, things, parents, children }
    }

    pub(super) fn id(&self, index: usize) -> Option<&'a NodeId> {
        self.things.get(index).map(|thing| thing.id())
    }

    pub(super) fn kind(&self, index: usize) -> &'static str {
        self.things.get(index).map_or("", |thing| thing.kind())
    }

    /// All nodes and exposures.
    pub(super) fn everything(&self) -> Chosen {
        Chosen { nodes: (0..self.things.len()).collect(), tests: BTreeSet::new() }
    }

    /// What a definition needs and is not there.
    pub(super) fn check(&self, definition: &Definition) -> Result<(), Diagnostic> {
        for criterion in definition.criteria() {
            let word = match criterion.method {
                Method::State => "state",
                Method::Outcome => "result",
                Method::Selector => {
                    self.beside.selectors.unwrap_or(&Selectors::default()).get(&criterion.value)?;
                    continue;
                }
                _ => continue,
            };
            if self.beside.state.is_none() {
                let message = format!("`{word}:` compares with an earlier state, and none is given");
                let help = "`--state DIR` names the folder of an earlier `manifest.json`, such as a copy of `target/`";
                return Err(Diagnostic::error(Code::InvalidSelector, message).help(help));
            }
        }
        Ok(())
    }

    /// What a definition selects.
    pub(super) fn chosen(&self, definition: &Definition) -> Chosen {
        match definition {
            Definition::One(criterion) => match (&criterion.method, self.beside.selectors) {
                (Method::Selector, Some(selectors)) => {
                    selectors.get(&criterion.value).map(|named| self.chosen(named)).unwrap_or_default()
                }
                _ => self.criterion(criterion),
            },
            Definition::Union(parts) => {
                let mut chosen = Chosen::default();
                parts.iter().for_each(|part| chosen.unite(self.chosen(part)));
                chosen
            }
            Definition::Intersection(parts) => {
                let mut parts = parts.iter().map(|part| self.chosen(part));
                let mut chosen = parts.next().unwrap_or_default();
                parts.for_each(|part| chosen.intersect(&part));
                chosen
            }
            Definition::Difference(base, without) => {
                let mut chosen = self.chosen(base);
                without.iter().for_each(|part| chosen.leave_out(&self.chosen(part)));
                chosen
            }
        }
    }

    /// The nodes, with the tests that are in now that all is known.
    pub(super) fn with_indirect(&self, chosen: Chosen) -> BTreeSet<usize> {
        let Chosen { mut nodes, tests } = chosen;
        let complete: Vec<usize> =
            tests.into_iter().filter(|test| self.parents[*test].iter().all(|parent| nodes.contains(parent))).collect();
        nodes.extend(complete);
        nodes
    }

    fn criterion(&self, criterion: &Criterion) -> Chosen {
        let direct: Vec<usize> = (0..self.things.len())
            .filter(|index| {
                let thing = self.things[*index];
                thing.matches(&criterion.method, &criterion.value, &self.beside, &self.plan.project)
            })
            .collect();
        let mut matched: BTreeSet<usize> = direct.iter().copied().collect();
        if criterion.with_parents_of_children {
            let mut all = self.walk(&direct, &self.children, Depth::All);
            all.extend(&direct);
            matched.extend(self.walk(&all, &self.parents, Depth::All));
            matched.extend(all);
        }
        if let Some(depth) = criterion.parents {
            matched.extend(self.walk(&direct, &self.parents, depth));
        }
        if let Some(depth) = criterion.children {
            matched.extend(self.walk(&direct, &self.children, depth));
        }
        self.with_tests(matched, criterion.indirect.unwrap_or(self.indirect))
    }

    /// Adds the tests of what is matched.
    fn with_tests(&self, matched: BTreeSet<usize>, indirect: Indirect) -> Chosen {
        let mut chosen = Chosen { nodes: matched.clone(), tests: BTreeSet::new() };
        let tests = matched.iter().flat_map(|index| &self.children[*index]).copied();
        let tests: BTreeSet<usize> = tests.filter(|child| self.things[*child].is_test()).collect();
        match indirect {
            Indirect::Eager => chosen.nodes.extend(tests),
            Indirect::Empty => {}
            Indirect::Cautious | Indirect::Buildable => {
                let mut there = matched.clone();
                if indirect == Indirect::Buildable {
                    let from: Vec<usize> = matched.into_iter().collect();
                    there.extend(self.walk(&from, &self.parents, Depth::All));
                }
                for test in tests {
                    let complete = self.parents[test].iter().all(|parent| there.contains(parent));
                    let into = if complete { &mut chosen.nodes } else { &mut chosen.tests };
                    into.insert(test);
                }
            }
        }
        chosen
    }

    /// What is reached from some nodes along edges.
    fn walk(&self, from: &[usize], edges: &[Vec<usize>], depth: Depth) -> Vec<usize> {
        let mut seen = vec![false; edges.len()];
        let mut reached = Vec::new();
        let mut front = from.to_vec();
        let mut steps = 0;
        while !front.is_empty() && depth.allows(steps) {
            let mut next = Vec::new();
            for node in front.iter().flat_map(|index| &edges[*index]) {
                if !std::mem::replace(&mut seen[*node], true) {
                    reached.push(*node);
                    next.push(*node);
                }
            }
            front = next;
            steps += 1;
        }
        reached
    }

    /// The message for what selects nothing.
    pub(super) fn nothing(&self, text: &str, definition: &Definition) -> Diagnostic {
        let diagnostic = Diagnostic::error(Code::EmptySelection, format!("`{text}` selects nothing"));
        let criteria = definition.criteria();
        match criteria.into_iter().find(|criterion| self.criterion(criterion).is_empty()) {
            Some(criterion) => diagnostic.help(suggest(self.plan, &self.things, &criterion.method, &criterion.value)),
            None => diagnostic.help("each part selects something, and no node is in all of them"),
        }
    }
}
