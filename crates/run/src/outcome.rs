//! How a step and a run ended, from what they left.

use std::any::Any;
use std::time::Duration;

use headwater_plan::{Diagnostic, NodeReport, NodeStatus, RunStatus, StepReport};
use tokio::task::JoinError;

pub(crate) fn status_of(report: &StepReport) -> NodeStatus {
    if report.diagnostics.iter().any(Diagnostic::is_error) {
        NodeStatus::Failed
    } else if report.failures.is_some_and(|failures| failures > 0) && !report.diagnostics.is_empty() {
        NodeStatus::Warned
    } else {
        NodeStatus::Success
    }
}

pub(crate) fn run_status(nodes: &[NodeReport]) -> RunStatus {
    let any = |status| nodes.iter().any(|node| node.status == status);
    if any(NodeStatus::Cancelled) {
        RunStatus::Cancelled
    } else if any(NodeStatus::Failed) {
        RunStatus::Failed
    } else {
        RunStatus::Success
    }
}

/// The message of a step that panicked: a fault of ours, whatever it says.
pub(crate) fn fell(error: JoinError) -> Diagnostic {
    let Ok(payload) = error.try_into_panic() else {
        return Diagnostic::internal("a step was dropped before it ended");
    };
    let mut diagnostic = Diagnostic::internal("a step panicked");
    diagnostic.causes.push(panic_text(payload.as_ref()));
    diagnostic
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it left no message".to_owned())
}

pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
