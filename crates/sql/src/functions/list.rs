//! Functions of arrays.

use datafusion::functions_nested as native;
use datafusion::logical_expr::{Expr, lit};
use headwater_plan::DataType;

use super::{Answer, Function, interval, scalar};
use crate::error::SqlError;
use crate::kernels;
use crate::kernels::each::Flatten;
use crate::kernels::element::{Joined, Sequence};
use crate::kernels::list::{Ask, Asked, Rearrange, Rearranged};
use crate::types::arrow_type;
use crate::typing::call::{Call, Typed};
use crate::typing::common::common_type;

pub(super) const FUNCTIONS: &[Function] = &[
    scalar("array_distinct", 1..=1, |call| rearranged(call, Rearrange::Distinct)),
    scalar("array_compact", 1..=1, |call| rearranged(call, Rearrange::Compact)),
    scalar("array_union", 2..=2, |call| rearranged(call, Rearrange::Union)),
    scalar("array_intersect", 2..=2, |call| rearranged(call, Rearrange::Intersect)),
    scalar("array_except", 2..=2, |call| rearranged(call, Rearrange::Except)),
    scalar("array_append", 2..=2, |call| with_value(call, Rearrange::Append)),
    scalar("array_prepend", 2..=2, |call| with_value(call, Rearrange::Prepend)),
    scalar("array_remove", 2..=2, |call| with_value(call, Rearrange::Remove)),
    scalar("sort_array", 1..=2, sort_array),
    scalar("array_sort", 1..=1, array_sort),
    scalar("slice", 3..=3, slice),
    scalar("array_contains", 2..=2, |call| asked(call, Ask::Contains)),
    scalar("array_position", 2..=2, |call| asked(call, Ask::Position)),
    scalar("arrays_overlap", 2..=2, overlap),
    scalar("array_join", 2..=3, join),
    scalar("array_max", 1..=1, |call| extreme(call, true)),
    scalar("array_min", 1..=1, |call| extreme(call, false)),
    scalar("array_repeat", 2..=2, repeat),
    scalar("flatten", 1..=1, flatten),
    scalar("sequence", 2..=3, sequence),
];

/// The type of an array's elements.
fn element<'c>(call: &'c Call<'_>, index: usize) -> Result<&'c DataType, SqlError> {
    match call.data_type(index)? {
        DataType::Array(element) => Ok(element),
        other => {
            let message = format!("argument {} of `{}` should be an array, not `{other}`", index + 1, call.name);
            Err(SqlError::mismatch(message))
        }
    }
}

/// What can be compared, and so be sorted or found.
fn comparable(call: &Call<'_>, element: &DataType) -> Result<(), SqlError> {
    if !matches!(element, DataType::Map(..)) {
        return Ok(());
    }
    Err(SqlError::mismatch(format!("`{}` compares elements, and maps are not compared", call.name)))
}

/// Arrays of one type, put together into one.
pub(super) fn rearranged(call: &Call<'_>, how: Rearrange) -> Answer {
    let all: Vec<usize> = (0..call.len()).collect();
    for index in &all {
        element(call, *index)?;
    }
    let (arrays, common) = call.in_common(&all)?;
    let DataType::Array(element) = common else { return Err(call.wrong_types()) };
    if !matches!(how, Rearrange::Concat | Rearrange::Compact | Rearrange::Reverse) {
        comparable(call, &element)?;
    }
    Ok(kernels::call(Rearranged { how, element: arrow_type(&element), arrays: all.len() }, arrays))
}

/// An array and a value, as the type that the elements and it have in common.
fn pair(call: &Call<'_>) -> Result<(Expr, Expr, DataType), SqlError> {
    let value = call.argument(1)?;
    let Some(common) = common_type(element(call, 0)?, &value.data_type) else { return Err(call.wrong_types()) };
    let array = call.argument(0)?.cast(&DataType::Array(Box::new(common.clone())))?;
    Ok((array, value.cast(&common)?, common))
}

