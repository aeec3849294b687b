//! Which licences a dependency may have: those that let Apache-2.0 software carry it.

use cargo_metadata::MetadataCommand;

use crate::Workspace;
use crate::error::{TaskError, complain};
use crate::process::say;

/// SPDX identifiers of licences that ask for no more than a notice.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "bzip2-1.0.6",
];

/// Crates that are used unchanged under another licence, each with its reason.
const EXCEPTIONS: &[(&str, &str)] = &[
    // MPL-2.0 asks that changes to its own files are published; we change none. Comes with deltalake-core, by `dirs`.
    ("option-ext", "MPL-2.0"),
];

/// Checks the licence of every crate in `Cargo.lock`.
pub(crate) fn run(workspace: &Workspace) -> Result<(), TaskError> {
    let metadata = MetadataCommand::new()
        .manifest_path(workspace.root.join("Cargo.toml"))
        .other_options(vec!["--locked".to_owned()])
        .exec()?;
    let complaints = metadata
        .packages
        .iter()
        .filter(|package| {
            let licence = package.license.as_deref().unwrap_or_default();
            !allowed(licence) && !EXCEPTIONS.contains(&(package.name.as_str(), licence))
        })
        .map(|package| {
            let licence = package.license.as_deref().unwrap_or("none stated");
            format!("`{} {}` has a licence that is not on the list: {licence}", package.name, package.version)
        })
        .collect();
    complain(complaints)?;
    say(&format!("licences: {} crates", metadata.packages.len()));
    Ok(())
}

/// Whether an SPDX expression can be met with allowed licences only. `AND` binds tighter than `OR`; some old crates
/// write `/` for `OR`.
fn allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    either(&mut rest) && rest.is_empty()
}

fn either(words: &mut &[&str]) -> bool {
    let mut met = both(words);
    while let Some((&"OR", rest)) = words.split_first() {
        *words = rest;
        // Not `||`: the right side must be read even when the left is met.
        met |= both(words);
    }
    met
}

fn both(words: &mut &[&str]) -> bool {
    let mut met = single(words);
    while let Some((&"AND", rest)) = words.split_first() {
        *words = rest;
        met &= single(words);
    }
    met
}

fn single(words: &mut &[&str]) -> bool {
    let Some((first, rest)) = words.split_first() else { return false };
    *words = rest;
    if *first == "(" {
        let met = either(words);
        let Some((&")", rest)) = words.split_first() else { return false };
        *words = rest;
        return met;
    }
    match words {
        ["WITH", exception, rest @ ..] => {
            let licence = format!("{first} WITH {exception}");
            *words = rest;
            ALLOWED.contains(&licence.as_str()) || ALLOWED.contains(first)
        }
        _ => ALLOWED.contains(first),
    }
}

#[cfg(test)]
mod tests {
    use super::allowed;

    #[test]
    fn expressions_are_met_as_spdx_says() {
        for good in
            ["MIT", "MIT OR GPL-3.0", "MIT/Apache-2.0", "(MIT OR GPL-2.0) AND Unicode-3.0", "GPL-2.0 OR MIT AND ISC"]
        {
            assert!(allowed(good), "{good}");
        }
        for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT", "MIT)", "MIT GPL-3.0", "OR MIT"] {
            assert!(!allowed(bad), "{bad}");
        }
        assert!(allowed("Apache-2.0 WITH LLVM-exception OR GPL-3.0"));
    }
}
