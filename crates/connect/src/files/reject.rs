//! Why a record was refused: where it stands, its text as it is in the file, and every reason.

use std::sync::{Arc, LazyLock};

use headwater_plan::ingest::Ragged;
use headwater_plan::{Code, ContractColumn, DataType, Diagnostic, Location};

use super::HeaderProblem;
use super::encoding::Encoding;
use super::value::pattern::Pattern;
use super::value::{datetime, number};

/// The formats that people write dates in, tried to find out what a value may be.
const DATES: [&str; 15] = [
    "yyyy-MM-dd",
    "dd-MM-yyyy",
    "MM-dd-yyyy",
    "dd/MM/yyyy",
    "MM/dd/yyyy",
    "dd.MM.yyyy",
    "d-M-yyyy",
    "d/M/yyyy",
    "M/d/yyyy",
    "d.M.yyyy",
    "yyyy/MM/dd",
    "yyyyMMdd",
    "dd-MMM-yyyy",
    "dd MMM yyyy",
    "MMM d, yyyy",
];
/// What may follow the day in a timestamp.
const TIMES: [&str; 6] = ["", " HH:mm:ss", " HH:mm", " hh:mm:ss a", " h:mm a", "'T'HH:mm:ss"];
/// Compiled once: a file in an undeclared format has a bad value in every row.
pub(super) static GUESSES: LazyLock<Vec<Guess>> = LazyLock::new(|| {
    let formats =
        DATES.iter().flat_map(|date| TIMES.iter().map(move |time| (format!("{date}{time}"), !time.is_empty())));
    let compiled = formats
        .filter_map(|(format, timed)| Pattern::compile(&format).ok().map(|pattern| Guess { format, timed, pattern }));
    compiled.collect()
});

/// A format that a value may be in.
pub(super) struct Guess {
    pub(super) format: String,
    pub(super) timed: bool,
    pub(super) pattern: Pattern,
}

/// A value longer than this is cut in messages.
const SHOWN: usize = 60;

/// A record that is in no batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The file.
    pub file: String,
    /// The line on which the record begins, from 1, the header counted.
    pub line: u64,
    /// The record as it stands in the file, without its line end; bytes that are no text are replaced.
    pub raw: String,
    /// The same as bytes, where it is no text in the file's encoding. If that is not the stated one, the byte order mark
    /// that said so stands before it.
    pub raw_bytes: Option<Vec<u8>>,
    /// Everything that is wrong with it; at least one.
    pub reasons: Vec<Reason>,
    /// The columns of the file, for formats whose records do not name them; `None` too for a record that is not whole.
    pub file_columns: Option<Arc<Vec<String>>>,
}

/// One thing that is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The kind of situation.
    pub code: Code,
    /// The column, if it lies in one.
    pub column: Option<String>,
    /// The cell's number in the file, from 1; 0 if the whole record is meant.
    pub column_number: u32,
    /// What was expected and what was found.
    pub message: String,
    /// What to do.
    pub help: Help,
    /// The place in the raw text, in characters from 0, and how many.
    pub span: (u32, u32),
}

/// What to do about a reason. It is found when somebody asks: a file may have millions of bad records, and a person
/// reads of five.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Help(Advice);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Advice {
    Told(Option<String>),
    /// What a value that is none of its column's type may be.
    Value(Arc<ContractColumn>, String),
}

impl Help {
    /// The advice, if there is one.
    pub fn text(&self) -> Option<String> {
        match &self.0 {
            Advice::Told(told) => told.clone(),
            Advice::Value(column, value) => help(column, value),
        }
    }
}

impl From<Option<String>> for Help {
    fn from(told: Option<String>) -> Self {
        Self(Advice::Told(told))
    }
}

impl From<&str> for Help {
    fn from(told: &str) -> Self {
        Self(Advice::Told(Some(told.to_owned())))
    }
}

