//! Which files a project is read from: looked up, watched as they are read, or as somebody knows them already.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use headwater_plan::Diagnostics;

use super::discover::{self, Files, Place};
use super::{DBT_PROJECT_FILE, Folders, PROJECT_FILE, ignore};
use crate::packages::{DEPENDENCIES_FILE, LOCK_FILE, PACKAGES_FILE};

/// The files of a project's own folder that are read by their names.
const OF_PROJECT: &[&str] =
    &[PROJECT_FILE, DBT_PROJECT_FILE, PACKAGES_FILE, DEPENDENCIES_FILE, LOCK_FILE, ignore::FILE];
/// The same of a package's folder.
const OF_PACKAGE: &[&str] = &[DBT_PROJECT_FILE, ignore::FILE];

/// How files are found.
pub(crate) enum Walk<'w> {
    /// By looking for them.
    Fresh,
    /// By looking for them, and each is told before it is read.
    Watched(&'w Watched<'w>),
    /// They are these.
    Given(&'w Walked),
}

/// Who watches.
pub(crate) struct Watched<'w> {
    /// Is told the files that are about to be read, or are found not to be there.
    pub(crate) see: &'w dyn Fn(Vec<PathBuf>),
    /// Where files were looked for.
    pub(crate) places: RefCell<Places>,
}

/// Where a project's files are looked for. With the text of the files that it begins with, that says which files it has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// The folder of packages.
    pub(crate) packages: PathBuf,
    /// The folders of packages that are not copied.
    pub(crate) local: Vec<PathBuf>,
    /// The project itself and its packages, each with its folders.
    pub(crate) walked: Vec<(PathBuf, Folders)>,
}

/// The files of the project itself and of its packages, by their folders.
#[derive(Debug, Default)]
pub(crate) struct Walked(HashMap<PathBuf, Files>);

impl Walk<'_> {
    /// To be called before anything is read.
    pub(super) fn begin(&self) {
        if let Self::Watched(watched) = self {
            (watched.see)(named(Path::new(""), OF_PROJECT));
        }
    }

    /// To be called before packages are looked for.
    pub(super) fn packages(&self, dir: &Path, folder: &Path, local: Vec<PathBuf>) {
        if let Self::Watched(watched) = self {
            let mut paths = of_packages(dir, folder);
            paths.extend(of_local(&local));
            (watched.see)(paths);
            let mut places = watched.places.borrow_mut();
            (places.packages, places.local) = (folder.to_owned(), local);
        }
    }

    /// The files of the project itself (`""`) or of a package.
    pub(super) fn files(&self, dir: &Path, package: &Path, folders: &Folders, found: &mut Diagnostics) -> Files {
        match self {
            Self::Fresh => discover::files(dir, package, folders, found),
            Self::Watched(watched) => {
                let files = discover::files(dir, package, folders, found);
                (watched.see)(files.paths());
                watched.places.borrow_mut().walked.push((package.to_owned(), folders.clone()));
                files
            }
            Self::Given(walked) => walked.0.get(package).cloned().unwrap_or_default(),
        }
    }
}

impl Places {
    /// All files that there are now, and those that matter although they are not there; `None` if something there cannot be
    /// part of a project.
    pub(crate) fn look(&self, dir: &Path) -> Option<(Vec<PathBuf>, Walked)> {
        let mut found = Diagnostics::default();
        let mut paths = named(Path::new(""), OF_PROJECT);
        paths.extend(of_packages(dir, &self.packages));
        paths.extend(of_local(&self.local));
        let mut walked = Walked::default();
        if dir.join(PROJECT_FILE).is_file() {
            discover::refuse(dir, &mut found);
        }
        for (package, folders) in &self.walked {
            let files = discover::files(dir, package, folders, &mut found);
            paths.extend(files.paths());
            walked.0.insert(package.clone(), files);
        }
        found.0.is_empty().then_some((paths, walked))
    }
}

impl Walked {
    /// The same without the YAML files, models, snapshots and tests that nobody wants.
    pub(crate) fn only(&self, wanted: &HashSet<&Path>) -> Self {
        let only = |places: &[Place]| -> Vec<Place> {
            places.iter().filter(|place| wanted.contains(place.path.as_path())).cloned().collect()
        };
        let wanted = |files: &Files| Files {
            models: only(&files.models),
            macros: files.macros.clone(),
            tests: only(&files.tests),
            snapshots: only(&files.snapshots),
            analyses: Vec::new(),
            seeds: files.seeds.clone(),
            docs: files.docs.clone(),
            fixtures: files.fixtures.clone(),
            properties: only(&files.properties),
        };
        Self(self.0.iter().map(|(package, files)| (package.clone(), wanted(files))).collect())
    }
}

fn named(folder: &Path, names: &[&str]) -> Vec<PathBuf> {
    names.iter().map(|name| folder.join(name)).collect()
}

/// The files by which packages are known; a folder that comes or goes is a file that does.
fn of_packages(dir: &Path, folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir.join(folder)) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| folder.join(entry.file_name())).collect();
    folders.sort();
    folders.iter().flat_map(|folder| named(folder, OF_PACKAGE)).collect()
}

fn of_local(folders: &[PathBuf]) -> Vec<PathBuf> {
    folders.iter().map(|folder| folder.join(DBT_PROJECT_FILE)).collect()
}
