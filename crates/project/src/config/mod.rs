//! What the user wrote in YAML and `.env`, read, checked and located: every error of every file at once.
//!
//! A YAML file becomes a located tree ([`yaml`]), the tree is checked against the JSON Schema of its serde types
//! ([`check`]), and what holds is resolved to the types of this page. The editor and the compiler thus read one truth.
//! YAML is version 1.2 with its core schema: `no`, `off` and `012` are what they look like, unlike in dbt, which reads
//! YAML 1.1.

use std::path::PathBuf;

use headwater_plan::{Diagnostic, Environment, Location};
use serde_json::{Map, Value};

pub(crate) mod at;
pub(crate) mod check;
mod columns;
mod constraints;
mod contract;
mod dbt_project;
mod declared;
mod described;
mod discover;
mod engine;
mod environ;
mod environment;
pub(crate) mod file;
mod find;
mod folders;
mod generic_tests;
mod hints;
mod ignore;
mod ingest;
pub(crate) mod known;
mod load;
mod message;
mod options;
mod overrides;
mod paths;
pub(crate) mod project;
mod properties;
mod reading;
mod settings;
mod shape;
mod size;
pub(crate) mod source;
mod sources;
mod unit;
mod unused;
pub(crate) mod walk;
pub(crate) mod yaml;

pub use contract::{ConstraintDecl, IngestDecl, Reading, Rule, SourceTable};
pub use dbt_project::DbtProject;
pub use declared::{
    ColumnDecl, Dispatch, HookDecl, Layers, Loaded, Package, Properties, SeedPath, SqlFile, TestDecl, TestKind,
};
pub use environ::Environ;
pub use find::{DBT_PROJECT_FILE, PROJECT_FILE, find};
pub use folders::Folders;
pub use load::load;
pub(crate) use load::load_walking;
pub use project::{environment, project};
pub use settings::{Layer, SettingsKind, SettingsTree};
pub use size::duration;
pub use unit::{
    ArgumentDecl, ExposureDecl, FixtureRows, GivenDecl, GroupDecl, MacroProperties, Overrides, UnitTestDecl,
};

/// What to read, and for whom: everything that a compilation takes from outside the project's files.
#[derive(Debug, Clone)]
pub struct Request {
    /// The project's folder, absolute.
    pub dir: PathBuf,
    /// The environment of `--env`; `None` for the project's default.
    pub environment: Option<String>,
    /// The variables of `--vars`, which win over all others.
    pub vars: Map<String, Value>,
    /// The process environment over `.env`.
    pub environ: Environ,
    /// The threads of `--threads`, which win over those of the environment.
    pub threads: Option<usize>,
    /// The command that it is read for.
    pub invocation: crate::Invocation,
}

/// The environment as templates see it: `target` in Jinja.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The environment's name: `target.name`.
    pub name: String,
    /// The schema of what lies in no layer folder: `target.schema`, `main` unless the environment says another.
    pub schema: String,
    /// How many nodes run side by side: `target.threads`.
    pub threads: usize,
}

/// What Jinja in a YAML string may ask for.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The project's name.
    pub project: &'a str,
    /// `var`: the variables of `headwater.yml` under those of `--vars`.
    pub vars: &'a Map<String, Value>,
    /// `env_var`.
    pub environ: &'a Environ,
    /// `target`.
    pub target: &'a Target,
}

/// Expands the Jinja of one YAML string that stands at that location.
pub type Render<'a> = dyn Fn(&Scope<'_>, &str, &Location) -> Result<String, Diagnostic> + Sync + 'a;

/// What the project's own files say, for one environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// The project's name.
    pub name: String,
    /// The variables as the project's own templates see them: those of `dbt_project.yml` under those of
    /// `headwater.yml` under those of `--vars`.
    pub vars: Map<String, Value>,
    /// The variables of `headwater.yml` under those of `--vars`.
    pub headwater_vars: Map<String, Value>,
    /// The environment.
    pub environment: Environment,
    /// The same environment as templates see it.
    pub target: Target,
    /// The other systems that the project names.
    pub connections: Vec<Connection>,
    /// What `dbt_project.yml` says, if there is one.
    pub dbt: Option<DbtProject>,
}

/// Another system, as `headwater.yml` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its name in the project.
    pub name: String,
    /// Its kind: `postgres`, `snowflake`, `http`.
    pub kind: String,
    /// Its settings, Jinja not yet expanded: whoever connects expands them, so that a missing password stops only that.
    pub settings: Vec<(String, headwater_plan::Secret)>,
    /// Where the user wrote it.
    pub location: Location,
}
