//! Aggregate functions that look at an order: `max_by`, percentiles, `listagg`. What stands in `WITHIN GROUP (ORDER BY ...)`
//! comes after the other arguments: the value, and in a text which way it is sorted.

use datafusion::functions_aggregate as native;
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{Expr, Operator, cast, lit};
use headwater_plan::DataType;

use super::conditional::null_when;
use super::operator::binary;
use super::{Answer, Function, aggregate};
use crate::error::SqlError;
use crate::kernels;
use crate::kernels::element::{Counting, Element, Joined};
use crate::kernels::list::{Ask, Asked, Rearrange, Rearranged};
use crate::kernels::percentile::Percentile;
use crate::types::arrow_type;
use crate::typing::aggregation::Aggregation;
use crate::typing::call::Typed;

pub(super) const FUNCTIONS: &[Function] = &[
    aggregate("max_by", 2..=2, |call| by(call, false)),
    aggregate("min_by", 2..=2, |call| by(call, true)),
    aggregate("percentile", 2..=2, percentile),
    aggregate("percentile_cont", 1..=3, percentile_cont),
    aggregate("percentile_disc", 1..=3, percentile_disc),
    aggregate("percentile_approx", 2..=3, approximate),
    aggregate("approx_percentile", 2..=3, approximate),
    aggregate("approx_count_distinct", 1..=2, count_distinct),
    aggregate("listagg", 1..=4, listagg),
    aggregate("string_agg", 1..=4, listagg),
];

/// The functions that WITHIN GROUP goes with.
pub(crate) const WITHIN_GROUP: &[&str] = &["percentile_cont", "percentile_disc", "listagg", "string_agg"];

/// The two arguments that WITHIN GROUP becomes: a value, and the way it is sorted.
struct Within {
    value: Typed,
    descending: bool,
}

fn within(call: &Aggregation<'_>, first: usize) -> Result<Option<Within>, SqlError> {
    if call.call.len() < first + 2 {
        return Ok(None);
    }
    let value = call.argument(first)?.clone();
    let descending = call.call.literal_text(first + 1, "direction")? == "desc";
    Ok(Some(Within { value, descending }))
}

fn refuse_window(call: &Aggregation<'_>) -> Result<(), SqlError> {
    let name = call.call.name;
    if call.over.is_some() { Err(SqlError::unsupported(format!("`{name}` over a window"))) } else { Ok(()) }
}

/// The value of the row in which another value is the greatest or the least.
fn by(call: &Aggregation<'_>, least: bool) -> Answer {
    refuse_window(call)?;
    call.refuse_distinct()?;
    let (value, key) = (call.argument(0)?, call.argument(1)?);
    if matches!(key.data_type, DataType::Map(..)) {
        return Err(call.call.wrong_types());
    }
    // Rows without a key do not count.
    let known = Expr::IsNotNull(Box::new(key.expr.clone()));
    let filter = match &call.filter {
        Some(filter) => binary(filter.clone(), Operator::And, known),
        None => known,
    };
    let order = Sort { expr: key.expr.clone(), asc: least, nulls_first: false };
    let function = native::first_last::first_value_udaf();
    Ok(call.filtered(filter).ordered(function, vec![value.expr.clone()], vec![order]))
}

/// The values of a group as doubles.
fn double(call: &Aggregation<'_>, value: &Typed) -> Answer {
    crate::typing::call::expect(call.call.name, 0, value, &DataType::Double)
}

/// One percentile, or an array of them, between the two nearest values.
fn percentile(call: &Aggregation<'_>) -> Answer {
    refuse_window(call)?;
    call.refuse_distinct()?;
    let value = double(call, call.argument(0)?)?;
    of_each(call, 1, |share| Ok(interpolated(call, value.clone(), share, false)))
}

fn interpolated(call: &Aggregation<'_>, value: Expr, share: f64, descending: bool) -> Expr {
    // With nulls, which the kernel passes over: this one is quick for many groups.
    let values = call.aggregate(native::array_agg::array_agg_udaf(), vec![value]);
    let values = cast(values, arrow_type(&DataType::Array(Box::new(DataType::Double))));
    kernels::call(Percentile::new(share, descending), vec![values])
}

fn percentile_cont(call: &Aggregation<'_>) -> Answer {
    refuse_window(call)?;
    let Some(within) = within(call, 1)? else { return Err(without(call)) };
    let value = double(call, &within.value)?;
    of_each(call, 0, |share| Ok(interpolated(call, value.clone(), share, within.descending)))
}

fn without(call: &Aggregation<'_>) -> SqlError {
    let name = call.call.name;
    SqlError::mismatch(format!("`{name}` needs an order"))
        .help(format!("write `{name}(0.5) within group (order by value)`"))
}

/// The answer for a share, or an array of answers for an array of shares.
fn of_each(call: &Aggregation<'_>, index: usize, one: impl Fn(f64) -> Answer) -> Answer {
    let shares = call.argument(index)?;
    if matches!(shares.data_type, DataType::Array(_)) {
        let shares = elements(shares)
            .ok_or_else(|| SqlError::unsupported(format!("`{}` with shares that are not literals", call.call.name)))?;
        let answers: Vec<Expr> = shares.into_iter().map(|share| one(checked(share)?)).collect::<Result<_, _>>()?;
        let first = answers.first().cloned().ok_or_else(|| SqlError::mismatch("an empty array of shares"))?;
        let array = datafusion::functions_nested::expr_fn::make_array(answers);
        // Of no values there is no array either.
        let empty = Expr::IsNull(Box::new(first));
        return Ok(super::conditional::either(Expr::Not(Box::new(empty)), array, None));
    }
    let share = shares.constant().and_then(number);
    let share = share
        .ok_or_else(|| SqlError::unsupported(format!("`{}` with a share that is not a literal", call.call.name)))?;
    one(checked(share)?)
}

