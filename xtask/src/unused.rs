//! Dependencies that nobody uses: each costs every newcomer its build.

use std::fs;
use std::path::Path;

use cargo_metadata::MetadataCommand;

use crate::Workspace;
use crate::error::{TaskError, complain};
use crate::process::say;

/// Dependencies that no source names, each with its reason.
const NAMED_NOWHERE: &[(&str, &str)] = &[("headwater-features", "it holds no code: depending on it is what it is for")];

/// The crate whose dependencies are only there for their features.
const FEATURES: &str = "headwater-features";

/// Looks for each dependency's name in the sources of the crate that declares it.
pub(crate) fn run(workspace: &Workspace) -> Result<(), TaskError> {
    let metadata = MetadataCommand::new().manifest_path(workspace.root.join("Cargo.toml")).no_deps().exec()?;
    let mut complaints = Vec::new();
    let mut seen = 0;
    for package in metadata.workspace_packages().into_iter().filter(|package| package.name.as_str() != FEATURES) {
        let Some(folder) = package.manifest_path.parent() else { continue };
        let mut sources = String::new();
        for part in ["src", "tests", "benches", "build.rs"] {
            collect(folder.join(part).as_std_path(), &mut sources)?;
        }
        for dependency in &package.dependencies {
            seen += 1;
            let name = dependency.rename.as_deref().unwrap_or(&dependency.name);
            if !names(&sources, &name.replace('-', "_")) && !NAMED_NOWHERE.iter().any(|(known, _)| *known == name) {
                complaints.push(format!("`{}` does not use its dependency `{name}`", package.name));
            }
        }
    }
    complain(complaints)?;
    say(&format!("dependencies: all {seen} are used"));
    Ok(())
}

fn collect(path: &Path, sources: &mut String) -> Result<(), TaskError> {
    if path.is_file() && path.extension().is_some_and(|extension| extension == "rs") {
        sources.push_str(&fs::read_to_string(path).map_err(TaskError::file("read", path))?);
    }
    if path.is_dir() {
        for entry in fs::read_dir(path).map_err(TaskError::file("list", path))? {
            collect(&entry.map_err(TaskError::file("list", path))?.path(), sources)?;
        }
    }
    Ok(())
}

/// Whether the sources hold the name as a whole word.
fn names(sources: &str, name: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    sources.match_indices(name).any(|(start, _)| {
        let before = sources[..start].chars().next_back();
        let after = sources[start + name.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_name_is_a_whole_word() {
        assert!(names("use serde::Serialize;", "serde"));
        assert!(!names("use serde_json::Value;", "serde"));
        assert!(!names("let my_serde = 1;", "serde"));
    }
}
