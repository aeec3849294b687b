//! Arithmetic, comparison and logic.

use arrow::datatypes::IntervalMonthDayNano;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use headwater_plan::DataType;

use super::conversion::as_decimal;
use super::{Answer, Function, MANY, interval, scalar, special};
use crate::error::SqlError;
use crate::kernels;
use crate::kernels::arithmetic::{Checked, Operation};
use crate::kernels::decimal::DecimalOperation;
use crate::types::arrow_type;
use crate::typing::call::{Call, Typed};
use crate::typing::common::common_type;
use crate::typing::fallible::chain;

pub(super) const FUNCTIONS: &[Function] = &[
    special("+", 2..=2, plus),
    special("-", 2..=2, minus),
    special("*", 2..=2, |call| arithmetic(call, Operation::Multiply)),
    special("/", 2..=2, divide),
    special("%", 2..=2, |call| arithmetic(call, Operation::Remainder)),
    special("div", 2..=2, whole_divide),
    scalar("mod", 2..=2, |call| arithmetic(call, Operation::Remainder)),
    scalar("negative", 1..=1, negative),
    scalar("positive", 1..=1, positive),
    scalar("try_divide", 2..=2, try_divide),
    special("&", 2..=2, |call| bitwise(call, Operator::BitwiseAnd)),
    special("|", 2..=2, |call| bitwise(call, Operator::BitwiseOr)),
    special("^", 2..=2, |call| bitwise(call, Operator::BitwiseXor)),
    special("~", 1..=1, complement),
    special("=", 2..=2, |call| compare(call, Operator::Eq)),
    special("<>", 2..=2, |call| compare(call, Operator::NotEq)),
    special("<", 2..=2, |call| compare(call, Operator::Lt)),
    special("<=", 2..=2, |call| compare(call, Operator::LtEq)),
    special(">", 2..=2, |call| compare(call, Operator::Gt)),
    special(">=", 2..=2, |call| compare(call, Operator::GtEq)),
    special("<=>", 2..=2, |call| compare(call, Operator::IsNotDistinctFrom)),
    scalar("equal_null", 2..=2, |call| compare(call, Operator::IsNotDistinctFrom)),
    special("and", 2..=MANY, |call| logic(call, Operator::And)),
    special("or", 2..=MANY, |call| logic(call, Operator::Or)),
    special("not", 1..=1, not),
];

pub(super) fn binary(left: Expr, operator: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right)))
}

fn plus(call: &Call<'_>) -> Answer {
    let (left, right) = (call.argument(0)?, call.argument(1)?);
    match (interval::of(&left.expr), interval::of(&right.expr)) {
        (None, Some(interval)) => return shift(left, interval),
        (Some(interval), None) => return shift(right, interval),
        (Some(_), Some(_)) => return Err(SqlError::unsupported("the sum of two intervals")),
        (None, None) => {}
    }
    let is_days = |data_type: &DataType| matches!(data_type, DataType::Byte | DataType::Short | DataType::Int);
    match (&left.data_type, &right.data_type) {
        (DataType::Date, days) if is_days(days) => Ok(kernels::moving::add_days(left, right, false)?),
        (days, DataType::Date) if is_days(days) => Ok(kernels::moving::add_days(right, left, false)?),
        _ => arithmetic(call, Operation::Add),
    }
}

fn minus(call: &Call<'_>) -> Answer {
    let (left, right) = (call.argument(0)?, call.argument(1)?);
    if let Some(interval) = interval::of(&right.expr) {
        let Some(negated) = interval::of(&interval::negated(interval)) else { return Err(call.wrong_types()) };
        return shift(left, negated);
    }
    match (&left.data_type, &right.data_type) {
        (DataType::Date, DataType::Byte | DataType::Short | DataType::Int) => {
            Ok(kernels::moving::add_days(left, right, true)?)
        }
        (left, right) if left.is_time() && right.is_time() => {
            Err(SqlError::unsupported("the difference of two days or instants, which is an interval,")
                .help("use `datediff(end, start)` for days, `timestampdiff(SECOND, start, end)` for other units"))
        }
        _ => arithmetic(call, Operation::Subtract),
    }
}

/// A day or instant moved by an interval. A day stays a day when only months and days are added.
fn shift(time: &Typed, interval: IntervalMonthDayNano) -> Answer {
    let moved = |time: Expr, data_type: &DataType| {
        kernels::call(kernels::moving::Shift { data_type: arrow_type(data_type), interval }, vec![time])
    };
    match &time.data_type {
        DataType::Date if interval.nanoseconds == 0 => Ok(moved(time.expr.clone(), &DataType::Date)),
        DataType::Date => Ok(moved(time.cast(&DataType::Timestamp)?, &DataType::Timestamp)),
        DataType::Timestamp | DataType::TimestampNtz => Ok(moved(time.expr.clone(), &time.data_type)),
        other => Err(SqlError::mismatch(format!("an interval cannot be added to `{other}`"))
            .help("cast it to `date` or `timestamp`")),
    }
}

