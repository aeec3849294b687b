//! `format_string`: Java's `Formatter`, as much of it as gives Java's answers.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};
use datafusion::common::Result;

use super::Kernel;
use super::number_text::{double_text, float_text};

/// A part of a format.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Piece {
    Text(String),
    /// The value of an index, counted from 0.
    Value(Directive, usize),
}

impl Piece {
    pub(crate) fn value(&self) -> Option<(&Directive, usize)> {
        match self {
            Self::Text(_) => None,
            Self::Value(directive, index) => Some((directive, *index)),
        }
    }
}

/// How a value is written: `%-10.2f`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Directive {
    written: String,
    flags: String,
    width: usize,
    precision: Option<usize>,
    conversion: char,
}

impl fmt::Display for Directive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// Wider than this is no text for people.
const WIDEST: usize = 1000;

/// Reads a format; what of it is not done is the error.
pub(crate) fn parse(format: &str) -> std::result::Result<Vec<Piece>, String> {
    let (mut pieces, mut plain, mut next) = (Vec::new(), String::new(), 0);
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        plain.push_str(&rest[..at]);
        let (written, after) = directive_text(&rest[at..]);
        rest = after;
        match written {
            "%%" => plain.push('%'),
            "%n" => plain.push('\n'),
            written => {
                let (directive, index) = directive(written).ok_or_else(|| written.to_owned())?;
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
                pieces.push(Piece::Value(directive, index.unwrap_or(next)));
                // A value that is asked for by its number does not count.
                next += usize::from(index.is_none());
            }
        }
    }
    plain.push_str(rest);
    pieces.push(Piece::Text(plain));
    Ok(pieces)
}

/// The text of a directive, up to its letter, and what follows it.
fn directive_text(text: &str) -> (&str, &str) {
    let inner = |character: char| matches!(character, '0'..='9' | '$' | '-' | '#' | '+' | ' ' | ',' | '(' | '<' | '.');
    let after = &text[1..];
    let letter = after.find(|character| !inner(character));
    let end = letter.map_or(text.len(), |at| 1 + at + after[at..].chars().next().map_or(0, char::len_utf8));
    text.split_at(end)
}

fn directive(written: &str) -> Option<(Directive, Option<usize>)> {
    let conversion = written.chars().next_back()?;
    let mut rest = written.strip_suffix(conversion)?.strip_prefix('%')?;
    let mut index = None;
    if let Some((number, after)) = rest.split_once('$') {
        index = Some(number.parse::<usize>().ok()?.checked_sub(1)?);
        rest = after;
    }
    let flags = rest.find(|character: char| !"-+ 0,(".contains(character)).unwrap_or(rest.len());
    let (flags, rest) = rest.split_at(flags);
    let (width, precision) = match rest.split_once('.') {
        Some((width, precision)) => (width, Some(number(precision)?)),
        None => (rest, None),
    };
    let has_width = !width.is_empty();
    let width = if has_width { number(width)? } else { 0 };
    let directive = Directive { written: written.into(), flags: flags.into(), width, precision, conversion };
    (directive.is_done(has_width)).then_some((directive, index))
}

fn number(digits: &str) -> Option<usize> {
    let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|number| plain && *number <= WIDEST)
}

impl Directive {
    /// Its letter, in lower case.
    pub(crate) fn conversion(&self) -> char {
        self.conversion.to_ascii_lowercase()
    }

    fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    /// Whether Java takes the flags together, and this engine does all of them.
    fn is_done(&self, has_width: bool) -> bool {
        let (flags, precise) = match self.conversion {
            's' | 'S' | 'b' | 'B' => ("-", true),
            'd' => ("-+ 0,(", false),
            'x' | 'X' | 'o' => ("-0", false),
            'c' => ("-", false),
            'f' => ("-+ 0,(", true),
            'e' | 'E' => ("-+ 0(", true),
            _ => return false,
        };
        let known = self.flags.chars().all(|flag| flags.contains(flag));
        let once = self.flags.chars().all(|flag| self.flags.matches(flag).count() == 1);
        let padded = self.has('-') || self.has('0');
        known
            && once
            && (precise || self.precision.is_none())
            && (has_width || !padded)
            && !(self.has('-') && self.has('0'))
            && !(self.has('+') && self.has(' '))
    }

