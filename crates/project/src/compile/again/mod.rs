//! A check, and what is kept of it, so that the next one does again only what must be done again.
//!
//! What a check finds is a function of: the project's files, the command and its variables, the environment variables that
//! templates ask for, the lake's answers, and this program. All of that is kept with what was found ([`memory`]): of files how
//! they looked before they were read ([`stamps`]), of the others a hash. Then
//! 1. if all is the same, what was found is found again;
//! 2. if some models or singular tests are other texts, they and what depends on them is done again, by the same passes,
//!    beside nodes of which only the columns are known ([`partly`], [`pieces`]);
//! 3. if anything else is another, everything is done.
//!
//! The risk is a mistake that is not told. So whatever is not known for certain leads to 3, and only sound projects are kept:
//! while one is being mended, it is looked at beside its last sound state.
//!
//! | module | owns |
//! |---|---|
//! | [`memory`] | the file, its key |
//! | [`stamps`] | how files look |
//! | [`recorded`] | the lake's answers |
//! | [`pieces`], [`written`], [`bytes`] | the nodes, and their form on disk |
//! | [`partly`] | a check of some nodes |

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;

use headwater_plan::{Diagnostic, Diagnostics, NodeKind};

use super::front::{self, Ground, Part, Reached, Told};
use super::{asks_for_graph, beside, sort};
use crate::config::walk::{Places, Walk, Watched};
use crate::config::{self, Loaded, Request};
use crate::template;
use crate::world::Outside;

mod bytes;
mod memory;
mod partly;
mod pieces;
mod recorded;
mod stamps;
#[cfg(test)]
mod tests;
mod written;

pub use memory::Keep;
use memory::{Found, Key, Memory, Seal};
use pieces::Pieces;
use recorded::Recorded;
use stamps::Stamps;

/// What a check comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The project's name; empty if its files do not tell.
    pub project: String,
    /// The environment that it was checked for.
    pub environment: String,
    /// How many nodes of each kind its plan has; none where there are errors.
    pub nodes: Vec<(NodeKind, u64)>,
    /// Every error and warning.
    pub diagnostics: Diagnostics,
}

/// Finds every mistake in a project without touching data: the errors and warnings of [`super::compile()`], without its plan.
/// What is found is the same with something to keep it in and without.
pub fn check(request: &Request, outside: &Arc<dyn Outside>, keep: Option<&Keep>) -> Checked {
    let key = keep.map(|keep| Key::new(request, keep));
    match key.as_ref().and_then(|key| again(request, outside, key)) {
        Some(checked) => checked,
        None => whole(request, outside, key.as_ref()),
    }
}

/// When the check began, in nanoseconds.
fn began(request: &Request) -> i64 {
    request.invocation.started_at.timestamp_nanos_opt().unwrap_or_default()
}

/// The check of a project of which something is known; `None` if it has to be checked as a whole.
fn again(request: &Request, outside: &Arc<dyn Outside>, key: &Key) -> Option<Checked> {
    let memory = Memory::read(key)?;
    if !memory.environ.holds(&request.environ) || !memory.answers.hold(outside) {
        return None;
    }
    let (paths, walked) = memory.places.look(&request.dir)?;
    let since = stamps::since(&request.dir, &paths, &memory.stamps, began(request))?;
    if since.others {
        return None;
    }
    if since.modified.is_empty() {
        let checked = checked(&memory.found);
        if since.more {
            Memory { stamps: since.stamps, ..memory }.write(key);
        }
        return Some(checked);
    }
    let pieces = Pieces::read(&mut bytes::Reader::new(memory.pieces.as_ref()?))?;
    let (found, pieces) = partly::check(request, &memory.found, &pieces, &walked, &since.modified)?;
    let checked = checked(&found);
    if let Some(pieces) = pieces {
        let environ = Seal::of(&request.environ, memory.environ.salt());
        let pieces = memory::written(&pieces);
        Memory { environ, stamps: since.stamps, found, pieces, ..memory }.write(key);
    }
    Some(checked)
}

