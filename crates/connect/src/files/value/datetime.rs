//! Days and instants, and the ISO text that stands for them when a column declares no `format`.

use super::number::trimmed;

pub(crate) const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Days since 1970-01-01 in the Gregorian calendar, extended backwards as Spark's is; `None` for days that are not.
/// (Howard Hinnant, `days_from_civil`.)
#[inline]
pub(crate) fn days(year: u32, month: u32, day: u32) -> Option<i32> {
    if !(1..=12).contains(&month) || day == 0 || day > 28 && day > days_of_month(year, month) {
        return None;
    }
    let year = year as i32 - i32::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = (month as i32 + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day as i32 - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

fn days_of_month(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

/// Microseconds since 1970-01-01T00:00:00 of a day and a time; `None` for times that are not.
#[inline]
pub(crate) fn micros(days: i32, hour: u32, minute: u32, second: u32, micros: u32) -> Option<i64> {
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = i64::from(days) * SECONDS_PER_DAY + i64::from(hour * 3600 + minute * 60 + second);
    Some(seconds * MICROS_PER_SECOND + i64::from(micros))
}

/// `yyyy-M-d`, blanks around dropped.
#[inline]
pub(crate) fn iso_date(bytes: &[u8]) -> Option<i32> {
    let mut text = Reader::new(trimmed(bytes));
    let day = text.date()?;
    text.is_done().then_some(day)
}

/// `yyyy-M-d[ T]H:m[:s[.fraction]][zone]` or `yyyy-M-d`, blanks around dropped. Without a zone it is UTC; with
/// `zones` off (`timestamp_ntz`), a zone is refused.
#[inline]
pub(crate) fn iso_timestamp(bytes: &[u8], zones: bool) -> Option<i64> {
    plain_timestamp(bytes).or_else(|| any_timestamp(bytes, zones))
}

/// `yyyy-MM-dd HH:mm:ss`, or with `T`: nearly every timestamp in a file.
#[inline]
fn plain_timestamp(bytes: &[u8]) -> Option<i64> {
    let b: &[u8; 19] = bytes.try_into().ok()?;
    let digit = |at: usize| u32::from(b[at].wrapping_sub(b'0'));
    let two = |at: usize| digit(at) * 10 + digit(at + 1);
    let digits = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18];
    let wrong = digits.iter().fold(false, |wrong, at| wrong | (digit(*at) > 9))
        | (b[4] != b'-')
        | (b[7] != b'-')
        | ((b[10] != b' ') & (b[10] != b'T'))
        | (b[13] != b':')
        | (b[16] != b':');
    if wrong {
        return None;
    }
    micros(days(two(0) * 100 + two(2), two(5), two(8))?, two(11), two(14), two(17), 0)
}

fn any_timestamp(bytes: &[u8], zones: bool) -> Option<i64> {
    let mut text = Reader::new(trimmed(bytes));
    let day = text.date()?;
    if text.is_done() {
        return micros(day, 0, 0, 0, 0);
    }
    if !(text.take(b' ') || text.take(b'T')) {
        return None;
    }
    let hour = text.number(1, 2)?;
    text.expect(b':')?;
    let minute = text.number(1, 2)?;
    let (mut second, mut fraction) = (0, 0);
    if text.take(b':') {
        second = text.number(1, 2)?;
        if text.take(b'.') {
            fraction = text.fraction(9)?;
        }
    }
    let offset = if text.is_done() {
        0
    } else if zones {
        text.zone()?
    } else {
        return None;
    };
    let local = micros(day, hour, minute, second, fraction)?;
    text.is_done().then(|| local - i64::from(offset) * MICROS_PER_SECOND)
}

/// Takes text from the front.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        match self.rest {
            [first, rest @ ..] if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }

    /// Text in any case of its ASCII letters.
    pub(crate) fn literal(&mut self, text: &str) -> Option<()> {
        let (head, rest) = self.rest.split_at_checked(text.len())?;
        if !head.eq_ignore_ascii_case(text.as_bytes()) {
            return None;
        }
        self.rest = rest;
        Some(())
    }

    /// A number of `least` to `most` digits, as many as there are.
    #[inline]
    pub(crate) fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let (mut value, mut count) = (0, 0);
        while let [first, rest @ ..] = self.rest {
            let digit = first.wrapping_sub(b'0');
            if digit > 9 || count == most {
                break;
            }
            value = value * 10 + u32::from(digit);
            count += 1;
            self.rest = rest;
        }
        (count >= least).then_some(value)
    }

    /// 1 to `most` digits of a fraction of a second, in microseconds; what is finer is cut, as Spark cuts it.
    pub(crate) fn fraction(&mut self, most: usize) -> Option<u32> {
        let before = self.rest.len();
        let value = self.number(1, most.min(9))?;
        let digits = (before - self.rest.len()) as u32;
        Some(if digits <= 6 { value * 10u32.pow(6 - digits) } else { value / 10u32.pow(digits - 6) })
    }

    #[inline]
    fn date(&mut self) -> Option<i32> {
        let year = self.number(4, 4)?;
        self.expect(b'-')?;
        let month = self.number(1, 2)?;
        self.expect(b'-')?;
        let day = self.number(1, 2)?;
        days(year, month, day)
    }

    /// `Z`, `UTC`, `GMT` or an offset, after at most one blank, in seconds.
    fn zone(&mut self) -> Option<i32> {
        self.take(b' ');
        if self.take(b'Z') || matches!(self.rest, b"UTC" | b"GMT") {
            if self.rest.len() == 3 {
                self.rest = &[];
            }
            return Some(0);
        }
        let sign = self.sign()?;
        let hours = self.number(1, 2)?;
        let minutes = if self.take(b':') || !self.is_done() { self.number(2, 2)? } else { 0 };
        offset(sign, hours, minutes)
    }

    /// The sign of an offset.
    pub(crate) fn sign(&mut self) -> Option<i32> {
        match self.rest {
            [sign @ (b'+' | b'-'), rest @ ..] => {
                self.rest = rest;
                Some(if *sign == b'-' { -1 } else { 1 })
            }
            _ => None,
        }
    }
}

/// The seconds of an offset; Java's largest is 18 hours.
pub(crate) fn offset(sign: i32, hours: u32, minutes: u32) -> Option<i32> {
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= 18 * 60).then(|| sign * total as i32 * 60)
}
