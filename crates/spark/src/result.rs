//! What a job on Spark answers: one line for every node as it ends, and one document at the end, whatever happens.
//!
//! The runner counts and looks; the words are put together here, from the plan's own nodes, so that a message reads the
//! same whichever engine it comes from.

mod told;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use headwater_plan::refusal::{IncrementalError, SnapshotError};
use headwater_plan::{
    Diagnostic, Node, NodeId, NodeReport, NodeStatus, RowCounts, RunId, RunStatus, Spans, Step, StepReport, TableName,
    TableVersion,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bundle::Purpose;

/// What a job answers in the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobResult {
    /// [`crate::bundle::VERSION`] of the bundle that it is about.
    pub version: u32,
    /// The run; empty if the bundle could not be read.
    pub run_id: RunId,
    /// Which try it was.
    pub attempt: u32,
    /// Spark's version; `None` if it did not start.
    pub spark_version: Option<String>,
    /// When the job began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// How it ended.
    pub status: RunStatus,
    /// Why nothing could be done, or why the job was cut off.
    pub failure: Option<Failure>,
    /// The nodes, in the order in which they ended. Every node of the bundle is here.
    pub nodes: Vec<NodeResult>,
}

/// How a node ended: a line of the progress, and of the result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeResult {
    /// The node.
    pub id: NodeId,
    /// How it ended.
    pub status: NodeStatus,
    /// When it began; `None` if it did not.
    pub started_at: Option<DateTime<Utc>>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Where the rows went.
    #[serde(default)]
    pub rows: RowCounts,
    /// The stored bytes of what it read.
    #[serde(default)]
    pub bytes: u64,
    /// The version of its table or view after it.
    #[serde(default)]
    pub version: Option<TableVersion>,
    /// The versions of what it read.
    #[serde(default)]
    pub inputs: BTreeMap<TableName, TableVersion>,
    /// The spans of event time that were computed.
    #[serde(default)]
    pub spans: Option<Spans>,
    /// For a test: what it found.
    #[serde(default)]
    pub found: Option<Findings>,
    /// What the user may want to know though it is no failure.
    #[serde(default)]
    pub notes: Vec<Note>,
    /// Why it failed, was left out or stopped.
    #[serde(default)]
    pub failure: Option<Failure>,
    /// For a step that was executed natively: its report as it is.
    #[serde(default)]
    pub native: Option<NativeAnswer>,
}

/// What a native step answers, written by `headwater execute-step`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NativeAnswer {
    /// Done.
    Report(Box<StepReport>),
    /// Not done.
    Error(Box<Diagnostic>),
}

/// What a test found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Findings {
    /// For a test of data: the count, and the first rows as `column = value, …`.
    Rows {
        /// The count; `None` if it is null.
        count: Option<i64>,
        /// The first rows.
        sample: Vec<String>,
    },
    /// For a test of code: the rows that are on one side only.
    Difference {
        /// Expected, and not there.
        missing: Vec<Vec<Value>>,
        /// There, and not expected.
        unexpected: Vec<Vec<Value>>,
    },
}

/// What the user may want to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// About columns of an increment.
    Increment(IncrementalError),
    /// Rows that are back with an `updated_at` that the history has.
    KnownVersions {
        /// How many.
        rows: u64,
    },
    /// Files that were not compacted.
    NotCompacted {
        /// Why.
        why: Box<Failure>,
    },
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Whose words they are.
    pub kind: FailureKind,
    /// Spark's error class (`DIVIDE_BY_ZERO`), or the name of the exception.
    pub class: Option<String>,
    /// What Spark says, without its stack.
    pub message: String,
    /// What was being done.
    pub purpose: Option<Purpose>,
    /// The statement that failed.
    pub statement: Option<String>,
    /// Which of several statements it was, and of how many.
    #[serde(default)]
    pub number: Option<(usize, usize)>,
    /// What was refused, for [`FailureKind::Refused`].
    #[serde(default)]
    pub refusal: Option<Refusal>,
}

