//! Choosing among values.

use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, Operator};
use headwater_plan::DataType;

use super::form::condition;
use super::operator::binary;
use super::{Answer, Function, MANY, scalar};
use crate::error::SqlError;
use crate::typing::call::{Call, Typed};
use crate::typing::common::{common_type_of, is_atomic};
use crate::typing::fallible::lazily;

pub(super) const FUNCTIONS: &[Function] = &[
    scalar("coalesce", 1..=MANY, coalesce),
    scalar("nvl", 2..=2, coalesce),
    scalar("ifnull", 2..=2, coalesce),
    scalar("nvl2", 3..=3, nvl2),
    scalar("nullif", 2..=2, nullif),
    scalar("nullifzero", 1..=1, nullifzero),
    scalar("zeroifnull", 1..=1, zeroifnull),
    scalar("if", 3..=3, if_else),
    scalar("decode", 2..=MANY, decode),
    scalar("greatest", 2..=MANY, |call| extreme(call, true)),
    scalar("least", 2..=MANY, |call| extreme(call, false)),
];

fn all(call: &Call<'_>) -> Vec<usize> {
    (0..call.len()).collect()
}

pub(super) fn either(condition: Expr, value: Expr, otherwise: Option<Expr>) -> Expr {
    Expr::Case(Case::new(None, vec![(Box::new(condition), Box::new(value))], otherwise.map(Box::new)))
}

fn coalesce(call: &Call<'_>) -> Answer {
    let (values, common) = call.in_common(&all(call))?;
    if common == DataType::Null {
        return call.expr(0);
    }
    Ok(lazily(values, &[], call.schema, datafusion::functions::expr_fn::coalesce))
}

fn nvl2(call: &Call<'_>) -> Answer {
    one_of_two(call, Expr::IsNotNull(Box::new(call.expr(0)?)))
}

/// The second or the third argument.
fn one_of_two(call: &Call<'_>, condition: Expr) -> Answer {
    let (values, _) = call.in_common(&[1, 2])?;
    Ok(lazily(values, &[], call.schema, |mut values| {
        let otherwise = values.pop().map(Box::new);
        let value = values.pop().map(|value| (Box::new(condition), Box::new(value)));
        Expr::Case(Case::new(None, value.into_iter().collect(), otherwise))
    }))
}

fn nullif(call: &Call<'_>) -> Answer {
    let first = call.argument(0)?;
    let (mut pair, common) = call.in_common(&[0, 1])?;
    if common == DataType::Null || first.is_null_literal() {
        return call.expr(0);
    }
    let (Some(right), Some(left)) = (pair.pop(), pair.pop()) else {
        return Err(SqlError::internal("`nullif` lost a value"));
    };
    let null = null_of(&first.data_type)?;
    Ok(either(binary(left, Operator::Eq, right), null, Some(first.expr.clone())))
}

fn null_of(data_type: &DataType) -> Answer {
    let null = Expr::Literal(datafusion::common::ScalarValue::Null, None);
    Typed { expr: null, data_type: DataType::Null }.cast(data_type)
}

fn zero_of(data_type: &DataType) -> Answer {
    Typed { expr: datafusion::logical_expr::lit(0_i32), data_type: DataType::Int }.cast(data_type)
}

fn number<'c>(call: &'c Call<'_>) -> Result<&'c Typed, SqlError> {
    let value = call.argument(0)?;
    let known = value.data_type == DataType::Null || value.data_type.is_numeric();
    if !known {
        return Err(call.wrong_types());
    }
    Ok(value)
}

fn nullifzero(call: &Call<'_>) -> Answer {
    let value = number(call)?;
    if value.data_type == DataType::Null {
        return null_of(&DataType::Int);
    }
    let is_zero = binary(value.expr.clone(), Operator::Eq, zero_of(&value.data_type)?);
    Ok(either(is_zero, null_of(&value.data_type)?, Some(value.expr.clone())))
}

fn zeroifnull(call: &Call<'_>) -> Answer {
    let value = number(call)?;
    if value.data_type == DataType::Null {
        return zero_of(&DataType::Int);
    }
    Ok(datafusion::functions::expr_fn::coalesce(vec![value.expr.clone(), zero_of(&value.data_type)?]))
}

fn if_else(call: &Call<'_>) -> Answer {
    one_of_two(call, condition(call.argument(0)?)?)
}

/// `decode(value, search, result, ..., default)`: the result after the first search that is equal, nulls being equal too.
/// With two arguments it is the text that bytes are.
fn decode(call: &Call<'_>) -> Answer {
    if call.len() == 2 {
        return super::encoding::decode(call);
    }
    let pairs = (call.len() - 1) / 2;
    let mut results: Vec<usize> = (0..pairs).map(|pair| 2 + 2 * pair).collect();
    let has_default = call.len().is_multiple_of(2);
    if has_default {
        results.push(call.len() - 1);
    }
    let mut values = if has_default { call.in_common(&results)?.0 } else { beside_text(call, &results)? };
    let otherwise = if has_default { values.pop().map(Box::new) } else { None };
    let mut branches = Vec::with_capacity(pairs);
    for (pair, value) in values.into_iter().enumerate() {
        let (sides, _) = call.in_common(&[0, 1 + 2 * pair])?;
        let [left, right] = <[Expr; 2]>::try_from(sides).map_err(|_| SqlError::internal("`decode` lost a value"))?;
        branches.push((Box::new(binary(left, Operator::IsNotDistinctFrom, right)), Box::new(value)));
    }
    Ok(Expr::Case(Case::new(None, branches, otherwise)))
}

/// The results as what they have in common with a text: without a default Spark adds a null that is one, beside which an
/// int becomes a bigint.
fn beside_text(call: &Call<'_>, results: &[usize]) -> Result<Vec<Expr>, SqlError> {
    let results = results.iter().map(|index| call.argument(*index)).collect::<Result<Vec<_>, _>>()?;
    let types = results.iter().map(|result| &result.data_type).chain([&DataType::String]);
    let common = common_type_of(types).ok_or_else(|| {
        call.wrong_types().help("add a default of the same type as the last argument: without one it is a text")
    })?;
    results.into_iter().map(|result| result.cast(&common)).collect()
}

/// The greatest or least of the values that are not null.
fn extreme(call: &Call<'_>, greatest: bool) -> Answer {
    // A text beside a number has no order that both share.
    let texts = call.arguments.iter().filter(|argument| argument.data_type == DataType::String).count();
    let others = call
        .arguments
        .iter()
        .filter(|argument| argument.data_type != DataType::String && argument.data_type != DataType::Null);
    if texts > 0 && others.count() > 0 {
        return Err(call.wrong_types().help("cast them to one type"));
    }
    let (values, common) = call.in_common(&all(call))?;
    match common {
        DataType::Null => call.expr(0),
        common if !is_atomic(&common) => Err(call.wrong_types()),
        _ if greatest => Ok(datafusion::functions::expr_fn::greatest(values)),
        _ => Ok(datafusion::functions::expr_fn::least(values)),
    }
}

/// Null where a condition holds.
pub(super) fn null_when(condition: Expr, value: Expr, data_type: &DataType) -> Answer {
    Ok(either(condition, null_of(data_type)?, Some(value)))
}
