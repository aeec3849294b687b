//! Numbers.

use datafusion::functions::expr_fn as native;
use datafusion::logical_expr::{Expr, Operator, lit};
use datafusion_spark::function::math as spark_math;
use headwater_plan::DataType;

use super::conditional::{either, null_when};
use super::operator::binary;
use super::string::spark;
use super::{Answer, Function, scalar};
use crate::error::SqlError;
use crate::kernels;
use crate::kernels::arithmetic::{Absolute, PositiveRemainder};
use crate::kernels::round::{Mode, Round};
use crate::types::arrow_type;
use crate::typing::call::{Call, Typed};
use crate::typing::common::common_type;

pub(super) const FUNCTIONS: &[Function] = &[
    scalar("abs", 1..=1, abs),
    scalar("round", 1..=2, |call| round(call, Mode::HalfUp)),
    scalar("bround", 1..=2, |call| round(call, Mode::HalfEven)),
    scalar("ceil", 1..=2, |call| round(call, Mode::Up)),
    scalar("ceiling", 1..=2, |call| round(call, Mode::Up)),
    scalar("floor", 1..=2, |call| round(call, Mode::Down)),
    scalar("pmod", 2..=2, pmod),
    scalar("sqrt", 1..=1, sqrt),
    scalar("exp", 1..=1, |call| Ok(native::exp(call.double(0)?))),
    scalar("ln", 1..=1, |call| logarithm(call, native::ln)),
    scalar("log", 1..=2, log),
    scalar("log10", 1..=1, |call| logarithm(call, native::log10)),
    scalar("log2", 1..=1, |call| logarithm(call, native::log2)),
    scalar("power", 2..=2, power),
    scalar("pow", 2..=2, power),
    scalar("sign", 1..=1, |call| Ok(native::signum(call.double(0)?))),
    scalar("signum", 1..=1, |call| Ok(native::signum(call.double(0)?))),
    scalar("pi", 0..=0, |_| Ok(lit(std::f64::consts::PI))),
    scalar("e", 0..=0, |_| Ok(lit(std::f64::consts::E))),
    scalar("degrees", 1..=1, |call| Ok(native::degrees(call.double(0)?))),
    scalar("radians", 1..=1, |call| Ok(native::radians(call.double(0)?))),
    scalar("sin", 1..=1, |call| Ok(native::sin(call.double(0)?))),
    scalar("cos", 1..=1, |call| Ok(native::cos(call.double(0)?))),
    scalar("tan", 1..=1, |call| Ok(native::tan(call.double(0)?))),
    scalar("asin", 1..=1, |call| Ok(native::asin(call.double(0)?))),
    scalar("acos", 1..=1, |call| Ok(native::acos(call.double(0)?))),
    scalar("atan", 1..=1, |call| Ok(native::atan(call.double(0)?))),
    scalar("atan2", 2..=2, |call| Ok(native::atan2(call.double(0)?, call.double(1)?))),
    scalar("isnan", 1..=1, isnan),
    scalar("nanvl", 2..=2, nanvl),
    scalar("cbrt", 1..=1, |call| Ok(native::cbrt(call.double(0)?))),
    scalar("sinh", 1..=1, |call| Ok(native::sinh(call.double(0)?))),
    scalar("cosh", 1..=1, |call| Ok(native::cosh(call.double(0)?))),
    scalar("tanh", 1..=1, |call| Ok(native::tanh(call.double(0)?))),
    scalar("asinh", 1..=1, |call| Ok(native::asinh(call.double(0)?))),
    scalar("acosh", 1..=1, |call| Ok(native::acosh(call.double(0)?))),
    scalar("atanh", 1..=1, |call| Ok(native::atanh(call.double(0)?))),
    scalar("cot", 1..=1, |call| Ok(native::cot(call.double(0)?))),
    scalar("sec", 1..=1, |call| Ok(spark(spark_math::sec(), vec![call.double(0)?]))),
    scalar("csc", 1..=1, |call| Ok(spark(spark_math::csc(), vec![call.double(0)?]))),
    scalar("expm1", 1..=1, |call| Ok(spark(spark_math::expm1(), vec![call.double(0)?]))),
    scalar("hypot", 2..=2, |call| Ok(spark(spark_math::hypot(), vec![call.double(0)?, call.double(1)?]))),
    scalar("rint", 1..=1, |call| Ok(spark(spark_math::rint(), vec![call.double(0)?]))),
    scalar("factorial", 1..=1, |call| Ok(spark(spark_math::factorial(), vec![call.int(0)?]))),
    scalar("bin", 1..=1, |call| Ok(spark(spark_math::bin(), vec![call.expect(0, &DataType::Long)?]))),
    scalar("width_bucket", 4..=4, width_bucket),
    scalar("rand", 0..=0, |_| Ok(native::random())),
    scalar("random", 0..=0, |_| Ok(native::random())),
    scalar("uuid", 0..=0, |_| Ok(native::uuid())),
];

/// The argument as a number: a text becomes a double.
fn number(call: &Call<'_>, index: usize) -> Result<Typed, SqlError> {
    let argument = call.argument(index)?;
    match &argument.data_type {
        data_type if data_type.is_numeric() => Ok(argument.clone()),
        DataType::String | DataType::Null => {
            Ok(Typed { expr: argument.cast(&DataType::Double)?, data_type: DataType::Double })
        }
        _ => Err(call.wrong_types()),
    }
}

