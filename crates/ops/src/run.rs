//! `run`: loads new files, builds what changed, tests it. `build`, `seed`, `snapshot` and `test` are the same for other
//! kinds of node.
//!
//! The risk is a run that leaves something behind although it could not do what it was asked. So everything that can
//! be known beforehand (mistakes in the project, missing files, an unusable lake) is found before the lake is locked
//! and anything is written; and what was decided before the lock is decided again under it, because another run may
//! have ended in between.

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_lake::LockHolder;
use headwater_plan::{
    Diagnostics, NodeId, NodeKind, NodeReport, NodeStatus, Plan, RunId, RunReport, RunStatus, StepReport,
};
use headwater_project::Invocation;
use headwater_run::{Action, Conduct, Decision, RunRequest, RunStore};
pub use headwater_run::{Event, Observer};
use serde::Serialize;

use crate::artefacts::{self, Writer};
use crate::choice::Choice;
use crate::plan::{PlannedNode, Prospect, any_work, planned};
use crate::project::Project;
use crate::selection::chosen;
use crate::spark::Taking;
use crate::stages::Staging;
use crate::{Context, Counts, OpsError};

/// What to run, and how.
pub struct RunOptions {
    /// Which of the verbs.
    pub verb: Verb,
    /// Which nodes.
    pub choice: Choice,
    /// The command, as typed after `headwater`, for the reports.
    pub command: String,
    /// Watches.
    pub observer: Arc<dyn RunObserver>,
}

/// The verbs that run nodes: each its kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Everything.
    Run,
    /// Everything, as dbt calls it.
    Build,
    /// The seeds.
    Seed,
    /// The snapshots.
    Snapshot,
    /// The tests, whether they passed before or not.
    Test,
}

impl Verb {
    /// As the user types it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Build => "build",
            Self::Seed => "seed",
            Self::Snapshot => "snapshot",
            Self::Test => "test",
        }
    }

    pub(crate) fn takes(self, kind: NodeKind) -> bool {
        match self {
            Self::Run | Self::Build => true,
            Self::Seed => kind == NodeKind::Seed,
            Self::Snapshot => kind == NodeKind::Snapshot,
            Self::Test => matches!(kind, NodeKind::Test | NodeKind::UnitTest),
        }
    }

    /// Whether what is up to date runs all the same.
    pub(crate) fn adjust(self, mut decisions: Vec<Decision>) -> Vec<Decision> {
        if self == Self::Test {
            for decision in decisions.iter_mut().filter(|decision| decision.action == Action::UpToDate) {
                decision.action = Action::Run;
                "asked for".clone_into(&mut decision.reason);
            }
        }
        decisions
    }

    fn nothing(self) -> OpsError {
        match self {
            Self::Test => OpsError::NoTests,
            other => OpsError::NothingOfKind { word: other.word() },
        }
    }
}

/// Watches a run. Told once what is to happen, then of everything that does.
pub trait RunObserver: Observer {
    /// The run begins. Not told when there is nothing to do.
    fn begins(&self, beginning: &Beginning);

    /// The run waits for something before it begins.
    fn waits(&self, why: &str);
}

/// What is about to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Beginning {
    /// The run.
    pub run_id: RunId,
    /// The project's name.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// The lake, as the user wrote it.
    pub lake: String,
    /// The engine's name.
    pub engine: String,
    /// The selected nodes, in the plan's order.
    pub nodes: Vec<PlannedNode>,
    /// The plan.
    #[serde(skip)]
    pub plan: Arc<Plan>,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunOutcome {
    /// The report; its run is in the run store unless there was nothing to do.
    pub report: RunReport,
    /// The nodes that were up to date, and were there to be looked at.
    pub up_to_date: Counts,
    /// Whether there was nothing to do.
    pub nothing_to_do: bool,
    /// What the user should know of the project.
    pub warnings: Diagnostics,
    /// The plan as it was at the end, for those who tell of it.
    #[serde(skip)]
    pub plan: Arc<Plan>,
}

/// Runs what the choice takes of the verb's kinds.
///
/// # Errors
/// All that stands in the way of a run. A node that fails is no error of this kind: the report tells of it.
pub async fn run(context: &Context, options: RunOptions) -> Result<RunOutcome, Diagnostics> {
    let (project, mut selected) = chosen(context, &options.choice, options.verb.word()).await?;
    let any_selected = !selected.is_empty();
    keep_kinds(&project.plan, &mut selected, options.verb);
    // A selection by state may hold nothing at all, which is no mistake.
    if selected.is_empty() && (any_selected || options.choice.state.is_none()) {
        return Err(options.verb.nothing().into());
    }
    let prospect = Prospect::new(context, &project, selected, &options.choice).await?;
    let (report, plan, nothing_to_do) = execute(context, &project, &prospect, &options).await?;
    let up_to_date = report.nodes.iter().filter(|node| node.status == NodeStatus::UpToDate);
    let mut outcome = RunOutcome {
        up_to_date: Counts::of(up_to_date.map(|node| node.kind)),
        nothing_to_do,
        warnings: project.warnings.clone(),
        plan,
        report,
    };
    write_artefacts(context, &project, &mut outcome);
    if nothing_to_do {
        // What was up to date is counted, not listed: nothing of it is in the run store either.
        outcome.report.nodes.clear();
    }
    Ok(outcome)
}

