//! What the user wrote in YAML and `.env`, read, checked and located: every error of every file at once.
//!
//! A YAML file becomes a located tree ([`yaml`]), the tree is checked against the JSON Schema of its serde types
//! ([`check`]), and what holds is resolved to the types of this page. The editor and the compiler thus read one truth.
//! YAML is version 1.2 with its core schema: `no`, `off` and `012` are what they look like, unlike in dbt, which reads
//! YAML 1.1.

use std::path::PathBuf;

use headwater_plan::{
    AfterLoad, BadRowLimit, BatchLimits, Compression, ContractColumn, DataType, Diagnostic, Environment, FileFormat,
    FileSet, Location, OnBadRow, OnFileChange, OnSchemaChange, Severity, TableLayout, TableName,
};
use serde_json::{Map, Value};

use crate::generate::{ColumnHint, GenerateRows};

mod at;
mod check;
mod columns;
mod constraints;
mod discover;
mod environ;
pub(crate) mod file;
mod find;
mod generic_tests;
mod hints;
mod ingest;
pub(crate) mod known;
mod load;
mod message;
mod options;
mod paths;
mod project;
mod properties;
mod reading;
mod shape;
mod size;
mod source;
mod sources;
mod yaml;

pub use environ::Environ;
pub use find::{PROJECT_FILE, find};
pub use load::load;
pub use project::{environment, project};
pub use size::duration;

/// What to read, and for whom: everything that a compilation takes from outside the project's files.
#[derive(Debug, Clone)]
pub struct Request {
    /// The project's folder, absolute.
    pub dir: PathBuf,
    /// The environment of `--env`; `None` for the project's default.
    pub environment: Option<String>,
    /// The variables of `--vars`, which win over those of `headwater.yml`.
    pub vars: Map<String, Value>,
    /// The process environment over `.env`.
    pub environ: Environ,
    /// The threads of `--threads`, which win over those of the environment.
    pub threads: Option<usize>,
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
pub type Render<'a> = dyn Fn(&Scope<'_>, &str, &Location) -> Result<String, Diagnostic> + 'a;

/// What `headwater.yml` says, for one environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// The project's name.
    pub name: String,
    /// The variables of `headwater.yml` under those of `--vars`.
    pub vars: Map<String, Value>,
    /// The environment.
    pub environment: Environment,
    /// The same environment as templates see it.
    pub target: Target,
    /// The other systems that the project names.
    pub connections: Vec<Connection>,
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

/// All that the project's files say.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The project's name.
    pub name: String,
    /// The variables of `headwater.yml` under those of `--vars`.
    pub vars: Map<String, Value>,
    /// The environment.
    pub environment: Environment,
    /// The same environment as templates see it.
    pub target: Target,
    /// The other systems that the project names.
    pub connections: Vec<Connection>,
    /// The tables of all sources, in the order of the files.
    pub sources: Vec<SourceTable>,
    /// What YAML says of models.
    pub models: Vec<Properties>,
    /// What YAML says of seeds.
    pub seeds: Vec<Properties>,
    /// `models/**/*.sql`, sorted.
    pub model_files: Vec<SqlFile>,
    /// `macros/**/*.sql`, sorted.
    pub macro_files: Vec<SqlFile>,
    /// `tests/**/*.sql`, sorted.
    pub test_files: Vec<SqlFile>,
    /// `seeds/**/*.csv`, relative to the project, sorted.
    pub seed_files: Vec<PathBuf>,
    /// False when an error hid a named thing (a file that is not YAML, a table without a name): a `source` or `ref`
    /// that is not found may then be a consequence, and is not worth a message of its own.
    pub complete: bool,
}

/// A file of SQL with Jinja.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlFile {
    /// The path, relative to the project.
    pub path: PathBuf,
    /// The text.
    pub text: String,
}

/// A table of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceTable {
    /// The source's name.
    pub source: String,
    /// The table's name within the source: `source('rental', 'vehicles')`.
    pub table: String,
    /// The schema (layer) of the table in the lake.
    pub schema: String,
    /// The table in the lake: the schema and the `identifier`, which is the table's name unless it says another.
    pub relation: TableName,
    /// The user's description.
    pub description: Option<String>,
    /// The tags of the source, then of the table.
    pub tags: Vec<String>,
    /// Which files it is loaded from; `None` for a table that something else writes.
    pub ingest: Option<IngestDecl>,
    /// The columns; with `ingest`, each has a type.
    pub columns: Vec<ColumnDecl>,
    /// What must hold for every row that is loaded.
    pub constraints: Vec<ConstraintDecl>,
    /// The tests of the table as a whole.
    pub tests: Vec<TestDecl>,
    /// How many rows `headwater generate` writes.
    pub generate: Option<GenerateRows>,
    /// Where its name stands.
    pub location: Location,
    /// False when an error left out a column or its type: what reads this table cannot be checked without false alarms.
    pub sound: bool,
}

