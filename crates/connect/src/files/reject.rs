//! Why a record was refused: where it stands, its text as it is in the file, and every reason.

use std::sync::LazyLock;

use headwater_plan::{Code, ContractColumn, DataType, Diagnostic, Location};

use super::pattern::Pattern;
use super::{datetime, number};

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
static GUESSES: LazyLock<Vec<Guess>> = LazyLock::new(|| {
    let formats =
        DATES.iter().flat_map(|date| TIMES.iter().map(move |time| (format!("{date}{time}"), !time.is_empty())));
    let compiled = formats
        .filter_map(|(format, timed)| Pattern::compile(&format).ok().map(|pattern| Guess { format, timed, pattern }));
    compiled.collect()
});

struct Guess {
    format: String,
    timed: bool,
    pattern: Pattern,
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
    /// The record as it stands in the file, without its line end; bytes that are not UTF-8 are replaced.
    pub raw: String,
    /// Everything that is wrong with it; at least one.
    pub reasons: Vec<Reason>,
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
    pub help: Option<String>,
    /// The place in the raw text, in characters from 0, and how many.
    pub span: (u32, u32),
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
            location.text = Some(self.raw.clone());
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
            return reason.help.clone();
        }
        let by_column = self.reasons.iter().filter_map(|reason| {
            reason.help.as_ref().map(|help| format!("`{}`: {help}", reason.column.as_deref().unwrap_or_default()))
        });
        let helps: Vec<String> = by_column.collect();
        (!helps.is_empty()).then(|| helps.join("; "))
    }
}

fn whole(code: Code, message: String, help: String) -> Reason {
    Reason { code, column: None, column_number: 0, message, help: Some(help), span: (0, 1) }
}

pub(super) fn ragged(expected: usize, found: usize, lines: u64) -> Reason {
    let message = format!("it has {found} {}, expected {expected}", if found == 1 { "cell" } else { "cells" });
    let help = match lines {
        1 if found > expected => "put quotes around a cell that holds the separator",
        1 => "add the missing cells; an empty cell between separators is null",
        _ => "it goes on over several lines, because a quote opens in it: perhaps that quote is not meant to",
    };
    whole(Code::RaggedRecord, message, help.into())
}

pub(super) fn not_text(record: &[u8]) -> Reason {
    let valid = record.utf8_chunks().next();
    let before = valid.as_ref().map_or("", |chunk| chunk.valid());
    let bytes: String =
        valid.iter().flat_map(|chunk| chunk.invalid()).map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ");
    let mut reason = whole(
        Code::InvalidEncoding,
        format!("it is not UTF-8: byte {} is {bytes} in hexadecimal", before.len() + 1),
        "convert the file, for example with `iconv -f WINDOWS-1252 -t UTF-8`".into(),
    );
    reason.span = (before.chars().count() as u32, 1);
    reason
}

pub(super) fn trailing_text(name: &str, cell: usize, lines: u64) -> Reason {
    let help = match lines {
        1 => "write a quote inside quotes twice: `\"\"`",
        _ => "it goes on over several lines: perhaps a quote is open that is not meant to be",
    };
    Reason {
        code: Code::InvalidCell,
        column: Some(name.to_owned()),
        column_number: cell as u32 + 1,
        message: format!("column `{name}` goes on behind its closing quote"),
        help: Some(help.into()),
        span: (0, 1),
    }
}

/// A value that is none of its column's type.
pub(super) fn not_a_value(column: &ContractColumn, cell: usize, value: &str, span: (u32, u32)) -> Reason {
    let formats: Vec<String> = column.format.iter().map(|format| format!("`{format}`")).collect();
    let like = if formats.is_empty() { String::new() } else { format!(" in the format {}", formats.join(" or ")) };
    let shown: String = value.chars().take(SHOWN).collect();
    let more = if shown.len() < value.len() { "…" } else { "" };
    Reason {
        code: Code::InvalidCell,
        column: Some(column.name.clone()),
        column_number: cell as u32 + 1,
        message: format!("column `{}`: `{shown}{more}` is not a valid `{}`{like}", column.name, column.data_type),
        help: help(column, value),
        span,
    }
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
        DataType::Byte | DataType::Short | DataType::Int | DataType::Long if number::integer(bytes).is_some() => {
            Some("it is too large for the type: declare `bigint`".into())
        }
        DataType::Byte | DataType::Short | DataType::Int | DataType::Long if is_digits(trimmed) => {
            Some("it is too large for the type: declare `decimal(38,0)`".into())
        }
        DataType::Decimal { .. } if number::double(bytes).is_some() => {
            Some("it has more digits before the point than the type: declare a larger precision".into())
        }
        DataType::Decimal { .. } | DataType::Float | DataType::Double if value.contains(',') => {
            Some("numbers are written with a decimal point and without other marks; declare `string`, and convert it in a model".into())
        }
        DataType::Byte | DataType::Short | DataType::Int | DataType::Long if number::double(bytes).is_some() => {
            Some("declare `decimal(p,s)` or `double`".into())
        }
        _ => Some("correct the value, or declare `string`".into()),
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