impl Rejected {
    /// The message to the user: all reasons, pointing at the first.
    pub fn diagnostic(&self) -> Diagnostic {
        let reasons: Vec<&str> = self.reasons.iter().map(|reason| reason.message.as_str()).collect();
        let message = format!("line {} of `{}` cannot be loaded: {}", self.line, self.file, reasons.join("; "));
        let mut location = Location::line(&self.file, self.line);
        let first = self.reasons.first();
        let code = first.map_or(Code::InvalidCell, |reason| reason.code);
        if !self.raw.contains(['\n', '\r']) && self.raw.len() <= 4096 {
            // One for one, so that the span stays where it is.
            let printed = |letter: char| if letter.is_control() && letter != '\t' { '\u{FFFD}' } else { letter };
            location.text = Some(self.raw.chars().map(printed).collect());
            if let Some(reason) = first {
                (location.column, location.length) = (reason.span.0 + 1, reason.span.1);
            }
        }
        let diagnostic = Diagnostic::error(code, message).at(location);
        match self.help() {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }

    /// What to do: one reason's help as it is, several by column.
    fn help(&self) -> Option<String> {
        if let [reason] = self.reasons.as_slice() {
            return reason.help.text();
        }
        let by_column = self.reasons.iter().filter_map(|reason| {
            reason.help.text().map(|help| format!("`{}`: {help}", reason.column.as_deref().unwrap_or_default()))
        });
        let helps: Vec<String> = by_column.collect();
        (!helps.is_empty()).then(|| helps.join("; "))
    }
}

fn whole(code: Code, message: String, help: &str) -> Reason {
    Reason { code, column: None, column_number: 0, message, help: help.into(), span: (0, 1) }
}

pub(super) fn ragged(expected: usize, found: usize, lines: u64, rule: Ragged) -> Reason {
    let message = format!("it has {found} {}, expected {expected}", if found == 1 { "cell" } else { "cells" });
    let help = match (lines, rule) {
        (1, Ragged::Quarantine) if found < expected => {
            "add the missing cells; an empty cell between separators is null, and `ragged: pad` takes missing ones for null"
        }
        (1, _) => "put quotes around a cell that holds the separator; `ragged: rescue` keeps cells too many",
        _ => "it goes on over several lines, because a quote opens in it: perhaps that quote is not meant to",
    };
    whole(Code::RaggedRecord, message, help)
}

/// A record that is no text in the file's encoding.
pub(super) fn not_text(record: &[u8], encoding: Encoding) -> Reason {
    let (before, malformed) = encoding.first_malformed(record);
    let bytes: Vec<String> = malformed.iter().map(|byte| format!("{byte:02X}")).collect();
    let place = encoding.original(before.as_bytes()).len() + 1;
    let mut reason = whole(
        Code::InvalidEncoding,
        format!("it is not {}: byte {place} is {} in hexadecimal", encoding.name(), bytes.join(" ")),
        if encoding.is_utf_8() {
            "set `encoding` to that of the file, for example `windows-1252`"
        } else {
            "check the source's `encoding`, and the file's byte order mark if it has one"
        },
    );
    reason.span = (before.chars().count() as u32, 1);
    reason
}

fn in_cell(code: Code, name: Option<&str>, cell: usize, message: String, help: &str) -> Reason {
    let column_number = u32::try_from(cell + 1).unwrap_or(u32::MAX);
    Reason { code, column: name.map(str::to_owned), column_number, message, help: help.into(), span: (0, 1) }
}

/// The column's name, or the cell's number.
fn called(name: Option<&str>, cell: usize) -> String {
    name.map_or_else(|| format!("cell {}", cell + 1), |name| format!("column `{name}`"))
}

pub(super) fn trailing_text(name: Option<&str>, cell: usize) -> Reason {
    let message = format!("{} goes on behind its closing quote", called(name, cell));
    let help = "write a quote inside quotes twice: `\"\"`; with `quotes: lenient` a stray one is text";
    in_cell(Code::InvalidCell, name, cell, message, help)
}

pub(super) fn unclosed(name: Option<&str>, cell: usize, span: (u32, u32)) -> Reason {
    let message = format!("{} opens a quote that does not close", called(name, cell));
    let help = "close the quote; a quote inside quotes is written twice: `\"\"`; with `quotes: lenient` the cell ends with \
                its line";
    Reason { span, ..in_cell(Code::UnclosedQuote, name, cell, message, help) }
}

pub(super) fn too_long(limit: usize) -> Reason {
    let message = format!("it has no end within {limit} bytes; only its beginning is kept");
    whole(Code::RecordTooLong, message, "check that the file is text with line ends, and what `lineSep` says")
}

/// A record of a kept beginning cannot be read again.
pub(super) fn cut() -> Reason {
    let help = "load its file again (`headwater sources forget`), and drop this row from the quarantine";
    whole(Code::RecordTooLong, "only its beginning was kept".into(), help)
}

/// A record that was set aside as one and is several by the options of today.
pub(super) fn several() -> Reason {
    let help = "load its file again (`headwater sources forget`), and drop this row from the quarantine";
    whole(Code::RaggedRecord, "by the options of today it is not one record".into(), help)
}

/// A record of another format than the source has today.
pub(super) fn other_format(was: &str, is: &str) -> Reason {
    let help = "load its file again (`headwater sources forget`), and drop this row from the quarantine";
    whole(Code::InvalidCell, format!("it was set aside as {was}, and the source is {is} today"), help)
}

/// The columns of a record's file do not fit the contract of today.
pub(super) fn of_columns(problem: &HeaderProblem) -> Reason {
    let told = problem.diagnostic();
    Reason { help: told.help.into(), ..whole(told.code, told.message, "") }
}

/// A null where there must be none; `cell` is its number in the file, from 0.
pub(super) fn null_value(column: &ContractColumn, cell: Option<usize>) -> Reason {
    Reason {
        code: Code::NullValue,
        column: Some(column.name.clone()),
        column_number: cell.map_or(0, |cell| u32::try_from(cell + 1).unwrap_or(u32::MAX)),
        message: format!("column `{}` is null, which it must not be", column.name),
        help: "give it a value, declare a `default`, or `nullable: true`".into(),
        span: (0, 1),
    }
}

/// A value that is none of its column's type.
pub(super) fn not_a_value(column: &Arc<ContractColumn>, cell: usize, value: &str, span: (u32, u32)) -> Reason {
    let formats: Vec<String> = column.format.iter().map(|format| format!("`{format}`")).collect();
    let like = if formats.is_empty() { String::new() } else { format!(" in the format {}", formats.join(" or ")) };
    let shown = printable(value.chars().take(SHOWN));
    let more = if value.chars().nth(SHOWN).is_some() { "…" } else { "" };
    Reason {
        code: Code::InvalidCell,
        column: Some(column.name.clone()),
        column_number: cell as u32 + 1,
        message: format!("column `{}`: `{shown}{more}` is not a valid `{}`{like}", column.name, column.data_type),
        help: Help(Advice::Value(Arc::clone(column), value.to_owned())),
        span,
    }
}

/// Text as it may be printed: a control character would move the cursor, or worse.
fn printable(text: impl Iterator<Item = char>) -> String {
    text.flat_map(|letter| {
        let escaped = letter.is_control() && letter != '\t';
        let plain = (!escaped).then_some(letter);
        plain.into_iter().chain(escaped.then(|| letter.escape_default()).into_iter().flatten())
    })
    .collect()
}

fn help(column: &ContractColumn, value: &str) -> Option<String> {
    let bytes = value.as_bytes();
    let trimmed = value.trim();
    match &column.data_type {
        DataType::Date | DataType::Timestamp | DataType::TimestampNtz => dates(column, trimmed),
        _ if trimmed.len() < value.len() => Some("remove the blanks around it, or declare `string`".into()),
        DataType::Boolean => Some(match trimmed {
            "0" | "1" => "expected `true` or `false`; declare `int` and write `column = 1` in a model".into(),
            _ => "expected `true` or `false`".into(),
        }),
        _ if value.contains(char::is_control) => Some("remove the control characters, or declare `string`".into()),
        DataType::Byte | DataType::Short | DataType::Int | DataType::Long if number::integer(bytes).is_some() => {
            Some("it is too large for the type: declare `bigint`".into())
        }
        DataType::Byte | DataType::Short | DataType::Int | DataType::Long if is_digits(trimmed) => {
            Some("it is too large for the type: declare `decimal(38,0)`".into())
        }
        DataType::Decimal { .. } if number::double(bytes).is_some() => {
            Some("it has more digits before the point than the type: declare a larger precision".into())
        }
        DataType::Decimal { .. } | DataType::Float | DataType::Double
            if column.decimal_sep == '.' && value.contains(',') =>
        {
            Some(signs(value).into())
        }
        DataType::Byte | DataType::Short | DataType::Int | DataType::Long if number::double(bytes).is_some() => {
            Some("declare `decimal(p,s)` or `double`".into())
        }
        _ => Some("correct the value, or declare `string`".into()),
    }
}

/// What to declare for a number with a comma.
fn signs(value: &str) -> &'static str {
    match (value.find(','), value.find('.'), value.matches(',').count()) {
        (Some(comma), Some(point), _) if comma < point => "declare `group_sep: \",\"`",
        (Some(_), Some(_), _) => "declare `decimal_sep: \",\"` and `group_sep: \".\"`",
        (_, _, 1) => "declare `decimal_sep: \",\"`, or `group_sep: \",\"` if that is meant",
        _ => "declare `group_sep: \",\"`",
    }
}

