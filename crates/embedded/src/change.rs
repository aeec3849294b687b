//! Copy on write: the files of a table that hold a row to change are written anew, the others stay as they are.
//!
//! Two passes, as in Delta's own merge. [`find`] reads no more columns than the condition needs, of no more files than
//! statistics leave, and says which files hold a row that changes. [`rewrite`] reads those whole, a group of
//! neighbouring files at a time, and writes what their rows become: a group's rows stay together, so that the bounds of
//! files stay as narrow as they were and the next change finds as few. Where there are fewer groups than processors, a
//! group's rows are read by one and encoded by another.
//!
//! Risk: memory. Nothing of the table is held beyond batches on their way; of the rows that a change is made with, those
//! of [`Spool`](crate::spool::Spool) that a join hashes, once for each group that is being written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, Int32Type, Int64Type};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use futures::StreamExt;
use headwater_lake::{DataFile, FILE_NUMBER, FinishedPart, LakeError, PartWriter, Table, TableChange};
use headwater_plan::{Progress, StepContext, TableName};
use headwater_sql::RelationSource;
use tokio::task::JoinSet;

use crate::EmbeddedEngine;
use crate::error::EmbeddedError;
use crate::inputs::Inputs;
use crate::rows::{next, side_by_side};
use crate::session::{Execution, Manner};
use crate::spool::{ROW, RowSet};

/// The size up to which neighbouring files of a partition are rewritten together.
const GROUP_BYTES: u64 = 128 << 20;
/// The size of a file from which on the next group begins another.
const FULL_BYTES: usize = 64 << 20;
/// How many batches reading is ahead of writing, where they are done side by side.
const AHEAD: usize = 4;

/// The name under which the queries of a change read the table's files.
pub(crate) fn target_rows() -> TableName {
    TableName::new("_headwater", "target")
}

/// What of a table a change touches.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// The files that hold a row that changes.
    pub(crate) files: Vec<DataFile>,
    /// How many rows the query gave.
    pub(crate) rows: u64,
    /// The numbers of the spooled rows that it gave.
    pub(crate) matched: RowSet,
}

/// What was written.
pub(crate) struct Rewritten {
    /// The writers, not finished: what is added may go into the same files.
    pub(crate) parts: Vec<PartWriter>,
    /// The rows.
    pub(crate) rows: u64,
}

impl Rewritten {
    /// Closes the files.
    pub(crate) fn finish(self) -> Result<Vec<FinishedPart>, LakeError> {
        self.parts.into_iter().map(PartWriter::finish).collect()
    }
}

/// Asks a query over [`target_rows`] which of some files hold a row that changes. It gives [`FILE_NUMBER`], and [`ROW`]
/// if rows of a spool take part.
pub(crate) async fn find(
    engine: &EmbeddedEngine,
    table: &Table,
    candidates: Vec<DataFile>,
    query: Asked<'_>,
    context: &StepContext,
) -> Result<Touched, EmbeddedError> {
    if candidates.is_empty() {
        return Ok(Touched::default());
    }
    let session = engine.session()?;
    let paths: Vec<String> = candidates.iter().map(|file| file.path.clone()).collect();
    let mut inputs = query.inputs.clone();
    inputs.place(target_rows(), RelationSource::Provider(table.numbered_rows(&paths).await?));
    let typed = session.plan(&engine.lake, query.sql, &mut inputs).await?;
    let execution = session.lower_so(&typed.plan, session.manner_of(query.hash_joins)).await?;
    let memory_limit = session.memory_limit;
    let found = side_by_side(session, execution, |mut stream| {
        let cancel = context.cancel.clone();
        async move {
            let mut found = Found::default();
            while let Some(batch) = next(&mut stream, &cancel, memory_limit).await? {
                found.add(&batch)?;
            }
            Ok(found)
        }
    })
    .await?;
    let mut touched = Touched::default();
    let mut numbers = BTreeSet::new();
    for found in found {
        numbers.extend(found.files);
        touched.rows += found.rows;
        touched.matched.extend(&found.matched);
    }
    touched.files = candidates
        .into_iter()
        .enumerate()
        .filter(|(number, _)| i32::try_from(*number).is_ok_and(|number| numbers.contains(&number)))
        .map(|(_, file)| file)
        .collect();
    Ok(touched)
}

