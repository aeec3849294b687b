//! The models of the examples over many rows: what is loaded to what analysts read, beside the same SQL by others.
//!
//! The rows are generated and loaded once and kept; a turn begins with a lake that holds what is loaded and nothing else.

mod page;
mod same;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::ground::{Ground, copy, empty, link};
use super::measured::Measured;
use super::{HEADWATER, Setting};
use crate::error::{TaskError, complain};
pub(super) use same::{Tables, disagreements};

/// What to time.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Rows of all sources of all examples together, roughly
    #[arg(long, default_value_t = 50_000_000)]
    rows: u64,
    /// How often every tool takes its turn
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Tools to leave out, such as `PySpark`
    #[arg(long, value_delimiter = ',')]
    without: Vec<String>,
    #[command(flatten)]
    pub(super) setting: Setting,
}

/// An example whose models are built.
struct Example {
    name: &'static str,
    /// Of a hundred rows of all examples, those of its table that `generate --rows` counts.
    percent: u64,
    /// The file whose change means other rows.
    contract: &'static str,
}

const EXAMPLES: &[Example] = &[
    Example { name: "car-rental", percent: 50, contract: "models/bronze/sources.yml" },
    // Items are the largest of five tables of nearly the same size.
    Example { name: "olist", percent: 11, contract: "models/raw/sources.yml" },
];

/// A tool, and what exactly it does.
struct Tool {
    name: &'static str,
    script: Option<&'static str>,
    does: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool {
        name: HEADWATER,
        script: None,
        does: "`headwater run`, `memory_limit: 8GB`: the project compiled and typed, Delta tables (Parquet, snappy, \
               statistics, a commit each), views, run store written",
    },
    Tool {
        name: "DuckDB",
        script: Some("models/duckdb_models.py"),
        does: "the same SQL, `memory_limit` 8 GB, `CREATE TABLE` and `CREATE VIEW` in a database file of its own \
               format; Spark's names of functions as macros",
    },
    Tool {
        name: "PySpark",
        script: Some("models/pyspark_models.py"),
        does: "the same SQL, `local[2]`, 8 GB for the driver: tables to Parquet files, snappy, views as temporary views",
    },
];

/// The nodes that are timed: no loading, no tests, no views that look at loads.
pub(super) const MODELS: &[&str] =
    &["run", "--exclude", "resource_type:source", "resource_type:test", "resource_type:unit_test", "tag:monitoring"];

/// How the environment of an example begins, and how it does with as much memory as the others have.
const ENVIRONMENT: [&str; 2] = ["local: { lake: ./lake", "local: { lake: ./lake, memory_limit: 8GB"];

/// What the tools took for an example.
struct Section {
    example: &'static str,
    rows: u64,
    bytes: u64,
    /// By tool, in the order of [`TOOLS`].
    measured: Vec<Vec<Measured>>,
}

/// Runs the benchmark.
pub(super) fn run(ground: &Ground, options: &Options) -> Result<(), TaskError> {
    let rounds = options.rounds.max(1);
    let mut sections = Vec::new();
    for example in EXAMPLES {
        let lake = load(ground, example, options.rows * example.percent / 100)?;
        sections.push(measure(ground, example, &lake, rounds, &options.without)?);
    }
    page::write(ground, options, &sections)
}

/// A lake with what the example loads, so many rows of it, made once.
fn load(ground: &Ground, example: &Example, rows: u64) -> Result<PathBuf, TaskError> {
    let source = project(ground, example);
    let contract = source.join(example.contract);
    let contract = fs::read_to_string(&contract).map_err(TaskError::file("read", &contract))?;
    let name = format!("models-{}", example.name);
    let made = ground.once(&name, &format!("{rows} rows\n{contract}"), |folder| {
        copy(&source, folder)?;
        ground.run(folder, &["generate", "--seed", "1", "--rows", &rows.to_string()])?;
        let only_sources = ["run", "--select", "resource_type:source", "--exclude", "resource_type:test"];
        ground.run(folder, &only_sources)?;
        let incoming = folder.join("incoming");
        fs::remove_dir_all(&incoming).map_err(TaskError::file("remove", &incoming))
    })?;
    Ok(made.join("lake"))
}

fn project(ground: &Ground, example: &Example) -> PathBuf {
    ground.root.join("examples").join(example.name)
}

fn measure(
    ground: &Ground,
    example: &Example,
    lake: &Path,
    rounds: usize,
    without: &[String],
) -> Result<Section, TaskError> {
    let project = project(ground, example);
    let left_out = |tool: &Tool| without.iter().any(|name| name.eq_ignore_ascii_case(tool.name));
    let mut measured: Vec<Vec<Measured>> = TOOLS.iter().map(|_| Vec::new()).collect();
    let mut results: Vec<(&str, Tables)> = Vec::new();
    for round in 0..rounds {
        for turn in 0..TOOLS.len() {
            let number = (round + turn) % TOOLS.len();
            let tool = &TOOLS[number];
            if left_out(tool) {
                continue;
            }
            let (one, made) = turn_of(ground, tool, &project, lake)?;
            results.push((tool.name, ground.ask("models/check.py", &[&project, &made])?));
            empty(&ground.work.join("target"))?;
            one.tell(round, &format!("{}, {}", tool.name, example.name));
            measured[number].push(one);
        }
    }
    complain(disagreements(&results))?;
    let (rows, bytes) = ground.ask("models/size.py", &[lake])?;
    Ok(Section { example: example.name, rows, bytes, measured })
}

/// One turn of a tool: its measures, and where its tables are.
fn turn_of(ground: &Ground, tool: &Tool, project: &Path, lake: &Path) -> Result<(Measured, PathBuf), TaskError> {
    let target = ground.work.join("target");
    empty(&target)?;
    if let Some(script) = tool.script {
        return Ok((ground.python(tool.name, script, &[project, lake, &target])?, target));
    }
    copy(project, &target)?;
    give_memory(&target.join("headwater.yml"))?;
    let own = target.join("lake");
    link(lake, &own)?;
    Ok((ground.headwater(&target, MODELS)?, own))
}

/// Sets the memory of a copied project.
fn give_memory(settings: &Path) -> Result<(), TaskError> {
    let text = fs::read_to_string(settings).map_err(TaskError::file("read", settings))?;
    let [old, new] = ENVIRONMENT;
    complain(if text.contains(old) { Vec::new() } else { vec![format!("`{old}` is not in {}", settings.display())] })?;
    fs::write(settings, text.replace(old, new)).map_err(TaskError::file("write", settings))
}
