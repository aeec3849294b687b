//! `deps`: fetches the packages that `packages.yml` or `dependencies.yml` names into `dbt_packages/`.
//!
//! The risk is a project with half of its packages. Everything is fetched and put together in a folder beside the one that
//! the project reads, which takes its place in one step. What `package-lock.yml` says holds, until what is asked for
//! changes or `--upgrade` is said.
//!
//! | module | owns |
//! |---|---|
//! | `fetch` | one package to a folder |
//! | `git` | the `git` program |
//! | `http` | the hub, and archives |
//! | [`tar`] | unpacking archives |

use std::path::{Path, PathBuf};

use headwater_plan::{Code, Diagnostic, Diagnostics, Severity};
use headwater_project::Environ;
use headwater_project::packages::{
    self, Facts, Index, LOCK_FILE, Lock, Need, PACKAGES_FILE, PackageSource, Pinned, PinnedSource, Resolution, Spec,
    Version,
};
use serde::Serialize;

use crate::artefacts::write_whole;
use crate::{Context, OpsError};

mod fetch;
mod git;
mod http;
pub(crate) mod tar;

use fetch::Fetched;
use http::{HUB_VARIABLE, Http};

/// What to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DepsOptions {
    /// Look for newer versions than those of the lock.
    pub upgrade: bool,
    /// Write the lock and fetch nothing into the project.
    pub lock_only: bool,
    /// Add a package to `packages.yml` first: `dbt-labs/dbt_utils@1.3.0`.
    pub add: Option<String>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DepsReport {
    /// The folder of the packages.
    pub dir: PathBuf,
    /// The packages, in the order of the lock.
    pub packages: Vec<PackageReport>,
    /// Whether the versions are those of the lock as it was.
    pub from_lock: bool,
    /// Whether they were put into the project.
    pub installed: bool,
    /// What the user should know.
    pub warnings: Diagnostics,
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageReport {
    /// The name of its project, if it is known.
    pub name: Option<String>,
    /// `hub`, `git`, `local`, `tarball`.
    pub source: String,
    /// The hub's name, the address or the path, as the user wrote it.
    pub from: String,
    /// The version or the commit.
    pub version: Option<String>,
    /// The newest version that the hub has, if it is a later one.
    pub newest: Option<String>,
}

/// Brings the packages of the project to what is asked for.
///
/// # Errors
/// Mistakes in the files, versions that do not go together, packages that cannot be fetched.
pub async fn deps(context: &Context, options: &DepsOptions) -> Result<DepsReport, Diagnostics> {
    let request = context.request()?;
    let dir = &request.dir;
    if let Some(add) = &options.add {
        add_package(dir, add)?;
    }
    let own = headwater_project::project(&request)?;
    let asked = packages::read(dir, &request.environ)?;
    let locked = Lock::read(dir, &request.environ)?.filter(|lock| !options.upgrade && lock.is_of(&asked));
    let mut work = Work::new(dir, &request.environ)?;
    let from_lock = locked.is_some();
    let pinned = match locked {
        Some(lock) => lock.packages,
        None => {
            let pinned = work.resolve(&own.name, &asked).await?;
            let lock = Lock::new(&asked, pinned.clone());
            write_whole(&dir.join(LOCK_FILE), lock.text().as_bytes())?;
            pinned
        }
    };
    let folder = dir.join(own.dbt.map(|dbt| dbt.folders).unwrap_or_default().packages);
    let mut reports = Vec::new();
    if options.lock_only {
        reports.extend(pinned.iter().map(|package| work.report(package, package.name.clone())));
    } else {
        reports = work.install(&pinned, &folder).await?;
    }
    let warnings = Diagnostics(asked.iter().filter_map(unpinned).collect());
    Ok(DepsReport { dir: folder, packages: reports, from_lock, installed: !options.lock_only, warnings })
}

/// What is fetched from a branch is another thing tomorrow.
fn unpinned(spec: &Spec) -> Option<Diagnostic> {
    let PackageSource::Git { revision: None, warn_unpinned: true, .. } = &spec.source else { return None };
    let message = format!("`{}` is fetched from its main branch, whatever that is by then", spec.shown());
    let mut warning = Diagnostic::error(Code::InvalidValue, message).at(spec.location.clone());
    warning.severity = Severity::Warning;
    Some(warning.help("name a tag or a commit: `revision: 1.2.0`; `warn-unpinned: false` silences this"))
}

/// What is going on: what is known, and what was fetched.
struct Work<'a> {
    dir: &'a Path,
    environ: &'a Environ,
    http: Http,
    facts: Facts,
    fetched: Vec<(String, Fetched)>,
    /// Where packages are fetched to; gone at the end.
    scratch: tempfile::TempDir,
}

