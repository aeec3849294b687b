//! The values of flags.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

use super::Plot;

pub(super) fn parse_threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads @ 1..=1024) => Ok(threads),
        _ => Err("expected a whole number from 1 to 1024".into()),
    }
}

pub(super) fn parse_duration(text: &str) -> Result<TimeDelta, String> {
    headwater_ops::duration(text).ok_or_else(|| "expected a duration, such as `7d` or `12h`".into())
}

pub(super) fn parse_instant(text: &str) -> Result<DateTime<Utc>, String> {
    let of_day = || Some(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_time(NaiveTime::MIN).and_utc());
    let with_zone = || DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
    let without = || {
        let formats = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];
        let at = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
        at.map(|at| at.and_utc())
    };
    of_day().or_else(with_zone).or_else(without).ok_or_else(|| {
        "expected an instant, in UTC unless it says another zone: `2026-01-31`, `2026-01-31 12:00`".into()
    })
}

pub(super) fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a number from 0 to 1, such as 0.01".into()),
    }
}

pub(super) fn parse_plot(text: &str) -> Result<Plot, String> {
    let expected = || "expected `bar:x,y`: the column of labels, then the column of values".to_owned();
    let (kind, columns) = text.split_once(':').ok_or_else(expected)?;
    let (x, y) = columns.split_once(',').ok_or_else(expected)?;
    let (x, y) = (x.trim(), y.trim());
    if kind.trim() != "bar" || x.is_empty() || y.is_empty() || y.contains(',') {
        return Err(expected());
    }
    Ok(Plot { x: x.to_owned(), y: y.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_utc_unless_it_says_another_zone() {
        for text in ["2026-01-31T10:30:00Z", "2026-01-31T12:30:00+02:00", "2026-01-31 10:30", "2026-01-31T10:30:00"] {
            assert_eq!(parse_instant(text).unwrap().to_rfc3339(), "2026-01-31T10:30:00+00:00", "{text}");
        }
        assert_eq!(parse_instant("2026-01-31").unwrap().to_rfc3339(), "2026-01-31T00:00:00+00:00");
        for wrong in ["yesterday", "2026-13-01", "10:30", ""] {
            assert!(parse_instant(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_duration("1d12h").unwrap(), TimeDelta::hours(36));
        assert!(parse_duration("7").is_err());
    }

    #[test]
    fn a_plot_names_two_columns() {
        assert_eq!(
            parse_plot("bar:brand, total_revenue").unwrap(),
            Plot { x: "brand".into(), y: "total_revenue".into() }
        );
        for wrong in ["bar", "bar:x", "line:x,y", "bar:x,", "bar:x,y,z"] {
            assert!(parse_plot(wrong).is_err(), "{wrong}");
        }
    }
}
