//! The kinds of things to be done.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use headwater_plan::{BatchSize, OnModelSchemaChange, Severity, TableName, Threshold};
use serde::{Deserialize, Serialize};

use super::{Column, Transaction, ViewQuery};

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
    /// The transaction of the first of its commits; each further one has the next version.
    pub transaction: Transaction,
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

impl Work {
    /// The texts that the user wrote, or that hold such.
    pub(super) fn queries(&mut self) -> Vec<&mut String> {
        match self {
            Self::View(view) => vec![&mut view.sql],
            Self::Build(build) => vec![&mut build.query],
            Self::Increment(increment) => vec![&mut increment.query],
            Self::Spans(spans) => vec![&mut spans.full, &mut spans.increment],
            Self::Snapshot(snapshot) => vec![&mut snapshot.source],
            Self::Test(test) => {
                let kept = test.keep.iter_mut().map(|keep| &mut keep.query);
                kept.chain([&mut test.count, &mut test.sample]).collect()
            }
            Self::UnitTest(test) => vec![&mut test.actual, &mut test.expected],
            Self::Statement(statement) => vec![&mut statement.sql],
            Self::Look { .. } | Self::Native { .. } | Self::Drop { .. } | Self::Settle | Self::Compact { .. } => {
                Vec::new()
            }
        }
    }
}
