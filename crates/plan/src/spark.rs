//! Where and how Spark runs, as the environment says it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::Location;

/// A Spark, and how it is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spark {
    /// Where the user named the engine.
    pub location: Location,
    /// Where they wrote what: by key (`python`, `jars`), or by the name of a setting. Not written anywhere: a place holds its
    /// line, and that of a setting may be secret.
    #[serde(skip)]
    pub places: BTreeMap<String, Location>,
    /// Where Spark runs.
    pub on: SparkOn,
    /// The folder of a Spark, absolute.
    pub home: Option<PathBuf>,
    /// A Python that has PySpark: an absolute path, or a command's name.
    pub python: Option<PathBuf>,
    /// Where the work goes: `local[4]`, `yarn`, `spark://host:7077`.
    pub master: Option<String>,
    /// JARs for Spark's class path, Delta's among them: absolute paths, patterns or URLs.
    pub jars: Vec<String>,
    /// Packages for Spark to fetch: `group:artifact:version`.
    pub packages: Vec<String>,
    /// Spark's own settings; they win over Headwater's.
    pub settings: IndexMap<String, String>,
    /// The milliseconds that a job may take.
    pub timeout_ms: Option<u64>,
}

impl Spark {
    /// Where the user wrote the first of these; the engine itself, if they wrote none.
    pub fn place(&self, keys: &[&str]) -> Location {
        keys.iter().find_map(|key| self.places.get(*key)).unwrap_or(&self.location).clone()
    }
}

/// Where Spark runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SparkOn {
    /// A `spark-submit` of this machine.
    SparkSubmit,
}

/// Embedded or Spark, by how much a run would read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auto {
    /// A run that would read more bytes than this, as stored, runs on Spark.
    pub above: u64,
    /// The Spark.
    pub spark: Spark,
}
