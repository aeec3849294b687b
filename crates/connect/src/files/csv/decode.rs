//! A block to record batches: cells, then columns, a chunk of rows at a time so that both stay in the cache. Every
//! record of the block becomes a row or a [`Rejected`]; a row with one bad cell is taken out of the batch as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, StringBuilder};
use arrow::error::ArrowError;
use headwater_plan::ingest::Ragged;

use super::Decoding;
use super::dialect::{Limited, Tokenize};
use super::header::{FileColumns, FilePlan, Source};
use super::rescue::Rescue;
use super::split::Block;
use super::token::{Cell, Kind, Record};
use crate::files::load::{BATCH_ROWS, CHUNK_ROWS};
use crate::files::reject::{self, Reason};
use crate::files::shape::{self, Rows, Shape};
use crate::files::value::column::{Bad, BadRows, Chunk, Values};
use crate::files::value::text::Nulls;
use crate::files::{Decoded, FilesError, Rejected};

/// What is decoded: the records of a block, and how they are to be read.
pub(super) struct Decoder<'a> {
    pub(super) decoding: &'a Decoding,
    shape: &'a Shape,
    pub(super) block: &'a Block,
    file: &'a FilePlan,
    columns: &'a FileColumns,
    /// The block's text. What is none is replaced, byte by byte, and `malformed` says where that was.
    text: &'a str,
    malformed: &'a [usize],
    pub(super) cells: Vec<Cell>,
    /// The records of the chunk, and the lines on which they begin.
    records: Vec<(Record, u64)>,
    /// Cells too many, of records of the chunk.
    surplus: Vec<(usize, Vec<Cell>)>,
    batch: Batch<'a>,
    pub(super) decoded: Decoded,
}

/// The rows that become a batch.
struct Batch<'a> {
    values: Vec<Values<'a>>,
    added: Vec<StringBuilder>,
    rescue: Option<Rescue>,
    lines: Vec<i64>,
    /// Rows that must not stay in it, and where they stand among the rejected.
    bad: BTreeMap<usize, usize>,
    /// The records of all rows, if rules may refuse them later.
    records: Vec<(Record, u64)>,
}

impl Decoding {
    /// Turns a block into batches.
    pub(crate) fn decode(&self, shape: &Shape, block: &Block) -> Result<Decoded, FilesError> {
        let bytes = &block.buffer[..block.length];
        let (replaced, malformed);
        let text = match simdutf8::basic::from_utf8(bytes) {
            Ok(text) => {
                malformed = Vec::new();
                text
            }
            Err(_) => {
                (replaced, malformed) = self.replace_malformed(bytes);
                replaced.as_str()
            }
        };
        let decoder = Decoder::new(self, shape, block, (text, &malformed));
        let decoded = match self.dialect.plain {
            Some(plain) => decoder.decode(&plain),
            None => decoder.decode(&Limited { general: &self.dialect.general, max_record: block.max_record }),
        };
        decoded.map_err(shape::in_file(&block.file.entry.name))
    }

    /// The bytes as text: what is none becomes a character that means nothing, one for each byte, so that all places stay.
    pub(super) fn replace_malformed(&self, bytes: &[u8]) -> (String, Vec<usize>) {
        let mut text = String::with_capacity(bytes.len());
        let mut malformed = Vec::new();
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            for _ in chunk.invalid() {
                malformed.push(text.len());
                text.push('\u{1A}');
            }
        }
        (text, malformed)
    }
}

impl<'a> Decoder<'a> {
    pub(super) fn new(
        decoding: &'a Decoding,
        shape: &'a Shape,
        block: &'a Block,
        text: (&'a str, &'a [usize]),
    ) -> Self {
        let file = &block.file;
        let width = file.columns.names.len();
        let mut decoder = Self {
            decoding,
            shape,
            block,
            file,
            columns: &file.columns,
            text: text.0,
            malformed: text.1,
            cells: Vec::with_capacity(CHUNK_ROWS * width),
            records: Vec::with_capacity(CHUNK_ROWS),
            surplus: Vec::new(),
            batch: Batch::empty(),
            decoded: Decoded {
                bytes: block.stored,
                skipped: block.skipped,
                file: file.entry.file,
                ..Decoded::default()
            },
        };
        decoder.begin_batch();
        decoder
    }

