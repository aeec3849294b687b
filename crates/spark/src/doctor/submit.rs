//! The checks of a Spark that is started here: versions that go together, and settings that Delta Lake and the service
//! that owns the machine leave to a job.

use std::path::{Path, PathBuf};
use std::process::Command;

use headwater_plan::{Code, Diagnostic, Spark};

use super::Check;
use super::delta::{Delta, PAIRS, Pair, STORAGE};
use super::installation::{Absent, Installation};
use super::machine::{Machine, said};
use super::version::{self, Version};
use crate::launch::{DELTA_CATALOG, DELTA_EXTENSION, Properties};

/// The first Python that each generation of Spark takes.
const OLDEST_PYTHON: &[((u32, u32), Version)] = &[
    ((3, 5), Version::new(3, 8, 0)),
    ((4, 0), Version::new(3, 9, 0)),
    ((4, 1), Version::new(3, 10, 0)),
    ((4, 2), Version::new(3, 10, 0)),
];

const EXTENSIONS: &str = "spark.sql.extensions";
const CATALOG: &str = "spark.sql.catalog.spark_catalog";

const PYTHON: &str = "`python:` is a path from the project's folder, or a command on the `PATH`";

/// What is looked at.
pub(super) struct Looking<'a> {
    pub(super) spark: &'a Spark,
    pub(super) machine: &'a Machine,
    pub(super) installation: &'a Installation,
    pub(super) properties: &'a Properties,
}

/// The message of a Spark that is not there.
pub(super) fn absent(absent: &Absent) -> Diagnostic {
    let error = |message: String| Diagnostic::error(Code::EngineMissing, message);
    match absent {
        Absent::Nowhere => error("there is no Spark: no `SPARK_HOME`, and no `spark-submit` on the `PATH`".to_owned())
            .help("`pip install pyspark==4.2.1` into an environment and name its `python:`, or name a `spark_home:`"),
        Absent::NoPython(python) if python.is_dir() => {
            let program = python.join("bin/python");
            let help = if program.is_file() {
                format!("the program in it is `{}`", program.display())
            } else {
                PYTHON.to_owned()
            };
            error(format!("`{}` is a folder, and no Python", python.display())).help(help)
        }
        Absent::NoPython(python) => error(format!("there is no Python `{}`", python.display())).help(PYTHON),
        Absent::NotAPython(python, said) => {
            let mut told = error(format!("`{}` is no Python that starts", python.display()));
            told.causes.extend(Some(said.clone()).filter(|said| !said.is_empty()));
            told.help(PYTHON)
        }
        Absent::NoPySpark(python) => error(format!("the Python `{}` has no PySpark", python.display()))
            .help(format!("`{} -m pip install pyspark==4.2.1`", python.display())),
        Absent::NotASpark { folder, named_by } => {
            error(format!("`{}` is no Spark: it has no `bin/spark-submit` with its `jars/`", folder.display()))
                .help(format!("it was named by {named_by}; a Spark is the folder that `spark-submit` lies below"))
        }
        Absent::NoPython3 => error("there is no `python3` on the `PATH`, which runs the job in Spark".to_owned())
            .help("install Python 3.10 or newer, or name one with `python:`"),
    }
}

