//! The engine as a scheduler sees it.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use headwater_connect::files::Stores;
use headwater_lake::Lake;
use headwater_plan::{Clock, Diagnostic, Engine, Node, NodeState, Step, StepContext, StepReport};
use tokio::sync::Semaphore;

use crate::error::EmbeddedError;
use crate::session::Session;
use crate::{external, hooks, incremental, ingest, seed, snapshot, state, statement, table, test, unit_test, view};

/// What the engine may use.
#[derive(Clone)]
pub struct Settings {
    /// How many threads one step may keep busy; never more than the machine has.
    pub threads: usize,
    /// The bytes that the operators of all running queries may hold together before they spill.
    pub memory_limit: u64,
    /// Where they spill to; made when first needed.
    pub spill_dir: PathBuf,
    /// The time, by which a file is young and may still be growing.
    pub clock: Arc<dyn Clock>,
}

/// Executes steps with DataFusion, inside this process.
pub struct EmbeddedEngine {
    pub(crate) lake: Lake,
    /// Where the files of sources are.
    pub(crate) stores: Stores,
    pub(crate) settings: Settings,
    /// Made with the first query: a run with nothing to do never needs it.
    session: OnceLock<Session>,
    /// The threads that loads may use beside their first one, so that several loads at once do not use the machine
    /// several times over.
    pub(crate) spare_threads: Arc<Semaphore>,
}

impl EmbeddedEngine {
    /// An engine on a lake, with the stores of its sources. Touches nothing yet.
    pub fn new(lake: Lake, stores: Stores, settings: Settings) -> Self {
        let machine = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = settings.threads.clamp(1, machine);
        Self {
            lake,
            stores,
            spare_threads: Arc::new(Semaphore::new(threads - 1)),
            settings: Settings { threads, ..settings },
            session: OnceLock::new(),
        }
    }

    pub(crate) fn session(&self) -> Result<&Session, EmbeddedError> {
        if let Some(session) = self.session.get() {
            return Ok(session);
        }
        let session = Session::new(&self.settings)?;
        Ok(self.session.get_or_init(|| session))
    }
}

#[async_trait]
impl Engine for EmbeddedEngine {
    fn name(&self) -> &str {
        "embedded"
    }

    async fn state(&self, node: &Node) -> Result<NodeState, Diagnostic> {
        state::state(self, node).await.map_err(|error| error.of(node))
    }

    async fn execute(&self, node: &Node, context: &StepContext) -> Result<StepReport, Diagnostic> {
        hooks::execute(self, node, context).await.map_err(|error| error.of(node))
    }
}

impl EmbeddedEngine {
    /// Executes a node's step without the statements before and after it.
    pub(crate) async fn step(&self, node: &Node, context: &StepContext) -> Result<StepReport, EmbeddedError> {
        match &node.step {
            Step::Ingest(ingest) => ingest::execute(self, node, ingest, context).await,
            Step::External => external::execute(self, node).await,
            Step::Seed(seed) => seed::execute(self, node, seed, context).await,
            Step::Table(table) => table::execute(self, node, table, context).await,
            Step::Incremental(incremental) => incremental::execute(self, node, incremental, context).await,
            Step::View(query) => view::execute(self, node, query).await,
            Step::Test(test) => test::execute(self, node, test, context).await,
            Step::UnitTest(test) => unit_test::execute(self, node, test, context).await,
            Step::Statement(statement) => statement::execute(self, statement, context).await,
            // It is in whatever reads it.
            Step::Ephemeral(_) => Ok(StepReport::default()),
            Step::Snapshot(snapshot) => snapshot::execute(self, node, snapshot, context).await,
            Step::Late(late) => Err(EmbeddedError::NotCompiled { waits_for: late.waits_for.clone() }),
        }
    }
}
