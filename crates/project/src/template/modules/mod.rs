//! `modules`: the parts of Python's library that dbt's templates use.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use minijinja::Error;
use minijinja::value::{Object, ObjectRepr, Value};

use super::value::{failed, items, own};

mod dates;
mod instants;
mod itertools;
mod regex;
mod spans;
mod zones;

use spans::Span;

/// `modules`, at that time: a rendering has no clock of its own, so that it can be repeated.
pub(super) fn value(now: DateTime<Utc>) -> Value {
    Value::from_object(Modules(now))
}

/// An instant, for `run_started_at`.
pub(super) fn instant(at: DateTime<Utc>) -> Value {
    instants::Instant::utc(at)
}

#[derive(Debug)]
struct Modules(DateTime<Utc>);

impl Object for Modules {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "datetime" => Value::from_object(DatetimeModule(self.0)),
            "pytz" => Value::from_object(zones::Pytz),
            "re" => Value::from_object(regex::Re),
            "itertools" => Value::from_object(itertools::Itertools),
            _ => return None,
        })
    }
}

/// `modules.datetime`
#[derive(Debug)]
struct DatetimeModule(DateTime<Utc>);

impl Object for DatetimeModule {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "datetime" => Value::from_object(instants::InstantClass(self.0)),
            "date" => Value::from_object(dates::DayClass(self.0)),
            "timedelta" => Value::from_object(spans::SpanClass),
            "timezone" => Value::from_object(zones::Pytz),
            _ => return None,
        })
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut minijinja::State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match self.get_value(&Value::from(method)) {
            Some(class) => class.call(state, args),
            None => Err(Error::from(minijinja::ErrorKind::UnknownMethod)),
        }
    }
}

/// Python's `+`, for texts that name `timedelta`.
pub(super) fn add(left: &Value, right: &Value) -> Result<Value, Error> {
    match (left.downcast_object_ref::<Span>(), right.downcast_object_ref::<Span>()) {
        (Some(left), Some(right)) => return Ok(Value::from_object(Span(left.0 + right.0))),
        (None, Some(span)) => return move_by(left, span.0),
        (Some(span), None) => return move_by(right, span.0),
        (None, None) => {}
    }
    if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
        return Ok(Value::from(format!("{left}{right}")));
    }
    if let (Some(_), Some(_)) = (left.as_object(), right.as_object()) {
        let mut all = items(left)?;
        all.extend(items(right)?);
        return Ok(own(&Value::from(all)));
    }
    calculate(left, right, "+", i64::checked_add, |left, right| left + right)
}

/// Python's `-`, for texts that name `timedelta`.
pub(super) fn subtract(left: &Value, right: &Value) -> Result<Value, Error> {
    match (left.downcast_object_ref::<Span>(), right.downcast_object_ref::<Span>()) {
        (Some(left), Some(right)) => return Ok(Value::from_object(Span(left.0 - right.0))),
        (None, Some(span)) => return move_by(left, -span.0),
        (_, None) => {}
    }
    if let (Some(left), Some(right)) = (instants::instant_of(left), instants::instant_of(right)) {
        return Ok(Value::from_object(Span(left - right)));
    }
    calculate(left, right, "-", i64::checked_sub, |left, right| left - right)
}

fn move_by(value: &Value, span: chrono::TimeDelta) -> Result<Value, Error> {
    let moved = dates::moved(value, span).or_else(|| instants::moved(value, span));
    moved.ok_or_else(|| failed(format!("expected a date beside a `timedelta`, found a {}", value.kind())))
}

fn calculate(
    left: &Value,
    right: &Value,
    operator: &str,
    whole: fn(i64, i64) -> Option<i64>,
    fraction: fn(f64, f64) -> f64,
) -> Result<Value, Error> {
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
        let given = whole(left, right);
        return given.map(Value::from).ok_or_else(|| failed(format!("unable to calculate {left} {operator} {right}")));
    }
    match (f64::try_from(left.clone()), f64::try_from(right.clone())) {
        (Ok(left), Ok(right)) => Ok(Value::from(fraction(left, right))),
        _ => Err(failed(format!(
            "tried to use {operator} operator on unsupported types {} and {}",
            left.kind(),
            right.kind()
        ))),
    }
}
