//! `date_format` and `to_timestamp` with a pattern of Spark's letters, checked when the query is planned.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, StringArray};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use datafusion::common::Result;
use headwater_plan::DataType as SparkType;

use super::time_text::{beyond, utc};
use super::{Kernel, data_error};

/// A piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Piece {
    /// Text as it is.
    Literal(String),
    /// A letter, and how often it stands.
    Field(char, usize),
}

/// Reads a pattern (`yyyy-MM-dd HH:mm:ss`); the error says what Spark or this engine does not do with it.
pub(crate) fn pieces(pattern: &str) -> std::result::Result<Vec<Piece>, String> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\'' => pieces.push(Piece::Literal(quoted(&mut characters).ok_or("a quote in it is never closed")?)),
            'a'..='z' | 'A'..='Z' => {
                let mut count = 1;
                while characters.next_if_eq(&character).is_some() {
                    count += 1;
                }
                if !is_known(character, count) {
                    return Err(format!("`{}` in it is not supported", String::from(character).repeat(count)));
                }
                pieces.push(Piece::Field(character, count));
            }
            '[' | ']' | '{' | '}' | '#' => return Err(format!("`{character}` in it is not supported")),
            literal => match pieces.last_mut() {
                Some(Piece::Literal(text)) => text.push(literal),
                _ => pieces.push(Piece::Literal(literal.into())),
            },
        }
    }
    Ok(pieces)
}

fn quoted(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    if characters.next_if_eq(&'\'').is_some() {
        return Some("'".into());
    }
    let mut text = String::new();
    loop {
        match characters.next()? {
            '\'' if characters.next_if_eq(&'\'').is_some() => text.push('\''),
            '\'' => return Some(text),
            character => text.push(character),
        }
    }
}

fn is_known(letter: char, count: usize) -> bool {
    match letter {
        'y' => matches!(count, 1 | 2 | 4),
        'M' | 'L' => (1..=4).contains(&count),
        'd' | 'H' | 'h' | 'm' | 's' | 'K' | 'k' => count <= 2,
        'D' => count == 1 || count == 3,
        'E' => (1..=4).contains(&count),
        'a' => count == 1,
        'S' => count <= 9,
        'Q' | 'q' => count <= 2,
        _ => false,
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// An instant written by a pattern.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Format {
    pub(crate) pieces: Vec<Piece>,
}

impl Kernel for Format {
    fn name(&self) -> &'static str {
        "spark_date_format"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![crate::types::arrow_type(&SparkType::Timestamp)]
    }

    fn output(&self) -> DataType {
        DataType::Utf8
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let instants = arguments[0].as_primitive::<TimestampMicrosecondType>();
        let mut texts = Vec::with_capacity(instants.len());
        for instant in instants {
            let written = instant.map(|micros| utc(micros).map(|instant| self.write(instant)).ok_or_else(beyond));
            texts.push(written.transpose()?);
        }
        Ok(Arc::new(StringArray::from(texts)))
    }
}

impl Format {
    fn write(&self, instant: NaiveDateTime) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Field(letter, count) => field(instant, *letter, *count, &mut text),
            }
        }
        text
    }
}

fn field(instant: NaiveDateTime, letter: char, count: usize, text: &mut String) {
    let padded = |number: u32| format!("{number:0count$}");
    let month = instant.month0() as usize;
    let weekday = instant.weekday().num_days_from_monday() as usize;
    let twelve = if instant.hour().is_multiple_of(12) { 12 } else { instant.hour() % 12 };
    let written = match (letter, count) {
        ('y', 2) => format!("{:02}", instant.year().rem_euclid(100)),
        ('y', _) => format!("{:0count$}", instant.year()),
        ('M' | 'L', 3) => MONTHS[month][..3].to_owned(),
        ('M' | 'L', 4) => MONTHS[month].to_owned(),
        ('M' | 'L', _) => padded(instant.month()),
        ('d', _) => padded(instant.day()),
        ('D', _) => padded(instant.ordinal()),
        ('E', 4) => WEEKDAYS[weekday].to_owned(),
        ('E', _) => WEEKDAYS[weekday][..3].to_owned(),
        ('a', _) => if instant.hour() < 12 { "AM" } else { "PM" }.to_owned(),
        ('H', _) => padded(instant.hour()),
        ('k', _) => padded(if instant.hour() == 0 { 24 } else { instant.hour() }),
        ('h', _) => padded(twelve),
        ('K', _) => padded(instant.hour() % 12),
        ('m', _) => padded(instant.minute()),
        ('s', _) => padded(instant.second()),
        ('S', _) => format!("{:09}", instant.nanosecond())[..count].to_owned(),
        // `Q` and `q`; the pattern was checked, so nothing else comes here.
        _ => padded(instant.month0() / 3 + 1),
    };
    text.push_str(&written);
}

/// A text read by a pattern, as an instant.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Parse {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) pattern: String,
    pub(crate) lenient: bool,
}