/// Whose words a failure is told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Spark refused a statement, or a row failed in it.
    Spark,
    /// Spark did not start, or lacks Delta.
    Start,
    /// The runner refused, as every engine does.
    Refused,
    /// It was stopped.
    Cancelled,
    /// A node that it needs failed.
    Upstream,
    /// The process of Spark's Java ended.
    Lost,
    /// The machine refused, for want of room or of a right.
    System,
    /// The runner itself is wrong.
    Runner,
}

/// What the runner refuses as every engine does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// An increment that does not go into its table.
    Increment(IncrementalError),
    /// A snapshot that cannot be taken.
    Snapshot(SnapshotError),
    /// What a node reads is not there.
    MissingInput {
        /// It.
        missing: TableName,
    },
    /// A table that something else should have written is not there.
    MissingTable {
        /// It.
        table: TableName,
    },
    /// Declared columns that are not there, or are others.
    DeclaredColumns {
        /// The table.
        table: TableName,
        /// Each difference, in words.
        differences: Vec<String>,
    },
    /// A query gives other columns than the project was checked with.
    ColumnsChanged {
        /// Each difference, in words.
        differences: Vec<String>,
    },
    /// A table whose partition columns are others.
    OtherPartitions {
        /// The table.
        table: TableName,
        /// Its columns.
        there: Vec<String>,
        /// Those that are wanted.
        wanted: Vec<String>,
    },
    /// A run that began later has written the table.
    Overtaken {
        /// The table.
        table: TableName,
    },
    /// A table that Headwater did not write, where a view is to be.
    ForeignTable {
        /// The table.
        table: TableName,
    },
}

impl NodeResult {
    /// The report of the step, or why there is none, as an engine tells it.
    ///
    /// # Errors
    /// What the node failed of.
    pub fn report(&self, node: &Node) -> Result<StepReport, Box<Diagnostic>> {
        match (&self.native, &self.failure) {
            (Some(NativeAnswer::Report(report)), None) => {
                return Ok(StepReport { took_ms: Some(self.duration_ms), ..(**report).clone() });
            }
            (Some(NativeAnswer::Error(diagnostic)), _) => return Err(diagnostic.clone()),
            (_, Some(failure)) => return Err(Box::new(failure.diagnostic(node))),
            (None, None) => {}
        }
        let mut report = StepReport {
            rows: self.rows,
            bytes: self.bytes,
            version: self.version.clone(),
            inputs: self.inputs.clone(),
            spans: self.spans,
            took_ms: Some(self.duration_ms),
            diagnostics: self.notes.iter().map(|note| note.diagnostic(node)).collect(),
            ..StepReport::default()
        };
        match (&node.step, &self.found) {
            (Step::Test(test), Some(Findings::Rows { count, sample })) => {
                told::test(node, test, *count, sample, &mut report)?;
            }
            (Step::UnitTest(test), Some(Findings::Difference { missing, unexpected })) => {
                told::unit_test(node, test, missing, unexpected, &mut report);
            }
            _ => {}
        }
        Ok(report)
    }

    /// The node's line in the report of a run.
    pub fn node_report(&self, node: &Node, reason: &str) -> NodeReport {
        let step_report = self
            .report(node)
            .unwrap_or_else(|diagnostic| StepReport { diagnostics: vec![*diagnostic], ..StepReport::default() });
        NodeReport {
            id: node.id.clone(),
            name: node.name.clone(),
            kind: node.kind,
            step: node.step.word().to_owned(),
            relation: node.relation.clone(),
            status: self.status,
            reason: reason.to_owned(),
            started_at: self.started_at,
            duration_ms: self.duration_ms,
            step_report,
        }
    }
}

impl JobResult {
    /// Reads the document.
    ///
    /// # Errors
    /// Text that is not one.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// What became of a node.
    pub fn node(&self, id: &NodeId) -> Option<&NodeResult> {
        self.nodes.iter().find(|node| node.id == *id)
    }
}
