//! `modules.datetime.datetime`

use std::cmp::Ordering;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use chrono::{
    DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Timelike, Utc,
};
use minijinja::value::{DynObject, Kwargs, Object, ObjectRepr, Rest, Value, from_args};
use minijinja::{Error, ErrorKind, State};

use super::dates::{Day, numbers, part, part_method};
use super::failed;
use super::zones::{Zone, offset_at, offset_on};

const PARTS: [&str; 7] = ["year", "month", "day", "hour", "minute", "second", "microsecond"];
/// The forms that `fromisoformat` reads.
const ISO: [&str; 4] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];

/// A time of day on a day, perhaps of a zone.
#[derive(Debug, Clone)]
pub(super) struct Instant {
    at: NaiveDateTime,
    zone: Option<FixedOffset>,
}

impl Instant {
    pub(super) fn utc(at: DateTime<Utc>) -> Value {
        Value::from_object(Self { at: at.naive_utc(), zone: Some(Utc.fix()) })
    }

    fn zoned(at: DateTime<FixedOffset>) -> Self {
        Self { at: at.naive_local(), zone: Some(*at.offset()) }
    }

    /// The same clock in a zone: what pytz calls `localize`.
    pub(super) fn localized(&self, zone: &Zone) -> Option<Value> {
        self.zone.is_none().then(|| Value::from_object(Self { at: self.at, zone: Some(offset_on(zone, self.at)) }))
    }

    fn naive(at: NaiveDateTime) -> Value {
        Value::from_object(Self { at, zone: None })
    }

    /// The instant in UTC; one without a zone is in UTC already.
    fn in_utc(&self) -> NaiveDateTime {
        self.at - TimeDelta::seconds(self.zone.map_or(0, |zone| i64::from(zone.local_minus_utc())))
    }

    fn in_zone(&self, zone: &Zone) -> Self {
        let utc = self.in_utc();
        let offset = offset_at(zone, utc);
        Self { at: utc + TimeDelta::seconds(i64::from(offset.local_minus_utc())), zone: Some(offset) }
    }

    fn iso(&self, separator: char) -> String {
        let fraction = if self.at.nanosecond() == 0 { "" } else { "%.6f" };
        let text = self.at.format(&format!("%Y-%m-%d{separator}%H:%M:%S{fraction}")).to_string();
        match self.zone {
            Some(zone) => format!("{text}{zone}"),
            None => text,
        }
    }

    fn strftime(&self, format: &str) -> Result<Value, Error> {
        // Python's `%f` is microseconds, chrono's nanoseconds; Python's `%z` of no zone is nothing.
        let format = format.replace("%f", "%6f");
        match self.zone {
            Some(zone) => {
                let at = zone.from_utc_datetime(&self.in_utc());
                strftime(at.format(&format), &format)
            }
            None => {
                let format = format.replace("%z", "").replace("%Z", "");
                strftime(self.at.format(&format), &format)
            }
        }
    }
}

/// A text in a format of Python's, or the error of a format that is none.
pub(super) fn strftime(text: impl fmt::Display, format: &str) -> Result<Value, Error> {
    let mut written = String::new();
    match write!(written, "{text}") {
        Ok(()) => Ok(Value::from(written)),
        Err(_) => Err(failed(format!("`{format}` is no format of a time"))),
    }
}

/// The instant that a day or an instant is, for differences.
pub(super) fn instant_of(value: &Value) -> Option<NaiveDateTime> {
    if let Some(day) = value.downcast_object_ref::<Day>() {
        return Some(day.0.and_time(NaiveTime::MIN));
    }
    value.downcast_object_ref::<Instant>().map(Instant::in_utc)
}

/// An instant, moved.
pub(super) fn moved(value: &Value, span: TimeDelta) -> Option<Value> {
    let instant = value.downcast_object_ref::<Instant>()?;
    let at = instant.at.checked_add_signed(span)?;
    Some(Value::from_object(Instant { at, zone: instant.zone }))
}

impl Object for Instant {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        Some(match key {
            "hour" => Value::from(self.at.hour()),
            "minute" => Value::from(self.at.minute()),
            "second" => Value::from(self.at.second()),
            "microsecond" => Value::from(self.at.nanosecond() / 1000),
            "tzinfo" => self.zone.map_or_else(super::super::value::none, |zone| Value::from(zone.to_string())),
            _ => return part(&self.at, key),
        })
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.in_utc().cmp(&other.downcast_ref::<Self>()?.in_utc()))
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        Ok(match method {
            "strftime" => {
                let (format,): (&str,) = from_args(args)?;
                return self.strftime(format);
            }
            "isoformat" => {
                let (separator,): (Option<&str>,) = from_args(args)?;
                Value::from(self.iso(separator.and_then(|text| text.chars().next()).unwrap_or('T')))
            }
            "date" => Value::from_object(Day(self.at.date())),
            "time" => Value::from(self.at.time().to_string()),
            "timestamp" => Value::from(self.in_utc().and_utc().timestamp_micros() as f64 / 1e6),
            "astimezone" => {
                let (zone,): (Option<Value>,) = from_args(args)?;
                let zone = zone.unwrap_or_else(|| Value::from_object(Zone::UTC));
                let zone = zone.downcast_object_ref::<Zone>().ok_or_else(|| failed("expected a time zone"))?;
                Value::from_object(self.in_zone(zone))
            }
            "replace" => return self.replaced(args),
            _ => {
                return part_method(&self.at, method).ok_or_else(|| Error::from(ErrorKind::UnknownMethod));
            }
        })
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso(' '))
    }
}

