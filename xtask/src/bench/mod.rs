//! `cargo xtask bench`: Headwater beside other tools, in one run on one machine, and what came out as a page.
//!
//! The tools take turns, round by round, in an order that moves on, so that a machine that grows warm or slow does it to
//! all of them. Every result is counted before its time is believed.

mod alone;
mod beside;
mod ground;
mod page;

use clap::Subcommand;
use serde::Deserialize;

use crate::Workspace;
use crate::error::TaskError;
use ground::Ground;

/// What to time.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Generated CSV files of rentals into a Delta table, beside the same by others; writes bench/RESULTS.md
    Ingest {
        /// Rows of the file; several numbers make several files
        #[arg(long, value_delimiter = ',', default_values_t = [5_000_000, 56_000_000])]
        rows: Vec<u64>,
        /// How often every tool takes its turn; once for files of more than 10 million rows
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Tools to leave out of files of more than 10 million rows, such as `PySpark`, which takes minutes for one
        #[arg(long, value_delimiter = ',')]
        without: Vec<String>,
    },
}

/// The rows from which on a file is a large one.
const LARGE: u64 = 10_000_000;

/// A tool, and what exactly it does.
struct Tool {
    name: &'static str,
    does: &'static str,
}

const HEADWATER: &str = "Headwater";

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

/// What `bench/measure.py` answers.
#[derive(Debug, Clone, Deserialize)]
struct Measured {
    exit: i32,
    seconds: f64,
    peak_bytes: u64,
}

/// What `bench/check.py` answers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Checked {
    rows: u64,
    amount: String,
    first: String,
}

/// Runs a benchmark.
pub(crate) fn run(workspace: &Workspace, bench: &Bench) -> Result<(), TaskError> {
    let Bench::Ingest { rows, rounds, without } = bench;
    let ground = Ground::prepare(workspace)?;
    let mut sections = Vec::new();
    for rows in rows {
        let (rounds, without) = if *rows > LARGE { (1, without.as_slice()) } else { ((*rounds).max(1), [].as_slice()) };
        sections.push(beside::measure(&ground, *rows, rounds, without)?);
    }
    let alone = alone::measure(&ground, (*rounds).max(1))?;
    page::write(&ground, &sections, &alone)?;
    ground.clear()
}

/// The fastest, the median and the slowest time in seconds; 0 without any.
fn seconds(measured: &[Measured]) -> (f64, f64, f64) {
    let mut seconds: Vec<f64> = measured.iter().map(|one| one.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    let at = |position: usize| seconds.get(position).copied().unwrap_or_default();
    let last = seconds.len().saturating_sub(1);
    (at(0), (at(last / 2) + at(last.div_ceil(2))) / 2.0, at(last))
}

/// The largest memory of any turn, in megabytes.
fn peak_megabytes(measured: &[Measured]) -> u64 {
    measured.iter().map(|one| one.peak_bytes).max().unwrap_or_default() / 1_000_000
}
