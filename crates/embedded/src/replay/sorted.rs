//! Where the rows of a quarantine go: to the table, back into the quarantine, or nowhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, new_null_array};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use headwater_connect::files::{self, LoadOptions, QuarantinedRow};
use headwater_lake::PartWriter;
use headwater_plan::ingest::SOURCE_FILE;

use super::is_file;
use crate::error::EmbeddedError;
use crate::load::Counts;
use crate::quarantine::{Columns, QuarantineWriter, schema};

/// Decodes records, off the threads that drive futures.
pub(super) async fn decode(rows: Vec<QuarantinedRow>, options: LoadOptions) -> Result<files::Decoded, EmbeddedError> {
    match tokio::task::spawn_blocking(move || files::replay(rows, options)).await {
        Ok(decoded) => Ok(decoded?),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Where the rows go.
pub(super) struct Sorted {
    pub(super) options: LoadOptions,
    pub(super) part: PartWriter,
    pub(super) schema: SchemaRef,
    pub(super) quarantine: QuarantineWriter,
    /// By file.
    pub(super) counts: BTreeMap<String, Counts>,
    pub(super) records: u64,
    pub(super) dropped: u64,
}

impl Sorted {
    /// Decodes records: good rows to the table, the others back.
    pub(super) async fn replay(mut self, rows: Vec<QuarantinedRow>) -> Result<Self, EmbeddedError> {
        self.records += rows.len() as u64;
        let decoded = decode(rows, self.options.clone()).await?;
        for batch in &decoded.batches {
            for file in source_files(batch) {
                self.counts.entry(file).or_default().records += 1;
            }
            let batch = shaped(batch, &self.schema).map_err(EmbeddedError::QuarantineRows)?;
            self.part.write(&batch)?;
        }
        for record in &decoded.rejected {
            let counts = self.counts.entry(record.file.clone()).or_default();
            counts.records += 1;
            counts.quarantined += 1;
        }
        if !decoded.rejected.is_empty() {
            self.quarantine.write(&decoded.rejected)?;
        }
        Ok(self)
    }

    /// Keeps the rows of other files than the one that is dropped.
    pub(super) fn keep(&mut self, columns: &Columns, dropped: Option<&str>) -> Result<(), EmbeddedError> {
        let rows = columns.rows();
        let kept: BooleanArray =
            (0..rows).map(|row| Some(dropped.is_some_and(|asked| !is_file(columns.file(row), asked)))).collect();
        for row in (0..rows).filter(|row| kept.value(*row)) {
            let counts = self.counts.entry(columns.file(row).to_owned()).or_default();
            counts.records += 1;
            counts.quarantined += 1;
        }
        self.records += rows as u64;
        self.dropped += (rows - kept.true_count()) as u64;
        let batch = columns.batch(&schema()).and_then(|batch| filter_record_batch(&batch, &kept));
        self.quarantine.write_batch(&batch.map_err(EmbeddedError::QuarantineRows)?)
    }
}

/// The files of a batch's rows.
fn source_files(batch: &RecordBatch) -> Vec<String> {
    let files = batch.column_by_name(SOURCE_FILE).and_then(|column| cast(column, &DataType::Utf8).ok());
    let files = files.as_ref().and_then(|files| files.as_string_opt::<i32>());
    files.map(|files| files.iter().flatten().map(str::to_owned).collect()).unwrap_or_default()
}

/// A batch with all columns of the table's write: those that only other records bring are null.
fn shaped(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = schema.fields().iter().map(|field| match batch.column_by_name(field.name()) {
        Some(column) if column.data_type() == field.data_type() => Ok(Arc::clone(column)),
        Some(column) => cast(column, field.data_type()),
        None => Ok(new_null_array(field.data_type(), batch.num_rows())),
    });
    RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<_, _>>()?)
}
