//! Dates and timestamps as text, in the Spark datetime pattern of the contract.

const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

/// A pattern, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TimeFormat(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(u8),
    /// A field and how many digits it has at least.
    Field(Field, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Year,
    ShortYear,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    /// As many digits of the fraction as the pattern has letters.
    Fraction,
}

impl TimeFormat {
    /// ISO 8601 as Spark writes it: `2024-05-31`, and with a time `2024-05-31 08:05:00`.
    pub(super) fn iso(with_time: bool) -> Self {
        let pattern = if with_time { "yyyy-MM-dd HH:mm:ss" } else { "yyyy-MM-dd" };
        Self::parse(pattern).unwrap_or(Self(Vec::new()))
    }

    /// Takes a Spark datetime pattern apart; the letter that this generator cannot write is the error.
    pub(super) fn parse(pattern: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = pattern;
        while let Some(letter) = rest.chars().next() {
            if letter == '\'' {
                rest = Self::quoted(&rest[1..], &mut parts)?;
                continue;
            }
            let length = rest.chars().take_while(|other| *other == letter).count();
            let field = match (letter, length) {
                ('y' | 'u', 2) => Field::ShortYear,
                ('y' | 'u', _) => Field::Year,
                ('M' | 'L', 1 | 2) => Field::Month,
                ('d', 1 | 2) => Field::Day,
                ('H', 1 | 2) => Field::Hour,
                ('m', 1 | 2) => Field::Minute,
                ('s', 1 | 2) => Field::Second,
                ('S', 1..=6) => Field::Fraction,
                _ if letter.is_ascii_alphabetic() || !letter.is_ascii() || "[]{}#".contains(letter) => {
                    return Err(letter.to_string().repeat(length));
                }
                _ => {
                    parts.extend(std::iter::repeat_n(Part::Literal(letter as u8), length));
                    rest = &rest[length..];
                    continue;
                }
            };
            parts.push(Part::Field(field, length));
            rest = &rest[length..];
        }
        Ok(Self(parts))
    }

    /// Reads to the closing quote of a literal; two quotes are one.
    fn quoted<'a>(text: &'a str, parts: &mut Vec<Part>) -> Result<&'a str, String> {
        if let Some(rest) = text.strip_prefix('\'') {
            parts.push(Part::Literal(b'\''));
            return Ok(rest);
        }
        let (literal, rest) = text.split_once('\'').ok_or_else(|| "'".to_owned())?;
        parts.extend(literal.bytes().map(Part::Literal));
        Ok(rest)
    }

    /// Appends an instant, given in microseconds since 1970 in UTC.
    pub(super) fn write(&self, microseconds: i64, out: &mut Vec<u8>) {
        let (year, month, day) = civil(microseconds.div_euclid(MICROSECONDS_A_DAY));
        let time = microseconds.rem_euclid(MICROSECONDS_A_DAY) as u64;
        let seconds = time / 1_000_000;
        for part in &self.0 {
            match *part {
                Part::Literal(byte) => out.push(byte),
                Part::Field(Field::Year, width) => digits(year.unsigned_abs(), width, out),
                Part::Field(Field::ShortYear, _) => digits(year.unsigned_abs() % 100, 2, out),
                Part::Field(Field::Month, width) => digits(month, width, out),
                Part::Field(Field::Day, width) => digits(day, width, out),
                Part::Field(Field::Hour, width) => digits(seconds / 3600, width, out),
                Part::Field(Field::Minute, width) => digits(seconds / 60 % 60, width, out),
                Part::Field(Field::Second, width) => digits(seconds % 60, width, out),
                Part::Field(Field::Fraction, width) => {
                    digits(time % 1_000_000 / 10_u64.pow(6 - width as u32), width, out);
                }
            }
        }
    }
}

/// Appends a number, filled up with zeros on the left.
pub(super) fn digits(mut number: u64, width: usize, out: &mut Vec<u8>) {
    let mut reversed = [b'0'; 20];
    let mut length = 0;
    while number > 0 {
        reversed[length] = b'0' + (number % 10) as u8;
        number /= 10;
        length += 1;
    }
    out.extend(reversed[..length.max(width.min(20))].iter().rev());
}

/// Year, month and day of a day counted from 1970 (Howard Hinnant, 'chrono-compatible low-level date algorithms',
/// `civil_from_days`).
fn civil(days: i64) -> (i64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u64;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 } as u64;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Datelike};

    use super::*;

    fn text(pattern: &str, microseconds: i64) -> String {
        let mut out = Vec::new();
        TimeFormat::parse(pattern).unwrap().write(microseconds, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn patterns_are_written_as_spark_reads_them() {
        let instant = DateTime::parse_from_rfc3339("2024-03-05T07:08:09.012345Z").unwrap().timestamp_micros();
        for (pattern, expected) in [
            ("dd-MM-yyyy HH:mm:ss", "05-03-2024 07:08:09"),
            ("d/M/yy H:mm", "5/3/24 7:08"),
            ("yyyy-MM-dd'T'HH:mm:ss.SSS", "2024-03-05T07:08:09.012"),
            ("yyyyMMdd''SSSSSS", "20240305'012345"),
        ] {
            assert_eq!(text(pattern, instant), expected);
        }
        assert_eq!(TimeFormat::parse("dd MMM yyyy"), Err("MMM".to_owned()));
        assert_eq!(TimeFormat::parse("yyyy 'at"), Err("'".to_owned()));
    }

    #[test]
    fn the_calendar_is_that_of_chrono() {
        for days in (-800_000..800_000).step_by(373) {
            let date = DateTime::from_timestamp(days * 86_400, 0).unwrap();
            assert_eq!(civil(days), (i64::from(date.year()), u64::from(date.month()), u64::from(date.day())));
        }
    }
}
