//! The records of files to the files of a table.
//!
//! Worker threads of the operating system share one [`Load`]: each takes the next block of whole records, decodes it
//! and writes it with its own writer. Nothing else passes between them, so a load is as fast as the machine's cores.
//!
//! Records that break the contract refuse the load, but only after all of them were found: from the first one on,
//! blocks are still decoded, to count and to name the first bad records, and nothing more is written.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use headwater_connect::files::{FilesError, Load, Rejected};
use headwater_lake::{FinishedPart, PartWriter, TableWriter};
use headwater_plan::{Progress, StepContext, TableName};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::EmbeddedError;

/// How many bad records a message names.
const EXAMPLES: usize = 5;
/// The bytes for which a further thread is worth its start.
const BYTES_PER_THREAD: u64 = 4 << 20;

/// What was loaded; visible once its parts are committed.
pub(crate) struct Loaded {
    pub(crate) parts: Vec<FinishedPart>,
    pub(crate) records: u64,
}

/// A load that goes on.
struct Shared {
    load: Load,
    target: TableName,
    context: StepContext,
    before: Progress,
    records: AtomicU64,
    rows: AtomicU64,
    bytes: AtomicU64,
    /// Raised by the first error, so that the other threads do not work for nothing.
    failed: AtomicBool,
    rejected: Mutex<Refused>,
    refused: AtomicBool,
}

/// The records that break the contract.
#[derive(Default)]
struct Refused {
    count: u64,
    examples: Vec<Rejected>,
}

/// Loads everything that `load` holds into the parts of a write that has begun, with one thread and as many spare ones
/// as are free and worth it.
pub(crate) async fn load(
    load: Load,
    bytes: u64,
    target: &TableName,
    writer: &TableWriter,
    work: Work<'_>,
) -> Result<Loaded, EmbeddedError> {
    let spare = spare_threads(work.spare_threads, bytes);
    let threads = spare.as_ref().map_or(1, |permits| permits.num_permits() + 1);
    let parts: Vec<PartWriter> = (0..threads).map(|_| writer.part()).collect();
    let shared = Arc::new(Shared {
        load,
        target: target.clone(),
        context: work.context.clone(),
        before: work.before,
        records: 0.into(),
        rows: 0.into(),
        bytes: 0.into(),
        failed: false.into(),
        rejected: Mutex::default(),
        refused: false.into(),
    });
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
    fn run(&self, parts: Vec<PartWriter>) -> Result<Loaded, EmbeddedError> {
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
        if let Some(error) = failure {
            return Err(error);
        }
        let records = self.records.load(Ordering::Acquire);
        let refused = std::mem::take(&mut *self.rejected.lock().unwrap_or_else(PoisonError::into_inner));
        if refused.count > 0 {
            let Refused { count, examples } = refused;
            return Err(EmbeddedError::BadRows { examples, count, records, target: self.target.clone() });
        }
        Ok(Loaded { parts: finished, records })
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
            self.refuse(decoded.rejected);
            if !self.refused.load(Ordering::Acquire) {
                for batch in &decoded.batches {
                    part.write(batch)?;
                    self.rows.fetch_add(batch.num_rows() as u64, Ordering::AcqRel);
                }
            }
            self.records.fetch_add(decoded.records, Ordering::AcqRel);
            self.bytes.fetch_add(decoded.bytes, Ordering::AcqRel);
            self.tell();
        }
        Ok(part.finish()?)
    }

    fn refuse(&self, rejected: Vec<Rejected>) {
        if rejected.is_empty() {
            return;
        }
        self.refused.store(true, Ordering::Release);
        let mut refused = self.rejected.lock().unwrap_or_else(PoisonError::into_inner);
        refused.count += rejected.len() as u64;
        refused.examples.extend(rejected);
        refused.examples.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
        refused.examples.truncate(EXAMPLES);
    }

    fn tell(&self) {
        (self.context.progress)(Progress {
            rows: self.before.rows + self.rows.load(Ordering::Acquire),
            bytes: self.before.bytes + self.bytes.load(Ordering::Acquire),
            total_bytes: self.before.total_bytes,
        });
    }
}
