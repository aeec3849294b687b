//! Parts of days and instants, and the beginnings of the units in which they lie, in UTC.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, PrimitiveArray};
use arrow::datatypes::{DataType, Date32Type, Int32Type, TimestampMicrosecondType};
use chrono::{Datelike, Days, NaiveDate};
use datafusion::common::Result;
use headwater_plan::DataType as SparkType;

use super::moving::move_months;
use super::time_text::{beyond, days, from_days, utc};
use super::{Kernel, data_error};
use crate::types::arrow_type;

/// The Arrow form of an instant.
pub(super) fn instant() -> DataType {
    arrow_type(&SparkType::Timestamp)
}

/// A part of a day or of a time of day, as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Year,
    Quarter,
    Month,
    Day,
    /// 1 is Sunday.
    DayOfWeek,
    /// 1 is Monday.
    IsoDayOfWeek,
    /// 0 is Monday.
    Weekday,
    DayOfYear,
    /// The ISO week: the first is that of the year's first Thursday.
    Week,
    /// The year that the ISO week belongs to.
    YearOfWeek,
    Hour,
    Minute,
    Second,
}

impl Part {
    /// Whether it is a part of the time of day.
    pub(crate) fn of_time(self) -> bool {
        matches!(self, Self::Hour | Self::Minute | Self::Second)
    }

    fn of_day(self, date: NaiveDate) -> u32 {
        let weekday = date.weekday();
        match self {
            Self::Quarter => date.month0() / 3 + 1,
            Self::Month => date.month(),
            Self::Day => date.day(),
            Self::DayOfWeek => weekday.number_from_sunday(),
            Self::IsoDayOfWeek => weekday.number_from_monday(),
            Self::Weekday => weekday.num_days_from_monday(),
            Self::DayOfYear => date.ordinal(),
            Self::Week => date.iso_week().week(),
            _ => 0,
        }
    }
}

impl Kernel for Part {
    fn name(&self) -> &'static str {
        match self {
            Self::Year => "spark_year",
            Self::Quarter => "spark_quarter",
            Self::Month => "spark_month",
            Self::Day => "spark_day",
            Self::DayOfWeek => "spark_dayofweek",
            Self::IsoDayOfWeek => "spark_dayofweek_iso",
            Self::Weekday => "spark_weekday",
            Self::DayOfYear => "spark_dayofyear",
            Self::Week => "spark_weekofyear",
            Self::YearOfWeek => "spark_yearofweek",
            Self::Hour => "spark_hour",
            Self::Minute => "spark_minute",
            Self::Second => "spark_second",
        }
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![if self.of_time() { instant() } else { DataType::Date32 }]
    }

    fn output(&self) -> DataType {
        DataType::Int32
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        if self.of_time() {
            let unit = match self {
                Self::Hour => (3_600_000_000, 24),
                Self::Minute => (60_000_000, 60),
                _ => (1_000_000, 60),
            };
            let instants = arguments[0].as_primitive::<TimestampMicrosecondType>();
            let parts: Int32Array = instants.unary(|micros| micros.div_euclid(unit.0).rem_euclid(unit.1) as i32);
            return Ok(Arc::new(parts));
        }
        let dates = arguments[0].as_primitive::<Date32Type>();
        let parts = dates.try_unary::<_, Int32Type, _>(|date| {
            let date = from_days(date).ok_or_else(beyond)?;
            Ok::<_, datafusion::common::DataFusionError>(match self {
                Self::Year => date.year(),
                Self::YearOfWeek => date.iso_week().year(),
                part => part.of_day(date).cast_signed(),
            })
        })?;
        Ok(Arc::new(parts))
    }
}

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    /// Reads a unit's name, in the singular or the short forms that Spark takes.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "MICROSECOND" => Self::Microsecond,
            "MILLISECOND" => Self::Millisecond,
            "SECOND" => Self::Second,
            "MINUTE" => Self::Minute,
            "HOUR" => Self::Hour,
            "DAY" | "DD" | "DAYOFYEAR" => Self::Day,
            "WEEK" => Self::Week,
            "MONTH" | "MON" | "MM" => Self::Month,
            "QUARTER" => Self::Quarter,
            "YEAR" | "YYYY" | "YY" => Self::Year,
            _ => return None,
        })
    }

    /// Microseconds in it, when it always has as many.
    pub(super) fn micros(self) -> Option<i64> {
        Some(match self {
            Self::Microsecond => 1,
            Self::Millisecond => 1_000,
            Self::Second => 1_000_000,
            Self::Minute => 60_000_000,
            Self::Hour => 3_600_000_000,
            Self::Day => 86_400_000_000,
            Self::Week => 7 * 86_400_000_000,
            Self::Month | Self::Quarter | Self::Year => return None,
        })
    }

    /// Months in it, for those that are made of months.
    pub(super) fn months(self) -> i64 {
        match self {
            Self::Year => 12,
            Self::Quarter => 3,
            _ => 1,
        }
    }

    fn first_day(self, date: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Year => NaiveDate::from_ymd_opt(date.year(), 1, 1),
            Self::Quarter => NaiveDate::from_ymd_opt(date.year(), date.month0() / 3 * 3 + 1, 1),
            Self::Month => date.with_day(1),
            Self::Week => date.checked_sub_days(Days::new(u64::from(date.weekday().num_days_from_monday()))),
            _ => Some(date),
        }
    }
}

