//! Where cells and records end, for files of one-byte separators and doubled quotes: nearly all. Works on bytes: the
//! separator, the quote and the line ends are ASCII, which no other character's UTF-8 contains. `scan` finds record ends
//! by the same rules without looking at cells; the property tests hold the two and the general tokenizer together.
//!
//! # A quote that does not close
//! One of these is wrong, and nobody can say which: the quote that opens, or the text behind the one that closes. If the
//! cell is on one line, the record is refused as a whole. If it goes on over several lines, only the line on which it
//! opens is refused, and the next line is read as a record, so that a half-written line takes no good one with it. So is
//! the line of a quote that does not close before the file, or a record's greatest length, ends.

use memchr::{memchr, memchr_iter, memchr2};

/// The characters that mean something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plain {
    pub(crate) sep: u8,
    pub(crate) quote: u8,
}

/// How quotes are written inside quotes: doubled, or behind an escape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quoting {
    pub(crate) quote: u8,
    pub(crate) escape: Option<u8>,
}

/// How a cell was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writing {
    /// Without quotes.
    Plain,
    /// In quotes, none inside.
    Quoted,
    /// In quotes, with doubled or escaped quotes inside.
    Escaped,
}

/// A cell's place in the block, its outer quotes left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) writing: Writing,
}

/// A record's place in the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) start: usize,
    /// The end of its text, the line end left out.
    pub(crate) end: usize,
    /// Where the next record begins.
    pub(crate) next: usize,
    /// How many lines it takes.
    pub(crate) lines: u64,
    pub(crate) kind: Kind,
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Cells, whether they fit or not.
    Cells,
    /// An empty line.
    Blank,
    /// A comment.
    Comment,
    /// A cell of this number, from 0, has text behind its closing quote.
    TrailingText(usize),
    /// A cell of this number, from 0, does not close; its quote stands at this place.
    Unclosed(usize, usize),
}

impl Quoting {
    /// Of cells that hold nothing to undo.
    pub(crate) const NONE: Self = Self { quote: 0, escape: None };
}

impl Record {
    pub(crate) fn begin(start: usize) -> Self {
        Self { start, end: start, next: start, lines: 1, kind: Kind::Cells }
    }

    /// Everything up to the end, which is no record.
    pub(crate) fn rest(start: usize, end: usize) -> Self {
        Self { start, end, next: end, lines: 1, kind: Kind::Unclosed(0, start) }
    }
}

impl Plain {
    /// Whether a quote at this place opens a quoted cell: it is the first character of a cell. The bytes must begin with
    /// a record, and `at` must lie outside quotes.
    pub(crate) fn opens(self, bytes: &[u8], at: usize) -> bool {
        at == 0 || matches!(bytes[at - 1], b'\n' | b'\r') || bytes[at - 1] == self.sep
    }

    /// Adds the cells of the record that begins at `start` and says where it ends. The bytes hold whole records.
    pub(crate) fn record(self, bytes: &[u8], start: usize, cells: &mut Vec<Cell>) -> Record {
        let first_cell = cells.len();
        let mut record = Record::begin(start);
        let mut at = start;
        loop {
            if bytes.get(at) == Some(&self.quote) {
                match self.quoted(bytes, at, cells, &mut record) {
                    Closing::At(end) => at = end,
                    Closing::Trailing(end) => {
                        if record.kind == Kind::Cells {
                            record.kind = Kind::TrailingText(cells.len() - 1 - first_cell);
                        }
                        at = end;
                    }
                    Closing::Never => {
                        record.kind = Kind::Unclosed(cells.len() - first_cell, at);
                        record.end = memchr2(b'\n', b'\r', &bytes[at..]).map_or(bytes.len(), |found| at + found);
                        record.next = record.end + line_end(&bytes[record.end..]);
                        return record;
                    }
                }
            } else {
                let end = self.cell_end(bytes, at);
                cells.push(Cell { start: at as u32, end: end as u32, writing: Writing::Plain });
                at = end;
            }
            record.end = at;
            match bytes.get(at) {
                Some(byte) if *byte == self.sep => at += 1,
                _ => {
                    record.next = at + line_end(&bytes[at..]);
                    if record.start == record.end {
                        record.kind = Kind::Blank;
                    }
                    return record;
                }
            }
        }
    }