/// A query of a change.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// Spark SQL over [`target_rows`] and what else was placed into the inputs.
    pub(crate) sql: &'a str,
    /// What it may read.
    pub(crate) inputs: &'a Inputs,
    /// Whether what the table is joined with fits into memory.
    pub(crate) hash_joins: bool,
}

/// What a partition of the query gave.
#[derive(Default)]
struct Found {
    files: BTreeSet<i32>,
    rows: u64,
    matched: RowSet,
}

impl Found {
    fn add(&mut self, batch: &RecordBatch) -> Result<(), EmbeddedError> {
        let failed = |source| EmbeddedError::Rows { source };
        self.rows += batch.num_rows() as u64;
        if let Some(numbers) = batch.column_by_name(FILE_NUMBER) {
            let numbers = cast(numbers, &ArrowType::Int32).map_err(failed)?;
            let mut last = None;
            for number in numbers.as_primitive::<Int32Type>().iter().flatten() {
                // Rows of a file come one after the other.
                if last != Some(number) {
                    self.files.insert(number);
                    last = Some(number);
                }
            }
        }
        if let Some(rows) = batch.column_by_name(ROW) {
            let rows = cast(rows, &ArrowType::Int64).map_err(failed)?;
            for row in rows.as_primitive::<Int64Type>().iter().flatten() {
                self.matched.insert(row.cast_unsigned());
            }
        }
        Ok(())
    }
}

/// Writes what the rows of some files become, by a query over [`target_rows`]. Groups of files are rewritten side by
/// side, by as many tasks as the engine may keep busy.
pub(crate) async fn rewrite(
    engine: &EmbeddedEngine,
    change: &TableChange,
    files: &[DataFile],
    query: Asked<'_>,
    context: &StepContext,
) -> Result<Rewritten, EmbeddedError> {
    if !query.hash_joins {
        return rewrite_at_once(engine, change, files, query, context).await;
    }
    let threads = engine.settings.threads.max(1);
    let shares = shares(groups(files), threads);
    let reads_ahead = shares.len() < threads;
    let done = Arc::new(AtomicU64::new(0));
    let workers = shares.into_iter().map(|share| {
        let (part, done) = (change.part(), Arc::clone(&done));
        async move {
            let mut part = part;
            for group in share {
                let mut stream = rows_of(engine, change.base(), &group, query).await?;
                if reads_ahead {
                    stream = ahead(stream);
                }
                let memory_limit = engine.session()?.memory_limit;
                part = elsewhere(write(stream, part, Arc::clone(&done), context.clone(), memory_limit)).await?;
            }
            Ok::<_, EmbeddedError>(part)
        }
    });
    let mut parts = futures::future::try_join_all(workers).await?;
    if parts.is_empty() {
        parts.push(change.part());
    }
    let rows = parts.iter().map(PartWriter::rows).sum();
    Ok(Rewritten { parts, rows })
}

/// Writes what the rows of all files become in one query: what they are joined with is too large to be hashed for each
/// group, and is sorted once instead. Files come out in the order of the join's key.
async fn rewrite_at_once(
    engine: &EmbeddedEngine,
    change: &TableChange,
    files: &[DataFile],
    query: Asked<'_>,
    context: &StepContext,
) -> Result<Rewritten, EmbeddedError> {
    if files.is_empty() {
        return Ok(Rewritten { parts: vec![change.part()], rows: 0 });
    }
    let session = engine.session()?;
    let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
    let manner = session.manner_of(query.hash_joins);
    let execution = execution(engine, change.base(), &paths, query, manner).await?;
    let (done, memory_limit) = (Arc::new(AtomicU64::new(0)), session.memory_limit);
    let parts = side_by_side(session, execution, |stream| {
        write(stream, change.part(), Arc::clone(&done), context.clone(), memory_limit)
    })
    .await?;
    let rows = parts.iter().map(PartWriter::rows).sum();
    Ok(Rewritten { parts, rows })
}

