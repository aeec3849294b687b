//! Steps to the actions of a bundle. Pure: nothing is read but what is handed in.
//!
//! Risk: a step that means one thing here and another in the embedded engine. Each kind of step has a file, beside the
//! one of the same name there, and a test runs both and compares rows.
//!
//! | module | owns |
//! |---|---|
//! | `settings` | the session's settings without which SQL would mean something else |
//! | `table` | tables and views |
//! | `incremental` | append, merge, delete+insert, insert_overwrite, microbatch |
//! | `snapshot` | the history of a query's rows |
//! | `test` | tests of data and of code |
//! | `hooks` | statements of the user's |
//! | `relations` | every table and view that takes part |
//! | `older` | what older Sparks lack |
//! | `scan` | the words of a statement |

mod hooks;
mod incremental;
mod older;
mod relations;
mod scan;
mod settings;
mod snapshot;
mod table;
mod test;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use headwater_lake::{AppTransaction, View};
use headwater_plan::{Node, NodeId, Plan, RunId, Step, TableName};

use crate::bundle::{Action, Bundle, BundleNode, Column, Purpose, Transaction, VERSION, When, Work};
use crate::doctor::Version;

/// The first Spark that is known to have `QUALIFY`.
const SINCE_QUALIFY: Version = Version::new(4, 2, 0);

/// A stage of a run: what is to be done on Spark, and what is known about it.
#[derive(Debug)]
pub struct Stage<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The nodes that run, each after those that it needs.
    pub nodes: Vec<StageNode<'a>>,
    /// The views that the lake has.
    pub views: &'a BTreeMap<TableName, View>,
    /// The lake as Spark finds it: an absolute path or a URL.
    pub lake: String,
    /// The run.
    pub run_id: RunId,
    /// When the run began. A statement of a run that began earlier is not committed after one of a later run.
    pub started_at: DateTime<Utc>,
    /// Which try of the stage it is, from 1.
    pub attempt: u32,
    /// How many nodes run side by side.
    pub threads: usize,
    /// Whether tables are built anew.
    pub full_refresh: bool,
    /// Whether the first failure leaves out all that has not begun.
    pub fail_fast: bool,
    /// The time that steps go by; the clock of the job if it is left out.
    pub now: Option<DateTime<Utc>>,
    /// Settings of the session; they win over those that are made here.
    pub settings: BTreeMap<String, String>,
    /// The command that executes a step natively.
    pub native: Vec<String>,
    /// The Spark that it is for; the newest if it is left out.
    pub spark: Option<Version>,
}

/// A node of a stage.
#[derive(Debug, Clone)]
pub struct StageNode<'a> {
    /// The node.
    pub node: &'a Node,
    /// The nodes of the stage that must have ended well before.
    pub after: Vec<NodeId>,
    /// Whether it runs however those ended.
    pub always: bool,
}

/// The bundle of a stage.
pub fn lower(stage: &Stage<'_>) -> Bundle {
    let lowering = Lowering { stage };
    let mut settings = settings::session();
    settings.extend(stage.settings.clone());
    let mut bundle = Bundle {
        version: VERSION,
        run_id: stage.run_id.clone(),
        attempt: stage.attempt,
        project: stage.plan.project.clone(),
        environment: stage.plan.environment.name.clone(),
        lake: lowering.lake(),
        threads: stage.threads.max(1),
        fail_fast: stage.fail_fast,
        full_refresh: stage.full_refresh,
        now: stage.now,
        settings,
        native: stage.native.clone(),
        relations: relations::all(&lowering),
        nodes: stage.nodes.iter().map(|entry| lowering.node(entry)).collect(),
    };
    if stage.spark.is_some_and(|spark| spark < SINCE_QUALIFY) {
        bundle.each_query(&older::rewritten);
    }
    bundle
}

/// What the parts of a lowering share.
#[derive(Clone, Copy)]
struct Lowering<'a> {
    stage: &'a Stage<'a>,
}

