//! `plan`: what a run would do, and why. Takes no lock and writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headwater_lake::Lake;
use headwater_plan::{Built, Diagnostics, Engine, Node, NodeId, NodeKind, Plan, Step, TableName};
use headwater_project::select::{Selection, select};
pub use headwater_run::{Action, Decision};
use headwater_run::{DecideOptions, RunStore};
use serde::Serialize;

use crate::compile::{Project, compile};
use crate::{Context, wiring};

/// What the user asked to plan or run.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// dbt selectors of what to take; empty takes everything.
    pub select: Vec<String>,
    /// dbt selectors of what to leave out.
    pub exclude: Vec<String>,
    /// Build everything anew.
    pub full_refresh: bool,
}

/// What a run would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanReport {
    /// The project's name.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// The lake, as the user wrote it.
    pub lake: String,
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
    /// Whether it would run, and why.
    #[serde(flatten)]
    pub decision: Decision,
}

/// Says what a run would do.
///
/// # Errors
/// All that stands in the way of one: mistakes in the project, files that are missing or do not fit, an unusable lake.
pub async fn plan(context: &Context, choice: &Choice) -> Result<PlanReport, Diagnostics> {
    let project = compile(context).await?;
    let prospect = Prospect::new(context, &project, choice).await?;
    Ok(PlanReport {
        project: project.plan.project.clone(),
        environment: project.plan.environment.name.clone(),
        lake: project.plan.environment.lake_written.clone(),
        nodes: planned(&project.plan, prospect.decide().await?),
        warnings: project.warnings,
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
            step: node.step.word().to_owned(),
            relation: node.relation.clone(),
            tested: tested(plan, node),
            decision,
        });
    }
    nodes
}

fn tested(plan: &Plan, node: &Node) -> Option<TableName> {
    match &node.step {
        Step::Test(test) => plan.nodes.get(test.tested.as_ref()?)?.relation.clone(),
        _ => None,
    }
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
    /// Selects the nodes and opens the lake.
    pub(crate) async fn new(context: &Context, project: &'a Project, choice: &Choice) -> Result<Self, Diagnostics> {
        let selection = Selection { select: choice.select.clone(), exclude: choice.exclude.clone() };
        let selected = select(&project.plan, &selection)?;
        let environment = &project.plan.environment;
        let lake = wiring::lake(environment, &project.request.environ).await?;
        let engine = wiring::engine(environment, lake.clone(), &project.request, &context.clock);
        let options = DecideOptions { full_refresh: choice.full_refresh };
        Ok(Self { project, lake, engine, selected, options })
    }

    /// Keeps of the selected nodes those of a kind.
    pub(crate) fn only(&mut self, kind: NodeKind) {
        let nodes = &self.project.plan.nodes;
        self.selected.retain(|id| nodes.get(id).is_some_and(|node| node.kind == kind));
    }

    /// Whether no node is selected.
    pub(crate) fn is_empty(&self) -> bool {
        self.selected.is_empty()
    }

    /// Looks at the lake and decides for every selected node.
    pub(crate) async fn decide(&self) -> Result<Vec<Decision>, Diagnostics> {
        let plan = &self.project.plan;
        let states = headwater_run::states(plan, &self.selected, self.engine.as_ref()).await?;
        Ok(headwater_run::decide(plan, &self.selected, &states, &self.passed()?, &self.options))
    }

    fn passed(&self) -> Result<BTreeMap<NodeId, Built>, Diagnostics> {
        let store = RunStore::open_existing(&self.project.request.dir).map_err(|error| error.diagnostic())?;
        match store {
            Some(store) => Ok(store.passed(&self.project.plan.environment.name).map_err(|error| error.diagnostic())?),
            None => Ok(BTreeMap::new()),
        }
    }
}

/// Whether any of the decisions is to do something.
pub(crate) fn any_work(decisions: &[Decision]) -> bool {
    decisions.iter().any(|decision| decision.action == Action::Run)
}
