//! A Spark on this machine: where it is, and of which version, without starting it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use headwater_plan::Spark;
use serde::Serialize;

use super::machine::{Machine, said};
use super::version::{Version, of_jar};

/// A Spark, and the Java and the Python that it would use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Installation {
    /// The folder with `bin/spark-submit` and `jars/`.
    pub home: PathBuf,
    /// Its version.
    pub spark: Version,
    /// The version of Scala that it was built with: `2.13`.
    pub scala: String,
    /// The version of its Hadoop, with which `hadoop-aws` must agree.
    pub hadoop: Option<Version>,
    /// The Python that runs the job.
    pub python: PathBuf,
}

impl Installation {
    /// The program that starts a job.
    pub fn submit(&self) -> PathBuf {
        self.home.join("bin/spark-submit")
    }

    /// Its settings for all jobs.
    pub fn defaults(&self, machine: &Machine) -> PathBuf {
        let folder = machine.variable("SPARK_CONF_DIR").map(PathBuf::from);
        folder.unwrap_or_else(|| self.home.join("conf")).join("spark-defaults.conf")
    }

    /// The JARs on its class path.
    pub(super) fn jars(&self) -> Vec<String> {
        file_names(&self.home.join("jars"))
    }
}

/// Why no Spark was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Absent {
    /// Neither the project nor the machine names one.
    Nowhere,
    /// `python:` names no program.
    NoPython(PathBuf),
    /// `python:` is something else, which said this.
    NotAPython(PathBuf, String),
    /// `python:` has no PySpark.
    NoPySpark(PathBuf),
    /// A folder that is no Spark's.
    NotASpark { folder: PathBuf, named_by: &'static str },
    /// There is no Python on the `PATH`.
    NoPython3,
}

/// Finds the Spark that the project means, else the machine's.
pub(super) fn find(spark: &Spark, machine: &Machine) -> Result<Installation, Absent> {
    let python = python(spark, machine);
    if let Some(home) = &spark.home {
        return read(home, "`spark_home:`", python?);
    }
    if spark.python.is_some() {
        let python = python?;
        let home = of_pyspark(&python)?;
        return read(&home, "`python:`", python);
    }
    if let Some(home) = machine.variable("SPARK_HOME") {
        return read(Path::new(&home), "`SPARK_HOME`", python?);
    }
    let Some(submit) = machine.program(Path::new("spark-submit")) else { return Err(Absent::Nowhere) };
    // In a Python's `bin/`, it is that Python's PySpark; else it lies, maybe behind a link, in the Spark's own folder.
    let beside = submit.with_file_name("python");
    if submit.with_file_name("find_spark_home.py").is_file() && beside.is_file() {
        let home = of_pyspark(&beside)?;
        return read(&home, "the `spark-submit` on the `PATH`", beside);
    }
    let submit = fs::canonicalize(&submit).unwrap_or(submit);
    let home = submit.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
    read(home, "the `spark-submit` on the `PATH`", python?)
}

/// The Python that the project names, else that of the variables, else the machine's.
fn python(spark: &Spark, machine: &Machine) -> Result<PathBuf, Absent> {
    if let Some(written) = &spark.python {
        return machine.program(written).ok_or_else(|| Absent::NoPython(written.clone()));
    }
    let of_variable = ["PYSPARK_DRIVER_PYTHON", "PYSPARK_PYTHON"].into_iter().find_map(|name| machine.variable(name));
    let name = of_variable.map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    machine.program(&name).ok_or(Absent::NoPython3)
}

/// The folder of a Python's PySpark, which is a whole Spark. PySpark is not imported, which takes its time.
fn of_pyspark(python: &Path) -> Result<PathBuf, Absent> {
    const NONE: &str = "none";
    let script =
        "import importlib.util as u, os; s = u.find_spec('pyspark'); print(os.path.dirname(s.origin) if s else 'none')";
    let other = |said: String| {
        let last = said.lines().last().unwrap_or_default().to_owned();
        Absent::NotAPython(python.to_owned(), last)
    };
    let answer = said(Command::new(python).args(["-c", script])).map_err(other)?;
    match answer.lines().last().unwrap_or_default().trim() {
        "" => Err(other(String::new())),
        NONE => Err(Absent::NoPySpark(python.to_owned())),
        folder => Ok(PathBuf::from(folder)),
    }
}

fn read(home: &Path, named_by: &'static str, python: PathBuf) -> Result<Installation, Absent> {
    let jars = file_names(&home.join("jars"));
    let find = |artifact| jars.iter().find_map(|jar| of_jar(jar, artifact));
    match find("spark-core") {
        Some((scala, spark)) if home.join("bin/spark-submit").is_file() => Ok(Installation {
            home: home.to_owned(),
            spark,
            scala: scala.to_owned(),
            hadoop: find("hadoop-client-api").map(|(_, version)| version),
            python,
        }),
        _ => Err(Absent::NotASpark { folder: home.to_owned(), named_by }),
    }
}

/// The names of the files in a folder, in order; none if it cannot be read.
fn file_names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}
