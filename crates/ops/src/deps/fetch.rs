//! One package to a folder, from wherever it is.

use std::io;
use std::path::{Path, PathBuf};

use headwater_plan::{Code, Diagnostic};
use headwater_project::packages::{PackageSource, Pinned, PinnedSource, Spec};

use super::git::{self, Remote};
use super::http::Http;
use super::tar;

/// A package that is there.
pub(super) struct Fetched {
    /// Its folder.
    pub(super) dir: PathBuf,
    /// The commit, if it comes from a repository.
    pub(super) commit: Option<String>,
    /// Whether the folder is the user's own.
    is_local: bool,
}

impl Fetched {
    /// Puts it into its place: a folder of the user's own by a link, as in dbt, so that what they change in it holds.
    pub(super) fn put(&self, place: &Path) -> io::Result<()> {
        if !self.is_local {
            return std::fs::rename(&self.dir, place);
        }
        #[cfg(unix)]
        if std::os::unix::fs::symlink(&self.dir, place).is_ok() {
            return Ok(());
        }
        copy(&self.dir, place)
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&from, &to)?;
        } else {
            std::fs::copy(&from, &to)?;
        }
    }
    Ok(())
}

/// Fetches what is asked for, to see what it is.
pub(super) async fn asked(http: &Http, project: &Path, spec: &Spec, into: &Path) -> Result<Fetched, Diagnostic> {
    match &spec.source {
        PackageSource::Git { url, revision, subdirectory, .. } => {
            let remote = Remote { url, shown: &spec.shown() };
            of_git(remote, revision.as_deref(), subdirectory.as_deref(), into).await
        }
        PackageSource::Tarball { url } => of_tarball(http, url.expose(), &spec.shown(), into).await,
        PackageSource::Local { path } => of_folder(project, path),
        PackageSource::Hub { package, .. } => {
            Err(Diagnostic::internal(format!("the package `{package}` has no version")))
        }
    }
}

/// Fetches a package at its version. `release` is the address of a hub package's archive.
pub(super) async fn pinned(
    http: &Http,
    project: &Path,
    package: &Pinned,
    release: Option<&str>,
    into: &Path,
) -> Result<Fetched, Diagnostic> {
    match &package.source {
        PinnedSource::Git { url, written, revision, subdirectory } => {
            of_git(Remote { url, shown: written }, Some(revision), subdirectory.as_deref(), into).await
        }
        PinnedSource::Tarball { url, written } => of_tarball(http, url.expose(), written, into).await,
        PinnedSource::Local { path } => of_folder(project, path),
        PinnedSource::Hub { package, .. } => {
            let url = release.ok_or_else(|| Diagnostic::internal(format!("the package `{package}` has no archive")))?;
            of_tarball(http, url, url, into).await
        }
    }
}

async fn of_git(
    remote: Remote<'_>,
    revision: Option<&str>,
    subdirectory: Option<&str>,
    into: &Path,
) -> Result<Fetched, Diagnostic> {
    let commit = git::checkout(remote, revision, into).await?;
    let dir = subdirectory.map_or_else(|| into.to_owned(), |folder| into.join(folder));
    if !dir.is_dir() {
        let folder = subdirectory.unwrap_or_default();
        let message = format!("`{}` has no folder `{folder}`", remote.shown);
        return Err(Diagnostic::error(Code::PackageUnavailable, message).help("`subdirectory:` names it"));
    }
    Ok(Fetched { dir, commit: Some(commit), is_local: false })
}

async fn of_tarball(http: &Http, url: &str, shown: &str, into: &Path) -> Result<Fetched, Diagnostic> {
    let Some(bytes) = http.get(url, shown).await? else {
        return Err(Diagnostic::error(Code::PackageUnavailable, format!("there is nothing at `{shown}`")));
    };
    let damaged = |error: &io::Error| {
        let message = format!("`{shown}` is no archive that holds a package");
        Diagnostic::error(Code::PackageUnavailable, message)
            .help("expected a `.tar.gz` with one folder")
            .caused_by(error)
    };
    tar::unpack(&bytes[..], into).map_err(|error| damaged(&error))?;
    std::fs::create_dir_all(into).map_err(|error| damaged(&error))?;
    Ok(Fetched { dir: into.to_owned(), commit: None, is_local: false })
}

fn of_folder(project: &Path, path: &str) -> Result<Fetched, Diagnostic> {
    let dir = std::fs::canonicalize(project.join(path)).map_err(|error| {
        Diagnostic::error(Code::PackageUnavailable, format!("there is no folder `{path}`"))
            .help("`local:` names a folder from that of the project")
            .caused_by(&error)
    })?;
    Ok(Fetched { dir, commit: None, is_local: true })
}
