//! The folders of `dbt_packages`: which packages there are, and which are missing.

use std::path::{Path, PathBuf};

use headwater_plan::{Code, Diagnostic, Diagnostics};

use super::{Lock, PackageSource, PinnedSource, Spec};
use crate::config::{DBT_PROJECT_FILE, Environ, project};

/// A package that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installed {
    /// The name in its `dbt_project.yml`.
    pub(crate) name: String,
    /// Its folder, relative to the project.
    pub(crate) dir: PathBuf,
}

/// The packages below that folder of the project, those that are asked for first and in that order. One that is asked for
/// and is not there is told.
pub(crate) fn installed(
    dir: &Path,
    folder: &Path,
    asked: &[Spec],
    environ: &Environ,
    found: &mut Diagnostics,
) -> Vec<Installed> {
    let mut there = list(dir, folder, found);
    if asked.is_empty() {
        return there;
    }
    let lock = Lock::read(dir, environ).unwrap_or_else(|wrong| {
        found.extend(wrong.0);
        None
    });
    let names: Vec<Option<String>> = asked.iter().map(|spec| name(dir, spec, lock.as_ref())).collect();
    let is_there = |name: &str| there.iter().any(|package| package.name == name);
    let unnamed = names.iter().filter(|name| name.is_none()).count();
    let others = there.iter().filter(|package| !names.iter().flatten().any(|name| *name == package.name)).count();
    for (spec, name) in asked.iter().zip(&names) {
        let missing = match name {
            Some(name) => !is_there(name),
            // A package whose name is not known is one of those that are there and not asked for by name.
            None => others < unnamed,
        };
        if missing {
            let what = name.clone().unwrap_or_else(|| spec.shown());
            let message = format!("the package `{what}` is not installed in `{}`", folder.display());
            let wrong = Diagnostic::error(Code::PackageNotInstalled, message).at(spec.location.clone());
            found.push(wrong.help("run `headwater deps`"));
        }
    }
    let rank =
        |package: &Installed| names.iter().position(|name| name.as_ref() == Some(&package.name)).unwrap_or(names.len());
    there.sort_by_key(rank);
    there
}

/// The folders with a `dbt_project.yml`, sorted.
fn list(dir: &Path, folder: &Path, found: &mut Diagnostics) -> Vec<Installed> {
    let Ok(entries) = std::fs::read_dir(dir.join(folder)) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| folder.join(entry.file_name())).collect();
    folders.sort();
    folders.retain(|folder| dir.join(folder).join(DBT_PROJECT_FILE).is_file());
    let package = |folder: PathBuf| Some(Installed { name: project::package_name(dir, &folder, found)?, dir: folder });
    folders.into_iter().filter_map(package).collect()
}

/// The name of the project that a package is, as far as that can be known before it is there.
fn name(dir: &Path, spec: &Spec, lock: Option<&Lock>) -> Option<String> {
    if spec.name.is_some() {
        return spec.name.clone();
    }
    let locked = || lock?.packages.iter().find(|pinned| is_same(&pinned.source, &spec.source))?.name.clone();
    match &spec.source {
        PackageSource::Local { path } => {
            project::package_name(&dir.join(path), Path::new(""), &mut Diagnostics::default())
        }
        PackageSource::Hub { package, .. } => locked().or_else(|| package.rsplit('/').next().map(str::to_owned)),
        PackageSource::Git { .. } | PackageSource::Tarball { .. } => locked(),
    }
}

fn is_same(pinned: &PinnedSource, asked: &PackageSource) -> bool {
    match (pinned, asked) {
        (PinnedSource::Hub { package, .. }, PackageSource::Hub { package: asked, .. }) => package == asked,
        (PinnedSource::Git { url, .. }, PackageSource::Git { url: asked, .. })
        | (PinnedSource::Tarball { url, .. }, PackageSource::Tarball { url: asked }) => url.expose() == asked.expose(),
        _ => false,
    }
}
