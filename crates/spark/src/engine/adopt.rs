//! The jobs of processes that died: a job that still runs is waited for, and what it did counts.
//!
//! What a job built is in the lake, with what it was built from, so that the decisions that come next know of it. Two
//! things are not in the lake: a view's entry in the list, which is written here, and a test's pass, which is reported
//! by the run that adopts it as long as what was tested has not changed since.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use headwater_lake::Lake;
use headwater_plan::{Cancel, Diagnostic, NodeId, NodeStatus, Plan, Step};

use super::keep_view;
use super::progress::Progress;
use super::watch::{Ending, LOOK};
use crate::bundle::Bundle;
use crate::error::SparkError;
use crate::launch::{Folder, JobFile, JobId, JobState, Jobs, running};
use crate::result::NodeResult;

/// The jobs that earlier processes may have left.
pub struct Earlier<'a> {
    /// The folder of jobs: `.headwater/spark` of the project.
    pub folder: &'a Path,
    /// Looks at them.
    pub jobs: &'a dyn Jobs,
    /// The lake.
    pub lake: &'a Lake,
    /// The milliseconds that each may still take.
    pub timeout_ms: Option<u64>,
    /// Hears why it takes its time.
    pub told: &'a (dyn Fn(&str) + Send + Sync),
}

/// What jobs of dead processes answered for tests, which need not run again.
#[derive(Default)]
pub struct Adopted(BTreeMap<NodeId, Answer>);

struct Answer {
    fingerprint: String,
    result: NodeResult,
}

impl Earlier<'_> {
    /// Waits for every job of this lake, and takes over those of this environment that nobody has reported. To be called with the lake held and
    /// before anything is decided.
    ///
    /// # Errors
    /// A stop by the user or by the time limit; a view that cannot be written.
    pub async fn adopt(&self, plan: &Plan, cancel: &Cancel) -> Result<Adopted, Diagnostic> {
        let mut adopted = Adopted::default();
        for (folder, job) in running(self.folder, self.lake.uri())? {
            self.wait(&folder, &job, cancel).await?;
            // What a job of another environment answered is for a run of that one.
            if job.environment == plan.environment.name {
                self.take(plan, &folder, &mut adopted).await?;
            }
        }
        Ok(adopted)
    }

    async fn wait(&self, folder: &Folder, job: &JobFile, cancel: &Cancel) -> Result<(), Diagnostic> {
        let id = JobId(folder.clone());
        let mut ending = Ending::new(self.timeout_ms.map(Duration::from_millis));
        let mut said = false;
        while self.jobs.state(&id).await? == JobState::Running {
            if !said {
                let since = job.submitted_at.format("%Y-%m-%d %H:%M:%S UTC");
                let run = job.run_id.0.get(..12).unwrap_or(&job.run_id.0);
                (self.told)(&format!(
                    "waiting for the job of an earlier run, on Spark since {since}: run {run}; Ctrl-C ends it"
                ));
                said = true;
            }
            if let Some(how) = ending.next(cancel.is_cancelled()) {
                self.jobs.cancel(&id, how).await?;
            }
            tokio::time::sleep(LOOK).await;
        }
        if ending.timed_out {
            let after = ending.timeout.unwrap_or_default();
            return Err(SparkError::TimedOut { after, log: self.jobs.log(&id) }.into());
        }
        cancel.check()
    }

    /// Takes what a job answered: its views and the passes of its tests.
    async fn take(&self, plan: &Plan, folder: &Folder, adopted: &mut Adopted) -> Result<(), Diagnostic> {
        let bundle = std::fs::read_to_string(folder.bundle()).ok().and_then(|text| Bundle::from_json(&text).ok());
        let answered = Progress::of(folder).read()?;
        for result in answered.into_iter().filter(|result| result.status == NodeStatus::Success) {
            let Some(node) = plan.nodes.get(&result.id) else { continue };
            let of_bundle = bundle.as_ref().and_then(|bundle| bundle.node(&result.id));
            if of_bundle.is_none_or(|then| then.fingerprint != node.fingerprint) {
                continue;
            }
            match &node.step {
                Step::View(query) => {
                    keep_view(self.lake, node, query).await?;
                }
                Step::Test(_) | Step::UnitTest(_) => {
                    let answer = Answer { fingerprint: node.fingerprint.clone(), result };
                    adopted.0.insert(node.id.clone(), answer);
                }
                _ => {}
            }
        }
        folder.take()?;
        // Best effort: it holds secrets that nobody needs any more.
        let _ = std::fs::remove_file(folder.properties());
        Ok(())
    }
}

impl Adopted {
    /// The nodes.
    pub(super) fn nodes(&self) -> Vec<NodeId> {
        self.0.keys().cloned().collect()
    }

    /// The answer for a node, which counts once.
    pub(super) fn take(&mut self, node: &NodeId) -> Option<NodeResult> {
        self.0.remove(node).map(|answer| answer.result)
    }

    /// Without those of nodes that are others now, or whose tables have changed since.
    pub(super) async fn still_true(self, plan: &Plan, lake: &Lake) -> Self {
        let mut kept = BTreeMap::new();
        for (id, answer) in self.0 {
            let fits = plan.nodes.get(&id).is_some_and(|node| node.fingerprint == answer.fingerprint);
            if fits && unchanged(lake, &answer.result).await {
                kept.insert(id, answer);
            }
        }
        Self(kept)
    }
}

async fn unchanged(lake: &Lake, result: &NodeResult) -> bool {
    for (name, version) in &result.inputs {
        let now = lake.relation(name).await;
        if now.ok().flatten().is_none_or(|relation| relation.version() != *version) {
            return false;
        }
    }
    true
}
