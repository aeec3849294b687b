//! `cargo xtask bench`: Headwater beside other tools, in one run on one machine, and what came out as a page.
//!
//! The tools take turns, round by round, in an order that moves on, so that a machine that grows warm or slow does it to
//! all of them. Every result is counted before its time is believed.

mod page;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Subcommand;
use serde::Deserialize;

use crate::Workspace;
use crate::error::{TaskError, complain};
use crate::process::{cargo, output, run as run_process, say};
use crate::setup;

/// What to time.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// A generated CSV file of rentals into a Delta table, beside CSV to Parquet by others; writes bench/RESULTS.md
    Ingest {
        /// Rows of the file
        #[arg(long, default_value_t = 5_000_000)]
        rows: u64,
        /// How often every tool takes its turn
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
}

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
               the contract, four more columns (file, line, time, run), ledger and run store written and synced to disk",
    },
    Tool { name: "DuckDB", does: "`COPY (FROM read_csv(…))` with stated types to one Parquet file, snappy" },
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
    match bench {
        Bench::Ingest { rows, rounds } => ingest(workspace, *rows, (*rounds).max(1)),
    }
}

/// The folders and programs of a benchmark.
struct Ground {
    bench: PathBuf,
    work: PathBuf,
    python: PathBuf,
    headwater: PathBuf,
    source: PathBuf,
}

fn ingest(workspace: &Workspace, rows: u64, rounds: usize) -> Result<(), TaskError> {
    setup::java(workspace)?;
    let bench = workspace.root.join("bench");
    let python = setup::python(workspace, "bench-venv", &bench.join("requirements.txt"))?;
    run_process(cargo().current_dir(&workspace.root).args([
        "build",
        "--release",
        "--locked",
        "--package",
        "headwater",
    ]))?;
    let headwater = target_directory(workspace)?.join("release/headwater");
    let work = workspace.cache.join("bench");
    empty(&work)?;
    let source = generate(workspace, &headwater, &work, rows)?;
    let ground = Ground { bench, work, python, headwater, source };

    let mut measured: BTreeMap<&str, Vec<Measured>> = BTreeMap::new();
    let mut results: Vec<(&str, Checked)> = Vec::new();
    for round in 0..rounds {
        for turn in 0..TOOLS.len() {
            let tool = &TOOLS[(round + turn) % TOOLS.len()];
            let (one, result) = ground.measure(tool)?;
            say(&format!("round {} {}: {:.2} s, {} MB", round + 1, tool.name, one.seconds, one.peak_bytes / 1_000_000));
            measured.entry(tool.name).or_default().push(one);
            results.push((tool.name, result));
        }
    }
    complain(disagreements(&results, rows))?;
    let page = page::Page {
        rows,
        rounds,
        bytes: fs::metadata(&ground.source).map_err(TaskError::file("look at", &ground.source))?.len(),
        measured: &measured,
        python: &ground.python,
        headwater: &ground.headwater,
        root: &workspace.root,
    };
    let path = ground.bench.join("RESULTS.md");
    fs::write(&path, page.text()?).map_err(TaskError::file("write", &path))?;
    say(&format!("wrote {}", path.display()));
    fs::remove_dir_all(&ground.work).map_err(TaskError::file("remove", &ground.work))
}

/// The rental file, by `headwater generate` on a copy of the example.
fn generate(workspace: &Workspace, headwater: &Path, work: &Path, rows: u64) -> Result<PathBuf, TaskError> {
    let project = work.join("car-rental");
    copy(&workspace.root.join("examples/car-rental"), &project)?;
    let rows = rows.to_string();
    run_process(
        Command::new(headwater).args(["generate", "--seed", "1", "--rows", &rows, "--project-dir"]).arg(&project),
    )?;
    let source = project.join("incoming/rental_transactions.csv");
    // The other sources were needed for the keys only.
    for table in ["vehicles", "users", "locations"] {
        let path = project.join(format!("incoming/{table}.csv"));
        fs::remove_file(&path).map_err(TaskError::file("remove", &path))?;
    }
    Ok(source)
}

impl Ground {
    /// One turn of one tool, into a fresh folder; what it wrote is counted and removed.
    fn measure(&self, tool: &Tool) -> Result<(Measured, Checked), TaskError> {
        let target = self.work.join("target");
        empty(&target)?;
        let mut command = Command::new(&self.python);
        command.arg(self.bench.join("measure.py"));
        let written = if tool.name == HEADWATER {
            copy(&self.bench.join("ingest"), &target)?;
            let incoming = self.source.parent().unwrap_or(&self.source).display();
            command.arg(&self.headwater).args(["run", "--project-dir"]).arg(&target);
            command.args(["--vars", &format!("{{incoming: \"{incoming}\"}}")]);
            target.join("lake/bronze/rental_transactions")
        } else {
            let peer = self.bench.join(format!("peers/{}_parquet.py", tool.name.to_lowercase()));
            command.arg(&self.python).arg(peer).arg(&self.source).arg(&target);
            target.clone()
        };
        let answer = output(&mut command)?;
        let measured: Measured = parse("measure.py", &answer)?;
        if measured.exit != 0 {
            return Err(TaskError::Complaints { complaints: vec![format!("{} failed, see above", tool.name)] });
        }
        let answer = output(Command::new(&self.python).arg(self.bench.join("check.py")).arg(&written))?;
        let checked = parse("check.py", &answer)?;
        empty(&target)?;
        Ok((measured, checked))
    }
}

/// Tools that did not write what Headwater wrote.
fn disagreements(results: &[(&str, Checked)], rows: u64) -> Vec<String> {
    let Some((_, expected)) = results.iter().find(|(name, _)| *name == HEADWATER) else { return Vec::new() };
    let mut complaints = Vec::new();
    for (name, result) in results {
        if result != expected || result.rows != rows {
            complaints.push(format!("{name} wrote {result:?}, expected {rows} rows and {expected:?}"));
        }
    }
    complaints
}

fn target_directory(workspace: &Workspace) -> Result<PathBuf, TaskError> {
    let metadata =
        cargo_metadata::MetadataCommand::new().manifest_path(workspace.root.join("Cargo.toml")).no_deps().exec()?;
    Ok(metadata.target_directory.into_std_path_buf())
}

fn parse<'a, T: Deserialize<'a>>(command: &str, answer: &'a [u8]) -> Result<T, TaskError> {
    serde_json::from_slice(answer).map_err(|source| TaskError::Answer { command: command.to_owned(), source })
}

fn empty(folder: &Path) -> Result<(), TaskError> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(TaskError::file("remove", folder))?;
    }
    fs::create_dir_all(folder).map_err(TaskError::file("create", folder))
}

/// Copies a project without what its runs made.
fn copy(from: &Path, to: &Path) -> Result<(), TaskError> {
    fs::create_dir_all(to).map_err(TaskError::file("create", to))?;
    for entry in fs::read_dir(from).map_err(TaskError::file("list", from))? {
        let path = entry.map_err(TaskError::file("list", from))?.path();
        let name = path.file_name().unwrap_or_default();
        let target = to.join(name);
        if ["incoming", "lake", ".headwater"].iter().any(|made| name == *made) {
            continue;
        }
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            fs::copy(&path, &target).map_err(TaskError::file("copy", &path))?;
        }
    }
    Ok(())
}
