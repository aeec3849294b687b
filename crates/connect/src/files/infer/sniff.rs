//! The options of CSV files, found out by trying: those by which most records have as many cells as the others.

use std::collections::BTreeMap;
use std::io::Read;

use headwater_plan::CsvOptions;

use super::{Note, Shared};
use crate::files::FilesError;
use crate::files::csv::dialect::{Dialect, End};
use crate::files::csv::token::{Cell, Kind, Writing};
use crate::files::encoding::{Encoding, decoded};
use crate::files::value::{datetime, number};

/// So much of each file is looked at.
const HEAD: usize = 256 << 10;
/// More lines than this before a header are none.
const MAX_PREAMBLE: usize = 30;
const SEPARATORS: [&str; 6] = [",", ";", "\t", "|", "||", "~"];
/// What a line that sums up begins with.
const TOTALS: [&str; 9] = ["total", "sum", "summe", "gesamt", "end", "eof", "rows", "records", "count"];

/// How a file begins.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) bytes: Vec<u8>,
    /// Whether that is all of it.
    pub(super) whole: bool,
}

/// The beginnings of all files, in their order.
pub(super) fn heads(sources: &Shared) -> Result<Vec<Head>, FilesError> {
    sources.look(|entry, mut input| {
        let mut bytes = Vec::new();
        let read = Read::by_ref(&mut input).take(HEAD as u64).read_to_end(&mut bytes);
        read.map_err(|error| FilesError::of_io(&entry.name, error))?;
        Ok(Head { whole: bytes.len() < HEAD, bytes })
    })
}

/// The encoding that the bytes are in, by its label.
pub(super) fn encoding(heads: &[Head]) -> &'static str {
    let utf_8 = Encoding::UTF_8;
    let mut found = "UTF-8";
    for Head { bytes, .. } in heads {
        if utf_8.marked(bytes).1 > 0 {
            continue;
        }
        let zeros = |odd: usize| bytes.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
        let (even, odd) = (zeros(0), zeros(1));
        if odd * 6 > bytes.len() && odd > even * 4 {
            return "UTF-16LE";
        }
        if even * 6 > bytes.len() && even > odd * 4 {
            return "UTF-16BE";
        }
        // The end may cut a character.
        if std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_some()) {
            found = "windows-1252";
        }
    }
    found
}

/// What the options of files seem to be, and what is not sure about them.
pub(super) fn options(heads: &[Head]) -> (CsvOptions, Vec<Note>) {
    let mut notes = Vec::new();
    let label = encoding(heads);
    if label == "windows-1252" {
        notes.push(Note::all("the files are not UTF-8; they are read as windows-1252: look at letters with accents"));
    }
    let mut csv = CsvOptions { encoding: label.to_owned(), ..CsvOptions::default() };
    let Some(head) = heads.iter().find(|head| !head.bytes.trim_ascii().is_empty()) else { return (csv, notes) };
    let stated = Encoding::of(label).unwrap_or(Encoding::UTF_8);
    let (encoding, mark) = stated.marked(&head.bytes);
    let text = decoded(&head.bytes[mark..], encoding);
    let trial = Trial { text: &text, whole: head.whole };
    csv.comment = trial.comment();
    trial.cells(&mut csv);
    trial.records(&mut csv);
    (csv, notes)
}

/// A text to try options on.
struct Trial<'a> {
    text: &'a [u8],
    whole: bool,
}

/// A record as some options read it.
struct Tried {
    line: u64,
    cells: Vec<(String, Writing)>,
    faulty: bool,
    /// Whether blanks stand before or behind the cells that are not quoted, but for the first.
    blanks: (usize, usize, usize),
}

/// How well options fit.
struct Fit {
    /// The number of cells that most records have.
    width: usize,
    /// The records that have so many and no fault.
    good: usize,
    records: Vec<Tried>,
}

impl Fit {
    fn share(&self) -> f64 {
        if self.records.is_empty() { 0.0 } else { self.good as f64 / self.records.len() as f64 }
    }

    fn is_good(&self, record: &Tried) -> bool {
        !record.faulty && record.cells.len() == self.width
    }

    fn faults(&self) -> usize {
        self.records.iter().filter(|record| record.faulty).count()
    }
}

