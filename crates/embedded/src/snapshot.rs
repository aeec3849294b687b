//! The history of a query's rows: a row for each version that a row had, as dbt's snapshots keep it.
//!
//! Risk: a version that is kept twice, or lost. The query is computed once and compared with one version of the table; the
//! versions that end and those that begin are one commit, which insists on that version of the table. A run that died
//! before it changed nothing, and one that died after it finds nothing that differs. The history is never built anew.
//!
//! | module | owns |
//! |---|---|
//! | `compare` | the queries: which versions end, which begin |
//! | `columns` | the query's columns beside the table's |
//!
//! After `snapshot_staging_table` and `snapshot_merge_sql` of dbt-adapters, with dbt-spark's hash. Two things differ: a key
//! of several rows is refused (dbt lets chance decide), and so are versions that begin with the id of the one that they
//! end (dbt ends the one and leaves out the other).

mod columns;
mod compare;

use headwater_lake::{
    AppTransaction, ChangeOptions, Committed, FinishedPart, LakeError, Outcome, Relation, Removal, Table, WriteMode,
    WriteOptions, fault,
};
use headwater_plan::{
    Built, Code, DataType, Diagnostic, Node, RowCounts, Schema, Snapshot, StepContext, StepReport, TableName,
};
use headwater_sql::RelationSource;

use self::columns::Columns;
use self::compare::{Compare, changed_rows};
use crate::EmbeddedEngine;
use crate::error::EmbeddedError;
use crate::inputs::Inputs;
use crate::query;
use crate::rows;
use crate::spool::Spool;
use crate::statement::rewriting::{Rewriting, finished, source_rows};
use headwater_plan::refusal::SnapshotError;

/// How often a step begins anew because others changed its table meanwhile.
const ATTEMPTS: u32 = 10;

/// `rows.read` and `bytes` of the report are those of the tables that the query reads; `rows.written` are the versions
/// that began or ended.
pub(crate) async fn execute(
    engine: &EmbeddedEngine,
    node: &Node,
    snapshot: &Snapshot,
    context: &StepContext,
) -> Result<StepReport, EmbeddedError> {
    let Some(target) = &node.relation else { return Ok(StepReport::default()) };
    let taking = Taking { engine, node, snapshot, target, context };
    for _ in 0..ATTEMPTS {
        let taken = match engine.lake.relation(target).await? {
            None => taking.first().await,
            Some(Relation::Table(table)) => taking.next(&table).await.map(Some),
            Some(Relation::View(_)) => {
                Err(SnapshotError::OtherTable { table: target.clone(), wrong: vec!["it is a view".to_owned()] }.into())
            }
        };
        match taken {
            Ok(Some(report)) => return Ok(report),
            // Another run began the history meanwhile.
            Ok(None) | Err(EmbeddedError::Lake(LakeError::OutOfTurn { .. })) => {}
            Err(EmbeddedError::Lake(error)) if error.is_overtaken() => {}
            Err(error) => return Err(error),
        }
        if context.cancel.is_cancelled() {
            return Err(EmbeddedError::Cancelled);
        }
    }
    Err(EmbeddedError::Overtaken { table: target.clone(), attempts: ATTEMPTS })
}

/// A snapshot that is being taken.
#[derive(Clone, Copy)]
struct Taking<'a> {
    engine: &'a EmbeddedEngine,
    node: &'a Node,
    snapshot: &'a Snapshot,
    target: &'a TableName,
    context: &'a StepContext,
}

/// What of a table's history changed.
#[derive(Default)]
struct Changes {
    ended: u64,
    begun: u64,
    /// Versions that would begin with an id that the history has already.
    known: u64,
}

