//! Days and instants moved and measured, in UTC.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, PrimitiveArray};
use arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type, IntervalMonthDayNano, TimestampMicrosecondType};
use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeDelta, Timelike};
use datafusion::common::Result;
use datafusion::logical_expr::Expr;
use headwater_plan::DataType as SparkType;

use super::calendar::{Unit, instant};
use super::time_text::{beyond, days, from_days, utc};
use super::{Kernel, call};
use crate::error::SqlError;
use crate::typing::call::Typed;

/// A day some days later, or earlier.
pub(crate) fn add_days(date: &Typed, count: &Typed, earlier: bool) -> std::result::Result<Expr, SqlError> {
    Ok(call(AddDays { earlier }, vec![date.cast(&SparkType::Date)?, count.cast(&SparkType::Int)?]))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct AddDays {
    earlier: bool,
}

impl Kernel for AddDays {
    fn name(&self) -> &'static str {
        if self.earlier { "spark_date_sub" } else { "spark_date_add" }
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Date32, DataType::Int32]
    }

    fn output(&self) -> DataType {
        DataType::Date32
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let (dates, counts) = (arguments[0].as_primitive::<Date32Type>(), arguments[1].as_primitive::<Int32Type>());
        let moved: PrimitiveArray<Date32Type> = arrow::compute::binary(dates, counts, |date, count| {
            // Spark lets days wrap around, too.
            if self.earlier { date.wrapping_sub(count) } else { date.wrapping_add(count) }
        })?;
        Ok(Arc::new(moved))
    }
}

/// A day or an instant moved by an interval: first its months, then its days, then the rest.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shift {
    pub(crate) data_type: DataType,
    pub(crate) interval: IntervalMonthDayNano,
}

impl Kernel for Shift {
    fn name(&self) -> &'static str {
        "spark_add_interval"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![self.data_type.clone()]
    }

    fn output(&self) -> DataType {
        self.data_type.clone()
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        if self.data_type == DataType::Date32 {
            let dates = arguments[0].as_primitive::<Date32Type>();
            let moved = dates.try_unary::<_, Date32Type, _>(|date| {
                let moved = from_days(date).and_then(|date| self.move_day(date));
                moved.map(days).ok_or_else(beyond)
            })?;
            return Ok(Arc::new(moved));
        }
        let instants = arguments[0].as_primitive::<TimestampMicrosecondType>();
        let moved = instants.try_unary::<_, TimestampMicrosecondType, _>(|micros| {
            utc(micros).and_then(|instant| self.move_instant(instant)).ok_or_else(beyond)
        })?;
        Ok(Arc::new(moved.with_data_type(self.data_type.clone())))
    }
}

impl Shift {
    fn move_day(&self, date: NaiveDate) -> Option<NaiveDate> {
        move_days(move_months(date, i64::from(self.interval.months))?, i64::from(self.interval.days))
    }

    fn move_instant(&self, instant: NaiveDateTime) -> Option<i64> {
        let moved = self.move_day(instant.date())?.and_time(instant.time());
        moved.and_utc().timestamp_micros().checked_add(self.interval.nanoseconds / 1000)
    }
}

/// A day, as a number, moved by an interval without a time of day.
pub(super) fn shift_day(date: i32, interval: IntervalMonthDayNano) -> Result<i32> {
    let shift = Shift { data_type: DataType::Date32, interval };
    from_days(date).and_then(|date| shift.move_day(date)).map(days).ok_or_else(beyond)
}

/// An instant, in microseconds, moved by an interval.
pub(super) fn shift_instant(micros: i64, interval: IntervalMonthDayNano) -> Result<i64> {
    let shift = Shift { data_type: instant(), interval };
    utc(micros).and_then(|instant| shift.move_instant(instant)).ok_or_else(beyond)
}

pub(super) fn move_months(date: NaiveDate, months: i64) -> Option<NaiveDate> {
    let count = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
    if months >= 0 { date.checked_add_months(count) } else { date.checked_sub_months(count) }
}

fn move_days(date: NaiveDate, count: i64) -> Option<NaiveDate> {
    let days = Days::new(count.unsigned_abs());
    if count >= 0 { date.checked_add_days(days) } else { date.checked_sub_days(days) }
}

/// A day some months later; a day that its month does not have becomes the month's last.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct AddMonths;

impl Kernel for AddMonths {
    fn name(&self) -> &'static str {
        "spark_add_months"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Date32, DataType::Int32]
    }

    fn output(&self) -> DataType {
        DataType::Date32
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let (dates, counts) = (arguments[0].as_primitive::<Date32Type>(), arguments[1].as_primitive::<Int32Type>());
        let moved = dates.iter().zip(counts).map(|pair| match pair {
            (Some(date), Some(count)) => {
                let moved = from_days(date).and_then(|date| move_months(date, i64::from(count)));
                moved.map(|date| Some(days(date))).ok_or_else(beyond)
            }
            _ => Ok(None),
        });
        Ok(Arc::new(moved.collect::<Result<PrimitiveArray<Date32Type>>>()?))
    }
}

