//! Numbers to and from text, as Java writes them and Spark reads them.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Decimal128Array, PrimitiveArray, StringArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
};
use datafusion::common::{DataFusionError, Result};

use super::{Kernel, data_error, decimal};
use crate::types::spark_type;

/// A floating number as Java prints it: `1.0`, `1.0E10`, `1.0E-5`, `NaN`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct NumberToText {
    pub(crate) from: DataType,
}

impl Kernel for NumberToText {
    fn name(&self) -> &'static str {
        "spark_number_text"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![self.from.clone()]
    }

    fn output(&self) -> DataType {
        DataType::Utf8
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let text: StringArray = match &self.from {
            DataType::Float64 => {
                let values = arguments[0].as_primitive::<Float64Type>();
                values.iter().map(|value| value.map(double_text)).collect()
            }
            DataType::Float32 => {
                let values = arguments[0].as_primitive::<Float32Type>();
                values.iter().map(|value| value.map(float_text)).collect()
            }
            other => return Err(DataFusionError::Internal(format!("the text of {other}"))),
        };
        Ok(Arc::new(text))
    }
}

/// A double as Java writes it.
pub(super) fn double_text(value: f64) -> String {
    java(value, format!("{value:e}"))
}

/// A float as Java writes it.
pub(super) fn float_text(value: f32) -> String {
    java(f64::from(value), format!("{value:e}"))
}

/// `scientific` is Rust's shortest form: digits, perhaps a point and more digits, `e`, exponent.
fn java(value: f64, scientific: String) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.into();
    }
    let (sign, scientific) = scientific.strip_prefix('-').map_or(("", scientific.as_str()), |rest| ("-", rest));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let digits: String = mantissa.chars().filter(|character| *character != '.').collect();
    let size = value.abs();
    // From a thousandth up to ten millions Java writes no exponent.
    if size != 0.0 && !(1e-3..1e7).contains(&size) {
        let (first, rest) = digits.split_at(1);
        let rest = if rest.is_empty() { "0" } else { rest };
        return format!("{sign}{first}.{rest}E{exponent}");
    }
    if exponent < 0 {
        let zeros = "0".repeat((-exponent - 1).unsigned_abs() as usize);
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = exponent.unsigned_abs() as usize + 1;
    if digits.len() <= whole {
        return format!("{sign}{digits:0<whole$}.0");
    }
    let (whole, fraction) = digits.split_at(whole);
    format!("{sign}{whole}.{fraction}")
}

/// A text as a number or a boolean; one that is none is an error, or null when lenient.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TextTo {
    pub(crate) to: DataType,
    pub(crate) lenient: bool,
}

impl Kernel for TextTo {
    fn name(&self) -> &'static str {
        "spark_parse"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Utf8]
    }

    fn output(&self) -> DataType {
        self.to.clone()
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let texts = arguments[0].as_string::<i32>();
        match &self.to {
            DataType::Boolean => {
                let parsed = texts.iter().map(|text| self.one(text, boolean));
                Ok(Arc::new(parsed.collect::<Result<BooleanArray>>()?))
            }
            DataType::Int8 => self.numbers::<Int8Type>(texts, whole),
            DataType::Int16 => self.numbers::<Int16Type>(texts, whole),
            DataType::Int32 => self.numbers::<Int32Type>(texts, whole),
            DataType::Int64 => self.numbers::<Int64Type>(texts, whole),
            DataType::Float32 => self.numbers::<Float32Type>(texts, |text| floating(text)?.parse().ok()),
            DataType::Float64 => self.numbers::<Float64Type>(texts, |text| floating(text)?.parse().ok()),
            DataType::Decimal128(precision, scale) => {
                let scale = scale.unsigned_abs();
                let parsed =
                    texts.iter().map(|text| self.one(text, |text| decimal::from_text(text, *precision, scale)));
                let parsed = parsed.collect::<Result<Decimal128Array>>()?;
                Ok(Arc::new(parsed.with_data_type(self.to.clone())))
            }
            other => Err(DataFusionError::Internal(format!("a text as {other}"))),
        }
    }
}

impl TextTo {
    fn numbers<T: ArrowPrimitiveType>(
        &self,
        texts: &StringArray,
        parse: impl Fn(&str) -> Option<T::Native>,
    ) -> Result<ArrayRef> {
        let parsed = texts.iter().map(|text| self.one(text, &parse));
        Ok(Arc::new(parsed.collect::<Result<PrimitiveArray<T>>>()?))
    }

    fn one<V>(&self, text: Option<&str>, parse: impl Fn(&str) -> Option<V>) -> Result<Option<V>> {
        let Some(text) = text else { return Ok(None) };
        match parse(trim(text)) {
            Some(value) => Ok(Some(value)),
            None if self.lenient => Ok(None),
            None => Err(not_a(text, &self.to)),
        }
    }
}

pub(super) fn not_a(text: &str, to: &DataType) -> DataFusionError {
    let name = spark_type(to).map_or_else(|| to.to_string(), |data_type| data_type.to_string());
    data_error(format!("`{text}` cannot be cast to `{name}`: `try_cast` gives null instead"))
}

/// Spark takes off white space and control characters.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|character: char| character <= ' ' || character == '\u{7F}')
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "1" => Some(true),
        "f" | "false" | "n" | "no" | "0" => Some(false),
        _ => None,
    }
}

fn whole<N: std::str::FromStr>(text: &str) -> Option<N> {
    text.parse().ok()
}

/// The text of a floating number in the form that Rust reads, from those that Java does.
fn floating(text: &str) -> Option<&str> {
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "nan" | "inf" | "+inf" | "-inf" | "infinity" | "+infinity" | "-infinity" => return Some(text),
        _ => {}
    }
    // Java lets a number end in its type: `1.5d`.
    let number = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    let plain = number.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    (plain && !number.is_empty()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_written_as_java_writes_them() {
        for (value, text) in [
            (1.0, "1.0"),
            (1e10, "1.0E10"),
            (1e-5, "1.0E-5"),
            (123_456_789.123, "1.23456789123E8"),
            (1e7, "1.0E7"),
            (9_999_999.0, "9999999.0"),
            (0.001, "0.001"),
            (0.000_999, "9.99E-4"),
            (-0.5, "-0.5"),
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (120.0, "120.0"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(java(value, format!("{value:e}")), text);
        }
    }
}
