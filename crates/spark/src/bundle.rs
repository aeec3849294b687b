//! The bundle: all that a job on Spark needs to know of a stage of a run. One JSON document, versioned, the same bytes for
//! the same stage; `runner.py` reads it and nothing else.
//!
//! A node's actions are done in their order. Whether a table is built anew or gets an increment is seen when the node's
//! turn comes, so that both forms stand here ([`When`]). In the text of a statement, `{headwater:…}` stands for what only
//! the lake can tell then: [`placeholder`] has the list.

mod work;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use headwater_plan::{Node, NodeId, NodeKind, RunId, Schema, TableName};
use serde::{Deserialize, Serialize};

pub use work::{Build, FilteredInput, Increment, Snapshot, Spans, TestRows, UnitTestRows, UserStatement, Work};

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
/// Before an increment is computed, the version before its own is committed without rows: from then on no earlier run can
/// commit, so that what is computed is computed from all that was. The embedded engine, which can insist on the version of
/// the table that it read, sets the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// The application: `headwater:step:<node>`; of a statement of the user's `headwater:statement:<node>:<place>`.
    pub app_id: String,
    /// The version: when the run began, in milliseconds since 1970; of a step as [`AppTransaction::of_step`] has it.
    ///
    /// [`AppTransaction::of_step`]: headwater_lake::AppTransaction::of_step
    pub version: i64,
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

    /// Puts another text in the place of each that the user wrote.
    pub fn each_query(&mut self, rewritten: &dyn Fn(&str) -> String) {
        let views = self.relations.iter_mut().filter_map(|relation| relation.view.as_mut()).map(|view| &mut view.sql);
        let works = self.nodes.iter_mut().flat_map(|node| &mut node.actions).flat_map(|action| action.work.queries());
        for text in views.chain(works) {
            *text = rewritten(text);
        }
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
