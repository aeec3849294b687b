//! The tasks of this repository: `cargo xtask test`, `floors`, `generate`, `bench`.
//!
//! | module | owns |
//! |---|---|
//! | [`test`] | everything that must hold before a change goes in, in one command |
//! | [`setup`] | what the tests need from outside: Java, Python environments, Delta Lake's JARs |
//! | [`floors`] | which crate may depend on which |
//! | [`licences`] | which licences a dependency may have |
//! | [`unused`] | dependencies that nobody uses |
//! | [`generate`] | files in the repository that are made from the code |
//! | [`bench`] | timings beside other tools |
//! | [`process`] | starting other programs and saying so |
//!
//! Files on disk: `schemas/`, `bench/RESULTS.md`; the cache folder (`~/.cache/headwater`) for Python environments and
//! benchmark data.

mod bench;
mod error;
mod floors;
mod generate;
mod licences;
mod process;
mod setup;
mod test;
mod unused;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::TaskError;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The tasks of this repository", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Set up what the tests need, then run every check of this repository.
    Test(test::Options),
    /// Check that a crate depends on lower floors only.
    Floors,
    /// Write the files that are made from the code: the JSON Schemas in `schemas/`.
    Generate,
    /// Time Headwater beside other tools.
    Bench {
        #[command(subcommand)]
        bench: bench::Bench,
    },
}

/// The clone, and where things that outlive it are kept.
pub(crate) struct Workspace {
    root: PathBuf,
    cache: PathBuf,
    /// Whether this is a machine of continuous integration, on which packages may be installed.
    ci: bool,
    /// Where the real files of the car-rental example are, if the environment says so.
    real_data: Option<PathBuf>,
}

impl Workspace {
    #[expect(clippy::disallowed_methods, reason = "a task is a program of its own: here its environment comes in")]
    fn find() -> Result<Self, TaskError> {
        let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.parent().map_or_else(|| manifest.clone(), PathBuf::from);
        let home = std::env::var("HOME").map_err(|_| TaskError::NoHome)?;
        let ci = std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false");
        let real_data = std::env::var("HEADWATER_REAL_DATA").ok().map(PathBuf::from);
        Ok(Self { root, cache: PathBuf::from(home).join(".cache/headwater"), ci, real_data })
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = Workspace::find().and_then(|workspace| match &arguments.task {
        Task::Test(options) => test::run(&workspace, options),
        Task::Floors => floors::run(&workspace),
        Task::Generate => generate::run(&workspace),
        Task::Bench { bench } => bench::run(&workspace, bench),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            process::say(&format!("error: {error}"));
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                process::say(&format!("  caused by: {error}"));
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}
