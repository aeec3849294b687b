//! Files as blocks of whole records. A record cut in two or a line counted wrong would be a silent loss, so a block ends
//! only where a record ends, and what is left is carried into the next block.
//!
//! Memory: one block, the longest record, and the footer.

use std::io::Read;
use std::sync::Arc;

use headwater_plan::Skipped;

use super::dialect::{Dialect, End};
use super::header::FilePlan;
use super::scan::Scan;
use crate::files::FilesError;
use crate::files::encoding::{Encoding, Text};
use crate::files::load::{BLOCK_SIZE, MAX_RECORD};
use crate::files::open::Sources;

/// So much is shown of a line that is too long.
const SHOWN: usize = 1 << 10;

/// Whole records of one file.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) file: Arc<FilePlan>,
    pub(crate) encoding: Encoding,
    pub(crate) buffer: Vec<u8>,
    /// How much of the buffer is records; the rest is left from its last use.
    pub(crate) length: usize,
    /// The line on which the first record begins.
    pub(crate) line: u64,
    /// The bytes of the file, as stored, that this block accounts for: those of the header too, in a file's first block.
    pub(crate) stored: u64,
    /// What stands before or behind the records, and is none.
    pub(crate) skipped: Skipped,
    /// A line that is too long to be read, instead of records: its number and how it begins.
    pub(crate) too_long: Option<(u64, Vec<u8>)>,
    pub(crate) max_record: usize,
}

/// Reads files one after another.
#[derive(Debug)]
pub(crate) struct Splitter {
    sources: Arc<Sources>,
    files: std::vec::IntoIter<Arc<FilePlan>>,
    dialect: Arc<Dialect>,
    block_size: usize,
    max_record: usize,
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    plan: Arc<FilePlan>,
    text: Text,
    /// What was read and is in no block yet.
    carry: Vec<u8>,
    /// The line on which the carry begins.
    line: u64,
    /// What no block has accounted for yet.
    skipped: Skipped,
    at_end: bool,
    /// Whether the carry begins inside a line that is too long.
    in_long_line: bool,
    done: bool,
}

impl Splitter {
    pub(crate) fn new(sources: Arc<Sources>, files: Vec<Arc<FilePlan>>, dialect: Arc<Dialect>) -> Self {
        let files = files.into_iter();
        Self { sources, files, dialect, block_size: BLOCK_SIZE, max_record: MAX_RECORD, current: None }
    }

    /// Other limits. A block is not larger than a record may be, so that no record in a block is too long.
    pub(crate) fn limits(&mut self, block_size: usize, max_record: usize) {
        self.max_record = max_record.max(1);
        self.block_size = block_size.clamp(1, self.max_record);
    }

    /// The next block, or `None` after the last file. `spare` hands out a used buffer.
    pub(crate) fn next(&mut self, spare: impl Fn() -> Option<Vec<u8>>) -> Result<Option<Block>, FilesError> {
        loop {
            let Some(current) = &mut self.current else {
                let Some(plan) = self.files.next() else { return Ok(None) };
                self.current = Some(Current::open(plan, &self.sources, &self.dialect)?);
                continue;
            };
            let buffer = spare().unwrap_or_default();
            match current.block(buffer, &self.dialect, (self.block_size, self.max_record))? {
                Some(block) => return Ok(Some(block)),
                None => self.current = None,
            }
        }
    }
}

impl Current {
    fn open(plan: Arc<FilePlan>, sources: &Sources, dialect: &Dialect) -> Result<Self, FilesError> {
        let failed = |error| FilesError::of_io(&plan.entry.name, error);
        let mut text = Text::new(sources.open(&plan.entry)?, dialect.encoding)?;
        let before = plan.body as u64;
        let passed = std::io::copy(&mut Read::by_ref(&mut text).take(before), &mut std::io::sink()).map_err(failed)?;
        Ok(Self {
            text,
            carry: Vec::new(),
            line: plan.body_line,
            skipped: plan.skipped,
            at_end: passed < before,
            in_long_line: false,
            done: false,
            plan,
        })
    }

