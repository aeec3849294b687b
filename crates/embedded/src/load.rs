//! The records of files to the files of a table, and of its quarantine.
//!
//! Worker threads of the operating system share one [`Load`]: each takes the next block of whole records, decodes it
//! and writes it with its own writer. Nothing else passes between them, so a load is as fast as the machine's cores.
//! Records that break the contract go to the quarantine's one writer, which they share.
//!
//! Where bad records refuse the load, or there are more than the source allows, it is refused only after all of them
//! were found: from then on, blocks are still decoded, to count and to name the first bad records, and nothing more is
//! written.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use headwater_connect::files::{Decoded, FilesError, Load, Rejected};
use headwater_lake::{FinishedPart, PartWriter, TableWriter};
use headwater_plan::{BadRowLimit, Progress, Skipped, StepContext, TableName};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::EmbeddedError;
use crate::quarantine::{QuarantineWriter, keep_first};

/// The bytes for which a further thread is worth its start.
const BYTES_PER_THREAD: u64 = 4 << 20;

/// What was loaded; visible once its parts are committed.
pub(crate) struct Loaded {
    pub(crate) parts: Vec<FinishedPart>,
    pub(crate) quarantined: Option<FinishedPart>,
    pub(crate) records: u64,
    /// The first bad records.
    pub(crate) examples: Vec<Rejected>,
    /// What became of the records of each file, by its number in the load.
    pub(crate) files: Vec<Counts>,
}

/// What became of a file's records.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) records: u64,
    pub(crate) quarantined: u64,
    pub(crate) skipped: Skipped,
}

/// What happens to records that break the contract.
pub(crate) enum BadRows {
    /// They refuse the load.
    Refuse,
    /// They are set aside, unless there are too many.
    SetAside {
        /// Where to.
        quarantine: Box<QuarantineWriter>,
        /// How many may be.
        limit: Option<BadRowLimit>,
    },
}

/// A load that goes on.
struct Shared {
    load: Load,
    target: TableName,
    bad_rows: BadRows,
    context: StepContext,
    before: Progress,
    records: AtomicU64,
    rows: AtomicU64,
    bytes: AtomicU64,
    /// Raised by the first error, so that the other threads do not work for nothing.
    failed: AtomicBool,
    tally: Mutex<Tally>,
    /// Raised once the load is refused because of its records.
    refused: AtomicBool,
}

/// What was found so far.
#[derive(Default)]
struct Tally {
    bad: u64,
    examples: Vec<Rejected>,
    files: Vec<Counts>,
}

/// Loads everything that `load` holds into the parts of a write that has begun, with one thread and as many spare ones
/// as are free and worth it.
pub(crate) async fn load(
    load: Load,
    bytes: u64,
    writer: &TableWriter,
    bad_rows: BadRows,
    work: Work<'_>,
) -> Result<Loaded, EmbeddedError> {
    let spare = spare_threads(work.spare_threads, bytes);
    let threads = spare.as_ref().map_or(1, |permits| permits.num_permits() + 1);
    let parts: Vec<PartWriter> = (0..threads).map(|_| writer.part()).collect();
    let shared = Shared {
        load,
        target: work.target.clone(),
        bad_rows,
        context: work.context.clone(),
        before: work.before,
        records: 0.into(),
        rows: 0.into(),
        bytes: 0.into(),
        failed: false.into(),
        tally: Mutex::default(),
        refused: false.into(),
    };
    let threads = tokio::task::spawn_blocking(move || shared.run(parts));
    let loaded = match threads.await {
        Ok(loaded) => loaded,
        Err(error) => resume_unwind(error.into_panic()),
    };
    drop(spare);
    loaded
}

/// With what a load is done.
pub(crate) struct Work<'a> {
    pub(crate) target: &'a TableName,
    pub(crate) spare_threads: &'a Arc<Semaphore>,
    pub(crate) context: &'a StepContext,
    /// How far the step was when the load began: what was done, and the bytes of all its loads.
    pub(crate) before: Progress,
}

fn spare_threads(free: &Arc<Semaphore>, bytes: u64) -> Option<OwnedSemaphorePermit> {
    let useful = usize::try_from(bytes / BYTES_PER_THREAD).unwrap_or(usize::MAX).min(free.available_permits());
    // Another load may take them in between: then fewer do as well.
    (1..=useful).rev().find_map(|threads| {
        let threads = u32::try_from(threads).ok()?;
        Arc::clone(free).try_acquire_many_owned(threads).ok()
    })
}

