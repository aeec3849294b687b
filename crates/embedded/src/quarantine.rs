//! Rows of the quarantine: rejected records to record batches, and back.
//!
//! Risk: a record that is not kept as it stands in its file cannot be replayed. So the raw text goes in unchanged, the
//! bytes beside it where they are no text, and the columns of its file with it.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Int64Type, SchemaRef, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use headwater_connect::files::{QuarantinedRow, Rejected};
use headwater_lake::{FinishedPart, LakeError, PartWriter, WriteMode, WriteOptions};
use headwater_plan::{Diagnostic, Ingest, Node, RowCounts, RunId, Severity, StepContext, TableName};
use serde::Serialize;

use crate::EmbeddedEngine;
use crate::error::{EmbeddedError, bad_rows};

/// How many bad records a message names.
pub(crate) const EXAMPLES: usize = 5;

/// What every row of a batch carries.
#[derive(Debug, Clone)]
pub(crate) struct Stamp {
    pub(crate) format: &'static str,
    pub(crate) batch: i64,
    pub(crate) ingested_at: DateTime<Utc>,
    pub(crate) run_id: RunId,
}

/// Writes rejected records, from any thread: there are few of them, or the source is wrong.
pub(crate) struct QuarantineWriter {
    part: Mutex<PartWriter>,
    schema: SchemaRef,
    stamp: Stamp,
}

impl QuarantineWriter {
    /// Begins; writes nothing yet. Refuses a table of that name that is no quarantine.
    pub(crate) async fn begin(
        engine: &EmbeddedEngine,
        ingest: &Ingest,
        context: &StepContext,
        batch: i64,
    ) -> Result<Self, EmbeddedError> {
        let writer = engine.lake.begin_write(options(ingest, context, WriteMode::Append)).await?;
        let stamp = Stamp {
            format: ingest.format.word(),
            batch,
            ingested_at: context.clock.now(),
            run_id: context.run_id.clone(),
        };
        Ok(Self { part: Mutex::new(writer.part()), schema: writer.arrow_schema(), stamp })
    }

    /// Writes records.
    pub(crate) fn write(&self, rejected: &[Rejected]) -> Result<(), EmbeddedError> {
        let batch = to_batch(rejected, &self.schema, &self.stamp).map_err(EmbeddedError::QuarantineRows)?;
        self.write_batch(&batch)
    }

    /// Writes rows that have the quarantine's columns.
    pub(crate) fn write_batch(&self, batch: &RecordBatch) -> Result<(), EmbeddedError> {
        // A poisoned lock means that another thread died while it wrote: the load fails because of that.
        Ok(self.part.lock().unwrap_or_else(PoisonError::into_inner).write(batch)?)
    }

    /// Ends with the files.
    pub(crate) fn finish(self) -> Result<FinishedPart, LakeError> {
        self.part.into_inner().unwrap_or_else(PoisonError::into_inner).finish()
    }
}

/// A write to the quarantine.
pub(crate) fn options(ingest: &Ingest, context: &StepContext, mode: WriteMode) -> WriteOptions {
    WriteOptions::new(ingest.quarantine.clone(), Ingest::quarantine_schema(), mode, "QUARANTINE", context)
}

fn to_batch(rejected: &[Rejected], schema: &SchemaRef, stamp: &Stamp) -> Result<RecordBatch, ArrowError> {
    let rows = rejected.len();
    let texts = |text: fn(&Rejected) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rejected.iter().map(text)))
    };
    let repeated =
        |text: &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows))) };
    let lines = rejected.iter().map(|record| i64::try_from(record.line).unwrap_or(i64::MAX));
    let raw_bytes: BinaryArray = rejected.iter().map(|record| record.raw_bytes.as_deref()).collect();
    let ingested_at = TimestampMicrosecondArray::from_value(stamp.ingested_at.timestamp_micros(), rows);
    let columns: Vec<ArrayRef> = vec![
        texts(|record| &record.file),
        Arc::new(Int64Array::from_iter_values(lines)),
        texts(|record| &record.raw),
        Arc::new(raw_bytes),
        reasons(rejected, schema)?,
        file_columns(rejected, schema)?,
        repeated(stamp.format),
        Arc::new(Int64Array::from_value(stamp.batch, rows)),
        Arc::new(ingested_at.with_timezone("UTC")),
        repeated(&stamp.run_id.0),
    ];
    RecordBatch::try_new(Arc::clone(schema), columns)
}

