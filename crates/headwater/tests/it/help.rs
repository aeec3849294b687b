//! The help of every command.

use crate::project::{Project, assert_says};

#[test]
fn the_commands() {
    assert_says!(Project::nothing(), ["--help"], @"
    $ headwater --help
    --- stdout
    Data-lake pipelines in one binary: files to tested bronze, silver and gold Delta tables

    Usage: headwater <COMMAND>

    Commands:
      demo         Build and query a car-rental lake, to see how everything works
      init         Make a new project
      check        Find every mistake in the project without touching data
      doctor       Look for what stands in the way of a run on this machine: the lake, the engine
      plan         Say what a run would do, and why
      run          Load new files, build what changed, test it
      build        The same as `run`, as dbt calls it
      seed         Load the seeds only
      snapshot     Take the snapshots only
      test         Run the tests only
      compile      Write the SQL that the project comes to; print that of one model
      show         Show the first rows of what a model gives now
      list         List the nodes that a selection names [alias: ls]
      lineage      Say which columns a column is made of
      diff         Say what changed since a revision, and which columns that touches
      docs         Make the project's documentation, a static site
      deps         Fetch the packages that the project uses
      clean        Take away what can be made again: `target/`
      query        Ask the lake something in Spark SQL
      sources      See what has arrived for the sources, what is loaded, what waits
      quarantine   See the rows that were set aside; load them once they are mended
      infer        Write a contract from sampled files
      tables       Look at the tables of the lake, and after them
      runs         Look at earlier runs
      generate     Write test data that keeps the sources' contracts
      completions  Print a script that completes commands in your shell
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    New here? `headwater demo` builds a whole lake in a minute.
    --- exit code 0
    ");
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
        &["sources"],
        &["sources", "show"],
        &["sources", "forget"],
        &["sources", "reload"],
        &["quarantine"],
        &["quarantine", "show"],
        &["quarantine", "replay"],
        &["quarantine", "drop"],
        &["infer"],
        &["tables"],
        &["tables", "show"],
        &["tables", "optimize"],
        &["tables", "vacuum"],
        &["tables", "restore"],
        &["runs"],
        &["runs", "show"],
        &["generate"],
        &["completions"],
    ];
    let all: Vec<String> = verbs.iter().map(|verb| project.says(&[*verb, &["--help"]].concat())).collect();
    insta::assert_snapshot!("help", all.join("\n"));
}

#[test]
fn an_unknown_flag_is_the_users_to_change() {
    assert_says!(Project::nothing(), ["run", "--full-refesh"], @r"
    $ headwater run --full-refesh
    --- stderr
    error: unexpected argument '--full-refesh' found

      tip: a similar argument exists: '--full-refresh'

    Usage: headwater run --full-refresh [SELECT]...

    For more information, try '--help'.
    --- exit code 1
    ");
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
