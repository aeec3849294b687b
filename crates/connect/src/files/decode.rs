//! A block to record batches: cells, then columns, a chunk of rows at a time so that both stay in the cache. Every
//! record of the block becomes a row or a [`Rejected`]; a row with one bad cell is taken out of the batch as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
use arrow::error::ArrowError;

use super::column::{Chunk, Values};
use super::load::Decoding;
use super::reject::{self, Reason, Rejected};
use super::split::Block;
use super::token::{Cell, Record};
use super::{FilesError, header::FilePlan};

/// The rows of a batch: enough for Parquet and few enough for the cache.
pub(super) const BATCH_ROWS: usize = 16_384;
/// The rows whose cells are found before they are read.
pub(super) const CHUNK_ROWS: usize = 1_024;

/// What a block held.
#[derive(Debug, Default)]
pub struct Decoded {
    /// The rows that fit the contract, in the order of the file.
    pub batches: Vec<RecordBatch>,
    /// How many records there were: the rows and the rejected.
    pub records: u64,
    /// How many empty lines were passed over.
    pub blank_lines: u64,
    /// The bytes of the file that this block accounts for; over a file's blocks, its size.
    pub bytes: u64,
    /// The records that do not fit, in the order of the file.
    pub rejected: Vec<Rejected>,
}

pub(super) struct Decoder<'a> {
    decoding: &'a Decoding,
    file: &'a FilePlan,
    bytes: &'a [u8],
    /// The bytes as text, up to the first that is none.
    text: &'a str,
    cells: Vec<Cell>,
    /// The records of the chunk and the lines on which they begin.
    records: Vec<(Record, u64)>,
    columns: Vec<Values<'a>>,
    lines: Vec<i64>,
    /// Rows of the batch that must not stay in it.
    bad_rows: Vec<usize>,
    decoded: Decoded,
}

impl<'a> Decoder<'a> {
    pub(super) fn decode(decoding: &'a Decoding, block: &'a Block) -> Result<Decoded, FilesError> {
        let bytes = &block.buffer[..block.length];
        let mut decoder = Self {
            decoding,
            file: &block.file,
            bytes,
            text: "",
            cells: Vec::with_capacity(CHUNK_ROWS * block.file.columns.names.len()),
            records: Vec::with_capacity(CHUNK_ROWS),
            columns: Vec::new(),
            lines: Vec::new(),
            bad_rows: Vec::new(),
            decoded: Decoded { bytes: block.read, ..Decoded::default() },
        };
        decoder.block(block.line).map_err(|source| FilesError::Batch { path: block.file.file.path.clone(), source })?;
        decoder.decoded.rejected.sort_by_key(|rejected| rejected.line);
        Ok(decoder.decoded)
    }

    fn block(&mut self, mut line: u64) -> Result<(), ArrowError> {
        self.text = simdutf8::basic::from_utf8(self.bytes).unwrap_or_else(|_| valid_prefix(self.bytes));
        self.begin_batch();
        let mut at = 0;
        while at < self.bytes.len() {
            let width = self.file.columns.names.len();
            let first_cell = self.cells.len();
            let record = self.decoding.dialect.record(self.bytes, at, &mut self.cells);
            let found = self.cells.len() - first_cell;
            at = record.next;
            let begins = line;
            line += record.lines;
            if record.start == record.end {
                self.cells.truncate(first_cell);
                self.decoded.blank_lines += 1;
                continue;
            }
            self.decoded.records += 1;
            if record.end > self.text.len() {
                self.refuse(record, begins, vec![reject::not_text(&self.bytes[record.start..record.end])]);
                self.cells.truncate(first_cell);
                // The rows before it are read as the text that they are; then the text goes on behind it.
                self.chunk()?;
                self.bytes = &self.bytes[at..];
                at = 0;
                self.text = valid_prefix(self.bytes);
            } else if found != width {
                self.refuse(record, begins, vec![reject::ragged(width, found, record.lines)]);
                self.cells.truncate(first_cell);
            } else if let Some(cell) = record.trailing_text {
                let name = &self.file.columns.names[cell];
                self.refuse(record, begins, vec![reject::trailing_text(name, cell, record.lines)]);
                self.cells.truncate(first_cell);
            } else {
                self.records.push((record, begins));
                if self.records.len() == CHUNK_ROWS {
                    self.chunk()?;
                }
            }
        }
        self.chunk()?;
        self.end_batch()
    }

