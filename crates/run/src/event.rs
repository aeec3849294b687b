//! What an onlooker is told while a run goes on.

use headwater_plan::{NodeId, NodeReport, Progress, RunId, RunReport};
use serde::Serialize;

use crate::Decision;

/// Watches a run: a progress bar, a line printer, a JSON stream.
pub trait Observer: Send + Sync {
    /// Told from whatever thread it happens on; must be quick.
    fn event(&self, event: &Event);
}

/// Something happened. The JSON form carries its kind in `event`.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "they are few, and each is looked at and dropped")]
pub enum Event {
    /// The run begins.
    RunStarted {
        /// The run.
        run_id: RunId,
        /// What is to happen, in the plan's order.
        decisions: Vec<Decision>,
    },
    /// A node's step begins.
    NodeStarted {
        /// The node.
        node: NodeId,
        /// Its short name.
        name: String,
        /// The word for its step: `ingest`, `table`, `test`.
        step: String,
        /// Why it runs.
        reason: String,
    },
    /// A node's step is so far.
    NodeProgress {
        /// The node.
        node: NodeId,
        /// How far.
        progress: Progress,
    },
    /// A node ended, well or not, or was left out.
    NodeFinished {
        /// Its line in the report.
        report: NodeReport,
    },
    /// The run ended.
    RunFinished {
        /// The whole report.
        report: RunReport,
    },
}

/// An onlooker that does not look.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _event: &Event) {}
}