impl<'a> Work<'a> {
    fn new(dir: &'a Path, environ: &'a Environ) -> Result<Self, Diagnostics> {
        // Beside the packages, so that they can be moved.
        let scratch = tempfile::Builder::new().prefix(".headwater-deps-").tempdir_in(dir);
        let scratch = scratch.map_err(|source| OpsError::Unwritable { path: dir.to_owned(), source })?;
        let http = Http::new(environ.get(HUB_VARIABLE))?;
        Ok(Self { dir, environ, http, facts: Facts::default(), fetched: Vec::new(), scratch })
    }

    async fn resolve(&mut self, project: &str, asked: &[Spec]) -> Result<Vec<Pinned>, Diagnostics> {
        loop {
            match packages::resolve(project, asked, &self.facts)? {
                Resolution::Pinned(pinned) => return Ok(pinned),
                Resolution::Needs(needs) => {
                    for need in needs {
                        self.find_out(need).await?;
                    }
                }
            }
        }
    }

    async fn find_out(&mut self, need: Need) -> Result<(), Diagnostics> {
        match need {
            Need::Index { package, location } => {
                let index = self.index(&package).await.map_err(|failed| failed.at(location.clone()))?;
                let Some(index) = index else {
                    let message = format!("the hub has no package `{package}`");
                    return Err(Diagnostic::error(Code::PackageUnavailable, message)
                        .at(location)
                        .help("a package is named `organisation/name`, as on https://hub.getdbt.com")
                        .into());
                };
                self.facts.indexes.insert(package, index);
            }
            Need::Contents(spec) => {
                let place = |failed: Diagnostic| failed.at(spec.location.clone());
                let into = self.scratch.path().join(format!("{}", self.fetched.len()));
                let fetched = fetch::asked(&self.http, self.dir, &spec, &into).await.map_err(place)?;
                let mut contents = packages::contents(&fetched.dir, self.environ).map_err(|mut wrong| {
                    wrong.0.iter_mut().for_each(|wrong| {
                        wrong.message = format!("in the package `{}`: {}", spec.shown(), wrong.message)
                    });
                    wrong
                })?;
                contents.revision.clone_from(&fetched.commit);
                self.facts.contents.insert(spec.key(), contents);
                self.fetched.push((spec.key(), fetched));
            }
        }
        Ok(())
    }

    async fn index(&self, package: &str) -> Result<Option<Index>, Diagnostic> {
        let Some(document) = self.http.index(package).await? else { return Ok(None) };
        let index = Index::parse(&document).map_err(|error| {
            Diagnostic::error(Code::PackageUnavailable, format!("the hub's document of `{package}` is not understood"))
                .fault(headwater_plan::Fault::Outside)
                .caused_by(&error)
        })?;
        Ok(Some(index))
    }

