//! Settings by folder that nothing lies in: most often a folder that is misspelt, or that was renamed.

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Diagnostic, Diagnostics};

use super::settings::Branch;
use super::{Package, SettingsKind, settings};

/// Tells of the folders of the project's own `dbt_project.yml` that hold no model or seed of any package.
pub(super) fn warn(packages: &[Package], found: &mut Diagnostics) {
    let Some(own) = packages.first() else { return };
    for kind in [SettingsKind::Models, SettingsKind::Seeds] {
        let Some(branch) = own.settings.branch(kind).filter(|branch| !branch.below.is_empty()) else { continue };
        let names: Vec<Vec<String>> = packages.iter().flat_map(|package| names(package, kind)).collect();
        let names: Vec<&[String]> = names.iter().map(Vec::as_slice).collect();
        below(kind, branch, &names, found);
    }
}

/// Package, folders and name of each thing.
fn names(package: &Package, kind: SettingsKind) -> Vec<Vec<String>> {
    let name = |folders: &[String], path: &std::path::Path| {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        std::iter::once(package.name.clone()).chain(folders.iter().cloned()).chain(stem).collect()
    };
    match kind {
        SettingsKind::Seeds => package.seed_files.iter().map(|file| name(&file.folders, &file.path)).collect(),
        _ => package.model_files.iter().map(|file| name(&file.folders, &file.path)).collect(),
    }
}

/// Looks at the folders of a branch; `names` are those of what lies in it, as they go on from here.
fn below(kind: SettingsKind, branch: &Branch, names: &[&[String]], found: &mut Diagnostics) {
    for (folder, branch) in &branch.below {
        let inside: Vec<&[String]> = names
            .iter()
            .filter_map(|name| name.split_first())
            .filter(|(first, _)| *first == folder)
            .map(|(_, rest)| rest)
            .collect();
        if !inside.is_empty() {
            below(kind, branch, &inside, found);
            continue;
        }
        // Of a setting without its `+` another message tells.
        let Some(location) = branch.first().filter(|_| !settings::takes_mapping(kind, folder)) else { continue };
        let message = format!("settings of `{folder}`, in which nothing lies");
        let wrong = Diagnostic::warning(Code::UnknownKey, message).at(location.clone());
        let known = names.iter().filter_map(|name| name.first()).map(String::as_str);
        found.push(match did_you_mean(folder, known) {
            Some(near) => wrong.help(format!("did you mean `{near}`?")),
            None => wrong.help("a package, a folder or a file of that name would take them"),
        });
    }
}
