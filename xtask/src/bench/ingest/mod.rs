//! CSV files of rentals into a Delta table, beside tools that write the same typed columns.

mod alone;
mod beside;
mod page;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;

use super::ground::{Ground, copy, empty};
use super::measured::Measured;
use super::{HEADWATER, Setting};
use crate::error::TaskError;

/// What to time.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Rows of the file; several numbers make several files
    #[arg(long, value_delimiter = ',', default_values_t = [5_000_000, 56_000_000])]
    rows: Vec<u64>,
    /// How often every tool takes its turn; once for files of more than 10 million rows
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Tools to leave out of files of more than 10 million rows, such as `PySpark`, which takes minutes for one
    #[arg(long, value_delimiter = ',')]
    without: Vec<String>,
    #[command(flatten)]
    pub(super) setting: Setting,
}

/// The rows from which on a file is a large one.
const LARGE: u64 = 10_000_000;

/// A tool, and what exactly it does.
struct Tool {
    name: &'static str,
    does: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool {
        name: HEADWATER,
        does: "`headwater run`: CSV to a Delta table (Parquet, snappy, statistics, one commit), every cell checked against \
               the contract, bad rows set aside, four more columns (file, line, time, run), ledger and run store written \
               and synced to disk",
    },
    Tool { name: "DuckDB", does: "`COPY (FROM read_csv(…))` with stated types to one Parquet file, snappy" },
    Tool {
        name: "Sail",
        does: "`pysail`, Spark Connect in the same process: `read.csv` with a schema, `write.format(\"delta\")`",
    },
    Tool { name: "Polars", does: "`scan_csv` with stated types, times parsed by format, `sink_parquet`, snappy" },
    Tool {
        name: "DataFusion",
        does: "`COPY … TO` from an external CSV table with stated types to Parquet files, snappy",
    },
    Tool { name: "PySpark", does: "`local[2]`: `read.csv` with a schema, `FAILFAST`, `write.parquet`, snappy" },
];

/// What `bench/check.py` answers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Checked {
    rows: u64,
    amount: String,
    first: String,
}

/// Runs the benchmark.
pub(super) fn run(ground: &Ground, options: &Options) -> Result<(), TaskError> {
    let mut sections = Vec::new();
    for rows in &options.rows {
        let (rounds, without) =
            if *rows > LARGE { (1, options.without.as_slice()) } else { (options.rounds.max(1), [].as_slice()) };
        sections.push(beside::measure(ground, *rows, rounds, without)?);
    }
    let alone = alone::measure(ground, options.rounds.max(1))?;
    page::write(ground, &sections, &alone)
}

/// A file of rentals, by `headwater generate` on a copy of the example, the last one replaced.
fn generate(ground: &Ground, rows: u64, more: &[&str]) -> Result<PathBuf, TaskError> {
    let project = ground.work.join("car-rental");
    empty(&project)?;
    copy(&ground.root.join("examples/car-rental"), &project)?;
    let rows = rows.to_string();
    let mut arguments = vec!["generate", "--seed", "1", "--rows", &rows];
    arguments.extend(more);
    ground.run(&project, &arguments)?;
    // The other sources were needed for the keys only.
    for table in ["vehicles", "users", "locations"] {
        let path = project.join(format!("incoming/{table}.csv"));
        fs::remove_file(&path).map_err(TaskError::file("remove", &path))?;
    }
    Ok(project.join("incoming/rental_transactions.csv"))
}

/// One turn of Headwater into a fresh lake: its measures, and the table's folder.
fn headwater(ground: &Ground, incoming: &Path) -> Result<(Measured, PathBuf), TaskError> {
    let target = ground.work.join("target");
    empty(&target)?;
    copy(&ground.bench.join("ingest"), &target)?;
    let vars = format!("{{incoming: \"{}\"}}", incoming.display());
    let measured = ground.headwater(&target, &["run", "--vars", &vars])?;
    Ok((measured, target.join("lake/bronze/rental_transactions")))
}

/// One turn of another tool: its measures, and the folder that it wrote.
fn peer(ground: &Ground, name: &str, source: &Path) -> Result<(Measured, PathBuf), TaskError> {
    let target = ground.work.join("target");
    empty(&target)?;
    let to = if name == "Sail" { "delta" } else { "parquet" };
    let script = format!("peers/{}_{to}.py", name.to_lowercase());
    Ok((ground.python(name, &script, &[source, &target])?, target))
}

/// What is in the Parquet files of a folder.
fn check(ground: &Ground, folder: &Path) -> Result<Checked, TaskError> {
    ground.ask("check.py", &[folder])
}
