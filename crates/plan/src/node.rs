//! The compiled project: a graph of nodes, each with the step that an engine executes for it.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::model::{Hooks, Incremental, Late, Query, Snapshot, Statement, Table, Test, UnitTest};
use crate::spark::{Auto, Spark};
use crate::{CsvOptions, DataType, Ingest, Location, NodeId, Schema, TableName};

/// All that the user's files say, checked and typed. Printable; nothing downstream reads the project again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The project's name.
    pub project: String,
    /// The environment it was compiled for.
    pub environment: Environment,
    /// The nodes, each after all that it depends on.
    pub nodes: IndexMap<NodeId, Node>,
    /// What it has beside them.
    #[serde(default)]
    pub beside: crate::Beside,
}

/// Where a plan is to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// The name, `local` by default.
    pub name: String,
    /// The lake: an absolute path, or a URL.
    pub lake: String,
    /// The lake as the user wrote it, for messages.
    pub lake_written: String,
    /// Where the user wrote it; the project file if it is the default.
    pub lake_location: Location,
    /// The engine.
    pub engine: EngineKind,
    /// How many nodes run side by side.
    pub threads: usize,
    /// The bytes of memory that the engine's operators may hold before they spill.
    pub memory_limit: u64,
}

/// The engines that a project may name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// DataFusion inside this process.
    Embedded,
    /// Spark.
    Spark(Box<Spark>),
    /// Embedded or Spark, by how much a run would read.
    Auto(Box<Auto>),
}

impl EngineKind {
    /// The Spark that it may run on.
    pub fn spark(&self) -> Option<&Spark> {
        match self {
            Self::Embedded => None,
            Self::Spark(spark) => Some(spark),
            Self::Auto(auto) => Some(&auto.spark),
        }
    }
}

/// The kinds of node, as dbt's selection syntax and the reports name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// A table of a source, loaded or only read.
    Source,
    /// A CSV file of the project.
    Seed,
    /// A SQL model.
    Model,
    /// The history of a query's rows.
    Snapshot,
    /// A test of data, generic or singular.
    Test,
    /// A test of a model's code, with rows that the user wrote.
    UnitTest,
    /// A statement that runs before or after everything else: `on-run-start`, `on-run-end`.
    Operation,
}

impl NodeKind {
    /// The word for it, as in node ids: `source`, `seed`, `model`, `snapshot`, `test`, `unit_test`, `operation`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Seed => "seed",
            Self::Model => "model",
            Self::Snapshot => "snapshot",
            Self::Test => "test",
            Self::UnitTest => "unit_test",
            Self::Operation => "operation",
        }
    }
}

/// A thing in the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// dbt's unique id.
    pub id: NodeId,
    /// The short name: `daily_metrics`, `rental.vehicles`, `not_null_users_user_id`.
    pub name: String,
    /// Its kind.
    pub kind: NodeKind,
    /// Where the user wrote it.
    pub location: Location,
    /// The table or view that it makes; `None` for tests.
    pub relation: Option<TableName>,
    /// The nodes that it needs.
    pub depends_on: Vec<NodeId>,
    /// Tags, for selection.
    pub tags: Vec<String>,
    /// The user's description.
    pub description: Option<String>,
    /// Its columns; empty for tests.
    pub schema: Schema,
    /// What an engine executes.
    pub step: Step,
    /// A hash of all that, when changed, makes the node's result another: compiled SQL, contract, settings, and the
    /// fingerprints of the views that it reads.
    pub fingerprint: String,
    /// What runs before and after the step.
    pub hooks: Hooks,
    /// The relations whose rows its template asked for: when one of them changes, the node is compiled again.
    pub asks: Vec<TableName>,
    /// What people and other tools want to know of it. Nothing that runs depends on this.
    pub about: Box<About>,
}

