//! A thousand rows into a large table of 32 partitions: how time and memory follow the partitions that are touched.
//!
//! The table is an incremental model that Headwater itself built, once; a turn works on a copy of it.

mod page;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use serde::Deserialize;

use super::ground::{Ground, copy, empty, link};
use super::measured::Measured;
use super::{HEADWATER, Setting};
use crate::error::{TaskError, complain};
use crate::process::run as run_process;

/// What to time.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Rows of the table
    #[arg(long, default_value_t = 100_000_000)]
    rows: u64,
    /// How often every tool takes its turn
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Tools to leave out
    #[arg(long, value_delimiter = ',')]
    without: Vec<String>,
    #[command(flatten)]
    pub(super) setting: Setting,
}

/// The rows that go in.
const CHANGES: u64 = 1_000;
/// Those of them that are new; the others replace one that is there.
const NEW: u64 = 200;
/// In how many of the 32 partitions they lie.
const PARTITIONS: &[u64] = &[1, 4, 32];

const DUCKDB: &str = "DuckDB";

/// A tool, and what exactly it does.
struct Tool {
    name: &'static str,
    does: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool {
        name: HEADWATER,
        does: "`headwater run` of an incremental model (`merge`, `unique_key: [part, id]`), the rows loaded to a source before",
    },
    Tool {
        name: "delta-rs",
        does: "Python `deltalake`: `DeltaTable.merge` on both columns of the key, the rows from a Parquet file, on the same \
               table",
    },
    Tool {
        name: DUCKDB,
        does: "`MERGE INTO` a table of its own format, sorted by partition, the rows from a Parquet file; it writes rows in \
               place where Delta writes files anew",
    },
];

/// What the tools took for changes in so many partitions; by tool, in the order of [`TOOLS`].
struct Section {
    partitions: u64,
    measured: Vec<Vec<Measured>>,
}

/// What `bench/upsert/check.py` answers.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Checked {
    rows: u64,
    changed: u64,
    amount: String,
}

/// What a turn begins with: a lake with the table, and the same as a database of DuckDB.
struct Before {
    lake: PathBuf,
    database: Option<PathBuf>,
}

/// Runs the benchmark.
pub(super) fn run(ground: &Ground, options: &Options) -> Result<(), TaskError> {
    let tools: Vec<usize> = (0..TOOLS.len())
        .filter(|number| !options.without.iter().any(|name| name.eq_ignore_ascii_case(TOOLS[*number].name)))
        .collect();
    let before = prepare(ground, options.rows, tools.iter().any(|number| TOOLS[*number].name == DUCKDB))?;
    let mut sections = Vec::new();
    for partitions in PARTITIONS {
        let changes = changes(ground, options.rows, *partitions, CHANGES)?;
        let mut measured: Vec<Vec<Measured>> = TOOLS.iter().map(|_| Vec::new()).collect();
        let mut results = Vec::new();
        for round in 0..options.rounds.max(1) {
            for turn in 0..tools.len() {
                let number = tools[(round + turn) % tools.len()];
                let (one, made) = turn_of(ground, TOOLS[number].name, &before, &changes)?;
                results.push((TOOLS[number].name, ground.ask::<Checked>("upsert/check.py", &[&made])?));
                empty(&ground.work.join("target"))?;
                one.tell(round, &format!("{}, {partitions} of 32 partitions", TOOLS[number].name));
                measured[number].push(one);
            }
        }
        complain(disagreements(&results, options.rows))?;
        sections.push(Section { partitions: *partitions, measured });
    }
    page::write(ground, options, &sections)
}

/// Builds the table, and the database if it is wanted, or finds them.
fn prepare(ground: &Ground, rows: u64, database: bool) -> Result<Before, TaskError> {
    let project = ground.bench.join("upsert/project");
    let model = project.join("models/gold/balances.sql");
    let from = fs::read_to_string(&model).map_err(TaskError::file("read", &model))?;
    let from = format!("{rows} rows\n{from}");
    let made = ground.once("upsert", &from, |folder| {
        copy(&project, folder)?;
        let incoming = folder.join("incoming");
        empty(&incoming)?;
        generate(ground, &incoming, &[rows])?;
        // No changes yet, but a table for them.
        generate(ground, &incoming, &[rows, 1, 0])?;
        ground.run(folder, &["run"])
    })?;
    let lake = made.join("lake");
    let database = match database {
        true => {
            let table = lake.join("gold/balances");
            let script = ground.bench.join("upsert/duckdb_load.py");
            let folder = ground.once("upsert-duckdb", &from, |folder| {
                let database = folder.join("upsert.duckdb");
                run_process(Command::new(&ground.python).arg(script).arg(table).arg(database))
            })?;
            Some(folder.join("upsert.duckdb"))
        }
        false => None,
    };
    Ok(Before { lake, database })
}

/// A file of changes.
fn changes(ground: &Ground, rows: u64, partitions: u64, count: u64) -> Result<PathBuf, TaskError> {
    let folder = ground.work.join(format!("changes-{partitions}"));
    empty(&folder)?;
    generate(ground, &folder, &[rows, partitions, count])?;
    Ok(folder.join("changes.parquet"))
}

fn generate(ground: &Ground, folder: &Path, numbers: &[u64]) -> Result<(), TaskError> {
    let mut command = Command::new(&ground.python);
    command.arg(ground.bench.join("upsert/generate.py")).arg(folder);
    run_process(command.args(numbers.iter().map(u64::to_string)))
}

/// One turn of a tool: its measures, and the table that it changed.
fn turn_of(ground: &Ground, tool: &str, before: &Before, changes: &Path) -> Result<(Measured, PathBuf), TaskError> {
    let target = ground.work.join("target");
    empty(&target)?;
    match (tool, &before.database) {
        (HEADWATER, _) => {
            copy(&ground.bench.join("upsert/project"), &target)?;
            link(&before.lake, &target.join("lake"))?;
            let incoming = target.join("incoming");
            empty(&incoming)?;
            // Of another name than the file without rows, which is loaded.
            let file = incoming.join("changes_1.parquet");
            fs::copy(changes, &file).map_err(TaskError::file("copy", changes))?;
            ground.run(&target, &["run", "--select", "source:bank.changes"])?;
            let measured = ground.headwater(&target, &["run", "--select", "balances"])?;
            Ok((measured, target.join("lake/gold/balances")))
        }
        (DUCKDB, Some(database)) => {
            let copied = target.join("upsert.duckdb");
            fs::copy(database, &copied).map_err(TaskError::file("copy", database))?;
            Ok((ground.python(tool, "upsert/duckdb_merge.py", &[&copied, changes])?, copied))
        }
        _ => {
            let table = target.join("balances");
            link(&before.lake.join("gold/balances"), &table)?;
            Ok((ground.python(tool, "upsert/deltalake_merge.py", &[&table, changes])?, table))
        }
    }
}

/// Tools that did not change what they should have.
fn disagreements(results: &[(&str, Checked)], rows: u64) -> Vec<String> {
    let Some((_, first)) = results.first() else { return Vec::new() };
    let expected = Checked { rows: rows + NEW, changed: CHANGES, amount: first.amount.clone() };
    let wrong = results.iter().filter(|(_, result)| *result != expected);
    wrong.map(|(name, result)| format!("{name} left {result:?}, expected {expected:?}")).collect()
}
