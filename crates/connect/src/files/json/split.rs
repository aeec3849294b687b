//! JSON files as blocks of whole records, in bounded memory: lines, or the elements of an array. A record past the limit
//! is given up, and the reading goes on behind it.

use std::io::Read;
use std::sync::Arc;

use memchr::{memchr, memchr_iter, memrchr};

use super::elements::{Elements, Extent, Problem};
use super::scan::skip_blanks;
use crate::files::FilesError;
use crate::files::encoding::{Encoding, Text};
use crate::files::input::Input;
use crate::files::load::{BLOCK_SIZE, MAX_RECORD};
use crate::files::open::{Entry, Sources};

/// Of a record that is too long, this much is kept.
const KEPT: usize = 1 << 20;

/// How the records of a file stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writing {
    /// One on each line.
    Lines,
    /// As the elements of an array.
    Array,
}

/// Whole records of one file.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) entry: Arc<Entry>,
    pub(crate) buffer: Vec<u8>,
    /// How much of the buffer is records.
    pub(crate) length: usize,
    /// The line on which the bytes begin.
    pub(crate) line: u64,
    /// The records of an array, or those of lines if one is special.
    pub(crate) extents: Option<Vec<Extent>>,
    /// The stored bytes that it accounts for.
    pub(crate) stored: u64,
    pub(crate) encoding: Encoding,
    pub(crate) max_record: usize,
}

/// Reads files one after another.
#[derive(Debug)]
pub(crate) struct Splitter {
    sources: Arc<Sources>,
    entries: std::vec::IntoIter<(Arc<Entry>, Writing)>,
    encoding: Encoding,
    limits: (usize, usize),
    current: Option<Current>,
}

impl Splitter {
    pub(crate) fn new(sources: &Arc<Sources>, entries: Vec<(Arc<Entry>, Writing)>, encoding: Encoding) -> Self {
        Self {
            sources: Arc::clone(sources),
            entries: entries.into_iter(),
            encoding,
            limits: (BLOCK_SIZE, MAX_RECORD),
            current: None,
        }
    }

    pub(crate) fn limits(&mut self, block_size: usize, max_record: usize) {
        self.limits = (block_size.max(1), max_record);
    }

    /// The next block, or `None` after the last file. `spare` hands out a used buffer.
    pub(crate) fn next(&mut self, spare: impl Fn() -> Option<Vec<u8>>) -> Result<Option<Block>, FilesError> {
        loop {
            let Some(current) = &mut self.current else {
                let Some((entry, writing)) = self.entries.next() else { return Ok(None) };
                let input = self.sources.open(&entry)?;
                self.current = Some(Current::new(input, self.encoding, writing)?);
                continue;
            };
            match current.block(spare().unwrap_or_default(), self.limits)? {
                Some(block) => return Ok(Some(block)),
                None => self.current = None,
            }
        }
    }
}

/// A file while it is read.
#[derive(Debug)]
pub(crate) struct Current {
    entry: Arc<Entry>,
    text: Text,
    writing: Writing,
    elements: Elements,
    /// The beginning of a record that the last block did not hold whole.
    carry: Vec<u8>,
    line: u64,
    /// Whether the rest of a line is that of a record that was given up.
    lost: bool,
    ended: bool,
}

impl Current {
    pub(crate) fn new(input: Input, encoding: Encoding, writing: Writing) -> Result<Self, FilesError> {
        let entry = Arc::clone(input.entry());
        let text = Text::new(input, encoding)?;
        Ok(Self::of_text(entry, text, Vec::new(), writing))
    }

    /// The same, of a text whose first bytes were read already.
    pub(crate) fn of_text(entry: Arc<Entry>, text: Text, carry: Vec<u8>, writing: Writing) -> Self {
        Self { entry, text, writing, elements: Elements::default(), carry, line: 1, lost: false, ended: false }
    }

