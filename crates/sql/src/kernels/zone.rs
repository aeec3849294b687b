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

enum Zone {
    Named(Tz),
    Fixed(FixedOffset),
}

impl Zone {
    /// `Europe/Berlin`, `+02:00`, `GMT+2`, `UTC`.
    fn parse(text: &str) -> Result<Self> {
        let unknown = || data_error(format!("there is no time zone `{text}`"));
        if matches!(text, "Z" | "z") {
            return Ok(Self::Named(Tz::UTC));
        }
        let offset = ["UTC", "GMT", "UT"].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
        let Some(sign) = offset.chars().next().filter(|sign| matches!(sign, '+' | '-')) else {
            return text.parse().map(Self::Named).map_err(|_| unknown());
        };
        let mut parts = offset[1..].split(':').map(|part| part.parse::<i32>().ok());
        let (hours, minutes) = (parts.next().flatten(), parts.next().unwrap_or(Some(0)));
        let (Some(hours @ 0..=18), Some(minutes @ 0..=59)) = (hours, minutes) else { return Err(unknown()) };
        let seconds = (hours * 60 + minutes) * 60;
        FixedOffset::east_opt(if sign == '-' { -seconds } else { seconds }).map(Self::Fixed).ok_or_else(unknown)
    }

    fn local(&self, time: NaiveDateTime) -> NaiveDateTime {
        match self {
            Self::Named(zone) => time + zone.offset_from_utc_datetime(&time).fix(),
            Self::Fixed(offset) => time + *offset,
        }
    }

    /// The earlier of two instants; one in a gap moves by the gap's length, as in Java.
    fn to_utc(&self, time: NaiveDateTime) -> NaiveDateTime {
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
