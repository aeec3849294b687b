//! Which crate may depend on which: lower floors only, never sideways.
//!
//! Dependencies of every kind count, those for tests too: a test that needs a neighbour belongs a floor higher.

use std::collections::BTreeMap;
use std::path::Path;

use cargo_metadata::MetadataCommand;

use crate::Workspace;
use crate::error::{TaskError, complain};
use crate::process::say;

/// The floor of every crate. A new crate gets its line here.
const FLOORS: &[(&str, u8)] = &[
    ("headwater-plan", 0),
    ("headwater-features", 0),
    ("headwater-sql", 1),
    ("headwater-lake", 1),
    ("headwater-connect", 1),
    ("headwater-run", 1),
    ("headwater-project", 2),
    ("headwater-aws", 2),
    ("headwater-embedded", 2),
    ("headwater-spark", 2),
    ("headwater-ops", 3),
    ("headwater", 5),
];

/// Crates outside the house: they may depend on nothing in it, and nothing in it on them.
const TOOLS: &[&str] = &["xtask"];

/// A crate of the workspace and the crates of the workspace that it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) depends_on: Vec<String>,
}

/// Checks the floors of this workspace.
pub(crate) fn run(workspace: &Workspace) -> Result<(), TaskError> {
    let crates = read(&workspace.root)?;
    complain(check(&crates))?;
    say(&format!("floors: {} crates, each depends on lower floors only", crates.len()));
    Ok(())
}

/// The crates of a workspace, from `cargo metadata`.
pub(crate) fn read(root: &Path) -> Result<Vec<Crate>, TaskError> {
    let metadata = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
    let packages = metadata.workspace_packages();
    let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let crates = packages.iter().map(|package| Crate {
        name: package.name.to_string(),
        depends_on: package
            .dependencies
            .iter()
            .map(|dependency| dependency.name.clone())
            .filter(|name| names.contains(&name.as_str()))
            .collect(),
    });
    Ok(crates.collect())
}

/// What is wrong, a line each, both crates named.
pub(crate) fn check(crates: &[Crate]) -> Vec<String> {
    let floors: BTreeMap<&str, u8> = FLOORS.iter().copied().collect();
    let mut complaints = Vec::new();
    for upper in crates {
        let upper_floor = floors.get(upper.name.as_str());
        if upper_floor.is_none() && !TOOLS.contains(&upper.name.as_str()) {
            complaints.push(format!(
                "`{}` has no floor: give it a line in `FLOORS` of xtask/src/floors.rs, as DESIGN draws it",
                upper.name
            ));
            continue;
        }
        for lower in &upper.depends_on {
            // A crate without a floor is told of once, above.
            let lower_floor = floors.get(lower.as_str());
            let problem = match (upper_floor, lower_floor) {
                (Some(upper), Some(lower)) if lower < upper => continue,
                (Some(upper), Some(lower)) if lower == upper => format!("both on floor {upper}"),
                (Some(upper), Some(lower)) => format!("from floor {upper} up to floor {lower}"),
                _ if TOOLS.contains(&upper.name.as_str()) || TOOLS.contains(&lower.as_str()) => {
                    "a tool is outside the house".to_owned()
                }
                _ => continue,
            };
            complaints.push(format!("`{}` must not depend on `{lower}`: {problem}", upper.name));
        }
    }
    complaints
}

#[cfg(test)]
mod tests;
