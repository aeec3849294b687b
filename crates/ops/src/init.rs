//! `init`: a new project in a folder of its own.
//!
//! The risk is writing into somebody's work. So the folder must be empty (a fresh git repository counts as empty), and
//! no file is ever written over.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use headwater_plan::Diagnostics;
use serde::Serialize;

use crate::OpsError;
use crate::templates::{self, Template};

/// Where the JSON Schemas of the project's files lie, for editors.
const SCHEMAS: &str = ".headwater/schemas";

/// A new project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InitReport {
    /// The folder.
    pub dir: PathBuf,
    /// The template.
    pub template: String,
    /// The files, relative to the folder.
    pub files: Vec<PathBuf>,
}

/// Makes a project in a folder, creating the folder if it is not there.
///
/// # Errors
/// An unknown template, a folder that is not empty, or one that cannot be written.
pub fn init(dir: &Path, template: &str) -> Result<InitReport, Diagnostics> {
    let template = template_named(template)?;
    if !is_empty(dir)? {
        return Err(OpsError::FolderNotEmpty { folder: dir.to_owned(), command: "init" }.into());
    }
    Ok(write_project(dir, template)?)
}

/// The name in the empty template, which gives way to the folder's.
const PLACEHOLDER: &str = "name: my_lake\n";

/// The text of a template's file in a folder: a project that is nobody's yet is named after its folder.
fn named_after(dir: &Path, path: &str, text: &str) -> String {
    let folder = dir.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name: String = folder.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let name = name.trim_matches('_');
    if path == headwater_project::config::PROJECT_FILE && name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        text.replacen(PLACEHOLDER, &format!("name: {name}\n"), 1)
    } else {
        text.to_owned()
    }
}

/// The template of that name.
pub(crate) fn template_named(name: &str) -> Result<&'static Template, OpsError> {
    templates::find(name).ok_or_else(|| OpsError::UnknownTemplate {
        asked: name.to_owned(),
        known: templates::all().iter().map(|template| template.name).collect(),
    })
}

/// Whether a folder holds nothing, or is not there.
pub(crate) fn is_empty(dir: &Path) -> Result<bool, OpsError> {
    let unreadable = |source| OpsError::Unreadable { path: dir.to_owned(), source };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(unreadable(error)),
    };
    for entry in entries {
        if entry.map_err(unreadable)?.file_name() != ".git" {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes a template's files, and the schemas that they name.
pub(crate) fn write_project(dir: &Path, template: &Template) -> Result<InitReport, OpsError> {
    let mut files = Vec::with_capacity(template.files.len());
    for (path, text) in template.files {
        write_new(&dir.join(path), &named_after(dir, path, text))?;
        files.push(PathBuf::from(path));
    }
    write_schemas(&dir.join(SCHEMAS))?;
    Ok(InitReport { dir: dir.to_owned(), template: template.name.to_owned(), files })
}

/// The JSON Schemas of the project's files: name, text.
pub fn schemas() -> Vec<(&'static str, String)> {
    headwater_project::schemas::all()
}

/// Writes the JSON Schemas of the project's files into a folder; what is there is replaced.
///
/// # Errors
/// A folder that cannot be written.
pub fn write_schemas(folder: &Path) -> Result<(), OpsError> {
    fs::create_dir_all(folder).map_err(|source| OpsError::Unwritable { path: folder.to_owned(), source })?;
    for (name, text) in schemas() {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|source| OpsError::Unwritable { path, source })?;
    }
    Ok(())
}

fn write_new(path: &Path, text: &str) -> Result<(), OpsError> {
    let write = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
    };
    write().map_err(|source| OpsError::Unwritable { path: path.to_owned(), source })
}
