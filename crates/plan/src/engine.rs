//! What a scheduler knows of an engine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::report::StepReport;
use crate::{Clock, Diagnostic, Node, NodeId, Plan, RunId, TableName};

/// Executes steps. The embedded engine and Spark are its kinds; a scheduler sees only this.
#[async_trait]
pub trait Engine: Send + Sync {
    /// The engine's name in reports: `embedded`, `spark`.
    fn name(&self) -> &str;

    /// Hears what is to be executed next, before the first of it: an engine may begin with all of it at once, and then
    /// answers each node when it is asked for. What is wrong is told by [`Engine::execute`]. Does nothing by default.
    async fn prepare(&self, _agenda: &Agenda) {}

    /// Everything that was prepared has ended, or nobody will ask for the rest. Does nothing by default.
    async fn conclude(&self) {}

    /// What the lake holds for a node today, and what waits for it. Reads metadata only, changes nothing.
    async fn state(&self, node: &Node) -> Result<NodeState, Diagnostic>;

    /// Executes a node's step. On an error or when cancelled, nothing of the step is visible in the lake.
    async fn execute(&self, node: &Node, context: &StepContext) -> Result<StepReport, Diagnostic>;
}

/// What a scheduler is about to ask of an engine.
#[derive(Clone)]
pub struct Agenda {
    /// The plan.
    pub plan: Arc<Plan>,
    /// The nodes, in the plan's order.
    pub nodes: Vec<AgendaNode>,
    /// The run.
    pub run_id: RunId,
    /// When the run began.
    pub started_at: DateTime<Utc>,
    /// Which stage of the run it is, from 1.
    pub stage: u32,
    /// How many nodes run side by side.
    pub threads: usize,
    /// Whether tables are built anew.
    pub full_refresh: bool,
    /// Whether the first failure leaves out all that has not begun.
    pub fail_fast: bool,
    /// Asks to stop.
    pub cancel: Cancel,
}

/// A node that is to be executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgendaNode {
    /// The node.
    pub id: NodeId,
    /// The nodes of the agenda that must have ended well before.
    pub after: Vec<NodeId>,
    /// Whether it is executed however those ended.
    pub always: bool,
    /// For an ingest: the bytes of the files that wait.
    pub pending_bytes: u64,
}

/// A table at a point of its history. Two tables at one path in turn have different ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TableVersion {
    /// The Delta table's id (`metaData.id`); for a view, its fingerprint.
    pub id: String,
    /// The Delta version, from 0; 0 for a view.
    pub version: u64,
}

/// What was written beside a node's result, in the same commit: enough to see whether it is still true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Built {
    /// The node's fingerprint when it was built; with words after it as long as something of the node is still to be done.
    pub fingerprint: String,
    /// The versions of all tables and views that it read, those that its views read included.
    pub inputs: BTreeMap<TableName, TableVersion>,
}

/// What waits to be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pending {
    /// Files.
    pub files: u64,
    /// Bytes, as stored.
    pub bytes: u64,
    /// Of the files, those of batches that an earlier run wrote to the ledger and did not finish.
    pub resumed_files: u64,
    /// Of the files, those that were loaded and have changed since.
    #[serde(default)]
    pub changed_files: u64,
    /// Of the files, those that changed a moment ago and may still be growing.
    #[serde(default)]
    pub settling_files: u64,
}

/// What the lake holds for a node today.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NodeState {
    /// The version of its table or view; `None` if it is not there.
    pub version: Option<TableVersion>,
    /// How it was built last; `None` if never, or by something else.
    pub built: Option<Built>,
    /// For an ingest: what waits.
    pub pending: Pending,
    /// For a model that is built span by span of event time: whether a span may have begun since it was built.
    pub due: bool,
}

/// What an engine is handed with a step.
#[derive(Clone)]
pub struct StepContext {
    /// The run.
    pub run_id: RunId,
    /// Whether to build the node anew: for an ingest, to load every file again in place of the table.
    pub full_refresh: bool,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Asked between batches of rows.
    pub cancel: Cancel,
    /// Told how far the step is; called often, so it must be quick.
    pub progress: Arc<dyn Fn(Progress) + Send + Sync>,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Rows written so far.
    pub rows: u64,
    /// Bytes read so far.
    pub bytes: u64,
    /// Bytes to read in all; 0 if nobody knows.
    pub total_bytes: u64,
}

/// A flag that, once up, asks every step to stop.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether somebody asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// The error of a step that stopped because it was asked to.
    pub fn check(&self) -> Result<(), Diagnostic> {
        if self.is_cancelled() {
            Err(Diagnostic::error(crate::Code::Cancelled, "stopped before it was done"))
        } else {
            Ok(())
        }
    }
}
