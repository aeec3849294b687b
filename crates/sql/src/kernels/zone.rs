//! Instants as numbers and in other time zones, and the days of a week by name.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, PrimitiveArray};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Int64Type, TimestampMicrosecondType};
use chrono::{Datelike, FixedOffset, NaiveDateTime, Offset, TimeZone, Weekday};
use chrono_tz::Tz;
use datafusion::common::Result;

use super::calendar::instant;
use super::time_text::{beyond, days, from_days, utc};
use super::{Kernel, data_error};

/// Units since 1970, rounded down.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct UnitsSince {
    /// Microseconds in a unit.
    pub(crate) unit: i64,
}

impl Kernel for UnitsSince {
    fn name(&self) -> &'static str {
        "spark_units_since"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![instant()]
    }

    fn output(&self) -> DataType {
        DataType::Int64
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let instants = arguments[0].as_primitive::<TimestampMicrosecondType>();
        Ok(Arc::new(instants.unary::<_, Int64Type>(|micros| micros.div_euclid(self.unit))))
    }
}

/// The instant so many units after 1970 began.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct AfterUnits {
    /// Microseconds in a unit.
    pub(crate) unit: i64,
}

impl Kernel for AfterUnits {
    fn name(&self) -> &'static str {
        "spark_after_units"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Int64]
    }

    fn output(&self) -> DataType {
        instant()
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let counts: &Int64Array = arguments[0].as_primitive();
        let instants = counts
            .try_unary::<_, TimestampMicrosecondType, _>(|count| count.checked_mul(self.unit).ok_or_else(beyond))?;
        Ok(Arc::new(instants.with_data_type(instant())))
    }
}

/// The seconds of an instant with their fraction, `decimal(8,6)`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Seconds;

impl Kernel for Seconds {
    fn name(&self) -> &'static str {
        "spark_seconds_part"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![instant()]
    }

    fn output(&self) -> DataType {
        DataType::Decimal128(8, 6)
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let instants = arguments[0].as_primitive::<TimestampMicrosecondType>();
        let seconds = instants.unary::<_, Decimal128Type>(|micros| i128::from(micros.rem_euclid(60_000_000)));
        Ok(Arc::new(seconds.with_precision_and_scale(8, 6)?))
    }
}

/// The wall-clock time of another zone, as if it were UTC's; or the other way round.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ShiftZone {
    pub(crate) to_utc: bool,
}

impl Kernel for ShiftZone {
    fn name(&self) -> &'static str {
        if self.to_utc { "spark_to_utc_timestamp" } else { "spark_from_utc_timestamp" }
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![instant(), DataType::Utf8]
    }

    fn output(&self) -> DataType {
        instant()
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let instants = arguments[0].as_primitive::<TimestampMicrosecondType>();
        let zones = arguments[1].as_string::<i32>();
        let one = |row: usize| {
            if instants.is_null(row) || zones.is_null(row) {
                return Ok(None);
            }
            let zone = Zone::parse(zones.value(row))?;
            let time = utc(instants.value(row)).ok_or_else(beyond)?;
            let shifted = if self.to_utc { zone.to_utc(time) } else { zone.local(time) };
            Ok(Some(shifted.and_utc().timestamp_micros()))
        };
        let shifted = (0..instants.len()).map(one).collect::<Result<PrimitiveArray<TimestampMicrosecondType>>>()?;
        Ok(Arc::new(shifted.with_data_type(instant())))
    }
}

pub(super) enum Zone {
    Named(Tz),
    Fixed(FixedOffset),
}

/// Short names of zones (`ZoneId.SHORT_IDS`); the zone database has other short names, and these three with an offset.
const SHORT: &[(&str, &str)] = &[
    ("ACT", "Australia/Darwin"),
    ("AET", "Australia/Sydney"),
    ("AGT", "America/Argentina/Buenos_Aires"),
    ("ART", "Africa/Cairo"),
    ("AST", "America/Anchorage"),
    ("BET", "America/Sao_Paulo"),
    ("BST", "Asia/Dhaka"),
    ("CAT", "Africa/Harare"),
    ("CNT", "America/St_Johns"),
    ("CST", "America/Chicago"),
    ("CTT", "Asia/Shanghai"),
    ("EAT", "Africa/Addis_Ababa"),
    ("ECT", "Europe/Paris"),
    ("EST", "-05:00"),
    ("HST", "-10:00"),
    ("IET", "America/Indiana/Indianapolis"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("MIT", "Pacific/Apia"),
    ("MST", "-07:00"),
    ("NET", "Asia/Yerevan"),
    ("NST", "Pacific/Auckland"),
    ("PLT", "Asia/Karachi"),
    ("PNT", "America/Phoenix"),
    ("PRT", "America/Puerto_Rico"),
    ("PST", "America/Los_Angeles"),
    ("SST", "Pacific/Guadalcanal"),
    ("VST", "Asia/Ho_Chi_Minh"),
];

impl Zone {
    fn parse(text: &str) -> Result<Self> {
        Self::read(text).ok_or_else(|| data_error(format!("there is no time zone `{text}`")))
    }

    /// `Europe/Berlin`, `PST`, `+02:00`, `+0200`, `GMT+2`, `UTC` (`DateTimeUtils.getZoneId`).
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = SHORT.iter().find(|(short, _)| *short == text).map_or(text, |(_, long)| *long);
        // Java's own database leaves this one out.
        if text == "ROC" {
            return None;
        }
        let offset = ["UTC", "GMT", "UT"].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
        if matches!(text, "Z" | "UTC" | "GMT" | "UT") {
            return Some(Self::Named(Tz::UTC));
        }
        let Some(sign) = offset.chars().next().filter(|sign| matches!(sign, '+' | '-')) else {
            return text.parse().ok().map(Self::Named);
        };
        let seconds = offset_seconds(&offset[1..]).filter(|seconds| *seconds <= 18 * 3600)?;
        FixedOffset::east_opt(if sign == '-' { -seconds } else { seconds }).map(Self::Fixed)
    }

    fn local(&self, time: NaiveDateTime) -> NaiveDateTime {
        match self {
            Self::Named(zone) => time + zone.offset_from_utc_datetime(&time).fix(),
            Self::Fixed(offset) => time + *offset,
        }
    }

    /// The earlier of two instants; one in a gap moves by the gap's length, as in Java.
    pub(super) fn to_utc(&self, time: NaiveDateTime) -> NaiveDateTime {
        match self {
            Self::Fixed(offset) => time - *offset,
            Self::Named(zone) => match zone.from_local_datetime(&time).earliest() {
                Some(found) => found.naive_utc(),
                None => {
                    let before = zone.offset_from_utc_datetime(&(time - chrono::TimeDelta::days(1))).fix();
                    time - before
                }
            },
        }
    }
}

