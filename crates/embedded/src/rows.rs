//! The rows of a query to the files of a table.
//!
//! Each partition of the query has its own task and its own writer: nothing is merged, nothing waits. But a small
//! result should not become a file for each partition, so rows are held back until there are enough of them to be worth
//! several files; a result that never gets there becomes one file, its rows in the order of the partitions.
//!
//! Risk: files of a query that failed or was stopped. Writers remove their files when dropped, and all tasks have ended
//! when [`write`] returns.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use headwater_lake::{FinishedPart, PartWriter};
use headwater_plan::{Cancel, Progress, StepContext};
use tokio::task::JoinSet;

use crate::error::EmbeddedError;
use crate::session::{Execution, Session};

/// The rows up to which a result is one file.
const HELD_ROWS: usize = 100_000;
/// The bytes up to which a result is one file.
const HELD_BYTES: usize = 32 << 20;
/// How often a query that gives no rows yet is asked whether it should stop.
const LOOK: Duration = Duration::from_millis(50);

/// Looks at every batch before it is written.
pub(crate) type Look = Arc<dyn Fn(&RecordBatch) -> Result<(), ArrowError> + Send + Sync>;

/// What all partitions share.
struct Shared {
    look: Look,
    rows: AtomicUsize,
    bytes: AtomicUsize,
    context: StepContext,
}

impl Shared {
    /// Counts a batch in; false once there is so much that every partition writes for itself.
    fn hold(&self, batch: &RecordBatch) -> bool {
        let rows = self.rows.fetch_add(batch.num_rows(), Ordering::Relaxed) + batch.num_rows();
        let size = batch.get_array_memory_size();
        let bytes = self.bytes.fetch_add(size, Ordering::Relaxed) + size;
        (self.context.progress)(Progress { rows: rows as u64, bytes: 0, total_bytes: 0 });
        rows <= HELD_ROWS && bytes <= HELD_BYTES
    }
}

/// What a partition came to.
struct Partition {
    held: Vec<RecordBatch>,
    written: Option<FinishedPart>,
}

/// Executes a query into the parts of a write that has begun.
pub(crate) async fn write(
    session: &Session,
    execution: Execution,
    new_part: &(dyn Fn() -> PartWriter + Sync),
    context: &StepContext,
) -> Result<Vec<FinishedPart>, EmbeddedError> {
    write_looking(session, execution, new_part, context, Arc::new(|_| Ok(()))).await
}

/// Executes a query into the parts of a write that has begun, and looks at every batch.
pub(crate) async fn write_looking(
    session: &Session,
    execution: Execution,
    new_part: &(dyn Fn() -> PartWriter + Sync),
    context: &StepContext,
    look: Look,
) -> Result<Vec<FinishedPart>, EmbeddedError> {
    let shared = Arc::new(Shared { look, rows: 0.into(), bytes: 0.into(), context: context.clone() });
    let memory_limit = session.memory_limit;
    let partitions = side_by_side(session, execution, |stream| {
        let (part, shared) = (new_part(), Arc::clone(&shared));
        async move { partition(stream, part, &shared, memory_limit).await }
    })
    .await?;
    let mut rest = new_part();
    let mut parts = Vec::new();
    for partition in partitions {
        for batch in &partition.held {
            rest.write(batch)?;
        }
        parts.extend(partition.written);
    }
    parts.push(rest.finish()?);
    Ok(parts)
}

/// Executes a query and does the same with each of its partitions, side by side. Answers in the order of the
/// partitions. When it returns, all of them have ended.
pub(crate) async fn side_by_side<T, F>(
    session: &Session,
    execution: Execution,
    mut work: impl FnMut(SendableRecordBatchStream) -> F,
) -> Result<Vec<T>, EmbeddedError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, EmbeddedError>> + Send + 'static,
{
    let streams = execution.partitions().map_err(|source| session.failed(source))?;
    let mut tasks = JoinSet::new();
    for (position, stream) in streams.into_iter().enumerate() {
        let work = work(stream);
        tasks.spawn(async move { (position, work.await) });
    }
    let mut answers = BTreeMap::new();
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok((position, Ok(answer))) => {
                answers.insert(position, answer);
            }
            Ok((_, Err(error))) => {
                tasks.shutdown().await;
                return Err(error);
            }
            // Nobody stops a single task, so it panicked: that is for the scheduler to tell.
            Err(error) => {
                tasks.shutdown().await;
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }
    Ok(answers.into_values().collect())
}

async fn partition(
    mut stream: SendableRecordBatchStream,
    mut part: PartWriter,
    shared: &Shared,
    memory_limit: u64,
) -> Result<Partition, EmbeddedError> {
    let mut held = Vec::new();
    let mut writes = false;
    while let Some(batch) = next(&mut stream, &shared.context.cancel, memory_limit).await? {
        (shared.look)(&batch).map_err(|source| EmbeddedError::Rows { source })?;
        if shared.hold(&batch) {
            held.push(batch);
            continue;
        }
        writes = true;
        for batch in held.drain(..).chain([batch]) {
            part.write(&batch)?;
        }
    }
    let written = if writes { Some(part.finish()?) } else { None };
    Ok(Partition { held, written })
}

/// The next batch of a stream; an error once the user stops the run, even while the query gives nothing.
pub(crate) async fn next(
    stream: &mut SendableRecordBatchStream,
    cancel: &Cancel,
    memory_limit: u64,
) -> Result<Option<RecordBatch>, EmbeddedError> {
    let batch = tokio::select! {
        biased;
        () = cancelled(cancel) => return Err(EmbeddedError::Cancelled),
        batch = stream.next() => batch,
    };
    batch.transpose().map_err(|source| EmbeddedError::Query { source, memory_limit })
}

async fn cancelled(cancel: &Cancel) {
    while !cancel.is_cancelled() {
        tokio::time::sleep(LOOK).await;
    }
}
