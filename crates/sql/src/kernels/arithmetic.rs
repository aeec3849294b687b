//! Arithmetic of whole and floating numbers under ANSI: overflow and division by zero are errors.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::error::ArrowError;
use datafusion::common::{DataFusionError, Result};

use super::{Kernel, data_error};
use crate::types::spark_type;

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operation {
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

/// An operation on two numbers of one type, whose result has that type too.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Checked {
    pub(crate) operation: Operation,
    pub(crate) data_type: DataType,
    /// Whether null takes the place of an error.
    pub(crate) lenient: bool,
}

impl Kernel for Checked {
    fn name(&self) -> &'static str {
        match self.operation {
            Operation::Add => "spark_add",
            Operation::Subtract => "spark_subtract",
            Operation::Multiply => "spark_multiply",
            Operation::Divide => "spark_divide",
            Operation::Remainder => "spark_remainder",
        }
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![self.data_type.clone(), self.data_type.clone()]
    }

    fn output(&self) -> DataType {
        self.data_type.clone()
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        match self.compute(&arguments[0], &arguments[1]) {
            Err(_) if self.lenient => self.row_by_row(&arguments[0], &arguments[1]),
            result => result,
        }
    }
}

impl Checked {
    /// Each row by itself, so that one without an answer leaves the others theirs.
    fn row_by_row(&self, left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef> {
        let null = arrow::array::new_null_array(&self.data_type, 1);
        let row =
            |row: usize| self.compute(&left.slice(row, 1), &right.slice(row, 1)).unwrap_or_else(|_| Arc::clone(&null));
        let rows: Vec<ArrayRef> = (0..left.len()).map(row).collect();
        let rows: Vec<&dyn Array> = rows.iter().map(AsRef::as_ref).collect();
        if rows.is_empty() { Ok(null.slice(0, 0)) } else { Ok(arrow::compute::concat(&rows)?) }
    }

    fn compute(&self, left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef> {
        match self.data_type {
            DataType::Float64 => refuse_zero::<Float64Type>(left, right, 0.0)?,
            DataType::Float32 => refuse_zero::<Float32Type>(left, right, 0.0)?,
            _ => {}
        }
        let result = match self.operation {
            Operation::Add => numeric::add(left, right),
            Operation::Subtract => numeric::sub(left, right),
            Operation::Multiply => numeric::mul(left, right),
            Operation::Divide => numeric::div(left, right),
            Operation::Remainder => numeric::rem(left, right),
        };
        result.map_err(|error| self.explain(error))
    }

    fn explain(&self, error: ArrowError) -> DataFusionError {
        match error {
            ArrowError::DivideByZero => division_by_zero(),
            ArrowError::ArithmeticOverflow(_) => overflow(self.operation, &self.data_type),
            other => other.into(),
        }
    }
}

pub(super) fn division_by_zero() -> DataFusionError {
    data_error("division by zero: `try_divide` gives null instead, and `nullif(x, 0)` turns a zero into null")
}

pub(super) fn overflow(operation: Operation, data_type: &DataType) -> DataFusionError {
    let name = spark_type(data_type).map_or_else(|| data_type.to_string(), |data_type| data_type.to_string());
    data_error(format!(
        "the result of `{}` does not fit into `{name}`: cast an operand to a wider type",
        operation.symbol()
    ))
}

/// Floating numbers would give infinity, and Spark gives an error.
fn refuse_zero<T: ArrowPrimitiveType>(left: &ArrayRef, right: &ArrayRef, zero: T::Native) -> Result<()> {
    let divisors: &PrimitiveArray<T> = right.as_primitive();
    let has_zero =
        (0..divisors.len()).any(|row| divisors.value(row) == zero && divisors.is_valid(row) && left.is_valid(row));
    if has_zero { Err(division_by_zero()) } else { Ok(()) }
}

/// The remainder that is never negative for a positive divisor (`pmod`).
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct PositiveRemainder {
    pub(crate) data_type: DataType,
}

impl Kernel for PositiveRemainder {
    fn name(&self) -> &'static str {
        "spark_pmod"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![self.data_type.clone(), self.data_type.clone()]
    }

    fn output(&self) -> DataType {
        self.data_type.clone()
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let remainder = Checked { operation: Operation::Remainder, data_type: self.data_type.clone(), lenient: false };
        let first = remainder.run(arguments)?;
        // `((a % n) + n) % n` where the first remainder is negative, as Spark has it.
        let shifted = numeric::add_wrapping(&first, &arguments[1])?;
        let second = numeric::rem(&shifted, &arguments[1])?;
        let negative = arrow::compute::kernels::cmp::lt(&first, &zero_like(&self.data_type)?)?;
        Ok(arrow::compute::kernels::zip::zip(&negative, &second, &first)?)
    }
}

fn zero_like(data_type: &DataType) -> Result<arrow::array::Scalar<ArrayRef>> {
    let zero = datafusion::common::ScalarValue::new_zero(data_type)?;
    Ok(arrow::array::Scalar::new(zero.to_array()?))
}

/// The absolute value of a whole number; the least one has none.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Absolute {
    pub(crate) data_type: DataType,
}

impl Kernel for Absolute {
    fn name(&self) -> &'static str {
        "spark_abs"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![self.data_type.clone()]
    }

    fn output(&self) -> DataType {
        self.data_type.clone()
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        macro_rules! absolute {
            ($type:ident) => {{
                let values = arguments[0].as_primitive::<arrow::datatypes::$type>();
                let absolute: PrimitiveArray<arrow::datatypes::$type> = values.try_unary(|value| {
                    value.checked_abs().ok_or_else(|| overflow(Operation::Subtract, &self.data_type))
                })?;
                Ok(Arc::new(absolute))
            }};
        }
        match &self.data_type {
            DataType::Int8 => absolute!(Int8Type),
            DataType::Int16 => absolute!(Int16Type),
            DataType::Int32 => absolute!(Int32Type),
            DataType::Int64 => absolute!(Int64Type),
            DataType::Float32 => {
                Ok(Arc::new(arguments[0].as_primitive::<Float32Type>().unary::<_, Float32Type>(f32::abs)))
            }
            DataType::Float64 => {
                Ok(Arc::new(arguments[0].as_primitive::<Float64Type>().unary::<_, Float64Type>(f64::abs)))
            }
            DataType::Decimal128(..) => {
                let values = arguments[0].as_primitive::<arrow::datatypes::Decimal128Type>();
                let absolute = values.unary::<_, arrow::datatypes::Decimal128Type>(i128::abs);
                Ok(Arc::new(absolute.with_data_type(self.data_type.clone())))
            }
            other => Err(DataFusionError::Internal(format!("`abs` of {other}"))),
        }
    }
}
