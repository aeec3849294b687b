//! A check of some nodes of a project that was sound: those whose texts are others, and those that depend on what has become
//! another with them. The passes are the same; every other node is there with its name and columns only.
//!
//! It goes in rounds. In each, the nodes that have to be looked at are; if that shows that others have to be too, they
//! join them in the next. Whatever it cannot be certain of ends it: then the whole project is checked.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_plan::{Diagnostic, Diagnostics, NodeId, NodeKind};

use super::super::front::{self, Ground, Part, Reached, Told};
use super::super::item::{Index, Kept};
use super::super::models;
use super::memory::Found;
use super::pieces::{Fixed, Pieces, Single};
use super::recorded::{Nowhere, Recorded};
use crate::config::walk::{Walk, Walked};
use crate::config::{self, Loaded, Package, Request};
use crate::template;
use crate::world::Outside;

/// After so many rounds the whole project is checked.
const ROUNDS: usize = 12;
/// All that depends on a node is looked at at once if it is no more than this, to spare rounds.
const FEW: usize = 128;
/// A share of the nodes from which checking them all is as fast.
const SHARE: usize = 3;

/// What is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Looked {
    items: BTreeSet<Index>,
    singles: BTreeSet<usize>,
}

/// What a round shows.
enum Round {
    Done(Box<(Found, Option<Pieces>)>),
    /// More has to be looked at.
    More(Looked),
}

/// What is found, and the pieces if the project is sound; `None` if the whole project has to be checked.
pub(super) fn check(
    request: &Request,
    found: &Found,
    pieces: &Pieces,
    walked: &Walked,
    modified: &[PathBuf],
) -> Option<(Found, Option<Pieces>)> {
    let mut part = Looked::of(pieces, modified)?;
    for _ in 0..ROUNDS {
        if part.items.len() * SHARE > pieces.items.len().max(FEW) {
            return None;
        }
        part.with_unit_tests(pieces);
        let partial = Partial { request, found, pieces, part: &part };
        match partial.round(walked)? {
            Round::Done(done) => return Some(*done),
            Round::More(more) => part = more,
        }
    }
    None
}

impl Looked {
    /// What stands in these files; `None` if one of them is not of a model, a snapshot or a singular test alone.
    fn of(pieces: &Pieces, modified: &[PathBuf]) -> Option<Self> {
        let mut part = Self::default();
        for path in modified.iter().map(PathBuf::as_path) {
            let is_sql = path.extension().is_some_and(|extension| extension == "sql");
            let in_it = |file: &Path| is_sql && file == path;
            let items = pieces.items.iter().enumerate();
            let items = items.filter(|(_, item)| item.body == Kept::Model && in_it(&item.location.file));
            let singles = pieces.singles.iter().enumerate();
            let singles = singles.filter(|(_, single)| single.kind == NodeKind::Test && in_it(&single.file));
            let before = part.items.len() + part.singles.len();
            part.items.extend(items.map(|(index, _)| index));
            part.singles.extend(singles.map(|(number, _)| number));
            if part.items.len() + part.singles.len() == before {
                return None;
            }
        }
        Some(part)
    }

    /// The unit tests of a model are looked at with it.
    fn with_unit_tests(&mut self, pieces: &Pieces) {
        let of_items = |single: &Single| {
            single.kind == NodeKind::UnitTest && single.reads.iter().any(|read| self.items.contains(read))
        };
        let singles = pieces.singles.iter().enumerate().filter(|(_, single)| of_items(single));
        let singles: Vec<usize> = singles.map(|(number, _)| number).collect();
        self.singles.extend(singles);
    }
}

/// A round.
struct Partial<'p> {
    request: &'p Request,
    found: &'p Found,
    pieces: &'p Pieces,
    part: &'p Looked,
}

