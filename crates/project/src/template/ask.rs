//! What a template and the compiler say to each other: what is to be rendered, what came of it, what was asked.

use std::collections::BTreeSet;
use std::path::Path;

use chrono::{DateTime, Utc};
use headwater_plan::{Diagnostic, Location, Schema, TableName};
use serde_json::{Map, Value};

use crate::config::{Overrides, SqlFile};
use crate::world::{Answer, RelationKind};

/// How much is known while a template renders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Names only: `execute` is false and the adapter knows nothing, as in dbt's parsing.
    Parse,
    /// Everything that is read is typed: `execute` is true.
    Compile,
}

/// A text to render.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Template<'a> {
    /// The file, relative to the project.
    pub(crate) path: &'a Path,
    /// The text.
    pub(crate) text: &'a str,
    /// The package it belongs to: its macros come first.
    pub(crate) package: &'a str,
    /// The relation that it makes. In [`Phase::Parse`] `config(schema=…, alias=…)` moves it.
    pub(crate) this: Option<&'a TableName>,
}

/// A macro to call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MacroCall<'a> {
    /// The package that asks: its macros come first.
    pub(crate) package: &'a str,
    /// The package of the macro, if it is named.
    pub(crate) namespace: Option<&'a str>,
    /// The macro's name: `test_not_null`, `generate_schema_name`.
    pub(crate) name: &'a str,
    /// The arguments, by name.
    pub(crate) arguments: &'a Map<String, Value>,
    /// More arguments, as Jinja expressions to evaluate: `model` is `ref('x')`.
    pub(crate) raw: &'a [(&'a str, &'a str)],
    /// The relation that it makes: `this`.
    pub(crate) this: Option<&'a TableName>,
    /// Where the user asked for it.
    pub(crate) location: &'a Location,
}

/// What came of a template.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Rendered {
    /// The text.
    pub(crate) text: String,
    /// What it named, set and told, in order.
    pub(crate) calls: Vec<Call>,
    /// What its text depends on.
    pub(crate) asked: Asked,
    /// The macros that it called, by their ids: `macro.dbt_utils.star`.
    pub(crate) macros: BTreeSet<String>,
}

/// What a template asked that not every rendering answers in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Asked {
    /// Something whose answer differs between the phases: it must be rendered again in [`Phase::Compile`].
    pub(crate) compile: bool,
    /// `is_incremental()`, or what it is made of: the text depends on the mode.
    pub(crate) incremental: bool,
    /// The relations whose rows it was told.
    pub(crate) rows_of: Vec<TableName>,
}

/// What a template said while it rendered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Call {
    /// `ref('name')`, `ref('package', 'name', v=1)`
    Ref { package: Option<String>, name: String, version: Option<String> },
    /// `source('source', 'table')`
    Source { source: String, table: String },
    /// `config(key=value, …)`
    Config(Map<String, Value>),
    /// `exceptions.warn('…')`
    Warn(String),
    /// `adapter.drop_relation(…)` in a hook
    Drop(TableName),
}

/// Why a template gave no text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Unrendered {
    /// It is wrong.
    Wrong(Box<Diagnostic>),
    /// It asks for rows that cannot be told before these relations are built.
    Later(Vec<TableName>),
}

/// What `ref` and `source` give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// The relation.
    pub(crate) table: TableName,
    /// The name of the common table expression that stands for it: `__dbt__cte__x` of an ephemeral model.
    pub(crate) inline: Option<String>,
    /// What it is.
    pub(crate) kind: RelationKind,
}

/// The facts of the command that a template may print or test.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RunFacts {
    /// `run_started_at`
    pub(crate) started_at: DateTime<Utc>,
    /// `invocation_id`
    pub(crate) invocation_id: String,
    /// `flags.WHICH`: `run`, `build`, `test`, `compile`, …
    pub(crate) command: String,
    /// `flags.FULL_REFRESH`
    pub(crate) full_refresh: bool,
    /// `flags.STORE_FAILURES`
    pub(crate) store_failures: bool,
    /// `flags.EMPTY`
    pub(crate) empty: bool,
    /// `selected_resources`: the ids of the nodes that were selected.
    pub(crate) selected: Vec<String>,
}

impl Default for RunFacts {
    fn default() -> Self {
        Self {
            started_at: DateTime::UNIX_EPOCH,
            invocation_id: String::new(),
            command: "compile".into(),
            full_refresh: false,
            store_failures: false,
            empty: false,
            selected: Vec::new(),
        }
    }
}

/// What a template may ask of the compiler. Everything is answered for one node: that which is being rendered.
pub(crate) trait World: std::fmt::Debug + Send + Sync {
    /// What `ref` means to a package; `None` for a name that means nothing.
    fn reference(&self, from_package: &str, package: Option<&str>, name: &str, version: Option<&str>)
    -> Option<Target>;

    /// What `source` means to a package.
    fn source(&self, from_package: &str, source: &str, table: &str) -> Option<Target>;

    /// The columns of a relation; `None` when nobody knows, or not yet.
    fn columns(&self, relation: &TableName) -> Option<Schema>;

    /// What a relation is; `None` when there is none of that name in the lake and the project makes none.
    fn existing(&self, relation: &TableName) -> Option<RelationKind>;

    /// All relations of a schema.
    fn relations_in(&self, schema: &str) -> Vec<(TableName, RelationKind)>;

    /// The rows of a query.
    fn rows(&self, sql: &str) -> Result<Answer, Diagnostic>;

    /// Whether the node is rendered as an increment.
    fn incremental(&self) -> bool;

    /// dbt's `model`: the node that is being rendered.
    fn model(&self) -> Value;

    /// dbt's `graph`: all nodes and sources.
    fn graph(&self) -> Value;

    /// The command.
    fn run(&self) -> RunFacts;

    /// What a unit test says instead of the truth.
    fn overrides(&self) -> Option<&Overrides> {
        None
    }

    /// Somebody asks for what is another for every call of the program: its time, its id.
    fn tells_call(&self) {}

    /// Whether what is rendered is a hook, which may change the lake.
    fn is_hook(&self) -> bool {
        false
    }

    /// The text of `{% docs name %}`, for `doc('name')` in a description.
    fn doc(&self, from_package: &str, package: Option<&str>, name: &str) -> Option<String> {
        let _ = (from_package, package, name);
        None
    }
}

/// The macro files of a package.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MacroFiles<'a> {
    /// The package's name.
    pub(crate) package: &'a str,
    /// `macros/**/*.sql` and `tests/generic/**/*.sql`.
    pub(crate) files: &'a [SqlFile],
    /// The variables as it sees them.
    pub(crate) vars: &'a Map<String, Value>,
}

/// A block that dbt cuts out of a file: `{% snapshot x %}…{% endsnapshot %}`, `{% docs x %}…{% enddocs %}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// The name.
    pub(crate) name: String,
    /// The bytes between its tags.
    pub(crate) body: std::ops::Range<usize>,
    /// The bytes of the name, for a location.
    pub(crate) at: std::ops::Range<usize>,
}
