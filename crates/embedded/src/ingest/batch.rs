//! One batch that the ledger holds: loaded, staged, committed, finished.

use headwater_connect::files::Load;
use headwater_lake::{
    AppTransaction, Attempt, Batch, FileAccount, FileCount, FinishedPart, LakeError, QuarantineChange, Unfinished,
    WriteMode, WriteOptions, fault,
};
use headwater_plan::{Built, Field, Ingest, Node, OnBadRow, OnSchemaChange, StepContext};
use uuid::Uuid;

use super::{Step, Turn};
use crate::error::EmbeddedError;
use crate::finish::{Ended, finish};
use crate::intake::Intake;
use crate::load::{BadRows, Counts, Loaded, Work, load};
use crate::quarantine::{QuarantineWriter, keep_first};

/// The name of the operation in the table's history.
const OPERATION: &str = "INGEST";

/// A write to the bronze table.
pub(crate) fn target_options(
    node: &Node,
    ingest: &Ingest,
    context: &StepContext,
    mode: WriteMode,
    added: &[Field],
) -> WriteOptions {
    let mut schema = ingest.table_schema();
    schema.fields.extend(added.iter().cloned());
    WriteOptions {
        merge_schema: ingest.on_schema_change == OnSchemaChange::AddColumns,
        partition_by: ingest.layout.partition_by.clone(),
        built: Some(Built { fingerprint: node.fingerprint.clone(), inputs: Default::default() }),
        ..WriteOptions::new(ingest.target.clone(), schema, mode, OPERATION, context)
    }
}

/// What a batch's commit must find, so that it is made once and in its turn.
pub(crate) fn in_turn(options: WriteOptions, intake: &Intake, batch: &Batch, attempt: Uuid) -> WriteOptions {
    WriteOptions {
        transaction: Some(AppTransaction { app_id: intake.ledger.app_id(), version: batch.number }),
        follows: Some(batch.follows),
        retires: intake.ledger.retires(batch),
        sets: Vec::new(),
        attempt: Some(attempt),
        ..options
    }
}

impl Step<'_> {
    /// Loads a batch that the ledger holds, and commits it.
    pub(super) async fn load(&mut self, intake: &mut Intake, batch: Batch, files: Load) -> Result<Turn, EmbeddedError> {
        let mode = if batch.replace { WriteMode::Replace } else { WriteMode::Append };
        let options = target_options(self.node, self.ingest, self.context, mode, files.added_columns());
        let attempt = Uuid::new_v4();
        let writer = match self.engine.lake.begin_write(in_turn(options, intake, &batch, attempt)).await {
            Ok(writer) => writer,
            Err(LakeError::OutOfTurn { .. }) => return Ok(Turn::Overtaken),
            Err(error) => return Err(error.into()),
        };
        let bad_rows = match self.ingest.on_bad_row {
            OnBadRow::Fail => BadRows::Refuse,
            OnBadRow::Quarantine => {
                let quarantine = QuarantineWriter::begin(self.engine, self.ingest, self.context, batch.number).await?;
                BadRows::SetAside { quarantine: Box::new(quarantine), limit: self.ingest.max_bad_rows }
            }
        };
        let size = FileCount::of(batch.files()).bytes;
        let work = Work {
            target: &self.ingest.target,
            spare_threads: &self.engine.spare_threads,
            context: self.context,
            before: self.done,
        };
        let loaded = load(files, size, &writer, bad_rows, work).await;
        let Some(loaded) = self.unless_overtaken(intake, loaded).await? else { return Ok(Turn::Overtaken) };
        let Loaded { parts, quarantined, records, examples, files } =
            self.or_withdraw(intake, batch.number, loaded).await?;
        fault::point("rows-staged");
        let staged = self.stage(intake, &batch, (attempt, quarantined, &files)).await?;
        fault::point("before-table-commit");
        let committed = match writer.commit(parts).await {
            Ok(committed) if !committed.already => committed,
            Ok(_) | Err(LakeError::OutOfTurn { .. }) => {
                discard(self, intake, &staged).await?;
                return Ok(Turn::Overtaken);
            }
            // It may be committed all the same, so that what was staged must stay.
            Err(error) => return Err(error.into()),
        };
        fault::point("table-committed");
        intake.ledger.note_committed(&batch);
        self.note(&batch, records, committed.rows, &files);
        let table = committed.version;
        self.report.version = Some(table.clone());
        keep_first(&mut self.examples, examples);
        let files = intake.sources(batch.files());
        let ended = Unfinished { generation: intake.ledger.generation(), batch, attempt: staged };
        let ended = Ended { batch: &ended, table: &table, files };
        finish(self.engine, self.ingest, self.context, &mut intake.ledger, ended).await?;
        Ok(Turn::Again)
    }

    /// Leaves what the quarantine is to get in its place, and writes down that it is there.
    async fn stage(
        &self,
        intake: &Intake,
        batch: &Batch,
        (id, quarantined, files): (Uuid, Option<FinishedPart>, &[Counts]),
    ) -> Result<Attempt, EmbeddedError> {
        let add = match quarantined {
            Some(part) => part.into_staged().await?,
            None => Vec::new(),
        };
        fault::point("quarantine-staged");
        // What replaces the table replaces its quarantine.
        let changes = batch.replace || !add.is_empty();
        let attempt = Attempt {
            id,
            batch: batch.number,
            run_id: self.context.run_id.clone(),
            at: self.context.clock.now(),
            quarantine: changes.then_some(QuarantineChange { replace: batch.replace, add }),
            account: account(batch, files),
        };
        intake.ledger.stage(&attempt).await?;
        Ok(attempt)
    }

    fn note(&mut self, batch: &Batch, records: u64, rows: u64, files: &[Counts]) {
        let size = FileCount::of(batch.files());
        self.done.rows += rows;
        self.done.bytes += size.bytes;
        self.report.rows.read += records;
        self.report.rows.written += rows;
        self.report.rows.quarantined += files.iter().map(|file| file.quarantined).sum::<u64>();
        for file in files {
            self.report.skipped += file.skipped;
        }
        self.report.files += size.files;
        self.report.bytes += size.bytes;
    }
}

/// What became of every record of a batch's files.
fn account(batch: &Batch, counts: &[Counts]) -> Vec<FileAccount> {
    let counts = counts.iter().copied().chain(std::iter::repeat(Counts::default()));
    let line = |(file, counts): (&headwater_lake::LedgerFile, Counts)| FileAccount {
        path: file.path.clone(),
        records: counts.records,
        loaded: counts.records - counts.quarantined,
        quarantined: counts.quarantined,
        skipped: counts.skipped,
    };
    batch.files().iter().zip(counts).map(line).collect()
}

/// Removes what was staged for an attempt that surely became no commit.
async fn discard(step: &Step<'_>, intake: &Intake, staged: &Attempt) -> Result<(), EmbeddedError> {
    if let Some(change) = &staged.quarantine {
        step.engine.lake.discard(&step.ingest.quarantine, &change.add).await?;
    }
    Ok(intake.ledger.discard(staged).await?)
}
