//! Where cells and records end. Works on bytes: the separator, the quote and the line ends are ASCII, which no other
//! character's UTF-8 contains. `split` finds record ends by the same rules without looking at cells; the property
//! tests hold the two together.

use headwater_plan::CsvOptions;
use memchr::{memchr, memchr_iter};

use super::FilesError;

/// The characters that mean something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    pub(super) sep: u8,
    pub(super) quote: u8,
}

/// How a cell was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    /// Without quotes.
    Plain,
    /// In quotes, none inside.
    Quoted,
    /// In quotes, with doubled quotes inside.
    Doubled,
}

/// A cell's place in the block, its outer quotes left out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) writing: Writing,
}

/// A record's place in the block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    pub(super) start: usize,
    /// The end of its text, the line end left out.
    pub(super) end: usize,
    /// Where the next record begins.
    pub(super) next: usize,
    /// How many lines it takes.
    pub(super) lines: u64,
    /// The number, from 0, of the first cell with text behind its closing quote.
    pub(super) trailing_text: Option<usize>,
    /// Whether the bytes ended inside quotes.
    pub(super) unclosed: bool,
}

impl Dialect {
    pub(super) fn new(csv: &CsvOptions) -> Result<Self, FilesError> {
        let byte = |what: &'static str, written: char| {
            u8::try_from(written)
                .ok()
                .filter(|byte| byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | 0))
                .ok_or(FilesError::NotACharacter { what, written })
        };
        let dialect = Self { sep: byte("sep", csv.sep)?, quote: byte("quote", csv.quote)? };
        if dialect.sep == dialect.quote {
            return Err(FilesError::SameCharacter { written: csv.sep });
        }
        Ok(dialect)
    }

    /// Whether a quote at this place opens a quoted cell: it is the first character of a cell. The bytes must begin with
    /// a record, and `at` must lie outside quotes.
    pub(super) fn opens(self, bytes: &[u8], at: usize) -> bool {
        at == 0 || matches!(bytes[at - 1], b'\n' | b'\r') || bytes[at - 1] == self.sep
    }

    /// Adds the cells of the record that begins at `start` and says where it ends.
    pub(super) fn record(self, bytes: &[u8], start: usize, cells: &mut Vec<Cell>) -> Record {
        let first_cell = cells.len();
        let mut record = Record { start, end: start, next: start, lines: 1, trailing_text: None, unclosed: false };
        let mut at = start;
        loop {
            if bytes.get(at) == Some(&self.quote) {
                let (end, trailing_text) = self.quoted(bytes, at + 1, cells, &mut record);
                if trailing_text && record.trailing_text.is_none() {
                    record.trailing_text = Some(cells.len() - 1 - first_cell);
                }
                at = end;
            } else {
                let end = self.cell_end(bytes, at);
                cells.push(Cell { start: at as u32, end: end as u32, writing: Writing::Plain });
                at = end;
            }
            record.end = at;
            match bytes.get(at) {
                Some(byte) if *byte == self.sep => at += 1,
                Some(b'\r') if bytes.get(at + 1) == Some(&b'\n') => {
                    record.next = at + 2;
                    return record;
                }
                Some(_) => {
                    record.next = at + 1;
                    return record;
                }
                None => {
                    record.next = at;
                    return record;
                }
            }
        }
    }

    /// A quoted cell whose text begins at `start`. Answers where its separator or line end is, and whether text stands
    /// between that and the closing quote.
    fn quoted(self, bytes: &[u8], start: usize, cells: &mut Vec<Cell>, record: &mut Record) -> (usize, bool) {
        let mut writing = Writing::Quoted;
        let mut from = start;
        let close = loop {
            let Some(found) = memchr(self.quote, &bytes[from..]) else {
                record.unclosed = true;
                break bytes.len();
            };
            if bytes.get(from + found + 1) != Some(&self.quote) {
                break from + found;
            }
            writing = Writing::Doubled;
            from += found + 2;
        };
        record.lines += line_ends(&bytes[start..close]);
        cells.push(Cell { start: start as u32, end: close as u32, writing });
        let mut after = (close + 1).min(bytes.len());
        while bytes.get(after).is_some_and(|byte| matches!(byte, b' ' | b'\t') && *byte != self.sep) {
            after += 1;
        }
        let end = self.cell_end(bytes, after);
        (end, end != after)
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

impl Cell {
    /// The bytes between the outer quotes, doubled quotes still doubled.
    #[inline]
    pub(super) fn bytes<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.start as usize..self.end as usize]
    }

    /// The cell's text; `scratch` holds it when doubled quotes must be undone.
    #[inline]
    pub(super) fn text<'a>(&self, text: &'a str, quote: u8, scratch: &'a mut String) -> &'a str {
        let inner = &text[self.start as usize..self.end as usize];
        if self.writing == Writing::Doubled {
            undouble(inner, quote, scratch);
            return scratch;
        }
        inner
    }
}

/// Writes the text with each pair of quotes as one.
fn undouble(mut rest: &str, quote: u8, scratch: &mut String) {
    scratch.clear();
    while let Some(found) = memchr(quote, rest.as_bytes()) {
        scratch.push_str(&rest[..=found]);
        rest = &rest[found + 2..];
    }
    scratch.push_str(rest);
}

/// How many lines end in these bytes: `\n`, `\r\n` and a lone `\r` are one each.
pub(super) fn line_ends(bytes: &[u8]) -> u64 {
    let feeds = memchr_iter(b'\n', bytes).count();
    let lone = memchr_iter(b'\r', bytes).filter(|at| bytes.get(at + 1) != Some(&b'\n')).count();
    (feeds + lone) as u64
}
