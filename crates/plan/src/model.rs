//! What an engine executes for what the user wrote in SQL: tables, incremental models, snapshots, unit tests, hooks.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{NodeId, Schema, Severity, TableLayout, TableName};

/// A compiled query.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Query {
    /// Spark SQL, after Jinja; tables are written `` `schema`.`name` ``.
    pub sql: String,
    /// The tables and views that it reads.
    pub reads: Vec<TableName>,
}

/// A query to a table, written anew as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// All of its rows.
    pub query: Query,
    /// How its files lie.
    pub layout: TableLayout,
}

/// A query whose rows go into what earlier runs built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incremental {
    /// All rows: for the first build and for a full refresh (`is_incremental()` is false).
    pub full: Query,
    /// The rows of a later run (`is_incremental()` is true). May read the model's own table.
    pub increment: Query,
    /// The tables and views that either of them reads, the model's own left out: when one changes, there is work.
    pub reads: Vec<TableName>,
    /// How they go into the table.
    pub strategy: Strategy,
    /// What to do with columns that the table has not, or the query has no more.
    pub on_schema_change: OnModelSchemaChange,
    /// How the table's files lie.
    pub layout: TableLayout,
    /// Whether `--full-refresh` leaves the model as it is (`full_refresh: false`).
    pub keep_on_full_refresh: bool,
}

/// How the rows of an increment go into the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// They are added.
    Append,
    /// A row replaces the one that has its key, or is added. Two rows of one key in the increment are an error, as in
    /// Spark.
    Merge {
        /// The columns that make the key, in the user's spelling.
        unique_key: Vec<String>,
        /// The columns that a match updates; `None` for all.
        update_columns: Option<Vec<String>>,
        /// The columns that a match leaves as they are.
        exclude_columns: Vec<String>,
        /// Further conditions of a match, over `DBT_INTERNAL_SOURCE` and `DBT_INTERNAL_DEST`.
        predicates: Vec<String>,
    },
    /// Every row of the table whose key is in the increment goes, and the increment's rows are added.
    DeleteInsert {
        /// The columns that make the key.
        unique_key: Vec<String>,
        /// Further conditions of the rows that go, over `DBT_INTERNAL_DEST` or bare column names.
        predicates: Vec<String>,
    },
    /// The partitions that the increment has rows for are replaced; without partitions, all of the table is.
    InsertOverwrite,
    /// Each span of event time is computed and replaced by itself.
    Microbatch(Microbatch),
}

/// An incremental model that is built span by span of event time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Microbatch {
    /// The column of the model by which its rows belong to a span.
    pub event_time: String,
    /// The length of a span.
    pub batch_size: BatchSize,
    /// How many spans before the newest are computed again.
    pub lookback: u32,
    /// When the first span begins.
    pub begin: DateTime<Utc>,
    /// The inputs that are read only for the span, with their own columns of event time.
    pub filtered: Vec<(TableName, String)>,
    /// The spans that the user asks for, from `--event-time-start` and `--event-time-end`.
    pub asked: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// The length of a span of event time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchSize {
    /// An hour.
    Hour,
    /// A day in UTC.
    Day,
    /// A month.
    Month,
    /// A year.
    Year,
}

/// What to do with columns that an incremental model's table has not, or its query has no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnModelSchemaChange {
    /// New columns are dropped from the increment; a column that is gone is an error.
    #[default]
    Ignore,
    /// Any difference is an error.
    Fail,
    /// New columns are added to the table, null in the rows that are there.
    AppendNewColumns,
    /// New columns are added and those that are gone are removed.
    SyncAllColumns,
}

/// The history of a query's rows: a row for each version that a row had (slowly changing dimension, type 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The rows as they are now.
    pub query: Query,
    /// How a changed row is known.
    pub strategy: SnapshotStrategy,
    /// The columns (or SQL expressions) that make the key.
    pub unique_key: Vec<String>,
    /// What becomes of rows that the query has no more.
    pub hard_deletes: HardDeletes,
    /// What `dbt_valid_to` of a row that is valid now holds: a SQL expression; `None` for null.
    pub valid_to_current: Option<String>,
    /// The names of the columns that the snapshot adds.
    pub columns: SnapshotColumns,
}