/// The beginning of the unit in which an instant lies.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TruncateInstant {
    pub(crate) unit: Unit,
}

impl Kernel for TruncateInstant {
    fn name(&self) -> &'static str {
        "spark_date_trunc"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![instant()]
    }

    fn output(&self) -> DataType {
        instant()
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let instants = arguments[0].as_primitive::<TimestampMicrosecondType>();
        let fixed = self.unit.micros().filter(|_| self.unit != Unit::Week);
        let truncated = instants.try_unary::<_, TimestampMicrosecondType, _>(|micros| match fixed {
            Some(unit) => Ok(micros - micros.rem_euclid(unit)),
            None => {
                let day = utc(micros).and_then(|instant| self.unit.first_day(instant.date()));
                let midnight = day.and_then(|day| day.and_hms_opt(0, 0, 0));
                midnight.map(|midnight| midnight.and_utc().timestamp_micros()).ok_or_else(beyond)
            }
        })?;
        Ok(Arc::new(truncated.with_data_type(instant())))
    }
}

/// The first day of the unit in which a day lies.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TruncateDay {
    pub(crate) unit: Unit,
}

impl Kernel for TruncateDay {
    fn name(&self) -> &'static str {
        "spark_trunc"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Date32]
    }

    fn output(&self) -> DataType {
        DataType::Date32
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let dates = arguments[0].as_primitive::<Date32Type>();
        let truncated = dates.try_unary::<_, Date32Type, _>(|date| {
            from_days(date).and_then(|date| self.unit.first_day(date)).map(days).ok_or_else(beyond)
        })?;
        Ok(Arc::new(truncated))
    }
}

/// The last day of the month in which a day lies.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct LastDay;

impl Kernel for LastDay {
    fn name(&self) -> &'static str {
        "spark_last_day"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Date32]
    }

    fn output(&self) -> DataType {
        DataType::Date32
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let dates = arguments[0].as_primitive::<Date32Type>();
        let last = dates.try_unary::<_, Date32Type, _>(|date| {
            let first = from_days(date).and_then(|date| date.with_day(1));
            let last = first.and_then(|first| move_months(first, 1)).and_then(|next| next.pred_opt());
            last.map(days).ok_or_else(beyond)
        })?;
        Ok(Arc::new(last))
    }
}

/// A day from its year, month and day; one that no calendar has is an error.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct MakeDate;

impl Kernel for MakeDate {
    fn name(&self) -> &'static str {
        "spark_make_date"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Int32; 3]
    }

    fn output(&self) -> DataType {
        DataType::Date32
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let parts: Vec<&Int32Array> = arguments.iter().map(|argument| argument.as_primitive::<Int32Type>()).collect();
        let one = |row: usize| {
            if parts.iter().any(|part| part.is_null(row)) {
                return Ok(None);
            }
            let [year, month, day] = [0, 1, 2].map(|index: usize| parts[index].value(row));
            let date = u32::try_from(month).ok().zip(u32::try_from(day).ok());
            let date = date.and_then(|(month, day)| NaiveDate::from_ymd_opt(year, month, day));
            date.map(|date| Some(days(date)))
                .ok_or_else(|| data_error(format!("there is no day {day} of month {month} of the year {year}")))
        };
        let dates = (0..arguments[0].len()).map(one).collect::<Result<PrimitiveArray<Date32Type>>>()?;
        Ok(Arc::new(dates))
    }
}