    /// Fills the buffer and cuts it after its last whole record; `None` at the end of the file.
    pub(crate) fn block(
        &mut self,
        mut buffer: Vec<u8>,
        (block_size, max_record): (usize, usize),
    ) -> Result<Option<Block>, FilesError> {
        if self.ended {
            return Ok(None);
        }
        let mut length = self.carry.len();
        // A small file needs no large buffer. The byte more than it has lets its end be seen.
        let left = self.text.left().and_then(|left| usize::try_from(left).ok()).unwrap_or(block_size);
        let wanted = block_size.min(length + left + 1).max(length + 1);
        if buffer.len() < wanted {
            buffer.resize(wanted, 0);
        }
        buffer[..length].copy_from_slice(&self.carry);
        self.carry.clear();
        loop {
            length = self.fill(&mut buffer, length)?;
            if self.lost {
                length = self.pass_over(&mut buffer, length);
            }
            let (extents, cut) = self.cut(&buffer[..length]);
            if self.ended || cut > 0 {
                self.carry.extend_from_slice(&buffer[cut..length]);
                return Ok(Some(self.finish(buffer, cut, extents, max_record)));
            }
            if length > max_record {
                return Ok(Some(self.give_up(buffer, length, max_record)));
            }
            let larger = (buffer.len() * 2).min(max_record + 1).max(length + 1);
            buffer.resize(larger.max(buffer.len()), 0);
        }
    }

    /// Reads until the buffer is full or the file ends.
    fn fill(&mut self, buffer: &mut [u8], mut length: usize) -> Result<usize, FilesError> {
        while length < buffer.len() && !self.ended {
            match self.text.read(&mut buffer[length..]) {
                Ok(0) => self.ended = true,
                Ok(read) => length += read,
                Err(error) => return Err(FilesError::of_io(&self.entry.name, error)),
            }
        }
        Ok(length)
    }

    /// Drops what belongs to a line that was given up.
    fn pass_over(&mut self, buffer: &mut [u8], length: usize) -> usize {
        match memchr(b'\n', &buffer[..length]) {
            Some(end) => {
                self.lost = false;
                self.line += 1;
                buffer.copy_within(end + 1..length, 0);
                length - end - 1
            }
            None => 0,
        }
    }

    fn cut(&mut self, bytes: &[u8]) -> (Option<Vec<Extent>>, usize) {
        match self.writing {
            Writing::Lines if self.ended => (None, bytes.len()),
            Writing::Lines => (None, memrchr(b'\n', bytes).map_or(0, |end| end + 1)),
            Writing::Array => {
                let before = self.elements.clone();
                let (extents, cut) = self.elements.scan(bytes, self.ended);
                if cut == 0 {
                    // The same bytes come again, with more behind them.
                    self.elements = before;
                }
                (Some(extents), cut)
            }
        }
    }

    /// The bytes are the beginning of a record that is too long.
    fn give_up(&mut self, buffer: Vec<u8>, length: usize, max_record: usize) -> Block {
        match self.writing {
            Writing::Lines => self.lost = true,
            Writing::Array => self.elements.give_up(),
        }
        let start = skip_blanks(&buffer[..length], 0);
        let extent = Extent { start, end: length.min(start + KEPT), problem: Some(Problem::TooLong) };
        self.finish(buffer, length, Some(vec![extent]), max_record)
    }

    fn finish(&mut self, buffer: Vec<u8>, length: usize, extents: Option<Vec<Extent>>, max_record: usize) -> Block {
        let line = self.line;
        self.line += memchr_iter(b'\n', &buffer[..length]).count() as u64;
        let stored = self.text.stored();
        let (entry, encoding) = (Arc::clone(&self.entry), self.text.encoding);
        Block { entry, buffer, length, line, extents, stored, encoding, max_record }
    }
}

impl Block {
    /// The records, in order; lines that hold nothing but blanks are counted in `blank`.
    pub(crate) fn records(&self, blank: &mut u64) -> Vec<(Extent, u64)> {
        let bytes = &self.buffer[..self.length];
        let mut line = self.line;
        if let Some(extents) = &self.extents {
            let mut from = 0;
            let numbered = extents.iter().map(|extent| {
                line += memchr_iter(b'\n', &bytes[from..extent.start]).count() as u64;
                from = extent.start;
                (*extent, line)
            });
            return numbered.collect();
        }
        let mut records = Vec::new();
        let mut start = 0;
        while start < bytes.len() {
            let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |end| start + end);
            let text = if bytes[start..end].ends_with(b"\r") { end - 1 } else { end };
            if bytes[start..text].iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')) {
                *blank += 1;
            } else {
                records.push((Extent { start, end: text, problem: None }, line));
            }
            line += 1;
            start = end + 1;
        }
        records
    }
}