impl Taking<'_> {
    fn built(&self, inputs: &Inputs) -> Built {
        Built { fingerprint: self.node.fingerprint.clone(), inputs: inputs.versions() }
    }

    /// The query's rows with their keys and ids.
    async fn columns(&self, inputs: &mut Inputs) -> Result<Columns, EmbeddedError> {
        let session = self.engine.session()?;
        let query = session.plan(&self.engine.lake, &self.snapshot.query.sql, inputs).await?.schema;
        let mut columns = Columns::new(self.snapshot, query, self.context.clock.now());
        let since = session.plan(&self.engine.lake, &columns.since_type(), inputs).await?;
        columns.since = only_type(&since.schema);
        let until = session.plan(&self.engine.lake, &columns.until_type(), inputs).await?;
        columns.add(only_type(&until.schema));
        Ok(columns)
    }

    /// Begins the history; `None` if another run did.
    async fn first(&self) -> Result<Option<StepReport>, EmbeddedError> {
        let (engine, context) = (self.engine, self.context);
        let session = engine.session()?;
        let mut inputs = Inputs::of(&engine.lake, &self.snapshot.query.reads).await?;
        let columns = self.columns(&mut inputs).await?;
        let typed = session.plan(&engine.lake, &columns.source(), &mut inputs).await?;
        let execution = session.lower(&typed, &inputs).await?;
        let spool = Spool::of(session, &engine.settings.spill_dir, execution, context).await?;
        let provider = spool.provider().map_err(|source| session.failed(source))?;
        let mut read = inputs.clone();
        read.place(source_rows(), RelationSource::Provider(provider));
        self.check_keys(&columns, &mut read).await?;
        let typed = session.plan(&engine.lake, &columns.first(), &mut read).await?;
        let options =
            WriteOptions::new(self.target.clone(), typed.schema.clone(), WriteMode::Replace, "SNAPSHOT", context);
        let app_id = format!("headwater:snapshot:{}", self.target);
        let options = WriteOptions {
            built: Some(self.built(&inputs)),
            // Once: a run that comes second must not replace what the first one begins.
            transaction: Some(AppTransaction { app_id, version: 1 }),
            follows: Some(0),
            sets: vec![AppTransaction::of_step(&self.node.id, context.clock.now())],
            ..options
        };
        let writer = engine.lake.begin_write(options).await?;
        let parts = rows::write(session, session.lower(&typed, &read).await?, &|| writer.part(), context).await?;
        if context.cancel.is_cancelled() {
            writer.abort(parts).await;
            return Err(EmbeddedError::Cancelled);
        }
        fault::point("before-table-commit");
        let committed = writer.commit(parts).await?;
        fault::point("table-committed");
        if committed.already {
            return Ok(None);
        }
        let changes = Changes { begun: committed.rows, ..Changes::default() };
        Ok(Some(self.report(&inputs, &changes, Some(committed))))
    }

    /// Compares the query's rows with those that are valid, and ends and begins versions.
    async fn next(&self, base: &Table) -> Result<StepReport, EmbeddedError> {
        let engine = self.engine;
        let mut inputs = Inputs::of(&engine.lake, &self.snapshot.query.reads).await?;
        inputs.place(self.target.clone(), RelationSource::Provider(base.provider().await?));
        let columns = self.columns(&mut inputs).await?;
        let fitted = columns.beside(self.target, base.schema())?;
        let compare = Compare { snapshot: self.snapshot, columns: &columns, table: base.schema(), schema: &fitted };
        let built = self.built(&inputs);
        let is_other_code = base.built().is_none_or(|before| before.fingerprint != built.fingerprint);
        let mut rewriting = Rewriting { engine, base, inputs, hash_joins: true, only: None, context: self.context };
        rewriting.spool(source_rows(), &columns.source()).await?;
        fault::point("increment-computed");
        self.check_keys(&columns, &mut rewriting.inputs.clone()).await?;
        let ended = rewriting.find(&compare.ended()).await?;
        let candidates = rewriting.spool(changed_rows(), &compare.begun()).await?;
        self.check_ids(&compare, &rewriting).await?;

        let options = ChangeOptions {
            schema: fitted.clone(),
            built: Some(built),
            turn: Some(AppTransaction::of_step(&self.node.id, self.context.clock.now())),
            ..ChangeOptions::new(base, "MERGE", self.context)
        };
        let change = engine.lake.begin_change(base, options)?;
        let mut parts: Vec<FinishedPart> = Vec::new();
        if !ended.files.is_empty() {
            parts = finished(rewriting.rewrite(&change, &ended.files, &compare.rewritten()).await?.parts)?;
        }
        let mut changes = Changes { ended: ended.rows, ..Changes::default() };
        if candidates.rows() > 0 {
            let (added, rows) = rewriting.add(&change, &compare.added()).await?;
            parts.extend(added);
            (changes.begun, changes.known) = (rows, candidates.rows().saturating_sub(rows));
        }
        if let Some(sql) = compare.deletions().filter(|_| ended.rows > 0) {
            let (added, rows) = rewriting.add(&change, &sql).await?;
            parts.extend(added);
            changes.begun += rows;
        }
        let has_new_columns = fitted.fields.len() > base.schema().fields.len();
        if changes.ended + changes.begun == 0 && !has_new_columns && !is_other_code {
            change.abort(parts).await;
            return Ok(self.report(&rewriting.inputs, &changes, None));
        }
        let metrics = vec![("numTargetRowsInserted", changes.begun), ("numTargetRowsUpdated", changes.ended)];
        let committed = if changes.ended + changes.begun == 0 {
            let outcome = Outcome { removal: Removal::Nothing, metrics };
            change.commit(parts, &outcome).await?
        } else {
            rewriting.commit(change, parts, &ended.files, metrics).await?
        };
        Ok(self.report(&rewriting.inputs, &changes, Some(committed)))
    }

    /// Refuses rows that share a key: which of them is the row's version would be chance.
    async fn check_keys(&self, columns: &Columns, inputs: &mut Inputs) -> Result<(), EmbeddedError> {
        let found = query::collect(self.engine, &columns.shared_keys(), inputs, 1).await?.1;
        match counted(found) {
            None => Ok(()),
            Some((keys, example)) => {
                Err(SnapshotError::Keys { key: self.snapshot.unique_key.join(", "), keys, example }.into())
            }
        }
    }

    /// Refuses versions whose id is that of the version that they end: only `updated_at` can tell them apart.
    async fn check_ids(&self, compare: &Compare<'_>, rewriting: &Rewriting<'_>) -> Result<(), EmbeddedError> {
        let Some((updated_at, sql)) = compare.standing() else { return Ok(()) };
        let found = query::collect(self.engine, &sql, &mut rewriting.inputs.clone(), 1).await?.1;
        match counted(found) {
            None => Ok(()),
            Some((rows, example)) => {
                Err(SnapshotError::Stands { updated_at: updated_at.to_owned(), rows, example }.into())
            }
        }
    }

    fn report(&self, inputs: &Inputs, changes: &Changes, committed: Option<Committed>) -> StepReport {
        let mut report = StepReport {
            rows: RowCounts { read: inputs.rows(), written: changes.begun + changes.ended, quarantined: 0 },
            bytes: inputs.bytes(),
            version: committed.map(|committed| committed.version),
            inputs: inputs.versions(),
            ..StepReport::default()
        };
        if changes.known > 0 {
            let rows = if changes.known == 1 { "1 row is".to_owned() } else { format!("{} rows are", changes.known) };
            let message = format!("{rows} back with an `updated_at` that the history of `{}` has already", self.target);
            let warning = Diagnostic::warning(Code::ExecutionFailed, message)
                .at(self.node.location.clone())
                .node(self.node.id.clone())
                .help("no version begins for them, as in dbt: the row must get a new `updated_at` when it comes back");
            report.diagnostics.push(warning);
        }
        report
    }
}

/// The type of the only column.
fn only_type(schema: &Schema) -> DataType {
    schema.fields.first().map_or(DataType::Timestamp, |field| field.data_type.clone())
}

/// A count and an example, if there is anything to count.
fn counted(rows: Vec<Vec<serde_json::Value>>) -> Option<(u64, String)> {
    let row = rows.into_iter().next()?;
    let count = row.first()?.as_u64().filter(|count| *count > 0)?;
    Some((count, row.get(1).map(crate::json::shown).unwrap_or_default()))
}