impl Partial<'_> {
    fn round(&self, walked: &Walked) -> Option<Round> {
        let loaded = self.load(walked)?;
        let mut items = self.pieces.kept(&loaded)?;
        let ids: HashMap<&NodeId, Index> =
            self.part.items.iter().map(|index| (&self.pieces.items[*index].id, *index)).collect();
        let mut missing = ids.len();
        // What is wrong with names and YAML was told when they were read.
        for item in models::gather(&loaded, &mut Diagnostics::default()) {
            if let Some(index) = ids.get(&item.id) {
                items[*index] = item;
                missing -= 1;
            } else if !self.pieces.has(&item.id) {
                // A file of snapshots may get one more.
                return None;
            }
        }
        if missing > 0 {
            return None;
        }
        let nowhere: Arc<dyn Outside> = Arc::new(Nowhere);
        let recorded = Arc::new(Recorded::new(&nowhere));
        let lake: Arc<dyn Outside> = recorded.clone();
        let ground = Ground { request: self.request, loaded: &loaded, outside: &lake, traces: false };
        let mut told = Told::new(Diagnostics::default());
        let round =
            front::through(&ground, Some(items), &mut told, |reached, told| self.judge(&loaded, &reached, told));
        recorded.answers().filter(|answers| answers.is_empty())?;
        round
    }

    /// The files of what is looked at, and those that all need.
    fn load(&self, walked: &Walked) -> Option<Loaded> {
        let Self { pieces, part, .. } = self;
        let mut wanted: HashSet<&Path> = HashSet::new();
        for item in part.items.iter().map(|index| &pieces.items[*index]) {
            wanted.insert(&item.location.file);
            wanted.extend(item.patch.as_deref());
        }
        for single in part.singles.iter().map(|number| &pieces.singles[*number]) {
            wanted.insert(&single.file);
            wanted.extend(single.patch.as_deref());
        }
        let walked = walked.only(&wanted);
        let (loaded, _) = config::load_walking(self.request, &template::yaml, &Walk::Given(&walked));
        let mut loaded = loaded.filter(|loaded| loaded.complete)?;
        for package in &mut loaded.packages {
            let Package { name, unit_tests, .. } = package;
            unit_tests.retain(|test| self.tested(name, &test.model).is_some_and(|model| part.items.contains(&model)));
        }
        Some(loaded)
    }

    /// The model that a unit test of a package is of.
    fn tested(&self, package: &str, model: &str) -> Option<Index> {
        let named = |index: &Index| {
            let item = &self.pieces.items[*index];
            item.kind == NodeKind::Model && item.name == model
        };
        let own = |index: &Index| self.pieces.packages[self.pieces.items[*index].package] == package;
        let all = || (0..self.pieces.items.len()).filter(named);
        all().find(own).or_else(|| all().next())
    }

    fn judge(&self, loaded: &Loaded, reached: &Reached<'_>, told: &Told) -> Option<Round> {
        let Self { pieces, part, .. } = self;
        let asked = &reached.facts.asked;
        let read = |index: &Index| &reached.items[*index].relation;
        let knows = |node: &str, relation: &headwater_plan::TableName| {
            let item = reached.items.iter().position(|item| item.id.0 == node);
            item.is_some_and(|index| {
                let test_reads = &pieces.items[index].test_reads;
                let mut known = reached.items[index].reads.iter().chain(test_reads).map(read);
                reached.items[index].relation == *relation || known.any(|known| known == relation)
            })
        };
        if asked.is_of_once() || asked.is_of_whole(knows) {
            return None;
        }
        let has_untold =
            |index: &Index| !reached.items[*index].untold.is_empty() || reached.items[*index].late.is_some();
        if part.items.iter().any(has_untold) {
            return None;
        }
        let dead = self.dead(reached);
        let more = self.more(reached, &dead)?;
        if more != **part {
            return Some(Round::More(more));
        }
        let found = self.told(told, &dead)?;
        if found.iter().any(|(_, told)| told.is_error()) {
            let found = Found { told: found, nodes: Vec::new(), ..self.found.clone() };
            return Some(Round::Done(Box::new((found, None))));
        }
        let mut now = Pieces::of(loaded, reached, Some(pieces));
        let again = std::mem::take(&mut now.singles);
        let kept = pieces.singles.iter().enumerate().filter(|(number, _)| !part.singles.contains(number));
        now.singles = kept.map(|(_, single)| single.clone()).chain(again).collect();
        let found = Found { told: found, nodes: now.counts(), ..self.found.clone() };
        Some(Round::Done(Box::new((found, Some(now)))))
    }

    /// The nodes that have no columns any more, because something is wrong with them or with what they read.
    fn dead(&self, reached: &Reached<'_>) -> BTreeSet<Index> {
        let mut dead: BTreeSet<Index> = BTreeSet::new();
        for index in reached.order {
            let item = &reached.items[*index];
            if item.schema.is_none() || item.reads.iter().any(|read| dead.contains(read)) {
                dead.insert(*index);
            }
        }
        dead
    }

    /// All that has to be looked at, as far as is known now.
    fn more(&self, reached: &Reached<'_>, dead: &BTreeSet<Index>) -> Option<Looked> {
        let Self { pieces, part, .. } = self;
        let mut more = Looked::clone(part);
        let mut others: BTreeSet<Index> = BTreeSet::new();
        for index in &part.items {
            let (now, before) = (&reached.items[*index], &pieces.items[*index]);
            let is_other = Fixed::of(now) != before.fixed;
            if is_other || (now.schema.is_some() && now.schema != before.schema) {
                others.insert(*index);
            }
            // What is kept does not know that it has no columns any more.
            let read = now.reads.iter().chain(&before.test_reads);
            more.items.extend(read.filter(|read| dead.contains(read)));
        }
        if !part.singles.is_empty() {
            more.items.extend(dead);
        }
        let readers = |of: &BTreeSet<Index>| -> BTreeSet<Index> {
            let reads =
                |item: &super::pieces::Piece| item.reads.iter().chain(&item.test_reads).any(|read| of.contains(read));
            (0..pieces.items.len()).filter(|index| reads(&pieces.items[*index])).collect()
        };
        let mut needed = readers(&others);
        let mut all = needed.clone();
        while all.len() <= FEW {
            let grown: BTreeSet<Index> = all.union(&readers(&all)).copied().collect();
            if grown == all {
                needed = grown;
                break;
            }
            all = grown;
        }
        more.items.extend(needed);
        let touched = |single: &Single| single.reads.iter().any(|read| others.contains(read));
        more.singles.extend((0..pieces.singles.len()).filter(|number| touched(&pieces.singles[*number])));
        more.with_unit_tests(pieces);
        let can_be = more.items.iter().all(|index| pieces.items[*index].body == Kept::Model);
        can_be.then_some(more)
    }

    /// What is told of the whole project.
    fn told(&self, told: &Told, dead: &BTreeSet<Index>) -> Option<Vec<(Part, Diagnostic)>> {
        let Self { pieces, part, found, .. } = self;
        let items: HashMap<&NodeId, Index> =
            pieces.items.iter().enumerate().map(|(index, item)| (&item.id, index)).collect();
        let singles: HashMap<&NodeId, usize> =
            pieces.singles.iter().enumerate().map(|(number, single)| (&single.id, number)).collect();
        let is_dead = |index: &Index| dead.contains(index);
        let mut all = Vec::new();
        for (of, earlier) in &found.told {
            let node = earlier.node.as_ref();
            let item = node.and_then(|node| items.get(node));
            let single = node.and_then(|node| singles.get(node));
            let holds = match of {
                Part::Project | Part::Order | Part::Beside => true,
                Part::Operations => false,
                _ if item.is_some_and(|item| part.items.contains(item)) => false,
                _ if single.is_some_and(|single| part.singles.contains(single)) => false,
                Part::Templates => true,
                Part::Types | Part::Tests => match (item, single) {
                    // Which of its tests it is of is not known.
                    (Some(item), _) if *of == Part::Tests && pieces.items[*item].test_reads.iter().any(is_dead) => {
                        return None;
                    }
                    (Some(item), _) => !dead.contains(item),
                    (None, Some(single)) => !pieces.singles[*single].reads.iter().any(is_dead),
                    (None, None) => return None,
                },
            };
            if holds {
                all.push((*of, earlier.clone()));
            }
        }
        for (of, now) in told.of_parts() {
            let node = now.node.as_ref();
            let is_of_part = node.is_some_and(|node| {
                items.get(node).is_some_and(|item| part.items.contains(item))
                    || singles.get(node).is_some_and(|single| part.singles.contains(single))
            });
            match of {
                Part::Project => {}
                Part::Operations => all.push((of, now.clone())),
                // Those of unit tests name no node.
                Part::Tests if node.is_none() => all.push((of, now.clone())),
                Part::Templates | Part::Types | Part::Tests if is_of_part => all.push((of, now.clone())),
                _ => return None,
            }
        }
        Some(all)
    }
}
