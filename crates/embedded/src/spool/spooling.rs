//! The rows of a query on their way into a [`Spool`].

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::compute::BatchCoalescer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::writer::StreamWriter;
use datafusion::common::DataFusionError;
use datafusion::execution::memory_pool::MemoryReservation;

use super::{Kept, ROW, Spool};

/// The rows up to which small batches are put together: each one that is kept is work of its own for every query that
/// reads it.
const TOGETHER: usize = 8192;
/// The bytes of a column up to which they are.
const TOGETHER_BYTES: usize = 1 << 20;

/// Rows that are being computed.
pub(super) struct Spooling {
    schema: SchemaRef,
    /// What waits to become a batch of a size worth keeping.
    small: BatchCoalescer,
    held: Vec<RecordBatch>,
    file: Option<(Arc<File>, StreamWriter<BufWriter<File>>)>,
    rows: u64,
    bytes: u64,
    budget: u64,
    reservation: MemoryReservation,
    folder: PathBuf,
}

impl Spooling {
    pub(super) fn new(schema: &SchemaRef, budget: u64, reservation: MemoryReservation, folder: PathBuf) -> Self {
        let small = BatchCoalescer::new(Arc::clone(schema), TOGETHER);
        Self {
            schema: numbered(schema),
            small: small.with_biggest_coalesce_batch_size(Some(TOGETHER / 2)),
            held: Vec::new(),
            file: None,
            rows: 0,
            bytes: 0,
            budget,
            reservation,
            folder,
        }
    }

    pub(super) fn add(&mut self, batch: RecordBatch) -> Result<(), DataFusionError> {
        let most = TOGETHER_BYTES.saturating_mul(batch.num_columns());
        self.small.push_batch(batch)?;
        if self.small.size() > most {
            self.small.finish_buffered_batch()?;
        }
        self.keep_completed()
    }

    fn keep_completed(&mut self) -> Result<(), DataFusionError> {
        while let Some(batch) = self.small.next_completed_batch() {
            self.keep(&batch)?;
        }
        Ok(())
    }

    fn keep(&mut self, batch: &RecordBatch) -> Result<(), DataFusionError> {
        let first = i64::try_from(self.rows).unwrap_or(i64::MAX);
        let rows = i64::try_from(batch.num_rows()).unwrap_or(i64::MAX);
        let numbers: ArrayRef = Arc::new((first..first.saturating_add(rows)).collect::<Int64Array>());
        let columns = batch.columns().iter().map(compact).chain([numbers]).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        let size = batch.get_array_memory_size();
        self.rows += batch.num_rows() as u64;
        self.bytes += size as u64;
        if let Some((_, writer)) = &mut self.file {
            return Ok(writer.write(&batch)?);
        }
        self.held.push(batch);
        if self.bytes > self.budget || self.reservation.try_grow(size).is_err() {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> Result<(), DataFusionError> {
        std::fs::create_dir_all(&self.folder)?;
        let file = tempfile::tempfile_in(&self.folder)?;
        let mut writer = StreamWriter::try_new(BufWriter::new(file.try_clone()?), &self.schema)?;
        for batch in self.held.drain(..) {
            writer.write(&batch)?;
        }
        self.file = Some((Arc::new(file), writer));
        self.reservation.free();
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Spool, DataFusionError> {
        self.small.finish_buffered_batch()?;
        self.keep_completed()?;
        let kept = match self.file {
            None => Kept::Memory(self.held),
            Some((file, mut writer)) => {
                writer.finish()?;
                writer.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?;
                Kept::Disk(file)
            }
        };
        Ok(Spool { schema: self.schema, kept, rows: self.rows, bytes: self.bytes, _reservation: self.reservation })
    }
}

/// The schema of rows with their numbers.
fn numbered(schema: &SchemaRef) -> SchemaRef {
    let number = Arc::new(Field::new(ROW, DataType::Int64, true));
    Arc::new(Schema::new(schema.fields().iter().cloned().chain([number]).collect::<Vec<_>>()))
}

/// A column without the bytes that its views do not show: a filter leaves those of all rows that it dropped.
fn compact(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Utf8View => Arc::new(column.as_string_view().gc()),
        DataType::BinaryView => Arc::new(column.as_binary_view().gc()),
        _ => Arc::clone(column),
    }
}

#[cfg(test)]
mod tests;
