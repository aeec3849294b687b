//! A load: what worker threads share. Each asks for a block, which is quick and locked, and decodes it, which is neither.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use headwater_plan::{Field, FileFormat};

use super::open::Sources;
use super::shape::Shape;
use super::{Decoded, FilesError, LoadOptions, QuarantinedRow, SourceFile, Stores};
use super::{columnar, csv, json};

/// The bytes read at once. Large enough that a lock and a system call for each cost nothing, small enough for the cache
/// to help and for two workers to share a small file.
pub(crate) const BLOCK_SIZE: usize = 4 << 20;
/// The longest record. Longer ones are nearly always a quote that nobody closed.
pub(crate) const MAX_RECORD: usize = 64 << 20;
/// The rows of a batch: enough for Parquet and few enough for the cache.
pub(crate) const BATCH_ROWS: usize = 16_384;
/// The rows whose cells are found before they are read.
pub(crate) const CHUNK_ROWS: usize = 1_024;
/// More used buffers than this are given back to the system.
const SPARE_BUFFERS: usize = 16;

/// Files being loaded, in the order in which they were given.
#[derive(Debug)]
pub struct Load {
    /// `None` once an error stopped it: the block after a lost one must not look like the next.
    reader: Mutex<Option<Reader>>,
    spare: Mutex<Vec<Vec<u8>>>,
    decoding: Decoding,
    shape: Shape,
}

#[derive(Debug)]
enum Reader {
    Csv(csv::Splitter),
    Json(json::Splitter),
    Columnar(columnar::Reader),
}

/// What decoding needs to know; nothing in it changes.
#[derive(Debug)]
enum Decoding {
    Csv(csv::Decoding),
    Json(json::Decoding),
    Columnar(Arc<columnar::Decoding>),
}

/// A stretch of one file: whole records.
#[derive(Debug)]
pub struct Block(Blocks);

#[derive(Debug)]
enum Blocks {
    Csv(csv::Block),
    Json(json::Block),
    Columnar(columnar::Block),
}

impl Load {
    /// Checks the contract, and what every file says of its columns against it. Blocking: opens every file; where JSON's
    /// columns are to be added, reads every file through.
    ///
    /// # Errors
    /// All problems of the contract, or all problems of all files' columns; a file that cannot be read, is damaged, or
    /// changed since it was listed.
    pub fn new(files: Vec<SourceFile>, options: LoadOptions, stores: &Stores) -> Result<Self, FilesError> {
        let sources = Sources::new(files, options.compression, options.root.clone(), stores);
        let (reader, decoding, added) = match &options.format {
            FileFormat::Csv(_) => {
                let planned = csv::plan(&sources, &options)?;
                (Reader::Csv(planned.splitter), Decoding::Csv(planned.decoding), planned.added)
            }
            FileFormat::Json(_) => {
                let planned = json::plan(&sources, &options)?;
                (Reader::Json(planned.splitter), Decoding::Json(planned.decoding), planned.added)
            }
            FileFormat::Parquet | FileFormat::Avro => {
                let planned = columnar::plan(&sources, &options)?;
                (Reader::Columnar(planned.reader), Decoding::Columnar(planned.decoding), planned.added)
            }
        };
        Ok(Self {
            reader: Mutex::new(Some(reader)),
            spare: Mutex::default(),
            decoding,
            shape: Shape::new(&options, added),
        })
    }

    /// Other limits, in bytes, than the 4 MB that are read at once and the 64 MB that a record may have. What is read does
    /// not depend on the first; a smaller block takes less memory and more time.
    #[must_use]
    pub fn with_limits(self, block_size: usize, max_record: usize) -> Self {
        match &mut *self.reader.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(Reader::Csv(splitter)) => splitter.limits(block_size, max_record),
            Some(Reader::Json(splitter)) => splitter.limits(block_size, max_record),
            Some(Reader::Columnar(reader)) => reader.limits(block_size),
            None => {}
        }
        self
    }

    /// The columns of the batches: those of the contract, `_rescued_data` if asked for, then, if stamped, `_source_file`,
    /// `_source_line`, `_ingested_at` and `_run_id`, and behind them what was added.
    pub fn arrow_schema(&self) -> SchemaRef {
        Arc::clone(&self.shape.schema)
    }

    /// The columns of the files that the contract has not and `on_schema_change` adds.
    pub fn added_columns(&self) -> &[Field] {
        &self.shape.added
    }

    /// The next block of whole records, or `None` after the last. Blocking: reads a few megabytes. After an error every
    /// further call fails too.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, or changed.
    pub fn next_block(&self) -> Result<Option<Block>, FilesError> {
        // A poisoned lock means that a reader died half way, so what it read is lost.
        let Ok(mut reader) = self.reader.lock() else { return Err(FilesError::Stopped) };
        let Some(reading) = reader.as_mut() else { return Err(FilesError::Stopped) };
        let spare = || self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let block = match reading {
            Reader::Csv(splitter) => splitter.next(spare).map(|block| block.map(Blocks::Csv)),
            Reader::Json(splitter) => splitter.next(spare).map(|block| block.map(Blocks::Json)),
            Reader::Columnar(reader) => reader.next().map(|block| block.map(Blocks::Columnar)),
        };
        if block.is_err() {
            *reader = None;
        }
        block.map(|block| block.map(Block))
    }

    /// Turns a block into record batches. Work for the processor only, but for Parquet, which is read here; takes no lock
    /// that matters.
    ///
    /// # Errors
    /// A damaged file, a column that the contract has not and that nobody could know of before; what is wrong with a record
    /// is in [`Decoded::rejected`].
    pub fn decode(&self, block: Block) -> Result<Decoded, FilesError> {
        match (&self.decoding, block.0) {
            (Decoding::Csv(decoding), Blocks::Csv(block)) => {
                let decoded = decoding.decode(&self.shape, &block)?;
                self.give_back(block.buffer);
                Ok(decoded)
            }
            (Decoding::Json(decoding), Blocks::Json(block)) => {
                let decoded = decoding.decode(&self.shape, &block)?;
                self.give_back(block.buffer);
                Ok(decoded)
            }
            (Decoding::Columnar(decoding), Blocks::Columnar(block)) => decoding.decode(&self.shape, block),
            // A block of another load.
            _ => Err(FilesError::Stopped),
        }
    }

    fn give_back(&self, buffer: Vec<u8>) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        // A buffer that grew for one long record is not kept.
        if spare.len() < SPARE_BUFFERS && buffer.len() <= BLOCK_SIZE {
            spare.push(buffer);
        }
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

/// Reads quarantined records through today's contract, as if they stood in their files: the rows that fit now, and the
/// records that still do not, with today's reasons. The records of one call are held in memory.
///
/// # Errors
/// A contract that no file can meet; a record of a format that nobody knows.
pub fn replay(rows: Vec<QuarantinedRow>, options: LoadOptions) -> Result<Decoded, FilesError> {
    let (mut text, mut other) = (Vec::new(), Vec::new());
    for row in rows {
        if row.format == "csv" { text.push(row) } else { other.push(row) }
    }
    let csv = !text.is_empty();
    let mut decoded = if csv { csv::replay(text, &options)? } else { Decoded::default() };
    if !other.is_empty() || !csv {
        let more = json::replay(other, &options)?;
        decoded.records += more.records;
        decoded.skipped += more.skipped;
        decoded.batches.extend(more.batches);
        decoded.rejected.extend(more.rejected);
    }
    Ok(decoded)
}