    /// Fills the buffer and cuts it after its last whole record; `None` at the end of the file.
    fn block(
        &mut self,
        mut buffer: Vec<u8>,
        dialect: &Dialect,
        (block_size, max_record): (usize, usize),
    ) -> Result<Option<Block>, FilesError> {
        if self.done {
            return Ok(None);
        }
        let mut length = self.carry.len();
        // A small file needs no large buffer. The byte more than it has lets its end be seen.
        let left = self.text.left().map_or(block_size, |left| usize::try_from(left).unwrap_or(block_size));
        let wanted = block_size.min(left.saturating_add(length).saturating_add(1)).max(length + 1);
        if buffer.len() < wanted {
            buffer.resize(wanted, 0);
        }
        buffer[..length].copy_from_slice(&self.carry);
        self.carry.clear();
        if self.in_long_line {
            length = self.fill(&mut buffer[..wanted], length)?;
            return Ok(Some(self.pass_over(buffer, length, dialect)));
        }
        // The plain scan takes the end of a full buffer for a record's limit.
        let most = if dialect.plain.is_some() { max_record } else { usize::MAX };
        let mut room = buffer.len().min(most).max(length + 1);
        buffer.resize(buffer.len().max(room), 0);
        let mut scan = Scan::new(dialect);
        loop {
            length = self.fill(&mut buffer[..room], length)?;
            let end = match self.at_end {
                true if length <= most => End::File,
                false if length < most => End::More,
                _ => End::Limit,
            };
            scan.advance(&buffer[..length], dialect, end, max_record);
            let whole = scan.records_end();
            let too_long = match &scan {
                Scan::Plain(_) => end == End::Limit && whole == 0,
                Scan::General(scan) => scan.too_long,
            };
            if too_long && whole == 0 {
                return Ok(Some(self.long_line(buffer, length, dialect, max_record)));
            }
            if self.at_end && end == End::File && !too_long {
                return Ok(Some(self.last_block(buffer, length, dialect, (&scan, max_record))));
            }
            if whole > 0 {
                self.carry.extend_from_slice(&buffer[whole..length]);
                return Ok(Some(self.cut(buffer, whole, dialect, max_record)));
            }
            room = room.saturating_mul(2).min(most).max(length + 1);
            if buffer.len() < room {
                buffer.resize(room, 0);
            }
        }
    }

    /// Reads until the buffer is full or the file ends.
    fn fill(&mut self, buffer: &mut [u8], mut length: usize) -> Result<usize, FilesError> {
        while length < buffer.len() && !self.at_end {
            let read = self.text.read(&mut buffer[length..]);
            let read = read.map_err(|error| FilesError::of_io(&self.plan.entry.name, error))?;
            self.at_end = read == 0;
            length += read;
        }
        Ok(length)
    }

    fn last_block(
        &mut self,
        buffer: Vec<u8>,
        length: usize,
        dialect: &Dialect,
        (scan, max_record): (&Scan, usize),
    ) -> Block {
        self.done = true;
        let footer = match scan {
            Scan::General(scan) => scan.footer(&buffer[..length], dialect, max_record),
            Scan::Plain(_) => None,
        };
        let Some((first, skipped)) = footer else { return self.cut(buffer, length, dialect, max_record) };
        self.skipped += skipped;
        self.cut(buffer, first, dialect, max_record)
    }

    fn cut(&mut self, buffer: Vec<u8>, length: usize, dialect: &Dialect, max_record: usize) -> Block {
        let line = self.line;
        self.line += dialect.general.line_ends(&buffer[..length]);
        Block {
            file: Arc::clone(&self.plan),
            encoding: self.text.encoding,
            buffer,
            length,
            line,
            stored: self.text.stored(),
            skipped: std::mem::take(&mut self.skipped),
            too_long: None,
            max_record,
        }
    }

    /// The buffer begins with a record that does not end within its limit. It is refused, and what follows the first line
    /// end behind the limit is read again.
    fn long_line(&mut self, buffer: Vec<u8>, length: usize, dialect: &Dialect, max_record: usize) -> Block {
        let limit = max_record.min(length);
        let passed = limit - dialect.general.undecided(&buffer[..limit]);
        let shown = buffer[..passed.min(SHOWN)].to_vec();
        self.carry.extend_from_slice(&buffer[passed..length]);
        self.in_long_line = true;
        let line = self.line;
        self.line += dialect.general.line_ends(&buffer[..passed]);
        let mut block = self.cut(Vec::new(), 0, dialect, max_record);
        block.too_long = Some((line, shown));
        block
    }

    /// Passes over what is left of a line that is too long.
    fn pass_over(&mut self, buffer: Vec<u8>, length: usize, dialect: &Dialect) -> Block {
        let end = if self.at_end { End::File } else { End::More };
        match dialect.general.line(&buffer[..length], 0, end) {
            Some((stop, next)) => {
                self.in_long_line = false;
                self.line += u64::from(next > stop);
                self.carry.extend_from_slice(&buffer[next..length]);
                self.done = self.at_end && self.carry.is_empty();
            }
            None => {
                let passed = length - dialect.general.undecided(&buffer[..length]);
                self.carry.extend_from_slice(&buffer[passed..length]);
            }
        }
        self.cut(buffer, 0, dialect, MAX_RECORD)
    }
}