impl Trial<'_> {
    /// Reads the text as these options say, its header like any record.
    fn read(&self, csv: &CsvOptions) -> Fit {
        let mut records = Vec::new();
        if let Ok(dialect) = Dialect::new(csv) {
            let end = if self.whole { End::File } else { End::More };
            let (mut at, mut line) = (0, 1);
            let mut cells: Vec<Cell> = Vec::new();
            while at < self.text.len() {
                cells.clear();
                let Some(record) = dialect.general.record(self.text, at, end, &mut cells) else { break };
                if !matches!(record.kind, Kind::Blank | Kind::Comment) {
                    records.push(self.tried(&dialect, &cells, line, !matches!(record.kind, Kind::Cells)));
                }
                at = record.next;
                line += record.lines;
            }
        }
        let mut widths: BTreeMap<usize, usize> = BTreeMap::new();
        records
            .iter()
            .filter(|record| !record.faulty)
            .for_each(|record| *widths.entry(record.cells.len()).or_default() += 1);
        let width = widths.into_iter().max_by_key(|(width, count)| (*count, *width)).map_or(1, |(width, _)| width);
        let good = records.iter().filter(|record| !record.faulty && record.cells.len() == width).count();
        Fit { width, good, records }
    }

    fn tried(&self, dialect: &Dialect, cells: &[Cell], line: u64, faulty: bool) -> Tried {
        let mut scratch = String::new();
        let mut blanks = (0, 0, 0);
        let texts = cells.iter().enumerate().map(|(number, cell)| {
            let bytes = cell.bytes(self.text);
            if number > 0 && cell.writing == Writing::Plain && !bytes.is_empty() {
                blanks.0 += usize::from(bytes.starts_with(b" "));
                blanks.1 += usize::from(bytes.ends_with(b" "));
                blanks.2 += 1;
            }
            let text = String::from_utf8_lossy(bytes);
            let whole = Cell { start: 0, end: text.len() as u32, writing: cell.writing };
            (whole.text(&text, dialect.quoting(), &mut scratch).to_owned(), cell.writing)
        });
        let cells = texts.collect();
        Tried { line, cells, faulty, blanks }
    }

    /// `#`, if the first line is one or several begin with it.
    fn comment(&self) -> Option<char> {
        let lines =
            self.text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_start).filter(|line| !line.is_empty());
        let mut lines = lines.take(1000).peekable();
        let first = lines.peek().is_some_and(|line| line.starts_with(b"#"));
        // A header may begin with a number sign, too: `#,name`.
        let commented = lines.filter(|line| line.starts_with(b"#") && !line.starts_with(b"#,")).count();
        (first && commented > 0 || commented > 2).then_some('#')
    }

    /// Separator, quote, escape, blanks.
    fn cells(&self, csv: &mut CsvOptions) {
        let mut best: Option<((bool, u64, usize), String)> = None;
        for sep in SEPARATORS {
            let fit = self.read(&CsvOptions { sep: sep.to_owned(), ..csv.clone() });
            if fit.width < 2 {
                continue;
            }
            let begins = fit.records.first().is_some_and(|first| fit.is_good(first));
            let share = (fit.share() * 50.0).round() as u64;
            let score = (begins && share >= 40, share, fit.width);
            if best.as_ref().is_none_or(|(known, _)| *known < score) {
                best = Some((score, sep.to_owned()));
            }
        }
        if let Some((_, sep)) = best {
            csv.sep = sep;
        }
        let quoted = |fit: &Fit| {
            fit.records
                .iter()
                .flat_map(|record| &record.cells)
                .filter(|(_, writing)| *writing != Writing::Plain)
                .count()
        };
        let double = self.read(csv);
        if quoted(&double) == 0 {
            let single = CsvOptions { quote: Some('\''), ..csv.clone() };
            let fit = self.read(&single);
            if quoted(&fit) > 1 && fit.faults() == 0 && fit.good >= double.good {
                *csv = single;
            }
        }
        let escaped = CsvOptions { escape: Some('\\'), ..csv.clone() };
        if self.text.contains(&b'\\') && self.read(&escaped).faults() < self.read(csv).faults() {
            *csv = escaped;
        }
        let fit = self.read(csv);
        let blanks = fit
            .records
            .iter()
            .fold((0, 0, 0), |sum, record| (sum.0 + record.blanks.0, sum.1 + record.blanks.1, sum.2 + record.blanks.2));
        csv.ignore_leading_white_space = blanks.2 > 4 && blanks.0 * 10 > blanks.2 * 9;
        csv.ignore_trailing_white_space = blanks.2 > 4 && blanks.1 * 10 > blanks.2 * 9;
    }

    /// What stands before the records, whether a header does, and what stands behind them.
    fn records(&self, csv: &mut CsvOptions) {
        let fit = self.read(csv);
        let Some(first) = fit.records.iter().position(|record| fit.is_good(record)) else { return };
        if first > 0 && first <= MAX_PREAMBLE && fit.width > 1 {
            csv.skip_rows = fit.records[first].line - 1;
        }
        csv.header = has_header(&fit, first);
        let behind = fit.records.iter().rev().take_while(|record| !fit.is_good(record) || is_total(record)).count();
        let totals = fit.records[fit.records.len() - behind..]
            .first()
            .is_some_and(|record| is_total(record) || record.cells.len() == 1);
        if self.whole && behind > 0 && behind <= 3 && totals && fit.records.len() - behind > first + 1 && fit.width > 1
        {
            csv.footer_rows = behind as u64;
        }
    }
}

fn is_total(record: &Tried) -> bool {
    let word = record.cells.first().map(|(text, _)| text.trim().to_lowercase()).unwrap_or_default();
    TOTALS.iter().any(|total| word.split(|letter: char| !letter.is_alphabetic()).next() == Some(total))
}

/// Whether a text has a type of its own.
fn is_typed(text: &str) -> bool {
    let bytes = text.trim().as_bytes();
    number::double(bytes).is_some()
        || number::boolean(bytes).is_some()
        || datetime::iso_timestamp(bytes, true).is_some()
        || bytes.first().is_some_and(u8::is_ascii_digit)
            && bytes.iter().all(|byte| byte.is_ascii_digit() || b".,:/- ".contains(byte))
}

/// Whether the first record names the columns: its cells are words, and what stands below them is of another kind.
fn has_header(fit: &Fit, first: usize) -> bool {
    let names: Vec<&str> = fit.records[first].cells.iter().map(|(text, _)| text.trim()).collect();
    if names.iter().any(|name| is_typed(name)) || names.iter().all(|name| name.is_empty()) {
        return false;
    }
    let rows: Vec<&Tried> = fit.records[first + 1..].iter().filter(|record| fit.is_good(record)).take(500).collect();
    if rows.is_empty() {
        return true;
    }
    let below = |column: usize| rows.iter().map(move |row| row.cells[column].0.trim()).filter(|text| !text.is_empty());
    let typed = (0..fit.width).any(|column| {
        let (count, typed) =
            below(column).fold((0, 0), |(count, typed), text| (count + 1, typed + usize::from(is_typed(text))));
        count > 0 && typed * 10 >= count * 9
    });
    let repeated =
        (0..fit.width).any(|column| !names[column].is_empty() && below(column).any(|text| text == names[column]));
    typed || !repeated
}
