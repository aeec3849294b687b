//! Files as blocks of whole records. A record cut in two or a line counted wrong would be a silent loss, so a block ends
//! only where a line ends outside quotes, what is left is carried into the next block, and a file's end is believed
//! only when the file still has the size with which it was listed.
//!
//! Memory: one block, and the longest record. A quote that never closes stops at [`MAX_RECORD`].

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use memchr::{memchr, memrchr2};

use super::header::FilePlan;
use super::list;
use super::token::{Dialect, line_ends};
use super::{FilesError, SourceFile};

/// The bytes read at once. Large enough that a lock and a system call for each cost nothing, small enough for the cache
/// to help and for two workers to share a small file.
pub(super) const BLOCK_SIZE: usize = 4 << 20;

/// The longest record. Longer ones are nearly always a quote that nobody closed.
pub(super) const MAX_RECORD: usize = 64 << 20;

/// Whole records of one file.
#[derive(Debug)]
pub struct Block {
    pub(super) file: Arc<FilePlan>,
    pub(super) buffer: Vec<u8>,
    /// How much of the buffer is records; the rest is left from its last use.
    pub(super) length: usize,
    /// The line on which the first record begins.
    pub(super) line: u64,
    /// The bytes of the file that this block accounts for: those of the header too, in a file's first block.
    pub(super) read: u64,
}

/// Reads files one after another.
#[derive(Debug)]
pub(super) struct Splitter {
    files: std::vec::IntoIter<Arc<FilePlan>>,
    dialect: Dialect,
    block_size: usize,
    max_record: usize,
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    plan: Arc<FilePlan>,
    file: File,
    /// The beginning of a record that the last block did not hold whole.
    carry: Vec<u8>,
    /// The line on which the carry begins.
    line: u64,
    /// Bytes read, the header included.
    read: u64,
    /// The header's bytes, until a block accounts for them.
    uncounted: u64,
}

impl Splitter {
    pub(super) fn new(files: Vec<Arc<FilePlan>>, dialect: Dialect) -> Self {
        Self { files: files.into_iter(), dialect, block_size: BLOCK_SIZE, max_record: MAX_RECORD, current: None }
    }

    pub(super) fn limits(&mut self, block_size: usize, max_record: usize) {
        self.block_size = block_size.max(1);
        self.max_record = max_record;
    }

    /// The next block, or `None` after the last file. `spare` hands out a used buffer.
    pub(super) fn next(&mut self, spare: impl Fn() -> Option<Vec<u8>>) -> Result<Option<Block>, FilesError> {
        loop {
            let Some(current) = &mut self.current else {
                let Some(plan) = self.files.next() else { return Ok(None) };
                self.current = Some(Current::open(plan)?);
                continue;
            };
            let buffer = spare().unwrap_or_default();
            match current.block(buffer, self.dialect, (self.block_size, self.max_record))? {
                Some(block) => return Ok(Some(block)),
                None => self.current = None,
            }
        }
    }
}

