//! `check`: finds every mistake in the project without touching data.

use headwater_plan::{Diagnostics, NodeKind, Plan};
use serde::Serialize;

use crate::{Context, project};

/// A project without errors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// The project's name.
    pub project: String,
    /// The environment that it was checked for.
    pub environment: String,
    /// What it holds.
    pub counts: Counts,
    /// What the user should know.
    pub warnings: Diagnostics,
}

/// How many nodes of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Tables of sources.
    pub sources: u64,
    /// CSV files of the project.
    pub seeds: u64,
    /// SQL models.
    pub models: u64,
    /// Histories of rows.
    pub snapshots: u64,
    /// Tests of data.
    pub tests: u64,
    /// Tests of code.
    pub unit_tests: u64,
}

impl Counts {
    /// Counts one.
    pub fn add(&mut self, kind: NodeKind) {
        match kind {
            NodeKind::Source => self.sources += 1,
            NodeKind::Seed => self.seeds += 1,
            NodeKind::Model => self.models += 1,
            NodeKind::Snapshot => self.snapshots += 1,
            NodeKind::Test => self.tests += 1,
            NodeKind::UnitTest => self.unit_tests += 1,
            // It runs beside the nodes, and is none that anybody asks for.
            NodeKind::Operation => {}
        }
    }

    /// Counts these.
    pub fn of(kinds: impl IntoIterator<Item = NodeKind>) -> Self {
        let mut counts = Self::default();
        kinds.into_iter().for_each(|kind| counts.add(kind));
        counts
    }

    fn of_plan(plan: &Plan) -> Self {
        Self::of(plan.nodes.values().map(|node| node.kind))
    }
}

/// Checks the project.
///
/// # Errors
/// Every mistake in it.
pub async fn check(context: &Context) -> Result<CheckReport, Diagnostics> {
    let project = project::compile(context).await?;
    Ok(CheckReport {
        project: project.plan.project.clone(),
        environment: project.plan.environment.name.clone(),
        counts: Counts::of_plan(&project.plan),
        warnings: project.warnings,
    })
}
