use std::collections::{BTreeMap, BTreeSet};

use headwater_plan::{
    BatchSize, Built, Code, Contract, CsvOptions, Diagnostic, EngineKind, Environment, FileFormat, FileSet,
    HardDeletes, Incremental, Ingest, Late, Location, Microbatch, Node, NodeId, NodeKind, NodeState,
    OnModelSchemaChange, Pending, Plan, Query, Schema, Snapshot, SnapshotColumns, SnapshotStrategy, Statement, Step,
    Strategy as Way, Table, TableLayout, TableName, TableVersion, Test, UnitTest,
};
use proptest::prelude::*;

use super::*;

/// What a node of a made-up plan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ingest,
    Table,
    View,
    Ephemeral,
    Incremental,
    Snapshot,
    Test,
    /// Of the first node that it reads.
    UnitTest,
    Late,
}

impl Kind {
    fn is_test(self) -> bool {
        matches!(self, Self::Test | Self::UnitTest)
    }
}

fn incremental(query: &Query, strategy: Way) -> Step {
    Step::Incremental(Incremental {
        full: query.clone(),
        increment: query.clone(),
        reads: query.reads.clone(),
        strategy,
        on_schema_change: OnModelSchemaChange::Ignore,
        layout: TableLayout::default(),
        keep_on_full_refresh: false,
    })
}

fn id(number: usize) -> NodeId {
    NodeId(format!("n{number:02}"))
}

fn relation(number: usize) -> TableName {
    TableName::new("s", format!("n{number:02}"))
}

/// The nodes with rows that a node reads, through the ephemeral ones among what it names.
fn real(shape: &[(Kind, Vec<usize>)], reads: &[usize]) -> BTreeSet<usize> {
    let through = |read: &usize| match &shape[*read] {
        (Kind::Ephemeral, below) => real(shape, below),
        _ => BTreeSet::from([*read]),
    };
    reads.iter().flat_map(through).collect()
}

/// A plan whose node `n` reads the nodes of `shape[n]` (which come before it).
fn plan(shape: &[(Kind, Vec<usize>)]) -> Plan {
    let location = Location::line("x.yml", 1);
    let nodes = shape.iter().enumerate().map(|(number, (kind, reads))| {
        let query = Query { sql: String::new(), reads: real(shape, reads).into_iter().map(relation).collect() };
        let step = match kind {
            Kind::Table => Step::Table(Table { query, layout: TableLayout::default() }),
            Kind::View => Step::View(query),
            Kind::Ephemeral => Step::Ephemeral(query),
            Kind::Incremental => incremental(&query, Way::Append),
            Kind::Snapshot => Step::Snapshot(Snapshot {
                query,
                strategy: SnapshotStrategy::Timestamp { updated_at: "t".into() },
                unique_key: vec!["id".into()],
                hard_deletes: HardDeletes::Ignore,
                valid_to_current: None,
                columns: SnapshotColumns::default(),
            }),
            Kind::Test => Step::Test(Test::new(query)),
            Kind::UnitTest => Step::UnitTest(UnitTest {
                tested: id(reads[0]),
                actual: query.clone(),
                expected: query,
                columns: Vec::new(),
            }),
            Kind::Late => {
                Step::Late(Late { becomes: "table".into(), waits_for: query.reads, schema: Schema::default() })
            }
            Kind::Ingest => Step::Ingest(Ingest::new(
                relation(number),
                FileSet { pattern: "/x".into(), written: "x".into(), location: location.clone() },
                FileFormat::Csv(CsvOptions::default()),
                Contract::default(),
            )),
        };
        let node = Node {
            id: id(number),
            name: format!("n{number:02}"),
            kind: if kind.is_test() { NodeKind::Test } else { NodeKind::Model },
            location: location.clone(),
            relation: (!kind.is_test()).then(|| relation(number)),
            depends_on: reads.iter().map(|read| id(*read)).collect(),
            tags: Vec::new(),
            description: None,
            schema: Schema::default(),
            step,
            fingerprint: "1".into(),
            hooks: Default::default(),
            asks: Vec::new(),
            about: Default::default(),
        };
        (node.id.clone(), node)
    });
    Plan {
        project: "p".into(),
        environment: Environment {
            name: "local".into(),
            lake: "/lake".into(),
            lake_written: "lake".into(),
            lake_location: location.clone(),
            engine: EngineKind::Embedded,
            threads: 2,
            memory_limit: 1,
        },
        nodes: nodes.collect(),
        beside: Default::default(),
    }
}

/// A lake that builds what it is told to, as an engine would.
#[derive(Debug, Clone, Default)]
struct Lake {
    states: BTreeMap<NodeId, NodeState>,
    passed: BTreeMap<NodeId, Built>,
}

