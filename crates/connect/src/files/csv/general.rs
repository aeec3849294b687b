//! Where cells and records end, whatever the options: separators of several characters, escapes, other line ends,
//! comments, blanks that do not count, quotes in the wrong place. Says so when the bytes do not tell enough.
//!
//! # Lenient quotes
//! A quote inside a quoted cell closes it if nothing but blanks stands between it and a separator or a line's end; any
//! other is text. A cell never closes if the file, or a record's greatest length, ends before it does, or if a later line
//! has a quote where only one that opens can stand: it then ends with its line. Both rules need each byte once, because a
//! cell that begins with quotes that open and close at once and goes on behind them is taken for text.

use memchr::{memchr, memchr2, memchr3, memmem};

use super::dialect::End;
use super::token::{self, Cell, Kind, Plain, Record, Writing};

/// What means something.
#[derive(Debug, Clone)]
pub(crate) struct General {
    pub(crate) sep: Vec<u8>,
    pub(crate) quote: Option<u8>,
    /// `None`: quotes are doubled.
    pub(crate) escape: Option<u8>,
    /// `None`: `\n`, `\r\n` or `\r`.
    pub(crate) line_sep: Option<Vec<u8>>,
    pub(crate) comment: Option<Vec<u8>>,
    pub(crate) multi_line: bool,
    pub(crate) lenient: bool,
    /// Whether blanks before a cell are dropped.
    pub(crate) leading: bool,
    /// Whether blanks behind a cell are dropped.
    pub(crate) trailing: bool,
}

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Text,
    Sep,
    /// A line end of that length.
    Line(usize),
    /// The end of the bytes, which is that of the file.
    File,
}

/// How a quoted cell ends.
enum Closing {
    /// At a place where something else than text stands.
    At(Closed),
    /// Not.
    Never,
    /// It was not one: its quotes are text.
    Text,
}

/// A quoted cell that closes.
struct Closed {
    cell: Cell,
    /// How many lines end in it.
    lines: u64,
    /// Whether text stands behind its quote.
    trailing: bool,
    stop: usize,
    mark: Mark,
}

impl General {
    /// The plain tokenizer, if it means the same.
    pub(crate) fn as_plain(&self) -> Option<Plain> {
        let extra = self.escape.is_some()
            || self.line_sep.is_some()
            || self.comment.is_some()
            || !self.multi_line
            || self.lenient
            || self.leading
            || self.trailing;
        match (self.sep.as_slice(), self.quote) {
            ([sep], Some(quote)) if !extra => Some(Plain { sep: *sep, quote }),
            _ => None,
        }
    }

    /// How many lines end in these bytes.
    pub(crate) fn line_ends(&self, bytes: &[u8]) -> u64 {
        match &self.line_sep {
            Some(line_sep) => memmem::find_iter(bytes, line_sep).count() as u64,
            None => token::line_ends(bytes),
        }
    }

    /// Adds the cells of the record that begins at `start` and says where it ends; `None` if the bytes do not tell.
    pub(crate) fn record(&self, bytes: &[u8], start: usize, end: End, cells: &mut Vec<Cell>) -> Option<Record> {
        if let Some(comment) = &self.comment
            && begins(bytes, start, comment, end)?
        {
            let (stop, next) = self.line(bytes, start, end)?;
            return Some(Record { end: stop, next, kind: Kind::Comment, ..Record::begin(start) });
        }
        if self.multi_line {
            return self.cells(bytes, start, end, cells);
        }
        let (stop, next) = self.line(bytes, start, end)?;
        let record = self.cells(&bytes[..stop], start, End::File, cells)?;
        Some(Record { end: stop, next, ..record })
    }