fn reasons(rejected: &[Rejected], schema: &SchemaRef) -> Result<ArrayRef, ArrowError> {
    let item = list_item(schema, "reasons")?;
    let all = || rejected.iter().flat_map(|record| &record.reasons);
    let codes: StringArray = all().map(|reason| Some(reason.code.to_string())).collect();
    let columns: StringArray = all().map(|reason| reason.column.as_deref()).collect();
    let messages: StringArray = all().map(|reason| Some(reason.message.as_str())).collect();
    let DataType::Struct(fields) = item.data_type() else { return Err(unexpected("reasons")) };
    let values: Vec<ArrayRef> = vec![Arc::new(codes), Arc::new(columns), Arc::new(messages)];
    let reasons = StructArray::try_new(fields.clone(), values, None)?;
    let lengths = OffsetBuffer::from_lengths(rejected.iter().map(|record| record.reasons.len()));
    Ok(Arc::new(ListArray::try_new(item, lengths, Arc::new(reasons), None)?))
}

fn file_columns(rejected: &[Rejected], schema: &SchemaRef) -> Result<ArrayRef, ArrowError> {
    let item = list_item(schema, "file_columns")?;
    let of = |record: &Rejected| record.file_columns.as_ref().map_or(0, |columns| columns.len());
    let names = rejected.iter().filter_map(|record| record.file_columns.as_ref()).flat_map(|columns| columns.iter());
    // Arrow wants to know how many there are before it takes the first.
    let names = StringArray::from_iter_values(names.collect::<Vec<_>>());
    let nulls = rejected.iter().map(|record| record.file_columns.is_some()).collect();
    let lengths = OffsetBuffer::from_lengths(rejected.iter().map(of));
    Ok(Arc::new(ListArray::try_new(item, lengths, Arc::new(names), Some(nulls))?))
}

fn list_item(schema: &SchemaRef, name: &str) -> Result<FieldRef, ArrowError> {
    match schema.field_with_name(name)?.data_type() {
        DataType::List(item) => Ok(Arc::clone(item)),
        _ => Err(unexpected(name)),
    }
}

fn unexpected(column: &str) -> ArrowError {
    ArrowError::SchemaError(format!("`{column}` of the quarantine is not of its type"))
}

/// A row of the quarantine, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuarantineRow {
    /// The file that the record stands in.
    pub file: String,
    /// Its line there.
    pub line: u64,
    /// The record.
    pub raw: String,
    /// Everything that is wrong with it.
    pub reasons: Vec<RowReason>,
    /// The batch that set it aside.
    pub batch: i64,
    /// When.
    pub ingested_at: DateTime<Utc>,
    /// The run.
    pub run_id: RunId,
}

/// One thing that is wrong with a quarantined record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RowReason {
    /// The kind of situation, as messages name it.
    pub code: String,
    /// The column, if it lies in one.
    pub column: Option<String>,
    /// What was expected and what was found.
    pub message: String,
}

/// The columns of a batch of the quarantine, in types that can be read, in whatever form the table's reader gave them.
pub(crate) struct Columns(Vec<ArrayRef>);

const FILE: usize = 0;
const LINE: usize = 1;
const RAW: usize = 2;
const RAW_BYTES: usize = 3;
const REASONS: usize = 4;
const FILE_COLUMNS: usize = 5;
const FORMAT: usize = 6;
const BATCH: usize = 7;
const INGESTED_AT: usize = 8;
const RUN_ID: usize = 9;

impl Columns {
    /// Takes a batch whose columns are those of the quarantine, by name.
    pub(crate) fn of(batch: &RecordBatch, schema: &SchemaRef) -> Result<Self, ArrowError> {
        let columns = schema.fields().iter().map(|field| match batch.column_by_name(field.name()) {
            Some(column) => cast(column, field.data_type()),
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
        });
        Ok(Self(columns.collect::<Result<_, _>>()?))
    }

    fn text(&self, column: usize, row: usize) -> Option<&str> {
        let array = self.0.get(column)?.as_string_opt::<i32>()?;
        array.is_valid(row).then(|| array.value(row))
    }

    fn long(&self, column: usize, row: usize) -> i64 {
        let array = self.0.get(column).and_then(|array| array.as_primitive_opt::<Int64Type>());
        array.filter(|array| array.is_valid(row)).map_or(0, |array| array.value(row))
    }

