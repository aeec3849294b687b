//! Decimals with Spark's precision, scale and rounding (HALF_UP, and an error where the digits do not fit).
//!
//! The types are those of `DecimalExpressions` and `DecimalType.adjustPrecisionScale`: of a result that would need more
//! than 38 digits, the scale is cut to what the whole part leaves, though not below 6.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Decimal128Type, DecimalType, Float32Type, Float64Type, i256};
use datafusion::common::Result;
use headwater_plan::DataType as SparkType;

use super::arithmetic::{Operation, division_by_zero};
use super::{Kernel, data_error};

/// An operation on two decimals.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct DecimalOperation {
    operation: Operation,
    left: (u8, u8),
    right: (u8, u8),
    output: (u8, u8),
}

impl DecimalOperation {
    /// The operation on decimals of these precisions and scales.
    pub(crate) fn new(operation: Operation, left: (u8, u8), right: (u8, u8)) -> Self {
        Self { operation, left, right, output: result_type(operation, left, right) }
    }

    /// A quotient with a precision and scale of its own, for averages.
    pub(crate) fn divide_to(left: (u8, u8), right: (u8, u8), output: (u8, u8)) -> Self {
        Self { operation: Operation::Divide, left, right, output }
    }
}

/// The precision and scale of a result.
fn result_type(operation: Operation, (p1, s1): (u8, u8), (p2, s2): (u8, u8)) -> (u8, u8) {
    let (p1, s1, p2, s2) = (u32::from(p1), u32::from(s1), u32::from(p2), u32::from(s2));
    let (precision, scale) = match operation {
        Operation::Add | Operation::Subtract => {
            let scale = s1.max(s2);
            ((p1 - s1).max(p2 - s2) + scale + 1, scale)
        }
        Operation::Multiply => (p1 + p2 + 1, s1 + s2),
        Operation::Divide => {
            let scale = (s1 + p2 + 1).max(6);
            (p1 - s1 + s2 + scale, scale)
        }
        Operation::Remainder => {
            let scale = s1.max(s2);
            ((p1 - s1).min(p2 - s2) + scale, scale)
        }
    };
    adjust(precision, scale)
}

fn adjust(precision: u32, scale: u32) -> (u8, u8) {
    // All numbers here are at most 115.
    let narrow = |number: u32| number as u8;
    if precision <= 38 {
        return (narrow(precision), narrow(scale));
    }
    let whole = precision - scale;
    (38, narrow(38_u32.saturating_sub(whole).max(scale.min(6))))
}

fn arrow((precision, scale): (u8, u8)) -> DataType {
    DataType::Decimal128(precision, scale as i8)
}

impl Kernel for DecimalOperation {
    fn name(&self) -> &'static str {
        match self.operation {
            Operation::Add => "spark_decimal_add",
            Operation::Subtract => "spark_decimal_subtract",
            Operation::Multiply => "spark_decimal_multiply",
            Operation::Divide => "spark_decimal_divide",
            Operation::Remainder => "spark_decimal_remainder",
        }
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![arrow(self.left), arrow(self.right)]
    }

    fn output(&self) -> DataType {
        arrow(self.output)
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let left = arguments[0].as_primitive::<Decimal128Type>();
        let right = arguments[1].as_primitive::<Decimal128Type>();
        let result: Decimal128Array = arrow::compute::try_binary(left, right, |left, right| {
            self.one(left, right).map_err(|error| arrow::error::ArrowError::ComputeError(error.to_string()))
        })
        .map_err(|error| match error {
            arrow::error::ArrowError::ComputeError(text) => {
                data_error(text.strip_prefix("Execution error: ").unwrap_or(&text))
            }
            other => other.into(),
        })?;
        Ok(Arc::new(result.with_data_type(self.output())))
    }
}

impl DecimalOperation {
    fn one(&self, left: i128, right: i128) -> Result<i128> {
        let (left_scale, right_scale) = (u32::from(self.left.1), u32::from(self.right.1));
        let scale = u32::from(self.output.1);
        let too_wide = || too_wide(&format!("the result of `{}`", self.operation.symbol()), self.output);
        let value = match self.operation {
            Operation::Add | Operation::Subtract => {
                let common = left_scale.max(right_scale);
                let left = i256::from_i128(left).wrapping_mul(power(common - left_scale));
                let right = i256::from_i128(right).wrapping_mul(power(common - right_scale));
                let sum = if self.operation == Operation::Add { left + right } else { left - right };
                rescale(sum, common, scale)
            }
            Operation::Multiply => {
                let product = i256::from_i128(left).wrapping_mul(i256::from_i128(right));
                rescale(product, left_scale + right_scale, scale)
            }
            Operation::Divide => {
                if right == 0 {
                    return Err(division_by_zero());
                }
                // left / 10^s1 / (right / 10^s2) * 10^scale; the shift is never negative for Spark's types.
                let shift = scale + right_scale;
                let (numerator, denominator) = if shift >= left_scale {
                    (checked_scale(left, shift - left_scale).ok_or_else(too_wide)?, i256::from_i128(right))
                } else {
                    (i256::from_i128(left), i256::from_i128(right).wrapping_mul(power(left_scale - shift)))
                };
                divide_half_up(numerator, denominator)
            }
            Operation::Remainder => {
                if right == 0 {
                    return Err(division_by_zero());
                }
                let common = left_scale.max(right_scale);
                let left = i256::from_i128(left).wrapping_mul(power(common - left_scale));
                let right = i256::from_i128(right).wrapping_mul(power(common - right_scale));
                rescale(left.wrapping_rem(right), common, scale)
            }
        };
        fit(value, self.output.0).ok_or_else(too_wide)
    }
}

