//! The bundle: all that a job on Spark needs to know of a stage of a run. One JSON document, versioned, the same bytes for
//! the same stage; `runner.py` reads it and nothing else.
//!
//! A node's actions are done in their order. Whether a table is built anew or gets an increment is seen when the node's
//! turn comes, so that both forms stand here ([`When`]). In the text of a statement, `{headwater:…}` stands for what only
//! the lake can tell then: [`placeholder`] has the list.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use headwater_plan::{
    BatchSize, Node, NodeId, NodeKind, OnModelSchemaChange, RunId, Schema, Severity, TableName, Threshold,
};
use serde::{Deserialize, Serialize};

/// The version of the format that this Headwater writes, and that its runner reads.
pub const VERSION: u32 = 1;

/// What the runner puts into statements, each written `{headwater:name}`.
pub mod placeholder {
    /// The columns of the rows that go into the table, with commas between them.
    pub const COLUMNS: &str = "{headwater:columns}";
    /// The same columns of the struct `__headwater_row`.
    pub const ROW_COLUMNS: &str = "{headwater:row_columns}";
    /// The same columns of `DBT_INTERNAL_SOURCE`.
    pub const SOURCE_COLUMNS: &str = "{headwater:source_columns}";
    /// What a match updates: `` `column` = DBT_INTERNAL_SOURCE.`column` ``, with commas between them.
    pub const UPDATES: &str = "{headwater:updates}";
    /// The condition that a row belongs to the span of event time.
    pub const SPAN: &str = "{headwater:span}";
    /// Whether any of the columns that a snapshot compares was not in the table before: `true` or `false`.
    pub const NEW_COLUMNS: &str = "{headwater:new_columns}";
    /// The instant of the step, as a timestamp literal.
    pub const NOW: &str = "{headwater:now}";
}

/// A stage of a run, ready for Spark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// [`VERSION`].
    pub version: u32,
    /// The run.
    pub run_id: RunId,
    /// Which try of the stage it is, from 1. What an earlier try committed is not done again.
    pub attempt: u32,
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// The lake: an absolute path or a URL, without a slash at the end.
    pub lake: String,
    /// How many nodes run side by side.
    pub threads: usize,
    /// Whether the first failure leaves out all that has not begun.
    pub fail_fast: bool,
    /// Whether tables are built anew.
    pub full_refresh: bool,
    /// The time that steps go by, for runs that must be repeatable; the clock if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<DateTime<Utc>>,
    /// The settings of the Spark session.
    pub settings: BTreeMap<String, String>,
    /// The command that executes a step natively: `headwater execute-step`, followed by `--bundle <file> --node <id>
    /// --answer <file>`. Empty if there is none.
    pub native: Vec<String>,
    /// Every table and view that is read or written, by name.
    pub relations: Vec<Relation>,
    /// What is to be done, each node after those that it needs.
    pub nodes: Vec<BundleNode>,
}

/// A table or view of the lake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// Its name.
    pub name: TableName,
    /// Where its Delta table lies, or would lie.
    pub location: String,
    /// The file that says that it is a view.
    pub view_file: String,
    /// The view that the lake has of this name when the job begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<ViewQuery>,
    /// For the quarantine of a table that is loaded from files: its columns, since it counts as empty until it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty: Option<Quarantine>,
}

/// A quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// The table whose rows it takes.
    pub of: TableName,
    /// Its columns.
    pub columns: Vec<Column>,
}

/// A view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewQuery {
    /// Its query.
    pub sql: String,
    /// What it reads.
    pub reads: Vec<TableName>,
    /// The fingerprint it was built with, which is its version.
    pub fingerprint: String,
}

/// A node of the stage that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleNode {
    /// dbt's unique id.
    pub id: NodeId,
    /// The short name.
    pub name: String,
    /// Its kind.
    pub kind: NodeKind,
    /// The word for its step.
    pub step: String,
    /// Where the user wrote it: `models/gold/daily.sql:1:1`.
    pub location: String,
    /// The table or view that it makes.
    pub relation: Option<TableName>,
    /// The hash that goes into the commit beside its rows.
    pub fingerprint: String,
    /// The nodes that must have ended well before.
    pub after: Vec<NodeId>,
    /// Whether it runs however those ended: what runs after everything else.
    pub always: bool,
    /// The tables and views whose versions are its inputs; what the views among them read is one too.
    pub reads: Vec<TableName>,
    /// Those that its statements before and after read.
    pub hooks_read: Vec<TableName>,
    /// What is done.
    pub actions: Vec<Action>,
    /// The whole node, where an action is done natively.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<Box<Node>>,
}