/// The `ingest:` of a source's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestDecl {
    /// Where the files are.
    pub files: FileSet,
    /// How they are written.
    pub format: FileFormat,
    /// How they are packed.
    pub compression: Compression,
    /// What to do with a column that the contract has not.
    pub on_schema_change: OnSchemaChange,
    /// What to do with a row that breaks the contract.
    pub on_bad_row: OnBadRow,
    /// How many rows of a batch may break it.
    pub max_bad_rows: Option<BadRowLimit>,
    /// What to do with a file that was loaded and has other content now.
    pub on_file_change: OnFileChange,
    /// What to do with a file once its rows are committed.
    pub after_load: AfterLoad,
    /// How long a file must have been left alone, in milliseconds.
    pub settle_ms: u64,
    /// How much one batch may hold.
    pub batch: BatchLimits,
    /// How the table's files lie.
    pub layout: TableLayout,
}

/// What must hold for a row, or for a column of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstraintDecl {
    /// The rule.
    pub rule: Rule,
    /// The user's own name for it.
    pub name: Option<String>,
    /// Where the rule's own text stands: an expression's first character, where that can be said.
    pub location: Location,
}

/// A rule, in the user's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// The column's value is one of these or between them; as they are written.
    Between {
        /// The least.
        low: String,
        /// The greatest.
        high: String,
    },
    /// A regular expression matches somewhere in the column's text.
    Matches(String),
    /// The column's value is one of these, as they are written.
    In(Vec<String>),
    /// A condition in Spark SQL.
    Check(String),
}

/// What YAML says of a model or a seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Properties {
    /// The model's or seed's name.
    pub name: String,
    /// The user's description.
    pub description: Option<String>,
    /// The checked `config:`: keys and kinds are right, Jinja is expanded.
    pub config: Map<String, Value>,
    /// The columns.
    pub columns: Vec<ColumnDecl>,
    /// The tests of the whole.
    pub tests: Vec<TestDecl>,
    /// Where its name stands.
    pub location: Location,
}

/// A column as YAML declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDecl {
    /// The name, in the user's own case.
    pub name: String,
    /// The type.
    pub data_type: Option<DataType>,
    /// Spark datetime patterns, tried in order.
    pub format: Vec<String>,
    /// How it is read from files.
    pub reading: Reading,
    /// What must hold for every value that is loaded.
    pub constraints: Vec<ConstraintDecl>,
    /// The user's description.
    pub description: Option<String>,
    /// The tests of the column.
    pub tests: Vec<TestDecl>,
    /// What `headwater generate` fills it with.
    pub generate: Option<ColumnHint>,
    /// Where its name stands.
    pub location: Location,
    /// False when something is wrong with it: then it has been told.
    pub sound: bool,
}

/// How a column is read from files, beside its type and `format`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Whether it may be null.
    pub nullable: bool,
    /// The name in the file, if it is another.
    pub source_name: Option<String>,
    /// What it is where the file has no value.
    pub default: Option<String>,
    /// Whether blanks around a value are dropped.
    pub trim: bool,
    /// Texts that stand for null, beside those of the format.
    pub null_values: Vec<String>,
    /// What stands before the fraction of a number.
    pub decimal_sep: char,
    /// What groups the digits of a number, if anything.
    pub group_sep: Option<char>,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            nullable: true,
            source_name: None,
            default: None,
            trim: false,
            null_values: Vec::new(),
            decimal_sep: '.',
            group_sep: None,
        }
    }
}

impl ColumnDecl {
    /// The column of a contract; `None` without a type.
    pub fn contract_column(&self) -> Option<ContractColumn> {
        let Reading { nullable, source_name, default, trim, null_values, decimal_sep, group_sep } =
            self.reading.clone();
        Some(ContractColumn {
            name: self.name.clone(),
            data_type: self.data_type.clone()?,
            format: self.format.clone(),
            nullable,
            source_name,
            default,
            trim,
            null_values,
            decimal_sep,
            group_sep,
            location: self.location.clone(),
        })
    }
}

/// A generic test as YAML asks for it.
#[derive(Debug, Clone, PartialEq)]
pub struct TestDecl {
    /// Which test, with its arguments.
    pub kind: TestKind,
    /// The `column_name` of a test that stands under a table instead of a column; always there in that case.
    pub column: Option<String>,
    /// The user's own name for it.
    pub name: Option<String>,
    /// Whether failures stop the run or are only told.
    pub severity: Severity,
    /// The rows it looks at, as SQL with Jinja not yet expanded.
    pub where_clause: Option<String>,
    /// Where it stands.
    pub location: Location,
}

/// The generic tests.
#[derive(Debug, Clone, PartialEq)]
pub enum TestKind {
    /// No row lacks a value.
    NotNull,
    /// No value comes twice.
    Unique,
    /// Every value is one of these.
    AcceptedValues {
        /// The values: texts, numbers, booleans.
        values: Vec<Value>,
        /// Whether they are written as SQL texts (`'a'`) or as they are.
        quote: bool,
    },
    /// Every value is in that column of another model, seed or source.
    Relationships {
        /// `ref('x')` or `source('a', 'b')`.
        to: String,
        /// The column there.
        field: String,
    },
}