/// How a snapshot knows a changed row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotStrategy {
    /// By a column that says when the row changed.
    Timestamp {
        /// That column, or a SQL expression.
        updated_at: String,
    },
    /// By comparing columns.
    Check {
        /// The columns; empty for all.
        columns: Vec<String>,
        /// A column or SQL expression that says when the row changed; `None` for the time of the run.
        updated_at: Option<String>,
    },
}

/// What becomes of a snapshot's rows that its query has no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HardDeletes {
    /// They stay valid.
    #[default]
    Ignore,
    /// Their validity ends.
    Invalidate,
    /// Their validity ends, and a row that says `dbt_is_deleted` begins.
    NewRecord,
}

/// The names of the columns that a snapshot adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotColumns {
    /// `dbt_scd_id`
    pub scd_id: String,
    /// `dbt_updated_at`
    pub updated_at: String,
    /// `dbt_valid_from`
    pub valid_from: String,
    /// `dbt_valid_to`
    pub valid_to: String,
    /// `dbt_is_deleted`, which is there with [`HardDeletes::NewRecord`] only.
    pub is_deleted: String,
}

impl Default for SnapshotColumns {
    fn default() -> Self {
        Self {
            scd_id: "dbt_scd_id".into(),
            updated_at: "dbt_updated_at".into(),
            valid_from: "dbt_valid_from".into(),
            valid_to: "dbt_valid_to".into(),
            is_deleted: "dbt_is_deleted".into(),
        }
    }
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
    /// What is counted: a SQL expression over the failing rows; `count(*)` unless the user says another.
    pub fail_calc: String,
    /// When the count is an error: a condition such as `!= 0` or `> 10`.
    pub error_if: Threshold,
    /// When the count is a warning.
    pub warn_if: Threshold,
    /// The most failing rows that are looked at; `None` for all.
    pub limit: Option<u64>,
    /// The table that keeps the failing rows, replaced by every run of the test; `None` if they are not kept.
    pub store_failures: Option<TableName>,
}

/// A condition on a count: `!= 0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Threshold {
    /// The comparison.
    pub comparison: Comparison,
    /// What is compared with.
    pub count: i64,
}

/// A comparison of two counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Test {
    /// A test of dbt's defaults: any failing row is an error, and none is kept.
    pub fn new(query: Query) -> Self {
        Self {
            query,
            severity: Severity::Error,
            tested: None,
            column: None,
            fail_calc: "count(*)".into(),
            error_if: Threshold::ANY,
            warn_if: Threshold::ANY,
            limit: None,
            store_failures: None,
        }
    }
}

impl Threshold {
    /// dbt's default: any failing row.
    pub const ANY: Self = Self { comparison: Comparison::NotEqual, count: 0 };

    /// Whether a count meets it.
    pub fn is_met(self, count: i64) -> bool {
        match self.comparison {
            Comparison::Equal => count == self.count,
            Comparison::NotEqual => count != self.count,
            Comparison::Less => count < self.count,
            Comparison::LessOrEqual => count <= self.count,
            Comparison::Greater => count > self.count,
            Comparison::GreaterOrEqual => count >= self.count,
        }
    }
}

/// A model's query over rows that the user wrote, beside the rows that should come out. Reads no table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitTest {
    /// The model under test.
    pub tested: NodeId,
    /// The model's query with its inputs replaced by the given rows.
    pub actual: Query,
    /// The expected rows, cast to the types of the model's columns.
    pub expected: Query,
    /// The columns that are compared: those that the user wrote expectations for, in their order.
    pub columns: Vec<String>,
}

/// A statement that changes the lake: a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Spark SQL, after Jinja.
    pub sql: String,
    /// The tables and views that it reads; the one that it writes is among them if it is read.
    pub reads: Vec<TableName>,
    /// The table that it writes; `None` for a query, whose rows are dropped.
    pub writes: Option<TableName>,
}

/// What runs before and after a node's own step. Each is a transaction of its own; one that fails fails the node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Hooks {
    /// Before.
    pub before: Vec<Statement>,
    /// After.
    pub after: Vec<Statement>,
}

/// A node that cannot be compiled yet: its template asks for rows, or what it reads is such a node. It is compiled again
/// once what it asks for is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Late {
    /// What the step will be: `table`, `view`, `incremental`, `test`.
    pub becomes: String,
    /// The relations whose rows or columns are waited for.
    pub waits_for: Vec<TableName>,
    /// The columns that are known nevertheless.
    pub schema: Schema,
}