impl Lowering<'_> {
    /// The lake as a URL: a path alone would be looked for in the file system that Spark takes for its default.
    fn lake(&self) -> String {
        let lake = self.stage.lake.trim_end_matches('/');
        if lake.starts_with('/') { format!("file://{lake}") } else { lake.to_owned() }
    }

    /// Where a table lies.
    fn location(&self, name: &TableName) -> String {
        format!("{}/{}/{}", self.lake(), name.schema, name.name)
    }

    /// The transaction by which a node's own step puts rows into its table, as the embedded engine has it.
    fn turn(&self, node: &Node) -> Transaction {
        let AppTransaction { app_id, version } = AppTransaction::of_step(&node.id, self.stage.started_at);
        Transaction { app_id, version }
    }

    /// The transaction of a statement of a node.
    fn transaction(&self, node: &Node, place: &str) -> Transaction {
        let version = self.stage.started_at.timestamp_millis();
        Transaction { app_id: format!("headwater:statement:{}:{place}", node.id), version }
    }

    fn node(&self, entry: &StageNode<'_>) -> BundleNode {
        let node = entry.node;
        let is_native = matches!(node.step, Step::Ingest(_) | Step::Seed(_));
        let mut actions = self.step(node);
        // A native step executes its statements itself.
        if !is_native {
            let mut all = hooks::before(self, node);
            all.append(&mut actions);
            all.append(&mut hooks::after(self, node));
            actions = all;
        }
        let statements = node.hooks.before.iter().chain(&node.hooks.after);
        let mut hooks_read: Vec<TableName> =
            statements.flat_map(|statement| statement.reads.iter().chain(&statement.writes)).cloned().collect();
        hooks_read.sort();
        hooks_read.dedup();
        BundleNode {
            id: node.id.clone(),
            name: node.name.clone(),
            kind: node.kind,
            step: node.step.word().to_owned(),
            location: node.location.to_string(),
            relation: node.relation.clone(),
            fingerprint: node.fingerprint.clone(),
            after: entry.after.clone(),
            always: entry.always,
            // What it writes is no input, even where it reads that too.
            reads: node.step.reads().iter().filter(|name| Some(*name) != written(node)).cloned().collect(),
            hooks_read,
            actions,
            native: is_native.then(|| Box::new(node.clone())),
        }
    }

    fn step(&self, node: &Node) -> Vec<Action> {
        match &node.step {
            Step::Ingest(ingest) => native(vec![ingest.target.clone(), ingest.quarantine.clone()]),
            Step::Seed(_) => native(node.relation.iter().cloned().collect()),
            Step::External => vec![always(Purpose::Look, Work::Look { columns: Column::all(&node.schema) })],
            Step::Table(model) => table::table(self, node, model),
            Step::View(query) => table::view(node, query),
            Step::Incremental(model) => incremental::actions(self, node, model),
            Step::Snapshot(model) => snapshot::actions(self, node, model),
            Step::Test(rows) => test::data(self, node, rows),
            Step::UnitTest(rows) => test::code(rows),
            Step::Statement(statement) => vec![hooks::statement(self, node, statement)],
            // The one is in whatever reads it; the other is not part of a stage.
            Step::Ephemeral(_) | Step::Late(_) => Vec::new(),
        }
    }
}

/// The table that a node's own step writes.
fn written(node: &Node) -> Option<&TableName> {
    match &node.step {
        Step::Statement(statement) => statement.writes.as_ref(),
        _ => node.relation.as_ref(),
    }
}

fn native(writes: Vec<TableName>) -> Vec<Action> {
    vec![always(Purpose::Load, Work::Native { writes })]
}

fn always(purpose: Purpose, work: Work) -> Action {
    Action { purpose, when: When::Always, work }
}

/// A name as Spark SQL takes any.
fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Names with commas between them.
fn list(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

/// A text as Spark SQL writes it.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
