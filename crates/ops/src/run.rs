//! `run`: loads new files, builds what changed, tests it.
//!
//! The risk is a run that leaves something behind although it could not do what it was asked. So everything that can
//! be known beforehand (mistakes in the project, missing files, an unusable lake) is found before the lake is locked
//! and anything is written; and what was decided before the lock is decided again under it, because another run may
//! have ended in between.

use std::sync::Arc;

use headwater_lake::LockHolder;
use headwater_plan::{Diagnostics, NodeKind, Plan, RunId, RunReport, RunStatus};
use headwater_run::{Action, Decision, RunRequest, RunStore};
pub use headwater_run::{Event, Observer};
use serde::Serialize;

use crate::compile::{Project, compile};
use crate::plan::{Choice, PlannedNode, Prospect, any_work, planned};
use crate::{Context, Counts, OpsError};

/// What to run, and how.
pub struct RunOptions {
    /// Which nodes.
    pub choice: Choice,
    /// The command, as typed after `headwater`, for the reports.
    pub command: String,
    /// Watches.
    pub observer: Arc<dyn RunObserver>,
}

/// Watches a run. Told once what is to happen, then of everything that does.
pub trait RunObserver: Observer {
    /// The run begins. Not told when there is nothing to do.
    fn begins(&self, beginning: &Beginning);
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
    /// The selected nodes, in the plan's order.
    pub nodes: Vec<PlannedNode>,
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
}

/// Runs what the choice takes.
///
/// # Errors
/// All that stands in the way of a run. A node that fails is no error of this kind: the report tells of it.
pub async fn run(context: &Context, options: RunOptions) -> Result<RunOutcome, Diagnostics> {
    let project = compile(context).await?;
    let prospect = Prospect::new(context, &project, &options.choice).await?;
    execute(context, &project, prospect, options, |decisions| decisions).await
}

/// Runs the selected tests, whether they passed before or not.
///
/// # Errors
/// As [`run`].
pub async fn test(context: &Context, options: RunOptions) -> Result<RunOutcome, Diagnostics> {
    let project = compile(context).await?;
    let mut prospect = Prospect::new(context, &project, &options.choice).await?;
    prospect.only(NodeKind::Test);
    if prospect.is_empty() {
        return Err(OpsError::NoTests.into());
    }
    execute(context, &project, prospect, options, always).await
}

/// Runs every decided node, up to date or not.
fn always(mut decisions: Vec<Decision>) -> Vec<Decision> {
    for decision in &mut decisions {
        if decision.action == Action::UpToDate {
            decision.action = Action::Run;
            "asked for".clone_into(&mut decision.reason);
        }
    }
    decisions
}

async fn execute(
    context: &Context,
    project: &Project,
    prospect: Prospect<'_>,
    options: RunOptions,
    adjust: fn(Vec<Decision>) -> Vec<Decision>,
) -> Result<RunOutcome, Diagnostics> {
    let decisions = adjust(prospect.decide().await?);
    if !any_work(&decisions) {
        return Ok(nothing_to_do(context, project, &prospect, &options, &decisions));
    }
    let run_id = new_run_id(context);
    let holder = LockHolder {
        run_id: run_id.clone(),
        pid: std::process::id(),
        host: context.host.clone(),
        command: options.command.clone(),
        since: context.clock.now(),
    };
    let _lock = prospect.lake.lock(&holder).map_err(|error| error.diagnostic())?;
    let decisions = adjust(prospect.decide().await?);
    if !any_work(&decisions) {
        return Ok(nothing_to_do(context, project, &prospect, &options, &decisions));
    }
    let store = RunStore::open(&project.request.dir).map_err(|error| error.diagnostic())?;
    let environment = &project.plan.environment;
    options.observer.begins(&Beginning {
        run_id: run_id.clone(),
        project: project.plan.project.clone(),
        environment: environment.name.clone(),
        lake: environment.lake_written.clone(),
        nodes: planned(&project.plan, decisions.clone()),
    });
    let up_to_date = up_to_date(&project.plan, &decisions);
    let observer: Arc<dyn Observer> = options.observer;
    let report = headwater_run::execute(RunRequest {
        plan: Arc::clone(&project.plan),
        decisions,
        engine: Arc::clone(&prospect.engine),
        run_id,
        command: options.command,
        threads: environment.threads,
        full_refresh: options.choice.full_refresh,
        clock: Arc::clone(&context.clock),
        cancel: context.cancel.clone(),
        observer,
        store: Some(Arc::new(store)),
    })
    .await;
    Ok(RunOutcome { report, up_to_date, nothing_to_do: false, warnings: project.warnings.clone() })
}

/// The outcome when all is up to date. It is no run: the run store does not hear of it.
fn nothing_to_do(
    context: &Context,
    project: &Project,
    prospect: &Prospect<'_>,
    options: &RunOptions,
    decisions: &[Decision],
) -> RunOutcome {
    let environment = &project.plan.environment;
    let now = context.clock.now();
    let report = RunReport {
        run_id: new_run_id(context),
        project: project.plan.project.clone(),
        environment: environment.name.clone(),
        engine: prospect.engine.name().to_owned(),
        command: options.command.clone(),
        started_at: now,
        finished_at: Some(now),
        status: RunStatus::Success,
        nodes: Vec::new(),
    };
    let up_to_date = up_to_date(&project.plan, decisions);
    RunOutcome { report, up_to_date, nothing_to_do: true, warnings: project.warnings.clone() }
}

/// Named by when it began, so that runs sort.
pub(crate) fn new_run_id(context: &Context) -> RunId {
    let now = context.clock.now();
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    let time = uuid::Timestamp::from_unix(uuid::NoContext, seconds, now.timestamp_subsec_nanos());
    RunId(uuid::Uuid::new_v7(time).simple().to_string())
}

fn up_to_date(plan: &Plan, decisions: &[Decision]) -> Counts {
    let idle = decisions.iter().filter(|decision| decision.action == Action::UpToDate);
    Counts::of(idle.filter_map(|decision| plan.nodes.get(&decision.node)).map(|node| node.kind))
}