impl Instant {
    fn replaced(&self, args: &[Value]) -> Result<Value, Error> {
        let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let (day, time) = (self.at.date(), self.at.time());
        let now = [
            day.year().unsigned_abs(),
            day.month(),
            day.day(),
            time.hour(),
            time.minute(),
            time.second(),
            time.nanosecond() / 1000,
        ];
        let at = at(numbers(&given, &named, PARTS, now.map(Some))?)?;
        let zone = match named.get::<Option<Value>>("tzinfo")? {
            Some(zone) => zone.downcast_object_ref::<Zone>().map(|zone| offset_at(zone, at)),
            None => self.zone.filter(|_| !named.has("tzinfo")),
        };
        Ok(Value::from_object(Self { at, zone }))
    }
}

fn at([year, month, day, hour, minute, second, micro]: [u32; 7]) -> Result<NaiveDateTime, Error> {
    let found = i32::try_from(year)
        .ok()
        .and_then(|year| NaiveDate::from_ymd_opt(year, month, day))
        .and_then(|day| day.and_hms_micro_opt(hour, minute, second, micro));
    found.ok_or_else(|| failed(format!("there is no time {year}-{month}-{day} {hour}:{minute}:{second}")))
}

/// `modules.datetime.datetime`
#[derive(Debug)]
pub(super) struct InstantClass(pub(super) DateTime<Utc>);

impl Object for InstantClass {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let defaults = [None, None, None, Some(0), Some(0), Some(0), Some(0)];
        Ok(Instant::naive(at(numbers(&given, &named, PARTS, defaults)?)?))
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "now" => {
                let (zone,): (Option<Value>,) = from_args(args)?;
                let now = Instant { at: self.0.naive_utc(), zone: None };
                Ok(match zone.as_ref().and_then(|zone| zone.downcast_object_ref::<Zone>()) {
                    Some(zone) => Value::from_object(now.in_zone(zone)),
                    None => Value::from_object(now),
                })
            }
            "utcnow" | "today" => Ok(Instant::naive(self.0.naive_utc())),
            "strptime" => {
                let (text, format): (&str, &str) = from_args(args)?;
                parse(text, format)
                    .map(Instant::naive)
                    .ok_or_else(|| failed(format!("`{text}` does not match the format `{format}`")))
            }
            "fromisoformat" => {
                let (text,): (&str,) = from_args(args)?;
                let zoned = || DateTime::parse_from_rfc3339(text).ok().map(|at| Value::from_object(Instant::zoned(at)));
                ISO.iter()
                    .find_map(|format| parse(text, format))
                    .or_else(|| parse(text, "%Y-%m-%d"))
                    .map(Instant::naive)
                    .or_else(zoned)
                    .ok_or_else(|| failed(format!("`{text}` is no time")))
            }
            "fromtimestamp" | "utcfromtimestamp" => {
                let (seconds,): (f64,) = from_args(args)?;
                let at = DateTime::from_timestamp_micros((seconds * 1e6).round() as i64);
                at.map(|at| Instant::naive(at.naive_utc())).ok_or_else(|| failed(format!("`{seconds}` is no time")))
            }
            "combine" => {
                let (day, _time): (Value, Option<Value>) = from_args(args)?;
                let day = day.downcast_object_ref::<Day>().ok_or_else(|| failed("expected a date"))?;
                Ok(Instant::naive(day.0.and_time(NaiveTime::MIN)))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

/// A text in a format of Python's; what the format does not tell is zero.
fn parse(text: &str, format: &str) -> Option<NaiveDateTime> {
    let format = format.replace("%f", "%6f");
    NaiveDateTime::parse_from_str(text, &format)
        .or_else(|_| NaiveDate::parse_from_str(text, &format).map(|day| day.and_time(NaiveTime::MIN)))
        .or_else(|_| {
            NaiveDate::parse_from_str(&format!("{text}-01"), &format!("{format}-%d"))
                .map(|day| day.and_time(NaiveTime::MIN))
        })
        .ok()
}
