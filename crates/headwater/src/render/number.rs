//! Numbers, sizes and times as people read them.

use chrono::{DateTime, Utc};

/// `20,080`.
pub(crate) fn count(number: u64) -> String {
    group(&number.to_string())
}

/// A number's text with its whole part in groups of three: `-1234.50` as `-1,234.50`.
pub(crate) fn group(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, rest) = digits.find('.').map_or((digits, ""), |point| digits.split_at(point));
    if !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.to_owned();
    }
    let mut grouped = String::from(sign);
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

/// `1 file`, `2 files`, `20,080 rows`.
pub(crate) fn counted(number: u64, one: &str) -> String {
    let many = match one {
        "query" => "queries".to_owned(),
        "batch" => "batches".to_owned(),
        _ => format!("{one}s"),
    };
    format!("{} {}", count(number), if number == 1 { one } else { &many })
}

/// A size in decimal units: `512 B`, `1.2 MB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "one digit after the point is shown")]
    let mut size = bytes as f64 / 1000.0;
    let mut unit = 0;
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    if size < 9.95 { format!("{size:.1} {}", UNITS[unit]) } else { format!("{size:.0} {}", UNITS[unit]) }
}

/// A time taken: `0.03s`, `12.4s`, `2m 05s`, `1h 02m`.
pub(crate) fn seconds(milliseconds: u64) -> String {
    let whole = milliseconds / 1000;
    match whole {
        0..10 => format!("{}.{:02}s", whole, milliseconds % 1000 / 10),
        10..60 => format!("{}.{}s", whole, milliseconds % 1000 / 100),
        60..3600 => format!("{}m {:02}s", whole / 60, whole % 60),
        _ => format!("{}h {:02}m", whole / 3600, whole / 60 % 60),
    }
}

/// An instant, to the second, in UTC.
pub(crate) fn instant(instant: DateTime<Utc>) -> String {
    instant.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// The first twelve digits of a run's id: its start to the millisecond, which tells runs apart.
pub(crate) fn short_id(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(count(7), "7");
        assert_eq!(count(20_080), "20,080");
        assert_eq!(group("-1234567.80"), "-1,234,567.80");
        assert_eq!(group("NaN"), "NaN");
        assert_eq!(group("1e20"), "1e20");
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(2000, "row"), "2,000 rows");
    }

    #[test]
    fn sizes_and_times_keep_two_or_three_digits() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_250), "1.2 kB");
        assert_eq!(bytes(999_990), "1.0 MB");
        assert_eq!(bytes(452_000_000), "452 MB");
        assert_eq!(seconds(34), "0.03s");
        assert_eq!(seconds(12_440), "12.4s");
        assert_eq!(seconds(125_000), "2m 05s");
        assert_eq!(seconds(3_725_000), "1h 02m");
    }
}
