use std::collections::{BTreeMap, BTreeSet};

use headwater_plan::{
    Built, Code, Contract, CsvOptions, Diagnostic, EngineKind, Environment, FileFormat, FileSet, Ingest, Location,
    Node, NodeId, NodeKind, NodeState, Pending, Plan, Query, Schema, Severity, Step, TableName, TableVersion, Test,
};
use proptest::prelude::*;

use super::*;

/// What a node of a made-up plan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ingest,
    Table,
    View,
    Test,
}

fn id(number: usize) -> NodeId {
    NodeId(format!("n{number:02}"))
}

fn relation(number: usize) -> TableName {
    TableName::new("s", format!("n{number:02}"))
}

/// A plan whose node `n` reads the nodes of `shape[n]` (which come before it).
fn plan(shape: &[(Kind, Vec<usize>)]) -> Plan {
    let location = Location::line("x.yml", 1);
    let nodes = shape.iter().enumerate().map(|(number, (kind, reads))| {
        let query = Query { sql: String::new(), reads: reads.iter().map(|read| relation(*read)).collect() };
        let step = match kind {
            Kind::Table => Step::Table(query),
            Kind::View => Step::View(query),
            Kind::Test => Step::Test(Test { query, severity: Severity::Error, tested: None, column: None }),
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
            kind: if *kind == Kind::Test { NodeKind::Test } else { NodeKind::Model },
            location: location.clone(),
            relation: (*kind != Kind::Test).then(|| relation(number)),
            depends_on: reads.iter().map(|read| id(*read)).collect(),
            tags: Vec::new(),
            description: None,
            schema: Schema::default(),
            step,
            fingerprint: "1".into(),
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
                Step::Test(_) => {
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
    let node = (prop_oneof![Just(Kind::Table), Just(Kind::View), Just(Kind::Test)], any::<[prop::sample::Index; 3]>());
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
        // A view of unchanged code shows new rows without being made again.
        expected.retain(|id| *id == changed || !matches!(plan.nodes[id].step, Step::View(_)));
        prop_assert_eq!(running(&lake.decide(&plan, &all(&plan))), expected);
    }

    #[test]
    fn a_table_that_somebody_else_wrote_runs_its_readers(shape in shapes(), which in any::<prop::sample::Index>()) {
        let plan = plan(&shape);
        let mut lake = Lake::default();
        let decisions = lake.decide(&plan, &all(&plan));
        lake.run(&plan, &decisions);
        let tables: Vec<usize> =
            (0..shape.len()).filter(|at| matches!(shape[*at].0, Kind::Ingest | Kind::Table)).collect();
        let changed = id(*which.get(&tables));
        lake.write(&changed, "another table");
        let mut expected = downstream(&plan, &changed);
        expected.remove(&changed);
        expected.retain(|id| !matches!(plan.nodes[id].step, Step::View(_)));
        prop_assert_eq!(running(&lake.decide(&plan, &all(&plan))), expected);
    }

    #[test]
    fn exactly_the_selected_nodes_are_decided_in_plan_order(shape in shapes(), chosen in any::<u16>()) {
        let plan = plan(&shape);
        let selected: BTreeSet<NodeId> = (0..shape.len()).filter(|at| chosen & (1 << at) != 0).map(id).collect();
        let decisions = Lake::default().decide(&plan, &selected);
        let decided: Vec<NodeId> = decisions.iter().map(|it| it.node.clone()).collect();
        prop_assert_eq!(decided, selected.into_iter().collect::<Vec<_>>());
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
