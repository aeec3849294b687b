//! A made-up project and an engine that plays it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{TimeZone, Utc};
use headwater_plan::clock::FixedClock;
use headwater_plan::{
    Agenda, AgendaNode, Cancel, Code, Diagnostic, Diagnostics, Engine, EngineKind, Environment, Fault, Location, Node,
    NodeId, NodeKind, NodeState, Plan, Query, RunId, RunReport, Schema, Severity, Statement, Step, StepContext,
    StepReport, Table, TableLayout, TableName, Test, UnitTest,
};
use headwater_run::{Action, Conduct, Decision, Event, Observer, RunRequest, RunStore, Stage, Stages, execute_as};

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    Well,
    Fail,
    Panic,
    /// Runs until it is asked to stop.
    Wait,
    /// A test that finds a row.
    Find,
}

/// A run of a made-up project.
pub(crate) struct Script {
    pub(crate) plan: Plan,
    does: BTreeMap<NodeId, Does>,
    up_to_date: BTreeSet<NodeId>,
    not_selected: BTreeSet<NodeId>,
    late: BTreeSet<NodeId>,
    pub(crate) fail_fast: bool,
    pub(crate) threads: usize,
    pub(crate) store: Option<Arc<RunStore>>,
    pub(crate) cancel: Cancel,
    /// What began and ended, in order: `+a`, `-a`.
    pub(crate) log: Arc<Mutex<Vec<String>>>,
    pub(crate) events: Arc<Mutex<Vec<Event>>>,
    /// What the engine heard to be ahead of it, a text for each stage: `a; b after a`.
    pub(crate) agendas: Arc<Mutex<Vec<String>>>,
}

struct Player {
    agendas: Arc<Mutex<Vec<String>>>,
    does: BTreeMap<NodeId, Does>,
    log: Arc<Mutex<Vec<String>>>,
}

struct Recorder(Arc<Mutex<Vec<Event>>>);

