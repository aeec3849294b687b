//! Files to a bronze table, exactly once.
//!
//! Risk: a row that is there twice or not at all, whatever dies when, and whoever runs at the same time. The protocol is
//! that of the ledger ([`headwater_lake::ledger`]):
//!
//! 1. List the files and sort them out by the ledger and by the last batch that the table itself says it holds.
//! 2. Finish what an earlier run had planned and not committed, exactly as it was written down.
//! 3. Check the headers of the new files and the columns of the table, so that wrong input writes nothing at all.
//! 4. Write the new batch to the ledger. From here on its files belong to it.
//! 5. Load it and commit: the rows and the batch's number become visible in the same Delta commit.
//!
//! A process that dies after 4 leaves a batch that the next run finishes in step 2. A load that fails because of the
//! files themselves would fail again, so its batch is withdrawn from the ledger: the lake is locked, and the table says
//! that it does not hold the batch, so none of its rows can be there, and the user may mend, replace or remove the
//! files. For the same reason a batch of a dead process is withdrawn when its files have changed since. A batch whose
//! files are gone is not: rows that were promised would be lost without a word.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use headwater_connect::files::{self, FilesError, Load, LoadOptions, SourceFile};
use headwater_lake::{AppTransaction, Arrivals, Batch, Ledger, LedgerFile, Relation, Table, WriteMode, WriteOptions};
use headwater_plan::{Built, Ingest, Node, NodeState, Pending, Progress, StepContext, StepReport};

use crate::EmbeddedEngine;
use crate::error::EmbeddedError;
use crate::load::{Work, load};

/// The name of the operation in the table's history.
const OPERATION: &str = "INGEST";

/// A source beside its table and its ledger.
struct Intake {
    relation: Option<Relation>,
    ledger: Ledger,
    loaded_through: i64,
    listed: Vec<LedgerFile>,
}

impl Intake {
    async fn look(engine: &EmbeddedEngine, ingest: &Ingest) -> Result<Self, EmbeddedError> {
        let relation = engine.lake.relation(&ingest.target).await?;
        let ledger = engine.lake.ledger(&ingest.target).await?;
        let loaded_through = match &relation {
            Some(Relation::Table(table)) => table.transaction_version(&ledger.app_id()).await?.unwrap_or(0),
            Some(Relation::View(_)) | None => 0,
        };
        let listed = files::list(&ingest.files).await?.into_iter().map(to_ledger).collect();
        let intake = Self { relation, ledger, loaded_through, listed };
        intake.refuse_nothing(ingest)?;
        Ok(intake)
    }

    fn table(&self) -> Option<&Table> {
        match &self.relation {
            Some(Relation::Table(table)) => Some(table),
            Some(Relation::View(_)) | None => None,
        }
    }

    fn sort_out(&self) -> Arrivals {
        self.ledger.sort_out(&self.listed, self.loaded_through)
    }

    /// No files are no news for a table that is there. For one that never was, and where the folder itself is missing,
    /// they are a mistake.
    fn refuse_nothing(&self, ingest: &Ingest) -> Result<(), EmbeddedError> {
        if !self.listed.is_empty() {
            return Ok(());
        }
        let folder = fixed_folder(&ingest.files.pattern);
        if !folder.is_dir() {
            return Err(EmbeddedError::NoFolder { set: Box::new(ingest.files.clone()), folder });
        }
        if self.table().is_none() && self.ledger.batches().is_empty() {
            return Err(no_files(ingest));
        }
        Ok(())
    }
}

/// What waits to be loaded. The headers of new files are looked at, so that a plan and a run refuse wrong ones first.
pub(crate) async fn state(engine: &EmbeddedEngine, node: &Node, ingest: &Ingest) -> Result<NodeState, EmbeddedError> {
    let intake = Intake::look(engine, ingest).await?;
    let arrivals = intake.sort_out();
    let resumed = arrivals.pending.iter().flat_map(|batch| &batch.files);
    let pending = Pending {
        files: (resumed.clone().count() + arrivals.new.len() + arrivals.changed.len()) as u64,
        bytes: bytes(resumed.clone()) + bytes(&arrivals.new) + bytes(&arrivals.changed),
        resumed_files: resumed.count() as u64,
        changed_files: arrivals.changed.len() as u64,
    };
    if !arrivals.new.is_empty() {
        Load::new(to_sources(&arrivals.new), options(ingest, DateTime::UNIX_EPOCH, node.id.0.clone()))?;
    }
    let version = intake.relation.as_ref().map(Relation::version);
    let built = intake.table().and_then(|table| table.built().cloned());
    Ok(NodeState { version, built, pending })
}

