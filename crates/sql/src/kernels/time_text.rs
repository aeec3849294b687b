//! Days and instants to and from text and numbers, in UTC.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, PrimitiveArray, StringArray};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use headwater_plan::DataType as SparkType;

use super::number_text::{not_a, trim};
use super::zone::Zone;
use super::{Kernel, data_error};

/// A text as a day or an instant; one that is none is an error, or null when lenient.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TextToTime {
    pub(crate) to: DataType,
    pub(crate) lenient: bool,
}

impl Kernel for TextToTime {
    fn name(&self) -> &'static str {
        "spark_parse_time"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Utf8]
    }

    fn output(&self) -> DataType {
        self.to.clone()
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let texts = arguments[0].as_string::<i32>();
        if self.to == DataType::Date32 {
            let days = texts.iter().map(|text| self.one(text, |text| date(text).map(days)));
            return Ok(Arc::new(days.collect::<Result<PrimitiveArray<Date32Type>>>()?));
        }
        let keeps_zone = matches!(self.to, DataType::Timestamp(_, Some(_)));
        let instants = texts.iter().map(|text| self.one(text, |text| instant(text, keeps_zone)));
        let instants = instants.collect::<Result<PrimitiveArray<TimestampMicrosecondType>>>()?;
        Ok(Arc::new(instants.with_data_type(self.to.clone())))
    }
}

impl TextToTime {
    fn one<V>(&self, text: Option<&str>, parse: impl Fn(&str) -> Option<V>) -> Result<Option<V>> {
        let Some(text) = text else { return Ok(None) };
        match parse(trim(text)) {
            Some(value) => Ok(Some(value)),
            // The same rows would give other instants tomorrow.
            None if matches!(self.to, DataType::Timestamp(_, Some(_))) && is_of_today(text) => Err(data_error(
                format!("`{text}` is a time of day without a day, which is not supported: write its day"),
            )),
            None if self.lenient => Ok(None),
            None => Err(not_a(text, &self.to)),
        }
    }
}

/// The value of a typed literal: `date '2024-01-31'`.
pub(crate) fn parse(text: &str, to: &SparkType) -> Option<ScalarValue> {
    match to {
        SparkType::Date => Some(ScalarValue::Date32(Some(days(date(trim(text))?)))),
        SparkType::Timestamp => {
            Some(ScalarValue::TimestampMicrosecond(Some(instant(trim(text), true)?), Some("UTC".into())))
        }
        SparkType::TimestampNtz => Some(ScalarValue::TimestampMicrosecond(Some(instant(trim(text), false)?), None)),
        _ => None,
    }
}

/// Days since 1970.
pub(super) fn days(date: NaiveDate) -> i32 {
    // chrono's days count from the year 1.
    date.num_days_from_ce() - 719_163
}

/// The day of a number of days since 1970.
pub(super) fn from_days(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(days.checked_add(719_163)?)
}

/// `yyyy`, `yyyy-[m]m`, `yyyy-[m]m-[d]d`, and after a day a blank or `T` with anything (`SparkDateTimeUtils`).
fn date(text: &str) -> Option<NaiveDate> {
    let (text, _) = text.split_once([' ', 'T']).filter(|(day, _)| day.matches('-').count() >= 2).unwrap_or((text, ""));
    calendar_day(text)
}

fn calendar_day(text: &str) -> Option<NaiveDate> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next(), parts.next());
    if parts.next().is_some() || !(4..=7).contains(&year.len()) {
        return None;
    }
    let part = |text: Option<&str>| match text {
        Some(text) => number(text, 1..=2),
        None => Some(1),
    };
    let year = i32::try_from(number(year, 4..=7)?).ok()?;
    NaiveDate::from_ymd_opt(sign * year, part(month)?, part(day)?)
}

fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let plain = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// A day, alone or with a time of day, alone or with a zone. Without a zone it is UTC's.
fn instant(text: &str, keeps_zone: bool) -> Option<i64> {
    let (day, time) = match text.find([' ', 'T']) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    };
    let day = calendar_day(day)?;
    if time.is_empty() {
        return Some(day.and_time(NaiveTime::MIN).and_utc().timestamp_micros());
    }
    let zone_at = time.find(|character: char| !matches!(character, '0'..='9' | ':' | '.'));
    let (clock, zone) = time.split_at(zone_at.unwrap_or(time.len()));
    let local = day.and_time(time_of_day(clock)?);
    let zone = zone.trim();
    if zone.is_empty() {
        return Some(local.and_utc().timestamp_micros());
    }
    // A zone comes after the seconds only, and needs some room before the end of the calendar.
    let zone = Zone::read(zone).filter(|_| clock.matches(':').count() == 2 && local.year().abs() < 262_000)?;
    let instant = if keeps_zone { zone.to_utc(local) } else { local };
    Some(instant.and_utc().timestamp_micros())
}

/// Whether a text is a time of day without a day, which Spark takes for one of today: `12:00`, `T12`.
pub(crate) fn is_of_today(text: &str) -> bool {
    let text = trim(text);
    let (marked, time) = match text.strip_prefix('T') {
        Some(time) => (true, time),
        None => (false, text),
    };
    let zone_at = time.find(|character: char| !matches!(character, '0'..='9' | ':' | '.'));
    let (clock, zone) = time.split_at(zone_at.unwrap_or(time.len()));
    let zone = zone.trim();
    (marked || clock.contains(':')) && time_of_day(clock).is_some() && (zone.is_empty() || Zone::read(zone).is_some())
}