/// The check of a whole project.
fn whole(request: &Request, outside: &Arc<dyn Outside>, key: Option<&Key>) -> Checked {
    let recorded = Arc::new(Recorded::new(outside));
    let lake: Arc<dyn Outside> = recorded.clone();
    let stamps: RefCell<Option<Stamps>> = RefCell::new(Some(Vec::new()));
    let see = |paths: Vec<PathBuf>| {
        let seen = stamps::look(&request.dir, &paths, began(request));
        let all = stamps.take().zip(seen);
        stamps.replace(all.map(|(before, seen)| before.into_iter().chain(seen).collect()));
    };
    let watched = Watched { see: &see, places: RefCell::default() };
    let walk = if key.is_some() { Walk::Watched(&watched) } else { Walk::Fresh };
    let (loaded, diagnostics) = config::load_walking(request, &template::yaml, &walk);
    let Some(loaded) = loaded else {
        return Checked { project: String::new(), environment: String::new(), nodes: Vec::new(), diagnostics };
    };
    let mut told = Told::new(diagnostics);
    let ground = Ground { request, loaded: &loaded, outside: &lake, traces: false };
    let sound = front::through(&ground, None, &mut told, |reached, told| sound(&loaded, &reached, told));
    let nodes = sound.as_ref().map(|sound| sound.pieces.counts()).unwrap_or_default();
    let found = found(&loaded, nodes, told);
    let checked = checked(&found);
    if let (Some(key), Some(sound), Some(stamps), Some(answers)) = (key, sound, stamps.take(), recorded.answers())
        && sound.lasts
    {
        let places: Places = watched.places.take();
        let environ = Seal::of(&request.environ, began(request).cast_unsigned());
        let pieces = if sound.in_pieces { memory::written(&sound.pieces) } else { None };
        Memory { environ, answers, places, stamps: stamps::sorted(stamps), found, pieces }.write(key);
    }
    checked
}

/// What a project without errors comes to.
struct Sound {
    pieces: Pieces,
    /// Whether the same files come to the same tomorrow.
    lasts: bool,
    /// Whether a node can be looked at without the others.
    in_pieces: bool,
}

fn sound(loaded: &Loaded, reached: &Reached<'_>, told: &mut Told) -> Option<Sound> {
    if told.all.has_errors() {
        return None;
    }
    exposures(loaded, reached, told.on(Part::Beside));
    if told.all.has_errors() {
        return None;
    }
    let pieces = Pieces::of(loaded, reached, None);
    let is_late = reached.items.iter().any(|item| item.enabled && item.late.is_some());
    let lasts = loaded.complete && !is_late && !reached.facts.asked.is_of_once();
    let in_pieces = is_in_pieces(loaded, reached, &pieces, told);
    Some(Sound { pieces, lasts, in_pieces })
}

fn exposures(loaded: &Loaded, reached: &Reached<'_>, diagnostics: &mut Diagnostics) {
    let Reached { items, registry, templates, facts, .. } = reached;
    // Descriptions that do not render stay as they are written: nothing is told of them.
    let expand = |_: &str, text: &str| text.to_owned();
    let gathering = beside::Gathering { loaded, items, registry, templates, facts, expand: &expand };
    gathering.exposures(diagnostics);
}

/// Whether every node is a function of its own files, what it reads, and what is the same for all.
fn is_in_pieces(loaded: &Loaded, reached: &Reached<'_>, pieces: &Pieces, told: &Told) -> bool {
    let is_plain = |item: &super::item::Item<'_>| {
        let has_hooks = !item.settings.before.is_empty() || !item.settings.after.is_empty();
        item.untold.is_empty() && (item.body.kept() != super::item::Kept::Seed || !has_hooks)
    };
    let has_place = |part: Part, told: &Diagnostic| match part {
        Part::Templates | Part::Types | Part::Tests => told.node.as_ref().is_some_and(|node| pieces.has(node)),
        Part::Project | Part::Order | Part::Operations | Part::Beside => true,
    };
    reached.items.iter().all(is_plain)
        && !asks_for_graph(loaded)
        && !reached.facts.asked.is_of_whole(|node, relation| pieces.knows(node, relation))
        && told.of_parts().all(|(part, told)| has_place(part, told))
}

fn found(loaded: &Loaded, nodes: Vec<(NodeKind, u64)>, told: Told) -> Found {
    Found {
        project: loaded.name.clone(),
        environment: loaded.environment.name.clone(),
        nodes,
        told: told.of_parts().map(|(part, told)| (part, told.clone())).collect(),
    }
}

/// What was found, in the order in which it is told.
fn checked(found: &Found) -> Checked {
    let mut diagnostics: Diagnostics = Diagnostics(found.told.iter().map(|(_, told)| told.clone()).collect());
    sort(&mut diagnostics);
    let nodes = if diagnostics.has_errors() { Vec::new() } else { found.nodes.clone() };
    let Found { project, environment, .. } = found.clone();
    Checked { project, environment, nodes, diagnostics }
}
