//! One project on both engines, at several sizes: what Spark costs to start, what each byte costs then, and from which
//! size on `engine: auto` should take Spark.

mod line;
mod page;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use serde::Deserialize;

use super::Setting;
use super::ground::{Ground, copy, empty, link};
use super::measured::Measured;
use super::models::{MODELS, Tables, disagreements};
use crate::Workspace;
use crate::error::{TaskError, complain};
use crate::process::output;
use crate::setup;

/// What to time.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Loaded rows of the largest size, roughly
    #[arg(long, default_value_t = 50_000_000)]
    rows: u64,
    /// How often each engine takes its turn
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    #[command(flatten)]
    pub(super) setting: Setting,
}

/// The example, of which this share of a hundred rows are items, the rows that `generate --rows` counts.
const EXAMPLE: &str = "olist";
const PERCENT_ITEMS: u64 = 22;
/// The sizes: parts of the largest. The first is next to nothing, so that its time is the cost of starting.
const PARTS: [u64; 4] = [50_000, 8, 2, 1];

/// An engine, and what exactly it does.
struct Engine {
    name: &'static str,
    environment: &'static str,
    does: &'static str,
}

const ENGINES: [Engine; 2] = [
    Engine { name: "Headwater", environment: "local", does: "the embedded engine, `memory_limit: 8GB`" },
    Engine {
        name: "Headwater on Spark",
        environment: "spark",
        does: "`kind: spark, on: spark-submit`, PySpark 4.2.1 with Delta 4.4.0, `local[2]`, `spark.driver.memory: 8g`, all \
               other settings those that `headwater plan` shows",
    },
];

/// What both engines took for a size.
struct Size {
    rows: u64,
    /// Bytes of Parquet that are loaded.
    loaded: u64,
    /// Bytes that the models read, as `plan` says.
    reads: u64,
    /// By engine, in the order of [`ENGINES`].
    measured: [Vec<Measured>; 2],
}

/// What `plan` says of the engine, where the environment leaves it open.
#[derive(Deserialize)]
struct Planned {
    engine: Taken,
}

#[derive(Deserialize)]
struct Taken {
    weighed: Weighed,
}

#[derive(Deserialize)]
struct Weighed {
    reads: u64,
}

/// Runs the benchmark.
pub(super) fn run(workspace: &Workspace, ground: &Ground, options: &Options) -> Result<(), TaskError> {
    let rounds = options.rounds.max(1);
    let project =
        Project { source: ground.root.join("examples").join(EXAMPLE), settings: settings(workspace, ground)? };
    let mut sizes = Vec::new();
    for part in PARTS {
        let lake = project.load(ground, (options.rows * PERCENT_ITEMS / 100 / part).max(200))?;
        sizes.push(project.measure(ground, &lake, rounds)?);
    }
    page::write(ground, options, &sizes)
}

/// The project's settings, with an environment for each engine and one that leaves it open.
fn settings(workspace: &Workspace, ground: &Ground) -> Result<String, TaskError> {
    let jars = setup::jars(workspace, &workspace.root.join("xtask/spark/delta-4.2.xml"))?;
    let spark = format!(
        "on: spark-submit, python: {}, master: \"local[2]\", jars: [\"{}/delta-*.jar\"], settings: {{ spark.driver.memory: 8g }}",
        ground.python.display(),
        jars.display()
    );
    Ok(format!(
        "name: {EXAMPLE}\n\nenvironments:\n  local: {{ lake: ./lake, memory_limit: 8GB }}\n  \
         spark: {{ lake: ./lake, memory_limit: 8GB, engine: {{ kind: spark, {spark} }} }}\n  \
         open: {{ lake: ./lake, engine: {{ kind: auto, above: 1000TB, {spark} }} }}\n"
    ))
}

/// The example, and how it is set up here.
struct Project {
    source: PathBuf,
    settings: String,
}

impl Project {
    /// A lake with so many loaded items, made once.
    fn load(&self, ground: &Ground, items: u64) -> Result<PathBuf, TaskError> {
        let contract = self.source.join("models/raw/sources.yml");
        let contract = fs::read_to_string(&contract).map_err(TaskError::file("read", &contract))?;
        let made = ground.once(&format!("engines-{items}"), &contract, |folder| {
            copy(&self.source, folder)?;
            ground.run(folder, &["generate", "--seed", "1", "--rows", &items.to_string()])?;
            let only_sources = ["run", "--select", "resource_type:source", "--exclude", "resource_type:test"];
            ground.run(folder, &only_sources)?;
            let incoming = folder.join("incoming");
            fs::remove_dir_all(&incoming).map_err(TaskError::file("remove", &incoming))
        })?;
        Ok(made.join("lake"))
    }

    fn measure(&self, ground: &Ground, lake: &Path, rounds: usize) -> Result<Size, TaskError> {
        let (rows, loaded) = ground.ask("models/size.py", &[lake])?;
        let folder = self.place(ground, lake)?;
        let plan = output(
            Command::new(&ground.headwater)
                .arg("plan")
                .args(&MODELS[1..])
                .args(["--env", "open", "--format", "json", "--project-dir"])
                .arg(&folder),
        )?;
        let planned: Planned = serde_json::from_slice(&plan)
            .map_err(|source| TaskError::Answer { command: "headwater plan".to_owned(), source })?;
        let mut measured: [Vec<Measured>; 2] = Default::default();
        let mut results: Vec<(&str, Tables)> = Vec::new();
        for round in 0..rounds {
            for turn in 0..ENGINES.len() {
                let number = (round + turn) % ENGINES.len();
                let engine = &ENGINES[number];
                let folder = self.place(ground, lake)?;
                let arguments: Vec<&str> = MODELS.iter().copied().chain(["--env", engine.environment]).collect();
                let one = ground.headwater(&folder, &arguments)?;
                results.push((engine.name, ground.ask("models/check.py", &[&self.source, &folder.join("lake")])?));
                one.tell(round, &format!("{}, {rows} rows", engine.name));
                measured[number].push(one);
                empty(&folder)?;
            }
        }
        complain(disagreements(&results))?;
        Ok(Size { rows, loaded, reads: planned.engine.weighed.reads, measured })
    }

    /// The project in the working folder, with that lake.
    fn place(&self, ground: &Ground, lake: &Path) -> Result<PathBuf, TaskError> {
        let folder = ground.work.join("target");
        empty(&folder)?;
        copy(&self.source, &folder)?;
        let settings = folder.join("headwater.yml");
        fs::write(&settings, &self.settings).map_err(TaskError::file("write", &settings))?;
        link(lake, &folder.join("lake"))?;
        Ok(folder)
    }
}