    fn list(&self, column: usize, row: usize) -> Option<ArrayRef> {
        let array = self.0.get(column)?.as_list_opt::<i32>()?;
        array.is_valid(row).then(|| array.value(row))
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.0.first().map_or(0, |column| column.len())
    }

    pub(crate) fn file(&self, row: usize) -> &str {
        self.text(FILE, row).unwrap_or_default()
    }

    /// The rows, as they are in a batch to be written again.
    pub(crate) fn batch(&self, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
        RecordBatch::try_new(Arc::clone(schema), self.0.clone())
    }

    /// What replaying needs of a row.
    pub(crate) fn record(&self, row: usize) -> QuarantinedRow {
        let bytes = self.0.get(RAW_BYTES).and_then(|array| array.as_binary_opt::<i32>());
        let names = self.list(FILE_COLUMNS, row);
        let names = names.as_ref().and_then(|names| names.as_string_opt::<i32>());
        QuarantinedRow {
            file: self.file(row).to_owned(),
            line: self.long(LINE, row).try_into().unwrap_or_default(),
            raw: self.text(RAW, row).unwrap_or_default().to_owned(),
            raw_bytes: bytes.filter(|bytes| bytes.is_valid(row)).map(|bytes| bytes.value(row).to_vec()),
            file_columns: names.map(|names| names.iter().flatten().map(str::to_owned).collect()),
            format: self.text(FORMAT, row).unwrap_or_default().to_owned(),
        }
    }

    /// What is shown of a row.
    pub(crate) fn shown(&self, row: usize) -> QuarantineRow {
        QuarantineRow {
            file: self.file(row).to_owned(),
            line: self.long(LINE, row).try_into().unwrap_or_default(),
            raw: self.text(RAW, row).unwrap_or_default().to_owned(),
            reasons: self.reasons(row),
            batch: self.long(BATCH, row),
            ingested_at: self.ingested_at(row),
            run_id: RunId(self.text(RUN_ID, row).unwrap_or_default().to_owned()),
        }
    }

    pub(crate) fn ingested_at(&self, row: usize) -> DateTime<Utc> {
        let times = self.0.get(INGESTED_AT).and_then(|array| array.as_primitive_opt::<TimestampMicrosecondType>());
        let time = times.filter(|times| times.is_valid(row)).map(|times| times.value(row));
        time.and_then(DateTime::from_timestamp_micros).unwrap_or_default()
    }

    pub(crate) fn reasons(&self, row: usize) -> Vec<RowReason> {
        let Some(reasons) = self.list(REASONS, row) else { return Vec::new() };
        let Some(reasons) = reasons.as_struct_opt() else { return Vec::new() };
        let text = |column: usize, row: usize| {
            let texts = reasons.columns().get(column)?.as_string_opt::<i32>()?;
            texts.is_valid(row).then(|| texts.value(row).to_owned())
        };
        let reason = |row| RowReason {
            code: text(0, row).unwrap_or_default(),
            column: text(1, row),
            message: text(2, row).unwrap_or_default(),
        };
        (0..reasons.len()).map(reason).collect()
    }
}

/// Arrow's form of the quarantine's columns.
pub(crate) fn schema() -> SchemaRef {
    let schema = headwater_sql::types::to_arrow(&Ingest::quarantine_schema());
    debug_assert!(matches!(
        schema.fields().get(INGESTED_AT).map(|field| field.data_type()),
        Some(DataType::Timestamp(TimeUnit::Microsecond, _))
    ));
    Arc::new(schema)
}

/// The warning that rows were set aside.
pub(crate) fn told(examples: &[Rejected], rows: &RowCounts, node: &Node, quarantine: &TableName) -> Option<Diagnostic> {
    let (count, records) = (rows.quarantined, rows.read);
    examples.first()?;
    let verb = if count == 1 { "was" } else { "were" };
    let outcome = format!("{count} of {records} records {verb} set aside in `{quarantine}`");
    let mut diagnostic = Diagnostic { severity: Severity::Warning, ..bad_rows(examples, count, &outcome) };
    let after = format!("`headwater quarantine replay {}` loads what fits then", node.name);
    diagnostic.help = Some(match diagnostic.help {
        Some(help) => format!("{help}; {after}"),
        None => format!("change the contract; {after}"),
    });
    Some(diagnostic)
}

/// The first of bad records, in the order of files and lines.
pub(crate) fn keep_first(examples: &mut Vec<Rejected>, rejected: Vec<Rejected>) {
    examples.extend(rejected);
    examples.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
    examples.truncate(EXAMPLES);
}