/// Whole units between two instants, towards zero.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct UnitsBetween {
    pub(crate) unit: Unit,
}

impl Kernel for UnitsBetween {
    fn name(&self) -> &'static str {
        "spark_timestampdiff"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![instant(), instant()]
    }

    fn output(&self) -> DataType {
        DataType::Int64
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let starts = arguments[0].as_primitive::<TimestampMicrosecondType>();
        let ends = arguments[1].as_primitive::<TimestampMicrosecondType>();
        let between = starts.iter().zip(ends).map(|pair| match pair {
            (Some(start), Some(end)) => self.between(start, end).map(Some).ok_or_else(beyond),
            _ => Ok(None),
        });
        Ok(Arc::new(between.collect::<Result<Int64Array>>()?))
    }
}

impl UnitsBetween {
    fn between(&self, start: i64, end: i64) -> Option<i64> {
        if let Some(micros) = self.unit.micros() {
            return Some(end.checked_sub(start)? / micros);
        }
        let (start, end) = (utc(start)?, utc(end)?);
        let month = |instant: NaiveDateTime| i64::from(instant.year()) * 12 + i64::from(instant.month0());
        let rest = |instant: NaiveDateTime| (instant.day(), instant.time());
        let mut months = month(end) - month(start);
        if months > 0 && rest(end) < rest(start) {
            months -= 1;
        } else if months < 0 && rest(end) > rest(start) {
            months += 1;
        }
        Some(months / self.unit.months())
    }
}

/// An instant so many units later.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct AddUnits {
    pub(crate) unit: Unit,
}

impl Kernel for AddUnits {
    fn name(&self) -> &'static str {
        "spark_timestampadd"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Int64, instant()]
    }

    fn output(&self) -> DataType {
        instant()
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let counts = arguments[0].as_primitive::<Int64Type>();
        let instants = arguments[1].as_primitive::<TimestampMicrosecondType>();
        let moved = counts.iter().zip(instants).map(|pair| match pair {
            (Some(count), Some(instant)) => self.moved(count, instant).map(Some).ok_or_else(beyond),
            _ => Ok(None),
        });
        let moved = moved.collect::<Result<PrimitiveArray<TimestampMicrosecondType>>>()?;
        Ok(Arc::new(moved.with_data_type(instant())))
    }
}

impl AddUnits {
    fn moved(&self, count: i64, micros: i64) -> Option<i64> {
        if let Some(unit) = self.unit.micros() {
            return micros.checked_add(count.checked_mul(unit)?);
        }
        let instant = utc(micros)?;
        let moved = move_months(instant.date(), count.checked_mul(self.unit.months())?)?;
        Some(moved.and_time(instant.time()).and_utc().timestamp_micros())
    }
}

/// Months between two instants, a part of a month counted in 31sts, rounded to 8 digits.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct MonthsBetween;

impl Kernel for MonthsBetween {
    fn name(&self) -> &'static str {
        "spark_months_between"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![instant(), instant()]
    }

    fn output(&self) -> DataType {
        DataType::Float64
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let ends = arguments[0].as_primitive::<TimestampMicrosecondType>();
        let starts = arguments[1].as_primitive::<TimestampMicrosecondType>();
        let between = ends.iter().zip(starts).map(|pair| match pair {
            (Some(end), Some(start)) => {
                utc(end).zip(utc(start)).map(|(end, start)| Some(months(end, start))).ok_or_else(beyond)
            }
            _ => Ok(None),
        });
        Ok(Arc::new(between.collect::<Result<arrow::array::Float64Array>>()?))
    }
}

/// `DateTimeUtils.monthsBetween`.
fn months(end: NaiveDateTime, start: NaiveDateTime) -> f64 {
    let is_last = |instant: NaiveDateTime| (instant.date() + TimeDelta::days(1)).day() == 1;
    let whole = f64::from((end.year() - start.year()) * 12 + end.month().cast_signed() - start.month().cast_signed());
    if end.day() == start.day() || (is_last(end) && is_last(start)) {
        return whole;
    }
    let seconds =
        |instant: NaiveDateTime| i64::from(instant.day()) * 86_400 + i64::from(instant.num_seconds_from_midnight());
    let part = (seconds(end) - seconds(start)) as f64 / (31.0 * 86_400.0);
    ((whole + part) * 1e8).round() / 1e8
}