impl Observer for Recorder {
    fn event(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Script {
    pub(crate) fn new() -> Self {
        let location = Location::line("headwater.yml", 1);
        let environment = Environment {
            name: "local".into(),
            lake: "/lake".into(),
            lake_written: "lake".into(),
            lake_location: location,
            engine: EngineKind::Embedded,
            threads: 4,
            memory_limit: 1,
        };
        Self {
            plan: Plan { project: "p".into(), environment, nodes: Default::default(), beside: Default::default() },
            does: BTreeMap::new(),
            up_to_date: BTreeSet::new(),
            not_selected: BTreeSet::new(),
            late: BTreeSet::new(),
            fail_fast: false,
            threads: 1,
            store: None,
            cancel: Cancel::default(),
            log: Arc::default(),
            events: Arc::default(),
            agendas: Arc::default(),
        }
    }

    fn node(&mut self, name: &str, reads: &[&str], step: Step) {
        let is_test = step.is_test();
        let node = Node {
            id: NodeId(name.into()),
            name: name.into(),
            kind: match step {
                Step::Statement(_) => NodeKind::Operation,
                _ if is_test => NodeKind::Test,
                _ => NodeKind::Model,
            },
            location: Location::line("x.sql", 1),
            relation: (!is_test).then(|| TableName::new("s", name)),
            depends_on: reads.iter().map(|read| NodeId((*read).into())).collect(),
            tags: Vec::new(),
            description: None,
            schema: Schema::default(),
            step,
            fingerprint: "f".into(),
            hooks: Default::default(),
            asks: Vec::new(),
            about: Default::default(),
        };
        self.plan.nodes.insert(node.id.clone(), node);
    }

    pub(crate) fn model(mut self, name: &str, reads: &[&str], does: Does) -> Self {
        let query = Query { sql: String::new(), reads: reads.iter().map(|read| TableName::new("s", read)).collect() };
        self.node(name, reads, Step::Table(Table { query, layout: TableLayout::default() }));
        self.does.insert(NodeId(name.into()), does);
        self
    }

    /// A test of the first node that it reads.
    pub(crate) fn test(mut self, name: &str, reads: &[&str], severity: Severity, does: Does) -> Self {
        let query = Query { sql: String::new(), reads: reads.iter().map(|read| TableName::new("s", read)).collect() };
        let test = Test { severity, tested: Some(NodeId(reads[0].into())), ..Test::new(query) };
        self.node(name, reads, Step::Test(test));
        self.does.insert(NodeId(name.into()), does);
        self
    }

    /// A test of a model's code.
    pub(crate) fn unit_test(mut self, name: &str, tested: &str, does: Does) -> Self {
        let query = Query { sql: String::new(), reads: Vec::new() };
        let tested = NodeId(tested.into());
        let test = UnitTest { tested: tested.clone(), actual: query.clone(), expected: query, columns: Vec::new() };
        self.node(name, &[], Step::UnitTest(test));
        self.plan.nodes[&NodeId(name.into())].depends_on = vec![tested];
        self.does.insert(NodeId(name.into()), does);
        self
    }

    /// A statement before or after everything else: `on-run-start`, `on-run-end`.
    pub(crate) fn statement(mut self, name: &str, tag: &str, does: Does) -> Self {
        let statement = Statement { sql: String::new(), reads: Vec::new(), writes: None };
        self.node(name, &[], Step::Statement(statement));
        self.plan.nodes[&NodeId(name.into())].tags = vec![tag.into()];
        self.does.insert(NodeId(name.into()), does);
        self
    }

    /// A model that is not compiled before what it reads has run.
    pub(crate) fn late(mut self, name: &str, reads: &[&str], does: Does) -> Self {
        self = self.model(name, reads, does);
        self.plan.nodes[&NodeId(name.into())].asks = reads.iter().map(|read| TableName::new("s", read)).collect();
        self.late.insert(NodeId(name.into()));
        self
    }

    pub(crate) fn up_to_date(mut self, name: &str) -> Self {
        self.up_to_date.insert(NodeId(name.into()));
        self
    }

    pub(crate) fn not_selected(mut self, name: &str) -> Self {
        self.not_selected.insert(NodeId(name.into()));
        self
    }

    pub(crate) fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The decisions of a stage, for what has not ended.
    fn decisions(&self, ended: &BTreeSet<NodeId>, compiled: bool) -> Vec<Decision> {
        let selected = self.plan.nodes.keys().filter(|id| !self.not_selected.contains(*id) && !ended.contains(*id));
        let decided = selected.map(|id| {
            let action = match () {
                () if self.late.contains(id) && !compiled => Action::Late,
                () if self.up_to_date.contains(id) => Action::UpToDate,
                () => Action::Run,
            };
            Decision { node: id.clone(), action, reason: "because".into(), pending: Default::default() }
        });
        decided.collect()
    }

    fn request(&self) -> RunRequest {
        RunRequest {
            plan: Arc::new(self.plan.clone()),
            decisions: self.decisions(&BTreeSet::new(), false),
            engine: Arc::new(Player {
                agendas: Arc::clone(&self.agendas),
                does: self.does.clone(),
                log: Arc::clone(&self.log),
            }),
            run_id: RunId("0198".into()),
            command: "run".into(),
            threads: self.threads,
            full_refresh: false,
            clock: Arc::new(FixedClock(Utc.with_ymd_and_hms(2024, 5, 1, 12, 0, 0).unwrap())),
            cancel: self.cancel.clone(),
            observer: Arc::new(Recorder(Arc::clone(&self.events))),
            store: self.store.clone(),
        }
    }

    pub(crate) async fn run(&self) -> RunReport {
        self.conducted(None).await
    }

    /// A run in which what is late is compiled once all else has ended.
    pub(crate) async fn run_in_stages(&self) -> RunReport {
        self.conducted(Some(self)).await
    }

    async fn conducted(&self, stages: Option<&dyn Stages>) -> RunReport {
        let conduct = Conduct { fail_fast: self.fail_fast, stages };
        tokio::time::timeout(Duration::from_secs(60), execute_as(self.request(), conduct)).await.expect("the run hangs")
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

/// The nodes of a report as `name status`, in the order in which they ended.
pub(crate) fn ends(report: &RunReport) -> Vec<String> {
    report.nodes.iter().map(|node| format!("{} {:?}", node.name, node.status)).collect()
}

#[async_trait]
impl Stages for Script {
    async fn next(&self, so_far: &RunReport) -> Result<Stage, Diagnostics> {
        let ended = so_far.nodes.iter().map(|node| node.id.clone()).collect();
        Ok(Stage { plan: Arc::new(self.plan.clone()), decisions: self.decisions(&ended, true) })
    }
}

#[async_trait]
impl Engine for Player {
    fn name(&self) -> &str {
        "script"
    }

    async fn prepare(&self, agenda: &Agenda) {
        let line = |node: &AgendaNode| {
            let after: Vec<&str> = node.after.iter().map(|id| id.0.as_str()).collect();
            let after = if after.is_empty() { String::new() } else { format!(" after {}", after.join(", ")) };
            format!("{}{after}{}", node.id.0, if node.always { " always" } else { "" })
        };
        let text = agenda.nodes.iter().map(line).collect::<Vec<_>>().join("; ");
        self.agendas.lock().unwrap().push(text);
    }

    async fn state(&self, _node: &Node) -> Result<NodeState, Diagnostic> {
        Ok(NodeState::default())
    }

    async fn execute(&self, node: &Node, context: &StepContext) -> Result<StepReport, Diagnostic> {
        self.log.lock().unwrap().push(format!("+{}", node.name));
        tokio::time::sleep(Duration::from_millis(1)).await;
        let outcome = match self.does[&node.id] {
            Does::Well => Ok(StepReport::default()),
            Does::Fail => Err(Diagnostic::error(Code::ExecutionFailed, "it failed")),
            Does::Panic => panic!("a planted panic"),
            Does::Find => {
                let Step::Test(test) = &node.step else { panic!("only tests find") };
                let mut found = Diagnostic::error(Code::TestFailed, "1 row").fault(Fault::Check);
                found.severity = test.severity;
                Ok(StepReport { failures: Some(1), diagnostics: vec![found], ..StepReport::default() })
            }
            Does::Wait => {
                while !context.cancel.is_cancelled() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Err(context.cancel.check().unwrap_err())
            }
        };
        self.log.lock().unwrap().push(format!("-{}", node.name));
        outcome
    }
}