/// Two numbers, cast to the type in which Spark computes.
fn arithmetic(call: &Call<'_>, operation: Operation) -> Answer {
    let (left, right) = (call.argument(0)?, call.argument(1)?);
    if left.data_type == DataType::String && right.data_type == DataType::String {
        return Err(call.wrong_types().help("cast them to numbers"));
    }
    let both_null = left.data_type == DataType::Null && right.data_type == DataType::Null;
    let common = if both_null { Some(DataType::Double) } else { common_type(&left.data_type, &right.data_type) };
    match common {
        Some(DataType::Decimal { .. }) => decimal(left, right, operation),
        Some(common) if common.is_numeric() => {
            let (left, right) = (left.cast(&common)?, right.cast(&common)?);
            let checked = common.is_integral() || matches!(operation, Operation::Divide | Operation::Remainder);
            let operator = match operation {
                _ if checked => return Ok(whole(operation, &common, left, right)),
                Operation::Add => Operator::Plus,
                Operation::Subtract => Operator::Minus,
                _ => Operator::Multiply,
            };
            Ok(binary(left, operator, right))
        }
        _ => Err(call.wrong_types()),
    }
}

fn whole(operation: Operation, data_type: &DataType, left: Expr, right: Expr) -> Expr {
    kernels::call(Checked { operation, data_type: arrow_type(data_type), lenient: false }, vec![left, right])
}

fn decimal(left: &Typed, right: &Typed, operation: Operation) -> Answer {
    let (Some(left_type), Some(right_type)) = (as_decimal(left), as_decimal(right)) else {
        // Beside a `NULL`, the other side says what the type is.
        let data_type = if left.data_type == DataType::Null { &right.data_type } else { &left.data_type };
        let typed = |side: &Typed| -> Result<Typed, SqlError> {
            Ok(Typed { expr: side.cast(data_type)?, data_type: data_type.clone() })
        };
        return decimal(&typed(left)?, &typed(right)?, operation);
    };
    let as_decimal = |side: &Typed, (precision, scale): (u8, u8)| side.cast(&DataType::Decimal { precision, scale });
    let arguments = vec![as_decimal(left, left_type)?, as_decimal(right, right_type)?];
    Ok(kernels::call(DecimalOperation::new(operation, left_type, right_type), arguments))
}

/// `/` divides decimals as decimals and everything else as doubles.
fn divide(call: &Call<'_>) -> Answer {
    let (left, right) = (call.argument(0)?, call.argument(1)?);
    let is_decimal = |side: &Typed| matches!(side.data_type, DataType::Decimal { .. });
    let exact = |side: &Typed| is_decimal(side) || side.data_type.is_integral() || side.data_type == DataType::Null;
    if (is_decimal(left) || is_decimal(right)) && exact(left) && exact(right) {
        return decimal(left, right, Operation::Divide);
    }
    let number = |side: &Typed| side.data_type.is_numeric() || side.data_type == DataType::Null;
    let text = |side: &Typed| side.data_type == DataType::String;
    if !(number(left) || text(left)) || !(number(right) || text(right)) || (text(left) && text(right)) {
        return Err(call.wrong_types());
    }
    let (left, right) = (left.cast(&DataType::Double)?, right.cast(&DataType::Double)?);
    Ok(whole(Operation::Divide, &DataType::Double, left, right))
}

/// Null where the divisor is zero.
fn try_divide(call: &Call<'_>) -> Answer {
    let (left, right) = (call.argument(0)?, call.argument(1)?);
    // Beside a decimal, a literal takes the digits that it has, and below it is no literal any more.
    let narrow = as_decimal(right).filter(|_| matches!(left.data_type, DataType::Decimal { .. }));
    let right = &match narrow {
        Some((precision, scale)) => {
            let data_type = DataType::Decimal { precision, scale };
            Typed { expr: right.cast(&data_type)?, data_type }
        }
        None => right.clone(),
    };
    let zero = Typed { expr: datafusion::logical_expr::lit(0_i32), data_type: DataType::Int };
    let null = Typed { expr: Expr::Literal(datafusion::common::ScalarValue::Null, None), data_type: DataType::Null };
    let zero = zero.cast(&right.data_type)?;
    let divisor =
        datafusion::logical_expr::when(binary(right.expr.clone(), Operator::Eq, zero), null.cast(&right.data_type)?)
            .otherwise(right.expr.clone())
            .map_err(|error| SqlError::internal(error.to_string()))?;
    let arguments = vec![call.argument(0)?.clone(), Typed { expr: divisor, data_type: right.data_type.clone() }];
    divide(&Call { name: "/", arguments, schema: call.schema, now: call.now })
}