pub(crate) async fn execute(
    engine: &EmbeddedEngine,
    node: &Node,
    ingest: &Ingest,
    context: &StepContext,
) -> Result<StepReport, EmbeddedError> {
    let mut intake = Intake::look(engine, ingest).await?;
    let (pending, new) = if context.full_refresh {
        if intake.listed.is_empty() {
            return Err(no_files(ingest));
        }
        intake.ledger.next_generation();
        (Vec::new(), std::mem::take(&mut intake.listed))
    } else {
        what_to_load(&mut intake, ingest).await?
    };
    let total_bytes = pending.iter().map(|batch| bytes(&batch.files)).sum::<u64>() + bytes(&new);
    let mut step = Step {
        engine,
        node,
        ingest,
        context,
        done: Progress { total_bytes, ..Progress::default() },
        report: StepReport::default(),
    };
    for batch in pending {
        let load = step.check(&batch.files)?;
        step.load(&mut intake.ledger, batch, load).await?;
    }
    if !new.is_empty() {
        let load = step.check(&new)?;
        // The columns of the table too are checked before anything is written down.
        let first = intake.ledger.batches().is_empty();
        engine.lake.begin_write(step.write_options(if first { WriteMode::Replace } else { WriteMode::Append })).await?;
        context.cancel.check().map_err(|_| EmbeddedError::Cancelled)?;
        let batch = intake.ledger.write_ahead(&context.run_id, context.clock.now(), new).await?;
        step.load(&mut intake.ledger, batch, load).await?;
    }
    if step.report.version.is_none() {
        step.settle(intake.table()).await?;
    }
    Ok(step.report)
}

/// The batches to finish and the files to load, after what was wrong with either is refused.
async fn what_to_load(intake: &mut Intake, ingest: &Ingest) -> Result<(Vec<Batch>, Vec<LedgerFile>), EmbeddedError> {
    let arrivals = intake.sort_out();
    if arrivals.missing.is_empty() && arrivals.changed.is_empty() {
        return Ok((arrivals.pending, arrivals.new));
    }
    let target = ingest.target.clone();
    let is_listed = |file: &&LedgerFile| intake.listed.iter().any(|listed| listed.path == file.path);
    let vanished: Vec<LedgerFile> = arrivals.missing.iter().filter(|file| !is_listed(file)).cloned().collect();
    if !vanished.is_empty() {
        return Err(EmbeddedError::FileVanished { files: vanished, target });
    }
    // Only the last batch can be withdrawn: the numbers of the others are taken by what came after.
    let last = arrivals.pending.last().filter(|last| arrivals.pending.len() == 1 && !last.files.is_empty());
    let in_last = |file: &LedgerFile| last.is_some_and(|last| last.files.iter().any(|known| known.path == file.path));
    let loaded_before: Vec<LedgerFile> =
        arrivals.changed.iter().filter(|file| !in_last(file) || intake.was_loaded(file)).cloned().collect();
    if !loaded_before.is_empty() {
        return Err(EmbeddedError::FileChanged { files: loaded_before, target });
    }
    if let Some(last) = last {
        intake.ledger.withdraw(last.number).await?;
    }
    let arrivals = intake.sort_out();
    Ok((arrivals.pending, arrivals.new))
}

impl Intake {
    /// Whether a file of that path is in the table, whatever its content was.
    fn was_loaded(&self, file: &LedgerFile) -> bool {
        let loaded = self.ledger.batches().iter().filter(|batch| batch.number <= self.loaded_through);
        loaded.flat_map(|batch| &batch.files).any(|known| known.path == file.path)
    }
}

/// The step while it goes on.
struct Step<'a> {
    engine: &'a EmbeddedEngine,
    node: &'a Node,
    ingest: &'a Ingest,
    context: &'a StepContext,
    /// What the batches before came to, and the bytes of all.
    done: Progress,
    report: StepReport,
}

