//! Which nodes: dbt's selection syntax on a plan.
//!
//! A selector is `[@|[n]+][method:]value[+[n]]`: parents before, children after, `@` for children with all their
//! parents. Without a method, a value with `/` is a path, one that ends in `.sql` or `.csv` a file, any other a name or
//! a dotted path of folders and name; `*`, `?` and `[…]` stand for characters. Commas intersect; spaces and repeated
//! flags unite.
//!
//! A test comes with any of the nodes that it reads (dbt's eager indirect selection), and goes with any that is
//! excluded.

use std::collections::{BTreeSet, HashMap};

use headwater_plan::{Code, Diagnostic, Diagnostics, NodeId, NodeKind, Plan};

mod criterion;
mod method;
#[cfg(test)]
mod tests;

use criterion::{Criterion, Depth};

/// What the user asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// `--select`, or the names after the command; all nodes when empty.
    pub select: Vec<String>,
    /// `--exclude`.
    pub exclude: Vec<String>,
}

/// The nodes that a selection names.
///
/// # Errors
/// [`Code::InvalidSelector`] for what is no selector, [`Code::EmptySelection`] for one that matches nothing (but for an
/// `--exclude` by tag or the like, which may), each with its own message.
pub fn select(plan: &Plan, selection: &Selection) -> Result<BTreeSet<NodeId>, Diagnostics> {
    let graph = Graph::new(plan);
    let mut wrong = Diagnostics::default();
    let mut chosen: BTreeSet<usize> =
        if selection.select.is_empty() { (0..plan.nodes.len()).collect() } else { BTreeSet::new() };
    for words in selection.select.iter().flat_map(|text| text.split_whitespace()) {
        match graph.intersection(words) {
            Ok((nodes, _)) if nodes.is_empty() => wrong.push(graph.nothing(words)),
            Ok((nodes, _)) => chosen.extend(nodes),
            Err(error) => wrong.push(error),
        }
    }
    for words in selection.exclude.iter().flat_map(|text| text.split_whitespace()) {
        match graph.intersection(words) {
            // A tag that no node has yet may be excluded; a name that is not there is a slip.
            Ok((nodes, by_name)) if nodes.is_empty() && by_name => wrong.push(graph.nothing(words)),
            Ok((nodes, _)) => chosen.retain(|node| !nodes.contains(node)),
            Err(error) => wrong.push(error),
        }
    }
    if !wrong.0.is_empty() {
        return Err(wrong);
    }
    if chosen.is_empty() {
        let message = match selection.exclude.is_empty() {
            true => "there is nothing to select from: the project has no nodes",
            false => "nothing is left: all that is selected is excluded too",
        };
        return Err(Diagnostic::error(Code::EmptySelection, message).into());
    }
    Ok(chosen.into_iter().filter_map(|index| plan.nodes.get_index(index)).map(|(id, _)| id.clone()).collect())
}

/// A plan with its edges both ways, by the numbers of its nodes.
struct Graph<'a> {
    plan: &'a Plan,
    parents: Vec<Vec<usize>>,
    children: Vec<Vec<usize>>,
}

impl<'a> Graph<'a> {
    fn new(plan: &'a Plan) -> Self {
        let numbers: HashMap<&NodeId, usize> = plan.nodes.keys().enumerate().map(|(index, id)| (id, index)).collect();
        let mut parents = vec![Vec::new(); plan.nodes.len()];
        let mut children = vec![Vec::new(); plan.nodes.len()];
        for (index, node) in plan.nodes.values().enumerate() {
            for parent in node.depends_on.iter().filter_map(|id| numbers.get(id)) {
                parents[index].push(*parent);
                children[*parent].push(index);
            }
        }
        Self { plan, parents, children }
    }

    /// The nodes of `a,b,c`, and whether it names nodes by their names.
    fn intersection(&self, text: &str) -> Result<(BTreeSet<usize>, bool), Diagnostic> {
        let mut nodes: Option<BTreeSet<usize>> = None;
        let mut by_name = false;
        for part in text.split(',') {
            let criterion = Criterion::parse(part)?;
            by_name |= criterion.method.is_name();
            let matched = self.matched(&criterion);
            nodes = Some(match nodes {
                None => matched,
                Some(nodes) => nodes.intersection(&matched).copied().collect(),
            });
        }
        Ok((nodes.unwrap_or_default(), by_name))
    }

    fn matched(&self, criterion: &Criterion<'_>) -> BTreeSet<usize> {
        let nodes = self.plan.nodes.values().enumerate();
        let mut matched: BTreeSet<usize> = nodes
            .filter(|(_, node)| criterion.method.matches(&self.plan.project, node, criterion.value))
            .map(|(index, _)| index)
            .collect();
        let direct: Vec<usize> = matched.iter().copied().collect();
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
        let tests: Vec<usize> = matched
            .iter()
            .flat_map(|index| &self.children[*index])
            .copied()
            .filter(|child| self.plan.nodes[*child].kind == NodeKind::Test)
            .collect();
        matched.extend(tests);
        matched
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

    fn nothing(&self, text: &str) -> Diagnostic {
        let diagnostic = Diagnostic::error(Code::EmptySelection, format!("`{text}` selects nothing"));
        let parts: Vec<Criterion<'_>> = text.split(',').filter_map(|part| Criterion::parse(part).ok()).collect();
        let alone = parts.iter().find(|criterion| self.matched(criterion).is_empty());
        match alone {
            Some(criterion) => diagnostic.help(criterion.method.suggest(self.plan, criterion.value)),
            None => diagnostic.help("each part selects something, and no node is in all of them"),
        }
    }
}