impl Lake {
    fn inputs(&self, plan: &Plan, reads: &[TableName]) -> BTreeMap<TableName, TableVersion> {
        let mut inputs = BTreeMap::new();
        for read in reads {
            let maker = plan.maker(read).unwrap();
            if let Some(version) = self.states.get(&maker.id).and_then(|state| state.version.clone()) {
                inputs.insert(read.clone(), version);
            }
            if let Step::View(view) = &maker.step {
                inputs.extend(self.inputs(plan, &view.reads));
            }
        }
        inputs
    }

    fn write(&mut self, node: &NodeId, id: &str) {
        let state = self.states.entry(node.clone()).or_default();
        let next = state.version.as_ref().map_or(0, |version| version.version + 1);
        state.version = Some(TableVersion { id: id.into(), version: next });
    }

    fn run(&mut self, plan: &Plan, decisions: &[Decision]) {
        for decision in decisions.iter().filter(|decision| decision.action == Action::Run) {
            let node = &plan.nodes[&decision.node];
            let inputs = self.inputs(plan, node.step.reads());
            let built = Built { fingerprint: node.fingerprint.clone(), inputs };
            match &node.step {
                Step::Test(_) | Step::UnitTest(_) => {
                    self.passed.insert(node.id.clone(), built);
                    continue;
                }
                Step::View(_) => {
                    let version = TableVersion { id: node.fingerprint.clone(), version: 0 };
                    self.states.entry(node.id.clone()).or_default().version = Some(version);
                }
                _ => self.write(&node.id, "table"),
            }
            let state = self.states.get_mut(&node.id).unwrap();
            (state.built, state.pending) = (Some(built), Pending::default());
        }
    }

    fn decide(&self, plan: &Plan, selected: &BTreeSet<NodeId>) -> Vec<Decision> {
        decide(plan, selected, &self.states, &self.passed, &DecideOptions::default())
    }
}

fn all(plan: &Plan) -> BTreeSet<NodeId> {
    plan.nodes.keys().cloned().collect()
}

fn running(decisions: &[Decision]) -> BTreeSet<NodeId> {
    decisions.iter().filter(|it| it.action == Action::Run).map(|it| it.node.clone()).collect()
}

/// The node and everything that reads it, straight or through others.
fn downstream(plan: &Plan, from: &NodeId) -> BTreeSet<NodeId> {
    let mut found = BTreeSet::from([from.clone()]);
    for node in plan.nodes.values() {
        if node.depends_on.iter().any(|needed| found.contains(needed)) {
            found.insert(node.id.clone());
        }
    }
    found
}

/// Plans of up to 14 nodes: files first, then tables and views on what comes before, tests on anything.
fn shapes() -> impl Strategy<Value = Vec<(Kind, Vec<usize>)>> {
    let kinds = prop_oneof![
        2 => Just(Kind::Table),
        2 => Just(Kind::View),
        2 => Just(Kind::Test),
        1 => Just(Kind::Ephemeral),
        1 => Just(Kind::Incremental),
    ];
    let node = (kinds, any::<[prop::sample::Index; 3]>());
    prop::collection::vec(node, 1..14).prop_map(|nodes| {
        let mut shape = vec![(Kind::Ingest, Vec::new())];
        for (kind, reads) in nodes {
            let readable: Vec<usize> = (0..shape.len()).filter(|at| shape[*at].0 != Kind::Test).collect();
            let reads: BTreeSet<usize> = reads.iter().map(|index| *index.get(&readable)).collect();
            shape.push((kind, reads.into_iter().collect()));
        }
        shape
    })
}