fn abs(call: &Call<'_>) -> Answer {
    let value = number(call, 0)?;
    Ok(kernels::call(Absolute { data_type: arrow_type(&value.data_type) }, vec![value.expr]))
}

fn round(call: &Call<'_>, mode: Mode) -> Answer {
    let value = number(call, 0)?;
    let always_whole = matches!(mode, Mode::Up | Mode::Down);
    let scaled = call.len() == 2;
    let digits = if scaled { call.literal_integer(1, "number of digits")? } else { 0 };
    let digits = i32::try_from(digits.clamp(-400, 400)).unwrap_or_default();
    let to = match &value.data_type {
        DataType::Decimal { precision, scale } => decimal_type(*precision, *scale, digits),
        // Without a number of digits, ceil and floor give a whole number.
        _ if always_whole && !scaled => DataType::Long,
        DataType::Float | DataType::Double if always_whole => {
            return Err(SqlError::unsupported(format!("`{}` of a double to a number of digits", call.name))
                .help("cast it to a decimal"));
        }
        whole if always_whole && whole.is_integral() => {
            return Err(SqlError::unsupported(format!("`{}` of a whole number to a number of digits", call.name)));
        }
        other => other.clone(),
    };
    if always_whole && value.data_type.is_integral() {
        return value.cast(&DataType::Long);
    }
    let from =
        if always_whole && value.data_type == DataType::Float { DataType::Double } else { value.data_type.clone() };
    let kernel = Round { mode, digits, from: arrow_type(&from), to: arrow_type(&to) };
    Ok(kernels::call(kernel, vec![value.cast(&from)?]))
}

/// The type of a rounded decimal (`RoundBase.dataType`).
fn decimal_type(precision: u8, scale: u8, digits: i32) -> DataType {
    // One more digit before the point, for what is rounded up.
    let whole = i32::from(precision) - i32::from(scale) + 1;
    let (precision, scale) = if digits < 0 {
        (whole.max(-digits + 1), 0)
    } else {
        let scale = i32::from(scale).min(digits);
        (whole + scale, scale)
    };
    DataType::Decimal {
        precision: u8::try_from(precision.min(38)).unwrap_or(38),
        scale: u8::try_from(scale).unwrap_or_default(),
    }
}

fn pmod(call: &Call<'_>) -> Answer {
    let (left, right) = (number(call, 0)?, number(call, 1)?);
    match common_type(&left.data_type, &right.data_type) {
        Some(common) if common.is_integral() || matches!(common, DataType::Float | DataType::Double) => {
            let kernel = PositiveRemainder { data_type: arrow_type(&common) };
            Ok(kernels::call(kernel, vec![left.cast(&common)?, right.cast(&common)?]))
        }
        _ => Err(SqlError::unsupported("`pmod` of decimals")),
    }
}

/// The root of a number below zero is no number, where DataFusion has an error.
fn sqrt(call: &Call<'_>) -> Answer {
    let value = call.double(0)?;
    let below = binary(value.clone(), Operator::Lt, lit(0.0_f64));
    Ok(either(below, lit(f64::NAN), Some(native::sqrt(value))))
}

/// A logarithm, which Spark gives as null where there is none.
fn logarithm(call: &Call<'_>, function: fn(Expr) -> Expr) -> Answer {
    let value = call.double(0)?;
    let beyond = binary(value.clone(), Operator::LtEq, lit(0.0_f64));
    null_when(beyond, function(value), &DataType::Double)
}

fn log(call: &Call<'_>) -> Answer {
    if call.len() == 1 {
        return logarithm(call, native::ln);
    }
    let (base, value) = (call.double(0)?, call.double(1)?);
    let beyond = binary(
        binary(base.clone(), Operator::LtEq, lit(0.0_f64)),
        Operator::Or,
        binary(value.clone(), Operator::LtEq, lit(0.0_f64)),
    );
    // As Spark computes it: a quotient of natural logarithms.
    let quotient = binary(native::ln(value), Operator::Divide, native::ln(base));
    null_when(beyond, quotient, &DataType::Double)
}

fn power(call: &Call<'_>) -> Answer {
    Ok(native::power(call.double(0)?, call.double(1)?))
}

/// The second value where the first is no number.
fn nanvl(call: &Call<'_>) -> Answer {
    let (first, second) = (call.double(0)?, call.double(1)?);
    Ok(either(native::isnan(first.clone()), second, Some(first)))
}

fn width_bucket(call: &Call<'_>) -> Answer {
    let count = call.expect(3, &DataType::Long)?;
    let count = datafusion::logical_expr::cast(count, arrow::datatypes::DataType::Int32);
    let arguments = vec![call.double(0)?, call.double(1)?, call.double(2)?, count];
    let bucket = spark(spark_math::width_bucket(), arguments);
    Ok(datafusion::logical_expr::cast(bucket, arrow::datatypes::DataType::Int64))
}

fn isnan(call: &Call<'_>) -> Answer {
    let value = number(call, 0)?;
    // A null is no NaN, rather than unknown.
    let value = value.cast(&DataType::Double)?;
    Ok(native::coalesce(vec![native::isnan(value), lit(false)]))
}
