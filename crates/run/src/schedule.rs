//! Runs the decisions: nodes that wait for nothing side by side, at most so many at once, in the plan's order.
//!
//! The risks: a run that hangs (a step that panics is a failed node, and a node is begun only when all that it needs
//! has ended, so that the last running step always wakes the loop), and a report that is lost (each node's line goes
//! to the store the moment the node ends).
//!
//! A failed node leaves out what needs it and nothing else. After a stop nothing new begins; the running steps see the
//! flag themselves and are waited for, so that each cleans up after itself.
//!
//! What is decided to be late waits until all else has ended. Then the rest is compiled and decided again ([`Stages`]),
//! and goes on as the same run, until nothing waits or nothing gets further.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use headwater_plan::{
    Agenda, Built, Cancel, Clock, Code, Diagnostic, Diagnostics, Engine, Node, NodeId, NodeReport, NodeStatus, Plan,
    RunId, RunReport, RunStatus, Severity, StepContext, StepReport,
};
use tokio::task::{Id, JoinError, JoinSet};

use crate::agenda::{self, Standing};
use crate::graph::{Graph, guarded, upstream};
use crate::moment::Moment;
use crate::outcome::{fell, milliseconds, run_status, status_of};
use crate::stages::{Conduct, Stage, never_there};
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

/// Runs the decisions to their end and reports, with nothing compiled on the way: what waits for rows fails. A fault of
/// the run store does not stop a run: it is told as a warning of the node that it happened at.
pub async fn execute(request: RunRequest) -> RunReport {
    execute_as(request, Conduct::default()).await
}

