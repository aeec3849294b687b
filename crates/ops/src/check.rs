//! `check`: finds every mistake in the project without touching data.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use headwater_plan::{Diagnostics, NodeKind};
use headwater_project::{Keep, Outside};
use serde::Serialize;

use crate::Context;
use crate::project::{beside_lake, told_first};

/// Where it is kept what earlier checks found, in the project's folder.
const KEPT: &str = ".headwater/checked";

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
        self.add_all(kind, 1);
    }

    fn add_all(&mut self, kind: NodeKind, count: u64) {
        match kind {
            NodeKind::Source => self.sources += count,
            NodeKind::Seed => self.seeds += count,
            NodeKind::Model => self.models += count,
            NodeKind::Snapshot => self.snapshots += count,
            NodeKind::Test => self.tests += count,
            NodeKind::UnitTest => self.unit_tests += count,
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
}

/// Checks the project. What is found is kept in the project's folder, so that the next check does again only what must be
/// done again.
///
/// # Errors
/// Every mistake in it.
pub async fn check(context: &Context) -> Result<CheckReport, Diagnostics> {
    let request = context.request()?;
    let keep = Keep { folder: request.dir.join(KEPT), program: program() };
    let of_lake = request.clone();
    let checking = move |outside: &Arc<dyn Outside>| headwater_project::check(&request, outside, Some(&keep));
    let (checked, failure) = beside_lake(context, &of_lake, checking).await?;
    if let Some(failure) = failure {
        return Err(told_first(failure, checked.diagnostics));
    }
    if checked.diagnostics.has_errors() {
        return Err(checked.diagnostics);
    }
    let mut counts = Counts::default();
    checked.nodes.into_iter().for_each(|(kind, count)| counts.add_all(kind, count));
    let (project, environment) = (checked.project, checked.environment);
    Ok(CheckReport { project, environment, counts, warnings: checked.diagnostics })
}

/// What tells this program from every other build of it: what those kept may not be what this one would find.
fn program() -> String {
    let file = std::env::current_exe().and_then(std::fs::metadata);
    let changed = |file: &std::fs::Metadata| file.modified().ok()?.duration_since(UNIX_EPOCH).ok();
    let told = file.map(|file| format!("{} {:?}", file.len(), changed(&file)));
    told.unwrap_or_default()
}
