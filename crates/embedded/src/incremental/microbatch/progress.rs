//! How far a table is, and which spans a run has to compute.

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, Utc};
use headwater_lake::{AppTransaction, Table};
use headwater_plan::Microbatch;
use headwater_sql::RelationSource;

use super::super::spans::{Span, between, floor, moved};
use super::super::{Step, quoted};
use super::transaction;
use crate::error::EmbeddedError;
use crate::inputs::Inputs;
use crate::rows::next;

const NEWEST: &str = "headwater:spans:newest";
const FROM: &str = "headwater:spans:from";
const DONE: &str = "headwater:spans:done";

/// The spans of a run.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    /// Those that are to be computed, oldest first.
    pub(super) spans: Vec<Span>,
    /// Those that an earlier run, cut off, had computed of the same.
    pub(super) done_before: u64,
    /// Where the run begins, with what was computed before.
    from: DateTime<Utc>,
    /// The end of the newest span that was ever computed.
    newest: Option<DateTime<Utc>>,
}

/// The fingerprint of a model of which some spans are still to be computed.
pub(super) fn unfinished(fingerprint: &str) -> String {
    format!("{fingerprint} unfinished")
}

impl Progress {
    pub(super) async fn of(
        step: &Step<'_>,
        microbatch: &Microbatch,
        base: Option<&Table>,
        inputs: &Inputs,
    ) -> Result<Self, EmbeddedError> {
        let size = microbatch.batch_size;
        let now = step.context.clock.now();
        let newest = match base {
            Some(table) => newest(step, microbatch, table).await?,
            None => None,
        };
        let begin = floor(size, microbatch.begin);
        let mut spans = match (microbatch.asked, newest) {
            (Some((from, to)), _) => between(size, from, to)?,
            (None, None) => between(size, begin, now.max(begin + chrono::Duration::microseconds(1)))?,
            (None, Some(newest)) => {
                let lookback = i32::try_from(microbatch.lookback).unwrap_or(i32::MAX).saturating_add(1);
                between(size, moved(size, newest, -lookback).max(begin), now.max(newest))?
            }
        };
        let from = spans.first().map_or(begin, |span| span.from);
        let mut progress = Self { spans: Vec::new(), done_before: 0, from, newest };
        if let Some(table) = base
            && let Some((began, done)) = cut_off(step, table, inputs).await?
        {
            let count = spans.len();
            let is_done = |span: &Span| span.from >= began && span.to <= done;
            // The last one is computed in any case: with it the model is built.
            let last = spans.last().copied();
            spans.retain(|span| !is_done(span) || Some(*span) == last);
            progress.done_before = (count - spans.len()) as u64;
            if progress.done_before > 0 {
                progress.from = progress.from.min(began);
            }
        }
        progress.spans = spans;
        Ok(progress)
    }

    /// What the table carries after a span.
    pub(super) fn after(&self, span: Span) -> Vec<AppTransaction> {
        let newest = self.newest.map_or(span.to, |newest| newest.max(span.to));
        vec![transaction(NEWEST, newest), transaction(FROM, self.from), transaction(DONE, span.to)]
    }
}

/// Where a run over the same inputs with the same code began, and how far it came before it was cut off.
async fn cut_off(
    step: &Step<'_>,
    table: &Table,
    inputs: &Inputs,
) -> Result<Option<(DateTime<Utc>, DateTime<Utc>)>, EmbeddedError> {
    let is_of_this = table.built().is_some_and(|built| {
        built.fingerprint == unfinished(&step.node.fingerprint) && built.inputs == inputs.versions()
    });
    if !is_of_this {
        return Ok(None);
    }
    Ok(read(table, FROM).await?.zip(read(table, DONE).await?))
}

/// Whether a span has begun that the table has not.
pub(crate) async fn is_due(table: &Table, now: DateTime<Utc>) -> Result<bool, EmbeddedError> {
    Ok(read(table, NEWEST).await?.is_none_or(|newest| newest < now))
}

async fn read(table: &Table, app_id: &str) -> Result<Option<DateTime<Utc>>, EmbeddedError> {
    let version = match table.spans_done() {
        Some(done) => Some(match app_id {
            NEWEST => done.newest,
            FROM => done.from,
            _ => done.done,
        }),
        None => table.transaction_version(app_id).await?,
    };
    Ok(version.and_then(|seconds| DateTime::from_timestamp(seconds, 0)))
}

/// The end of the newest span that the table has: as it says itself, or by its newest row if something else wrote it. A
/// row of the future does not count.
async fn newest(
    step: &Step<'_>,
    microbatch: &Microbatch,
    table: &Table,
) -> Result<Option<DateTime<Utc>>, EmbeddedError> {
    let size = microbatch.batch_size;
    if let Some(newest) = read(table, NEWEST).await? {
        return Ok(Some(newest));
    }
    let session = step.engine.session()?;
    let mut inputs = Inputs::default();
    inputs.place(step.target.clone(), RelationSource::Provider(table.provider().await?));
    let (schema, name) = (quoted(&step.target.schema), quoted(&step.target.name));
    let sql = format!("SELECT max(CAST({} AS timestamp)) FROM {schema}.{name}", quoted(&microbatch.event_time));
    let typed = session.plan(&step.engine.lake, &sql, &mut inputs).await?;
    let execution = session.lower(&typed, &inputs).await?;
    let mut stream = execution.stream().map_err(|source| session.failed(source))?;
    let mut newest = None;
    while let Some(batch) = next(&mut stream, &step.context.cancel, session.memory_limit).await? {
        let instants = cast(batch.column(0), &ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
        let instants = instants.map_err(|source| EmbeddedError::Rows { source })?;
        let found = instants.as_primitive::<TimestampMicrosecondType>().iter().flatten().max();
        newest = newest.max(found.and_then(DateTime::from_timestamp_micros));
    }
    let newest = newest.map(|newest| newest.min(step.context.clock.now()));
    Ok(newest.map(|newest| moved(size, floor(size, newest), 1)))
}
