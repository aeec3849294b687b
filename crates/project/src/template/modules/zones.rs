//! `modules.pytz`

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{FixedOffset, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;
use minijinja::value::{Object, ObjectRepr, Value, from_args};
use minijinja::{Error, ErrorKind, State};

use super::failed;
use super::instants::Instant;

/// A time zone.
#[derive(Debug)]
pub(super) struct Zone(Tz);

impl Zone {
    pub(super) const UTC: Self = Self(Tz::UTC);
}

/// How far a zone is from UTC at an instant of UTC.
pub(super) fn offset_at(zone: &Zone, utc: NaiveDateTime) -> FixedOffset {
    zone.0.offset_from_utc_datetime(&utc).fix()
}

/// How far a zone is from UTC when its clocks show a time; of two such times pytz takes the later, and so do we.
pub(super) fn offset_on(zone: &Zone, clock: NaiveDateTime) -> FixedOffset {
    match zone.0.offset_from_local_datetime(&clock).latest() {
        Some(offset) => offset.fix(),
        None => offset_at(zone, clock),
    }
}

impl Object for Zone {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str()? == "zone").then(|| Value::from(self.0.name()))
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "localize" => {
                let (clock,): (Value,) = from_args(args)?;
                let clock = clock.downcast_object_ref::<Instant>().and_then(|clock| clock.localized(self));
                clock.ok_or_else(|| failed("`localize` takes a time that has no zone yet"))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

/// `modules.pytz`, and the zones of `modules.datetime.timezone`.
#[derive(Debug)]
pub(super) struct Pytz;

impl Object for Pytz {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        matches!(key.as_str()?, "utc" | "UTC").then(|| Value::from_object(Zone::UTC))
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "timezone" => {
                let (name,): (&str,) = from_args(args)?;
                let zone = Tz::from_str(name).map_err(|_| failed(format!("no time zone is named `{name}`")))?;
                Ok(Value::from_object(Zone(zone)))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}
