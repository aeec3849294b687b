//! `headwater.yml`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Ignored;
use super::engine::EngineFile;

/// A Headwater project: its name, its variables, and where it runs. The file stands in the project's folder, beside
/// `models/`, `seeds/`, `macros/` and `tests/`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a project")]
pub(crate) struct ProjectFile {
    /// The project's name: letters, digits, `_` and `-`. It is part of every node's id.
    pub(crate) name: String,
    /// The project's version, for people.
    #[expect(dead_code, reason = "for people")]
    pub(crate) version: Option<Ignored>,
    /// Variables for `{{ var('name') }}`: any values. `--vars` wins over them. A text may use
    /// `{{ env_var('NAME') }}` and `{{ target.name }}`.
    #[serde(default)]
    #[expect(dead_code, reason = "read once the environment is picked")]
    pub(crate) vars: Map<String, Value>,
    /// Where the project runs, by name; `--env` picks one. Without any there is one, `local`, with its lake in
    /// `./lake`.
    #[serde(default)]
    #[expect(dead_code, reason = "read once the environment is picked")]
    pub(crate) environments: IndexMap<String, EnvironmentFile>,
    /// The environment that runs when `--env` is not given: `local` unless this says another.
    pub(crate) default_environment: Option<String>,
    /// Other systems that the project reads or writes, by name.
    #[serde(default)]
    pub(crate) connections: IndexMap<String, ConnectionFile>,
}

/// A place where the project runs: its lake, its engine and their settings.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "an environment")]
pub(crate) struct EnvironmentFile {
    /// The lake: a folder, relative to the project's, or a URL. `./lake` by default.
    pub(crate) lake: Option<String>,
    /// What runs the steps: `embedded` (the default) is DataFusion inside Headwater itself, `spark` is Apache Spark with
    /// Delta Lake, `auto` is one or the other by how much a run would read. A name, or a mapping with `kind:` and settings.
    pub(crate) engine: Option<EngineFile>,
    /// How many nodes run side by side: the processor's cores by default. `--threads` wins over it.
    #[schemars(range(min = 1, max = 1024))]
    pub(crate) threads: Option<u32>,
    /// The memory that the engine's operators may hold before they spill to disk, such as `512MB` or `4GB` (powers of
    /// 1000; `KiB`, `MiB`, `GiB` are powers of 1024). `2GB` by default.
    pub(crate) memory_limit: Option<String>,
    /// The catalog that knows the lake's tables: `local` (the default) is the lake itself.
    pub(crate) catalog: Option<CatalogName>,
    /// The schema of models that lie directly in `models/`, and `{{ target.schema }}`: `main` by default.
    pub(crate) schema: Option<String>,
}

/// A catalog's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CatalogName {
    /// The lake itself.
    Local,
    /// The AWS Glue Data Catalog; not supported yet.
    Glue,
}

/// Another system: its kind, and the settings of that kind. Keep passwords in the environment or `.env`:
/// `"{{ env_var('WAREHOUSE_PASSWORD') }}"`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(title = "a connection")]
pub(crate) struct ConnectionFile {
    /// The kind of system.
    #[serde(rename = "type")]
    pub(crate) kind: ConnectionKind,
    /// The settings of that kind.
    #[serde(flatten)]
    pub(crate) settings: Map<String, Value>,
}

/// The kinds of system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ConnectionKind {
    /// PostgreSQL.
    Postgres,
    /// Snowflake.
    Snowflake,
    /// An HTTP API.
    Http,
}

impl ConnectionKind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Snowflake => "snowflake",
            Self::Http => "http",
        }
    }
}