/// The id of a run, which is that of its call.
pub(crate) fn run_id(invocation: &Invocation) -> RunId {
    RunId(invocation.id.replace('-', ""))
}

fn keep_kinds(plan: &Plan, selected: &mut BTreeSet<NodeId>, verb: Verb) {
    selected.retain(|id| plan.nodes.get(id).is_some_and(|node| verb.takes(node.kind)));
}

/// The manifest and the results, for dbt's tools. A run that cannot write them has run all the same.
fn write_artefacts(context: &Context, project: &Project, outcome: &mut RunOutcome) {
    let writer = Writer::new(&project.request, context);
    let manifest = artefacts::manifest::manifest(&outcome.plan, &writer);
    let results = artefacts::results::run_results(&outcome.plan, &outcome.report, &writer);
    let written = writer
        .write(artefacts::manifest::MANIFEST, &manifest)
        .and_then(|_| writer.write(artefacts::results::RUN_RESULTS, &results));
    if let Err(error) = written {
        let mut warning = error.diagnostic();
        warning.severity = headwater_plan::Severity::Warning;
        outcome.warnings.push(warning);
    }
}

async fn execute(
    context: &Context,
    project: &Project,
    prospect: &Prospect<'_>,
    options: &RunOptions,
) -> Result<(RunReport, Arc<Plan>, bool), Diagnostics> {
    let verb = options.verb;
    let idle = |decisions: Vec<Decision>| {
        Ok((up_to_date(context, project, prospect, options, decisions), Arc::clone(&project.plan), true))
    };
    let decisions = verb.adjust(prospect.decide().await?);
    if !any_work(&decisions) {
        return idle(decisions);
    }
    let taking = Taking { context, project, lake: &prospect.lake };
    let on_spark = taking.ready(&decisions).await?;
    let run_id = run_id(&project.request.invocation);
    let holder = LockHolder {
        run_id: run_id.clone(),
        pid: std::process::id(),
        host: context.host.clone(),
        command: options.command.clone(),
        since: context.clock.now(),
    };
    let _lock = prospect.lake.lock(&holder).map_err(|error| error.diagnostic())?;
    let adopted = taking.adopt(&|why| options.observer.waits(why)).await?;
    let decisions = verb.adjust(prospect.decide().await?);
    if !any_work(&decisions) {
        return idle(decisions);
    }
    let engine = match on_spark {
        Some(ready) => taking.engine(ready, Arc::clone(&prospect.engine), adopted),
        None => Arc::clone(&prospect.engine),
    };
    let store = RunStore::open(&project.request.dir).map_err(|error| error.diagnostic())?;
    let environment = &project.plan.environment;
    options.observer.begins(&Beginning {
        run_id: run_id.clone(),
        project: project.plan.project.clone(),
        environment: environment.name.clone(),
        lake: environment.lake_written.clone(),
        engine: engine.name().to_owned(),
        nodes: planned(&project.plan, decisions.clone()),
        plan: Arc::clone(&project.plan),
    });
    let observer: Arc<dyn RunObserver> = Arc::clone(&options.observer);
    let staging = Staging::new(context, project, prospect, options);
    let request = RunRequest {
        plan: Arc::clone(&project.plan),
        decisions,
        engine,
        run_id,
        command: options.command.clone(),
        threads: environment.threads,
        full_refresh: options.choice.full_refresh,
        clock: Arc::clone(&context.clock),
        cancel: context.cancel.clone(),
        observer,
        store: Some(Arc::new(store)),
    };
    let conduct = Conduct { fail_fast: options.choice.fail_fast, stages: Some(&staging) };
    let report = headwater_run::execute_as(request, conduct).await;
    Ok((report, staging.plan(), false))
}

/// The report when all is up to date. It is no run: the run store does not hear of it.
fn up_to_date(
    context: &Context,
    project: &Project,
    prospect: &Prospect<'_>,
    options: &RunOptions,
    decisions: Vec<Decision>,
) -> RunReport {
    let plan = &project.plan;
    let nodes = decisions.into_iter().filter_map(|decision| {
        let node = plan.nodes.get(&decision.node).filter(|node| node.kind != NodeKind::Operation)?;
        Some(NodeReport {
            id: node.id.clone(),
            name: node.name.clone(),
            kind: node.kind,
            step: node.step.word().to_owned(),
            relation: node.relation.clone(),
            status: NodeStatus::UpToDate,
            reason: decision.reason,
            started_at: None,
            duration_ms: 0,
            step_report: StepReport::default(),
        })
    });
    RunReport {
        run_id: run_id(&project.request.invocation),
        project: plan.project.clone(),
        environment: plan.environment.name.clone(),
        engine: prospect.engine.name().to_owned(),
        command: options.command.clone(),
        started_at: project.request.invocation.started_at,
        finished_at: Some(context.clock.now()),
        status: RunStatus::Success,
        nodes: nodes.collect(),
    }
}