impl Step<'_> {
    /// Checks the headers of files against the contract.
    fn check(&self, files: &[LedgerFile]) -> Result<Load, EmbeddedError> {
        let options = options(self.ingest, self.context.clock.now(), self.context.run_id.0.clone());
        Ok(Load::new(to_sources(files), options)?)
    }

    fn write_options(&self, mode: WriteMode) -> WriteOptions {
        WriteOptions {
            target: self.ingest.target.clone(),
            schema: self.ingest.contract.table_schema(),
            mode,
            transaction: None,
            built: Some(Built { fingerprint: self.node.fingerprint.clone(), inputs: Default::default() }),
            run_id: self.context.run_id.clone(),
            operation: OPERATION.to_owned(),
            at: self.context.clock.now(),
        }
    }

    /// Loads a batch that the ledger holds, and commits it.
    async fn load(&mut self, ledger: &mut Ledger, batch: Batch, files: Load) -> Result<(), EmbeddedError> {
        let mode = if batch.replace { WriteMode::Replace } else { WriteMode::Append };
        let transaction = Some(AppTransaction { app_id: ledger.app_id(), version: batch.number });
        let options = WriteOptions { transaction, ..self.write_options(mode) };
        let writer = self.engine.lake.begin_write(options).await?;
        let size = bytes(&batch.files);
        let work = Work { spare_threads: &self.engine.spare_threads, context: self.context, before: self.done };
        let loaded = match load(files, size, &self.ingest.target, &writer, work).await {
            Ok(loaded) => loaded,
            Err(error) => {
                if is_of_the_files(&error) {
                    ledger.withdraw(batch.number).await?;
                }
                return Err(error);
            }
        };
        let committed = writer.commit(loaded.parts).await?;
        self.done.rows += loaded.records;
        self.done.bytes += size;
        self.report.rows.read += loaded.records;
        self.report.rows.written += committed.rows;
        self.report.files += batch.files.len() as u64;
        self.report.bytes += size;
        self.report.version = Some(committed.version);
        Ok(())
    }

    /// With nothing to load: makes the table say that it is what the project now asks for, or refuses if it is not.
    async fn settle(&mut self, table: Option<&Table>) -> Result<(), EmbeddedError> {
        let Some(table) = table else { return Err(no_files(self.ingest)) };
        self.report.version = Some(table.version());
        if table.built().is_none_or(|built| built.fingerprint != self.node.fingerprint) {
            let writer = self.engine.lake.begin_write(self.write_options(WriteMode::Append)).await?;
            self.report.version = Some(writer.commit(Vec::new()).await?.version);
        }
        Ok(())
    }
}

/// Whether a load failed because of what is in the files: then it would fail again, and the user must be free to change
/// them.
fn is_of_the_files(error: &EmbeddedError) -> bool {
    match error {
        EmbeddedError::BadRows { .. } => true,
        EmbeddedError::Files(files) => {
            !matches!(files, FilesError::Stopped | FilesError::ListingDied(_) | FilesError::Batch { .. })
        }
        _ => false,
    }
}

fn no_files(ingest: &Ingest) -> EmbeddedError {
    EmbeddedError::NoFiles { set: Box::new(ingest.files.clone()), target: ingest.target.clone() }
}

fn options(ingest: &Ingest, ingested_at: DateTime<Utc>, run_id: String) -> LoadOptions {
    LoadOptions {
        format: ingest.format.clone(),
        contract: ingest.contract.clone(),
        on_schema_change: ingest.on_schema_change,
        ingested_at,
        run_id,
        stamp: true,
    }
}

/// The part of a pattern before its first wildcard, up to the folder.
fn fixed_folder(pattern: &str) -> PathBuf {
    let fixed = pattern.find(['*', '?', '[']).map_or(pattern, |first| pattern.get(..first).unwrap_or(pattern));
    match fixed.rsplit_once('/') {
        Some(("", _)) => PathBuf::from("/"),
        Some((folder, _)) => PathBuf::from(folder),
        None => Path::new(".").to_owned(),
    }
}

fn bytes<'a>(files: impl IntoIterator<Item = &'a LedgerFile>) -> u64 {
    files.into_iter().map(|file| file.size).sum()
}

fn to_ledger(file: SourceFile) -> LedgerFile {
    LedgerFile { path: file.path, size: file.size, tag: file.tag }
}

fn to_sources(files: &[LedgerFile]) -> Vec<SourceFile> {
    let source = |file: &LedgerFile| SourceFile { path: file.path.clone(), size: file.size, tag: file.tag.clone() };
    files.iter().map(source).collect()
}