    fn decode(mut self, tokenizer: &impl Tokenize) -> Result<Decoded, ArrowError> {
        if let Some((line, shown)) = &self.block.too_long {
            self.decoded.records += 1;
            let raw = self.block.encoding.shown(shown);
            let reasons = vec![reject::too_long(self.block.max_record)];
            // The columns of the file are left out: a record that is cut must not be read again.
            self.decoded.rejected.push(Rejected { file_columns: None, ..self.rejected(*line, raw, reasons) });
        }
        let bytes = &self.block.buffer[..self.block.length];
        let (mut at, mut line) = (0, self.block.line);
        while at < bytes.len() {
            let first_cell = self.cells.len();
            let record = tokenizer.record(bytes, at, &mut self.cells);
            at = record.next;
            self.take(record, line, first_cell)?;
            line += record.lines;
        }
        self.finish()
    }

    /// Takes a record, whose cells begin at `first_cell`.
    #[inline]
    pub(super) fn take(&mut self, record: Record, line: u64, first_cell: usize) -> Result<(), ArrowError> {
        let block = self.block;
        if self.passes_over(record, &block.buffer[record.start..record.end]) {
            self.cells.truncate(first_cell);
            return Ok(());
        }
        self.decoded.records += 1;
        if let Some(reason) = self.unreadable(record, first_cell) {
            self.refuse(record, line, vec![reason]);
            self.cells.truncate(first_cell);
            return Ok(());
        }
        self.records.push((record, line));
        if self.records.len() == CHUNK_ROWS { self.chunk() } else { Ok(()) }
    }

    pub(super) fn finish(mut self) -> Result<Decoded, ArrowError> {
        self.chunk()?;
        self.end_batch()?;
        self.decoded.rejected.sort_by_key(|rejected| rejected.line);
        Ok(self.decoded)
    }

    /// Whether a record is none, and counts as passed over.
    #[inline]
    fn passes_over(&mut self, record: Record, bytes: &[u8]) -> bool {
        match record.kind {
            Kind::Blank => self.decoded.skipped.blank += 1,
            Kind::Comment => self.decoded.skipped.comment += 1,
            Kind::Cells if self.file.header.iter().any(|header| header == bytes) => self.decoded.skipped.header += 1,
            _ => return false,
        }
        true
    }

    /// Why a record has no cells that could be read; makes them as many as the file has columns, if it may.
    #[inline]
    fn unreadable(&mut self, record: Record, first_cell: usize) -> Option<Reason> {
        let width = self.columns.names.len();
        if !self.malformed.is_empty()
            && let Some(reason) = self.malformed(record)
        {
            return Some(reason);
        }
        let found = self.cells.len() - first_cell;
        match record.kind {
            Kind::Unclosed(cell, at) => {
                let name = self.columns.names.get(cell).map(String::as_str);
                Some(reject::unclosed(name, cell, self.place(record, at)))
            }
            // Its quotes may be the reason why there are too many or too few cells.
            Kind::TrailingText(_) if found != width && self.decoding.ragged == Ragged::Quarantine => {
                Some(reject::ragged(width, found, record.lines, self.decoding.ragged))
            }
            Kind::TrailingText(cell) => {
                let name = self.columns.names.get(cell).map(String::as_str);
                Some(reject::trailing_text(name, cell))
            }
            _ if found != width && !self.fits(width, first_cell) => {
                Some(reject::ragged(width, found, record.lines, self.decoding.ragged))
            }
            _ => None,
        }
    }