fn time_of_day(text: &str) -> Option<NaiveTime> {
    let mut parts = text.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next(), parts.next());
    if parts.next().is_some() {
        return None;
    }
    let minute = minute.map_or(Some(0), |minute| number(minute, 1..=2))?;
    let (second, fraction) = second.map_or(("0", ""), |second| second.split_once('.').unwrap_or((second, "")));
    let digits = fraction.get(..fraction.len().min(6))?;
    let micros = if digits.is_empty() { 0 } else { number(digits, 1..=6)? * 10_u32.pow(6 - digits.len() as u32) };
    NaiveTime::from_hms_micro_opt(number(hour, 1..=2)?, minute, number(second, 1..=2)?, micros)
}

/// An instant as `yyyy-MM-dd HH:mm:ss`, with as much of a fraction as it has.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TimeToText {
    pub(crate) from: DataType,
}

impl Kernel for TimeToText {
    fn name(&self) -> &'static str {
        "spark_time_text"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![self.from.clone()]
    }

    fn output(&self) -> DataType {
        DataType::Utf8
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let instants = arguments[0].as_primitive::<TimestampMicrosecondType>();
        let written = |micros: i64| utc(micros).map(|instant| Some(text(instant))).ok_or_else(beyond);
        let texts = instants.iter().map(|instant| instant.map_or(Ok(None), written));
        Ok(Arc::new(texts.collect::<Result<StringArray>>()?))
    }
}

fn text(instant: NaiveDateTime) -> String {
    let mut text = instant.format("%Y-%m-%d %H:%M:%S").to_string();
    let micros = instant.and_utc().timestamp_subsec_micros();
    if micros > 0 {
        text.push('.');
        text.push_str(format!("{micros:06}").trim_end_matches('0'));
    }
    text
}

/// The wall clock of an instant in UTC.
pub(super) fn utc(micros: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros).map(|instant| instant.naive_utc())
}

pub(super) fn beyond() -> DataFusionError {
    data_error("a day or instant is further away than a calendar reaches")
}

/// An instant as seconds since 1970.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum InstantTo {
    /// With their fraction.
    Seconds,
    /// Whole ones, rounded down: `cast`, `unix_seconds`.
    WholeSeconds,
    /// Whole ones, the fraction cut off, which before 1970 is later: `unix_timestamp`.
    CutSeconds,
}

impl Kernel for InstantTo {
    fn name(&self) -> &'static str {
        match self {
            Self::Seconds => "spark_seconds_double",
            Self::WholeSeconds => "spark_seconds",
            Self::CutSeconds => "spark_seconds_cut",
        }
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![crate::types::arrow_type(&SparkType::Timestamp)]
    }

    fn output(&self) -> DataType {
        if *self == Self::Seconds { DataType::Float64 } else { DataType::Int64 }
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let instants = arguments[0].as_primitive::<TimestampMicrosecondType>();
        Ok(match self {
            Self::Seconds => Arc::new(instants.unary::<_, Float64Type>(|micros| micros as f64 / 1_000_000.0)),
            Self::WholeSeconds => Arc::new(instants.unary::<_, Int64Type>(|micros| micros.div_euclid(1_000_000))),
            Self::CutSeconds => Arc::new(instants.unary::<_, Int64Type>(|micros| micros / 1_000_000)),
        })
    }
}

/// Seconds since 1970 as an instant.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct InstantFrom {
    pub(crate) from: DataType,
    pub(crate) lenient: bool,
}

impl Kernel for InstantFrom {
    fn name(&self) -> &'static str {
        "spark_instant"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![self.from.clone()]
    }

    fn output(&self) -> DataType {
        crate::types::arrow_type(&SparkType::Timestamp)
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let micros: Vec<Option<Option<i64>>> = match &self.from {
            DataType::Int64 => {
                let seconds = arguments[0].as_primitive::<Int64Type>();
                seconds.iter().map(|seconds| seconds.map(|seconds| seconds.checked_mul(1_000_000))).collect()
            }
            DataType::Float64 => {
                let seconds = arguments[0].as_primitive::<Float64Type>();
                let micros = |seconds: f64| {
                    let micros = (seconds * 1_000_000.0).trunc();
                    // Beyond these a bigint of microseconds ends.
                    (micros.abs() < 9.2e18).then_some(micros as i64)
                };
                seconds.iter().map(|seconds| seconds.map(micros)).collect()
            }
            other => return Err(DataFusionError::Internal(format!("an instant from {other}"))),
        };
        let mut instants = Vec::with_capacity(micros.len());
        for value in micros {
            match value {
                None => instants.push(None),
                Some(None) if !self.lenient => return Err(beyond()),
                Some(micros) => instants.push(micros),
            }
        }
        let instants = PrimitiveArray::<TimestampMicrosecondType>::from(instants);
        Ok(Arc::new(instants.with_data_type(self.output())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_in_the_forms_that_spark_reads() {
        let at = |text: &str| instant(text, true).and_then(utc).map(super::text);
        for (written, read) in [
            ("2024-01-31", Some("2024-01-31 00:00:00")),
            ("2024-1-3 4:5:6", Some("2024-01-03 04:05:06")),
            ("2024-01-31T10:11:12.5Z", Some("2024-01-31 10:11:12.5")),
            ("2024-01-31 10:11:12.123456789", Some("2024-01-31 10:11:12.123456")),
            ("2024-01-31 10:11:12+02:00", Some("2024-01-31 08:11:12")),
            ("2024-01-31 10:11:12 Europe/Berlin", Some("2024-01-31 09:11:12")),
            ("2024-01-31 10:11", Some("2024-01-31 10:11:00")),
            ("2024", Some("2024-01-01 00:00:00")),
            ("2024-02-30", None),
            ("31.01.2024", None),
            ("2024-01-31 25:00:00", None),
            ("", None),
        ] {
            assert_eq!(at(written).as_deref(), read, "{written}");
        }
    }
}
