//! Literals, and the forms with a syntax of their own: CASE, IN, BETWEEN, LIKE, IS.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{Case, InList};
use datafusion::logical_expr::{Between, Expr, Like, Operator};
use headwater_plan::{Code, DataType};

use super::operator::binary;
use super::{Answer, Function, MANY, datetime, interval, scalar, special};
use crate::error::SqlError;
use crate::kernels::decimal::parse;
use crate::typing::call::{Call, Typed};
use crate::typing::fallible::lazily;

pub(super) const FUNCTIONS: &[Function] = &[
    special("number", 1..=1, number),
    special("value", 1..=1, |call| call.expr(0)),
    special("condition", 1..=1, filter),
    special("interval", 2..=2, interval::form),
    special("case", 2..=MANY, case),
    special("case_of", 3..=MANY, case_of),
    special("in", 2..=MANY, in_list),
    special("between", 3..=3, between),
    scalar("like", 2..=3, |call| like(call, false)),
    scalar("ilike", 2..=3, |call| like(call, true)),
    scalar("isnull", 1..=1, |call| Ok(Expr::IsNull(Box::new(call.expr(0)?)))),
    scalar("isnotnull", 1..=1, |call| Ok(Expr::IsNotNull(Box::new(call.expr(0)?)))),
    special("is_true", 1..=1, |call| Ok(Expr::IsTrue(Box::new(call.expect(0, &DataType::Boolean)?)))),
    special("is_false", 1..=1, |call| Ok(Expr::IsFalse(Box::new(call.expect(0, &DataType::Boolean)?)))),
    special("is_unknown", 1..=1, |call| Ok(Expr::IsUnknown(Box::new(call.expect(0, &DataType::Boolean)?)))),
    scalar("extract", 2..=2, datetime::extract),
];

/// A number as Spark reads it: an int if it fits, else a bigint, else a decimal; with a point a decimal; with an
/// exponent a double; with a suffix what that says.
fn number(call: &Call<'_>) -> Answer {
    let text = call.literal_text(0, "value")?;
    let out_of_range = |data_type: &str| {
        SqlError::new(Code::SqlSyntax, format!("the number `{text}` does not fit into `{data_type}`"))
    };
    let end = text.find(|character: char| character.is_ascii_alphabetic() && !matches!(character, 'e' | 'E'));
    let (digits, suffix) = text.split_at(end.unwrap_or(text.len()));
    let value = match suffix.to_ascii_uppercase().as_str() {
        "" if digits.contains(['e', 'E']) => double(digits).ok_or_else(|| out_of_range("double"))?,
        "" if digits.contains('.') => decimal(digits).ok_or_else(|| out_of_range("decimal"))?,
        "" => match (digits.parse::<i32>(), digits.parse::<i64>()) {
            (Ok(int), _) => ScalarValue::Int32(Some(int)),
            (_, Ok(long)) => ScalarValue::Int64(Some(long)),
            _ => decimal(digits).ok_or_else(|| out_of_range("decimal"))?,
        },
        "L" => ScalarValue::Int64(Some(digits.parse().map_err(|_| out_of_range("bigint"))?)),
        "S" => ScalarValue::Int16(Some(digits.parse().map_err(|_| out_of_range("smallint"))?)),
        "Y" => ScalarValue::Int8(Some(digits.parse().map_err(|_| out_of_range("tinyint"))?)),
        "D" => double(digits).ok_or_else(|| out_of_range("double"))?,
        "F" => ScalarValue::Float32(Some(digits.parse().map_err(|_| out_of_range("float"))?)),
        "BD" => decimal(digits).ok_or_else(|| out_of_range("decimal"))?,
        _ => return Err(SqlError::new(Code::SqlSyntax, format!("`{text}` is neither a number nor a name"))),
    };
    Ok(Expr::Literal(value, None))
}

fn double(digits: &str) -> Option<ScalarValue> {
    Some(ScalarValue::Float64(Some(digits.parse::<f64>().ok().filter(|value| value.is_finite())?)))
}

/// The narrowest decimal that holds the digits as they are written.
fn decimal(digits: &str) -> Option<ScalarValue> {
    let plain = digits.trim_start_matches('-');
    let (mantissa, exponent) = match plain.find(['e', 'E']) {
        Some(at) => (&plain[..at], plain[at + 1..].parse::<i32>().ok()?),
        None => (plain, 0),
    };
    let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let scale = u8::try_from((i32::try_from(fraction).ok()? - exponent).max(0)).ok()?;
    let value = parse(digits, u32::from(scale))?.to_i128()?;
    let precision = u8::try_from(value.unsigned_abs().to_string().len()).ok()?.max(scale);
    if precision > 38 {
        return None;
    }
    Some(ScalarValue::Decimal128(Some(value), precision, scale as i8))
}