    /// Adds or puts aside cells of a record that has not as many as the file has columns.
    fn fits(&mut self, width: usize, first_cell: usize) -> bool {
        let found = self.cells.len() - first_cell;
        match self.decoding.ragged {
            Ragged::Pad | Ragged::Rescue if found < width => {
                self.cells.resize(first_cell + width, Cell::EMPTY);
                true
            }
            Ragged::Rescue => {
                let surplus = self.cells.split_off(first_cell + width);
                self.surplus.push((self.records.len(), surplus));
                true
            }
            Ragged::Quarantine | Ragged::Pad => false,
        }
    }

    /// Why a record is no text; nothing if it is.
    fn malformed(&self, record: Record) -> Option<Reason> {
        let first = self.malformed.partition_point(|at| *at < record.start);
        self.malformed.get(first).filter(|at| **at < record.end)?;
        let bytes = &self.block.buffer[record.start..record.end];
        Some(reject::not_text(bytes, self.block.encoding))
    }

    /// How many characters stand before a place of a record.
    fn place(&self, record: Record, at: usize) -> (u32, u32) {
        (self.text[record.start..at].chars().count() as u32, 1)
    }

    fn rejected(&self, line: u64, raw: String, reasons: Vec<Reason>) -> Rejected {
        Rejected {
            file: self.file.entry.name.clone(),
            line,
            raw,
            raw_bytes: None,
            reasons,
            file_columns: Some(Arc::clone(&self.columns.names)),
        }
    }

    pub(super) fn refuse(&mut self, record: Record, line: u64, reasons: Vec<Reason>) {
        let bytes = &self.block.buffer[record.start..record.end];
        let rejected = match std::str::from_utf8(bytes) {
            Ok(text) => self.rejected(line, text.to_owned(), reasons),
            Err(_) => {
                let encoding = self.block.encoding;
                let mark = if encoding == self.decoding.dialect.encoding { &[] } else { encoding.mark() };
                let raw_bytes = Some([mark, &encoding.original(bytes)].concat());
                Rejected { raw_bytes, ..self.rejected(line, encoding.shown(bytes), reasons) }
            }
        };
        self.decoded.rejected.push(rejected);
    }

    /// Reads the cells of the records found so far.
    fn chunk(&mut self) -> Result<(), ArrowError> {
        if self.records.is_empty() {
            return Ok(());
        }
        let nulls = self.decoding.nulls();
        let chunk = Chunk {
            text: self.text,
            cells: &self.cells,
            width: self.columns.names.len(),
            quoting: self.decoding.dialect.quoting(),
            nulls,
        };
        let mut bad: BTreeMap<usize, Vec<(usize, Bad)>> = BTreeMap::new();
        let mut bad_in_column = BadRows::new();
        let sources = self.batch.values.iter_mut().zip(&self.decoding.columns).zip(&self.columns.sources);
        for (number, ((values, column), source)) in sources.enumerate() {
            let Source::Cell(cell) = source else { continue };
            values.fill(&chunk, *cell, &column.reading, &mut bad_in_column);
            for (row, why) in bad_in_column.drain(..) {
                bad.entry(row).or_default().push((number, why));
            }
        }
        for (number, builder) in self.batch.added.iter_mut().enumerate() {
            let cell = self.columns.added.iter().find(|(index, _)| *index == number).map(|(_, cell)| *cell);
            chunk.append_strings(builder, cell, self.records.len());
        }
        if let Some(rescue) = &mut self.batch.rescue {
            rescue.rows(&chunk, self.columns, &self.surplus, self.records.len());
        }
        let rows_before = self.batch.lines.len();
        self.batch.lines.extend(self.records.iter().map(|(_, line)| line.cast_signed()));
        for (row, columns) in bad {
            let (record, line) = self.records[row];
            let reasons = columns.iter().map(|(number, why)| self.explain(row, *number, record, *why)).collect();
            self.batch.bad.insert(rows_before + row, self.decoded.rejected.len());
            self.refuse(record, line, reasons);
        }
        if self.shape.has_check() {
            self.batch.records.append(&mut self.records);
        }
        self.cells.clear();
        self.records.clear();
        self.surplus.clear();
        if self.batch.lines.len() >= BATCH_ROWS {
            self.end_batch()?;
            self.begin_batch();
        }
        Ok(())
    }

