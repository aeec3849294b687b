use std::fs;
use std::path::{Path, PathBuf};

use super::*;

fn one(name: &str, depends_on: &[&str]) -> Crate {
    Crate { name: name.to_owned(), depends_on: depends_on.iter().map(|name| (*name).to_owned()).collect() }
}

#[test]
fn downward_is_allowed() {
    assert_eq!(
        check(&[
            one("headwater-plan", &[]),
            one("headwater-lake", &["headwater-plan"]),
            one("headwater", &["headwater-plan", "headwater-ops"]),
        ]),
        Vec::<String>::new()
    );
}

#[test]
fn sideways_upward_unlisted_and_tools_are_refused() {
    assert_eq!(
        check(&[
            one("headwater-lake", &["headwater-connect"]),
            one("headwater-plan", &["headwater-ops"]),
            one("headwater-extra", &["headwater-plan"]),
            one("headwater-ops", &["xtask"]),
            one("xtask", &["headwater-plan"]),
        ]),
        [
            "`headwater-lake` must not depend on `headwater-connect`: both on floor 1",
            "`headwater-plan` must not depend on `headwater-ops`: from floor 0 up to floor 3",
            "`headwater-extra` has no floor: give it a line in `FLOORS` of xtask/src/floors.rs, as DESIGN draws it",
            "`headwater-ops` must not depend on `xtask`: a tool is outside the house",
            "`xtask` must not depend on `headwater-plan`: a tool is outside the house",
        ]
    );
}

/// The manifests of this workspace, copied, with empty sources.
fn copy_of_the_workspace() -> tempfile::TempDir {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
    let copy = tempfile::tempdir().unwrap();
    fs::copy(root.join("Cargo.toml"), copy.path().join("Cargo.toml")).unwrap();
    let crates = fs::read_dir(root.join("crates")).unwrap().map(|entry| entry.unwrap().path());
    for from in crates.chain([root.join("xtask")]).filter(|path| path.join("Cargo.toml").is_file()) {
        let to = copy.path().join(from.strip_prefix(&root).unwrap());
        fs::create_dir_all(to.join("src")).unwrap();
        fs::copy(from.join("Cargo.toml"), to.join("Cargo.toml")).unwrap();
        let source = if from.join("src/main.rs").is_file() { "src/main.rs" } else { "src/lib.rs" };
        fs::write(to.join(source), "").unwrap();
    }
    copy
}

fn complaints(root: &Path) -> Vec<String> {
    check(&read(root).unwrap())
}

#[test]
fn the_workspace_passes_and_a_planted_sideways_import_fails() {
    let copy = copy_of_the_workspace();
    assert_eq!(complaints(copy.path()), Vec::<String>::new());

    let manifest = copy.path().join("crates/lake/Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let planted = text.replacen("[dependencies]", "[dependencies]\nheadwater-connect.workspace = true", 1);
    assert_ne!(text, planted);
    fs::write(&manifest, planted).unwrap();
    assert_eq!(complaints(copy.path()), ["`headwater-lake` must not depend on `headwater-connect`: both on floor 1"]);
}

#[test]
fn a_planted_dependency_for_tests_fails_too() {
    let copy = copy_of_the_workspace();
    let manifest = copy.path().join("crates/connect/Cargo.toml");
    let mut text = fs::read_to_string(&manifest).unwrap();
    text.push_str("\n[target.'cfg(unix)'.dev-dependencies]\nheadwater-lake = { path = \"../lake\" }\n");
    fs::write(&manifest, text).unwrap();
    assert_eq!(complaints(copy.path()), ["`headwater-connect` must not depend on `headwater-lake`: both on floor 1"]);
}