    fn write(&self, values: &ArrayRef, row: usize) -> String {
        let is_null = *values.data_type() == DataType::Null || values.is_null(row);
        let text = match self.conversion() {
            'b' if is_null => self.cut("false"),
            'b' if *values.data_type() != DataType::Boolean => self.cut("true"),
            _ if is_null => self.cut("null"),
            'd' => {
                let number = whole(values, row);
                self.signed(number < 0, &self.grouped(&number.unsigned_abs().to_string()))
            }
            'x' => self.filled(format!("{:x}", bits(values, row))),
            'o' => self.filled(format!("{:o}", bits(values, row))),
            'c' => u32::try_from(whole(values, row)).ok().and_then(char::from_u32).unwrap_or('?').to_string(),
            'f' | 'e' => self.floating(floating(values, row)),
            _ => self.cut(&plain(values, row)),
        };
        let text = if self.conversion.is_ascii_uppercase() { text.to_uppercase() } else { text };
        // Java counts the units of UTF-16.
        let blanks = " ".repeat(self.width.saturating_sub(text.encode_utf16().count()));
        if self.has('-') { text + &blanks } else { blanks + &text }
    }

    /// As much of a text as the precision lets through.
    fn cut(&self, text: &str) -> String {
        let Some(precision) = self.precision else { return text.to_owned() };
        let units: Vec<u16> = text.encode_utf16().take(precision).collect();
        // Half a character is written as `?`.
        char::decode_utf16(units).map(|character| character.unwrap_or('?')).collect()
    }

    /// A number with its sign, and with zeros between the two up to the width.
    fn signed(&self, negative: bool, digits: &str) -> String {
        let (before, after) = match negative {
            true if self.has('(') => ("(", ")"),
            true => ("-", ""),
            false if self.has('+') => ("+", ""),
            false if self.has(' ') => (" ", ""),
            false => ("", ""),
        };
        let taken = before.len() + digits.len() + after.len();
        let zeros = if self.has('0') { self.width.saturating_sub(taken) } else { 0 };
        format!("{before}{}{digits}{after}", "0".repeat(zeros))
    }

    fn filled(&self, digits: String) -> String {
        let zeros = if self.has('0') { self.width.saturating_sub(digits.len()) } else { 0 };
        "0".repeat(zeros) + &digits
    }

    /// With a comma between thousands, if asked for.
    fn grouped(&self, digits: &str) -> String {
        if !self.has(',') {
            return digits.to_owned();
        }
        let mut grouped = String::with_capacity(digits.len() * 4 / 3);
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        grouped
    }

    fn floating(&self, value: f64) -> String {
        if value.is_nan() {
            return "NaN".into();
        }
        if value.is_infinite() {
            // No zeros before it.
            let bare = Self { flags: self.flags.replace('0', ""), ..self.clone() };
            return bare.signed(value < 0.0, "Infinity");
        }
        let precision = self.precision.unwrap_or(6);
        let digits = if self.conversion == 'f' {
            self.fixed(value.abs(), precision)
        } else {
            scientific(value.abs(), precision)
        };
        self.signed(value.is_sign_negative(), &digits)
    }

    fn fixed(&self, value: f64, precision: usize) -> String {
        let (digits, point) = shortest(value);
        let kept =
            usize::try_from(point + precision as i64).map_or_else(|_| String::new(), |keep| rounded(&digits, keep));
        let kept = format!("{kept:0>least$}", least = precision + 1);
        let (whole, fraction) = kept.split_at(kept.len() - precision);
        // Zeros that only stood before the point of a smaller number.
        let whole = match whole.trim_start_matches('0') {
            "" => "0",
            whole => whole,
        };
        let point = if precision > 0 { "." } else { "" };
        format!("{}{point}{fraction}", self.grouped(whole))
    }
}