proptest! {
    #[test]
    fn after_a_run_nothing_is_left_to_do(shape in shapes(), chosen in any::<u16>()) {
        let plan = plan(&shape);
        let mut lake = Lake::default();
        // Whatever was run before, in whatever parts...
        let part: BTreeSet<NodeId> = (0..shape.len()).filter(|at| chosen & (1 << at) != 0).map(id).collect();
        let decisions = lake.decide(&plan, &part);
        lake.run(&plan, &decisions);
        let decisions = lake.decide(&plan, &all(&plan));
        lake.run(&plan, &decisions);
        // ...a whole run leaves nothing.
        prop_assert_eq!(running(&lake.decide(&plan, &all(&plan))), BTreeSet::new());
    }

    #[test]
    fn a_change_runs_what_is_below_it_and_nothing_else(shape in shapes(), which in any::<prop::sample::Index>()) {
        let mut plan = plan(&shape);
        let mut lake = Lake::default();
        let decisions = lake.decide(&plan, &all(&plan));
        lake.run(&plan, &decisions);
        let changed = id(which.index(shape.len()));
        let mut expected = downstream(&plan, &changed);
        plan.nodes[&changed].fingerprint = "2".into();
        // A view of unchanged code shows new rows without being made again. What an ephemeral model is changes its
        // readers' code, and they are not made anew here.
        expected.retain(|id| *id == changed || !matches!(plan.nodes[id].step, Step::View(_)));
        expected.retain(|id| !matches!(plan.nodes[id].step, Step::Ephemeral(_)));
        if matches!(plan.nodes[&changed].step, Step::Ephemeral(_)) {
            expected.clear();
        }
        prop_assert_eq!(running(&lake.decide(&plan, &all(&plan))), expected);
    }

    #[test]
    fn a_table_that_somebody_else_wrote_runs_its_readers(shape in shapes(), which in any::<prop::sample::Index>()) {
        let plan = plan(&shape);
        let mut lake = Lake::default();
        let decisions = lake.decide(&plan, &all(&plan));
        lake.run(&plan, &decisions);
        let tables: Vec<usize> =
            (0..shape.len()).filter(|at| matches!(shape[*at].0, Kind::Ingest | Kind::Table | Kind::Incremental)).collect();
        let changed = id(*which.get(&tables));
        lake.write(&changed, "another table");
        let mut expected = downstream(&plan, &changed);
        expected.remove(&changed);
        expected.retain(|id| !matches!(plan.nodes[id].step, Step::View(_) | Step::Ephemeral(_)));
        prop_assert_eq!(running(&lake.decide(&plan, &all(&plan))), expected);
    }

    #[test]
    fn exactly_the_selected_nodes_are_decided_in_plan_order(shape in shapes(), chosen in any::<u16>()) {
        let plan = plan(&shape);
        let selected: BTreeSet<NodeId> = (0..shape.len()).filter(|at| chosen & (1 << at) != 0).map(id).collect();
        let decisions = Lake::default().decide(&plan, &selected);
        let decided: Vec<NodeId> = decisions.iter().map(|it| it.node.clone()).collect();
        let shown = |id: &NodeId| !matches!(plan.nodes[id].step, Step::Ephemeral(_));
        prop_assert_eq!(decided, selected.into_iter().filter(shown).collect::<Vec<_>>());
    }
}

/// Files, a view of them, a table of the view, a test of the table.
fn chain() -> Plan {
    plan(&[(Kind::Ingest, vec![]), (Kind::View, vec![0]), (Kind::Table, vec![1]), (Kind::Test, vec![2])])
}

fn reasons(decisions: &[Decision]) -> Vec<&str> {
    decisions.iter().map(|it| it.reason.as_str()).collect()
}

#[test]
fn every_decision_says_why() {
    let mut plan = chain();
    let mut lake = Lake::default();
    lake.states.entry(id(0)).or_default().pending = Pending { files: 2, bytes: 10, ..Pending::default() };
    let first = lake.decide(&plan, &all(&plan));
    assert_eq!(reasons(&first), ["2 new files", "first build", "first build", "not passed yet"]);
    lake.run(&plan, &first);
    let second = lake.decide(&plan, &all(&plan));
    assert_eq!(reasons(&second), ["no new files", "up to date", "up to date", "passed on the same rows"]);
    lake.states.get_mut(&id(0)).unwrap().pending =
        Pending { files: 4, bytes: 10, resumed_files: 2, changed_files: 1, settling_files: 0 };
    let third = lake.decide(&plan, &all(&plan));
    let expected = [
        "2 files to finish, 1 new file, 1 file changed after loading",
        "up to date",
        "`n00` runs before it",
        "`n02` runs before it",
    ];
    assert_eq!(reasons(&third), expected);
    lake.run(&plan, &third);
    plan.nodes[&id(2)].fingerprint = "2".into();
    assert_eq!(reasons(&lake.decide(&plan, &all(&plan)))[2..], ["changed code", "`n02` runs before it"]);
    lake.write(&id(0), "table");
    plan.nodes[&id(2)].fingerprint = "1".into();
    assert_eq!(reasons(&lake.decide(&plan, &BTreeSet::from([id(2)]))), ["`s.n00` changed"]);
    let built = lake.states.get_mut(&id(2)).unwrap().built.as_mut().unwrap();
    built.fingerprint = "1 without its post-hooks".into();
    assert_eq!(reasons(&lake.decide(&plan, &BTreeSet::from([id(2)]))), ["not finished by an earlier run"]);
    lake.states.get_mut(&id(2)).unwrap().built = None;
    assert_eq!(reasons(&lake.decide(&plan, &BTreeSet::from([id(2)]))), ["not built by headwater"]);
    let anew = decide(&plan, &all(&plan), &lake.states, &lake.passed, &DecideOptions { full_refresh: true });
    assert_eq!(reasons(&anew), ["full refresh"; 4]);
}