/// Runs the decisions, and what they let be compiled, to their end and reports.
pub async fn execute_as(request: RunRequest, conduct: Conduct<'_>) -> RunReport {
    let mut run = Run::begin(request, conduct.fail_fast);
    loop {
        let ended_before = run.report.nodes.len();
        run.prepare().await;
        run.stage().await;
        run.request.engine.conclude().await;
        if run.waiting.is_empty() {
            break;
        }
        let got_further = run.report.nodes.len() > ended_before;
        match conduct.stages {
            Some(stages) if got_further && !run.request.cancel.is_cancelled() => match stages.next(&run.report).await {
                Ok(stage) => run.next_stage(stage),
                Err(diagnostics) => run.give_up(diagnostics),
            },
            _ => run.give_up(Diagnostics::default()),
        }
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
    /// The nodes that wait for nothing but to be compiled.
    waiting: BTreeSet<usize>,
    /// Those that have ended, in whatever stage.
    ended: HashSet<NodeId>,
    /// The nodes beyond which nothing may go in later stages, each with the name of what failed.
    stopped: HashMap<NodeId, String>,
    /// With `fail_fast`, what failed first.
    fail_fast: bool,
    first_failure: Option<String>,
    running: HashMap<Id, Running>,
    tasks: JoinSet<Result<StepReport, Diagnostic>>,
    report: RunReport,
    /// What the store could not do; told with the next node that ends.
    warnings: Vec<Diagnostic>,
    /// Which stage it is, from 1.
    stage: u32,
}

impl Run {
    fn begin(request: RunRequest, fail_fast: bool) -> Self {
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
            graph: Graph::new(&request.plan, &request.decisions),
            waits_for: Vec::new(),
            blocked_by: Vec::new(),
            ready: BTreeSet::new(),
            waiting: BTreeSet::new(),
            ended: HashSet::new(),
            stopped: HashMap::new(),
            fail_fast,
            first_failure: None,
            running: HashMap::new(),
            tasks: JoinSet::new(),
            report,
            warnings: Vec::new(),
            stage: 0,
            request,
        };
        run.lay_out();
        run.keep(|store, report| store.begin(report));
        let started = Event::RunStarted { run_id: run.report.run_id.clone(), decisions: run.request.decisions.clone() };
        run.request.observer.event(&started);
        run
    }

    /// Goes on with a new plan and the decisions for what has not ended.
    fn next_stage(&mut self, stage: Stage) {
        let Stage { plan, mut decisions } = stage;
        decisions.retain(|decision| !self.ended.contains(&decision.node));
        self.graph = Graph::new(&plan, &decisions);
        (self.request.plan, self.request.decisions) = (plan, decisions);
        self.lay_out();
    }

    /// Who waits for whom at the beginning of a stage.
    fn lay_out(&mut self) {
        let (plan, decisions) = (&self.request.plan, &self.request.decisions);
        self.waits_for = self.graph.waits_for();
        self.ready = self.waits_for.iter().enumerate().filter(|(_, waits)| **waits == 0).map(|(at, _)| at).collect();
        self.waiting.clear();
        let decided: HashSet<&NodeId> = decisions.iter().map(|decision| &decision.node).collect();
        let blocker = |decision: &Decision| {
            let node = plan.nodes.get(&decision.node)?;
            let upstream = upstream(plan, node, &|id| decided.contains(id));
            upstream.into_iter().find_map(|id| self.stopped.get(id)).cloned()
        };
        self.blocked_by = decisions.iter().map(|it| if self.stopped.is_empty() { None } else { blocker(it) }).collect();
    }

    /// Lets the engine know what is ahead in this stage.
    async fn prepare(&mut self) {
        self.settle();
        self.stage += 1;
        let standing = |position: usize| match self.action(position) {
            _ if self.request.cancel.is_cancelled() => Standing::Idle,
            _ if self.blocker(position).is_some() => Standing::Blocked,
            Action::Run => Standing::Open,
            _ => Standing::Idle,
        };
        let agenda = Agenda {
            nodes: agenda::nodes(&self.request.plan, &self.request.decisions, &self.graph, &standing),
            plan: Arc::clone(&self.request.plan),
            run_id: self.request.run_id.clone(),
            started_at: self.report.started_at,
            stage: self.stage,
            threads: self.request.threads.max(1),
            full_refresh: self.request.full_refresh,
            fail_fast: self.fail_fast,
            cancel: self.request.cancel.clone(),
        };
        self.request.engine.prepare(&agenda).await;
    }

    /// Runs until nothing is left but what waits to be compiled.
    async fn stage(&mut self) {
        loop {
            self.settle();
            self.start();
            let Some(ended) = self.tasks.join_next_with_id().await else { return };
            self.ended(ended);
        }
    }

    /// Ends what waits for rows that will not come.
    fn give_up(&mut self, diagnostics: Diagnostics) {
        let mut diagnostics = diagnostics.0;
        for position in std::mem::take(&mut self.waiting) {
            let Some((node, _)) = self.node(position) else { continue };
            let cancelled = self.request.cancel.is_cancelled();
            if cancelled || self.blocker(position).is_some() {
                self.ready.insert(position);
                continue;
            }
            // What is told of another node is that one's; the first node is told all that is nobody's.
            let of_another = |told: &Diagnostic| told.node.as_ref().is_some_and(|of| *of != node.id);
            let (others, mut told): (Vec<_>, Vec<_>) = diagnostics.into_iter().partition(of_another);
            diagnostics = others;
            if !told.iter().any(Diagnostic::is_error) {
                told.push(never_there(&node));
            }
            let report = StepReport { diagnostics: told, ..StepReport::default() };
            self.end(position, NodeStatus::Failed, report, None);
        }
    }

    /// Ends every ready node that has nothing to execute: up to date, blocked, or not begun when the user stopped. Sets
    /// aside what is not compiled.
    fn settle(&mut self) {
        loop {
            let stopping = self.request.cancel.is_cancelled();
            let idle = |at: &usize| self.action(*at) != Action::Run || stopping || self.blocker(*at).is_some();
            let Some(position) = self.ready.iter().copied().find(idle) else { return };
            self.ready.remove(&position);
            if self.action(position) == Action::Late && !stopping && self.blocker(position).is_none() {
                self.waiting.insert(position);
                continue;
            }
            let (status, step_report) = self.without_running(position);
            self.end(position, status, step_report, None);
        }
    }

    /// What is to happen with a node. A statement after everything else runs if anything did, in an earlier stage too.
    fn action(&self, position: usize) -> Action {
        let Some(decision) = self.request.decisions.get(position) else { return Action::UpToDate };
        let is_end = || self.moment(position) == Some(Moment::End);
        let anything_ran = || self.report.nodes.iter().any(|node| node.started_at.is_some());
        if decision.action == Action::UpToDate && is_end() && anything_ran() {
            return Action::Run;
        }
        decision.action
    }

    fn moment(&self, position: usize) -> Option<Moment> {
        let decision = self.request.decisions.get(position)?;
        Moment::of(self.request.plan.nodes.get(&decision.node)?)
    }

    /// The failed node because of which a node cannot run.
    fn blocker(&self, position: usize) -> Option<&String> {
        let first_failure = self.first_failure.as_ref().filter(|_| self.moment(position) != Some(Moment::End));
        self.blocked_by.get(position).and_then(Option::as_ref).or(first_failure)
    }

    fn without_running(&self, position: usize) -> (NodeStatus, StepReport) {
        let Some(decision) = self.request.decisions.get(position) else {
            return (NodeStatus::Skipped, StepReport::default());
        };
        let told = |diagnostic: Diagnostic| StepReport {
            diagnostics: vec![diagnostic.node(decision.node.clone())],
            ..StepReport::default()
        };
        if self.action(position) == Action::UpToDate {
            return (NodeStatus::UpToDate, StepReport::default());
        }
        if let Some(failed) = self.blocker(position) {
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
        if status == NodeStatus::Success && node.step.is_test() {
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
            duration_ms: match (step_report.took_ms.take(), running) {
                (Some(took), _) => took,
                (None, Some(running)) => milliseconds(running.clock.elapsed()),
                (None, None) => 0,
            },
            step_report,
        };
        self.keep(|store, run| store.node_finished(&run.run_id, &report));
        report.step_report.diagnostics.append(&mut self.warnings);
        self.release(position, status, &report.name);
        self.ended.insert(report.id.clone());
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
        if let Some(blocker) = &blocker {
            self.stop_later_stages(position, blocker);
            if self.fail_fast && status == NodeStatus::Failed {
                self.first_failure.get_or_insert_with(|| blocker.clone());
            }
        }
        let is_end = self.moment(position) == Some(Moment::End);
        let dependants: Vec<usize> = self.graph.needed_by.get(position).into_iter().flatten().copied().collect();
        for dependant in dependants {
            // The statements after everything else run however that ended.
            let blocks = is_end || self.moment(dependant) != Some(Moment::End);
            if let (true, Some(blocked_by), Some(blocker)) = (blocks, self.blocked_by.get_mut(dependant), &blocker) {
                blocked_by.get_or_insert_with(|| blocker.clone());
            }
            if let Some(waits) = self.waits_for.get_mut(dependant) {
                *waits = waits.saturating_sub(1);
                if *waits == 0 {
                    self.ready.insert(dependant);
                }
            }
        }
    }

    /// Remembers for the stages to come, in which this node is not decided, that nothing goes beyond it.
    fn stop_later_stages(&mut self, position: usize, blocker: &str) {
        let Some((node, _)) = self.node(position) else { return };
        let beyond = if node.step.is_test() { guarded(&node) } else { std::slice::from_ref(&node.id) };
        for id in beyond {
            self.stopped.entry(id.clone()).or_insert_with(|| blocker.to_owned());
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
