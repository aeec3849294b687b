//! The quarantine: its rows once more through today's contract, or out of it, and what is in it.
//!
//! Risk: a record that is loaded and stays in quarantine, or leaves it and is not loaded. A replay is a batch of the
//! ledger like any other: one commit of the table decides, and the quarantine's commit repeats what the attempt says
//! until it is done. The quarantine's new rows replace all that is there; between the two commits nobody else can change
//! it, because whoever changes it commits a batch first, and that would be out of turn. For the same reason dropping rows
//! is a batch too.

mod sorted;

use std::collections::BTreeMap;

use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use headwater_connect::files::{LoadOptions, QuarantinedRow};
use headwater_lake::{
    Attempt, Batch, Contents, FileAccount, LakeError, QuarantineChange, TableWriter, Unfinished, Withdrawal, WriteMode,
    fault,
};
use headwater_plan::{AfterLoad, Diagnostic, Field, Ingest, Node, OnSchemaChange, Step, StepContext, TableVersion};
use headwater_sql::types::spark_type;
use uuid::Uuid;

use self::sorted::{Sorted, decode};
use crate::EmbeddedEngine;
use crate::constraints;
use crate::error::EmbeddedError;
use crate::finish::{Ended, finish};
use crate::ingest::{in_turn, target_options};
use crate::intake::Intake;
use crate::load::Counts;
use crate::quarantine::{Columns, QuarantineRow, QuarantineWriter, schema};

/// How many records are decoded at once.
const CHUNK_ROWS: usize = 20_000;
/// How often other processes may be faster before it gives up.
const TURNS: u32 = 100;

/// How a replay ended, or rows were dropped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replayed {
    /// Records that were in quarantine.
    pub records: u64,
    /// Those that are in the table now.
    pub loaded: u64,
    /// Those that were dropped.
    pub dropped: u64,
    /// Those that are still in quarantine.
    pub quarantined: u64,
    /// The table's version after it; `None` if there was nothing to do.
    pub version: Option<TableVersion>,
}

/// What happens to the rows of the quarantine.
enum Act<'a> {
    Replay,
    /// Those of a file go, or all.
    Drop(Option<&'a str>),
}

impl EmbeddedEngine {
    /// Reads the quarantined records of a source once more, through today's contract: those that fit are rows of the
    /// table then, the others stay, with today's reasons.
    ///
    /// # Errors
    /// An earlier load that is not finished, a contract that does not fit the table, an unusable lake.
    pub async fn replay(&self, node: &Node, context: &StepContext) -> Result<Replayed, Diagnostic> {
        self.act(node, context, Act::Replay).await
    }

    /// Drops the quarantined records of a source, or those of one of its files.
    ///
    /// # Errors
    /// An earlier load that is not finished, an unusable lake.
    pub async fn drop_quarantined(
        &self,
        node: &Node,
        file: Option<&str>,
        context: &StepContext,
    ) -> Result<Replayed, Diagnostic> {
        self.act(node, context, Act::Drop(file)).await
    }

    /// Hands the quarantined rows of a source to `each`, until it says that it has enough. With a limit they come by
    /// file and line, and no more of them; without, as they lie.
    ///
    /// # Errors
    /// An unusable lake.
    pub async fn quarantined(
        &self,
        node: &Node,
        limit: Option<usize>,
        mut each: impl FnMut(QuarantineRow) -> bool + Send,
    ) -> Result<(), Diagnostic> {
        let Step::Ingest(ingest) = &node.step else { return Ok(()) };
        let order = limit.map(|limit| format!("order by _source_file, _source_line limit {limit}"));
        let read = async {
            let Some(mut rows) = rows_of(self, ingest, &order.unwrap_or_default()).await? else { return Ok(()) };
            while let Some(columns) = rows.next(self).await? {
                if (0..columns.rows()).any(|row| !each(columns.shown(row))) {
                    break;
                }
            }
            Ok(())
        };
        read.await.map_err(|error: EmbeddedError| error.of(node))
    }

    async fn act(&self, node: &Node, context: &StepContext, act: Act<'_>) -> Result<Replayed, Diagnostic> {
        let Step::Ingest(ingest) = &node.step else { return Ok(Replayed::default()) };
        let work = Work { engine: self, node, ingest, context, act };
        work.run().await.map_err(|error| error.of(node))
    }
}

/// The rows of a quarantine, a batch at a time.
struct Rows {
    stream: SendableRecordBatchStream,
    schema: SchemaRef,
}