/// `h`, `hh`, `hhmm`, `hhmmss`, and with colons; before the last colon a digit may be missing, and behind it in `hh:m`.
fn offset_seconds(text: &str) -> Option<i32> {
    let parts: Vec<&str> = match text.len() {
        4 | 6 if !text.contains(':') => (0..text.len()).step_by(2).filter_map(|at| text.get(at..at + 2)).collect(),
        _ => text.split(':').collect(),
    };
    let number = |part: &str, digits: std::ops::RangeInclusive<usize>, most: i32| {
        let plain = digits.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<i32>().ok().filter(|value| plain && *value <= most)
    };
    match parts[..] {
        [hours] => Some(number(hours, 1..=2, 18)? * 3600),
        [hours, minutes] => Some(number(hours, 1..=2, 18)? * 3600 + number(minutes, 1..=2, 59)? * 60),
        [hours, minutes, seconds] => {
            Some(number(hours, 1..=2, 18)? * 3600 + number(minutes, 2..=2, 59)? * 60 + number(seconds, 2..=2, 59)?)
        }
        _ => None,
    }
}

/// The first day after a day that has a name.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct NextDay;

impl Kernel for NextDay {
    fn name(&self) -> &'static str {
        "spark_next_day"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Date32, DataType::Utf8]
    }

    fn output(&self) -> DataType {
        DataType::Date32
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let (dates, names) = (arguments[0].as_primitive::<Date32Type>(), arguments[1].as_string::<i32>());
        let one = |row: usize| {
            if dates.is_null(row) || names.is_null(row) {
                return Ok(None);
            }
            let date = from_days(dates.value(row)).ok_or_else(beyond)?;
            let name = names.value(row);
            let wanted = weekday(name).ok_or_else(|| data_error(format!("there is no day of the week `{name}`")))?;
            let ahead = (7 + wanted.num_days_from_monday() - date.weekday().num_days_from_monday() - 1) % 7 + 1;
            date.checked_add_days(chrono::Days::new(u64::from(ahead))).map(|date| Some(days(date))).ok_or_else(beyond)
        };
        Ok(Arc::new((0..dates.len()).map(one).collect::<Result<PrimitiveArray<Date32Type>>>()?))
    }
}

/// `DateTimeUtils.getDayOfWeekFromString`.
fn weekday(name: &str) -> Option<Weekday> {
    Some(match name.trim().to_ascii_uppercase().as_str() {
        "SU" | "SUN" | "SUNDAY" => Weekday::Sun,
        "MO" | "MON" | "MONDAY" => Weekday::Mon,
        "TU" | "TUE" | "TUESDAY" => Weekday::Tue,
        "WE" | "WED" | "WEDNESDAY" => Weekday::Wed,
        "TH" | "THU" | "THURSDAY" => Weekday::Thu,
        "FR" | "FRI" | "FRIDAY" => Weekday::Fri,
        "SA" | "SAT" | "SATURDAY" => Weekday::Sat,
        _ => return None,
    })
}

/// An instant from its parts, the seconds in microseconds; one that no calendar has is an error.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct MakeInstant;

impl Kernel for MakeInstant {
    fn name(&self) -> &'static str {
        "spark_make_timestamp"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Date32, DataType::Int32, DataType::Int32, DataType::Decimal128(16, 6)]
    }

    fn output(&self) -> DataType {
        instant()
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let dates = arguments[0].as_primitive::<Date32Type>();
        let [hours, minutes] =
            [1, 2].map(|index: usize| arguments[index].as_primitive::<arrow::datatypes::Int32Type>());
        let seconds = arguments[3].as_primitive::<Decimal128Type>();
        let one = |row: usize| {
            if arguments.iter().any(|array| array.is_null(row)) {
                return Ok(None);
            }
            let (hour, minute, micros) = (hours.value(row), minutes.value(row), seconds.value(row));
            // A 60th second is the next minute's first, if it has no fraction.
            let valid = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60_000_000).contains(&micros);
            let micros = i64::try_from(micros).ok().filter(|_| valid).ok_or_else(|| {
                data_error(format!("there is no time of day of {hour} hours, {minute} minutes and these seconds"))
            })?;
            let day = i64::from(dates.value(row)) * 86_400_000_000;
            Ok(Some(day + i64::from(hour) * 3_600_000_000 + i64::from(minute) * 60_000_000 + micros))
        };
        let made = (0..dates.len()).map(one).collect::<Result<PrimitiveArray<TimestampMicrosecondType>>>()?;
        Ok(Arc::new(made.with_data_type(instant())))
    }
}