/// What an action is for; errors name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Looks whether something is there and fits.
    Look,
    /// Loads files.
    Load,
    /// Makes a view known.
    Register,
    /// Builds a table anew.
    Build,
    /// Adds or drops columns of a table.
    Alter,
    /// Computes the rows that go into a table.
    Compute,
    /// Adds rows to a table.
    Append,
    /// Puts rows in the place of others.
    Replace,
    /// Merges rows by their key.
    Merge,
    /// Checks rows before they are written.
    Check,
    /// Tests rows.
    Test,
    /// A statement of the user's.
    Statement,
    /// A statement before the step.
    PreHook,
    /// A statement after the step.
    PostHook,
    /// Says that nothing is owed any more.
    Settle,
    /// Makes few files of many.
    Compact,
}

/// When an action is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Always.
    #[default]
    Always,
    /// If the table is to be built: it is not there, or a view stands in its place.
    TableAbsent,
    /// If the table is there.
    TablePresent,
}

/// A thing to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// What for.
    pub purpose: Purpose,
    /// When.
    pub when: When,
    /// What.
    #[serde(flatten)]
    pub work: Work,
}

/// The transaction of a statement that writes: Delta skips one whose version is not above the table's of that name, and
/// the runner looks afterwards whether its own was committed.
///
/// A step's own has an odd version. Before an increment is computed, the version before it is committed without rows: from
/// then on no earlier run can commit, so that what is computed is computed from all that was. The embedded engine, which
/// can insist on the version of the table that it read, sets the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// The application: `headwater:step:<node>`; of a statement of the user's `headwater:statement:<node>:<place>`.
    pub app_id: String,
    /// The version, by when the run began: milliseconds since 1970, for a step twice these and 1.
    pub version: i64,
}

/// The kinds of things to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Work {
    /// Looks whether the table is there and has these columns.
    Look {
        /// The declared columns.
        columns: Vec<Column>,
    },
    /// Executes [`BundleNode::native`] by [`Bundle::native`], and makes known what it wrote.
    Native {
        /// The tables that it may write.
        writes: Vec<TableName>,
    },
    /// Makes a view known to the job. Its entry in the lake's list is written by whoever reads the result.
    View(ViewQuery),
    /// A query to a table, in one commit in place of what was there.
    Build(Build),
    /// A query whose rows go into the table.
    Increment(Box<Increment>),
    /// A query whose rows go into the table span by span of event time.
    Spans(Box<Spans>),
    /// The rows of a query beside the versions that a table keeps of them.
    Snapshot(Box<Snapshot>),
    /// A query that should find nothing.
    Test(TestRows),
    /// Rows beside those that should come out.
    UnitTest(UnitTestRows),
    /// A statement of the user's.
    Statement(UserStatement),
    /// Removes a table or view.
    Drop {
        /// It.
        relation: TableName,
    },
    /// Says in a commit without rows that the node is done with all its statements.
    Settle,
    /// Makes few files of many once there are so many.
    Compact {
        /// How many.
        at_least: u32,
        /// The statement.
        sql: String,
    },
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type in Spark's short form.
    #[serde(rename = "type")]
    pub data_type: String,
}

/// A table that is built as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// `CREATE OR REPLACE TABLE … AS`
    pub head: String,
    /// The query.
    pub query: String,
    /// The columns that the project was checked with; the query's must be the same.
    pub columns: Vec<Column>,
    /// Its transaction.
    pub transaction: Transaction,
}

/// An increment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Increment {
    /// The rows; the runner keeps them as the view `headwater_increment`, in the columns that the table then has.
    pub query: String,
    /// What happens when its columns are not the table's.
    pub on_schema_change: OnModelSchemaChange,
    /// By what the table is to be partitioned.
    pub partition_by: Vec<String>,
    /// The columns that make the key; empty if there is none.
    pub unique_key: Vec<String>,
    /// Whether two rows of one key are an error.
    pub keys_are_unique: bool,
    /// The columns that a match updates; `None` for all.
    pub update_columns: Option<Vec<String>>,
    /// The columns that a match leaves as they are.
    pub exclude_columns: Vec<String>,
    /// Settings of the session for the statement alone.
    pub settings: BTreeMap<String, String>,
    /// What puts them into the table, with placeholders.
    pub statement: String,
    /// Used in its place where a match updates nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_updates: Option<String>,
    /// Its transaction.
    pub transaction: Transaction,
}

