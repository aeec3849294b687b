//! Values that can be counted: value number n of a column, and which n a row gets.
//!
//! A column whose values are a function of the row's number is unique and can be referred to from another table
//! without being kept in memory.

use rand_chacha::ChaCha8Rng;

use super::datetime::{TimeFormat, digits};
use super::random::{Permutation, below, zipf};

/// Countable values.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    /// How many there are; at most 2^64.
    pub(super) count: u128,
    /// How the value of a number is written.
    pub(super) value: Value,
}

/// How the value of a number is written.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// That many hexadecimal digits.
    Hex(u8),
    /// `prefix`, then `start` + n × `step`.
    Integer { prefix: String, start: i64, step: i64 },
    /// (`min` + n × `step`) units of 10^-`scale`.
    Decimal { min: i128, step: i128, scale: u8 },
    /// Characters: letters for `?`, digits for `#`.
    Pattern(String),
    /// The texts of a list.
    Text(Vec<String>),
    /// `from` + n × `step`, in microseconds since 1970.
    Time { from: i64, step: i64, format: TimeFormat },
}

/// Which number a row gets.
#[derive(Debug, Clone)]
pub(super) enum Draw {
    /// Its own.
    Row,
    /// That of a bijection: unique, in no order.
    Permuted(Permutation),
    /// Any, each as likely.
    Uniform,
    /// Any, the first ones most often.
    Zipf,
}

impl Draw {
    /// The number of a row, below `count` for the last two.
    pub(super) fn number(&self, row: u64, count: u128, random: &mut ChaCha8Rng) -> u64 {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        match self {
            Self::Row => row,
            Self::Permuted(permutation) => permutation.at(row),
            Self::Uniform => below(random, count),
            Self::Zipf => zipf(random, count),
        }
    }

    /// Whether two rows never get one number.
    pub(super) fn is_unique(&self) -> bool {
        matches!(self, Self::Row | Self::Permuted(_))
    }
}

impl Slots {
    /// The number of values that a pattern has.
    pub(super) fn count_of_pattern(pattern: &str) -> u128 {
        pattern.chars().fold(1_u128, |count, character| match character {
            '?' => count.saturating_mul(26),
            '#' => count.saturating_mul(10),
            _ => count,
        })
    }

    /// Appends value number n. For a time, its microseconds are the answer, so that another column can be later.
    pub(super) fn write(&self, number: u64, out: &mut Vec<u8>) -> i64 {
        match &self.value {
            Value::Hex(width) => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                for digit in (0..u32::from(*width)).rev() {
                    out.push(DIGITS[(number >> (4 * digit) & 15) as usize]);
                }
            }
            Value::Integer { prefix, start, step } => {
                out.extend_from_slice(prefix.as_bytes());
                let value = i128::from(*start) + i128::from(number) * i128::from(*step);
                decimal(value, 0, out);
            }
            Value::Decimal { min, step, scale } => decimal(min + i128::from(number) * step, *scale, out),
            Value::Pattern(pattern) => {
                let mut rest = u128::from(number);
                for character in pattern.chars() {
                    match character {
                        '?' => {
                            out.push(b'A' + (rest % 26) as u8);
                            rest /= 26;
                        }
                        '#' => {
                            out.push(b'0' + (rest % 10) as u8);
                            rest /= 10;
                        }
                        other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
                    }
                }
            }
            Value::Text(texts) => {
                let text = usize::try_from(number).ok().and_then(|number| texts.get(number));
                out.extend_from_slice(text.map_or(&[], |text| text.as_bytes()));
            }
            Value::Time { from, step, format } => {
                let microseconds = from.saturating_add((number as i64).saturating_mul(*step));
                format.write(microseconds, out);
                return microseconds;
            }
        }
        0
    }
}

/// Appends units of 10^-`scale` as an exact decimal.
fn decimal(units: i128, scale: u8, out: &mut Vec<u8>) {
    if units < 0 {
        out.push(b'-');
    }
    let units = units.unsigned_abs();
    // Most numbers fit 64 bits, whose division is many times quicker.
    match u64::try_from(units) {
        Ok(units) if scale < 19 => {
            let one = 10_u64.pow(u32::from(scale));
            digits(units / one, 1, out);
            if scale > 0 {
                out.push(b'.');
                digits(units % one, usize::from(scale), out);
            }
        }
        _ => {
            let text = format!("{units:0>width$}", width = usize::from(scale) + 1);
            let (whole, fraction) = text.split_at(text.len() - usize::from(scale));
            out.extend_from_slice(whole.as_bytes());
            if scale > 0 {
                out.push(b'.');
                out.extend_from_slice(fraction.as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: Value, number: u64) -> String {
        let mut out = Vec::new();
        Slots { count: 1 << 64, value }.write(number, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_written_exactly() {
        let units = |min, scale| text(Value::Decimal { min, step: 10, scale }, 3);
        assert_eq!(units(100, 1), "13.0");
        assert_eq!(units(-130_000_000, 6), "-129.999970");
        assert_eq!(units(-35, 2), "-0.05");
        assert_eq!(units(10_i128.pow(37), 37), "1.0000000000000000000000000000000000030");
        assert_eq!(units(0, 30), "0.000000000000000000000000000030");
        assert_eq!(text(Value::Hex(4), 0xab), "00ab");
        assert_eq!(text(Value::Integer { prefix: "L".into(), start: -1, step: 2 }, 5), "L9");
        assert_eq!(text(Value::Pattern("?-##".into()), 26 * 7 + 2), "C-70");
        assert_eq!(Slots::count_of_pattern("?-##"), 2600);
    }
}