    fn cells(&self, bytes: &[u8], start: usize, end: End, cells: &mut Vec<Cell>) -> Option<Record> {
        let first_cell = cells.len();
        let mut record = Record::begin(start);
        let mut at = start;
        loop {
            if self.leading {
                at = self.behind_blanks(bytes, at, end, |byte| byte <= b' ')?.0;
            }
            let opens = self.quote.is_some_and(|quote| bytes.get(at) == Some(&quote));
            let closing = if opens { self.quoted(bytes, at, end)? } else { Closing::Text };
            let (stop, mark) = match closing {
                Closing::At(Closed { cell, lines, trailing, stop, mark }) => {
                    if trailing && record.kind == Kind::Cells {
                        record.kind = Kind::TrailingText(cells.len() - first_cell);
                    }
                    cells.push(cell);
                    record.lines += lines;
                    (stop, mark)
                }
                Closing::Never => {
                    (record.end, record.next) = self.line(bytes, at, end)?;
                    if self.lenient {
                        let (start, end) = (at as u32 + 1, record.end as u32);
                        cells.push(Cell { start, end, writing: Writing::Escaped });
                    } else {
                        record.kind = Kind::Unclosed(cells.len() - first_cell, at);
                    }
                    return Some(record);
                }
                Closing::Text => {
                    let (stop, mark) = self.cell_end(bytes, at, end)?;
                    cells.push(self.plain_cell(bytes, at, stop));
                    (stop, mark)
                }
            };
            record.end = stop;
            match mark {
                Mark::Sep => at = stop + self.sep.len(),
                Mark::Line(length) => {
                    record.next = stop + length;
                    break;
                }
                Mark::File | Mark::Text => {
                    record.next = stop;
                    break;
                }
            }
        }
        let blank = |cell: &Cell| cell.start == cell.end && cell.writing == Writing::Plain;
        if matches!(&cells[first_cell..], [only] if blank(only)) {
            record.kind = Kind::Blank;
        }
        Some(record)
    }

    fn plain_cell(&self, bytes: &[u8], start: usize, stop: usize) -> Cell {
        let text = &bytes[start..stop];
        let kept = match self.trailing {
            true => text.iter().rposition(|byte| *byte > b' ').map_or(0, |last| last + 1),
            false => text.len(),
        };
        Cell { start: start as u32, end: (start + kept) as u32, writing: Writing::Plain }
    }

    /// The quoted cell whose quote stands at `open`.
    fn quoted(&self, bytes: &[u8], open: usize, end: End) -> Option<Closing> {
        let quote = self.quote?;
        let start = open + 1;
        let mut crossed = Crossed { from: start, crossed: false };
        let (mut from, mut writing) = (start, Writing::Quoted);
        loop {
            let found = match self.escape {
                Some(escape) => memchr2(quote, escape, &bytes[from..]),
                None => memchr(quote, &bytes[from..]),
            };
            let Some(found) = found.map(|found| from + found) else {
                return if end == End::More { None } else { Some(Closing::Never) };
            };
            // Quotes in a row are pairs, and one that is left; behind an escape a quote, or another escape, is text.
            let close = if bytes[found] == quote {
                let row = bytes[found..].iter().take_while(|byte| **byte == quote).count();
                let row = if self.escape.is_some() { 1 } else { row };
                if self.escape.is_none() && found + row == bytes.len() && end == End::More {
                    return None;
                }
                if row > 1 {
                    writing = Writing::Escaped;
                }
                from = found + row;
                (row % 2 == 1).then_some(from - 1)
            } else {
                match bytes.get(found + 1) {
                    None if end == End::More => return None,
                    Some(next) if *next == quote || Some(*next) == self.escape => {
                        writing = Writing::Escaped;
                        from = found + 2;
                    }
                    _ => from = found + 1,
                }
                None
            };
            let Some(close) = close else { continue };
            let (behind, mark) = self.behind_blanks(bytes, close + 1, end, |byte| matches!(byte, b' ' | b'\t'))?;
            let is_crossed = crossed.until(self, bytes, close);
            if mark == Mark::Text {
                match self.lenient {
                    true if found == start && self.escape.is_none() => return Some(Closing::Text),
                    true if is_crossed && self.opens(bytes, found) => return Some(Closing::Never),
                    true => continue,
                    false if is_crossed => return Some(Closing::Never),
                    false => {}
                }
            }
            let lines = if is_crossed { self.line_ends(&bytes[start..close]) } else { 0 };
            let cell = Cell { start: start as u32, end: close as u32, writing };
            let trailing = mark == Mark::Text;
            let (stop, mark) = if trailing { self.cell_end(bytes, behind, end)? } else { (behind, mark) };
            return Some(Closing::At(Closed { cell, lines, trailing, stop, mark }));
        }
    }

    /// Whether a quote at this place could open a cell.
    fn opens(&self, bytes: &[u8], at: usize) -> bool {
        let mut before = &bytes[..at];
        if self.leading {
            while let [rest @ .., b' ' | b'\t'] = before
                && !before.ends_with(&self.sep)
            {
                before = rest;
            }
        }
        before.is_empty()
            || before.ends_with(&self.sep)
            || match &self.line_sep {
                Some(line_sep) => before.ends_with(line_sep),
                None => before.ends_with(b"\n") || before.ends_with(b"\r"),
            }
    }

