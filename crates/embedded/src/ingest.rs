//! Files to a bronze table, exactly once.
//!
//! Risk: a row that is there twice or not at all, whatever dies when, and whoever runs at the same time. The protocol is
//! that of the ledger ([`headwater_lake::ledger`]):
//!
//! 1. List the files; look at the table, and at the ledger beside it.
//! 2. Finish what an earlier run had committed: its quarantined rows, its files ([`crate::finish`]).
//! 3. Load what an earlier run had planned and not committed, exactly as it was written down.
//! 4. Wait for files that may still be growing ([`crate::settle`]).
//! 5. Check the headers of the new files and the columns of the table, so that wrong input writes nothing at all.
//! 6. Write the next batch to the ledger. From here on its files belong to it.
//! 7. Load it, stage what the quarantine gets, and commit: the rows, the batch's number and the name of what was staged
//!    become visible in the same Delta commit. Finish as in 2; then the next batch.
//!
//! Whenever another process turns out to have been faster, what it did is looked at anew, and nothing is assumed. A load
//! that fails because of the files themselves would fail again, so its batch is withdrawn, and the user may mend, replace
//! or remove the files. For the same reason a batch of a dead process is withdrawn when its files have changed since. A
//! batch whose files are gone is not: rows that were promised would be lost without a word.

use std::sync::Arc;

use headwater_connect::files::{self, LoadOptions, Rejected, RowCheck, SourceFile};
use headwater_lake::{Contents, FileCount, LakeError, Relation, Withdrawal, WriteMode};
use headwater_plan::{AfterLoad, Ingest, Node, NodeState, Pending, Progress, StepContext, StepReport};

use crate::EmbeddedEngine;
use crate::compact::compact;
use crate::error::EmbeddedError;
use crate::intake::{self, Intake, Waiting, no_files, one_batch};
use crate::settle::{self, still_growing, wait, young_for};
use crate::{constraints, quarantine};

mod batch;

pub(crate) use batch::{in_turn, target_options};

/// How often other processes may be faster before a step gives up: each time one of them got something done.
const TURNS: u32 = 100;
/// How many files' headers are looked at before a run, so that a source of very many is planned in no time; the run
/// itself looks at all of them.
const LOOKED_AT: usize = 500;
/// The same of a source in a store, where every look is a request.
const LOOKED_AT_IN_STORE: usize = 20;

/// What waits to be loaded. The headers of new files are looked at, so that a plan and a run refuse wrong ones first.
pub(crate) async fn state(engine: &EmbeddedEngine, node: &Node, ingest: &Ingest) -> Result<NodeState, EmbeddedError> {
    let listed = files::list(&ingest.files, &engine.stores).await?;
    let intake = Intake::look(engine, ingest, &listed).await?;
    intake.refuse_nothing(ingest)?;
    let waiting = intake.waiting(ingest);
    let mut resumed = FileCount::default();
    for ended in intake.unfinished().await? {
        // One that has no file, a replay, is something to finish all the same.
        let count = FileCount::of(ended.batch.files());
        resumed = sum(resumed, FileCount { files: count.files.max(1), ..count });
    }
    for number in &waiting.arrivals.pending {
        resumed =
            sum(resumed, intake.ledger.batch(*number).map(|batch| FileCount::of(batch.files())).unwrap_or_default());
    }
    let now = engine.settings.clock.now();
    let (young, settled): (Vec<&_>, Vec<&_>) =
        waiting.new.iter().partition(|file| young_for(ingest, &file.path, &file.tag, now).is_some());
    let fresh = sum(FileCount::of(&waiting.new), FileCount::of(&waiting.refused));
    let total = sum(resumed, fresh);
    let pending = Pending {
        files: total.files,
        bytes: total.bytes,
        resumed_files: resumed.files,
        changed_files: waiting.changed + waiting.refused.len() as u64,
        settling_files: young.len() as u64,
    };
    let in_store = ingest.files.pattern.contains("://");
    let looked_at = if in_store { LOOKED_AT_IN_STORE } else { LOOKED_AT };
    let looked_at: Vec<SourceFile> = settled.into_iter().take(looked_at).map(|file| intake.source(file)).collect();
    if !looked_at.is_empty() {
        let mut options = LoadOptions::of(ingest, now, node.id.0.clone());
        options.check = constraints::check(&ingest.contract, now)?;
        if let Err(error) = intake::open(engine, looked_at.clone(), options).await {
            let there = intake::still_there(engine, ingest, looked_at.clone()).await?;
            // A run that is going on archives or deletes files; the next look does not find them.
            if ingest.after_load == AfterLoad::Keep || there.len() == looked_at.len() {
                return Err(error);
            }
        }
    }
    let version = intake.relation.as_ref().map(Relation::version);
    let built = intake.table().and_then(|table| table.built().cloned());
    Ok(NodeState { version, built, pending, ..NodeState::default() })
}