/// What the rows of a group become.
async fn rows_of(
    engine: &EmbeddedEngine,
    table: &Table,
    group: &[String],
    query: Asked<'_>,
) -> Result<SendableRecordBatchStream, EmbeddedError> {
    let manner = Manner { hash_joins: query.hash_joins, one_stream: true };
    let execution = execution(engine, table, group, query, manner).await?;
    execution.stream().map_err(|source| EmbeddedError::Query { source, memory_limit: engine.settings.memory_limit })
}

/// The same rows, read by a task of their own, which ends when nobody wants them any more.
fn ahead(mut stream: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let mut builder = RecordBatchReceiverStreamBuilder::new(stream.schema(), AHEAD);
    let batches = builder.tx();
    builder.spawn(async move {
        while let Some(batch) = stream.next().await {
            if batches.send(batch).await.is_err() {
                break;
            }
        }
        Ok(())
    });
    builder.build()
}

async fn execution(
    engine: &EmbeddedEngine,
    table: &Table,
    paths: &[String],
    query: Asked<'_>,
    manner: Manner,
) -> Result<Execution, EmbeddedError> {
    let session = engine.session()?;
    let mut inputs = query.inputs.clone();
    inputs.place(target_rows(), RelationSource::Provider(table.rows_of(paths).await?));
    let typed = session.plan(&engine.lake, query.sql, &mut inputs).await?;
    session.lower_so(&typed.plan, manner).await
}

/// Writes a group's rows, and ends a file that has become large with it.
async fn write(
    mut stream: SendableRecordBatchStream,
    mut part: PartWriter,
    done: Arc<AtomicU64>,
    context: StepContext,
    memory_limit: u64,
) -> Result<PartWriter, EmbeddedError> {
    while let Some(batch) = next(&mut stream, &context.cancel, memory_limit).await? {
        part.write(&batch)?;
        let rows = batch.num_rows() as u64;
        let rows = done.fetch_add(rows, Ordering::Relaxed) + rows;
        (context.progress)(Progress { rows, bytes: 0, total_bytes: 0 });
    }
    part.cut(FULL_BYTES)?;
    Ok(part)
}

/// Lets a thread of its own do the work, so that others go on beside it; stops it when nobody waits for it any more.
async fn elsewhere<T, F>(work: F) -> Result<T, EmbeddedError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, EmbeddedError>> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    tasks.spawn(work);
    match tasks.join_next().await {
        Some(Ok(ended)) => ended,
        // Nobody stops it, so it panicked: that is for the scheduler to tell.
        Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
        None => Err(EmbeddedError::Cancelled),
    }
}

/// The paths of neighbouring files of a partition, as many as are rewritten together.
struct Group {
    partition: BTreeMap<String, Option<String>>,
    paths: Vec<String>,
    bytes: u64,
}

/// Groups of files, which come by partition.
fn groups(files: &[DataFile]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for file in files {
        match groups.last_mut() {
            Some(group) if group.partition == file.partition && group.bytes + file.bytes <= GROUP_BYTES => {
                group.paths.push(file.path.clone());
                group.bytes += file.bytes;
            }
            _ => groups.push(Group {
                partition: file.partition.clone(),
                paths: vec![file.path.clone()],
                bytes: file.bytes,
            }),
        }
    }
    groups
}

/// What each worker does: whole partitions, so that one writer has all of a partition's rows, where there are enough of
/// them to keep all busy.
fn shares(groups: Vec<Group>, workers: usize) -> Vec<Vec<Vec<String>>> {
    let partitions: BTreeSet<_> = groups.iter().map(|group| group.partition.clone()).collect();
    let partitions: Vec<_> = partitions.into_iter().collect();
    let mut shares = vec![Vec::new(); workers.min(groups.len())];
    let count = shares.len().max(1);
    for (position, group) in groups.into_iter().enumerate() {
        let worker = match partitions.binary_search(&group.partition) {
            Ok(partition) if partitions.len() >= 2 * count => partition % count,
            _ => position % count,
        };
        if let Some(share) = shares.get_mut(worker) {
            share.push(group.paths);
        }
    }
    shares
}