impl Current {
    fn open(plan: Arc<FilePlan>) -> Result<Self, FilesError> {
        let mut file = open_unchanged(&plan.file)?;
        let header = plan.body as u64;
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(header))
            .map_err(|source| FilesError::Unreadable { path: plan.file.path.clone(), source })?;
        Ok(Self { line: plan.body_line, file, carry: Vec::new(), read: header, uncounted: header, plan })
    }

    /// Fills the buffer and cuts it after its last whole record; `None` at the end of the file.
    fn block(
        &mut self,
        mut buffer: Vec<u8>,
        dialect: Dialect,
        (block_size, max_record): (usize, usize),
    ) -> Result<Option<Block>, FilesError> {
        let mut length = self.carry.len();
        // A small file needs no large buffer. The byte more than it has lets its end be seen.
        let left = usize::try_from(self.plan.file.size.saturating_sub(self.read)).unwrap_or(usize::MAX - length - 1);
        let wanted = block_size.min(length + left + 1).max(length + 1);
        if buffer.len() < wanted {
            buffer.resize(wanted, 0);
        }
        buffer[..length].copy_from_slice(&self.carry);
        self.carry.clear();
        let mut scan = Scan::default();
        loop {
            let (filled, at_end) = self.fill(&mut buffer, length)?;
            length = filled;
            if self.read > self.plan.file.size || at_end && self.read < self.plan.file.size {
                return Err(self.changed());
            }
            scan.advance(&buffer[..length], dialect, at_end);
            if at_end {
                return self.last_block(buffer, length, &scan);
            }
            if scan.records_end > 0 {
                break;
            }
            if length > max_record {
                return Err(self.too_long(&buffer[..length], &scan, Some(max_record)));
            }
            buffer.resize(buffer.len() * 2, 0);
        }
        self.carry.extend_from_slice(&buffer[scan.records_end..length]);
        Ok(Some(self.cut(buffer, scan.records_end)))
    }

    /// Reads until the buffer is full or the file ends.
    fn fill(&mut self, buffer: &mut [u8], mut length: usize) -> Result<(usize, bool), FilesError> {
        while length < buffer.len() {
            match self.file.read(&mut buffer[length..]) {
                Ok(0) => return Ok((length, true)),
                Ok(read) => {
                    length += read;
                    self.read += read as u64;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(source) => return Err(FilesError::Unreadable { path: self.plan.file.path.clone(), source }),
            }
        }
        Ok((length, false))
    }

    fn last_block(&mut self, buffer: Vec<u8>, length: usize, scan: &Scan) -> Result<Option<Block>, FilesError> {
        if scan.open.is_some() {
            return Err(self.too_long(&buffer[..length], scan, None));
        }
        Ok((length > 0 || self.uncounted > 0).then(|| self.cut(buffer, length)))
    }

    fn cut(&mut self, buffer: Vec<u8>, length: usize) -> Block {
        let line = self.line;
        self.line += line_ends(&buffer[..length]);
        let read = length as u64 + std::mem::take(&mut self.uncounted);
        Block { file: Arc::clone(&self.plan), buffer, length, line, read }
    }

    /// The file gave more or fewer bytes than it was listed with.
    fn changed(&self) -> FilesError {
        let metadata = self.file.metadata().ok();
        FilesError::Changed {
            listed: self.plan.file.clone(),
            size: metadata.as_ref().map_or(self.read, std::fs::Metadata::len),
            tag: metadata.and_then(|metadata| list::tag(&metadata).ok()),
        }
    }

    fn too_long(&self, bytes: &[u8], scan: &Scan, limit: Option<usize>) -> FilesError {
        let path = self.plan.file.path.clone();
        match (scan.open, limit) {
            (Some(open), limit) => {
                FilesError::UnclosedQuote { path, line: self.line + line_ends(&bytes[..open]), limit }
            }
            (None, limit) => FilesError::RecordTooLong { path, line: self.line, limit: limit.unwrap_or(bytes.len()) },
        }
    }
}

/// Opens a file and checks that it is the one that was listed.
pub(super) fn open_unchanged(listed: &SourceFile) -> Result<File, FilesError> {
    let unreadable = |source| FilesError::Unreadable { path: listed.path.clone(), source };
    let file = File::open(&listed.path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let tag = list::tag(&metadata).map_err(unreadable)?;
    if metadata.len() != listed.size || tag != listed.tag {
        return Err(FilesError::Changed { listed: listed.clone(), size: metadata.len(), tag: Some(tag) });
    }
    Ok(file)
}

/// Looks for the end of the last whole record. It goes on where it stopped when more bytes come, so that a long record
/// is scanned once however often its buffer grows.
#[derive(Debug, Default)]
struct Scan {
    /// All before it is scanned.
    position: usize,
    /// Where the quote stands that is open at `position`.
    open: Option<usize>,
    /// Where the last whole record ends; 0 if none does.
    records_end: usize,
}

impl Scan {
    /// Scans the rest of the bytes, which begin with a record. Before the end of the file a last `\r` or closing quote is
    /// left for the next time: what follows says what it is.
    fn advance(&mut self, bytes: &[u8], dialect: Dialect, at_end: bool) {
        loop {
            let found = memchr(dialect.quote, &bytes[self.position..]).map(|found| self.position + found);
            match (self.open, found) {
                (Some(_), None) => {
                    self.position = bytes.len();
                    return;
                }
                (Some(_), Some(quote)) => match bytes.get(quote + 1) {
                    None if !at_end => {
                        self.position = quote;
                        return;
                    }
                    Some(next) if *next == dialect.quote => self.position = quote + 2,
                    _ => {
                        self.position = quote + 1;
                        self.open = None;
                    }
                },
                (None, Some(quote)) => {
                    self.unquoted(bytes, quote, at_end);
                    self.open = dialect.opens(bytes, quote).then_some(quote);
                    self.position = quote + 1;
                }
                (None, None) => {
                    self.unquoted(bytes, bytes.len(), at_end);
                    return;
                }
            }
        }
    }

    /// Notes the last line end between `position` and `end`, a stretch without quotes.
    fn unquoted(&mut self, bytes: &[u8], end: usize, at_end: bool) {
        let undecided = !at_end && end == bytes.len() && end > self.position && bytes[end - 1] == b'\r';
        let decided = if undecided { end - 1 } else { end };
        if let Some(found) = memrchr2(b'\n', b'\r', &bytes[self.position..decided]) {
            self.records_end = self.position + found + 1;
        }
        self.position = decided;
    }
}