impl Looking<'_> {
    /// What is known of this generation of Spark.
    pub(super) fn pair(&self) -> Option<&'static Pair> {
        PAIRS.iter().find(|pair| pair.spark == self.installation.spark.generation())
    }

    /// The package of Delta Lake to name for this Spark.
    fn package(&self) -> String {
        let package = self.pair().map_or("", |pair| pair.package);
        // A Spark 3.5 may be built with either Scala.
        package.replace("_2.12:", &format!("_{}:", self.installation.scala))
    }

    pub(super) fn spark(&self) -> Check {
        let Installation { spark, home, scala, .. } = self.installation;
        let known =
            || PAIRS.iter().map(|pair| format!("{}.{}", pair.spark.0, pair.spark.1)).collect::<Vec<_>>().join(", ");
        let wrong = |message: String| {
            Check::of(
                "spark",
                Diagnostic::error(Code::EngineVersion, message).help(format!(
                    "it is in `{}`; known are {}",
                    home.display(),
                    known()
                )),
            )
        };
        match self.pair() {
            None if spark.generation() < (3, 5) => wrong(format!("Spark {spark} is too old: expected 3.5 or newer")),
            None => wrong(format!("no Delta Lake for Spark {spark} is known")),
            Some(_) if spark.generation() == (3, 5) && spark.patch >= 9 => Check::of(
                "spark",
                Diagnostic::error(
                    Code::EngineVersion,
                    format!("Delta Lake cannot replace a table with Spark {spark}: `CREATE OR REPLACE TABLE` fails"),
                )
                .help("use Spark 3.5.5, or Spark 4"),
            ),
            Some(_) => Check::sound("spark", format!("{spark} with Scala {scala}, in `{}`", home.display())),
        }
    }

    pub(super) fn java(&self) -> Check {
        let of_home = self.machine.variable("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
        let named_by = if of_home.is_some() { "`JAVA_HOME`" } else { "the `PATH`" };
        let program = of_home.unwrap_or_else(|| PathBuf::from("java"));
        let spark = self.installation.spark;
        let expected = if spark.major >= 4 { "Java 17 or newer" } else { "Java 8, 11 or 17" };
        let help =
            format!("install one (Debian: `apt-get install openjdk-17-jre-headless`); this one is that of {named_by}");
        let found = self.machine.program(&program).map(|program| said(Command::new(&program).arg("-version")));
        let major = match found {
            Some(Ok(text)) => version::java(&text),
            Some(Err(failed)) => {
                let mut told =
                    Diagnostic::error(Code::EngineMissing, format!("`{}` does not start", program.display()));
                told.causes.extend(failed.lines().next().map(str::to_owned));
                return Check::of("java", told.help(help));
            }
            None => {
                let (message, help) = match self.machine.variable("JAVA_HOME") {
                    Some(home) => (
                        format!(
                            "`JAVA_HOME` is `{home}`, which has no `bin/java`: Spark takes no other, expected {expected}"
                        ),
                        "let it name the folder of a Java, or unset it where there is a `java` on the `PATH`",
                    ),
                    None => (
                        format!("there is no Java, which Spark runs on: expected {expected}"),
                        "install one (Debian: `apt-get install openjdk-17-jre-headless`), or set `JAVA_HOME`",
                    ),
                };
                return Check::of("java", Diagnostic::error(Code::EngineMissing, message).help(help));
            }
        };
        let Some(major) = major else {
            let message = format!("`{} -version` names no version", program.display());
            return Check::of("java", Diagnostic::error(Code::EngineMissing, message).help(help));
        };
        let fits = if spark.major >= 4 { major >= 17 } else { [8, 11, 17].contains(&major) };
        if fits {
            return Check::sound("java", format!("{major}"));
        }
        let message = format!("Spark {spark} does not run on Java {major}: expected {expected}");
        Check::of("java", Diagnostic::error(Code::EngineVersion, message).help(help))
    }

    /// The Python of the driver, and that of the workers, which must be of one version.
    pub(super) fn python(&self) -> Check {
        let python = &self.installation.python;
        let driver = match python_version(python) {
            Ok(version) => version,
            Err(told) => return Check::of("python", told),
        };
        let spark = self.installation.spark;
        let oldest = OLDEST_PYTHON.iter().find(|(generation, _)| *generation == spark.generation());
        if let Some((_, oldest)) = oldest.filter(|(_, oldest)| driver < *oldest) {
            let message = format!(
                "Spark {spark} needs Python {}.{} or newer: `{}` is {driver}",
                oldest.major,
                oldest.minor,
                python.display()
            );
            return Check::of(
                "python",
                Diagnostic::error(Code::EngineVersion, message).help("name another with `python:`"),
            );
        }
        let of_workers = self.properties.get("spark.pyspark.python").map(str::to_owned);
        let of_workers = of_workers.or_else(|| self.machine.variable("PYSPARK_PYTHON"));
        if let Some(workers) =
            of_workers.and_then(|name| self.machine.program(Path::new(&name))).filter(|other| other != python)
        {
            match python_version(&workers) {
                Ok(other) if other.generation() != driver.generation() => {
                    let message = format!(
                        "the workers' Python is {other} (`{}`) and the job's is {driver} (`{}`)",
                        workers.display(),
                        python.display()
                    );
                    let told = Diagnostic::error(Code::EngineVersion, message);
                    return Check::of(
                        "python",
                        told.help("PySpark wants one version: set `PYSPARK_PYTHON` to the same Python as `python:`"),
                    );
                }
                _ => {}
            }
        }
        Check::sound("python", format!("{driver}, `{}`", python.display()))
    }

    /// JARs that are named and not there.
    pub(super) fn jars(&self) -> Option<Check> {
        let absent: Vec<&str> = self.properties.jars_absent().iter().map(String::as_str).collect();
        if absent.is_empty() {
            return None;
        }
        if let Some(folder) = absent.iter().find(|path| Path::new(path).is_dir()) {
            let told = Diagnostic::error(Code::EngineSetting, format!("`{folder}` is a folder, and no JAR"));
            return Some(Check::of("jars", told.help(format!("all that are in it are `{folder}/*.jar`"))));
        }
        let message = format!("there is no JAR {}", crate::launch::quoted(&absent));
        let told = Diagnostic::error(Code::EngineMissing, message);
        Some(Check::of("jars", told.help("`jars:` are paths from the project's folder, which may hold `*`, or URLs")))
    }

    pub(super) fn delta(&self) -> Check {
        let found = self.deltas();
        let spark = self.installation.spark;
        let cure = || {
            format!(
                "`packages: [\"{}\"]` fetches the one for Spark {spark}; or name its JARs with `jars:`",
                self.package()
            )
        };
        let wrong = |code, message: String| Check::of("delta lake", Diagnostic::error(code, message).help(cure()));
        let Some(first) = found.first() else {
            return wrong(Code::EngineMissing, format!("Spark {spark} has no Delta Lake on its class path"));
        };
        if let Some(other) = found.iter().find(|other| other.version != first.version) {
            let message = format!("there are two Delta Lakes: `{}` and `{}`", first.found, other.found);
            let told = Diagnostic::error(Code::EngineVersion, message);
            return Check::of(
                "delta lake",
                told.help("take one of them out of `jars:`, `packages:` or Spark's `jars/`"),
            );
        }
        if let Some(other) = found.iter().find(|delta| delta.spark().is_some_and(|of| of != spark.generation())) {
            let (major, minor) = other.spark().unwrap_or_default();
            let message =
                format!("the Delta Lake `{}` is for Spark {major}.{minor}, and this is Spark {spark}", other.found);
            return wrong(Code::EngineVersion, message);
        }
        if let Some(other) = found.iter().find(|delta| delta.scala != self.installation.scala) {
            let message = format!(
                "the Delta Lake `{}` is for Scala {}, and Spark is built with {}",
                other.found, other.scala, self.installation.scala
            );
            return wrong(Code::EngineVersion, message);
        }
        let is_package = Delta::of_package(&first.found).is_some();
        let mut files = self.files();
        if !is_package && !files.iter().any(|file| version::of_jar(file, STORAGE).is_some()) {
            files.clear();
            let message = format!("`{}` needs `{STORAGE}-{}.jar` beside it", first.found, first.version);
            return wrong(Code::EngineMissing, message);
        }
        Check::sound("delta lake", format!("{}, `{}`", first.version, first.found))
    }

    fn deltas(&self) -> Vec<Delta> {
        let of_packages = self.properties.packages().into_iter().filter_map(|package| Delta::of_package(&package));
        let mut found: Vec<Delta> = of_packages.collect();
        found.extend(self.files().iter().filter_map(|file| Delta::of_file(file, file)));
        found
    }

    /// The names of all JARs: Spark's own, and those that the job adds.
    pub(super) fn files(&self) -> Vec<String> {
        let mut files = self.installation.jars();
        files.extend(self.properties.jars().into_iter().filter_map(|jar| jar.rsplit('/').next().map(str::to_owned)));
        files
    }

    /// The settings without which Spark does not know Delta Lake: Headwater makes them, and nobody may take them away.
    pub(super) fn delta_settings(&self) -> Vec<Check> {
        let expected = [(EXTENSIONS, DELTA_EXTENSION), (CATALOG, DELTA_CATALOG)];
        let mut checks = Vec::new();
        for (name, class) in expected {
            let value = self.properties.get(name).unwrap_or_default();
            if !value.split(',').any(|part| part.trim() == class) {
                let message = format!("`{name}` is `{value}`, with which Spark does not know Delta tables");
                let told = Diagnostic::error(Code::EngineSetting, message);
                let help = format!("leave it out of `settings:`, or add `{class}`");
                checks.push(Check::of("delta settings", told.help(help)));
            }
        }
        if checks.is_empty() {
            checks.push(Check::sound("delta settings", "the extension and the catalog"));
        }
        checks
    }

    /// A service that keeps event logs makes their folders itself; a job that names its own clashes with it.
    pub(super) fn event_log(&self) -> Option<Check> {
        let owned = self.properties.defaults_with("spark.eventLog.");
        let own = self.spark.settings.keys().find(|name| name.starts_with("spark.eventLog."));
        if let (Some(setting), Some(owner)) = (own, owned) {
            let message =
                format!("`{setting}` is the machine's to set: `{}` has `{}`", owner.file.display(), owner.name);
            let told = Diagnostic::error(Code::EngineSetting, message);
            return Some(Check::of(
                "event log",
                told.help("leave it out of `settings:`: the job's events are kept all the same"),
            ));
        }
        let is_on =
            self.properties.get("spark.eventLog.enabled").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        if !is_on {
            return None;
        }
        let folder = self.properties.get("spark.eventLog.dir").unwrap_or("file:///tmp/spark-events");
        let local = folder.strip_prefix("file://").or_else(|| folder.starts_with('/').then_some(folder));
        if let Some(path) = local.filter(|path| !Path::new(path).is_dir()) {
            let told =
                Diagnostic::error(Code::EngineSetting, format!("the folder of the event logs, `{path}`, is not there"));
            return Some(Check::of("event log", told.help("make it, or leave `spark.eventLog.enabled` out")));
        }
        Some(Check::sound("event log", format!("`{folder}`")))
    }
}

fn python_version(python: &Path) -> Result<Version, Diagnostic> {
    let script = "import sys; print('.'.join(map(str, sys.version_info[:3])))";
    let wrong = |cause: String| {
        let mut told =
            Diagnostic::error(Code::EngineMissing, format!("the Python `{}` does not start", python.display()));
        told.causes.extend(Some(cause).filter(|cause| !cause.is_empty()));
        told.help("name another with `python:`")
    };
    let text = said(Command::new(python).args(["-c", script])).map_err(wrong)?;
    Version::read(text.trim()).ok_or_else(|| wrong(text.trim().to_owned()))
}