/// An increment by spans of event time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spans {
    /// The rows for the first build.
    pub full: String,
    /// The rows of a later run.
    pub increment: String,
    /// `CREATE OR REPLACE TABLE … AS`, for the first span of the first build.
    pub head: String,
    /// What puts the rows of a span, the view `headwater_increment`, in the place of the table's.
    pub statement: String,
    /// The columns that the project was checked with.
    pub columns: Vec<Column>,
    /// What happens when the query's columns are not the table's.
    pub on_schema_change: OnModelSchemaChange,
    /// By what the table is to be partitioned.
    pub partition_by: Vec<String>,
    /// The column by which a row belongs to a span.
    pub event_time: String,
    /// The length of a span.
    pub batch_size: BatchSize,
    /// How many spans before the newest are computed again.
    pub lookback: u32,
    /// When the first span begins.
    pub begin: DateTime<Utc>,
    /// The spans that the user asks for.
    pub asked: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// The inputs of which only the span's rows are read.
    pub filtered: Vec<FilteredInput>,
    /// Whether the table is built anew though it is there.
    pub rebuild: bool,
}

/// An input of which only the rows of a span are read. The queries name a view in its place, which has the input's own
/// name in another schema, so that what they call its columns stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilteredInput {
    /// The input.
    pub input: TableName,
    /// The view.
    pub view: TableName,
    /// The input's column of event time.
    pub column: String,
}

/// A snapshot: a history of versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// `CREATE OR REPLACE TABLE … AS`, for the first versions of all rows.
    pub head: String,
    /// The query's rows with their keys and ids; kept as the view `headwater_source`.
    pub source: String,
    /// How many keys have several rows, and the first of them; an error if there are any.
    pub shared_keys: String,
    /// The first versions of all rows.
    pub first: String,
    /// The rows for which a version begins; kept as the view `headwater_changed`.
    pub changed: String,
    /// How many versions would begin with the id that they end, and the first of them; an error if there are any.
    pub standing: Option<String>,
    /// How many versions would begin that the history has already; a warning if there are any.
    pub known: String,
    /// How many versions begin or end; nothing is written if none does.
    pub pending: String,
    /// What ends and begins versions, in one commit.
    pub statement: String,
    /// The key as the user wrote it.
    pub unique_key: String,
    /// `updated_at` as the user wrote it, for a check that names one.
    pub updated_at: Option<String>,
    /// The columns that a check compares.
    pub compared: Vec<String>,
    /// The columns of the query.
    pub query_columns: Vec<Column>,
    /// The columns that a snapshot adds.
    pub added_columns: Vec<String>,
    /// Its transaction.
    pub transaction: Transaction,
}

/// A test of data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestRows {
    /// What keeps the failing rows, if they are kept: a statement that makes a table.
    pub keep: Option<Build>,
    /// The table that keeps them.
    pub kept: Option<TableName>,
    /// What is counted: one row of one number.
    pub count: String,
    /// The first rows that fail.
    pub sample: String,
    /// Whether failures stop what depends on the tested node.
    pub severity: Severity,
    /// When the count is an error.
    pub error_if: Threshold,
    /// When it is a warning.
    pub warn_if: Threshold,
}

/// A test of a model's code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitTestRows {
    /// The rows that come out.
    pub actual: String,
    /// The rows that should.
    pub expected: String,
}

/// A statement of the user's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserStatement {
    /// Its text.
    pub sql: String,
    /// The table that it writes; `None` for a query, whose rows are dropped.
    pub writes: Option<TableName>,
    /// Which it is of how many, for messages.
    pub number: (usize, usize),
    /// Its transaction, if it writes.
    pub transaction: Option<Transaction>,
}

impl Bundle {
    /// The document.
    ///
    /// # Errors
    /// None that anyone knows: the types all have a form in JSON.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }

    /// Reads the document.
    ///
    /// # Errors
    /// Text that is not one.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// A node by its id.
    pub fn node(&self, id: &NodeId) -> Option<&BundleNode> {
        self.nodes.iter().find(|node| node.id == *id)
    }
}

impl Column {
    /// The columns of a schema.
    pub fn all(schema: &Schema) -> Vec<Self> {
        let column =
            |field: &headwater_plan::Field| Self { name: field.name.clone(), data_type: field.data_type.to_string() };
        schema.fields.iter().map(column).collect()
    }
}
