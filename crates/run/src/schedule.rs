//! Runs the decisions: nodes that wait for nothing side by side, at most so many at once, in the plan's order.
//!
//! The risks: a run that hangs (a step that panics is a failed node, and a node is begun only when all that it needs
//! has ended, so that the last running step always wakes the loop), and a report that is lost (each node's line goes
//! to the store the moment the node ends).
//!
//! A failed node leaves out what needs it and nothing else. After a stop nothing new begins; the running steps see the
//! flag themselves and are waited for, so that each cleans up after itself.

use std::any::Any;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use headwater_plan::{
    Built, Cancel, Clock, Code, Diagnostic, Engine, Node, NodeId, NodeReport, NodeStatus, Plan, RunId, RunReport,
    RunStatus, Severity, Step, StepContext, StepReport,
};
use tokio::task::{Id, JoinError, JoinSet};

use crate::graph::Graph;
use crate::{Action, Decision, Event, Observer, RunError, RunStore};

/// A run to be done.
pub struct RunRequest {
    /// The plan.
    pub plan: Arc<Plan>,
    /// What [`crate::decide`] chose for it.
    pub decisions: Vec<Decision>,
    /// Executes the steps.
    pub engine: Arc<dyn Engine>,
    /// The run's name.
    pub run_id: RunId,
    /// The command, as typed after `headwater`.
    pub command: String,
    /// How many nodes run side by side; 0 counts as 1.
    pub threads: usize,
    /// Handed to every step.
    pub full_refresh: bool,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Asks the run to stop.
    pub cancel: Cancel,
    /// Watches.
    pub observer: Arc<dyn Observer>,
    /// Keeps the reports and the tests' passes.
    pub store: Option<Arc<RunStore>>,
}

/// Runs the decisions to their end and reports. A fault of the run store does not stop a run: it is told as a warning
/// of the node that it happened at.
pub async fn execute(request: RunRequest) -> RunReport {
    let mut run = Run::begin(request);
    loop {
        run.settle();
        run.start();
        let Some(ended) = run.tasks.join_next_with_id().await else { break };
        run.ended(ended);
    }
    run.finish()
}

/// A step that is going on.
struct Running {
    position: usize,
    started_at: DateTime<Utc>,
    clock: Instant,
}

/// A run that is going on. Nodes are named by their position in the decisions.
struct Run {
    request: RunRequest,
    graph: Graph,
    /// How many unfinished nodes each node waits for.
    waits_for: Vec<usize>,
    /// For each node, the failed node because of which it cannot run.
    blocked_by: Vec<Option<String>>,
    /// The nodes that wait for nothing and have not begun.
    ready: BTreeSet<usize>,
    running: HashMap<Id, Running>,
    tasks: JoinSet<Result<StepReport, Diagnostic>>,
    report: RunReport,
    /// What the store could not do; told with the next node that ends.
    warnings: Vec<Diagnostic>,
}

impl Run {
    fn begin(request: RunRequest) -> Self {
        let graph = Graph::new(&request.plan, &request.decisions);
        let waits_for = graph.waits_for();
        let ready = waits_for.iter().enumerate().filter(|(_, waits)| **waits == 0).map(|(at, _)| at).collect();
        let report = RunReport {
            run_id: request.run_id.clone(),
            project: request.plan.project.clone(),
            environment: request.plan.environment.name.clone(),
            engine: request.engine.name().to_owned(),
            command: request.command.clone(),
            started_at: request.clock.now(),
            finished_at: None,
            status: RunStatus::Running,
            nodes: Vec::with_capacity(request.decisions.len()),
        };
        let mut run = Self {
            blocked_by: vec![None; waits_for.len()],
            graph,
            waits_for,
            ready,
            running: HashMap::new(),
            tasks: JoinSet::new(),
            report,
            warnings: Vec::new(),
            request,
        };
        run.keep(|store, report| store.begin(report));
        let started = Event::RunStarted { run_id: run.report.run_id.clone(), decisions: run.request.decisions.clone() };
        run.request.observer.event(&started);
        run
    }

    /// Ends every ready node that has nothing to execute: up to date, blocked, or not begun when the user stopped.
    fn settle(&mut self) {
        loop {
            let stopping = self.request.cancel.is_cancelled();
            let settled = self.ready.iter().copied().find(|position| {
                let to_run = self.request.decisions.get(*position).is_some_and(|it| it.action == Action::Run);
                !to_run || stopping || self.blocked_by.get(*position).is_some_and(Option::is_some)
            });
            let Some(position) = settled else { return };
            self.ready.remove(&position);
            let (status, step_report) = self.without_running(position);
            self.end(position, status, step_report, None);
        }
    }

    fn without_running(&self, position: usize) -> (NodeStatus, StepReport) {
        let Some(decision) = self.request.decisions.get(position) else {
            return (NodeStatus::Skipped, StepReport::default());
        };
        let told = |diagnostic: Diagnostic| StepReport {
            diagnostics: vec![diagnostic.node(decision.node.clone())],
            ..StepReport::default()
        };
        if decision.action == Action::UpToDate {
            return (NodeStatus::UpToDate, StepReport::default());
        }
        if let Some(failed) = self.blocked_by.get(position).and_then(Option::as_ref) {
            let message = format!("left out, because `{failed}` failed");
            return (NodeStatus::Skipped, told(Diagnostic::error(Code::UpstreamFailed, message)));
        }
        (NodeStatus::Cancelled, told(Diagnostic::error(Code::Cancelled, "not begun when the run was stopped")))
    }

