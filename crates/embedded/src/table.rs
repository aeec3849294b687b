//! A query to a table: all of its rows, in place of what was there, in one commit.
//!
//! Risk: a table that is half of one query and half of another, or that claims to be built from what it was not. The
//! inputs are looked up once, and the versions found are both what is read and what the commit records.

use headwater_lake::{AppTransaction, WriteMode, WriteOptions, fault};
use headwater_plan::{Built, Node, Query, RowCounts, Schema, StepContext, StepReport, Table, TableLayout};

use crate::error::EmbeddedError;
use crate::inputs::Inputs;
use crate::{EmbeddedEngine, external, rows};

/// Builds the table of a step.
pub(crate) async fn execute(
    engine: &EmbeddedEngine,
    node: &Node,
    table: &Table,
    context: &StepContext,
) -> Result<StepReport, EmbeddedError> {
    build(engine, node, &table.query, &table.layout, context).await
}

/// Builds a table from a query. `rows.read` and `bytes` of the report are those of the tables that the query reads, each counted
/// once, as their logs tell them: a query that reads a table twice, or only a part of it, reads that table's rows.
pub(crate) async fn build(
    engine: &EmbeddedEngine,
    node: &Node,
    query: &Query,
    layout: &TableLayout,
    context: &StepContext,
) -> Result<StepReport, EmbeddedError> {
    let Some(target) = node.relation.clone() else { return Ok(StepReport::default()) };
    let session = engine.session()?;
    let mut inputs = Inputs::of(&engine.lake, &query.reads).await?;
    let typed = session.plan(&engine.lake, &query.sql, &mut inputs).await?;
    check_columns(&node.schema, &typed.schema)?;
    let built = Some(Built { fingerprint: node.fingerprint.clone(), inputs: inputs.versions() });
    let options = WriteOptions::new(target, typed.schema.clone(), WriteMode::Replace, "TABLE", context);
    let sets = vec![AppTransaction::of_step(&node.id, context.clock.now())];
    let partition_by = layout.partition_by.clone();
    let writer = engine.lake.begin_write(WriteOptions { built, partition_by, sets, ..options }).await?;
    let execution = session.lower(&typed, &inputs).await?;
    let parts = rows::write(session, execution, &|| writer.part(), context).await?;
    if context.cancel.is_cancelled() {
        writer.abort(parts).await;
        return Err(EmbeddedError::Cancelled);
    }
    fault::point("before-table-commit");
    let committed = writer.commit(parts).await?;
    fault::point("table-committed");
    Ok(StepReport {
        rows: RowCounts { read: inputs.rows(), written: committed.rows, quarantined: 0 },
        bytes: inputs.bytes(),
        version: Some(committed.version),
        inputs: inputs.versions(),
        ..StepReport::default()
    })
}

/// Refuses a query that is not what the project was checked with: what it reads is older than the plan.
pub(crate) fn check_columns(planned: &Schema, found: &Schema) -> Result<(), EmbeddedError> {
    let mut differences = external::differences(planned, found);
    let surplus = found.fields.iter().filter(|field| planned.field(&field.name).is_none());
    differences.extend(surplus.map(|field| format!("`{}` is new", field.name)));
    if differences.is_empty() { Ok(()) } else { Err(EmbeddedError::ColumnsChanged { differences }) }
}
