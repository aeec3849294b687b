//! The rows of a query, computed once and read as often as needed: in memory while they are few, on the disk when not.
//!
//! Risk: memory that nobody counts. What is held is reserved in the pool of all queries, and goes to a file without a
//! name as soon as it is more than a share of the limit, or the pool has no more.

mod row_set;
mod spooling;
mod values;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::DataFusionError;
use datafusion::datasource::MemTable;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::streaming::PartitionStream;
use headwater_lake::KeyValues;
use headwater_plan::{Cancel, StepContext, TableName};

pub(crate) use self::row_set::RowSet;
use self::spooling::Spooling;
use self::values::Values;
use crate::error::EmbeddedError;
use crate::rows::{next, side_by_side};
use crate::session::{Execution, Session};
use crate::spill::read_at;

/// The name under which queries read the rows.
pub(crate) fn spooled_rows() -> TableName {
    TableName::new("_headwater", "increment")
}

/// The column that numbers the rows, from 0.
pub(crate) const ROW: &str = "__headwater_row";
/// The part of the memory limit that the rows may hold.
const SHARE: u64 = 8;
/// How many batches a reader of the file is ahead.
const AHEAD: usize = 2;

/// Rows that were computed, each with its number as column [`ROW`].
pub(crate) struct Spool {
    schema: SchemaRef,
    kept: Kept,
    rows: u64,
    bytes: u64,
    /// Given back when the rows are dropped.
    _reservation: MemoryReservation,
}

enum Kept {
    Memory(Vec<RecordBatch>),
    Disk(Arc<File>),
}

impl Spool {
    /// Executes a query and keeps its rows.
    pub(crate) async fn of(
        session: &Session,
        spill_dir: &Path,
        execution: Execution,
        context: &StepContext,
    ) -> Result<Self, EmbeddedError> {
        let memory_limit = session.memory_limit;
        let reservation = MemoryConsumer::new("increment").register(session.memory_pool());
        let (schema, folder) = (execution.schema(), spill_dir.to_path_buf());
        let spooling = Spooling::new(&schema, memory_limit / SHARE, reservation, folder);
        let spooling = Arc::new(Mutex::new(spooling));
        side_by_side(session, execution, |mut stream| {
            let (spooling, cancel) = (Arc::clone(&spooling), context.cancel.clone());
            async move {
                while let Some(batch) = next(&mut stream, &cancel, memory_limit).await? {
                    let failed = |source| EmbeddedError::Query { source, memory_limit };
                    spooling.lock().unwrap_or_else(PoisonError::into_inner).add(batch).map_err(failed)?;
                }
                Ok(())
            }
        })
        .await?;
        // All tasks have ended, so that nobody else holds it.
        let spooling = Arc::into_inner(spooling).map(|lock| lock.into_inner().unwrap_or_else(PoisonError::into_inner));
        let failed = |source| EmbeddedError::Query { source, memory_limit };
        spooling.map_or_else(
            || Err(failed(DataFusionError::Internal("rows are still being computed".to_owned()))),
            |spooling| spooling.finish().map_err(failed),
        )
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Their size in memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The rows, for a query.
    pub(crate) fn provider(&self) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        Ok(match &self.kept {
            Kept::Memory(batches) => Arc::new(MemTable::try_new(Arc::clone(&self.schema), vec![batches.clone()])?),
            Kept::Disk(file) => {
                let partition = Spooled { schema: Arc::clone(&self.schema), file: Arc::clone(file) };
                Arc::new(StreamingTable::try_new(Arc::clone(&self.schema), vec![Arc::new(partition)])?)
            }
        })
    }

    /// The values of a column; `None` if all are null. Of very many only the least and the greatest.
    pub(crate) fn values(&self, column: &str) -> Result<Option<KeyValues>, ArrowError> {
        let position = self.schema.index_of(column)?;
        let mut values = Values::default();
        match &self.kept {
            Kept::Memory(batches) => batches.iter().try_for_each(|batch| values.add(batch.column(position)))?,
            Kept::Disk(file) => {
                for batch in read(file)? {
                    values.add(batch?.column(position))?;
                }
            }
        }
        values.finish()
    }

    /// Does the same with every batch of rows that are not in a set, without the column of their numbers.
    pub(crate) fn each_batch(
        &self,
        without: &RowSet,
        cancel: &Cancel,
        mut work: impl FnMut(RecordBatch) -> Result<(), EmbeddedError>,
    ) -> Result<(), EmbeddedError> {
        let failed = |source: ArrowError| EmbeddedError::Rows { source };
        let mut number = 0;
        let mut each = |batch: &RecordBatch| {
            if cancel.is_cancelled() {
                return Err(EmbeddedError::Cancelled);
            }
            let rows = batch.num_rows() as u64;
            let wanted: BooleanArray = (number..number + rows).map(|row| Some(!without.contains(row))).collect();
            number += rows;
            let columns: Vec<usize> = (0..batch.num_columns().saturating_sub(1)).collect();
            let batch = batch.project(&columns).map_err(failed)?;
            let batch = if wanted.true_count() as u64 == rows {
                batch
            } else {
                filter_record_batch(&batch, &wanted).map_err(failed)?
            };
            if batch.num_rows() == 0 { Ok(()) } else { work(batch) }
        };
        match &self.kept {
            Kept::Memory(batches) => batches.iter().try_for_each(&mut each),
            Kept::Disk(file) => {
                for batch in read(file).map_err(failed)? {
                    each(&batch.map_err(failed)?)?;
                }
                Ok(())
            }
        }
    }
}

/// The rows in a file, as a partition of a table.
#[derive(Debug)]
struct Spooled {
    schema: SchemaRef,
    file: Arc<File>,
}

impl PartitionStream for Spooled {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.schema), AHEAD);
        let (batches, file) = (builder.tx(), Arc::clone(&self.file));
        builder.spawn_blocking(move || {
            for batch in read(&file)? {
                if batches.blocking_send(batch.map_err(Into::into)).is_err() {
                    // Whoever read them needs no more.
                    break;
                }
            }
            Ok(())
        });
        builder.build()
    }
}

fn read(file: &Arc<File>) -> Result<StreamReader<BufReader<FromStart>>, ArrowError> {
    StreamReader::try_new(BufReader::with_capacity(1 << 20, FromStart { file: Arc::clone(file), place: 0 }), None)
}

/// Reads a file from its beginning, however many others do at the same time.
struct FromStart {
    file: Arc<File>,
    place: u64,
}

impl Read for FromStart {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = read_at(&self.file, into, self.place)?;
        self.place += read as u64;
        Ok(read)
    }
}
