//! `engine:` of an environment.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Plain;

/// An engine by its name, or with its settings.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum EngineFile {
    /// The name alone.
    Name(EngineName),
    /// The name and where it runs.
    Settings(Box<EngineSettings>),
}

/// An engine and where it runs.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "an engine")]
pub(crate) struct EngineSettings {
    /// The engine: `embedded`, `spark` or `auto`.
    pub(crate) kind: EngineName,
    /// Where Spark runs: `spark-submit` (the default) starts one of this machine, which may send the work to a cluster.
    pub(crate) on: Option<SparkOn>,
    /// For `auto`: a run that would read more bytes than this, as stored, runs on Spark: `50GB` by default.
    pub(crate) above: Option<Plain>,
    /// The folder of a Spark, that with `bin/spark-submit`. Without it and `python`, that of the environment variable
    /// `SPARK_HOME`, or of the `spark-submit` on the `PATH`.
    pub(crate) spark_home: Option<String>,
    /// A Python that has PySpark (`pip install pyspark`): a path, relative to the project's folder, or a command. With
    /// `spark_home`, the Python that Spark is to use.
    pub(crate) python: Option<String>,
    /// Where the work goes: `local[*]` (the default), `local[4]`, `yarn`, `spark://host:7077`.
    pub(crate) master: Option<Plain>,
    /// JARs for Spark's class path, Delta Lake's among them unless Spark has them: paths, relative to the project's
    /// folder, which may hold `*`, or URLs.
    #[serde(default)]
    pub(crate) jars: Vec<String>,
    /// Packages that Spark fetches when it starts: `io.delta:delta-spark_4.2_2.13:4.4.0`.
    #[serde(default)]
    pub(crate) packages: Vec<String>,
    /// Spark's own settings by name, such as `spark.executor.memory: 8g`. They win over those that Headwater makes from
    /// the sizes of the plan, which `headwater plan` prints.
    #[serde(default)]
    pub(crate) settings: IndexMap<String, Plain>,
    /// How long a job of Spark may take before it is stopped, such as `2h` or `1h30m`; without it, as long as it needs.
    pub(crate) timeout: Option<Plain>,
}

/// An engine's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EngineName {
    /// DataFusion inside Headwater.
    Embedded,
    /// Apache Spark with Delta Lake.
    Spark,
    /// Embedded or Spark, by the bytes that a run would read.
    Auto,
}

/// Where Spark runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SparkOn {
    /// The `spark-submit` of a Spark that is installed on this machine.
    SparkSubmit,
    /// Amazon EMR Serverless; not supported.
    EmrServerless,
    /// An Amazon EMR cluster; not supported.
    Emr,
    /// AWS Glue; not supported.
    Glue,
}

impl SparkOn {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::SparkSubmit => "spark-submit",
            Self::EmrServerless => "emr-serverless",
            Self::Emr => "emr",
            Self::Glue => "glue",
        }
    }
}