pub(crate) async fn execute(
    engine: &EmbeddedEngine,
    node: &Node,
    ingest: &Ingest,
    context: &StepContext,
) -> Result<StepReport, EmbeddedError> {
    let listed = files::list(&ingest.files, &engine.stores).await?;
    let mut step = Step {
        engine,
        node,
        ingest,
        context,
        check: constraints::check(&ingest.contract, context.clock.now())?,
        listed,
        settled: false,
        refreshed_in: None,
        done: Progress::default(),
        report: StepReport::default(),
        examples: Vec::new(),
    };
    for _ in 0..TURNS {
        context.cancel.check().map_err(|_| EmbeddedError::Cancelled)?;
        let mut intake = Intake::look(engine, ingest, &step.listed).await?;
        intake.refuse_nothing(ingest)?;
        step.finish_earlier(&mut intake).await?;
        step.begin_refresh(&mut intake)?;
        loop {
            match step.turn(&mut intake).await {
                Ok(Turn::Again) => {}
                Ok(Turn::Overtaken) => break,
                Ok(Turn::Done) => return step.end(&intake).await,
                Err(error) if step.lost_files(&error).await? => break,
                Err(error) => return Err(error),
            }
        }
    }
    Err(LakeError::Contended { table: ingest.target.clone(), attempts: TURNS }.into())
}

/// The step while it goes on.
pub(crate) struct Step<'a> {
    engine: &'a EmbeddedEngine,
    node: &'a Node,
    ingest: &'a Ingest,
    context: &'a StepContext,
    check: Option<Arc<dyn RowCheck>>,
    /// The files that are there, and that are not growing.
    listed: Vec<SourceFile>,
    /// Whether growing files were waited for.
    settled: bool,
    /// The generation that a full refresh ends.
    refreshed_in: Option<u64>,
    /// What the batches before came to, and the bytes of all.
    done: Progress,
    report: StepReport,
    /// The first records that were set aside.
    examples: Vec<Rejected>,
}

/// What came of a turn.
enum Turn {
    /// Something was done, and what is known is up to date.
    Again,
    /// Another process was faster: look again.
    Overtaken,
    /// There is nothing more to do.
    Done,
}

