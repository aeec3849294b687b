//! What tests and benchmarks need from outside: Java for Spark, Python environments with pinned packages, JARs.
//!
//! Everything lands in the cache folder, outside the clone, so that a second run finds it. Packages of the system are
//! installed only on a machine of continuous integration whose user may; elsewhere the message names them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Workspace;
use crate::error::TaskError;
use crate::process::{probe, run, say};

const JAVA_PACKAGE: &str = "openjdk-17-jre-headless";
const MAVEN_PACKAGE: &str = "maven";
const PYTHON_PACKAGES: &str = "python3 python3-venv";

/// Java, as Spark needs it.
pub(crate) fn java(workspace: &Workspace) -> Result<(), TaskError> {
    if java_version().is_some_and(|version| version >= 17) {
        return Ok(());
    }
    install(workspace, JAVA_PACKAGE);
    match java_version() {
        Some(version) if version >= 17 => Ok(()),
        Some(version) => Err(TaskError::NoJava { found: format!("this is {version}"), package: JAVA_PACKAGE }),
        None => Err(TaskError::NoJava { found: "there is none".to_owned(), package: JAVA_PACKAGE }),
    }
}

/// The major version: of `openjdk version "17.0.15"` 17, of `java version "1.8.0_292"` 1.
fn java_version() -> Option<u32> {
    let text = probe(Command::new("java").arg("-version"))?;
    text.split('"').nth(1)?.split(['.', '-', '+']).next()?.parse().ok()
}

/// A Python environment with the packages of a requirements file; its interpreter.
pub(crate) fn python(workspace: &Workspace, name: &str, requirements: &Path) -> Result<PathBuf, TaskError> {
    let environment = workspace.cache.join(name);
    let interpreter = environment.join("bin/python");
    let wanted = fs::read_to_string(requirements).map_err(TaskError::file("read", requirements))?;
    let stamp = environment.join("headwater-requirements.txt");
    if interpreter.exists() && fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(interpreter);
    }
    say(&format!("setting up Python packages in {}", environment.display()));
    if environment.exists() {
        fs::remove_dir_all(&environment).map_err(TaskError::file("remove", &environment))?;
    }
    fs::create_dir_all(&workspace.cache).map_err(TaskError::file("create", &workspace.cache))?;
    create_environment(workspace, &environment)?;
    run(Command::new(&interpreter)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(requirements))?;
    // Last, so that an installation that was cut short is done again.
    fs::write(&stamp, wanted).map_err(TaskError::file("write", &stamp))?;
    Ok(interpreter)
}

/// The JARs of Delta Lake that a file of Maven names; their folder.
pub(crate) fn jars(workspace: &Workspace, pom: &Path) -> Result<PathBuf, TaskError> {
    let name = pom.file_stem().unwrap_or_default();
    let folder = workspace.cache.join("jars").join(name);
    let wanted = fs::read_to_string(pom).map_err(TaskError::file("read", pom))?;
    let stamp = folder.join("headwater-pom.xml");
    if fs::read_to_string(&stamp).is_ok_and(|fetched| fetched == wanted) {
        return Ok(folder);
    }
    maven(workspace)?;
    say(&format!("fetching JARs into {}", folder.display()));
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(TaskError::file("remove", &folder))?;
    }
    fs::create_dir_all(&folder).map_err(TaskError::file("create", &folder))?;
    // Spark has all the others itself.
    let mut fetch = Command::new("mvn");
    fetch.args(["--quiet", "--batch-mode", "dependency:copy-dependencies", "-DincludeGroupIds=io.delta"]);
    run(fetch.arg(format!("-DoutputDirectory={}", folder.display())).arg("--file").arg(pom))?;
    fs::write(&stamp, wanted).map_err(TaskError::file("write", &stamp))?;
    Ok(folder)
}

fn maven(workspace: &Workspace) -> Result<(), TaskError> {
    let there = || probe(Command::new("mvn").arg("--version")).is_some();
    if !there() {
        install(workspace, MAVEN_PACKAGE);
    }
    if there() { Ok(()) } else { Err(TaskError::NoMaven { package: MAVEN_PACKAGE }) }
}

fn create_environment(workspace: &Workspace, environment: &Path) -> Result<(), TaskError> {
    let create = || {
        let recent = "import sys; sys.exit(sys.version_info < (3, 10))";
        probe(Command::new("python3").args(["-c", recent]))?;
        probe(Command::new("python3").args(["-m", "venv"]).arg(environment))
    };
    if create().is_none() {
        install(workspace, PYTHON_PACKAGES);
        create().ok_or(TaskError::NoPython { packages: PYTHON_PACKAGES })?;
    }
    Ok(())
}

/// Installs Debian packages where that is wanted and allowed. Whether it helped, the caller sees by looking again.
fn install(workspace: &Workspace, packages: &str) {
    let root = probe(Command::new("id").arg("-u")).is_some_and(|user| user.trim() == "0");
    if !workspace.ci || !root {
        return;
    }
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive").args(["install", "--yes", "--quiet", "--no-install-recommends"]);
    apt.args(packages.split(' '));
    let installed = run(Command::new("apt-get").args(["update", "--quiet"])).and_then(|()| run(&mut apt));
    if let Err(error) = installed {
        say(&format!("warning: {error}"));
    }
}
