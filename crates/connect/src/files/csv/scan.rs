//! Where the last whole record of some bytes ends. It goes on where it stopped when more bytes come, so that a long
//! record is scanned once however often its buffer grows.

use std::collections::VecDeque;

use headwater_plan::Skipped;
use memchr::{memchr, memchr2, memrchr2};

use super::dialect::{Dialect, End, Limited, Tokenize};
use super::token::{Cell, Kind, Plain, line_end};

/// A scan of bytes that begin with a record.
#[derive(Debug)]
pub(crate) enum Scan {
    /// By quotes and line ends alone.
    Plain(PlainScan),
    /// Record by record.
    General(GeneralScan),
}

impl Scan {
    pub(crate) fn new(dialect: &Dialect) -> Self {
        match dialect.plain {
            Some(_) => Self::Plain(PlainScan::default()),
            None => Self::General(GeneralScan::default()),
        }
    }

    /// Scans what has come. The plain scan sees a limit as the end of the bytes, for which `end` must then say so; the
    /// general one knows it from `max_record`.
    pub(crate) fn advance(&mut self, bytes: &[u8], dialect: &Dialect, end: End, max_record: usize) {
        match (self, dialect.plain) {
            (Self::Plain(scan), Some(plain)) => scan.advance(bytes, plain, end),
            (Self::Plain(_), None) => {}
            (Self::General(scan), _) => scan.advance(bytes, dialect, end, max_record),
        }
    }

    /// Where the records end that may be handed on; 0 if there are none.
    pub(crate) fn records_end(&self) -> usize {
        match self {
            Self::Plain(scan) => scan.records_end,
            Self::General(scan) => scan.records_end(),
        }
    }
}

/// What a record-by-record scan found.
#[derive(Debug, Default)]
pub(crate) struct GeneralScan {
    /// Where the record begins that is not whole yet.
    position: usize,
    /// Where the last records begin, as many as there may be in the footer.
    held: VecDeque<usize>,
    footer_rows: usize,
    /// Whether the record at `position` is too long.
    pub(crate) too_long: bool,
    cells: Vec<Cell>,
}

impl GeneralScan {
    fn advance(&mut self, bytes: &[u8], dialect: &Dialect, end: End, max_record: usize) {
        let limited = Limited { general: &dialect.general, max_record };
        self.footer_rows = dialect.footer_rows;
        while self.position < bytes.len() && !self.too_long {
            let (within, end) = limited.within(bytes, self.position, end);
            self.cells.clear();
            match dialect.general.record(within, self.position, end, &mut self.cells) {
                Some(record) => {
                    self.position = record.next;
                    if self.footer_rows > 0 && !matches!(record.kind, Kind::Blank | Kind::Comment) {
                        self.held.push_back(record.start);
                        if self.held.len() > self.footer_rows {
                            self.held.pop_front();
                        }
                    }
                }
                None => {
                    self.too_long = end == End::Limit;
                    return;
                }
            }
        }
    }

    fn records_end(&self) -> usize {
        match self.held.front() {
            // Behind a record that is too long there are others, or it is itself one of the last: its fault is told.
            _ if self.footer_rows == 0 || self.too_long => self.position,
            Some(first) if self.held.len() == self.footer_rows => *first,
            _ => 0,
        }
    }

    /// At the end of a file: where the footer begins, and what is in it.
    pub(crate) fn footer(&self, bytes: &[u8], dialect: &Dialect, max_record: usize) -> Option<(usize, Skipped)> {
        let first = *self.held.front()?;
        let limited = Limited { general: &dialect.general, max_record };
        let mut skipped = Skipped::default();
        let (mut at, mut cells) = (first, Vec::new());
        while at < bytes.len() {
            cells.clear();
            let record = limited.record(bytes, at, &mut cells);
            match record.kind {
                Kind::Blank => skipped.blank += 1,
                Kind::Comment => skipped.comment += 1,
                _ => skipped.footer += 1,
            }
            at = record.next;
        }
        Some((first, skipped))
    }
}

/// What a scan by quotes and line ends found.
#[derive(Debug, Default)]
pub(crate) struct PlainScan {
    /// All before it is scanned.
    position: usize,
    /// Where the quote stands that is open at `position`.
    open: Option<usize>,
    /// Where the last whole record ends.
    records_end: usize,
}

impl PlainScan {
    /// Before the end of the file a last `\r`, or a closing quote and blanks behind it, is left for the next time: what
    /// follows says what it is.
    fn advance(&mut self, bytes: &[u8], dialect: Plain, end: End) {
        loop {
            let found = memchr(dialect.quote, &bytes[self.position..]).map(|found| self.position + found);
            match (self.open, found) {
                (Some(open), None) => {
                    if end == End::More {
                        self.position = bytes.len();
                        return;
                    }
                    if !self.give_up(bytes, open, end) {
                        return;
                    }
                }
                (Some(open), Some(quote)) => match closing(bytes, dialect, quote, end) {
                    Quote::Undecided => {
                        self.position = quote;
                        return;
                    }
                    Quote::Pair => self.position = quote + 2,
                    Quote::Trailing if memchr2(b'\n', b'\r', &bytes[open..quote]).is_some() => {
                        self.give_up(bytes, open, end);
                    }
                    Quote::Closing | Quote::Trailing => {
                        self.position = quote + 1;
                        self.open = None;
                    }
                },
                (None, Some(quote)) => {
                    self.unquoted(bytes, quote, end);
                    self.open = dialect.opens(bytes, quote).then_some(quote);
                    self.position = quote + 1;
                }
                (None, None) => {
                    self.unquoted(bytes, bytes.len(), end);
                    return;
                }
            }
        }
    }

    /// The open quote does not close: the next record begins with the next line. Whether there is one.
    fn give_up(&mut self, bytes: &[u8], open: usize, end: End) -> bool {
        let Some(found) = memchr2(b'\n', b'\r', &bytes[open..]) else {
            self.position = bytes.len();
            return false;
        };
        let stop = open + found;
        let next = stop + line_end(&bytes[stop..]);
        if next == bytes.len() && bytes[stop] == b'\r' && next == stop + 1 && end == End::Limit {
            self.position = bytes.len();
            return false;
        }
        self.records_end = next;
        self.position = next;
        self.open = None;
        true
    }

    /// Notes the last line end between `position` and `end`, a stretch without quotes.
    fn unquoted(&mut self, bytes: &[u8], stop: usize, end: End) {
        let undecided = end != End::File && stop == bytes.len() && stop > self.position && bytes[stop - 1] == b'\r';
        let decided = if undecided { stop - 1 } else { stop };
        if let Some(found) = memrchr2(b'\n', b'\r', &bytes[self.position..decided]) {
            self.records_end = self.position + found + 1;
        }
        self.position = decided;
    }
}

/// What a quote inside quotes is.
enum Quote {
    Undecided,
    Pair,
    Closing,
    /// It closes, and text follows.
    Trailing,
}

fn closing(bytes: &[u8], dialect: Plain, quote: usize, end: End) -> Quote {
    if bytes.get(quote + 1) == Some(&dialect.quote) {
        return Quote::Pair;
    }
    let behind = dialect.behind_blanks(bytes, quote + 1);
    match bytes.get(behind) {
        None if end == End::More => Quote::Undecided,
        None | Some(b'\n' | b'\r') => Quote::Closing,
        Some(byte) if *byte == dialect.sep => Quote::Closing,
        Some(_) => Quote::Trailing,
    }
}
