//! Which files a project or package has. Sorted, so that messages and plans come in the same order on every machine.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use headwater_plan::{Code, Diagnostic, Diagnostics, Location};

use super::Folders;
use super::ignore::Ignore;

/// How deep folders may nest: a guard against links that go in a circle.
const MAX_DEPTH: usize = 32;

/// A file, and the folders between its resource folder (`models/`, …) and itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Relative to the project.
    pub(super) path: PathBuf,
    pub(super) folders: Vec<String>,
}

/// The files of a project or package.
#[derive(Debug, Clone, Default)]
pub(super) struct Files {
    pub(super) models: Vec<Place>,
    /// Generic tests too.
    pub(super) macros: Vec<Place>,
    pub(super) tests: Vec<Place>,
    pub(super) snapshots: Vec<Place>,
    pub(super) analyses: Vec<Place>,
    pub(super) seeds: Vec<Place>,
    pub(super) docs: Vec<Place>,
    /// CSV and SQL files with the rows of unit tests.
    pub(super) fixtures: Vec<Place>,
    /// The YAML files of all folders.
    pub(super) properties: Vec<Place>,
}

impl Files {
    /// All of them.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        let Self { models, macros, tests, snapshots, analyses, seeds, docs, fixtures, properties } = self;
        let all = [models, macros, tests, snapshots, analyses, seeds, docs, fixtures, properties];
        all.into_iter().flatten().map(|place| place.path.clone()).collect()
    }
}

/// A folder of Headwater's own whose nodes cannot be built yet.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("enrichments", "enrichments are not supported yet"),
    ("exports", "exports are not supported yet"),
    ("pipelines", "pipelines are not supported yet"),
];

/// All files of what lies at `package` in the project; a folder that is not there has none, one that cannot be read is
/// told.
pub(super) fn files(dir: &Path, package: &Path, folders: &Folders, found: &mut Diagnostics) -> Files {
    let mut walk = Walk { dir, package, ignore: Ignore::read(dir, package, found), seen: HashMap::new(), found };
    let mut files = Files::default();
    let all = walk.each(&folders.models);
    for place in all.iter().filter(|place| has_extension(&place.path, &["py"])) {
        let what = "Python models are not supported yet: write the query in SQL";
        walk.found.push(unsupported(&place.path, what));
    }
    files.models = of(all, &["sql"]);
    files.macros = of(walk.each(&folders.macros), &["sql"]);
    files.snapshots = of(walk.each(&folders.snapshots), &["sql"]);
    files.analyses = of(walk.each(&folders.analyses), &["sql"]);
    files.seeds = of(walk.each(&folders.seeds), &["csv"]);
    files.docs = of(walk.each(&folders.docs), &["md"]);
    for place in of(walk.each(&folders.tests), &["sql", "csv"]) {
        match place.folders.first().map(String::as_str) {
            Some("fixtures") => files.fixtures.push(place),
            _ if has_extension(&place.path, &["csv"]) => {}
            Some("generic") => files.macros.push(place),
            _ => files.tests.push(place),
        }
    }
    // Two kinds of things may share a folder.
    let every: Vec<PathBuf> = folders.of_properties().cloned().collect();
    let mut seen = HashSet::new();
    files.properties = of(walk.each(&every), &["yml", "yaml"]);
    files.properties.retain(|place| seen.insert(place.path.clone()));
    files
}

/// Tells of what a project with a `headwater.yml` may have and cannot have yet.
pub(super) fn refuse(dir: &Path, found: &mut Diagnostics) {
    let (package, ignore) = (Path::new(""), Ignore::default());
    let mut walk = Walk { dir, package, ignore, seen: HashMap::new(), found };
    for (folder, what) in UNSUPPORTED {
        for place in of(walk.each(&[PathBuf::from(folder)]), &["yml", "yaml"]) {
            walk.found.push(unsupported(&place.path, what));
        }
    }
}

fn unsupported(path: &Path, what: &str) -> Diagnostic {
    let message = format!("`{}` cannot be a part of the project: {what}", path.display());
    Diagnostic::error(Code::Unsupported, message).at(Location::line(path, 1))
}

fn of(places: Vec<Place>, extensions: &[&str]) -> Vec<Place> {
    places.into_iter().filter(|place| has_extension(&place.path, extensions)).collect()
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().and_then(|extension| extension.to_str()).is_some_and(|extension| extensions.contains(&extension))
}

struct Walk<'a> {
    dir: &'a Path,
    package: &'a Path,
    ignore: Ignore,
    /// The files of folders that were walked: one folder may hold several kinds.
    seen: HashMap<PathBuf, Vec<Place>>,
    found: &'a mut Diagnostics,
}

impl Walk<'_> {
    /// The files of folders, each folder's sorted.
    fn each(&mut self, folders: &[PathBuf]) -> Vec<Place> {
        let mut all = Vec::new();
        for folder in folders {
            if let Some(places) = self.seen.get(folder) {
                all.extend(places.iter().cloned());
                continue;
            }
            let path = self.package.join(folder);
            let mut paths = Vec::new();
            if self.dir.join(&path).is_dir() {
                self.enter(&path, 0, &mut paths);
            }
            paths.sort();
            let places: Vec<Place> =
                paths.into_iter().map(|file| Place { folders: between(&path, &file), path: file }).collect();
            all.extend(places.iter().cloned());
            self.seen.insert(folder.clone(), places);
        }
        all
    }

    fn enter(&mut self, folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
        if depth > MAX_DEPTH {
            let message = format!("the folder `{}` is too deep: a link may go in a circle", folder.display());
            self.found.push(Diagnostic::error(Code::UnreadableFile, message));
            return;
        }
        let entries = match fs::read_dir(self.dir.join(folder)) {
            Ok(entries) => entries,
            Err(error) => {
                let message = format!("cannot read the folder `{}`", folder.display());
                self.found.push(Diagnostic::error(Code::UnreadableFile, message).caused_by(&error));
                return;
            }
        };
        for entry in entries {
            match entry {
                Ok(entry) => {
                    let name = entry.file_name();
                    // Hidden files are those of editors and tools, never of a project.
                    if name.to_string_lossy().starts_with('.') {
                        continue;
                    }
                    let path = folder.join(name);
                    // A link is what it points to.
                    let is_folder = match entry.file_type() {
                        Ok(kind) if !kind.is_symlink() => kind.is_dir(),
                        _ => self.dir.join(&path).is_dir(),
                    };
                    let own = path.strip_prefix(self.package).unwrap_or(&path);
                    if self.ignore.leaves_out(own, is_folder) {
                        continue;
                    }
                    match is_folder {
                        true => self.enter(&path, depth + 1, files),
                        false => files.push(path),
                    }
                }
                Err(error) => {
                    let message = format!("cannot list the folder `{}`", folder.display());
                    self.found.push(Diagnostic::error(Code::UnreadableFile, message).caused_by(&error));
                }
            }
        }
    }
}

/// The folders between a resource folder and a file.
fn between(folder: &Path, path: &Path) -> Vec<String> {
    let below = path.strip_prefix(folder).unwrap_or(path).parent();
    below.into_iter().flat_map(Path::iter).map(|part| part.to_string_lossy().into_owned()).collect()
}