    /// Begins ready nodes while there is room.
    fn start(&mut self) {
        while self.running.len() < self.request.threads.max(1) {
            let Some(position) = self.ready.pop_first() else { return };
            let Some((node, reason)) = self.node(position) else { continue };
            let started_at = self.request.clock.now();
            self.request.observer.event(&Event::NodeStarted {
                node: node.id.clone(),
                name: node.name.clone(),
                step: node.step.word().to_owned(),
                reason,
            });
            let engine = Arc::clone(&self.request.engine);
            let context = self.context(&node.id);
            let task = self.tasks.spawn(async move { engine.execute(&node, &context).await });
            self.running.insert(task.id(), Running { position, started_at, clock: Instant::now() });
        }
    }

    fn context(&self, node: &NodeId) -> StepContext {
        let (observer, node) = (Arc::clone(&self.request.observer), node.clone());
        StepContext {
            run_id: self.request.run_id.clone(),
            full_refresh: self.request.full_refresh,
            clock: Arc::clone(&self.request.clock),
            cancel: self.request.cancel.clone(),
            progress: Arc::new(move |progress| {
                observer.event(&Event::NodeProgress { node: node.clone(), progress });
            }),
        }
    }

    /// A running step ended, well or not, or panicked.
    fn ended(&mut self, ended: Result<(Id, Result<StepReport, Diagnostic>), JoinError>) {
        let (id, outcome) = match ended {
            Ok(ended) => ended,
            Err(error) => (error.id(), Err(fell(error))),
        };
        let Some(running) = self.running.remove(&id) else { return };
        let (status, step_report) = match outcome {
            Ok(report) => (status_of(&report), report),
            Err(diagnostic) => {
                let status =
                    if diagnostic.code == Code::Cancelled { NodeStatus::Cancelled } else { NodeStatus::Failed };
                (status, StepReport { diagnostics: vec![diagnostic], ..StepReport::default() })
            }
        };
        self.end(running.position, status, step_report, Some(&running));
    }

    /// Writes a node's line and lets go what waited for it.
    fn end(&mut self, position: usize, status: NodeStatus, mut step_report: StepReport, running: Option<&Running>) {
        let Some((node, reason)) = self.node(position) else { return };
        if status == NodeStatus::Success && matches!(node.step, Step::Test(_)) {
            let built = Built { fingerprint: node.fingerprint.clone(), inputs: step_report.inputs.clone() };
            self.keep(|store, report| store.record_pass(&report.environment, &node.id, &built));
        }
        for diagnostic in &mut step_report.diagnostics {
            diagnostic.node.get_or_insert_with(|| node.id.clone());
        }
        step_report.diagnostics.append(&mut self.warnings);
        let mut report = NodeReport {
            id: node.id,
            name: node.name,
            kind: node.kind,
            step: node.step.word().to_owned(),
            relation: node.relation,
            status,
            reason,
            started_at: running.map(|running| running.started_at),
            duration_ms: running.map_or(0, |running| milliseconds(running.clock.elapsed())),
            step_report,
        };
        self.keep(|store, run| store.node_finished(&run.run_id, &report));
        report.step_report.diagnostics.append(&mut self.warnings);
        self.release(position, status, &report.name);
        self.request.observer.event(&Event::NodeFinished { report: report.clone() });
        self.report.nodes.push(report);
    }

    /// Tells the nodes that wait for this one.
    fn release(&mut self, position: usize, status: NodeStatus, name: &str) {
        // Through a node that is up to date or left out, what failed above it blocks what is below it.
        let blocker = match status {
            NodeStatus::Failed => Some(name.to_owned()),
            _ => self.blocked_by.get(position).cloned().flatten(),
        };
        for dependant in self.graph.needed_by.get(position).into_iter().flatten() {
            if let (Some(blocked_by), Some(blocker)) = (self.blocked_by.get_mut(*dependant), &blocker) {
                blocked_by.get_or_insert_with(|| blocker.clone());
            }
            if let Some(waits) = self.waits_for.get_mut(*dependant) {
                *waits = waits.saturating_sub(1);
                if *waits == 0 {
                    self.ready.insert(*dependant);
                }
            }
        }
    }

    fn finish(mut self) -> RunReport {
        self.report.finished_at = Some(self.request.clock.now());
        self.report.status = run_status(&self.report.nodes);
        self.keep(RunStore::finish);
        if let Some(last) = self.report.nodes.last_mut() {
            last.step_report.diagnostics.append(&mut self.warnings);
        }
        self.request.observer.event(&Event::RunFinished { report: self.report.clone() });
        self.report
    }

    fn node(&self, position: usize) -> Option<(Node, String)> {
        let decision = self.request.decisions.get(position)?;
        Some((self.request.plan.nodes.get(&decision.node)?.clone(), decision.reason.clone()))
    }

    fn keep(&mut self, write: impl FnOnce(&RunStore, &RunReport) -> Result<(), RunError>) {
        if let Some(store) = &self.request.store
            && let Err(error) = write(store, &self.report)
        {
            self.warnings.push(Diagnostic { severity: Severity::Warning, ..error.diagnostic() });
        }
    }
}

fn status_of(report: &StepReport) -> NodeStatus {
    if report.diagnostics.iter().any(Diagnostic::is_error) {
        NodeStatus::Failed
    } else if report.failures.is_some_and(|failures| failures > 0) {
        NodeStatus::Warned
    } else {
        NodeStatus::Success
    }
}

fn run_status(nodes: &[NodeReport]) -> RunStatus {
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
fn fell(error: JoinError) -> Diagnostic {
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

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
