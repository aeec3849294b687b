//! How a run goes on with what could not be compiled when it began.

use async_trait::async_trait;
use std::sync::Arc;

use headwater_plan::{Code, Diagnostic, Diagnostics, Node, Plan, RunReport, Step};

use crate::Decision;

/// How a run is conducted beyond its decisions.
#[derive(Default, Clone, Copy)]
pub struct Conduct<'a> {
    /// Whether the first failure leaves out all that has not begun; what runs is finished.
    pub fail_fast: bool,
    /// Compiles what waited for rows; without it, a node that waits fails.
    pub stages: Option<&'a dyn Stages>,
}

/// Compiles and decides what waited for rows, once all that could run has run.
#[async_trait]
pub trait Stages: Send + Sync {
    /// The next stage, compiled with the lake as it is now. `so_far` tells which nodes have ended: they are not to be
    /// selected for [`crate::decide`] again, or they would hold back what asks for their rows.
    ///
    /// # Errors
    /// All that is wrong with the project as it is now; it is told at the nodes that it names, else at the first that
    /// waits.
    async fn next(&self, so_far: &RunReport) -> Result<Stage, Diagnostics>;
}

/// What a run goes on with.
pub struct Stage {
    /// The plan.
    pub plan: Arc<Plan>,
    /// What was decided for the nodes that have not ended.
    pub decisions: Vec<Decision>,
}

/// The message of a node whose rows never come.
pub(crate) fn never_there(node: &Node) -> Diagnostic {
    let asked = match &node.step {
        Step::Late(late) => late.waits_for.first(),
        _ => node.asks.first(),
    };
    let message = match asked {
        Some(relation) => format!("`{}` asks for the rows of `{relation}`, which this run did not build", node.name),
        None => format!("`{}` cannot be compiled before what it reads is built", node.name),
    };
    Diagnostic::error(Code::UnknownTable, message)
        .at(node.location.clone())
        .node(node.id.clone())
        .help(format!("build what it reads with it: `headwater run --select +{}`", node.name))
}
