//! What a sound project was found to be, piece by piece: enough of every node that another can be looked at without it.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use headwater_plan::{Location, NodeId, NodeKind, Schema, Step, TableName};

use super::super::checks::Check;
use super::super::front::Reached;
use super::super::item::{Body, Index, Item, Kept};
use super::super::settings::{Materialized, Settings};
use crate::config::Loaded;

/// A source, seed, model or snapshot.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    pub(super) id: NodeId,
    pub(super) name: String,
    /// The number of its package.
    pub(super) package: usize,
    pub(super) kind: NodeKind,
    pub(super) body: Kept,
    pub(super) location: Location,
    /// The YAML that describes it.
    pub(super) patch: Option<PathBuf>,
    pub(super) fixed: Fixed,
    pub(super) reads: Vec<Index>,
    pub(super) schema: Option<Schema>,
    /// How many tests it has.
    pub(super) tests: u64,
    /// What these read, beside itself.
    pub(super) test_reads: Vec<Index>,
}

/// What a node is to the whole project. A change of it is looked at with the whole project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fixed {
    pub(super) relation: TableName,
    pub(super) enabled: bool,
    pub(super) materialized: Materialized,
    pub(super) event_time: Option<String>,
}

/// A singular test or a unit test.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Single {
    pub(super) id: NodeId,
    pub(super) kind: NodeKind,
    /// Where it stands.
    pub(super) file: PathBuf,
    /// The YAML that describes it.
    pub(super) patch: Option<PathBuf>,
    pub(super) reads: Vec<Index>,
}

/// The pieces of a project.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Pieces {
    pub(super) packages: Vec<String>,
    pub(super) items: Vec<Piece>,
    pub(super) singles: Vec<Single>,
}

impl Fixed {
    pub(super) fn of(item: &Item<'_>) -> Self {
        Self {
            relation: item.relation.clone(),
            enabled: item.enabled,
            materialized: item.settings.materialized.clone(),
            event_time: item.settings.event_time.clone(),
        }
    }
}

impl Pieces {
    /// The pieces of what the passes came to. Of the items that were not looked at, the tests are `before`'s.
    pub(super) fn of(loaded: &Loaded, reached: &Reached<'_>, before: Option<&Self>) -> Self {
        let packages: Vec<String> = loaded.packages.iter().map(|package| package.name.clone()).collect();
        let mut items: Vec<Piece> = reached.items.iter().map(|item| piece(item, &packages)).collect();
        for (number, (piece, item)) in items.iter_mut().zip(reached.items).enumerate() {
            let before = before.and_then(|before| before.items.get(number));
            if let (Body::Kept(_), Some(before)) = (&item.body, before) {
                piece.patch.clone_from(&before.patch);
                piece.tests = before.tests;
                piece.test_reads.clone_from(&before.test_reads);
            }
        }
        let by_id: HashMap<&NodeId, Index> =
            reached.items.iter().enumerate().map(|(index, item)| (&item.id, index)).collect();
        let mut singles = Vec::new();
        let mut read: HashMap<Index, BTreeSet<Index>> = HashMap::new();
        for check in &reached.checks {
            let tested = match &check.step {
                Step::Test(test) => test.tested.as_ref().and_then(|id| by_id.get(id)),
                _ => None,
            };
            match tested {
                Some(tested) => {
                    items[*tested].tests += 1;
                    let reads = check.reads.iter().copied().filter(|index| index != tested);
                    read.entry(*tested).or_default().extend(reads);
                }
                None => singles.push(single(loaded, check)),
            }
        }
        for (tested, read) in read {
            items[tested].test_reads = read.into_iter().collect();
        }
        Self { packages, items, singles }
    }

    /// How many nodes of each kind the plan of such a project has.
    pub(super) fn counts(&self) -> Vec<(NodeKind, u64)> {
        let of_items = self.items.iter().filter(|item| item.fixed.enabled).flat_map(|item| &item.reads);
        let of_tests = self.items.iter().flat_map(|item| &item.test_reads);
        let of_singles = self.singles.iter().flat_map(|single| &single.reads);
        let read: BTreeSet<Index> = of_items
            .chain(of_tests)
            .chain(of_singles)
            .copied()
            .filter(|read| self.items[*read].body == Kept::Quarantine)
            .collect();
        let mut counts: HashMap<NodeKind, u64> = HashMap::new();
        for (index, item) in self.items.iter().enumerate().filter(|(_, item)| item.fixed.enabled) {
            *counts.entry(NodeKind::Test).or_default() += item.tests;
            // What is set aside is no node where nobody reads it.
            if item.body != Kept::Quarantine || read.contains(&index) {
                *counts.entry(item.kind).or_default() += 1;
            }
        }
        for single in &self.singles {
            *counts.entry(single.kind).or_default() += 1;
        }
        let mut counts: Vec<(NodeKind, u64)> = counts.into_iter().collect();
        counts.sort_unstable();
        counts
    }

    /// Whether a node is one of them.
    pub(super) fn has(&self, node: &NodeId) -> bool {
        self.items.iter().any(|item| item.id == *node) || self.singles.iter().any(|single| single.id == *node)
    }

    /// Whether a node is, or reads, or tests against a relation.
    pub(super) fn knows(&self, node: &str, relation: &TableName) -> bool {
        self.items.iter().find(|item| item.id.0 == node).is_some_and(|item| {
            let mut read = item.reads.iter().chain(&item.test_reads).map(|read| &self.items[*read].fixed.relation);
            item.fixed.relation == *relation || read.any(|read| read == relation)
        })
    }

    /// The items as the passes take them, none of them to be looked at.
    pub(super) fn kept<'a>(&self, loaded: &'a Loaded) -> Option<Vec<Item<'a>>> {
        if self.packages.len() != loaded.packages.len() {
            return None;
        }
        let item = |piece: &Piece| {
            let package = &loaded.packages[piece.package].name;
            (*package == self.packages[piece.package]).then(|| piece.kept(package))
        };
        self.items.iter().map(item).collect()
    }
}

impl Piece {
    fn kept<'a>(&self, package: &'a str) -> Item<'a> {
        let Fixed { relation, enabled, materialized, event_time } = self.fixed.clone();
        Item {
            id: self.id.clone(),
            name: self.name.clone(),
            relation,
            settings: Settings { materialized, event_time, enabled, ..Settings::default() },
            enabled,
            reads: self.reads.clone(),
            schema: self.schema.clone(),
            ..Item::nameless(self.kind, package, self.location.clone(), Body::Kept(self.body))
        }
    }
}

fn piece(item: &Item<'_>, packages: &[String]) -> Piece {
    Piece {
        id: item.id.clone(),
        name: item.name.clone(),
        package: packages.iter().position(|package| package == item.package).unwrap_or_default(),
        kind: item.kind,
        body: item.body.kept(),
        location: Location { text: None, ..item.location.clone() },
        patch: item.patch.map(Path::to_path_buf),
        fixed: Fixed::of(item),
        reads: item.reads.clone(),
        schema: item.schema.clone(),
        tests: 0,
        test_reads: Vec::new(),
    }
}

fn single(loaded: &Loaded, check: &Check) -> Single {
    let properties = loaded.packages.iter().flat_map(|package| &package.singular_tests);
    let described = properties.into_iter().find(|properties| properties.name == check.name);
    Single {
        id: check.id.clone(),
        kind: check.kind,
        file: check.location.file.clone(),
        patch: described.map(|properties| properties.patch.clone()),
        reads: check.reads.clone(),
    }
}
