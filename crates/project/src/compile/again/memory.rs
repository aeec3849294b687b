//! The file of what an earlier check found: read if it was written by this very program for the same question, written anew
//! by a rename. One that is older, foreign or broken is as good as none.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use headwater_plan::{Diagnostic, NodeKind};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::super::fingerprint::hex;
use super::super::front::Part;
use super::bytes::{Reader, Writer};
use super::pieces::Pieces;
use super::recorded::Answers;
use super::stamps::{self, Stamps};
use super::written::{put_kind, take_kind};
use crate::config::walk::Places;
use crate::config::{Environ, Folders, Request};

/// The form of the file.
const FORMAT: &[u8] = b"headwater checked 1\n";
/// How many questions (environments, variables) are remembered.
const MOST: usize = 8;

/// Where what is found is kept between checks.
#[derive(Debug, Clone)]
pub struct Keep {
    /// The folder of its files: all in it can be removed at any time.
    pub folder: PathBuf,
    /// What tells this program from every other: another may find other things.
    pub program: String,
}

/// What an earlier check found, and what that depends on.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) environ: Seal,
    pub(super) answers: Answers,
    pub(super) places: Places,
    pub(super) stamps: Stamps,
    pub(super) found: Found,
    /// The pieces, not read yet; none if the project can only be looked at as a whole.
    pub(super) pieces: Option<Vec<u8>>,
}

/// What was found in a project without errors.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) project: String,
    pub(super) environment: String,
    pub(super) nodes: Vec<(NodeKind, u64)>,
    pub(super) told: Vec<(Part, Diagnostic)>,
}

/// The environment variables that were asked for, and a hash of what they held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seal {
    names: Vec<String>,
    /// So that nobody looks the hash of a password up in a list.
    salt: u64,
    hash: String,
}

impl Seal {
    pub(super) fn of(environ: &Environ, salt: u64) -> Self {
        let names: Vec<String> = environ.asked().into_iter().collect();
        let hash = sealed(environ, &names, salt);
        Self { names, salt, hash }
    }

    pub(super) fn salt(&self) -> u64 {
        self.salt
    }

    /// Whether the variables still hold the same. Having been asked for, they belong to what comes next too.
    pub(super) fn holds(&self, environ: &Environ) -> bool {
        sealed(environ, &self.names, self.salt) == self.hash
    }
}