/// Whether a pattern that writes can also read: names of days say nothing, quarters too little.
pub(crate) fn reads(pieces: &[Piece]) -> std::result::Result<(), String> {
    for piece in pieces {
        if let Piece::Field(letter @ ('E' | 'Q' | 'q' | 'D' | 'k' | 'K' | 'L'), count) = piece {
            return Err(format!("`{}` in it cannot be read, only written", String::from(*letter).repeat(*count)));
        }
    }
    Ok(())
}

impl Kernel for Parse {
    fn name(&self) -> &'static str {
        "spark_to_timestamp"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Utf8]
    }

    fn output(&self) -> DataType {
        crate::types::arrow_type(&SparkType::Timestamp)
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let texts = arguments[0].as_string::<i32>();
        let mut instants = Vec::with_capacity(texts.len());
        for text in texts {
            let Some(text) = text else {
                instants.push(None);
                continue;
            };
            match self.read(text) {
                Some(instant) => instants.push(Some(instant.and_utc().timestamp_micros())),
                None if self.lenient => instants.push(None),
                None => {
                    let message = format!("`{text}` does not match the pattern `{}`", self.pattern);
                    return Err(data_error(message));
                }
            }
        }
        let instants = PrimitiveArray::<TimestampMicrosecondType>::from(instants);
        Ok(Arc::new(instants.with_data_type(self.output())))
    }
}

/// What a text has said so far.
struct Read {
    year: i32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    nanosecond: u32,
    afternoon: Option<bool>,
    twelve_hours: bool,
}

impl Parse {
    fn read(&self, text: &str) -> Option<NaiveDateTime> {
        let mut read = Read {
            year: 1970,
            month: 1,
            day: 1,
            hour: 0,
            minute: 0,
            second: 0,
            nanosecond: 0,
            afternoon: None,
            twelve_hours: false,
        };
        let mut rest = text;
        for (index, piece) in self.pieces.iter().enumerate() {
            rest = match piece {
                Piece::Literal(literal) => rest.strip_prefix(literal.as_str())?,
                Piece::Field(letter, count) => {
                    let more_digits_follow = matches!(self.pieces.get(index + 1), Some(Piece::Field(..)));
                    read.field(*letter, *count, rest, more_digits_follow)?
                }
            };
        }
        if !rest.is_empty() {
            return None;
        }
        let hour = match (read.twelve_hours, read.afternoon) {
            (false, _) => read.hour,
            (true, afternoon) => read.hour % 12 + if afternoon == Some(true) { 12 } else { 0 },
        };
        let time = NaiveTime::from_hms_nano_opt(hour, read.minute, read.second, read.nanosecond)?;
        Some(NaiveDate::from_ymd_opt(read.year, read.month, read.day)?.and_time(time))
    }
}

impl Read {
    /// Reads one field off the front, and gives what is left.
    fn field<'t>(&mut self, letter: char, count: usize, text: &'t str, tight: bool) -> Option<&'t str> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        // A single letter reads as many digits as there are, several exactly theirs.
        let width = |most: usize| if count == 1 && !tight { digits.min(most) } else { count };
        let number = |width: usize| -> Option<(u32, &'t str)> {
            let (front, rest) = (text.get(..width)?, text.get(width..)?);
            let plain = width > 0 && front.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| front.parse().ok().map(|number| (number, rest))).flatten()
        };
        let (value, rest) = match (letter, count) {
            ('y', 2) => {
                let (year, rest) = number(2)?;
                (2000 + year, rest)
            }
            ('y', _) => number(width(9).max(4))?,
            ('M', 3 | 4) => return self.month_name(count, text),
            ('a', _) => {
                let (half, rest) = (text.get(..2)?, text.get(2..)?);
                self.afternoon = Some(match half.to_ascii_uppercase().as_str() {
                    "AM" => false,
                    "PM" => true,
                    _ => return None,
                });
                return Some(rest);
            }
            ('S', _) => {
                let (fraction, rest) = (text.get(..count)?, text.get(count..)?);
                let plain = fraction.bytes().all(|byte| byte.is_ascii_digit());
                self.nanosecond = plain.then(|| format!("{fraction:0<9}").parse().ok()).flatten()?;
                return Some(rest);
            }
            _ => number(width(2))?,
        };
        match letter {
            'y' => self.year = i32::try_from(value).ok()?,
            'M' => self.month = value,
            'd' => self.day = value,
            'H' => self.hour = value,
            'h' => {
                self.hour = Some(value).filter(|hour| (1..=12).contains(hour))?;
                self.twelve_hours = true;
            }
            'm' => self.minute = value,
            's' => self.second = value,
            _ => return None,
        }
        Some(rest)
    }

    fn month_name<'t>(&mut self, count: usize, text: &'t str) -> Option<&'t str> {
        let named = |name: &str| {
            let name = if count == 3 { &name[..3] } else { name };
            text.starts_with(name)
        };
        let index = MONTHS.iter().position(|name| named(name))?;
        self.month = u32::try_from(index).ok()? + 1;
        text.get(if count == 3 { 3 } else { MONTHS[index].len() }..)
    }
}