/// The digits of the shortest decimal that is this double, and how many of them stand before the point: Java rounds these.
fn shortest(value: f64) -> (String, i64) {
    let written = format!("{value:e}");
    let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    (mantissa.replace('.', ""), exponent.parse::<i64>().unwrap_or_default() + 1)
}

/// So many digits, rounded half up; one more where that carries over.
fn rounded(digits: &str, keep: usize) -> String {
    let up = digits.as_bytes().get(keep).is_some_and(|digit| *digit >= b'5');
    let mut kept: Vec<u8> = digits.bytes().chain(std::iter::repeat(b'0')).take(keep).collect();
    if up {
        let nines = kept.iter().rev().take_while(|digit| **digit == b'9').count();
        let first = keep - nines;
        kept[first..].fill(b'0');
        match first.checked_sub(1) {
            Some(last) => kept[last] += 1,
            None => kept.insert(0, b'1'),
        }
    }
    kept.into_iter().map(char::from).collect()
}

fn scientific(value: f64, precision: usize) -> String {
    let (digits, point) = shortest(value);
    let mut kept = rounded(&digits, precision + 1);
    let carried = kept.len() > precision + 1;
    kept.truncate(precision + 1);
    let exponent = if value == 0.0 { 0 } else { point - 1 + i64::from(carried) };
    let sign = if exponent < 0 { '-' } else { '+' };
    let (first, rest) = kept.split_at(1);
    let dot = if rest.is_empty() { "" } else { "." };
    format!("{first}{dot}{rest}e{sign}{:02}", exponent.unsigned_abs())
}

fn whole(values: &ArrayRef, row: usize) -> i64 {
    match values.data_type() {
        DataType::Int8 => values.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int16 => values.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => values.as_primitive::<Int32Type>().value(row).into(),
        _ => values.as_primitive::<Int64Type>().value(row),
    }
}

/// The bits of a whole number, as many as its type has.
fn bits(values: &ArrayRef, row: usize) -> u64 {
    match values.data_type() {
        DataType::Int8 => values.as_primitive::<Int8Type>().value(row).cast_unsigned().into(),
        DataType::Int16 => values.as_primitive::<Int16Type>().value(row).cast_unsigned().into(),
        DataType::Int32 => values.as_primitive::<Int32Type>().value(row).cast_unsigned().into(),
        _ => values.as_primitive::<Int64Type>().value(row).cast_unsigned(),
    }
}

fn floating(values: &ArrayRef, row: usize) -> f64 {
    match values.data_type() {
        DataType::Float32 => values.as_primitive::<Float32Type>().value(row).into(),
        _ => values.as_primitive::<Float64Type>().value(row),
    }
}

/// A value as Java's `toString` writes it.
fn plain(values: &ArrayRef, row: usize) -> String {
    match values.data_type() {
        DataType::Utf8 => values.as_string::<i32>().value(row).to_owned(),
        DataType::Boolean => values.as_boolean().value(row).to_string(),
        DataType::Float32 => float_text(values.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => double_text(values.as_primitive::<Float64Type>().value(row)),
        _ => whole(values, row).to_string(),
    }
}

/// Values in a format; [`parse`] has read it, and each value is of a type that its directive takes.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Formatted {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) inputs: Vec<DataType>,
}

impl Kernel for Formatted {
    fn name(&self) -> &'static str {
        "spark_format_string"
    }

    fn inputs(&self) -> Vec<DataType> {
        self.inputs.clone()
    }

    fn output(&self) -> DataType {
        DataType::Utf8
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let row = |row: usize| {
            let mut text = String::new();
            for piece in &self.pieces {
                match piece {
                    Piece::Text(plain) => text.push_str(plain),
                    Piece::Value(directive, index) => text.push_str(&directive.write(&arguments[*index], row)),
                }
            }
            Some(text)
        };
        // Without values it is a constant.
        let rows = arguments.first().map_or(1, Array::len);
        Ok(Arc::new((0..rows).map(row).collect::<StringArray>()))
    }
}
