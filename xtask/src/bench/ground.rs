//! The folders and programs of a benchmark, and one turn of one tool.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::{Checked, Measured};
use crate::Workspace;
use crate::error::{TaskError, complain};
use crate::process::{cargo, output, run as run_process};
use crate::setup;

/// Where a benchmark works, and with what.
pub(super) struct Ground {
    pub(super) root: PathBuf,
    pub(super) bench: PathBuf,
    pub(super) work: PathBuf,
    pub(super) python: PathBuf,
    pub(super) headwater: PathBuf,
}

impl Ground {
    /// Builds Headwater, installs the others, empties the working folder.
    pub(super) fn prepare(workspace: &Workspace) -> Result<Self, TaskError> {
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
        Ok(Self { root: workspace.root.clone(), bench, work, python, headwater })
    }

    /// Removes the working folder.
    pub(super) fn clear(&self) -> Result<(), TaskError> {
        fs::remove_dir_all(&self.work).map_err(TaskError::file("remove", &self.work))
    }

    /// A file of rentals, by `headwater generate` on a copy of the example, the last one replaced.
    pub(super) fn generate(&self, rows: u64, more: &[&str]) -> Result<PathBuf, TaskError> {
        let project = self.work.join("car-rental");
        empty(&project)?;
        copy(&self.root.join("examples/car-rental"), &project)?;
        let rows = rows.to_string();
        let mut command = Command::new(&self.headwater);
        command.args(["generate", "--seed", "1", "--rows", &rows]).args(more).arg("--project-dir").arg(&project);
        run_process(&mut command)?;
        // The other sources were needed for the keys only.
        for table in ["vehicles", "users", "locations"] {
            let path = project.join(format!("incoming/{table}.csv"));
            fs::remove_file(&path).map_err(TaskError::file("remove", &path))?;
        }
        Ok(project.join("incoming/rental_transactions.csv"))
    }

    /// One turn of Headwater into a fresh lake: its measures, and the table's folder.
    pub(super) fn headwater(&self, incoming: &Path) -> Result<(Measured, PathBuf), TaskError> {
        let target = self.work.join("target");
        empty(&target)?;
        copy(&self.bench.join("ingest"), &target)?;
        let mut command = self.measure();
        command.arg(&self.headwater).args(["run", "--project-dir"]).arg(&target);
        command.args(["--vars", &format!("{{incoming: \"{}\"}}", incoming.display())]);
        let measured = measured("Headwater", &mut command)?;
        Ok((measured, target.join("lake/bronze/rental_transactions")))
    }

    /// One turn of another tool: its measures, and the folder that it wrote.
    pub(super) fn peer(&self, name: &str, source: &Path) -> Result<(Measured, PathBuf), TaskError> {
        let target = self.work.join("target");
        empty(&target)?;
        let to = if name == "Sail" { "delta" } else { "parquet" };
        let peer = self.bench.join(format!("peers/{}_{to}.py", name.to_lowercase()));
        let mut command = self.measure();
        command.arg(&self.python).arg(peer).arg(source).arg(&target);
        Ok((measured(name, &mut command)?, target))
    }

    /// What is in the Parquet files of a folder.
    pub(super) fn check(&self, folder: &Path) -> Result<Checked, TaskError> {
        let answer = output(Command::new(&self.python).arg(self.bench.join("check.py")).arg(folder))?;
        parse("check.py", &answer)
    }

    fn measure(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(self.bench.join("measure.py"));
        command
    }
}

fn measured(name: &str, command: &mut Command) -> Result<Measured, TaskError> {
    let measured: Measured = parse("measure.py", &output(command)?)?;
    complain(if measured.exit == 0 { Vec::new() } else { vec![format!("{name} failed, see above")] })?;
    Ok(measured)
}

fn target_directory(workspace: &Workspace) -> Result<PathBuf, TaskError> {
    let metadata =
        cargo_metadata::MetadataCommand::new().manifest_path(workspace.root.join("Cargo.toml")).no_deps().exec()?;
    Ok(metadata.target_directory.into_std_path_buf())
}

fn parse<'a, T: Deserialize<'a>>(command: &str, answer: &'a [u8]) -> Result<T, TaskError> {
    serde_json::from_slice(answer).map_err(|source| TaskError::Answer { command: command.to_owned(), source })
}

pub(super) fn empty(folder: &Path) -> Result<(), TaskError> {
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