fn with_value(call: &Call<'_>, how: Rearrange) -> Answer {
    let (array, value, element) = pair(call)?;
    comparable(call, &element)?;
    Ok(kernels::call(Rearranged { how, element: arrow_type(&element), arrays: 1 }, vec![array, value]))
}

fn asked(call: &Call<'_>, what: Ask) -> Answer {
    if *call.data_type(1)? == DataType::Null {
        return Err(call.wrong_types().help("`exists(array, x -> x is null)` finds nulls"));
    }
    let (array, value, element) = pair(call)?;
    comparable(call, &element)?;
    Ok(kernels::call(Asked { what, element: arrow_type(&element) }, vec![array, value]))
}

fn overlap(call: &Call<'_>) -> Answer {
    let (arrays, common) = call.in_common(&[0, 1])?;
    let DataType::Array(element) = common else { return Err(call.wrong_types()) };
    comparable(call, &element)?;
    Ok(kernels::call(Asked { what: Ask::Overlap, element: arrow_type(&element) }, arrays))
}

fn sorted(call: &Call<'_>, descending: bool) -> Answer {
    let element = element(call, 0)?;
    comparable(call, element)?;
    let how = Rearrange::Sort { descending };
    Ok(kernels::call(Rearranged { how, element: arrow_type(element), arrays: 1 }, vec![call.expr(0)?]))
}

fn sort_array(call: &Call<'_>) -> Answer {
    let ascending = match call.arguments.get(1).map(|order| &order.expr) {
        None => true,
        Some(Expr::Literal(datafusion::common::ScalarValue::Boolean(Some(ascending)), _)) => *ascending,
        Some(_) => return Err(SqlError::unsupported("`sort_array` with an order that is not a literal")),
    };
    sorted(call, !ascending)
}

/// Ascending, the nulls last: the opposite order, the other way round.
fn array_sort(call: &Call<'_>) -> Answer {
    let sorted = sorted(call, false)?;
    let element = arrow_type(element(call, 0)?);
    let without =
        kernels::call(Rearranged { how: Rearrange::Compact, element: element.clone(), arrays: 1 }, vec![sorted]);
    let nulls = super::lambda::nulls(call.expr(0)?, &element);
    Ok(kernels::call(Rearranged { how: Rearrange::Concat, element, arrays: 2 }, vec![without, nulls]))
}

fn slice(call: &Call<'_>) -> Answer {
    let element = arrow_type(element(call, 0)?);
    let arguments = vec![call.expr(0)?, call.int(1)?, call.int(2)?];
    Ok(kernels::call(Rearranged { how: Rearrange::Slice, element, arrays: 1 }, arguments))
}

fn join(call: &Call<'_>) -> Answer {
    element(call, 0)?;
    let texts = call.argument(0)?.cast(&DataType::Array(Box::new(DataType::String)))?;
    let mut arguments = vec![texts, call.text(1)?];
    if call.len() == 3 {
        arguments.push(call.text(2)?);
    }
    Ok(kernels::call(Joined { replaces: call.len() == 3 }, arguments))
}

/// The first of the sorted elements that are not null.
fn extreme(call: &Call<'_>, greatest: bool) -> Answer {
    use crate::kernels::element::{Counting, Element};
    let element = arrow_type(element(call, 0)?);
    let sorted = sorted(call, greatest)?;
    let compact = Rearranged { how: Rearrange::Compact, element: element.clone(), arrays: 1 };
    let valid = kernels::call(compact, vec![sorted]);
    Ok(kernels::call(Element { counting: Counting::IndexOrNull, element }, vec![valid, lit(0_i32)]))
}

fn repeat(call: &Call<'_>) -> Answer {
    let value = call.argument(0)?;
    let count = Typed { expr: call.int(1)?, data_type: DataType::Int };
    Ok(native::expr_fn::array_repeat(value.expr.clone(), count.cast(&DataType::Long)?))
}

fn flatten(call: &Call<'_>) -> Answer {
    match element(call, 0)? {
        DataType::Array(inner) => Ok(kernels::call(Flatten { element: arrow_type(inner) }, vec![call.expr(0)?])),
        _ => Err(call.wrong_types()),
    }
}

