//! `plan`: what a run would do, and why. Takes no lock and writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headwater_lake::{Lake, Relation};
use headwater_plan::{Built, Diagnostics, Engine, Node, NodeId, NodeKind, Plan, Step, TableName};
pub use headwater_run::{Action, Decision};
use headwater_run::{DecideOptions, RunStore};
use serde::Serialize;

use crate::choice::Choice;
use crate::project::Project;
use crate::selection::{chosen, operations};
use crate::spark::{EngineTaken, Taking};
use crate::{Context, wiring};

/// What a run would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanReport {
    /// The project's name.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// The lake, as the user wrote it.
    pub lake: String,
    /// The engine that a run would take, where that is not the embedded one alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineTaken>,
    /// The selected nodes, in the order in which they would run.
    pub nodes: Vec<PlannedNode>,
    /// What the user should know.
    pub warnings: Diagnostics,
}

/// What would happen with a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedNode {
    /// The node's name.
    pub name: String,
    /// Its kind.
    pub kind: NodeKind,
    /// Its step: `ingest`, `seed`, `table`, `view`, `test`, `external`.
    pub step: String,
    /// The table or view that it makes.
    pub relation: Option<TableName>,
    /// For a test: the table or view under test.
    pub tested: Option<TableName>,
    /// The stored bytes of the tables that it would read, as far as they are there; `None` for what would not run.
    pub estimated_bytes: Option<u64>,
    /// Whether it would run, and why.
    #[serde(flatten)]
    pub decision: Decision,
}

/// Says what a run would do.
///
/// # Errors
/// All that stands in the way of one: mistakes in the project, files that are missing or do not fit, an unusable lake.
pub async fn plan(context: &Context, choice: &Choice) -> Result<PlanReport, Diagnostics> {
    let (project, selected) = chosen(context, choice, "plan").await?;
    let prospect = Prospect::new(context, &project, selected, choice).await?;
    let decisions = prospect.decide().await?;
    let taking = Taking { context, project: &project, lake: &prospect.lake };
    let (engine, problems) = taking.told(&decisions).await?;
    let mut nodes = planned(&project.plan, decisions);
    prospect.estimate(&mut nodes).await?;
    let mut warnings = project.warnings.clone();
    warnings.extend(problems);
    Ok(PlanReport {
        project: project.plan.project.clone(),
        environment: project.plan.environment.name.clone(),
        lake: project.plan.environment.lake_written.clone(),
        engine,
        nodes,
        warnings,
    })
}

/// Decisions with what is shown of their nodes.
pub(crate) fn planned(plan: &Plan, decisions: Vec<Decision>) -> Vec<PlannedNode> {
    let mut nodes = Vec::with_capacity(decisions.len());
    for decision in decisions {
        let Some(node) = plan.nodes.get(&decision.node) else { continue };
        nodes.push(PlannedNode {
            name: node.name.clone(),
            kind: node.kind,
            step: word(node),
            relation: node.relation.clone(),
            tested: tested(plan, node),
            estimated_bytes: None,
            decision,
        });
    }
    nodes
}

/// The word for what a node does; for one that is not compiled yet, what it will do.
fn word(node: &Node) -> String {
    match &node.step {
        Step::Late(late) => late.becomes.clone(),
        step => step.word().to_owned(),
    }
}

fn tested(plan: &Plan, node: &Node) -> Option<TableName> {
    let tested = match &node.step {
        Step::Test(test) => test.tested.as_ref()?,
        Step::UnitTest(test) => &test.tested,
        _ => return None,
    };
    plan.nodes.get(tested)?.relation.clone()
}

/// A project beside its lake: what is needed to decide, and to run what was decided.
pub(crate) struct Prospect<'a> {
    project: &'a Project,
    pub(crate) lake: Lake,
    pub(crate) engine: Arc<dyn Engine>,
    selected: BTreeSet<NodeId>,
    options: DecideOptions,
}

impl<'a> Prospect<'a> {
    /// Opens the lake for what is selected; the statements before and after everything are always with it.
    pub(crate) async fn new(
        context: &Context,
        project: &'a Project,
        mut selected: BTreeSet<NodeId>,
        choice: &Choice,
    ) -> Result<Self, Diagnostics> {
        selected.extend(operations(&project.plan).cloned());
        let environment = &project.plan.environment;
        let lake = wiring::lake(environment, &project.request.environ).await?;
        let engine = wiring::engine(environment, lake.clone(), &project.request, &context.clock);
        let options = DecideOptions { full_refresh: choice.full_refresh };
        Ok(Self { project, lake, engine, selected, options })
    }

    /// The bytes that each node would read: those of the tables, and of the tables behind the views.
    async fn estimate(&self, nodes: &mut [PlannedNode]) -> Result<(), Diagnostics> {
        let plan = &self.project.plan;
        let mut sizes: BTreeMap<TableName, u64> = BTreeMap::new();
        for planned in nodes.iter_mut().filter(|planned| planned.decision.action != Action::UpToDate) {
            let Some(node) = plan.nodes.get(&planned.decision.node) else { continue };
            if matches!(node.step, Step::View(_)) {
                // It is written down, and reads nothing.
                continue;
            }
            let mut total = planned.decision.pending.bytes;
            for name in tables_behind(plan, node.step.reads()) {
                if !sizes.contains_key(&name) {
                    let relation = self.lake.relation(&name).await.map_err(|error| error.diagnostic())?;
                    let bytes = match relation {
                        Some(Relation::Table(table)) => table.bytes(),
                        _ => 0,
                    };
                    sizes.insert(name.clone(), bytes);
                }
                total += sizes.get(&name).copied().unwrap_or_default();
            }
            planned.estimated_bytes = Some(total);
        }
        Ok(())
    }

    /// Looks at the lake and decides for every selected node.
    pub(crate) async fn decide(&self) -> Result<Vec<Decision>, Diagnostics> {
        let plan = &self.project.plan;
        let states = headwater_run::states(plan, &self.selected, self.engine.as_ref()).await?;
        Ok(headwater_run::decide(plan, &self.selected, &states, &passed(self.project)?, &self.options))
    }
}

/// Whether any of the decisions is to do something.
pub(crate) fn any_work(decisions: &[Decision]) -> bool {
    decisions.iter().any(|decision| decision.action != Action::UpToDate)
}

/// The tests that passed, and on what.
pub(crate) fn passed(project: &Project) -> Result<BTreeMap<NodeId, Built>, Diagnostics> {
    let store = RunStore::open_existing(&project.request.dir).map_err(|error| error.diagnostic())?;
    match store {
        Some(store) => Ok(store.passed(&project.plan.environment.name).map_err(|error| error.diagnostic())?),
        None => Ok(BTreeMap::new()),
    }
}

/// What is read, straight or through the views of the project.
fn tables_behind(plan: &Plan, reads: &[TableName]) -> BTreeSet<TableName> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&TableName> = reads.iter().collect();
    while let Some(name) = open.pop() {
        if found.insert(name.clone())
            && let Some(Step::View(view)) = plan.maker(name).map(|node| &node.step)
        {
            open.extend(&view.reads);
        }
    }
    found
}