impl Shared {
    fn run(self, parts: Vec<PartWriter>) -> Result<Loaded, EmbeddedError> {
        let outcomes: Vec<Result<FinishedPart, EmbeddedError>> = std::thread::scope(|scope| {
            let threads: Vec<_> = parts.into_iter().map(|part| scope.spawn(|| self.work(part))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
        });
        let mut finished = Vec::new();
        let mut failure = None;
        for outcome in outcomes {
            match outcome {
                Ok(part) => finished.push(part),
                // A thread that only stopped because another one failed does not know why.
                Err(EmbeddedError::Files(FilesError::Stopped)) if failure.is_some() => {}
                Err(error) => {
                    if failure.as_ref().is_none_or(|known| {
                        matches!(known, EmbeddedError::Files(FilesError::Stopped) | EmbeddedError::Cancelled)
                    }) {
                        failure = Some(error);
                    }
                }
            }
        }
        match failure {
            Some(error) => Err(error),
            None => self.loaded(finished),
        }
    }

    /// What it came to, once every thread has ended well.
    fn loaded(self, parts: Vec<FinishedPart>) -> Result<Loaded, EmbeddedError> {
        let records = self.records.into_inner();
        let Tally { bad, examples, files } = self.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (target, count) = (self.target, bad);
        let quarantined = match self.bad_rows {
            BadRows::Refuse if bad > 0 => return Err(EmbeddedError::BadRows { examples, count, records, target }),
            BadRows::Refuse => None,
            BadRows::SetAside { limit: Some(limit), .. } if limit.is_passed(bad, records) => {
                return Err(EmbeddedError::TooManyBadRows { examples, count, records, limit, target });
            }
            BadRows::SetAside { quarantine, .. } if bad > 0 => Some(quarantine.finish()?),
            BadRows::SetAside { .. } => None,
        };
        let rows = parts.iter().map(FinishedPart::rows).sum::<u64>();
        let set_aside = quarantined.as_ref().map_or(0, FinishedPart::rows);
        if rows + set_aside != records {
            return Err(EmbeddedError::RowsLost { records, rows, set_aside, target });
        }
        Ok(Loaded { parts, quarantined, records, examples, files })
    }

    fn work(&self, part: PartWriter) -> Result<FinishedPart, EmbeddedError> {
        let outcome = self.blocks(part);
        if outcome.is_err() {
            self.failed.store(true, Ordering::Release);
        }
        outcome
    }

    fn blocks(&self, mut part: PartWriter) -> Result<FinishedPart, EmbeddedError> {
        loop {
            if self.context.cancel.is_cancelled() {
                return Err(EmbeddedError::Cancelled);
            }
            if self.failed.load(Ordering::Acquire) {
                return Err(EmbeddedError::Files(FilesError::Stopped));
            }
            let Some(block) = self.load.next_block()? else { break };
            let decoded = self.load.decode(block)?;
            if !self.refused.load(Ordering::Acquire) {
                for batch in &decoded.batches {
                    part.write(batch)?;
                    self.rows.fetch_add(batch.num_rows() as u64, Ordering::AcqRel);
                }
            }
            self.records.fetch_add(decoded.records, Ordering::AcqRel);
            self.bytes.fetch_add(decoded.bytes, Ordering::AcqRel);
            self.note(decoded)?;
            self.tell();
        }
        Ok(part.finish()?)
    }

    /// Counts a block in, and sets its bad records aside.
    fn note(&self, decoded: Decoded) -> Result<(), EmbeddedError> {
        let bad = decoded.rejected.len() as u64;
        let bad_so_far = {
            let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
            if tally.files.len() <= decoded.file {
                tally.files.resize(decoded.file + 1, Counts::default());
            }
            if let Some(file) = tally.files.get_mut(decoded.file) {
                file.records += decoded.records;
                file.quarantined += bad;
                file.skipped += decoded.skipped;
            }
            tally.bad += bad;
            tally.bad
        };
        if bad == 0 {
            return Ok(());
        }
        match &self.bad_rows {
            BadRows::Refuse => self.refused.store(true, Ordering::Release),
            // A share of all records is known only at the end.
            BadRows::SetAside { limit: Some(BadRowLimit::Rows(most)), .. } if bad_so_far > *most => {
                self.refused.store(true, Ordering::Release);
            }
            BadRows::SetAside { quarantine, .. } => quarantine.write(&decoded.rejected)?,
        }
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        keep_first(&mut tally.examples, decoded.rejected);
        Ok(())
    }

    fn tell(&self) {
        (self.context.progress)(Progress {
            rows: self.before.rows + self.rows.load(Ordering::Acquire),
            bytes: self.before.bytes + self.bytes.load(Ordering::Acquire),
            total_bytes: self.before.total_bytes,
        });
    }
}
