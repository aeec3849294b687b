//! The folders and programs of a benchmark, and one turn of one tool.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::Setting;
use super::measured::Measured;
use crate::Workspace;
use crate::error::{TaskError, complain};
use crate::process::{cargo, output, run as run_process, say};
use crate::setup;

/// Where a benchmark works, and with what.
pub(super) struct Ground {
    pub(super) root: PathBuf,
    pub(super) bench: PathBuf,
    /// Emptied before and removed after each benchmark.
    pub(super) work: PathBuf,
    /// What is made once and kept: generated data, lakes of it.
    data: PathBuf,
    pub(super) python: PathBuf,
    pub(super) headwater: PathBuf,
    pub(super) page: PathBuf,
}

impl Ground {
    /// Builds Headwater, installs the others, empties the working folder.
    pub(super) fn prepare(workspace: &Workspace, setting: &Setting) -> Result<Self, TaskError> {
        setup::java(workspace)?;
        let bench = workspace.root.join("bench");
        let python = setup::python(workspace, "bench-venv", &bench.join("requirements.txt"))?;
        let headwater = match &setting.headwater {
            Some(built) => fs::canonicalize(built).map_err(TaskError::file("find", built))?,
            None => build(workspace)?,
        };
        let page = setting.page.clone().unwrap_or_else(|| bench.join("RESULTS.md"));
        let (work, data) = (workspace.cache.join("bench"), workspace.cache.join("bench-data"));
        empty(&work)?;
        Ok(Self { root: workspace.root.clone(), bench, work, data, python, headwater, page })
    }

    /// Removes the working folder.
    pub(super) fn clear(&self) -> Result<(), TaskError> {
        fs::remove_dir_all(&self.work).map_err(TaskError::file("remove", &self.work))
    }

    /// A folder that is made once: by `make` if it is not there, or was made from something else than `from`.
    pub(super) fn once(
        &self,
        name: &str,
        from: &str,
        make: impl FnOnce(&Path) -> Result<(), TaskError>,
    ) -> Result<PathBuf, TaskError> {
        let folder = self.data.join(name);
        let stamp = self.data.join(format!("{name}.made-from"));
        if folder.is_dir() && fs::read_to_string(&stamp).is_ok_and(|made| made == from) {
            say(&format!("found {}", folder.display()));
            return Ok(folder);
        }
        empty(&folder)?;
        make(&folder)?;
        // Last, so that what was cut short is made again.
        fs::write(&stamp, from).map_err(TaskError::file("write", &stamp))?;
        Ok(folder)
    }

    /// `headwater` in a project, not timed.
    pub(super) fn run(&self, project: &Path, arguments: &[&str]) -> Result<(), TaskError> {
        run_process(Command::new(&self.headwater).args(arguments).arg("--project-dir").arg(project))
    }

    /// One turn of `headwater` in a project.
    pub(super) fn headwater(&self, project: &Path, arguments: &[&str]) -> Result<Measured, TaskError> {
        let mut command = Command::new(&self.headwater);
        command.args(arguments).arg("--project-dir").arg(project);
        self.measure("Headwater", &command)
    }

    /// One turn of a Python program of `bench/`.
    pub(super) fn python(&self, name: &str, script: &str, arguments: &[&Path]) -> Result<Measured, TaskError> {
        let mut command = Command::new(&self.python);
        command.arg(self.bench.join(script)).args(arguments);
        self.measure(name, &command)
    }

    /// One turn of a program.
    pub(super) fn measure(&self, name: &str, command: &Command) -> Result<Measured, TaskError> {
        let mut timed = Command::new(&self.python);
        timed.arg(self.bench.join("measure.py")).arg(command.get_program()).args(command.get_args());
        if let Some(folder) = command.get_current_dir() {
            timed.current_dir(folder);
        }
        let measured: Measured = parse("measure.py", &output(&mut timed)?)?;
        complain(if measured.exit == 0 { Vec::new() } else { vec![format!("{name} failed, see above")] })?;
        Ok(measured)
    }

    /// What a Python program of `bench/` answers in JSON.
    pub(super) fn ask<T>(&self, script: &str, arguments: &[&Path]) -> Result<T, TaskError>
    where
        T: for<'a> Deserialize<'a>,
    {
        let answer = output(Command::new(&self.python).arg(self.bench.join(script)).args(arguments))?;
        parse(script, &answer)
    }
}

fn build(workspace: &Workspace) -> Result<PathBuf, TaskError> {
    let release = ["build", "--release", "--locked", "--package", "headwater"];
    run_process(cargo().current_dir(&workspace.root).args(release))?;
    let metadata =
        cargo_metadata::MetadataCommand::new().manifest_path(workspace.root.join("Cargo.toml")).no_deps().exec()?;
    Ok(metadata.target_directory.into_std_path_buf().join("release/headwater"))
}

fn parse<T: for<'a> Deserialize<'a>>(command: &str, answer: &[u8]) -> Result<T, TaskError> {
    serde_json::from_slice(answer).map_err(|source| TaskError::Answer { command: command.to_owned(), source })
}

pub(super) fn empty(folder: &Path) -> Result<(), TaskError> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(TaskError::file("remove", folder))?;
    }
    fs::create_dir_all(folder).map_err(TaskError::file("create", folder))
}

/// What a project's runs make.
const MADE: &[&str] = &["incoming", "lake", ".headwater", "target"];

/// Copies a project without what its runs made.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), TaskError> {
    each(from, to, &|name| !MADE.contains(&name), &|from, to| fs::copy(from, to).map(drop))
}

/// Gives a lake's files second names in another folder. No file of a lake is ever changed, so each of the two is a lake of
/// its own, without the bytes.
pub(super) fn link(from: &Path, to: &Path) -> Result<(), TaskError> {
    each(from, to, &|_| true, &|from, to| fs::hard_link(from, to))
}

/// Does something with each file of a folder that is taken, and makes the folders.
fn each(
    from: &Path,
    to: &Path,
    taken: &dyn Fn(&str) -> bool,
    act: &dyn Fn(&Path, &Path) -> std::io::Result<()>,
) -> Result<(), TaskError> {
    fs::create_dir_all(to).map_err(TaskError::file("create", to))?;
    for entry in fs::read_dir(from).map_err(TaskError::file("list", from))? {
        let path = entry.map_err(TaskError::file("list", from))?.path();
        let name = path.file_name().unwrap_or_default();
        let target = to.join(name);
        if !taken(&name.to_string_lossy()) {
            continue;
        }
        if path.is_dir() {
            each(&path, &target, taken, act)?;
        } else {
            act(&path, &target).map_err(TaskError::file("copy", &path))?;
        }
    }
    Ok(())
}
