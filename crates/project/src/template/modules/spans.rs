//! `modules.datetime.timedelta`

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use chrono::TimeDelta;
use minijinja::value::{DynObject, Kwargs, Object, ObjectRepr, Rest, Value, from_args};
use minijinja::{Error, ErrorKind, State};

use super::failed;

/// The microseconds of each unit.
const UNITS: [(&str, f64); 7] = [
    ("days", 86_400e6),
    ("seconds", 1e6),
    ("microseconds", 1.0),
    ("milliseconds", 1e3),
    ("minutes", 60e6),
    ("hours", 3_600e6),
    ("weeks", 604_800e6),
];

/// A length of time.
#[derive(Debug)]
pub(super) struct Span(pub(super) TimeDelta);

impl Object for Span {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let micros = self.0.num_microseconds()?;
        Some(Value::from(match key.as_str()? {
            "days" => micros.div_euclid(86_400_000_000),
            "seconds" => micros.rem_euclid(86_400_000_000) / 1_000_000,
            "microseconds" => micros.rem_euclid(1_000_000),
            _ => return None,
        }))
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.0.cmp(&other.downcast_ref::<Self>()?.0))
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, _: &[Value]) -> Result<Value, Error> {
        match (method, self.0.num_microseconds()) {
            ("total_seconds", Some(micros)) => Ok(Value::from(micros as f64 / 1e6)),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.num_microseconds().unwrap_or_default();
        let (days, rest) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
        if days != 0 {
            write!(f, "{days} day{}, ", if days.abs() == 1 { "" } else { "s" })?;
        }
        let seconds = rest / 1_000_000;
        write!(f, "{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        match rest % 1_000_000 {
            0 => Ok(()),
            micros => write!(f, ".{micros:06}"),
        }
    }
}

/// `modules.datetime.timedelta(days=1, …)`
#[derive(Debug)]
pub(super) struct SpanClass;

impl Object for SpanClass {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let mut micros = 0.0;
        for (place, (unit, size)) in UNITS.iter().enumerate() {
            let count = given.get(place).cloned().or(named.get::<Option<Value>>(unit)?);
            if let Some(count) = count {
                micros += f64::try_from(count)? * size;
            }
        }
        named.assert_all_used()?;
        // Beyond this, not even a year has a name.
        if !micros.is_finite() || micros.abs() > 9e17 {
            return Err(failed("the `timedelta` is too long"));
        }
        Ok(Value::from_object(Span(TimeDelta::microseconds(micros.round() as i64))))
    }
}