/// `div`: the whole part of a quotient, as a bigint.
fn whole_divide(call: &Call<'_>) -> Answer {
    let (left, right) = (call.argument(0)?, call.argument(1)?);
    let whole_number =
        |side: &Typed| side.data_type.is_integral() || matches!(side.data_type, DataType::Null | DataType::String);
    if !whole_number(left) || !whole_number(right) {
        return match common_type(&left.data_type, &right.data_type) {
            Some(DataType::Decimal { .. }) => Err(SqlError::unsupported("`div` of decimals")),
            _ => Err(call.wrong_types()),
        };
    }
    let (left, right) = (left.cast(&DataType::Long)?, right.cast(&DataType::Long)?);
    Ok(whole(Operation::Divide, &DataType::Long, left, right))
}

fn negative(call: &Call<'_>) -> Answer {
    let value = call.argument(0)?;
    if let Some(interval) = interval::of(&value.expr) {
        return Ok(interval::negated(interval));
    }
    match &value.data_type {
        whole_type if whole_type.is_integral() => {
            let zero = Typed { expr: datafusion::logical_expr::lit(0_i32), data_type: DataType::Int };
            Ok(whole(Operation::Subtract, whole_type, zero.cast(whole_type)?, value.expr.clone()))
        }
        DataType::Float | DataType::Double | DataType::Decimal { .. } => {
            Ok(Expr::Negative(Box::new(value.expr.clone())))
        }
        DataType::String | DataType::Null => Ok(Expr::Negative(Box::new(value.cast(&DataType::Double)?))),
        _ => Err(call.wrong_types()),
    }
}

fn positive(call: &Call<'_>) -> Answer {
    let value = call.argument(0)?;
    match &value.data_type {
        number if number.is_numeric() => Ok(value.expr.clone()),
        DataType::String | DataType::Null => value.cast(&DataType::Double),
        _ => Err(call.wrong_types()),
    }
}

fn bitwise(call: &Call<'_>, operator: Operator) -> Answer {
    let (left, right) = (call.argument(0)?, call.argument(1)?);
    match common_type(&left.data_type, &right.data_type) {
        Some(common) if common.is_integral() => Ok(binary(left.cast(&common)?, operator, right.cast(&common)?)),
        _ => Err(call.wrong_types()),
    }
}

fn complement(call: &Call<'_>) -> Answer {
    let value = call.argument(0)?;
    if !value.data_type.is_integral() {
        return Err(call.wrong_types());
    }
    let ones = Typed { expr: datafusion::logical_expr::lit(-1_i32), data_type: DataType::Int };
    Ok(binary(value.expr.clone(), Operator::BitwiseXor, ones.cast(&value.data_type)?))
}

fn compare(call: &Call<'_>, operator: Operator) -> Answer {
    let (left, right) = (call.argument(0)?, call.argument(1)?);
    let Some(common) = common_type(&left.data_type, &right.data_type) else {
        let (left, right) = (&left.data_type, &right.data_type);
        let message = format!("`{}` compares `{left}` with `{right}`", call.name);
        return Err(SqlError::mismatch(message).help("cast one side to the type of the other"));
    };
    if matches!(common, DataType::Map(..)) {
        return Err(call.wrong_types());
    }
    let compared = binary(left.cast(&common)?, operator, right.cast(&common)?);
    if common == DataType::Null {
        // Nulls alone have no type to compare in.
        let null = Typed { expr: compared, data_type: DataType::Null };
        return match operator {
            Operator::IsNotDistinctFrom => Ok(datafusion::logical_expr::lit(true)),
            _ => Typed { expr: Expr::Literal(datafusion::common::ScalarValue::Null, None), ..null }
                .cast(&DataType::Boolean),
        };
    }
    Ok(compared)
}

fn logic(call: &Call<'_>, operator: Operator) -> Answer {
    let mut terms = Vec::with_capacity(call.len());
    for index in 0..call.len() {
        terms.push(call.expect(index, &DataType::Boolean)?);
    }
    chain(terms, operator, call.schema).ok_or_else(|| call.wrong_types())
}

fn not(call: &Call<'_>) -> Answer {
    Ok(Expr::Not(Box::new(call.expect(0, &DataType::Boolean)?)))
}
