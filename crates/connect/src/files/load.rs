//! A load: what worker threads share. Each asks for a block, which is quick and locked, and decodes it, which is neither.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use headwater_plan::FileFormat;
use headwater_plan::ingest::{INGESTED_AT, RUN_ID, SOURCE_FILE, SOURCE_LINE};

use super::contract::{self, Column, timestamp_type};
use super::decode::{BATCH_ROWS, CHUNK_ROWS, Decoder};
use super::header::{self, FilePlan};
use super::split::{BLOCK_SIZE, Block, Splitter};
use super::token::Dialect;
use super::{Decoded, FilesError, LoadOptions, SourceFile};

/// More used buffers than this are given back to the system.
const SPARE_BUFFERS: usize = 16;

/// Files being loaded, in the order in which they were given.
#[derive(Debug)]
pub struct Load {
    /// `None` once an error stopped it: the block after a lost one must not look like the next.
    splitter: Mutex<Option<Splitter>>,
    spare: Mutex<Vec<Vec<u8>>>,
    decoding: Decoding,
}

/// What decoding needs to know; nothing in it changes.
#[derive(Debug)]
pub(super) struct Decoding {
    pub(super) dialect: Dialect,
    pub(super) null_value: String,
    pub(super) columns: Vec<Column>,
    pub(super) schema: SchemaRef,
    pub(super) stamp: Option<Stamp>,
}

/// The stamp columns whose values repeat: made once, sliced for each batch.
#[derive(Debug)]
pub(super) struct Stamp {
    ingested_at: ArrayRef,
    run_id: ArrayRef,
}

/// The most rows that a batch of this file can have.
fn stamp_rows(file: &FilePlan) -> usize {
    // A record has at least as many bytes as cells, but for the last, which may lack its line end.
    let records = file.file.size as usize / file.columns.names.len() + 1;
    records.min(BATCH_ROWS + CHUNK_ROWS)
}

impl Load {
    /// Checks the contract, and every file's header against it. Blocking: opens every file.
    ///
    /// # Errors
    /// All problems of the contract, or all problems of all headers; a file that cannot be read or that changed since it
    /// was listed.
    pub fn new(files: Vec<SourceFile>, options: LoadOptions) -> Result<Self, FilesError> {
        let FileFormat::Csv(csv) = &options.format;
        let dialect = Dialect::new(csv)?;
        let columns = contract::compile(&options.contract, options.stamp)
            .map_err(|problems| FilesError::Contract { problems })?;
        let plans = header::plan_files(files, dialect, &options.contract, options.on_schema_change)?;
        let mut fields: Vec<Field> = columns.iter().map(Column::field).collect();
        if options.stamp {
            fields.push(Field::new(SOURCE_FILE, DataType::Utf8, true));
            fields.push(Field::new(SOURCE_LINE, DataType::Int64, true));
            fields.push(Field::new(INGESTED_AT, timestamp_type(), true));
            fields.push(Field::new(RUN_ID, DataType::Utf8, true));
        }
        let stamp = options.stamp.then(|| {
            let rows = plans.iter().map(|plan| stamp_rows(plan)).max().unwrap_or_default();
            let ingested_at = TimestampMicrosecondArray::from_value(options.ingested_at.timestamp_micros(), rows);
            Stamp { ingested_at: Arc::new(ingested_at.with_timezone("UTC")), run_id: repeated(&options.run_id, rows) }
        });
        Ok(Self {
            splitter: Mutex::new(Some(Splitter::new(plans, dialect))),
            spare: Mutex::default(),
            decoding: Decoding {
                dialect,
                null_value: csv.null_value.clone(),
                columns,
                schema: Arc::new(Schema::new(fields)),
                stamp,
            },
        })
    }

    /// Other limits, in bytes, than the 4 MB that are read at once and the 64 MB that a record may have. What is read does
    /// not depend on them; a smaller block takes less memory and more time.
    #[must_use]
    pub fn with_limits(self, block_size: usize, max_record: usize) -> Self {
        if let Some(splitter) = &mut *self.splitter.lock().unwrap_or_else(PoisonError::into_inner) {
            splitter.limits(block_size, max_record);
        }
        self
    }

    /// The columns of the batches: those of the contract, then, if stamped, `_source_file`, `_source_line`,
    /// `_ingested_at` and `_run_id`.
    pub fn arrow_schema(&self) -> SchemaRef {
        Arc::clone(&self.decoding.schema)
    }

    /// The next block of whole records, or `None` after the last. Blocking: reads a few megabytes. After an error every
    /// further call fails too.
    ///
    /// # Errors
    /// The file cannot be read or changed, a quote does not close, a record has no end.
    pub fn next_block(&self) -> Result<Option<Block>, FilesError> {
        // A poisoned lock means that a reader died half way, so what it read is lost.
        let Ok(mut splitter) = self.splitter.lock() else { return Err(FilesError::Stopped) };
        let Some(reading) = splitter.as_mut() else { return Err(FilesError::Stopped) };
        let block = reading.next(|| self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop());
        if block.is_err() {
            *splitter = None;
        }
        block
    }

    /// Turns a block into record batches. Work for the processor only; takes no lock that matters.
    ///
    /// # Errors
    /// Only faults of ours; what is wrong with a record is in [`Decoded::rejected`].
    pub fn decode(&self, block: Block) -> Result<Decoded, FilesError> {
        let decoded = Decoder::decode(&self.decoding, &block)?;
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        // A buffer that grew for one long record is not kept.
        if spare.len() < SPARE_BUFFERS && block.buffer.len() <= BLOCK_SIZE {
            spare.push(block.buffer);
        }
        Ok(decoded)
    }

    /// All batches, for small files read by one thread; what is rejected is an error.
    pub(super) fn read_all(&self) -> Result<Vec<RecordBatch>, FilesError> {
        const SHOWN: usize = 50;
        let (mut batches, mut rejected, mut omitted) = (Vec::new(), Vec::new(), 0);
        while let Some(block) = self.next_block()? {
            let mut decoded = self.decode(block)?;
            batches.append(&mut decoded.batches);
            rejected.append(&mut decoded.rejected);
            omitted += rejected.len().saturating_sub(SHOWN);
            rejected.truncate(SHOWN);
        }
        if rejected.is_empty() { Ok(batches) } else { Err(FilesError::Rejected { rejected, omitted }) }
    }
}

impl Stamp {
    pub(super) fn source_file(&self, file: &FilePlan, length: usize) -> ArrayRef {
        let made = file.source_file.get_or_init(|| repeated(&file.file.path, stamp_rows(file)));
        made.slice(0, length)
    }

    pub(super) fn ingested_at(&self, length: usize) -> ArrayRef {
        self.ingested_at.slice(0, length)
    }

    pub(super) fn run_id(&self, length: usize) -> ArrayRef {
        self.run_id.slice(0, length)
    }
}

fn repeated(value: &str, length: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, length)))
}