#[test]
fn a_table_that_is_not_selected_holds_back_what_changed_above_it() {
    let plan = plan(&[(Kind::Ingest, vec![]), (Kind::Table, vec![0]), (Kind::Table, vec![1])]);
    let mut lake = Lake::default();
    let decisions = lake.decide(&plan, &all(&plan));
    lake.run(&plan, &decisions);
    lake.states.get_mut(&id(0)).unwrap().pending.files = 1;
    let decisions = lake.decide(&plan, &BTreeSet::from([id(0), id(2)]));
    assert_eq!(reasons(&decisions), ["1 new file", "up to date"]);
}

fn run_all(plan: &Plan) -> Lake {
    let mut lake = Lake::default();
    let decisions = lake.decide(plan, &all(plan));
    lake.run(plan, &decisions);
    lake
}

#[test]
fn a_change_goes_through_an_ephemeral_model_that_is_never_decided() {
    let plan = plan(&[(Kind::Ingest, vec![]), (Kind::Ephemeral, vec![0]), (Kind::Table, vec![1])]);
    let mut lake = run_all(&plan);
    assert_eq!(reasons(&lake.decide(&plan, &all(&plan))), ["no new files", "up to date"]);
    lake.states.get_mut(&id(0)).unwrap().pending.files = 1;
    assert_eq!(reasons(&lake.decide(&plan, &all(&plan))), ["1 new file", "`n00` runs before it"]);
}

#[test]
fn a_snapshot_always_compares_and_is_never_made_anew() {
    let plan = plan(&[(Kind::Ingest, vec![]), (Kind::Snapshot, vec![0]), (Kind::Table, vec![1])]);
    let lake = run_all(&plan);
    let expected = ["no new files", "looks for changed rows", "`n01` runs before it"];
    assert_eq!(reasons(&lake.decide(&plan, &all(&plan))), expected);
    let anew = decide(&plan, &all(&plan), &lake.states, &lake.passed, &DecideOptions { full_refresh: true });
    assert_eq!(reasons(&anew), ["full refresh", "looks for changed rows", "full refresh"]);
}

#[test]
fn an_increment_runs_for_new_input_and_its_own_table_is_none() {
    let mut plan = plan(&[(Kind::Ingest, vec![]), (Kind::Incremental, vec![0])]);
    let mut lake = run_all(&plan);
    let own = lake.states[&id(1)].version.clone().unwrap();
    lake.states.get_mut(&id(1)).unwrap().built.as_mut().unwrap().inputs.insert(relation(1), own);
    assert_eq!(reasons(&lake.decide(&plan, &all(&plan))), ["no new files", "up to date"]);
    lake.write(&id(0), "table");
    assert_eq!(reasons(&lake.decide(&plan, &all(&plan))), ["no new files", "`s.n00` changed"]);
    if let Step::Incremental(incremental) = &mut plan.nodes[&id(1)].step {
        incremental.keep_on_full_refresh = true;
    }
    let anew =
        decide(&plan, &BTreeSet::from([id(1)]), &lake.states, &lake.passed, &DecideOptions { full_refresh: true });
    assert_eq!(reasons(&anew), ["`s.n00` changed"]);
}

#[test]
fn spans_of_time_run_when_one_began_or_was_asked_for() {
    let mut plan = plan(&[(Kind::Incremental, vec![])]);
    let mut microbatch = Microbatch {
        event_time: "t".into(),
        batch_size: BatchSize::Day,
        lookback: 1,
        begin: chrono::DateTime::UNIX_EPOCH,
        filtered: Vec::new(),
        asked: None,
    };
    let step = |microbatch: &Microbatch| {
        incremental(&Query { sql: String::new(), reads: Vec::new() }, Way::Microbatch(microbatch.clone()))
    };
    plan.nodes[&id(0)].step = step(&microbatch);
    let mut lake = run_all(&plan);
    assert_eq!(reasons(&lake.decide(&plan, &all(&plan))), ["up to date"]);
    lake.states.get_mut(&id(0)).unwrap().due = true;
    assert_eq!(reasons(&lake.decide(&plan, &all(&plan))), ["a new span began"]);
    microbatch.asked = Some((chrono::DateTime::UNIX_EPOCH, chrono::DateTime::UNIX_EPOCH));
    plan.nodes[&id(0)].step = step(&microbatch);
    assert_eq!(reasons(&lake.decide(&plan, &all(&plan))), ["spans that were asked for"]);
}