/// What people and other tools want to know of a node: dbt's artefacts, the documentation, the selection by state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct About {
    /// The package that it belongs to: the project's own name, or that of a dependency.
    pub package: String,
    /// dbt's fully qualified name: package, folders, name.
    pub fqn: Vec<String>,
    /// The text as the user wrote it, Jinja included; empty for what has none.
    pub raw_code: String,
    /// The SHA-256 of the file or declaration, in hexadecimal.
    pub checksum: String,
    /// The resolved settings.
    pub config: serde_json::Map<String, serde_json::Value>,
    /// Columns as the user described them.
    pub columns: Vec<ColumnAbout>,
    /// The macros that it calls, by their ids: `macro.dbt_utils.star`.
    pub macros: Vec<String>,
    /// Where its description or settings stand, if that is another file: a YAML file of properties.
    pub patch: Option<PathBuf>,
    /// Where its columns come from.
    pub lineage: crate::Lineage,
    /// For a generic test: its name, the package it comes from and its arguments.
    pub test: Option<TestAbout>,
}

/// A column as the user described it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ColumnAbout {
    /// The name.
    pub name: String,
    /// The description.
    pub description: String,
    /// The declared type.
    pub data_type: Option<DataType>,
    /// Anything.
    pub meta: serde_json::Map<String, serde_json::Value>,
    /// Tags.
    pub tags: Vec<String>,
}

/// What a generic test was asked for with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TestAbout {
    /// The generic test's name: `not_null`.
    pub name: String,
    /// The package of its macro; `None` for those that are built in.
    pub namespace: Option<String>,
    /// Its arguments, `model` and `column_name` included.
    pub arguments: serde_json::Map<String, serde_json::Value>,
}

/// What an engine executes for a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "a plan has few of them, and they are not moved about")]
pub enum Step {
    /// Files to a bronze table.
    Ingest(Ingest),
    /// A table that something else writes: nothing to do but to look that it is there.
    External,
    /// A CSV file of the project to a table.
    Seed(Seed),
    /// A query to a table.
    Table(Table),
    /// A query kept as a view.
    View(Query),
    /// A query that is put into whatever reads it; nothing to do.
    Ephemeral(Query),
    /// A query whose rows go into what earlier runs built.
    Incremental(Incremental),
    /// The history of a query's rows.
    Snapshot(Snapshot),
    /// A query that should find nothing.
    Test(Test),
    /// A model's query over rows that the user wrote.
    UnitTest(UnitTest),
    /// A statement that changes the lake.
    Statement(Statement),
    /// Not compiled yet: it waits for rows.
    Late(Late),
}

impl Step {
    /// The word for it in reports: `ingest`, `external`, `seed`, `table`, `view`, `test`, and so on.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ingest(_) => "ingest",
            Self::External => "external",
            Self::Seed(_) => "seed",
            Self::Table(_) => "table",
            Self::View(_) => "view",
            Self::Ephemeral(_) => "ephemeral",
            Self::Incremental(_) => "incremental",
            Self::Snapshot(_) => "snapshot",
            Self::Test(_) => "test",
            Self::UnitTest(_) => "unit_test",
            Self::Statement(_) => "statement",
            Self::Late(_) => "late",
        }
    }

    /// The tables and views that it reads; none for files. Its own table is never among them.
    pub fn reads(&self) -> &[TableName] {
        match self {
            Self::Table(table) => &table.query.reads,
            Self::View(query) | Self::Ephemeral(query) => &query.reads,
            Self::Incremental(incremental) => &incremental.reads,
            Self::Snapshot(snapshot) => &snapshot.query.reads,
            Self::Test(test) => &test.query.reads,
            Self::Statement(statement) => &statement.reads,
            Self::Late(late) => &late.waits_for,
            Self::Ingest(_) | Self::External | Self::Seed(_) | Self::UnitTest(_) => &[],
        }
    }

    /// Whether it only looks at what is there: a test of data or of code.
    pub fn is_test(&self) -> bool {
        matches!(self, Self::Test(_) | Self::UnitTest(_))
    }
}

/// A CSV file of the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seed {
    /// The file, absolute.
    pub file: PathBuf,
    /// How it is written.
    pub csv: CsvOptions,
    /// The contract of its columns: declared, or inferred from the file when the project was compiled.
    pub contract: crate::Contract,
}

impl Plan {
    /// The node that makes this relation.
    pub fn maker(&self, relation: &TableName) -> Option<&Node> {
        self.nodes.values().find(|node| node.relation.as_ref() == Some(relation))
    }
}