    /// What stands at a place; `None` if the bytes do not tell.
    fn mark(&self, bytes: &[u8], at: usize, end: End) -> Option<Mark> {
        if at >= bytes.len() {
            return if end == End::File { Some(Mark::File) } else { None };
        }
        let line = match &self.line_sep {
            Some(line_sep) => {
                if begins(bytes, at, line_sep, end)? {
                    line_sep.len()
                } else {
                    0
                }
            }
            None if bytes[at] == b'\r' && at + 1 == bytes.len() && end != End::File => return None,
            None => token::line_end(&bytes[at..]),
        };
        if line > 0 {
            return Some(Mark::Line(line));
        }
        Some(if begins(bytes, at, &self.sep, end)? { Mark::Sep } else { Mark::Text })
    }

    /// The first separator or line end at or after `at`.
    fn cell_end(&self, bytes: &[u8], mut at: usize, end: End) -> Option<(usize, Mark)> {
        let sep = self.sep.first().copied().unwrap_or_default();
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let found = match &self.line_sep {
                Some(line_sep) => memchr2(sep, line_sep.first().copied().unwrap_or_default(), rest),
                None => memchr3(sep, b'\n', b'\r', rest),
            };
            at = found.map_or(bytes.len(), |found| at + found);
            match self.mark(bytes, at, end)? {
                Mark::Text => at += 1,
                mark => return Some((at, mark)),
            }
        }
    }

    /// The first place from `at` that is no blank, and what stands there.
    fn behind_blanks(
        &self,
        bytes: &[u8],
        mut at: usize,
        end: End,
        blank: impl Fn(u8) -> bool,
    ) -> Option<(usize, Mark)> {
        loop {
            match self.mark(bytes, at, end)? {
                Mark::Text if blank(bytes[at]) => at += 1,
                mark => return Some((at, mark)),
            }
        }
    }

    /// Where the line that holds `at` ends, without and with its line end.
    pub(crate) fn line(&self, bytes: &[u8], at: usize, end: End) -> Option<(usize, usize)> {
        let found = match &self.line_sep {
            Some(line_sep) => memmem::find(&bytes[at..], line_sep).map(|found| (at + found, line_sep.len())),
            None => {
                memchr2(b'\n', b'\r', &bytes[at..]).map(|found| (at + found, token::line_end(&bytes[at + found..])))
            }
        };
        match found {
            // What follows a last `\r` says whether it is half a line end.
            Some((stop, 1))
                if self.line_sep.is_none() && stop + 1 == bytes.len() && bytes[stop] == b'\r' && end != End::File =>
            {
                None
            }
            Some((stop, length)) => Some((stop, stop + length)),
            None if end == End::File => Some((bytes.len(), bytes.len())),
            None => None,
        }
    }

    /// How many of the last bytes may be the beginning of a line end.
    pub(crate) fn undecided(&self, bytes: &[u8]) -> usize {
        let line_sep = self.line_sep.as_deref().unwrap_or(b"\r\n");
        (1..line_sep.len()).rev().find(|length| bytes.ends_with(&line_sep[..*length])).unwrap_or(0)
    }
}

/// Whether a cell goes on over a line end; each byte is looked at once.
struct Crossed {
    from: usize,
    crossed: bool,
}

impl Crossed {
    fn until(&mut self, general: &General, bytes: &[u8], to: usize) -> bool {
        if !self.crossed {
            // Half a line end may stand before `from`.
            let back = general.line_sep.as_ref().map_or(0, |line_sep| line_sep.len() - 1);
            let stretch = &bytes[self.from.saturating_sub(back).min(to)..to];
            self.crossed = match &general.line_sep {
                Some(line_sep) => memmem::find(stretch, line_sep).is_some(),
                None => memchr2(b'\n', b'\r', stretch).is_some(),
            };
            self.from = to;
        }
        self.crossed
    }
}

/// Whether a text stands at a place; `None` if the bytes end before that can be told.
fn begins(bytes: &[u8], at: usize, text: &[u8], end: End) -> Option<bool> {
    let rest = &bytes[at..];
    if rest.len() < text.len() && end != End::File && text.starts_with(rest) {
        return None;
    }
    Some(rest.starts_with(text))
}
