//! The compiled project: a graph of nodes, each with the step that an engine executes for it.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{CsvOptions, Ingest, Location, NodeId, Schema, Severity, TableName};

/// All that the user's files say, checked and typed. Printable; nothing downstream reads the project again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The project's name.
    pub project: String,
    /// The environment it was compiled for.
    pub environment: Environment,
    /// The nodes, each after all that it depends on.
    pub nodes: IndexMap<NodeId, Node>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// DataFusion inside this process.
    Embedded,
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
    /// A test, generic or singular.
    Test,
}

impl NodeKind {
    /// The word for it, as in node ids: `source`, `seed`, `model`, `test`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Seed => "seed",
            Self::Model => "model",
            Self::Test => "test",
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
    Table(Query),
    /// A query kept as a view.
    View(Query),
    /// A query that should find nothing.
    Test(Test),
}

impl Step {
    /// The word for it in reports: `ingest`, `external`, `seed`, `table`, `view`, `test`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ingest(_) => "ingest",
            Self::External => "external",
            Self::Seed(_) => "seed",
            Self::Table(_) => "table",
            Self::View(_) => "view",
            Self::Test(_) => "test",
        }
    }

    /// The tables and views that it reads; none for files.
    pub fn reads(&self) -> &[TableName] {
        match self {
            Self::Table(query) | Self::View(query) => &query.reads,
            Self::Test(test) => &test.query.reads,
            Self::Ingest(_) | Self::External | Self::Seed(_) => &[],
        }
    }
}

/// A compiled query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// Spark SQL, after Jinja; tables are written `` `schema`.`name` ``.
    pub sql: String,
    /// The tables and views that it reads.
    pub reads: Vec<TableName>,
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

/// A query whose rows are failures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    /// The failing rows.
    pub query: Query,
    /// Whether failures stop what depends on the tested node (`Error`) or are only told (`Warning`).
    pub severity: Severity,
    /// The node under test, if there is one; it is downstream of nothing but that node and what the query reads.
    pub tested: Option<NodeId>,
    /// The column under test.
    pub column: Option<String>,
}

impl Plan {
    /// The node that makes this relation.
    pub fn maker(&self, relation: &TableName) -> Option<&Node> {
        self.nodes.values().find(|node| node.relation.as_ref() == Some(relation))
    }
}