    /// The quoted cell whose quote stands at `open`.
    fn quoted(self, bytes: &[u8], open: usize, cells: &mut Vec<Cell>, record: &mut Record) -> Closing {
        let start = open + 1;
        let mut writing = Writing::Quoted;
        let mut from = start;
        let close = loop {
            let Some(found) = memchr(self.quote, &bytes[from..]) else { return Closing::Never };
            if bytes.get(from + found + 1) != Some(&self.quote) {
                break from + found;
            }
            writing = Writing::Escaped;
            from += found + 2;
        };
        let lines = line_ends(&bytes[start..close]);
        let after = self.behind_blanks(bytes, close + 1);
        let end = self.cell_end(bytes, after);
        if end != after && lines > 0 {
            return Closing::Never;
        }
        record.lines += lines;
        cells.push(Cell { start: start as u32, end: close as u32, writing });
        if end == after { Closing::At(end) } else { Closing::Trailing(end) }
    }

    /// The first place from `at` that is no blank.
    pub(crate) fn behind_blanks(self, bytes: &[u8], mut at: usize) -> usize {
        while bytes.get(at).is_some_and(|byte| matches!(byte, b' ' | b'\t') && *byte != self.sep) {
            at += 1;
        }
        at
    }

    /// The first separator or line end at or after `at`, or the end of the bytes. Eight bytes at a time: cells are short,
    /// and a call of `memchr` costs more than it saves on them.
    #[inline]
    fn cell_end(self, bytes: &[u8], mut at: usize) -> usize {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGHS: u64 = 0x8080_8080_8080_8080;
        // The lowest set bit marks the first zero byte (Hacker's Delight, 6-1).
        let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
        let (sep, feed, carriage) = (ONES * u64::from(self.sep), ONES * u64::from(b'\n'), ONES * u64::from(b'\r'));
        while let Some(word) = bytes.get(at..at + 8).and_then(|eight| eight.try_into().ok()).map(u64::from_le_bytes) {
            let found = zeros(word ^ sep) | zeros(word ^ feed) | zeros(word ^ carriage);
            if found != 0 {
                return at + (found.trailing_zeros() / 8) as usize;
            }
            at += 8;
        }
        while bytes.get(at).is_some_and(|byte| *byte != self.sep && !matches!(byte, b'\n' | b'\r')) {
            at += 1;
        }
        at
    }
}

/// How a quoted cell closes.
enum Closing {
    /// Its separator or line end is there.
    At(usize),
    /// It is there, with text before it.
    Trailing(usize),
    /// Not, or on another line and with text behind.
    Never,
}

impl Cell {
    /// No text, as between two separators.
    pub(crate) const EMPTY: Self = Self { start: 0, end: 0, writing: Writing::Plain };

    /// The bytes between the outer quotes, escaped quotes still escaped.
    #[inline]
    pub(crate) fn bytes<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.start as usize..self.end as usize]
    }

    /// The cell's text; `scratch` holds it when escaped quotes must be undone.
    #[inline]
    pub(crate) fn text<'a>(&self, text: &'a str, quoting: Quoting, scratch: &'a mut String) -> &'a str {
        let inner = &text[self.start as usize..self.end as usize];
        if self.writing == Writing::Escaped {
            quoting.undo(inner, scratch);
            return scratch;
        }
        inner
    }
}

impl Quoting {
    /// Writes the text with each escaped quote, and each escaped escape, as itself.
    fn undo(self, mut rest: &str, scratch: &mut String) {
        scratch.clear();
        let sign = self.escape.unwrap_or(self.quote);
        while let Some(found) = memchr(sign, rest.as_bytes()) {
            let behind = &rest[found + 1..];
            match behind.as_bytes().first() {
                Some(next) if *next == self.quote || *next == sign => {
                    scratch.push_str(&rest[..found]);
                    scratch.push_str(&behind[..1]);
                    rest = &behind[1..];
                }
                _ => {
                    scratch.push_str(&rest[..=found]);
                    rest = behind;
                }
            }
        }
        scratch.push_str(rest);
    }
}

/// The length of the line end with which these bytes begin; 0 if they begin with none.
pub(crate) fn line_end(bytes: &[u8]) -> usize {
    match bytes {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    }
}

/// How many lines end in these bytes: `\n`, `\r\n` and a lone `\r` are one each.
pub(crate) fn line_ends(bytes: &[u8]) -> u64 {
    let feeds = memchr_iter(b'\n', bytes).count();
    let lone = memchr_iter(b'\r', bytes).filter(|at| bytes.get(at + 1) != Some(&b'\n')).count();
    (feeds + lone) as u64
}
