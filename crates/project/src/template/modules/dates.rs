//! `modules.datetime.date`

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use minijinja::value::{DynObject, Kwargs, Object, ObjectRepr, Rest, Value, from_args};
use minijinja::{Error, ErrorKind, State};

use super::failed;
use super::instants::strftime;

/// A day.
#[derive(Debug)]
pub(super) struct Day(pub(super) NaiveDate);

/// A day, moved by whole days.
pub(super) fn moved(value: &Value, span: TimeDelta) -> Option<Value> {
    let day = value.downcast_object_ref::<Day>()?;
    let days = TimeDelta::days(span.num_microseconds()?.div_euclid(86_400_000_000));
    day.0.checked_add_signed(days).map(|day| Value::from_object(Day(day)))
}

/// The attributes that a day has, and an instant too.
pub(super) fn part(day: &impl Datelike, key: &str) -> Option<Value> {
    Some(match key {
        "year" => Value::from(day.year()),
        "month" => Value::from(day.month()),
        "day" => Value::from(day.day()),
        _ => return None,
    })
}

/// The methods that a day has, and an instant too.
pub(super) fn part_method(day: &impl Datelike, method: &str) -> Option<Value> {
    Some(match method {
        "weekday" => Value::from(day.weekday().num_days_from_monday()),
        "isoweekday" => Value::from(day.weekday().number_from_monday()),
        "toordinal" => Value::from(day.num_days_from_ce()),
        _ => return None,
    })
}

/// The parts of a day that a call names: year, month, day.
pub(super) fn numbers<const N: usize>(
    given: &[Value],
    named: &Kwargs,
    names: [&str; N],
    defaults: [Option<u32>; N],
) -> Result<[u32; N], Error> {
    let mut numbers = [0; N];
    for (place, number) in numbers.iter_mut().enumerate() {
        let value = given.get(place).cloned().or(named.get::<Option<Value>>(names[place])?);
        *number = match (value, defaults[place]) {
            (Some(value), _) => u32::try_from(value)?,
            (None, Some(default)) => default,
            (None, None) => return Err(failed(format!("the argument `{}` is needed", names[place]))),
        };
    }
    Ok(numbers)
}

impl Object for Day {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        part(&self.0, key.as_str()?)
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.0.cmp(&other.downcast_ref::<Self>()?.0))
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "strftime" => {
                let (format,): (&str,) = from_args(args)?;
                strftime(self.0.format(format), format)
            }
            "isoformat" => Ok(Value::from(self.0.to_string())),
            "replace" => {
                let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
                let now = [self.0.year().unsigned_abs(), self.0.month(), self.0.day()].map(Some);
                let [year, month, day] = numbers(&given, &named, ["year", "month", "day"], now)?;
                day_of(year, month, day)
            }
            _ => part_method(&self.0, method).ok_or_else(|| Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

fn day_of(year: u32, month: u32, day: u32) -> Result<Value, Error> {
    let found = i32::try_from(year).ok().and_then(|year| NaiveDate::from_ymd_opt(year, month, day));
    let wrong = || failed(format!("there is no day {year}-{month}-{day}"));
    found.map(|day| Value::from_object(Day(day))).ok_or_else(wrong)
}

/// `modules.datetime.date`
#[derive(Debug)]
pub(super) struct DayClass(pub(super) DateTime<Utc>);

impl Object for DayClass {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let [year, month, day] = numbers(&given, &named, ["year", "month", "day"], [None; 3])?;
        day_of(year, month, day)
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "today" => Ok(Value::from_object(Day(self.0.date_naive()))),
            "fromisoformat" => {
                let (text,): (&str,) = from_args(args)?;
                let day = text.parse::<NaiveDate>().map_err(|_| failed(format!("`{text}` is no day")))?;
                Ok(Value::from_object(Day(day)))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}
