//! `tables optimize|vacuum|restore`: looking after the tables of a lake.
//!
//! The risk is doing it to a table that somebody writes at that moment. Each of the three is safe beside other commits;
//! the lake is held all the same, so that two of them do not do the same work.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use headwater_lake::{
    Lake, LakeLock, LockHolder, OptimizeOptions, Relation, RelationKind, RestoreOptions, Table, VacuumOptions,
};
pub use headwater_lake::{Optimized, RestoreTo, Restored, Vacuumed};
use headwater_plan::{Diagnostics, Plan, RunId, Step, TableName};
use serde::Serialize;

use crate::project::compile;
use crate::run::run_id;
use crate::{Context, OpsError, spark, tables, wiring};

/// What was done to some tables, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Maintained<T> {
    /// Whether it was only said what would be done.
    pub dry_run: bool,
    /// Each table, in the order of their names.
    pub tables: Vec<MaintainedTable<T>>,
}

/// What was done to a table, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MaintainedTable<T> {
    /// The table.
    pub name: TableName,
    /// What was done.
    #[serde(flatten)]
    pub done: T,
}

/// Rewrites small files as fewer and larger ones, sorted by the `cluster_by` of the project. No names: all tables.
///
/// # Errors
/// A mistake in the project, a table that is not there, or a lake that cannot be written.
pub async fn optimize(
    context: &Context,
    names: &[String],
    dry_run: bool,
) -> Result<Maintained<Optimized>, Diagnostics> {
    let project = compile(context).await?;
    let environment = &project.plan.environment;
    let lake = wiring::lake(environment, &project.request.environ).await?;
    let clusters = clusters(&project.plan);
    let work = Work::begin(context, &lake, "tables optimize", dry_run)?;
    let mut done = Vec::new();
    for (name, table) in chosen(&lake, names).await? {
        let options = OptimizeOptions {
            cluster_by: clusters.get(&name).cloned().unwrap_or_default(),
            small_bytes: OptimizeOptions::SMALL_BYTES,
            at_least: 2,
            memory_limit: environment.memory_limit,
            spill_dir: Some(project.request.dir.join(".headwater").join("spill")),
            run_id: work.run_id.clone(),
            at: work.at,
        };
        let optimized = match dry_run {
            true => would_optimize(&table, &options),
            false => lake.optimize(&name, &options).await.map_err(|error| error.diagnostic())?,
        };
        done.push(MaintainedTable { name, done: optimized });
    }
    Ok(Maintained { dry_run, tables: done })
}

/// The columns by which the rows of a table are sorted, as its source says.
fn clusters(plan: &Plan) -> HashMap<TableName, Vec<String>> {
    let ingests = plan.nodes.values().filter_map(|node| match &node.step {
        Step::Ingest(ingest) => Some((ingest.target.clone(), ingest.layout.cluster_by.clone())),
        _ => None,
    });
    ingests.collect()
}

fn would_optimize(table: &Table, options: &OptimizeOptions) -> Optimized {
    let groups = table.to_optimize(options);
    let bytes = groups.iter().map(|group| group.bytes).sum();
    Optimized {
        version: table.version(),
        partitions: groups.len() as u64,
        files_removed: groups.iter().map(|group| group.files.len() as u64).sum(),
        // What packs how well is known once it is written.
        files_added: groups.len() as u64,
        bytes_removed: bytes,
        bytes_added: bytes,
    }
}

/// Removes the files of tables that nobody needs: those of versions older than the retention, and litter. No names: all
/// tables.
///
/// # Errors
/// As [`optimize`], but only `headwater.yml` is read.
pub async fn vacuum(
    context: &Context,
    names: &[String],
    retention: Option<TimeDelta>,
    dry_run: bool,
) -> Result<Maintained<Vacuumed>, Diagnostics> {
    let lake = tables::open(context).await?;
    let work = Work::begin(context, &lake, "tables vacuum", dry_run)?;
    let options = VacuumOptions { retention: retention.unwrap_or(VacuumOptions::RETENTION), dry_run, at: work.at };
    let mut done = Vec::new();
    for (name, _) in chosen(&lake, names).await? {
        let vacuumed = lake.vacuum(&name, &options).await.map_err(|error| error.diagnostic())?;
        done.push(MaintainedTable { name, done: vacuumed });
    }
    Ok(Maintained { dry_run, tables: done })
}

/// Makes an earlier version of a table the newest again.
///
/// # Errors
/// As [`vacuum`], and a version that is not there or not whole any more.
pub async fn restore(
    context: &Context,
    name: &str,
    to: RestoreTo,
    dry_run: bool,
) -> Result<MaintainedTable<Restored>, Diagnostics> {
    let lake = tables::open(context).await?;
    let (name, _) = table(&lake, name).await?;
    let work = Work::begin(context, &lake, "tables restore", dry_run)?;
    let options = RestoreOptions { to, dry_run, run_id: work.run_id.clone(), at: work.at };
    let restored = lake.restore(&name, &options).await.map_err(|error| error.diagnostic())?;
    Ok(MaintainedTable { name, done: restored })
}

/// The tables of these names, each once; all tables for no names.
async fn chosen(lake: &Lake, names: &[String]) -> Result<Vec<(TableName, Table)>, Diagnostics> {
    let mut chosen: Vec<(TableName, Table)> = Vec::new();
    for name in names {
        let (name, table) = table(lake, name).await?;
        if !chosen.iter().any(|(known, _)| *known == name) {
            chosen.push((name, table));
        }
    }
    if names.is_empty() {
        let relations = lake.relations().await.map_err(|error| error.diagnostic())?;
        for relation in relations.into_iter().filter(|relation| relation.kind == RelationKind::Table) {
            let found = lake.relation(&relation.name).await.map_err(|error| error.diagnostic())?;
            if let Some(Relation::Table(table)) = found {
                chosen.push((relation.name, table));
            }
        }
    }
    Ok(chosen)
}

async fn table(lake: &Lake, asked: &str) -> Result<(TableName, Table), Diagnostics> {
    match tables::find(lake, asked).await? {
        (name, Relation::Table(table)) => Ok((name, table)),
        (name, Relation::View(_)) => Err(OpsError::NoHistory { view: name.to_string() }.into()),
    }
}

/// One verb at work: its name in the tables' history, and the lake held for it.
pub(crate) struct Work {
    pub(crate) run_id: RunId,
    pub(crate) at: DateTime<Utc>,
    _lock: Option<LakeLock>,
}

impl Work {
    /// Holds the lake, unless nothing will be written.
    pub(crate) fn begin(context: &Context, lake: &Lake, command: &str, dry_run: bool) -> Result<Self, Diagnostics> {
        let (run_id, at) = (run_id(&context.invocation()), context.clock.now());
        let holder = LockHolder {
            run_id: run_id.clone(),
            pid: std::process::id(),
            host: context.host.clone(),
            command: command.to_owned(),
            since: at,
        };
        let lock = match dry_run {
            true => None,
            false => Some(lake.lock(&holder).map_err(|error| error.diagnostic())?),
        };
        if !dry_run {
            spark::idle(&context.request()?, lake)?;
        }
        Ok(Self { run_id, at, _lock: lock })
    }
}
