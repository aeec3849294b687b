//! `cargo xtask bench`: Headwater beside other tools, in one run on one machine, and what came out as a page.
//!
//! The tools take turns, round by round, in an order that moves on, so that a machine that grows warm or slow does it to
//! all of them. Every result is counted before its time is believed.
//!
//! | module | owns |
//! |---|---|
//! | [`ingest`] | CSV files into a Delta table |
//! | [`models`] | the models of the examples, on many rows |
//! | [`engines`] | one project on both engines, at several sizes |
//! | [`compile`] | a project of many models, checked |
//! | [`upsert`] | few rows into a large table |
//! | [`ground`] | folders, programs, one turn of one tool |
//! | [`measured`] | what turns took |
//! | [`page`] | `bench/RESULTS.md` |

mod compile;
mod engines;
mod ground;
mod ingest;
mod measured;
mod models;
mod page;
mod upsert;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::Workspace;
use crate::error::TaskError;
use ground::Ground;

/// What to time.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Generated CSV files of rentals into a Delta table, beside the same by others
    Ingest(ingest::Options),
    /// The models of the examples over many rows, beside the same SQL by others
    Models(models::Options),
    /// The models of an example on the embedded engine and on Spark, at several sizes
    Engines(engines::Options),
    /// A generated project of many models, checked cold and after a change, beside dbt and SQLMesh
    Compile(compile::Options),
    /// A thousand rows into a large table of 32 partitions, beside the same by others
    Upsert(upsert::Options),
}

/// What every benchmark may be told.
#[derive(Debug, Args)]
pub(crate) struct Setting {
    /// A built `headwater`, instead of building one: for a trial
    #[arg(long, value_name = "FILE")]
    headwater: Option<PathBuf>,
    /// Where the results go, instead of `bench/RESULTS.md`: for a trial
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
}

const HEADWATER: &str = "Headwater";

/// Runs a benchmark.
pub(crate) fn run(workspace: &Workspace, bench: &Bench) -> Result<(), TaskError> {
    let setting = match bench {
        Bench::Ingest(options) => &options.setting,
        Bench::Models(options) => &options.setting,
        Bench::Engines(options) => &options.setting,
        Bench::Compile(options) => &options.setting,
        Bench::Upsert(options) => &options.setting,
    };
    let ground = Ground::prepare(workspace, setting)?;
    match bench {
        Bench::Ingest(options) => ingest::run(&ground, options)?,
        Bench::Models(options) => models::run(&ground, options)?,
        Bench::Engines(options) => engines::run(workspace, &ground, options)?,
        Bench::Compile(options) => compile::run(workspace, &ground, options)?,
        Bench::Upsert(options) => upsert::run(&ground, options)?,
    }
    ground.clear()
}