#[test]
fn a_test_of_code_runs_for_changed_code_only() {
    let mut plan = plan(&[(Kind::Ingest, vec![]), (Kind::Table, vec![0]), (Kind::UnitTest, vec![1])]);
    let mut lake = Lake::default();
    let first = lake.decide(&plan, &all(&plan));
    assert_eq!(reasons(&first), ["first load", "first build", "not passed yet"]);
    lake.run(&plan, &first);
    lake.states.get_mut(&id(0)).unwrap().pending.files = 1;
    let expected = ["1 new file", "`n00` runs before it", "passed on the same code"];
    assert_eq!(reasons(&lake.decide(&plan, &all(&plan))), expected);
    plan.nodes[&id(2)].fingerprint = "2".into();
    assert_eq!(reasons(&lake.decide(&plan, &all(&plan)))[2], "changed code");
}

#[test]
fn what_asks_for_rows_of_this_run_is_late_and_so_is_what_needs_it() {
    let shape = [
        (Kind::Ingest, vec![]),
        (Kind::Late, vec![0]),
        (Kind::Table, vec![0]),
        (Kind::View, vec![2]),
        (Kind::Table, vec![3]),
    ];
    let mut plan = plan(&shape);
    plan.nodes[&id(2)].asks = vec![relation(0)];
    let mut lake = Lake::default();
    let first = lake.decide(&plan, &all(&plan));
    let expected =
        ["first load", "waits for the rows of `s.n00`", "compiled after `n00`", "waits for `n02`", "waits for `n03`"];
    assert_eq!(reasons(&first), expected);
    assert_eq!(first.iter().filter(|it| it.action == Action::Late).count(), 4);
    lake.run(&plan, &first);
    // Once the rows are there and stay, what was compiled with them runs.
    plan.nodes[&id(1)].step = plan.nodes[&id(4)].step.clone();
    assert_eq!(reasons(&lake.decide(&plan, &all(&plan)))[1..], ["first build"; 4]);
}

#[test]
fn statements_run_when_anything_does() {
    let mut plan = plan(&[(Kind::Table, vec![]), (Kind::Table, vec![]), (Kind::Table, vec![])]);
    for (number, tag) in [(0, "on-run-start"), (2, "on-run-end")] {
        let node = &mut plan.nodes[&id(number)];
        (node.kind, node.relation, node.tags) = (NodeKind::Operation, None, vec![tag.into()]);
        node.step = Step::Statement(Statement { sql: String::new(), reads: Vec::new(), writes: None });
    }
    let mut lake = Lake::default();
    let first = lake.decide(&plan, &all(&plan));
    assert_eq!(reasons(&first), ["before everything else", "first build", "after everything else"]);
    lake.run(&plan, &first);
    let second = lake.decide(&plan, &all(&plan));
    assert_eq!(reasons(&second), ["nothing else runs", "up to date", "nothing else runs"]);
    assert!(second.iter().all(|it| it.action == Action::UpToDate));
}

#[test]
fn a_failed_look_names_every_node_that_cannot_run() {
    struct NoFiles;
    #[async_trait::async_trait]
    impl headwater_plan::Engine for NoFiles {
        fn name(&self) -> &str {
            "test"
        }
        async fn state(&self, node: &Node) -> Result<NodeState, Diagnostic> {
            match node.step {
                Step::Ingest(_) => Err(Diagnostic::error(Code::NoFiles, "no file matches")),
                _ => Ok(NodeState::default()),
            }
        }
        async fn execute(
            &self,
            _: &Node,
            _: &headwater_plan::StepContext,
        ) -> Result<headwater_plan::StepReport, Diagnostic> {
            unreachable!("looking executes nothing")
        }
    }
    let plan = plan(&[(Kind::Ingest, vec![]), (Kind::Ingest, vec![]), (Kind::View, vec![0]), (Kind::Table, vec![2])]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let wrong = runtime.block_on(crate::states(&plan, &all(&plan), &NoFiles)).unwrap_err();
    assert_eq!(wrong.0.iter().map(|it| it.node.clone().unwrap()).collect::<Vec<_>>(), [id(0), id(1)]);
    // Of a node that does not run only its table matters, so its files stand in nobody's way.
    let states = runtime.block_on(crate::states(&plan, &BTreeSet::from([id(3)]), &NoFiles)).unwrap();
    assert_eq!(states.into_keys().collect::<Vec<_>>(), [id(0), id(2), id(3)]);
}
