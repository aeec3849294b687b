//! The help of every command.

use crate::project::{Project, assert_says};

#[test]
fn the_commands() {
    assert_says!(Project::nothing(), ["--help"], @"");
}

#[test]
fn each_command() {
    let project = Project::nothing();
    let verbs: &[&[&str]] = &[
        &["demo"],
        &["init"],
        &["check"],
        &["plan"],
        &["run"],
        &["test"],
        &["query"],
        &["tables"],
        &["tables", "show"],
        &["runs"],
        &["runs", "show"],
        &["generate"],
        &["completions"],
    ];
    let all: Vec<String> =
        verbs.iter().map(|verb| project.says(&[*verb, &["--help"]].concat())).collect();
    insta::assert_snapshot!("help", all.join("\n"));
}

#[test]
fn an_unknown_flag_is_the_users_to_change() {
    assert_says!(Project::nothing(), ["run", "--full-refesh"], @"");
}

#[test]
fn the_version() {
    let version = Project::nothing().output(&["--version"]);
    assert_eq!(version, format!("headwater {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_for_every_shell() {
    let project = Project::nothing();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(project.output(&["completions", shell]).contains("headwater"), "{shell}");
    }
}

#[test]
fn schemas_are_json() {
    let project = Project::nothing();
    let printed: serde_json::Value = serde_json::from_str(&project.output(&["schema"])).unwrap();
    assert!(printed["headwater.schema.json"]["properties"]["name"].is_object(), "{printed}");
    project.output(&["schema", "--output", "schemas"]);
    assert!(project.path("schemas/properties.schema.json").is_file());
}