fn checked_scale(value: i128, digits: u32) -> Option<i256> {
    i256::from_i128(value).checked_mul(power(digits))
}

/// 10 to a power of at most 76, the most that 256 bits hold.
fn power(exponent: u32) -> i256 {
    i256::from_i128(10).wrapping_pow(exponent)
}

/// A value of one scale in another, rounded half up (away from zero).
fn rescale(value: i256, from: u32, to: u32) -> i256 {
    match from.cmp(&to) {
        Ordering::Equal => value,
        Ordering::Less => value.wrapping_mul(power(to - from)),
        Ordering::Greater => divide_half_up(value, power(from - to)),
    }
}

fn divide_half_up(numerator: i256, denominator: i256) -> i256 {
    let quotient = numerator.wrapping_div(denominator);
    let remainder = numerator.wrapping_rem(denominator);
    let twice = absolute(remainder).wrapping_mul(i256::from_i128(2));
    if twice < absolute(denominator) {
        return quotient;
    }
    let away = if (numerator < i256::ZERO) == (denominator < i256::ZERO) { i256::ONE } else { i256::MINUS_ONE };
    quotient.wrapping_add(away)
}

fn absolute(value: i256) -> i256 {
    if value < i256::ZERO { value.wrapping_neg() } else { value }
}

/// The value, if its digits fit the precision.
fn fit(value: i256, precision: u8) -> Option<i128> {
    let value = value.to_i128()?;
    (value.unsigned_abs() < 10_u128.pow(u32::from(precision))).then_some(value)
}

fn too_wide(what: &str, (precision, scale): (u8, u8)) -> datafusion::common::DataFusionError {
    data_error(format!("{what} does not fit into `decimal({precision},{scale})`"))
}

/// A number as a decimal: of a floating number the digits that Java would print.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct DecimalFrom {
    pub(crate) from: DataType,
    pub(crate) precision: u8,
    pub(crate) scale: u8,
    /// Whether what does not fit becomes null.
    pub(crate) lenient: bool,
}

impl DecimalFrom {
    /// From one decimal to another.
    pub(crate) fn decimal(from: &SparkType, to: &SparkType, lenient: bool) -> Option<Self> {
        match to {
            SparkType::Decimal { precision, scale } => {
                Some(Self { from: crate::types::arrow_type(from), precision: *precision, scale: *scale, lenient })
            }
            _ => None,
        }
    }

    fn convert<T: ArrowPrimitiveType>(
        &self,
        values: &PrimitiveArray<T>,
        convert: impl Fn(T::Native) -> Option<i256>,
        show: impl Fn(T::Native) -> String,
    ) -> Result<ArrayRef> {
        let one = |value: T::Native| -> Result<Option<i128>> {
            match convert(value).and_then(|value| fit(value, self.precision)) {
                Some(value) => Ok(Some(value)),
                None if self.lenient => Ok(None),
                None => Err(too_wide(&format!("`{}`", show(value)), (self.precision, self.scale))),
            }
        };
        let cast = values.iter().map(|value| value.map_or(Ok(None), &one)).collect::<Result<Decimal128Array>>()?;
        Ok(Arc::new(cast.with_data_type(self.output())))
    }
}

impl Kernel for DecimalFrom {
    fn name(&self) -> &'static str {
        "spark_decimal"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![self.from.clone()]
    }

    fn output(&self) -> DataType {
        arrow((self.precision, self.scale))
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let scale = u32::from(self.scale);
        match &self.from {
            DataType::Float64 => self.convert(
                arguments[0].as_primitive::<Float64Type>(),
                |value| parse(&value.to_string(), scale),
                |value| value.to_string(),
            ),
            DataType::Float32 => self.convert(
                arguments[0].as_primitive::<Float32Type>(),
                // Spark widens a float to a double first.
                |value| parse(&f64::from(value).to_string(), scale),
                |value| value.to_string(),
            ),
            DataType::Decimal128(_, from_scale) => {
                let from_scale = u32::from(from_scale.unsigned_abs());
                self.convert(
                    arguments[0].as_primitive::<Decimal128Type>(),
                    |value| Some(rescale(i256::from_i128(value), from_scale, scale)),
                    |value| {
                        let text = Decimal128Type::format_decimal(value, 38, from_scale as i8);
                        text.trim_end_matches('.').to_owned()
                    },
                )
            }
            other => Err(datafusion::common::DataFusionError::Internal(format!("a decimal from {other}"))),
        }
    }
}

