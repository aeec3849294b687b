//! `doctor`: what would stop a job on this machine, found before one is started.
//!
//! Every check looks at files, names and versions; none starts Spark, so that a run can do them all first. What a check
//! cannot know it does not guess: a cluster's own limits are told by the cluster.

mod delta;
mod installation;
mod machine;
mod memory;
mod settings;
mod storage;
mod submit;
#[cfg(test)]
mod tests;
mod version;

use headwater_plan::{Diagnostic, Spark};
use serde::Serialize;

pub use installation::Installation;
pub use machine::{Machine, Variables};
pub use version::Version;

use crate::launch::Properties;

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What: `spark`, `java`, `delta lake`.
    pub name: &'static str,
    /// What was found.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// How it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "status", content = "found", rename_all = "snake_case")]
pub enum Outcome {
    /// As it should be.
    Sound(String),
    /// It works, and the user should know something.
    Warning(Box<Diagnostic>),
    /// It cannot work.
    Problem(Box<Diagnostic>),
}

impl Check {
    /// All is well.
    pub fn sound(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Sound(found.into()) }
    }

    /// A warning or a problem, as the diagnostic is one.
    pub fn of(name: &'static str, told: Diagnostic) -> Self {
        let outcome = if told.is_error() { Outcome::Problem(told.into()) } else { Outcome::Warning(told.into()) };
        Self { name, outcome }
    }

    /// What stops a run.
    pub fn problem(&self) -> Option<&Diagnostic> {
        match &self.outcome {
            Outcome::Problem(problem) => Some(problem),
            Outcome::Sound(_) | Outcome::Warning(_) => None,
        }
    }
}

/// What was found on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// Every check, in the order in which one rests on another.
    pub checks: Vec<Check>,
    /// The Spark, if there is one.
    pub installation: Option<Installation>,
}

impl Examination {
    /// What stops a run.
    pub fn problems(&self) -> impl Iterator<Item = &Diagnostic> {
        self.checks.iter().filter_map(Check::problem)
    }
}

/// The keys of the engine that a check looks at.
fn about(check: &str) -> &'static [&'static str] {
    match check {
        "spark" => &["spark_home", "python"],
        "python" => &["python"],
        "jars" => &["jars"],
        "delta lake" => &["jars", "packages"],
        "cores" | "master" => &["master"],
        "memory" => &["spark.driver.memory"],
        _ => &[],
    }
}

/// Looks at everything that a job needs: its Spark, Java, Python, Delta Lake, the settings, and the lake's storage.
/// Takes as long as it takes to ask `java` and `python` for their versions.
pub fn examine(spark: &Spark, machine: &Machine, lake: &str) -> Examination {
    let installation = match installation::find(spark, machine) {
        Ok(installation) => installation,
        Err(absent) => {
            let place = spark.place(&["spark_home", "python"]);
            let checks = vec![Check::of("spark", submit::absent(&absent).at(place))];
            return Examination { checks, installation: None };
        }
    };
    let properties = Properties::of(spark, &installation, machine);
    let looking = submit::Looking { spark, machine, installation: &installation, properties: &properties };
    let mut checks = vec![looking.spark(), looking.java(), looking.python()];
    checks.extend(looking.jars());
    // Of a Spark that nobody knows there is nothing to say, and of JARs that are missing all is said.
    let jars_are_there = !checks.iter().any(|check| check.name == "jars");
    checks.extend(looking.pair().filter(|_| jars_are_there).map(|_| looking.delta()));
    checks.extend(looking.delta_settings());
    checks.extend(looking.event_log());
    checks.extend(memory::checks(&looking));
    checks.extend(settings::checks(&looking));
    checks.extend(storage::checks(&looking, lake));
    for check in &mut checks {
        let keys = about(check.name);
        if let Outcome::Problem(told) | Outcome::Warning(told) = &mut check.outcome {
            told.location.get_or_insert_with(|| spark.place(keys));
        }
    }
    Examination { checks, installation: Some(installation) }
}