/// The condition of a clause, which may be `NULL`, unlike that of a function.
fn filter(call: &Call<'_>) -> Answer {
    match call.data_type(0)? {
        DataType::Null => call.argument(0)?.cast(&DataType::Boolean),
        _ => condition(call.argument(0)?),
    }
}

/// What decides: only a boolean does.
pub(super) fn condition(condition: &Typed) -> Answer {
    match &condition.data_type {
        DataType::Boolean => Ok(condition.expr.clone()),
        other => Err(SqlError::mismatch(format!("a condition should be `boolean`, not `{other}`"))
            .help("compare it with something")),
    }
}

/// The branches come as condition, value, condition, value, ..., and perhaps the value of ELSE.
fn case(call: &Call<'_>) -> Answer {
    let conditions = (0..call.len() - 1).step_by(2).map(|index| condition(call.argument(index)?)).collect();
    branches(call, 0, conditions)
}

fn case_of(call: &Call<'_>) -> Answer {
    let mut conditions = Vec::new();
    for index in (1..call.len() - 1).step_by(2) {
        let (pair, _) = call.in_common(&[0, index])?;
        let [value, when] = <[Expr; 2]>::try_from(pair).map_err(|_| SqlError::internal("a lost branch"))?;
        conditions.push(Ok(binary(value, Operator::Eq, when)));
    }
    branches(call, 1, conditions.into_iter().collect())
}

fn branches(call: &Call<'_>, first: usize, conditions: Result<Vec<Expr>, SqlError>) -> Answer {
    let count = call.len() - first;
    let mut values: Vec<usize> = (0..count / 2).map(|branch| first + 2 * branch + 1).collect();
    let has_else = count % 2 == 1;
    if has_else {
        values.push(call.len() - 1);
    }
    let (values, _) = call.in_common(&values)?;
    let conditions = conditions?;
    Ok(lazily(values, &conditions.clone(), call.schema, |mut values| {
        let otherwise = if has_else { values.pop().map(Box::new) } else { None };
        let branches = conditions.into_iter().zip(values);
        let branches = branches.map(|(condition, value)| (Box::new(condition), Box::new(value))).collect();
        Expr::Case(Case::new(None, branches, otherwise))
    }))
}

fn in_list(call: &Call<'_>) -> Answer {
    let all: Vec<usize> = (0..call.len()).collect();
    let (mut values, common) = call.in_common(&all)?;
    if common == DataType::Null {
        return call.argument(0)?.cast(&DataType::Boolean);
    }
    let list = values.split_off(1);
    let value = values.pop().ok_or_else(|| SqlError::internal("`IN` lost its value"))?;
    Ok(Expr::InList(InList::new(Box::new(value), list, false)))
}

fn between(call: &Call<'_>) -> Answer {
    // Spark reads it as two comparisons, each in the type of its own two sides.
    let (low, low_type) = call.in_common(&[0, 1])?;
    let (high, high_type) = call.in_common(&[0, 2])?;
    let (Ok([value, low]), Ok([again, high])) = (<[Expr; 2]>::try_from(low), <[Expr; 2]>::try_from(high)) else {
        return Err(SqlError::internal("`BETWEEN` lost a side"));
    };
    if low_type == high_type && low_type != DataType::Null {
        return Ok(Expr::Between(Between::new(Box::new(value), false, Box::new(low), Box::new(high))));
    }
    let unknown = |data_type: &DataType| *data_type == DataType::Null;
    if unknown(&low_type) || unknown(&high_type) {
        return Ok(Expr::Literal(ScalarValue::Boolean(None), None));
    }
    Ok(binary(binary(value, Operator::GtEq, low), Operator::And, binary(again, Operator::LtEq, high)))
}

fn like(call: &Call<'_>, ignore_case: bool) -> Answer {
    if call.len() == 3 && call.literal_text(2, "escape character")? != "\\" {
        return Err(SqlError::unsupported("an escape character other than `\\`"));
    }
    let (value, pattern) = (Box::new(call.text(0)?), Box::new(call.text(1)?));
    Ok(Expr::Like(Like::new(false, value, pattern, None, ignore_case)))
}
