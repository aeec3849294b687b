//! A query that should find nothing. What it finds is counted, kept if that is asked for, and the first rows are shown.
//!
//! Risk: a count of other rows than those that are kept. What is kept is what is counted: the rows are written first,
//! and everything else is told from the table.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::DataFusionError;
use headwater_lake::{WriteMode, WriteOptions};
use headwater_plan::{Node, RowCounts, StepContext, StepReport, TableName, Test, found};

use crate::error::EmbeddedError;
use crate::inputs::Inputs;
use crate::rows::{self, next, side_by_side};
use crate::{EmbeddedEngine, query};

/// How many of the rows that a test finds are shown.
const SAMPLE: usize = 5;
/// How many characters of a row are shown.
const SAMPLE_WIDTH: usize = 300;

pub(crate) async fn execute(
    engine: &EmbeddedEngine,
    node: &Node,
    test: &Test,
    context: &StepContext,
) -> Result<StepReport, EmbeddedError> {
    let mut inputs = Inputs::of(&engine.lake, &test.query.reads).await?;
    let found = match &test.store_failures {
        Some(kept) => kept_rows(engine, test, kept, &mut inputs, context).await?,
        None if test.counts_rows() => counted(engine, test, &mut inputs, context).await?,
        None => calculated(engine, test, &test.limited(), &mut inputs).await?,
    };
    let count = found
        .count
        .ok_or_else(|| EmbeddedError::NoCount { test: node.name.clone(), fail_calc: test.fail_calc.clone() })?;
    Ok(StepReport {
        rows: RowCounts { read: inputs.rows(), written: found.kept, quarantined: 0 },
        bytes: inputs.bytes(),
        failures: Some(u64::try_from(count).unwrap_or(0)),
        inputs: inputs.versions(),
        diagnostics: test.told(node, found::Found { count, sample: found.sample }).into_iter().collect(),
        ..StepReport::default()
    })
}

/// What a test found.
#[derive(Default)]
struct Found {
    /// What it counts; `None` if that is null.
    count: Option<i64>,
    /// The first of the rows.
    sample: Vec<String>,
    /// How many rows are kept in a table.
    kept: u64,
}

/// Counts the rows while they come.
async fn counted(
    engine: &EmbeddedEngine,
    test: &Test,
    inputs: &mut Inputs,
    context: &StepContext,
) -> Result<Found, EmbeddedError> {
    let session = engine.session()?;
    let typed = session.plan(&engine.lake, &test.query.sql, inputs).await?;
    let execution = session.lower(&typed, inputs).await?;
    let (cancel, memory_limit) = (context.cancel.clone(), session.memory_limit);
    let (limit, counted) = (test.limit.unwrap_or(u64::MAX), Arc::new(AtomicU64::new(0)));
    let partitions = side_by_side(session, execution, |mut stream| {
        let (cancel, counted) = (cancel.clone(), Arc::clone(&counted));
        async move {
            let mut sample = Vec::new();
            while counted.load(Ordering::Relaxed) < limit
                && let Some(batch) = next(&mut stream, &cancel, memory_limit).await?
            {
                counted.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
                add(&mut sample, &batch).map_err(|source| EmbeddedError::Query { source, memory_limit })?;
            }
            Ok(sample)
        }
    })
    .await?;
    // In the order of the partitions, so that the same rows are shown each time.
    let shown = usize::try_from(limit).unwrap_or(usize::MAX).min(SAMPLE);
    let sample: Vec<String> = partitions.into_iter().flatten().take(shown).collect();
    let count = counted.load(Ordering::Relaxed).min(limit);
    Ok(Found { count: Some(i64::try_from(count).unwrap_or(i64::MAX)), sample, kept: 0 })
}

/// Calculates over the rows of a query, and looks at the first of them.
async fn calculated(
    engine: &EmbeddedEngine,
    test: &Test,
    failing: &str,
    inputs: &mut Inputs,
) -> Result<Found, EmbeddedError> {
    let sql = format!("select cast({} as bigint) as failures\nfrom (\n{failing}\n) dbt_internal_test", test.fail_calc);
    let count = query::collect(engine, &sql, inputs, 1).await?.1;
    let count = count.first().and_then(|row| row.first()).and_then(serde_json::Value::as_i64);
    let mut found = Found { count, ..Found::default() };
    if count.is_some_and(|count| test.verdict(count).is_some()) {
        let sql = format!("select * from (\n{failing}\n) dbt_internal_test limit {SAMPLE}");
        found.sample = sample_of(engine, &sql, inputs).await?;
    }
    Ok(found)
}

/// Writes the rows to the table that keeps them, in place of those of the run before, and tells from there.
async fn kept_rows(
    engine: &EmbeddedEngine,
    test: &Test,
    kept: &TableName,
    inputs: &mut Inputs,
    context: &StepContext,
) -> Result<Found, EmbeddedError> {
    let session = engine.session()?;
    let typed = session.plan(&engine.lake, &test.limited(), inputs).await?;
    let options = WriteOptions::new(kept.clone(), typed.schema.clone(), WriteMode::Replace, "TEST", context);
    let writer = engine.lake.begin_write(options).await?;
    let execution = session.lower(&typed, inputs).await?;
    let parts = rows::write(session, execution, &|| writer.part(), context).await?;
    if context.cancel.is_cancelled() {
        writer.abort(parts).await;
        return Err(EmbeddedError::Cancelled);
    }
    let written = writer.commit(parts).await?.rows;
    let rows = format!("select * from {}", kept.quoted());
    let mut found = calculated(engine, test, &rows, &mut Inputs::default()).await?;
    found.kept = written;
    Ok(found)
}

async fn sample_of(engine: &EmbeddedEngine, sql: &str, inputs: &mut Inputs) -> Result<Vec<String>, EmbeddedError> {
    let session = engine.session()?;
    let mut sample = Vec::new();
    for batch in query::batches(engine, sql, inputs, SAMPLE).await?.1 {
        add(&mut sample, &batch).map_err(|source| session.failed(source))?;
    }
    Ok(sample)
}

fn add(sample: &mut Vec<String>, batch: &RecordBatch) -> Result<(), DataFusionError> {
    for row in 0..batch.num_rows().min(SAMPLE.saturating_sub(sample.len())) {
        sample.push(shown(batch, row)?);
    }
    Ok(())
}

/// A row as `column = value, …`.
fn shown(batch: &RecordBatch, row: usize) -> Result<String, DataFusionError> {
    let options = FormatOptions::default().with_null("null");
    let mut cells = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
        cells.push(format!("{} = {}", field.name(), formatter.value(row).try_to_string()?));
    }
    let text = cells.join(", ");
    Ok(match text.char_indices().nth(SAMPLE_WIDTH) {
        Some((end, _)) => format!("{} …", text.get(..end).unwrap_or_default()),
        None => text,
    })
}
