//! Which files a project has. Sorted, so that messages and plans come in the same order on every machine.

use std::fs;
use std::path::{Path, PathBuf};

use headwater_plan::{Code, Diagnostic, Diagnostics, Location};

/// How deep folders may nest: a guard against links that go in a circle.
const MAX_DEPTH: usize = 32;

/// The files of a project, relative to its folder.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) models: Vec<PathBuf>,
    pub(super) macros: Vec<PathBuf>,
    pub(super) tests: Vec<PathBuf>,
    pub(super) seeds: Vec<PathBuf>,
    /// The YAML files of all four folders.
    pub(super) properties: Vec<PathBuf>,
}

/// A folder of dbt's or of Headwater's own whose nodes cannot be built yet.
const UNSUPPORTED: &[(&str, &[&str], &str)] = &[
    ("snapshots", &["sql", "yml", "yaml"], "snapshots are not supported yet"),
    ("enrichments", &["yml", "yaml"], "enrichments are not supported yet"),
    ("exports", &["yml", "yaml"], "exports are not supported yet"),
    ("pipelines", &["yml", "yaml"], "pipelines are not supported yet"),
    ("models", &["py"], "Python models are not supported yet: write the query in SQL"),
];

/// All files; a folder that is not there has none, one that cannot be read is told.
pub(super) fn files(dir: &Path, found: &mut Diagnostics) -> Files {
    let mut files = Files::default();
    for (folder, extension) in [("models", "sql"), ("macros", "sql"), ("tests", "sql"), ("seeds", "csv")] {
        let all = walk(dir, folder, found);
        let own = all.iter().filter(|path| has_extension(path, &[extension])).cloned().collect();
        match folder {
            "models" => files.models = own,
            "macros" => files.macros = own,
            "tests" => files.tests = own,
            _ => files.seeds = own,
        }
        files.properties.extend(all.into_iter().filter(|path| has_extension(path, &["yml", "yaml"])));
    }
    for (folder, extensions, what) in UNSUPPORTED {
        for path in walk(dir, folder, found).iter().filter(|path| has_extension(path, extensions)) {
            let message = format!("`{}` cannot be a part of the project: {what}", path.display());
            found.push(Diagnostic::error(Code::Unsupported, message).at(Location::line(path, 1)));
        }
    }
    files
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().and_then(|extension| extension.to_str()).is_some_and(|extension| extensions.contains(&extension))
}

fn walk(dir: &Path, folder: &str, found: &mut Diagnostics) -> Vec<PathBuf> {
    let mut files = Vec::new();
    if dir.join(folder).is_dir() {
        enter(dir, Path::new(folder), 0, &mut files, found);
    }
    files.sort();
    files
}

fn enter(dir: &Path, folder: &Path, depth: usize, files: &mut Vec<PathBuf>, found: &mut Diagnostics) {
    if depth > MAX_DEPTH {
        let message = format!("the folder `{}` is too deep: a link may go in a circle", folder.display());
        found.push(Diagnostic::error(Code::UnreadableFile, message));
        return;
    }
    let entries = match fs::read_dir(dir.join(folder)) {
        Ok(entries) => entries,
        Err(error) => {
            let message = format!("cannot read the folder `{}`", folder.display());
            found.push(Diagnostic::error(Code::UnreadableFile, message).caused_by(&error));
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
                match dir.join(&path).is_dir() {
                    true => enter(dir, &path, depth + 1, files, found),
                    false => files.push(path),
                }
            }
            Err(error) => {
                let message = format!("cannot list the folder `{}`", folder.display());
                found.push(Diagnostic::error(Code::UnreadableFile, message).caused_by(&error));
            }
        }
    }
}
