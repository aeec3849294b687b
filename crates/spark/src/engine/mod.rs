//! A stage of a run as one job of Spark, seen as an engine: a scheduler asks for one node after the other, and each answer
//! is that node's line in the progress of the job.
//!
//! The risks: a job that nobody waits for (what was prepared is concluded, and a stop ends it), and a node that is asked for
//! and never answered (when the job ends, every node that it did not answer fails with the job's own error).
//!
//! Views are the lake's: the job knows them for as long as it lives, and what it made known is written to the lake's list
//! here, before anyone hears that it is done.
//!
//! | module | owns |
//! |---|---|
//! | `stage` | what a stage is: its bundle, its settings |
//! | `progress` | the lines of its progress |
//! | `watch` | a job while it goes on: its progress, its end, its limits |
//! | [`adopt`](mod@adopt) | the jobs of processes that died |
//! | [`estimate`](mod@estimate) | how much a stage reads |

pub mod adopt;
pub mod estimate;
mod progress;
mod stage;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use headwater_lake::{Lake, View};
use headwater_plan::{
    Agenda, Built, Clock, Diagnostic, Engine, Node, NodeState, Plan, Query, Spark, Step, StepContext, StepReport,
    TableVersion,
};

use crate::doctor::{Installation, Machine};
use crate::launch::Launcher;
pub use adopt::{Adopted, Earlier};
pub use stage::needs_spark;
use watch::Watched;

/// What the engine is made of.
pub struct Parts {
    /// The lake.
    pub lake: Lake,
    /// The lake as the plan names it: an absolute path or a URL.
    pub lake_url: String,
    /// The engine of the same lake inside this process: it looks at the lake, and does what needs no Spark.
    pub embedded: Arc<dyn Engine>,
    /// Starts jobs.
    pub launcher: Arc<dyn Launcher>,
    /// The Spark.
    pub installation: Installation,
    /// The machine.
    pub machine: Machine,
    /// What the environment says of it.
    pub spark: Spark,
    /// The bytes of memory that the environment gives the engine.
    pub memory_limit: u64,
    /// The folder of jobs: `.headwater/spark` of the project.
    pub jobs: PathBuf,
    /// The command that executes a step natively.
    pub native: Vec<String>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Executes stages with Spark.
pub struct SparkEngine {
    parts: Parts,
    /// The stage that was prepared last.
    stage: Mutex<Stage>,
    /// What jobs of dead processes answered for nodes that need not run again.
    adopted: Mutex<Adopted>,
}

/// Where the nodes of a stage are executed.
#[derive(Clone)]
enum Stage {
    /// Here: none of them needs Spark.
    Here,
    /// In a job.
    Job(Arc<Watched>),
    /// Nowhere, for a reason.
    Refused(Box<Diagnostic>),
}

impl SparkEngine {
    /// An engine that need not do what was adopted; nothing is started yet.
    pub fn new(parts: Parts, adopted: Adopted) -> Self {
        Self { parts, stage: Mutex::new(Stage::Here), adopted: Mutex::new(adopted) }
    }

    fn set(&self, stage: Stage) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    fn stage(&self) -> Stage {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn with_adopted<T>(&self, act: impl FnOnce(&mut Adopted) -> T) -> T {
        act(&mut self.adopted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Forgets what was adopted of nodes that are others now, or whose tables have changed since.
    async fn forget_changed(&self, plan: &Plan) {
        let adopted = self.with_adopted(std::mem::take);
        let kept = adopted.still_true(plan, &self.parts.lake).await;
        self.with_adopted(|adopted| *adopted = kept);
    }

    /// The answer of a job for a node.
    async fn answer(&self, job: &Watched, node: &Node) -> Result<StepReport, Diagnostic> {
        let result = job.answer(&node.id).await?;
        let mut report = result.report(node).map_err(|told| job.with_log(*told))?;
        if let Step::View(query) = &node.step {
            report.version = Some(keep_view(&self.parts.lake, node, query).await?);
        }
        Ok(report)
    }
}

/// Writes a view to the lake's list.
async fn keep_view(lake: &Lake, node: &Node, query: &Query) -> Result<TableVersion, Diagnostic> {
    let Some(name) = node.relation.clone() else { return Err(Diagnostic::internal("a view has no name")) };
    let view = View {
        name,
        sql: query.sql.clone(),
        schema: node.schema.clone(),
        reads: query.reads.clone(),
        built: Built { fingerprint: node.fingerprint.clone(), inputs: BTreeMap::new() },
    };
    lake.replace_view(view).await.map_err(|error| error.diagnostic().at(node.location.clone()))
}

#[async_trait]
impl Engine for SparkEngine {
    fn name(&self) -> &str {
        "spark"
    }

    async fn prepare(&self, agenda: &Agenda) {
        self.forget_changed(&agenda.plan).await;
        let stage = match stage::begin(self, agenda).await {
            Ok(stage) => stage,
            Err(diagnostic) => Stage::Refused(Box::new(diagnostic)),
        };
        self.set(stage);
    }

    async fn conclude(&self) {
        if let Stage::Job(job) = self.stage() {
            job.conclude().await;
        }
        self.set(Stage::Here);
    }

    async fn state(&self, node: &Node) -> Result<NodeState, Diagnostic> {
        self.parts.embedded.state(node).await
    }

    async fn execute(&self, node: &Node, context: &StepContext) -> Result<StepReport, Diagnostic> {
        if let Some(result) = self.with_adopted(|adopted| adopted.take(&node.id)) {
            return result.report(node).map_err(|told| *told);
        }
        match self.stage() {
            Stage::Here => self.parts.embedded.execute(node, context).await,
            Stage::Refused(diagnostic) => Err(*diagnostic),
            Stage::Job(job) => self.answer(&job, node).await,
        }
    }
}