    /// Fetches what is not there yet and puts the packages in place, all at once.
    async fn install(&mut self, pinned: &[Pinned], folder: &Path) -> Result<Vec<PackageReport>, Diagnostics> {
        let staging = self.scratch.path().join("packages");
        let unwritable = |path: &Path| {
            let path = path.to_owned();
            move |source| Diagnostics::from(OpsError::Unwritable { path: path.clone(), source })
        };
        std::fs::create_dir_all(&staging).map_err(unwritable(&staging))?;
        let mut reports = Vec::new();
        for (number, package) in pinned.iter().enumerate() {
            let into = self.scratch.path().join(format!("pinned-{number}"));
            let fetched = match self.known(package) {
                Some(fetched) => fetched,
                None => {
                    let release = self.release(package).await?;
                    fetch::pinned(&self.http, self.dir, package, release.as_deref(), &into).await?
                }
            };
            let name = packages::contents(&fetched.dir, self.environ)?.name;
            let place = staging.join(&name);
            if place.exists() || place.is_symlink() {
                let message = format!("two packages are named `{name}`");
                return Err(Diagnostic::error(Code::DuplicateName, message)
                    .help(format!("`{PACKAGES_FILE}` must name each project once, from one place"))
                    .into());
            }
            fetched.put(&place).map_err(unwritable(&place))?;
            reports.push(self.report(package, Some(name)));
        }
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(unwritable(folder)(error)),
            _ => {}
        }
        if let Some(parent) = folder.parent() {
            std::fs::create_dir_all(parent).map_err(unwritable(parent))?;
        }
        std::fs::rename(&staging, folder).map_err(unwritable(folder))?;
        Ok(reports)
    }

    /// What was fetched already to find out what it is.
    fn known(&mut self, package: &Pinned) -> Option<Fetched> {
        let is_meant = |key: &str, fetched: &Fetched| match &package.source {
            PinnedSource::Git { url, revision, subdirectory, .. } => {
                let url = url.expose();
                let mut wanted = url.strip_suffix(".git").unwrap_or(url).to_owned();
                if let Some(folder) = subdirectory {
                    wanted += &format!("/{folder}");
                }
                key == wanted && fetched.commit.as_ref() == Some(revision)
            }
            PinnedSource::Tarball { url, .. } => key == url.expose(),
            PinnedSource::Local { path } => key == path,
            PinnedSource::Hub { .. } => false,
        };
        let at = self.fetched.iter().position(|(key, fetched)| is_meant(key, fetched))?;
        Some(self.fetched.swap_remove(at).1)
    }

    /// The address of a hub package's archive.
    async fn release(&mut self, package: &Pinned) -> Result<Option<String>, Diagnostics> {
        let PinnedSource::Hub { package, version } = &package.source else { return Ok(None) };
        if !self.facts.indexes.contains_key(package)
            && let Some(index) = self.index(package).await?
        {
            self.facts.indexes.insert(package.clone(), index);
        }
        let release = self.facts.indexes.get(package).and_then(|index| index.release(version));
        match release {
            Some(release) => Ok(Some(release.tarball.clone())),
            None => Err(Diagnostic::error(
                Code::PackageUnavailable,
                format!("the hub has no version {version} of `{package}`"),
            )
            .help(format!("`headwater deps --upgrade` looks for another one than that of `{LOCK_FILE}`"))
            .into()),
        }
    }

    fn report(&self, package: &Pinned, name: Option<String>) -> PackageReport {
        let (source, from, version) = match &package.source {
            PinnedSource::Hub { package, version } => ("hub", package.clone(), Some(version.to_string())),
            PinnedSource::Git { written, revision, .. } => ("git", written.clone(), Some(revision.clone())),
            PinnedSource::Local { path } => ("local", path.clone(), None),
            PinnedSource::Tarball { written, .. } => ("tarball", written.clone(), None),
        };
        let newest = match &package.source {
            PinnedSource::Hub { package, version } => self.newest(package).filter(|newest| newest > &version),
            _ => None,
        };
        PackageReport { name, source: source.to_owned(), from, version, newest: newest.map(ToString::to_string) }
    }

    fn newest(&self, package: &str) -> Option<&Version> {
        let releases = self.facts.indexes.get(package)?.releases.iter().rev();
        releases.map(|release| &release.version).find(|version| !version.is_prerelease())
    }
}

/// Adds a package to `packages.yml`: `organisation/name@version`, the address of a repository, or a folder.
fn add_package(dir: &Path, asked: &str) -> Result<(), Diagnostics> {
    let (what, version) = match asked.rsplit_once('@') {
        // `git@github.com:…` is an address, and no version.
        Some((what, version)) if !what.is_empty() && !version.contains(['/', ':']) => (what, Some(version)),
        _ => (asked, None),
    };
    let is_git = what.contains("://") || what.ends_with(".git") || what.starts_with("git@");
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let entry = if is_git {
        let revision = version.map(|version| format!("    revision: {}\n", quoted(version))).unwrap_or_default();
        format!("  - git: {}\n{revision}", quoted(what))
    } else if dir.join(what).join("dbt_project.yml").is_file() {
        format!("  - local: {}\n", quoted(what))
    } else {
        let Some(version) = version.filter(|_| what.split('/').count() == 2) else {
            let message =
                format!("`{asked}` is neither a package of the hub with its version, an address nor a folder");
            return Err(Diagnostic::error(Code::InvalidArgument, message)
                .help("for example `--add-package dbt-labs/dbt_utils@1.3.0`")
                .into());
        };
        format!("  - package: {}\n    version: {}\n", quoted(what), quoted(version))
    };
    let path = dir.join(PACKAGES_FILE);
    let before = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "packages:\n".to_owned(),
        Err(source) => return Err(OpsError::Unreadable { path, source }.into()),
    };
    let gap = if before.ends_with('\n') { "" } else { "\n" };
    Ok(write_whole(&path, format!("{before}{gap}{entry}").as_bytes())?)
}
