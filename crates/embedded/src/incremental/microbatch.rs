//! An incremental model that is built span by span of event time, each in a commit of its own.
//!
//! A span's rows are computed from the inputs' rows of that span, and replace the rows of the table that belong to it,
//! so that a span may be computed as often as one likes. What the table carries says how far it is:
//!
//! | transaction | says |
//! |---|---|
//! | `headwater:spans:newest` | the end of the newest span that was ever computed; the next run begins `lookback` spans before |
//! | `headwater:spans:from`, `headwater:spans:done` | of the run that wrote last: where it began, and the end of what it has done |
//!
//! Risk: a run that is cut off and counts as done, so that its other spans are never computed. Only the commit of the
//! last span says from what the model is built; those before it say so with a mark, by which a run of the same code over
//! the same inputs knows to go on behind them.

mod filter;
mod progress;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::logical_expr::LogicalPlan;
use headwater_lake::{
    AppTransaction, ChangeOptions, FILE_NUMBER, FinishedPart, Outcome, Relation, Removal, Table, TableChange,
    WriteMode, WriteOptions, fault,
};
use headwater_plan::{Built, Diagnostic, Field, Microbatch, Query, RowCounts, Spans, StepReport};
use headwater_sql::RelationSource;
use serde_json::Value;

use self::filter::{EventTime, Filter, belongs};
use self::progress::Progress;
pub(crate) use self::progress::is_due;
use super::spans::Span;
use super::{ATTEMPTS, Step, columns, quoted};
use crate::change::{Asked, Touched, find, rewrite, target_rows};
use crate::compact::compact;
use crate::error::EmbeddedError;
use crate::inputs::Inputs;
use crate::{rows, table};
use headwater_plan::refusal::IncrementalError;

/// What all spans of a run share.
struct Run<'a> {
    step: Step<'a>,
    microbatch: &'a Microbatch,
    query: &'a Query,
    inputs: Inputs,
    filters: Vec<Filter>,
    progress: Progress,
    written: u64,
    told: Vec<Diagnostic>,
}

pub(super) async fn execute(step: Step<'_>, microbatch: &Microbatch) -> Result<StepReport, EmbeddedError> {
    let inputs = Inputs::of(&step.engine.lake, &step.incremental.reads).await?;
    let base = step.base().await?;
    let progress = Progress::of(&step, microbatch, base.as_ref(), &inputs).await?;
    let is_new = base.is_none();
    let query = if is_new { &step.incremental.full } else { &step.incremental.increment };
    let filters = Filter::all(&step.engine.lake, microbatch).await?;
    let mut run = Run { step, microbatch, query, inputs, filters, progress, written: 0, told: Vec::new() };
    let spans = run.progress.spans.clone();
    for (position, span) in spans.iter().enumerate() {
        let is_first = is_new && position == 0;
        run.span(*span, is_first, position + 1 == spans.len()).await?;
    }
    run.told.extend(compact(step.engine, step.target, &step.incremental.layout, step.context).await);
    run.report().await
}

