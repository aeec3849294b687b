//! The one report format of every engine: rows in = rows out + quarantined.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Diagnostic, NodeId, NodeKind, RunId, TableName, TableVersion};

/// Where the rows went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RowCounts {
    /// Rows read: of the files for an ingest, of the inputs for a model.
    pub read: u64,
    /// Rows that are in the table now because of this step.
    pub written: u64,
    /// Rows set aside with a reason.
    pub quarantined: u64,
}

/// What of the files is no record and was passed over, each kind counted in lines or records as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Skipped {
    /// Empty lines.
    pub blank: u64,
    /// Comments.
    pub comment: u64,
    /// Lines before the header.
    pub preamble: u64,
    /// Records of headers, those repeated inside a file included.
    pub header: u64,
    /// Records at the end.
    pub footer: u64,
}

impl Skipped {
    /// All kinds together.
    pub fn total(&self) -> u64 {
        self.blank + self.comment + self.preamble + self.header + self.footer
    }
}

impl std::ops::AddAssign for Skipped {
    fn add_assign(&mut self, other: Self) {
        self.blank += other.blank;
        self.comment += other.comment;
        self.preamble += other.preamble;
        self.header += other.header;
        self.footer += other.footer;
    }
}

/// The spans of event time that a step computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spans {
    /// How many.
    pub count: u64,
    /// When the first begins.
    pub from: DateTime<Utc>,
    /// When the last ends.
    pub to: DateTime<Utc>,
    /// How many further ones a run that was cut off had computed, so that this one did not.
    pub done_before: u64,
}

/// What a step did, as its engine tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StepReport {
    /// Where the rows went.
    pub rows: RowCounts,
    /// What of the files was no record, for an ingest.
    #[serde(default)]
    pub skipped: Skipped,
    /// Files loaded, for an ingest.
    pub files: u64,
    /// Bytes read, as stored.
    pub bytes: u64,
    /// For a test: how many rows failed it.
    pub failures: Option<u64>,
    /// The table's version after the step.
    pub version: Option<TableVersion>,
    /// The versions of all tables and views that the step read: for a test, what it passed on.
    #[serde(default)]
    pub inputs: BTreeMap<TableName, TableVersion>,
    /// For a model that is built span by span of event time: the spans that were computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spans: Option<Spans>,
    /// The milliseconds that it took, where the engine knows better than who waited for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// Warnings, and for a failed test what it found.
    pub diagnostics: Vec<Diagnostic>,
}

/// How a node ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeStatus {
    /// Done.
    Success,
    /// Nothing to do: nothing that it depends on has changed.
    UpToDate,
    /// Done, and a test of severity `warn` found rows.
    Warned,
    /// Failed.
    Failed,
    /// Left out, because a node that it needs failed.
    Skipped,
    /// Stopped by the user, or not begun when they did.
    Cancelled,
}

/// A node's line in the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeReport {
    /// The node.
    pub id: NodeId,
    /// Its short name.
    pub name: String,
    /// Its kind.
    pub kind: NodeKind,
    /// Its step: `ingest`, `seed`, `table`, `view`, `test`, `external`.
    pub step: String,
    /// The table or view that it makes.
    pub relation: Option<TableName>,
    /// How it ended.
    pub status: NodeStatus,
    /// Why it ran or did not, in a few words: `2 new files`, `changed code`, `up to date`.
    pub reason: String,
    /// When it began; `None` if it did not.
    pub started_at: Option<DateTime<Utc>>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What the engine tells.
    #[serde(flatten)]
    pub step_report: StepReport,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Still going, or its process died.
    Running,
    /// Every node ended well.
    Success,
    /// At least one node failed.
    Failed,
    /// Stopped by the user.
    Cancelled,
}

/// A whole run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReport {
    /// The run.
    pub run_id: RunId,
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// The engine.
    pub engine: String,
    /// The command, as typed after `headwater`.
    pub command: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended; `None` while it runs.
    pub finished_at: Option<DateTime<Utc>>,
    /// How it ended.
    pub status: RunStatus,
    /// Its nodes, in the order in which they ended.
    pub nodes: Vec<NodeReport>,
}

impl RunReport {
    /// The exit code: 0, or that of the first failed node; 3 when only tests failed.
    pub fn exit_code(&self) -> u8 {
        let errors = || {
            self.nodes
                .iter()
                .filter(|node| node.status == NodeStatus::Failed)
                .flat_map(|node| &node.step_report.diagnostics)
                .filter(|diagnostic| diagnostic.is_error())
        };
        let first = errors().find(|diagnostic| diagnostic.fault != crate::Fault::Check).or_else(|| errors().next());
        match (first, self.status) {
            (Some(diagnostic), _) => diagnostic.fault.exit_code(),
            (None, RunStatus::Success) => 0,
            (None, RunStatus::Cancelled) => 130,
            (None, _) => 1,
        }
    }
}