fn is_digits(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The formats that the value fits.
fn dates(column: &ContractColumn, value: &str) -> Option<String> {
    let dated = column.data_type == DataType::Date;
    let mut fitting: Vec<&str> = Vec::new();
    for known in GUESSES.iter().filter(|known| !(dated && known.timed)) {
        // A format of single letters fits all that its double form does; naming one is enough.
        let new = || !fitting.iter().any(|other| shape(other) == shape(&known.format));
        if known.pattern.timestamp(value.as_bytes()).is_some() && new() {
            fitting.push(&known.format);
        }
    }
    let bytes = value.as_bytes();
    let timed = datetime::iso_date(bytes).is_none() && datetime::iso_timestamp(bytes, true).is_some();
    if dated && timed {
        return Some("it has a time: declare `timestamp`, and take the date of it in a model".into());
    }
    let declare = |format: &str| format!("declare `format: [{}]`", quoted(format));
    match fitting.as_slice() {
        [] if column.format.is_empty() => Some(format!(
            "expected `{}`; for another form declare a `format`, such as `format: [dd-MM-yyyy]`",
            if dated { "yyyy-MM-dd" } else { "yyyy-MM-dd HH:mm:ss" }
        )),
        [] => Some("correct the value, or add its form to `format`".into()),
        [one] if column.format.is_empty() => Some(declare(one)),
        [one] => Some(format!("add its form to `format`: {}", quoted(one))),
        [one, another, ..] => {
            Some(format!("declare `format: [{}]`, or `[{}]` if that is meant", quoted(one), quoted(another)))
        }
    }
}

/// A pattern without the number of its letters.
fn shape(format: &str) -> String {
    let mut letters: Vec<char> = format.chars().collect();
    letters.dedup();
    letters.into_iter().collect()
}

/// A pattern as YAML needs it inside brackets.
fn quoted(format: &str) -> String {
    if format.contains([',', '\'', ':']) { format!("\"{format}\"") } else { format.to_owned() }
}
