//! A generated project of many models: every mistake of it looked for, from nothing and after one file changed.

mod page;
mod project;

use std::fs;
use std::path::Path;
use std::process::Command;

use clap::Args;

use super::ground::{Ground, empty};
use super::measured::Measured;
use super::{HEADWATER, Setting};
use crate::Workspace;
use crate::error::TaskError;
use crate::setup;

/// What to time.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Models of the project
    #[arg(long, default_value_t = 10_000)]
    models: usize,
    /// How often every tool takes its turn
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Tools to leave out, such as `SQLMesh`, which takes minutes
    #[arg(long, value_delimiter = ',')]
    without: Vec<String>,
    #[command(flatten)]
    pub(super) setting: Setting,
}

/// A tool, and what exactly it does.
struct Tool {
    name: &'static str,
    does: &'static str,
    /// Its program; `headwater` or one beside the Python interpreter.
    program: &'static str,
    arguments: &'static [&'static str],
    /// What it keeps between two turns, in the project's folder.
    keeps: &'static [&'static str],
}

const TOOLS: &[Tool] = &[
    Tool {
        name: HEADWATER,
        does: "`headwater check`: every template rendered, every query typed to its last column, every test compiled",
        program: "headwater",
        arguments: &["check"],
        keeps: &[".headwater", "target"],
    },
    Tool {
        name: "dbt parse",
        does: "`dbt parse` of dbt-duckdb: templates rendered for what they refer to; no SQL is read",
        program: "dbt",
        arguments: &["--quiet", "parse", "--profiles-dir", "."],
        keeps: &["target", "logs"],
    },
    Tool {
        name: "dbt compile",
        does: "`dbt compile` of dbt-duckdb: the same, and every template rendered to SQL; no SQL is read",
        program: "dbt",
        arguments: &["--quiet", "compile", "--profiles-dir", "."],
        keeps: &["target", "logs"],
    },
    Tool {
        name: "SQLMesh",
        does: "`sqlmesh info` on the dbt project: templates rendered, SQL parsed and its columns found",
        program: "sqlmesh",
        arguments: &["info", "--skip-connection"],
        keeps: &[".cache", "target", "logs"],
    },
];

/// What a tool took.
#[derive(Default)]
struct Times {
    cold: Vec<Measured>,
    /// After one model's file was changed.
    changed: Vec<Measured>,
}

/// Runs the benchmark.
pub(super) fn run(workspace: &Workspace, ground: &Ground, options: &Options) -> Result<(), TaskError> {
    let requirements = ground.bench.join("compile/requirements.txt");
    let python = setup::python(workspace, "bench-compile-venv", &requirements)?;
    let folder = ground.work.join("project");
    empty(&folder)?;
    let written = project::write(&folder, options.models)?;
    let left_out = |tool: &Tool| options.without.iter().any(|name| name.eq_ignore_ascii_case(tool.name));
    let mut times: Vec<Times> = TOOLS.iter().map(|_| Times::default()).collect();
    for round in 0..options.rounds.max(1) {
        for turn in 0..TOOLS.len() {
            let number = (round + turn) % TOOLS.len();
            let tool = &TOOLS[number];
            if left_out(tool) {
                continue;
            }
            forget(tool, &folder)?;
            let turn = |what: &str| -> Result<Measured, TaskError> {
                let one = turn_of(ground, tool, &python, &folder)?;
                one.tell(round, &format!("{} {what}", tool.name));
                Ok(one)
            };
            times[number].cold.push(turn("cold")?);
            project::change(&folder, &written)?;
            times[number].changed.push(turn("after a change")?);
        }
    }
    page::write(ground, &python, options, &written, &times)
}

fn turn_of(ground: &Ground, tool: &Tool, python: &Path, folder: &Path) -> Result<Measured, TaskError> {
    let program = if tool.name == HEADWATER { ground.headwater.clone() } else { python.with_file_name(tool.program) };
    let mut command = Command::new(program);
    command.args(tool.arguments).current_dir(folder);
    ground.measure(tool.name, &command)
}

/// Removes what a tool has kept of earlier turns.
fn forget(tool: &Tool, folder: &Path) -> Result<(), TaskError> {
    for name in tool.keeps {
        let kept = folder.join(name);
        if kept.is_dir() {
            fs::remove_dir_all(&kept).map_err(TaskError::file("remove", &kept))?;
        }
    }
    Ok(())
}
