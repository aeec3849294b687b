//! `cargo xtask test`: everything that must hold before a change goes in. It sets up what it needs, runs every part even
//! after one has failed, and prints the programs' own words.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use clap::{Args, ValueEnum};

use crate::Workspace;
use crate::error::TaskError;
use crate::process::{cargo, run as run_process, say};
use crate::{floors, generate, licences, setup, unused};

/// What to run.
#[derive(Args)]
pub(crate) struct Options {
    /// Only these parts [default: all]
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Arguments for `cargo test`, after `--`: a test's name, `--nocapture`
    #[arg(last = true, value_name = "ARGUMENTS")]
    tests: Vec<String>,
}

/// A part of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// `cargo fmt --check`
    Format,
    /// A crate depends on lower floors only
    Floors,
    /// Every dependency's licence is on the list
    Licences,
    /// Every dependency is used
    Dependencies,
    /// `cargo clippy`, warnings denied
    Clippy,
    /// Every test: `cargo test --workspace`
    Tests,
    /// The files in `schemas/` are those that the code makes
    Generated,
}

impl Part {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Runs the parts.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    let parts = if options.parts.is_empty() { Part::value_variants() } else { &options.parts };
    let mut results = Vec::new();
    for part in parts {
        say(&format!("== {}", part.name()));
        let began = Instant::now();
        let result = run_part(workspace, *part, &options.tests);
        if let Err(error) = &result {
            say(&format!("error: {error}"));
        }
        results.push((part.name(), result.is_ok(), began.elapsed().as_secs_f64()));
    }
    say("== summary");
    for (name, passed, seconds) in &results {
        say(&format!("{} {name} ({seconds:.1} s)", if *passed { "passed" } else { "FAILED" }));
    }
    let failed: Vec<String> = results.into_iter().filter(|(_, passed, _)| !passed).map(|(name, _, _)| name).collect();
    if failed.is_empty() { Ok(()) } else { Err(TaskError::Parts { parts: failed }) }
}

fn run_part(workspace: &Workspace, part: Part, tests: &[String]) -> Result<(), TaskError> {
    let at_root = |arguments: &[&str]| {
        let mut command = cargo();
        command.current_dir(&workspace.root).args(arguments);
        command
    };
    match part {
        Part::Format => run_process(&mut at_root(&["fmt", "--all", "--check"])),
        Part::Floors => floors::run(workspace),
        Part::Licences => licences::run(workspace),
        Part::Dependencies => unused::run(workspace),
        Part::Clippy => {
            run_process(&mut at_root(&["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]))
        }
        Part::Tests => {
            let outside = Outside::set_up(workspace)?;
            let mut command =
                at_root(&["test", "--locked", "--workspace", "--no-fail-fast", "--lib", "--bins", "--tests"]);
            environment(&mut command, workspace, &outside);
            if !tests.is_empty() {
                command.arg("--").args(tests);
            }
            run_process(&mut command)
        }
        Part::Generated => generate::check(workspace),
    }
}

/// What the tests use of the outside.
struct Outside {
    /// Python with PySpark of the newest Spark that has a Delta Lake, with which the tests read tables too.
    python: PathBuf,
    /// Its Delta Lake.
    jars: PathBuf,
    /// Python with PySpark 3.5.
    python_35: PathBuf,
    /// Its Delta Lake.
    jars_35: PathBuf,
}

impl Outside {
    fn set_up(workspace: &Workspace) -> Result<Self, TaskError> {
        let file = |path: &str| workspace.root.join("xtask").join(path);
        setup::java(workspace)?;
        Ok(Self {
            python: setup::python(workspace, "venv", &file("python/test-requirements.txt"))?,
            jars: setup::jars(workspace, &file("spark/delta-4.2.xml"))?,
            python_35: setup::python(workspace, "spark35-venv", &file("python/spark-3.5-requirements.txt"))?,
            jars_35: setup::jars(workspace, &file("spark/delta-3.5.xml"))?,
        })
    }
}

/// What the tests may use of the outside. Without a Python they say what they left out; likewise without the real
/// files of the car-rental example, which are looked for beside the clone unless `HEADWATER_REAL_DATA` names a folder.
fn environment(command: &mut Command, workspace: &Workspace, outside: &Outside) {
    command.env("HEADWATER_TEST_PYTHON", &outside.python);
    command.env("HEADWATER_TEST_DELTA_JARS", &outside.jars);
    command.env("HEADWATER_TEST_SPARK35_PYTHON", &outside.python_35);
    command.env("HEADWATER_TEST_SPARK35_DELTA_JARS", &outside.jars_35);
    let beside = workspace.root.join("../shared/data/car-rental");
    if workspace.real_data.is_none() && beside.is_dir() {
        command.env("HEADWATER_REAL_DATA", beside);
    }
    // A changed snapshot is a failure here, never a new file.
    command.env("INSTA_UPDATE", "no");
    // Python keeps its compiled files out of the clone.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
}
