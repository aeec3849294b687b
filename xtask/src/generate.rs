//! Files in the repository that are made from the code: `schemas/`, the JSON Schemas of the project's YAML files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Workspace;
use crate::error::{TaskError, complain};
use crate::process::{cargo, run as run_process, say};

/// Writes them, and into each example those that its files name.
pub(crate) fn run(workspace: &Workspace) -> Result<(), TaskError> {
    write(workspace, &workspace.root.join("schemas"))?;
    let examples = workspace.root.join("examples");
    for entry in fs::read_dir(&examples).map_err(TaskError::file("list", &examples))? {
        let example = entry.map_err(TaskError::file("list", &examples))?.path();
        if example.join("headwater.yml").is_file() {
            let folder = example.join(".headwater/schemas");
            for (name, text) in read(&workspace.root.join("schemas"))? {
                fs::create_dir_all(&folder).map_err(TaskError::file("create", &folder))?;
                let path = folder.join(name);
                fs::write(&path, text).map_err(TaskError::file("write", &path))?;
            }
        }
    }
    Ok(())
}

/// Checks that the files are those that the code makes.
pub(crate) fn check(workspace: &Workspace) -> Result<(), TaskError> {
    let fresh = workspace.cache.join("schemas");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).map_err(TaskError::file("remove", &fresh))?;
    }
    write(workspace, &fresh)?;
    let (fresh, committed) = (read(&fresh)?, read(&workspace.root.join("schemas"))?);
    let mut complaints = Vec::new();
    for name in fresh.keys().chain(committed.keys().filter(|name| !fresh.contains_key(*name))) {
        if fresh.get(name) != committed.get(name) {
            complaints.push(format!(
                "`schemas/{}` is not what the code makes: run `cargo xtask generate` and commit the result",
                name.display()
            ));
        }
    }
    complain(complaints)?;
    say(&format!("generated: {} files are what the code makes", committed.len()));
    Ok(())
}

fn write(workspace: &Workspace, folder: &Path) -> Result<(), TaskError> {
    run_process(
        cargo()
            .current_dir(&workspace.root)
            .args(["run", "--quiet", "--package", "headwater", "--", "schema", "--output"])
            .arg(folder),
    )
}

/// The files of a folder and their texts; none if there is no folder.
fn read(folder: &Path) -> Result<BTreeMap<PathBuf, String>, TaskError> {
    let mut files = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(files);
    }
    for entry in fs::read_dir(folder).map_err(TaskError::file("list", folder))? {
        let path = entry.map_err(TaskError::file("list", folder))?.path();
        let text = fs::read_to_string(&path).map_err(TaskError::file("read", &path))?;
        files.insert(path.file_name().map(PathBuf::from).unwrap_or_default(), text);
    }
    Ok(files)
}