fn sequence(call: &Call<'_>) -> Answer {
    let (mut ends, common) = call.in_common(&[0, 1])?;
    let step = call.arguments.get(2);
    let kernel = match (&common, step.map(|step| interval::of(&step.expr))) {
        (DataType::Date, Some(Some(step))) if step.nanoseconds == 0 => Sequence::Days(step),
        (DataType::Timestamp, Some(Some(step))) => Sequence::Instants(step),
        (DataType::Date | DataType::Timestamp, None) => return by_days(ends, &common),
        (number, None | Some(None)) if number.is_integral() => {
            let long = |typed: &Typed| typed.cast(&DataType::Long);
            let ends: Vec<Typed> = ends.into_iter().map(|expr| Typed { expr, data_type: common.clone() }).collect();
            let mut arguments = ends.iter().map(long).collect::<Result<Vec<_>, _>>()?;
            arguments.push(match step {
                Some(_) => call.expect(2, &DataType::Long)?,
                None => down_or_up(&arguments),
            });
            let array = kernels::call(Sequence::Numbers, arguments);
            let array = Typed { expr: array, data_type: DataType::Array(Box::new(DataType::Long)) };
            return array.cast(&DataType::Array(Box::new(common)));
        }
        _ => {
            return Err(call
                .wrong_types()
                .help("a sequence of days or instants goes in steps of an interval: `interval 1 day`"));
        }
    };
    ends.truncate(2);
    Ok(kernels::call(kernel, ends))
}

/// One up, or one down when the end is below the start.
fn down_or_up(ends: &[Expr]) -> Expr {
    let [start, end] = ends else { return lit(1_i64) };
    let falls = super::operator::binary(start.clone(), datafusion::logical_expr::Operator::Gt, end.clone());
    super::conditional::either(falls, lit(-1_i64), Some(lit(1_i64)))
}

/// Days without a step go up a day at a time, or down.
fn by_days(ends: Vec<Expr>, data_type: &DataType) -> Answer {
    let [start, end] = <[Expr; 2]>::try_from(ends).map_err(|_| SqlError::internal("`sequence` lost an end"))?;
    let sequence = |days: i32| {
        let step = arrow::datatypes::IntervalMonthDayNano::new(0, days, 0);
        let kernel = if *data_type == DataType::Date { Sequence::Days(step) } else { Sequence::Instants(step) };
        kernels::call(kernel, vec![start.clone(), end.clone()])
    };
    let falls = super::operator::binary(start.clone(), datafusion::logical_expr::Operator::Gt, end.clone());
    Ok(super::conditional::either(falls, sequence(-1), Some(sequence(1))))
}

/// `concat_ws` of texts and arrays of texts: all of them, one after the other, without nulls.
pub(super) fn concat_ws(call: &Call<'_>) -> Answer {
    let texts = DataType::Array(Box::new(DataType::String));
    let mut arrays = Vec::with_capacity(call.len());
    for argument in call.arguments.iter().skip(1) {
        let array = match &argument.data_type {
            DataType::Array(_) => argument.cast(&texts)?,
            _ => native::expr_fn::make_array(vec![argument.cast(&DataType::String)?]),
        };
        // A null array is as good as an empty one.
        let empty = Typed { expr: super::nested::empty(), data_type: DataType::Array(Box::new(DataType::Null)) };
        let array = datafusion::logical_expr::cast(array, arrow_type(&texts));
        arrays.push(datafusion::functions::expr_fn::coalesce(vec![array, empty.cast(&texts)?]));
    }
    let kernel = Rearranged { how: Rearrange::Concat, element: arrow_type(&DataType::String), arrays: arrays.len() };
    Ok(kernels::call(Joined { replaces: false }, vec![kernels::call(kernel, arrays), call.text(0)?]))
}

/// `concat` of arrays.
pub(super) fn concat(call: &Call<'_>) -> Answer {
    rearranged(call, Rearrange::Concat)
}