    /// Why a cell is no value of its column.
    fn explain(&self, row: usize, column: usize, record: Record, why: Bad) -> Reason {
        let declared = &self.decoding.columns[column].declared;
        let Source::Cell(cell) = self.columns.sources[column] else { return reject::null_value(declared, None) };
        let place = self.cells[row * self.columns.names.len() + cell];
        let mut scratch = String::new();
        let value = place.text(self.text, self.decoding.dialect.quoting(), &mut scratch);
        // A cell that was added to a short record stands nowhere in it.
        let start = (place.start as usize).clamp(record.start, record.end);
        let end = (place.end as usize).clamp(start, record.end);
        let before = self.text[record.start..start].chars().count();
        let length = self.text[start..end].chars().count();
        let span = (before as u32, length.max(1) as u32);
        match why {
            Bad::NoValue => reject::not_a_value(declared, cell, value, span),
            Bad::Null => Reason { span, ..reject::null_value(declared, Some(cell)) },
        }
    }

    fn begin_batch(&mut self) {
        // A row takes at least as many bytes as it has cells; four times that is a better guess, and a guess will do.
        let width = self.columns.names.len().max(1);
        let rows = (self.block.length / (4 * width)).clamp(16, BATCH_ROWS + CHUNK_ROWS);
        let values = self.decoding.columns.iter().map(|column| Values::new(&column.parser, rows, rows * 16));
        self.batch = Batch {
            values: values.collect(),
            added: self.shape.added.iter().map(|_| StringBuilder::new()).collect(),
            rescue: self.shape.rescues.then(Rescue::default),
            lines: Vec::with_capacity(rows),
            bad: BTreeMap::new(),
            records: Vec::new(),
        };
    }

    fn end_batch(&mut self) -> Result<(), ArrowError> {
        let mut batch = std::mem::replace(&mut self.batch, Batch::empty());
        let rows = batch.lines.len();
        if rows == 0 {
            return Ok(());
        }
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.values.len());
        let fields = self.shape.schema.fields();
        let sources = std::mem::take(&mut batch.values).into_iter().zip(&self.columns.sources);
        for (number, (mut values, source)) in sources.enumerate() {
            if let Source::Given(text) = source {
                let column = &self.decoding.columns[number];
                // Seen to be a value when the file was planned.
                for _ in 0..rows {
                    let _ = values.push(text.as_deref(), Nulls::DEFAULT, &column.reading);
                }
            }
            columns.push(values.finish(&fields[number]));
        }
        for broken in self.shape.broken(&columns)? {
            let reason = self.shape.broken_reason(&broken);
            match batch.bad.get(&broken.row) {
                Some(rejected) => self.decoded.rejected[*rejected].reasons.push(reason),
                None => {
                    let (record, line) = batch.records[broken.row];
                    batch.bad.insert(broken.row, self.decoded.rejected.len());
                    self.refuse(record, line, vec![reason]);
                }
            }
        }
        let keep = (!batch.bad.is_empty())
            .then(|| (0..rows).map(|row| Some(!batch.bad.contains_key(&row))).collect::<BooleanArray>());
        let rows = Rows {
            columns,
            rescued: batch.rescue.map(Rescue::finish),
            lines: Int64Array::from(batch.lines),
            added: batch.added.into_iter().map(|mut builder| Arc::new(builder.finish()) as ArrayRef).collect(),
        };
        self.decoded.batches.extend(self.shape.batch(&self.file.entry, rows, keep.as_ref())?);
        Ok(())
    }
}

impl Batch<'_> {
    fn empty() -> Self {
        Self {
            values: Vec::new(),
            added: Vec::new(),
            rescue: None,
            lines: Vec::new(),
            bad: BTreeMap::new(),
            records: Vec::new(),
        }
    }
}