fn checked(share: f64) -> Result<f64, SqlError> {
    if (0.0..=1.0).contains(&share) {
        return Ok(share);
    }
    Err(SqlError::mismatch(format!("a share lies between 0 and 1, and this one is {share}")))
}

fn number(value: datafusion::common::ScalarValue) -> Option<f64> {
    match value.cast_to(&arrow::datatypes::DataType::Float64).ok()? {
        datafusion::common::ScalarValue::Float64(value) => value,
        _ => None,
    }
}

fn elements(array: &Typed) -> Option<Vec<f64>> {
    let datafusion::common::ScalarValue::List(list) = array.constant()? else { return None };
    let values = list.values();
    let value = |index| number(datafusion::common::ScalarValue::try_from_array(values, index).ok()?);
    (0..values.len()).map(value).collect()
}

/// The values of a group in an array.
fn collected(call: &Aggregation<'_>, value: &Typed) -> Expr {
    let list = call.aggregate(datafusion_spark::function::aggregate::collect_list(), vec![value.expr.clone()]);
    cast(list, arrow_type(&DataType::Array(Box::new(value.data_type.clone()))))
}

/// The value at a share of a group's sorted values: the first that leaves at least that share behind or at it.
fn at(call: &Aggregation<'_>, value: &Typed, share: f64, descending: bool) -> Expr {
    let element = arrow_type(&value.data_type);
    let sort = Rearranged { how: Rearrange::Sort { descending }, element: element.clone(), arrays: 1 };
    let sorted = kernels::call(sort, vec![collected(call, value)]);
    let size = kernels::call(Asked { what: Ask::Size, element: element.clone() }, vec![sorted.clone()]);
    let wide = cast(size, arrow::datatypes::DataType::Float64);
    let place = datafusion::functions::expr_fn::ceil(binary(wide, Operator::Multiply, lit(share)));
    let place =
        cast(datafusion::functions::expr_fn::greatest(vec![place, lit(1.0_f64)]), arrow::datatypes::DataType::Int32);
    kernels::call(Element { counting: Counting::OrdinalOrNull, element }, vec![sorted, place])
}

fn percentile_disc(call: &Aggregation<'_>) -> Answer {
    refuse_window(call)?;
    let Some(within) = within(call, 1)? else { return Err(without(call)) };
    let value = Typed { expr: double(call, &within.value)?, data_type: DataType::Double };
    of_each(call, 0, |share| Ok(at(call, &value, share, within.descending)))
}

/// Spark's is near the answer; this one is the answer.
fn approximate(call: &Aggregation<'_>) -> Answer {
    refuse_window(call)?;
    let value = call.argument(0)?;
    let known = value.data_type.is_numeric() || value.data_type.is_time();
    if !known {
        return Err(call.call.wrong_types());
    }
    of_each(call, 1, |share| Ok(at(call, value, share, false)))
}

/// As many as there are, where Spark's answer may be some percent off.
fn count_distinct(call: &Aggregation<'_>) -> Answer {
    refuse_window(call)?;
    let call = call.distinct();
    let function = super::aggregate::one_of_each(&call, native::count::count_udaf());
    Ok(call.aggregate(function, vec![call.argument(0)?.expr.clone()]))
}

fn listagg(call: &Aggregation<'_>) -> Answer {
    refuse_window(call)?;
    let count = call.call.len();
    // The order, when there is one, makes the last two.
    let plain = if count > 2 { count - 2 } else { count };
    let value = call.call.text(0)?;
    let delimiter = match plain {
        1 => String::new(),
        _ => call.call.literal_text(1, "delimiter")?.into_owned(),
    };
    let order = within(call, plain)?;
    if call.distinct {
        return distinct_listagg(call, value, delimiter, order);
    }
    let order =
        order.map(|order| Sort { expr: order.value.expr, asc: !order.descending, nulls_first: !order.descending });
    let function = native::string_agg::string_agg_udaf();
    Ok(call.ordered(function, vec![value, lit(delimiter)], order.into_iter().collect()))
}

/// Each text once; their order can only be their own.
fn distinct_listagg(call: &Aggregation<'_>, value: Expr, delimiter: String, order: Option<Within>) -> Answer {
    let descending = order.as_ref().is_some_and(|order| order.descending);
    if order.is_some_and(|order| order.value.expr != value) {
        return Err(SqlError::mismatch(format!("`{}(DISTINCT ...)` is sorted by its own value alone", call.call.name)));
    }
    let text = arrow::datatypes::DataType::Utf8;
    let set = call.plain().aggregate(datafusion_spark::function::aggregate::collect_set(), vec![value]);
    let set = cast(set, kernels::each::list_of(&text));
    let sort = Rearranged { how: Rearrange::Sort { descending }, element: text.clone(), arrays: 1 };
    let sorted = kernels::call(sort, vec![set]);
    let size = kernels::call(Asked { what: Ask::Size, element: text }, vec![sorted.clone()]);
    let joined = kernels::call(Joined { replaces: false }, vec![sorted, lit(delimiter)]);
    null_when(binary(size, Operator::Eq, lit(0_i32)), joined, &DataType::String)
}