fn sealed(environ: &Environ, names: &[String], salt: u64) -> String {
    let mut hasher = Sha256::new();
    hasher.update(salt.to_le_bytes());
    for name in names {
        let value = environ.get(name);
        for part in [Some(name.as_str()), value] {
            let part = part.unwrap_or_default().as_bytes();
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hasher.update([u8::from(value.is_some())]);
    }
    hex(&hasher.finalize())
}

/// What is asked, beside the files: its file's name, and what the file begins with.
pub(super) struct Key {
    path: PathBuf,
    whole: String,
}

impl Key {
    pub(super) fn new(request: &Request, keep: &Keep) -> Self {
        let Request { dir, environment, vars, environ: _, threads, invocation } = request;
        let asked = json!({
            "dir": dir.display().to_string(),
            "environment": environment,
            "vars": vars,
            "threads": threads,
            "machine": thread::available_parallelism().map_or(0, usize::from),
            "command": invocation.command,
            "flags": [invocation.full_refresh, invocation.store_failures],
            "event_time": format!("{:?}", invocation.event_time),
            "deferred": format!("{:?}", invocation.deferred),
            "selected": invocation.selected,
            "inline": invocation.inline,
        });
        let name = hex(&Sha256::digest(asked.to_string().as_bytes()));
        let by = format!("{} {} {}", env!("CARGO_PKG_VERSION"), keep.program, name);
        Self { path: keep.folder.join(&name[..16]), whole: hex(&Sha256::digest(by.as_bytes())) }
    }
}

impl Memory {
    pub(super) fn read(key: &Key) -> Option<Self> {
        let bytes = fs::read(&key.path).ok()?;
        let mut from = Reader::new(bytes.strip_prefix(FORMAT)?);
        if from.text()? != key.whole || from.fixed()? != stamps::hash(from.rest()) {
            return None;
        }
        let environ = Seal {
            names: from.list(|from| Some(from.text()?.to_owned()))?,
            salt: from.fixed()?,
            hash: from.text()?.to_owned(),
        };
        let answers = Answers::read(&mut from)?;
        let places = take_places(&mut from)?;
        let stamps = stamps::read(&mut from)?;
        let found = Found {
            project: from.text()?.to_owned(),
            environment: from.text()?.to_owned(),
            nodes: from.list(|from| Some((take_kind(from)?, from.number()?)))?,
            told: from.list(|from| {
                let part = PARTS.get(usize::from(from.byte()?))?;
                Some((*part, serde_json::from_str(from.text()?).ok()?))
            })?,
        };
        let pieces = from.maybe(|from| Some(from.rest().to_vec()))?;
        Some(Self { environ, answers, places, stamps, found, pieces })
    }

    /// Keeps it, if that can be. What cannot be kept is found again, so nothing is told of it.
    pub(super) fn write(&self, key: &Key) -> Option<()> {
        let mut to = Writer::default();
        let Self { environ, answers, places, stamps, found, pieces } = self;
        to.list(&environ.names, |to, name| to.text(name));
        to.fixed(environ.salt);
        to.text(&environ.hash);
        answers.write(&mut to);
        let mut whole = put_places(&mut to, places);
        whole &= stamps::write(stamps, &mut to);
        to.text(&found.project);
        to.text(&found.environment);
        to.list(&found.nodes, |to, (kind, count)| {
            put_kind(to, *kind);
            to.number(*count);
        });
        to.list(&found.told, |to, (part, told)| {
            let place = PARTS.iter().position(|known| known == part).unwrap_or_default();
            to.byte(u8::try_from(place).unwrap_or_default());
            let text = serde_json::to_string(told);
            whole &= text.is_ok();
            to.text(&text.unwrap_or_default());
        });
        to.maybe(pieces.as_ref(), |to, pieces| to.0.extend(pieces));
        if !whole {
            return None;
        }
        let mut head = Writer(FORMAT.to_vec());
        head.text(&key.whole);
        head.fixed(stamps::hash(&to.0));
        put(&key.path, &[&head.0, &to.0])
    }
}

/// The pieces as bytes; none if they cannot be written.
pub(super) fn written(pieces: &Pieces) -> Option<Vec<u8>> {
    let mut to = Writer::default();
    pieces.write(&mut to).then_some(to.0)
}

const PARTS: [Part; 7] =
    [Part::Project, Part::Templates, Part::Order, Part::Types, Part::Tests, Part::Operations, Part::Beside];

/// Puts a file in its place at once, so that nobody reads half of it.
fn put(path: &Path, parts: &[&[u8]]) -> Option<()> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let folder = path.parent()?;
    fs::create_dir_all(folder).ok()?;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let scratch = path.with_extension(format!("{}-{number}.new", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = || -> std::io::Result<()> {
        let mut file = options.open(&scratch)?;
        parts.iter().try_for_each(|part| file.write_all(part))?;
        drop(file);
        fs::rename(&scratch, path)
    };
    if written().is_err() {
        // What is left of it is taken away, if that can be.
        let _ = fs::remove_file(&scratch);
        return None;
    }
    prune(folder);
    Some(())
}

/// Takes the oldest away where there are too many.
fn prune(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let aged = entries.flatten().filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())));
    let mut aged: Vec<_> = aged.collect();
    aged.sort();
    for (_, path) in aged.iter().rev().skip(MOST) {
        // Another process may have been faster.
        let _ = fs::remove_file(path);
    }
}

fn put_places(to: &mut Writer, places: &Places) -> bool {
    let mut whole = to.path(&places.packages);
    let mut paths = |to: &mut Writer, paths: &[PathBuf]| to.list(paths, |to, path| whole &= to.path(path));
    paths(to, &places.local);
    to.count(places.walked.len());
    for (package, folders) in &places.walked {
        let Folders { models, seeds, tests, macros, snapshots, analyses, docs, target, packages, clean } = folders;
        paths(to, std::slice::from_ref(package));
        for folders in [models, seeds, tests, macros, snapshots, analyses, docs, clean] {
            paths(to, folders);
        }
        paths(to, &[target.clone(), packages.clone()]);
    }
    whole
}

fn take_places(from: &mut Reader<'_>) -> Option<Places> {
    let paths = |from: &mut Reader<'_>| from.list(Reader::path);
    let packages = from.path()?;
    let local = paths(from)?;
    let walked = from.list(|from| {
        let package = paths(from)?.pop()?;
        let mut folders = Folders::default();
        let Folders { models, seeds, tests, macros, snapshots, analyses, docs, target, packages, clean } = &mut folders;
        for folders in [models, seeds, tests, macros, snapshots, analyses, docs, clean] {
            *folders = paths(from)?;
        }
        let mut others = paths(from)?;
        (*packages, *target) = (others.pop()?, others.pop()?);
        Some((package, folders))
    })?;
    Some(Places { packages, local, walked })
}