impl Rows {
    async fn next(&mut self, engine: &EmbeddedEngine) -> Result<Option<Columns>, EmbeddedError> {
        let Some(batch) = futures::StreamExt::next(&mut self.stream).await else { return Ok(None) };
        let memory_limit = engine.settings.memory_limit;
        let batch = batch.map_err(|source| EmbeddedError::Query { source, memory_limit })?;
        Columns::of(&batch, &self.schema).map(Some).map_err(EmbeddedError::QuarantineRows)
    }
}

/// The rows that are in quarantine now; `None` if there never was one.
async fn rows_of(engine: &EmbeddedEngine, ingest: &Ingest, order: &str) -> Result<Option<Rows>, EmbeddedError> {
    if engine.lake.relation(&ingest.quarantine).await?.is_none() {
        return Ok(None);
    }
    let answer = engine.answer(&format!("select * from {} {order}", ingest.quarantine.quoted())).await?;
    Ok(Some(Rows { stream: answer.stream, schema: schema() }))
}

struct Work<'a> {
    engine: &'a EmbeddedEngine,
    node: &'a Node,
    ingest: &'a Ingest,
    context: &'a StepContext,
    act: Act<'a>,
}

impl Work<'_> {
    async fn run(self) -> Result<Replayed, EmbeddedError> {
        for _ in 0..TURNS {
            self.context.cancel.check().map_err(|_| EmbeddedError::Cancelled)?;
            let mut intake = Intake::look(self.engine, self.ingest, &[]).await?;
            self.finish_earlier(&mut intake).await?;
            if intake.ledger.through() == 0 || self.engine.lake.relation(&self.ingest.quarantine).await?.is_none() {
                return Ok(Replayed::default());
            }
            let contents = match self.act {
                Act::Replay => Contents::Replay,
                Act::Drop(_) => Contents::Drop,
            };
            let planned = intake.ledger.write_ahead(&self.context.run_id, self.context.clock.now(), contents).await;
            let batch = match planned {
                Ok(batch) => batch,
                Err(LakeError::BatchTaken { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let number = batch.number;
            match self.load(&mut intake, batch).await {
                Ok(Some(replayed)) => return Ok(replayed),
                Ok(None) => {}
                Err(error) => {
                    // Nothing was promised: what failed is not begun again by the next run.
                    if !matches!(error, EmbeddedError::Lake(_)) {
                        withdraw(&mut intake, self.context, number, error.diagnostic().message).await?;
                    }
                    return Err(error);
                }
            }
        }
        Err(LakeError::Contended { table: self.ingest.target.clone(), attempts: TURNS }.into())
    }

    /// Finishes a replay that was committed; a load is finished by a run, which knows its files.
    async fn finish_earlier(&self, intake: &mut Intake) -> Result<(), EmbeddedError> {
        let pending = || Err(EmbeddedError::LoadPending { target: self.ingest.target.clone() });
        for ended in intake.unfinished().await? {
            if !ended.batch.files().is_empty() && self.ingest.after_load != AfterLoad::Keep {
                return pending();
            }
            intake.finish(self.engine, self.ingest, self.context, &ended).await?;
        }
        for number in intake.ledger.pending() {
            if intake.ledger.batch(number).is_some_and(|batch| matches!(batch.contents, Contents::Files(_))) {
                return pending();
            }
            let reason = "the run that began it did not end".to_owned();
            withdraw(intake, self.context, number, reason).await?;
        }
        Ok(())
    }

    /// Loads the batch; `None` if another process was faster.
    async fn load(&self, intake: &mut Intake, batch: Batch) -> Result<Option<Replayed>, EmbeddedError> {
        let attempt = Uuid::new_v4();
        let added = match self.act {
            Act::Replay => self.added_columns().await?,
            Act::Drop(_) => Vec::new(),
        };
        let options = target_options(self.node, self.ingest, self.context, WriteMode::Append, &added);
        let writer = match self.engine.lake.begin_write(in_turn(options, intake, &batch, attempt)).await {
            Ok(writer) => writer,
            Err(LakeError::OutOfTurn { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let sorted = self.sort(&writer, batch.number).await?;
        let part = sorted.part.finish()?;
        fault::point("rows-staged");
        let add = sorted.quarantine.finish()?.into_staged().await?;
        fault::point("quarantine-staged");
        let staged = Attempt {
            id: attempt,
            batch: batch.number,
            run_id: self.context.run_id.clone(),
            at: self.context.clock.now(),
            quarantine: Some(QuarantineChange { replace: true, add }),
            account: account(&sorted.counts),
        };
        intake.ledger.stage(&staged).await?;
        fault::point("before-table-commit");
        let committed = match writer.commit(vec![part]).await {
            Ok(committed) if !committed.already => committed,
            Ok(_) | Err(LakeError::OutOfTurn { .. }) => {
                if let Some(change) = &staged.quarantine {
                    self.engine.lake.discard(&self.ingest.quarantine, &change.add).await?;
                }
                intake.ledger.discard(&staged).await?;
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        fault::point("table-committed");
        intake.ledger.note_committed(&batch);
        let ended = Unfinished { generation: intake.ledger.generation(), batch, attempt: staged };
        let ended = Ended { batch: &ended, table: &committed.version, files: Vec::new() };
        finish(self.engine, self.ingest, self.context, &mut intake.ledger, ended).await?;
        let quarantined = sorted.counts.values().map(|file| file.quarantined).sum();
        Ok(Some(Replayed {
            records: sorted.records,
            loaded: committed.rows,
            dropped: sorted.dropped,
            quarantined,
            version: Some(committed.version),
        }))
    }

    /// Sends every row of the quarantine where it belongs now.
    async fn sort(&self, writer: &TableWriter, batch: i64) -> Result<Sorted, EmbeddedError> {
        let mut sorted = Sorted {
            options: self.options()?,
            part: writer.part(),
            schema: writer.arrow_schema(),
            quarantine: QuarantineWriter::begin(self.engine, self.ingest, self.context, batch).await?,
            counts: BTreeMap::new(),
            records: 0,
            dropped: 0,
        };
        let Some(mut rows) = rows_of(self.engine, self.ingest, "").await? else { return Ok(sorted) };
        let mut chunk: Vec<QuarantinedRow> = Vec::new();
        while let Some(columns) = rows.next(self.engine).await? {
            self.context.cancel.check().map_err(|_| EmbeddedError::Cancelled)?;
            match self.act {
                Act::Replay => chunk.extend((0..columns.rows()).map(|row| columns.record(row))),
                Act::Drop(file) => sorted.keep(&columns, file)?,
            }
            if chunk.len() >= CHUNK_ROWS {
                sorted = sorted.replay(std::mem::take(&mut chunk)).await?;
            }
        }
        if chunk.is_empty() { Ok(sorted) } else { sorted.replay(chunk).await }
    }

    /// The columns that the contract has not and that are added: known only once the records were read.
    async fn added_columns(&self) -> Result<Vec<Field>, EmbeddedError> {
        let mut added: Vec<Field> = Vec::new();
        if self.ingest.on_schema_change != OnSchemaChange::AddColumns {
            return Ok(added);
        }
        let known = self.ingest.table_schema();
        let Some(mut rows) = rows_of(self.engine, self.ingest, "").await? else { return Ok(added) };
        while let Some(columns) = rows.next(self.engine).await? {
            let records = (0..columns.rows()).map(|row| columns.record(row)).collect();
            let decoded = decode(records, self.options()?).await?;
            for field in decoded.batches.iter().flat_map(|batch| batch.schema().fields().to_vec()) {
                let is_known = known.field(field.name()).is_some()
                    || added.iter().any(|other| other.name.eq_ignore_ascii_case(field.name()));
                if let (false, Some(data_type)) = (is_known, spark_type(field.data_type())) {
                    added.push(Field::new(field.name(), data_type));
                }
            }
        }
        Ok(added)
    }

    fn options(&self) -> Result<LoadOptions, EmbeddedError> {
        let now = self.context.clock.now();
        let mut options = LoadOptions::of(self.ingest, now, self.context.run_id.0.clone());
        options.check = constraints::check(&self.ingest.contract, now)?;
        Ok(options)
    }
}

async fn withdraw(intake: &mut Intake, context: &StepContext, batch: i64, reason: String) -> Result<(), EmbeddedError> {
    let withdrawal = Withdrawal { run_id: context.run_id.clone(), at: context.clock.now(), reason };
    Ok(intake.ledger.withdraw(batch, withdrawal).await?)
}

/// Whether a file is the one that was asked for: by its whole path, or by the last parts of it.
pub fn is_file(path: &str, asked: &str) -> bool {
    let asked = asked.strip_prefix("./").unwrap_or(asked);
    path == asked || path.strip_suffix(asked).is_some_and(|before| before.ends_with('/'))
}

fn account(counts: &BTreeMap<String, Counts>) -> Vec<FileAccount> {
    let line = |(path, counts): (&String, &Counts)| FileAccount {
        path: path.clone(),
        records: counts.records,
        loaded: counts.records - counts.quarantined,
        quarantined: counts.quarantined,
        skipped: counts.skipped,
    };
    counts.iter().map(line).collect()
}