/// Reads a decimal number (`-12.5e-3`) at a scale, rounded half up; `None` for what is no number or has too many digits.
pub(crate) fn parse(text: &str, scale: u32) -> Option<i256> {
    let (negative, text) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    if digits().next().is_none() || !digits().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    // The position of the last digit that the scale keeps, counted from the first digit.
    let kept = i64::try_from(whole.len()).ok()? + i64::from(exponent) + i64::from(scale);
    let mut value = i256::ZERO;
    for (index, digit) in digits().enumerate() {
        let index = i64::try_from(index).ok()?;
        let digit = i256::from_i128(i128::from(digit - b'0'));
        if index < kept {
            value = value.checked_mul(i256::from_i128(10))?.checked_add(digit)?;
        } else {
            if index == kept && digit >= i256::from_i128(5) {
                value = value.checked_add(i256::ONE)?;
            }
            break;
        }
    }
    let count = i64::try_from(whole.len() + fraction.len()).ok()?;
    for _ in count..kept {
        if value == i256::ZERO {
            break;
        }
        value = value.checked_mul(i256::from_i128(10))?;
    }
    Some(if negative { value.wrapping_neg() } else { value })
}

/// A text as a decimal.
pub(super) fn from_text(text: &str, precision: u8, scale: u8) -> Option<i128> {
    parse(text, u32::from(scale)).and_then(|value| fit(value, precision))
}

/// A decimal as Java writes it (`BigDecimal.toString`): `1.50`, and with an exponent below a millionth: `1.2E-7`, `0E-8`.
pub(super) fn java_text(value: i128, scale: i32) -> String {
    let digits = value.unsigned_abs().to_string();
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let sign = if value < 0 { "-" } else { "" };
    let exponent = count - 1 - scale;
    if exponent < -6 {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        return format!("{sign}{first}{point}{rest}E{exponent}");
    }
    let scale = usize::try_from(scale).unwrap_or_default();
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

/// A decimal as the nearest double.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct DecimalToDouble {
    pub(crate) precision: u8,
    pub(crate) scale: u8,
}

impl Kernel for DecimalToDouble {
    fn name(&self) -> &'static str {
        "spark_decimal_to_double"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![arrow((self.precision, self.scale))]
    }

    fn output(&self) -> DataType {
        DataType::Float64
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let values = arguments[0].as_primitive::<Decimal128Type>();
        let scale = self.scale;
        let divisor = 10_f64.powi(i32::from(scale));
        let double = |value: i128| {
            // A quotient of two numbers that doubles hold exactly is the nearest double.
            if value.unsigned_abs() <= 1 << 53 && scale <= 22 {
                return value as f64 / divisor;
            }
            Decimal128Type::format_decimal(value, 38, scale as i8).parse().unwrap_or(f64::NAN)
        };
        Ok(Arc::new(values.unary::<_, Float64Type>(double)))
    }
}

/// A whole number as so many millionths.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Millionths;

impl Kernel for Millionths {
    fn name(&self) -> &'static str {
        "spark_millionths"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Decimal128(38, 0)]
    }

    fn output(&self) -> DataType {
        DataType::Decimal128(38, 6)
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let numbers = arguments[0].as_primitive::<Decimal128Type>().clone();
        Ok(Arc::new(numbers.with_precision_and_scale(38, 6)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_scale_and_rounded_half_up() {
        for (text, scale, value) in [
            ("1.005", 2, Some(101)),
            ("-1.005", 2, Some(-101)),
            ("1.0049999", 2, Some(100)),
            ("12", 3, Some(12_000)),
            ("1e3", 0, Some(1000)),
            ("1.5E-3", 3, Some(2)),
            ("0.05", 0, Some(0)),
            ("0.5", 0, Some(1)),
            (".5", 1, Some(5)),
            ("5.", 1, Some(50)),
            ("5e-10", 2, Some(0)),
            ("", 2, None),
            (".", 2, None),
            ("1.2.3", 2, None),
            ("abc", 2, None),
        ] {
            assert_eq!(parse(text, scale).and_then(i256::to_i128), value, "{text}");
        }
    }

    #[test]
    fn a_result_has_the_type_that_spark_gives_it() {
        for (operation, left, right, expected) in [
            (Operation::Add, (12, 2), (10, 0), (13, 2)),
            (Operation::Add, (38, 10), (38, 2), (38, 6)),
            (Operation::Multiply, (12, 2), (3, 0), (16, 2)),
            (Operation::Multiply, (38, 10), (38, 10), (38, 6)),
            (Operation::Divide, (12, 2), (1, 0), (16, 6)),
            (Operation::Divide, (38, 10), (38, 10), (38, 6)),
            (Operation::Remainder, (12, 2), (1, 0), (3, 2)),
        ] {
            assert_eq!(result_type(operation, left, right), expected, "{operation:?}");
        }
    }
}