impl Step<'_> {
    /// Finishes what other runs had committed.
    async fn finish_earlier(&self, intake: &mut Intake) -> Result<(), EmbeddedError> {
        for ended in intake.unfinished().await? {
            intake.finish(self.engine, self.ingest, self.context, &ended).await?;
        }
        Ok(())
    }

    /// Whether a load failed and files are gone, as they are once another process has loaded and archived or deleted them.
    /// Then what it did is looked at, and it is none of this one's business.
    async fn lost_files(&mut self, error: &EmbeddedError) -> Result<bool, EmbeddedError> {
        if self.ingest.after_load == AfterLoad::Keep || !matches!(error, EmbeddedError::Files(_)) {
            return Ok(false);
        }
        let before = self.listed.len();
        self.listed = intake::still_there(self.engine, self.ingest, std::mem::take(&mut self.listed)).await?;
        Ok(self.listed.len() < before)
    }

    /// Starts over, if that was asked for and no other process did so in the meantime.
    fn begin_refresh(&mut self, intake: &mut Intake) -> Result<(), EmbeddedError> {
        let generation = intake.ledger.generation();
        if !self.context.full_refresh || *self.refreshed_in.get_or_insert(generation) != generation {
            return Ok(());
        }
        if intake.is_empty() {
            return Err(no_files(self.ingest));
        }
        // Rows whose files are gone cannot be loaded again.
        let gone = intake.gone();
        if self.ingest.after_load != AfterLoad::Keep
            && let Some(first) = gone.first()
        {
            return Err(EmbeddedError::RefreshLosesRows {
                file: first.path.clone(),
                files: gone.len(),
                after_load: self.ingest.after_load.clone(),
                target: self.ingest.target.clone(),
            });
        }
        intake.ledger.next_generation();
        Ok(())
    }

    /// Does the next thing.
    async fn turn(&mut self, intake: &mut Intake) -> Result<Turn, EmbeddedError> {
        self.context.cancel.check().map_err(|_| EmbeddedError::Cancelled)?;
        let waiting = intake.waiting(self.ingest);
        if !waiting.refused.is_empty() {
            let (files, target) = (intake.shown(&waiting.refused), self.ingest.target.clone());
            return Err(EmbeddedError::FileChanged { files, target });
        }
        self.done.total_bytes = self.total_bytes(intake, &waiting);
        if let Some(pending) = intake.first_pending(&waiting, self.ingest)? {
            let number = pending.batch.number;
            match (&pending.batch.contents, pending.replaced.first()) {
                (Contents::Files(files), None) => {
                    let load = intake::open(self.engine, intake.sources(files), self.load_options()).await;
                    let Some(load) = self.unless_overtaken(intake, load).await? else { return Ok(Turn::Overtaken) };
                    let load = self.or_withdraw(intake, number, load).await?;
                    return self.load(intake, pending.batch, load).await;
                }
                (Contents::Files(_), Some(replaced)) => {
                    let reason = format!("`{}` changed before it was loaded", replaced.path);
                    self.withdraw(intake, number, reason).await?;
                }
                // Its rows are still in the quarantine, and nobody waits for it.
                (Contents::Replay | Contents::Drop, _) => {
                    self.withdraw(intake, number, "the run that began it did not end".to_owned()).await?;
                }
            }
            return Ok(Turn::Again);
        }
        if self.settle(intake, &waiting).await? {
            return Ok(Turn::Again);
        }
        if waiting.new.is_empty() {
            return Ok(Turn::Done);
        }
        self.load_new(intake, &waiting).await
    }

    /// Plans and loads the first batch of what is new.
    async fn load_new(&mut self, intake: &mut Intake, waiting: &Waiting) -> Result<Turn, EmbeddedError> {
        let new = one_batch(self.ingest, &waiting.new);
        let load = intake::open(self.engine, intake.sources(&new), self.load_options()).await;
        let Some(load) = self.unless_overtaken(intake, load).await? else { return Ok(Turn::Overtaken) };
        let load = load?;
        // The columns of the table too are checked before anything is written down.
        let mode = if intake.ledger.through() == 0 { WriteMode::Replace } else { WriteMode::Append };
        let options = target_options(self.node, self.ingest, self.context, mode, load.added_columns());
        self.engine.lake.begin_write(options).await?;
        self.context.cancel.check().map_err(|_| EmbeddedError::Cancelled)?;
        let planned =
            intake.ledger.write_ahead(&self.context.run_id, self.context.clock.now(), Contents::Files(new)).await;
        match planned {
            Ok(batch) => self.load(intake, batch, load).await,
            Err(LakeError::BatchTaken { .. }) => Ok(Turn::Overtaken),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits, once, for files that changed a moment ago, and lists again; whether it did.
    async fn settle(&mut self, intake: &mut Intake, waiting: &Waiting) -> Result<bool, EmbeddedError> {
        let now = self.context.clock.now();
        let young = waiting.new.iter().filter_map(|file| young_for(self.ingest, &file.path, &file.tag, now));
        let Some(longest) = young.max().filter(|_| !self.settled) else { return Ok(false) };
        self.settled = true;
        wait(longest, &self.context.cancel).await?;
        let mut listed = files::list(&self.ingest.files, &self.engine.stores).await?;
        let growing = still_growing(self.ingest, &self.listed, &listed, self.context.clock.now());
        listed.retain(|file| !growing.contains(&file.path));
        self.report.diagnostics.extend(settle::told(&growing, self.node));
        intake.relist(&listed);
        self.listed = listed;
        Ok(true)
    }

    fn load_options(&self) -> LoadOptions {
        let mut options = LoadOptions::of(self.ingest, self.context.clock.now(), self.context.run_id.0.clone());
        options.check = self.check.clone();
        options
    }

    /// What was done and what is to be.
    fn total_bytes(&self, intake: &Intake, waiting: &Waiting) -> u64 {
        let pending = waiting.arrivals.pending.iter().filter_map(|number| intake.ledger.batch(*number));
        let pending: u64 = pending.map(|batch| FileCount::of(batch.files()).bytes).sum();
        self.done.bytes + pending + FileCount::of(&waiting.new).bytes
    }

    async fn withdraw(&self, intake: &mut Intake, batch: i64, reason: String) -> Result<(), EmbeddedError> {
        let withdrawal = Withdrawal { run_id: self.context.run_id.clone(), at: self.context.clock.now(), reason };
        Ok(intake.ledger.withdraw(batch, withdrawal).await?)
    }

    /// What an outcome is worth: nothing, if it failed over a file that another process has loaded meanwhile, and has
    /// archived or deleted.
    async fn unless_overtaken<T>(
        &self,
        intake: &Intake,
        outcome: Result<T, EmbeddedError>,
    ) -> Result<Option<Result<T, EmbeddedError>>, EmbeddedError> {
        if !matches!(outcome, Err(EmbeddedError::Files(_))) {
            return Ok(Some(outcome));
        }
        let now = Intake::look(self.engine, self.ingest, &self.listed).await?;
        let stands = |intake: &Intake| (intake.ledger.generation(), intake.ledger.through());
        // Ahead of its first batch, a full refresh stands in a generation that nobody else can see.
        let is_same = stands(&now) == stands(intake) || self.refreshed_in == Some(now.ledger.generation());
        Ok(is_same.then_some(outcome))
    }

    /// Withdraws a batch if its load failed because of what is in the files: then it would fail again, and the user must
    /// be free to change them.
    async fn or_withdraw<T>(
        &self,
        intake: &mut Intake,
        batch: i64,
        outcome: Result<T, EmbeddedError>,
    ) -> Result<T, EmbeddedError> {
        if let Err(error) = &outcome
            && error.is_of_the_files()
        {
            self.withdraw(intake, batch, error.diagnostic().message).await?;
        }
        outcome
    }

    /// Makes the table say that it is what the project now asks for, or refuses if it is not; then the report.
    async fn end(mut self, intake: &Intake) -> Result<StepReport, EmbeddedError> {
        if self.report.version.is_none() {
            let Some(table) = intake.table() else { return Err(no_files(self.ingest)) };
            self.report.version = Some(table.version());
            if table.built().is_none_or(|built| built.fingerprint != self.node.fingerprint) {
                let options = target_options(self.node, self.ingest, self.context, WriteMode::Append, &[]);
                let writer = self.engine.lake.begin_write(options).await?;
                self.report.version = Some(writer.commit(Vec::new()).await?.version);
            }
        }
        if self.report.files > 0 {
            let told = compact(self.engine, &self.ingest.target, &self.ingest.layout, self.context).await;
            self.report.diagnostics.extend(told);
        }
        let rows = self.report.rows;
        let told = quarantine::told(&self.examples, &rows, self.node, &self.ingest.quarantine);
        self.report.diagnostics.extend(told);
        Ok(self.report)
    }
}

fn sum(one: FileCount, other: FileCount) -> FileCount {
    FileCount { files: one.files + other.files, bytes: one.bytes + other.bytes }
}
