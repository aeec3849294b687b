//! `clean`: takes away what can be made again: dbt's `clean-targets`, `target/` unless the project names others.
//!
//! The risk is taking away what cannot. Only folders inside the project go, never the project itself, its lake, or a folder
//! that holds what the user wrote.

use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use headwater_plan::{Code, Diagnostic, Diagnostics};
use headwater_project::config::Folders;
use serde::Serialize;

use crate::{Context, OpsError};

/// What was taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CleanReport {
    /// The folders, relative to the project.
    pub removed: Vec<PathBuf>,
}

/// Takes the folders away that are there.
///
/// # Errors
/// A folder that must not go, or cannot.
pub fn clean(context: &Context) -> Result<CleanReport, Diagnostics> {
    let request = context.request()?;
    let project = headwater_project::project(&request)?;
    let folders = project.dbt.map(|dbt| dbt.folders).unwrap_or_default();
    let lake = PathBuf::from(&project.environment.lake);
    let mut wrong = Diagnostics::default();
    for folder in &folders.clean {
        if let Some(why) = must_stay(&request.dir, folder, &folders, &lake) {
            let message = format!("`clean-targets` names `{}`, which {why}", folder.display());
            wrong.push(Diagnostic::error(Code::InvalidValue, message).help("name folders that can be made again"));
        }
    }
    if wrong.has_errors() {
        return Err(wrong);
    }
    let mut removed = Vec::new();
    for folder in folders.clean {
        let path = request.dir.join(&folder);
        match std::fs::remove_dir_all(&path) {
            Ok(()) => removed.push(folder),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(OpsError::Unwritable { path, source }.into()),
        }
    }
    Ok(CleanReport { removed })
}

/// Why a folder must not go.
fn must_stay(dir: &Path, folder: &Path, folders: &Folders, lake: &Path) -> Option<&'static str> {
    let is_inside = folder.components().all(|part| matches!(part, Component::Normal(_)));
    if !is_inside || folder.as_os_str().is_empty() {
        return Some("lies outside of the project");
    }
    let written =
        [&folders.models, &folders.seeds, &folders.tests, &folders.macros, &folders.snapshots, &folders.analyses];
    if written.into_iter().flatten().any(|own| own.starts_with(folder)) {
        return Some("holds what you wrote");
    }
    let path = dir.join(folder);
    (lake.starts_with(&path) || path.starts_with(lake)).then_some("holds the lake")
}
