//! What a stage is: the nodes, lowered to a bundle, and the settings of the job that executes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use headwater_lake::View;
use headwater_plan::{Agenda, Diagnostic, Node, Step, TableName};

use super::estimate::{self, Reading};
use super::watch::Watched;
use super::{SparkEngine, Stage};
use crate::bundle::Bundle;
use crate::error::SparkError;
use crate::launch::{Folder, JobFile, Properties, Submission, job};
use crate::lower::{self, StageNode, lower};

/// Settings of the session that a machine may add to, and that are made again with what it says.
const SHARED: &[&str] = &["spark.sql.extensions", "spark.sql.catalog.spark_catalog"];

/// The runs whose jobs are kept, for whoever wants to read their logs.
const KEPT: usize = 20;

/// Whether a node's step can only be done by Spark. The others are the same everywhere: files are loaded by the same code,
/// and a view is an entry in the lake's list.
pub fn needs_spark(node: &Node) -> bool {
    let has_statements = !node.hooks.before.is_empty() || !node.hooks.after.is_empty();
    match &node.step {
        Step::Ingest(_) | Step::Seed(_) | Step::External | Step::Ephemeral(_) | Step::View(_) => has_statements,
        _ => true,
    }
}

/// Begins a stage: starts its job, if it needs one.
pub(super) async fn begin(engine: &SparkEngine, agenda: &Agenda) -> Result<Stage, Diagnostic> {
    let known = engine.with_adopted(|adopted| adopted.nodes());
    let open = agenda.nodes.iter().filter(|entry| !known.contains(&entry.id));
    let nodes: Vec<StageNode<'_>> = open
        .filter_map(|entry| {
            let after = entry.after.iter().filter(|id| !known.contains(id)).cloned().collect();
            Some(StageNode { node: agenda.plan.nodes.get(&entry.id)?, after, always: entry.always })
        })
        .collect();
    if !nodes.iter().any(|entry| needs_spark(entry.node)) || agenda.cancel.is_cancelled() {
        return Ok(Stage::Here);
    }
    let folder = Folder::new(&engine.parts.jobs, &agenda.run_id, agenda.stage);
    let views = views(engine).await?;
    let properties = properties(engine, agenda, &nodes).await?;
    let bundle = lower(&lower::Stage {
        plan: &agenda.plan,
        nodes,
        views: &views,
        lake: engine.parts.lake_url.clone(),
        run_id: agenda.run_id.clone(),
        started_at: agenda.started_at,
        attempt: 1,
        threads: agenda.threads,
        full_refresh: agenda.full_refresh,
        fail_fast: agenda.fail_fast,
        now: None,
        settings: shared(&properties),
        native: engine.parts.native.clone(),
        spark: Some(engine.parts.installation.spark),
    });
    let id = submit(engine, agenda, folder, &bundle, properties).await?;
    let limits = engine.parts.spark.timeout_ms;
    Ok(Stage::Job(Arc::new(Watched::begin(Arc::clone(&engine.parts.launcher), id, agenda.cancel.clone(), limits))))
}

async fn submit(
    engine: &SparkEngine,
    agenda: &Agenda,
    folder: Folder,
    bundle: &Bundle,
    properties: Properties,
) -> Result<crate::launch::JobId, SparkError> {
    // Best effort: what cannot be removed now can be later.
    let _ = job::tidy(&engine.parts.jobs, KEPT);
    folder.create()?;
    let path = folder.bundle();
    let text = bundle.to_json().map_err(|source| SparkError::Json { path: path.clone(), source })?;
    folder.write(&path, &text)?;
    let job = JobFile {
        version: job::VERSION,
        token: format!("{}-{}", agenda.run_id.0, agenda.stage),
        run_id: agenda.run_id.clone(),
        environment: agenda.plan.environment.name.clone(),
        lake: engine.parts.lake.uri().to_owned(),
        submitted_at: engine.parts.clock.now(),
    };
    engine.parts.launcher.submit(Submission { folder, job, properties }).await
}

/// The views that the lake has.
async fn views(engine: &SparkEngine) -> Result<BTreeMap<TableName, View>, Diagnostic> {
    let views = engine.parts.lake.views().await.map_err(|error| error.diagnostic())?;
    Ok(views.into_iter().map(|view| (view.name.clone(), view)).collect())
}

/// The settings of a stage's job: by what it reads.
async fn properties(engine: &SparkEngine, agenda: &Agenda, nodes: &[StageNode<'_>]) -> Result<Properties, Diagnostic> {
    let parts = &engine.parts;
    let pending: BTreeMap<_, _> = agenda.nodes.iter().map(|entry| (&entry.id, entry.pending_bytes)).collect();
    let reading = nodes.iter().map(|entry| Reading {
        node: entry.node,
        pending_bytes: pending.get(&entry.node.id).copied().unwrap_or_default(),
    });
    let reading: Vec<Reading<'_>> = reading.collect();
    let sizes = estimate::measure(&agenda.plan, &reading, &parts.lake, parts.memory_limit).await?;
    let mut properties = Properties::of(&parts.spark, &parts.installation, &parts.machine)
        .for_lake(&parts.lake_url, &parts.machine)
        .for_sizes(&sizes, &parts.machine);
    let name = format!("headwater {} {}", agenda.plan.project, agenda.run_id.0);
    properties.need("spark.app.name", &name);
    Ok(properties)
}

fn shared(properties: &Properties) -> BTreeMap<String, String> {
    let value = |name: &&str| Some(((*name).to_owned(), properties.get(name)?.to_owned()));
    SHARED.iter().filter_map(value).collect()
}