impl Run<'_> {
    /// Computes a span, anew if others changed the table meanwhile.
    async fn span(&mut self, span: Span, is_first: bool, is_last: bool) -> Result<(), EmbeddedError> {
        for _ in 0..ATTEMPTS {
            let base = if is_first { None } else { self.table().await? };
            let ended = match &base {
                None => self.begin(span, is_last).await.map(|()| true),
                Some(base) => self.replace(base, span, is_last).await,
            };
            match ended {
                Ok(true) => return Ok(()),
                // Columns were dropped: the span goes into what is there now.
                Ok(false) => {}
                Err(EmbeddedError::Lake(error)) if error.is_overtaken() && !self.step.context.cancel.is_cancelled() => {
                }
                Err(error) => return Err(error),
            }
        }
        Err(EmbeddedError::Overtaken { table: self.step.target.clone(), attempts: ATTEMPTS })
    }

    async fn table(&self) -> Result<Option<Table>, EmbeddedError> {
        match self.step.engine.lake.relation(self.step.target).await? {
            Some(Relation::Table(table)) => Ok(Some(table)),
            _ => Ok(None),
        }
    }

    /// What the table says of itself after a span.
    fn built(&self, is_last: bool) -> Built {
        let fingerprint = &self.step.node.fingerprint;
        let fingerprint = if is_last { fingerprint.clone() } else { progress::unfinished(fingerprint) };
        Built { fingerprint, inputs: self.inputs.versions() }
    }

    fn turn(&self) -> AppTransaction {
        AppTransaction::of_step(&self.step.node.id, self.step.context.clock.now())
    }

    /// Makes the table, with the rows of the first span.
    async fn begin(&mut self, span: Span, is_last: bool) -> Result<(), EmbeddedError> {
        let (engine, context, node) = (self.step.engine, self.step.context, self.step.node);
        let session = engine.session()?;
        let mut inputs = self.filtered(span);
        let typed = session.plan(&engine.lake, &self.query.sql, &mut inputs).await?;
        table::check_columns(&node.schema, &typed.schema)?;
        let event_time = EventTime::of(self.microbatch, &typed.schema)?;
        let options =
            WriteOptions::new(self.step.target.clone(), typed.schema.clone(), WriteMode::Replace, "TABLE", context);
        let options = WriteOptions {
            built: Some(self.built(is_last)),
            partition_by: self.step.incremental.layout.partition_by.clone(),
            sets: self.progress.after(span).into_iter().chain([self.turn()]).collect(),
            ..options
        };
        let writer = engine.lake.begin_write(options).await?;
        let execution = session.lower(&typed, &inputs).await?;
        let (look, outside) = outside(&event_time, span);
        let parts = rows::write_looking(session, execution, &|| writer.part(), context, look).await?;
        if context.cancel.is_cancelled() {
            writer.abort(parts).await;
            return Err(EmbeddedError::Cancelled);
        }
        event_time.check(outside.load(Ordering::Relaxed), span)?;
        fault::point("before-table-commit");
        self.written += writer.commit(parts).await?.rows;
        fault::point("table-committed");
        Ok(())
    }

    /// Puts the rows of a span in the place of those that the table has of it; false if columns were dropped instead.
    async fn replace(&mut self, base: &Table, span: Span, is_last: bool) -> Result<bool, EmbeddedError> {
        let context = self.step.context;
        let mut inputs = self.filtered(span);
        inputs.place(self.step.target.clone(), RelationSource::Provider(base.provider().await?));
        let planned = self.step.plan(base, self.query, &mut inputs).await?;
        if !planned.fitted.dropped.is_empty() {
            self.told.push(columns::drop(&self.step, base, &planned.fitted, &inputs).await?);
            return Ok(false);
        }
        let schema = &planned.fitted.schema;
        let event_time = EventTime::of(self.microbatch, schema)?;
        let options = ChangeOptions {
            schema: schema.clone(),
            built: Some(self.built(is_last)),
            transactions: self.progress.after(span),
            turn: Some(self.turn()),
            parameters: vec![("mode", Value::from("Overwrite")), ("predicate", Value::from(event_time.within(span)))],
            ..ChangeOptions::new(base, "WRITE", context)
        };
        let change = self.step.engine.lake.begin_change(base, options)?;
        let (touched, mut parts) = self.kept(&change, &event_time.within(span), &inputs).await?;
        let copied = rows_in(&parts);
        let new = self.computed(&planned.rows, &change, (&event_time, span), &inputs).await?;
        let added = rows_in(&new);
        parts.extend(new);
        fault::point("increment-computed");
        if context.cancel.is_cancelled() {
            change.abort(parts).await;
            return Err(EmbeddedError::Cancelled);
        }
        let is_wider = schema.fields.len() > base.schema().fields.len();
        if added > 0 || !touched.files.is_empty() || is_wider || is_last {
            let removed = touched.files.iter().map(|file| file.path.clone()).collect();
            let metrics = vec![("numOutputRows", added), ("numDeletedRows", touched.rows), ("numCopiedRows", copied)];
            change.commit(parts, &Outcome { removal: Removal::Files(removed), metrics }).await?;
        }
        self.written += added;
        let told = columns::ignored(&self.step, &planned.fitted).filter(|told| !self.told.contains(told));
        self.told.extend(told);
        Ok(true)
    }

    /// The files that hold rows of a span, and what stays of them, written anew.
    async fn kept(
        &self,
        change: &TableChange,
        condition: &str,
        inputs: &Inputs,
    ) -> Result<(Touched, Vec<FinishedPart>), EmbeddedError> {
        let (engine, context, base) = (self.step.engine, self.step.context, change.base());
        let target = format!("{}.{}", quoted(&target_rows().schema), quoted(&target_rows().name));
        let sql = format!("SELECT `{FILE_NUMBER}` FROM {target} WHERE {condition}");
        let asked = Asked { sql: &sql, inputs, hash_joins: true };
        let touched = find(engine, base, base.data_files(), asked, context).await?;
        let column = |field: &Field| match base.schema().field(&field.name) {
            Some(_) => quoted(&field.name),
            None => format!("CAST(NULL AS {}) AS {}", field.data_type, quoted(&field.name)),
        };
        let names: Vec<String> = change.schema().fields.iter().map(column).collect();
        let sql = format!("SELECT {} FROM {target} WHERE NOT coalesce({condition}, false)", names.join(", "));
        let asked = Asked { sql: &sql, ..asked };
        let parts = rewrite(engine, change, &touched.files, asked, context).await?.finish()?;
        Ok((touched, parts))
    }

    /// The rows of a span; refused if one does not belong to it.
    async fn computed(
        &self,
        plan: &LogicalPlan,
        change: &TableChange,
        (event_time, span): (&EventTime, Span),
        inputs: &Inputs,
    ) -> Result<Vec<FinishedPart>, EmbeddedError> {
        let session = self.step.engine.session()?;
        let execution = session.lower_so(plan, session.manner(inputs)).await?;
        let (look, outside) = outside(event_time, span);
        let parts = rows::write_looking(session, execution, &|| change.part(), self.step.context, look).await?;
        event_time.check(outside.load(Ordering::Relaxed), span)?;
        Ok(parts)
    }

    /// The inputs, of which those with a time of their own give the rows of a span only.
    fn filtered(&self, span: Span) -> Inputs {
        let mut inputs = self.inputs.clone();
        self.filters.iter().for_each(|filter| filter.place(&mut inputs, span));
        inputs
    }

    async fn report(self) -> Result<StepReport, EmbeddedError> {
        let version = self.step.engine.lake.relation(self.step.target).await?.map(|relation| relation.version());
        let spans = self.progress.spans.first().zip(self.progress.spans.last()).map(|(first, last)| Spans {
            count: self.progress.spans.len() as u64,
            from: first.from,
            to: last.to,
            done_before: self.progress.done_before,
        });
        Ok(StepReport {
            rows: RowCounts { read: self.inputs.rows(), written: self.written, quarantined: 0 },
            bytes: self.inputs.bytes(),
            version,
            inputs: self.inputs.versions(),
            spans,
            diagnostics: self.told,
            ..StepReport::default()
        })
    }
}

fn rows_in(parts: &[FinishedPart]) -> u64 {
    parts.iter().map(FinishedPart::rows).sum()
}

/// Counts the rows that lie outside of a span, as they are written.
fn outside(event_time: &EventTime, span: Span) -> (rows::Look, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let (column, counted) = (event_time.column.clone(), Arc::clone(&count));
    let look: rows::Look = Arc::new(move |batch| {
        let outside = batch.num_rows() - belongs(batch, &column, span)?;
        counted.fetch_add(outside as u64, Ordering::Relaxed);
        Ok(())
    });
    (look, count)
}

impl EventTime {
    /// Refuses rows that do not belong to their span.
    fn check(&self, outside: u64, span: Span) -> Result<(), IncrementalError> {
        if outside == 0 {
            return Ok(());
        }
        let (from, to) = (span.from, span.to);
        Err(IncrementalError::OutsideSpan { rows: outside, column: self.column.clone(), from, to })
    }
}

/// A transaction of ours in a table.
fn transaction(app_id: &str, at: chrono::DateTime<chrono::Utc>) -> AppTransaction {
    AppTransaction { app_id: app_id.to_owned(), version: at.timestamp() }
}