    fn refuse(&mut self, record: Record, line: u64, reasons: Vec<Reason>) {
        let raw = String::from_utf8_lossy(&self.bytes[record.start..record.end]).into_owned();
        self.decoded.rejected.push(Rejected { file: self.file.file.path.clone(), line, raw, reasons });
    }

    /// Reads the cells of the records found so far.
    fn chunk(&mut self) -> Result<(), ArrowError> {
        let chunk = Chunk {
            text: self.text,
            cells: &self.cells,
            width: self.file.columns.names.len(),
            quote: self.decoding.dialect.quote,
            null_value: &self.decoding.null_value,
        };
        let mut bad: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut bad_in_column = Vec::new();
        for (number, values) in self.columns.iter_mut().enumerate() {
            let cell = self.file.columns.cells[number];
            values.fill(&chunk, cell, &mut bad_in_column);
            for row in bad_in_column.drain(..) {
                bad.entry(row).or_default().push(number);
            }
        }
        let rows_before = self.lines.len();
        self.lines.extend(self.records.iter().map(|(_, line)| *line as i64));
        for (row, numbers) in bad {
            self.bad_rows.push(rows_before + row);
            let (record, line) = self.records[row];
            let reasons = numbers.iter().map(|number| self.explain(row, *number, record)).collect();
            self.refuse(record, line, reasons);
        }
        self.cells.clear();
        self.records.clear();
        if self.lines.len() >= BATCH_ROWS {
            self.end_batch()?;
            self.begin_batch();
        }
        Ok(())
    }

    /// Why a cell is no value of its column.
    fn explain(&self, row: usize, column: usize, record: Record) -> Reason {
        let cell = self.file.columns.cells[column];
        let place = self.cells[row * self.file.columns.names.len() + cell];
        let mut scratch = String::new();
        let value = place.text(self.text, self.decoding.dialect.quote, &mut scratch);
        let before = self.text[record.start..place.start as usize].chars().count();
        let length = self.text[place.start as usize..place.end as usize].chars().count();
        let span = (before as u32, length.max(1) as u32);
        reject::not_a_value(&self.decoding.columns[column].declared, cell, value, span)
    }

    fn begin_batch(&mut self) {
        // A row takes at least as many bytes as it has cells; four times that is a better guess, and a guess will do.
        let width = self.file.columns.names.len();
        let rows = (self.bytes.len() / (4 * width)).clamp(16, BATCH_ROWS + CHUNK_ROWS);
        self.columns =
            self.decoding.columns.iter().map(|column| Values::new(&column.parser, rows, rows * 16)).collect();
        self.lines = Vec::with_capacity(rows);
    }

    fn end_batch(&mut self) -> Result<(), ArrowError> {
        let rows = self.lines.len();
        let fields = self.decoding.schema.fields();
        let columns = std::mem::take(&mut self.columns);
        let mut arrays: Vec<ArrayRef> =
            columns.into_iter().zip(fields).map(|(values, field)| values.finish(field)).collect();
        let mut lines: ArrayRef = Arc::new(Int64Array::from(std::mem::take(&mut self.lines)));
        if !self.bad_rows.is_empty() {
            let mut kept = vec![true; rows];
            for row in self.bad_rows.drain(..) {
                kept[row] = false;
            }
            let kept = BooleanArray::from(kept);
            for array in arrays.iter_mut().chain([&mut lines]) {
                *array = arrow::compute::filter(array, &kept)?;
            }
        }
        if lines.is_empty() {
            return Ok(());
        }
        if let Some(stamp) = &self.decoding.stamp {
            let length = lines.len();
            arrays.push(stamp.source_file(self.file, length));
            arrays.push(lines);
            arrays.push(stamp.ingested_at(length));
            arrays.push(stamp.run_id(length));
        }
        self.decoded.batches.push(RecordBatch::try_new(Arc::clone(&self.decoding.schema), arrays)?);
        Ok(())
    }
}

/// The bytes as text, up to the first byte that is none; stops there, so that a block full of such bytes costs no more
/// than one of text.
fn valid_prefix(bytes: &[u8]) -> &str {
    bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid())
}
