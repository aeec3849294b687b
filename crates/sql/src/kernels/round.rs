//! Rounding to a number of digits, as Spark rounds: a double by the digits that Java prints of it.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    i256,
};
use datafusion::common::{DataFusionError, Result};

use super::arithmetic::{Operation, overflow};
use super::{Kernel, data_error};

/// Which way a half goes, or everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    /// Away from zero.
    HalfUp,
    /// To the even neighbour.
    HalfEven,
    /// To the greater neighbour, always.
    Up,
    /// To the smaller neighbour, always.
    Down,
}

/// Rounds to a number of digits after the point; below zero, before it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Round {
    pub(crate) mode: Mode,
    pub(crate) digits: i32,
    pub(crate) from: DataType,
    pub(crate) to: DataType,
}

impl Kernel for Round {
    fn name(&self) -> &'static str {
        match self.mode {
            Mode::HalfUp => "spark_round",
            Mode::HalfEven => "spark_bround",
            Mode::Up => "spark_ceil",
            Mode::Down => "spark_floor",
        }
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![self.from.clone()]
    }

    fn output(&self) -> DataType {
        self.to.clone()
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let input = &arguments[0];
        match (&self.from, &self.to) {
            (DataType::Decimal128(_, from), DataType::Decimal128(precision, to)) => {
                self.decimal(input.as_primitive(), i32::from(*from), *precision, i32::from(*to))
            }
            (DataType::Int8, _) => self.whole::<Int8Type>(input),
            (DataType::Int16, _) => self.whole::<Int16Type>(input),
            (DataType::Int32, _) => self.whole::<Int32Type>(input),
            (DataType::Int64, _) => self.whole::<Int64Type>(input),
            (DataType::Float64, DataType::Float64) => {
                let values = input.as_primitive::<Float64Type>();
                Ok(Arc::new(values.unary::<_, Float64Type>(|value| self.double(value))))
            }
            (DataType::Float32, DataType::Float32) => {
                let values = input.as_primitive::<Float32Type>();
                // The digits that count are those of the double, as in Spark: 1.005 lies below its decimal.
                let float = |value: f32| self.double(f64::from(value)) as f32;
                Ok(Arc::new(values.unary::<_, Float32Type>(float)))
            }
            (DataType::Float64, DataType::Int64) => self.long(input.as_primitive::<Float64Type>()),
            (from, to) => Err(DataFusionError::Internal(format!("`{}` from {from} to {to}", self.name()))),
        }
    }
}

impl Round {
    fn decimal(&self, values: &PrimitiveArray<Decimal128Type>, from: i32, precision: u8, to: i32) -> Result<ArrayRef> {
        let rounded = values.try_unary::<_, Decimal128Type, DataFusionError>(|value| {
            let value = self.scaled(i256::from_i128(value), from, to);
            let value = value.to_i128().filter(|value| value.unsigned_abs() < 10_u128.pow(u32::from(precision)));
            value.ok_or_else(|| data_error(format!("a rounded number does not fit into `decimal({precision},{to})`")))
        })?;
        Ok(Arc::new(rounded.with_data_type(self.to.clone())))
    }

    /// A value of one scale, rounded to the digits and given another scale that keeps all of them.
    fn scaled(&self, value: i256, from: i32, to: i32) -> i256 {
        let dropped = from - self.digits;
        let rounded = if dropped > 0 { self.drop_digits(value, dropped.unsigned_abs()) } else { value };
        let scale = if dropped > 0 { self.digits } else { from };
        match to - scale {
            more if more >= 0 => rounded.wrapping_mul(power(more.unsigned_abs())),
            fewer => rounded.wrapping_div(power(fewer.unsigned_abs())),
        }
    }

    fn drop_digits(&self, value: i256, count: u32) -> i256 {
        if count > 75 {
            // More digits than the number has.
            let away = match self.mode {
                Mode::Up => value > i256::ZERO,
                Mode::Down => value < i256::ZERO,
                Mode::HalfUp | Mode::HalfEven => false,
            };
            return if !away {
                i256::ZERO
            } else if value > i256::ZERO {
                i256::ONE
            } else {
                i256::MINUS_ONE
            };
        }
        let unit = power(count);
        let (quotient, remainder) = (value.wrapping_div(unit), value.wrapping_rem(unit));
        let negative = value < i256::ZERO;
        let twice = (if negative { remainder.wrapping_neg() } else { remainder }).wrapping_mul(i256::from_i128(2));
        let away = match self.mode {
            Mode::HalfUp => twice >= unit,
            Mode::HalfEven => {
                twice > unit || (twice == unit && quotient.wrapping_rem(i256::from_i128(2)) != i256::ZERO)
            }
            Mode::Up => remainder > i256::ZERO,
            Mode::Down => remainder < i256::ZERO,
        };
        match (away, negative) {
            (false, _) => quotient,
            (true, false) => quotient.wrapping_add(i256::ONE),
            (true, true) => quotient.wrapping_sub(i256::ONE),
        }
    }

    fn whole<T: ArrowPrimitiveType>(&self, input: &ArrayRef) -> Result<ArrayRef>
    where
        T::Native: Into<i128> + TryFrom<i128>,
    {
        let values = input.as_primitive::<T>();
        if self.digits >= 0 {
            return Ok(Arc::clone(input));
        }
        let rounded = values.try_unary::<_, T, DataFusionError>(|value| {
            let rounded = self.scaled(i256::from_i128(value.into()), 0, 0).to_i128();
            rounded
                .and_then(|value| T::Native::try_from(value).ok())
                .ok_or_else(|| overflow(Operation::Multiply, &self.from))
        })?;
        Ok(Arc::new(rounded))
    }

    fn double(&self, value: f64) -> f64 {
        if !value.is_finite() || value == 0.0 {
            return value;
        }
        self.text(value.to_string()).and_then(|text| text.parse().ok()).unwrap_or(value)
    }

    /// The digits of a number, rounded; `None` when there is nothing to round.
    fn text(&self, digits: String) -> Option<String> {
        let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
        let scale = i32::try_from(fraction.len()).ok()?;
        if scale <= self.digits {
            return None;
        }
        // Numbers with more digits than 256 bits hold are beyond any rounding that shows.
        if whole.len() + fraction.len() > 75 {
            return (fraction.len() > 75 && whole.len() < 3).then(|| "0".into());
        }
        let value = i256::from_string(&format!("{whole}{fraction}"))?;
        let value = if whole.starts_with('-') && value > i256::ZERO { value.wrapping_neg() } else { value };
        let rounded = self.drop_digits(value, (scale - self.digits).unsigned_abs());
        Some(format!("{rounded}e{}", -self.digits))
    }

    fn long(&self, values: &PrimitiveArray<Float64Type>) -> Result<ArrayRef> {
        let whole = values.try_unary::<_, Int64Type, DataFusionError>(|value| {
            let rounded = if self.mode == Mode::Up { value.ceil() } else { value.floor() };
            // The first double above the greatest bigint is out; the least bigint is itself a double.
            let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&rounded);
            if fits {
                return Ok(rounded as i64);
            }
            // Java's conversion, which Spark uses here, goes to the nearest bound, and to zero for what is no number.
            Ok(if rounded.is_nan() {
                0
            } else if rounded > 0.0 {
                i64::MAX
            } else {
                i64::MIN
            })
        })?;
        Ok(Arc::new(whole))
    }
}

fn power(exponent: u32) -> i256 {
    i256::from_i128(10).wrapping_pow(exponent)
}
