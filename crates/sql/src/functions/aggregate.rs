//! Aggregate functions, of a group or over a window.

use std::sync::Arc;

use arrow::datatypes::DataType as ArrowType;
use datafusion::functions_aggregate as native;
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use datafusion::logical_expr::{AggregateUDF, Expr, Operator, WindowFrameBound, lit};
use headwater_plan::DataType;

use super::form::condition;
use super::operator::binary;
use super::{Answer, Function, MANY, aggregate};
use crate::error::SqlError;
use crate::kernels;
use crate::kernels::decimal::DecimalOperation;
use crate::typing::aggregation::{Aggregation, Over};
use crate::typing::call::{Typed, expect};
use crate::typing::common::is_atomic;

pub(super) const FUNCTIONS: &[Function] = &[
    aggregate("count", 1..=MANY, count),
    aggregate("count_if", 1..=1, count_if),
    aggregate("sum", 1..=1, sum),
    aggregate("avg", 1..=1, avg),
    aggregate("mean", 1..=1, avg),
    aggregate("min", 1..=1, |call| extreme(call, native::min_max::min_udaf())),
    aggregate("max", 1..=1, |call| extreme(call, native::min_max::max_udaf())),
    aggregate("stddev", 1..=1, |call| of_double(call, native::stddev::stddev_udaf())),
    aggregate("stddev_samp", 1..=1, |call| of_double(call, native::stddev::stddev_udaf())),
    aggregate("std", 1..=1, |call| of_double(call, native::stddev::stddev_udaf())),
    aggregate("stddev_pop", 1..=1, |call| of_double(call, native::stddev::stddev_pop_udaf())),
    aggregate("variance", 1..=1, |call| of_double(call, native::variance::var_samp_udaf())),
    aggregate("var_samp", 1..=1, |call| of_double(call, native::variance::var_samp_udaf())),
    aggregate("var_pop", 1..=1, |call| of_double(call, native::variance::var_pop_udaf())),
    aggregate("corr", 2..=2, |call| of_double(call, native::correlation::corr_udaf())),
    aggregate("covar_samp", 2..=2, |call| of_double(call, native::covariance::covar_samp_udaf())),
    aggregate("covar_pop", 2..=2, |call| of_double(call, native::covariance::covar_pop_udaf())),
    aggregate("median", 1..=1, median),
    aggregate("bool_and", 1..=1, |call| of_boolean(call, native::bool_and_or::bool_and_udaf())),
    aggregate("every", 1..=1, |call| of_boolean(call, native::bool_and_or::bool_and_udaf())),
    aggregate("bool_or", 1..=1, |call| of_boolean(call, native::bool_and_or::bool_or_udaf())),
    aggregate("some", 1..=1, |call| of_boolean(call, native::bool_and_or::bool_or_udaf())),
    aggregate("any", 1..=1, |call| of_boolean(call, native::bool_and_or::bool_or_udaf())),
    aggregate("first", 1..=2, |call| end(call, true)),
    aggregate("first_value", 1..=2, |call| end(call, true)),
    aggregate("any_value", 1..=2, |call| end(call, true)),
    aggregate("last", 1..=2, |call| end(call, false)),
    aggregate("last_value", 1..=2, |call| end(call, false)),
    aggregate("try_sum", 1..=1, try_sum),
    aggregate("try_avg", 1..=1, avg),
    aggregate("bit_and", 1..=1, |call| of_bits(call, native::bit_and_or_xor::bit_and_udaf())),
    aggregate("bit_or", 1..=1, |call| of_bits(call, native::bit_and_or_xor::bit_or_udaf())),
    aggregate("bit_xor", 1..=1, |call| of_bits(call, native::bit_and_or_xor::bit_xor_udaf())),
    aggregate("grouping", 1..=1, |call| grouping(call, ArrowType::Int8)),
    aggregate("grouping_id", 1..=MANY, |call| grouping(call, ArrowType::Int64)),
    aggregate("regr_count", 2..=2, |call| {
        Ok(datafusion::logical_expr::cast(of_double(call, native::regr::regr_count_udaf())?, ArrowType::Int64))
    }),
    aggregate("collect_list", 1..=1, |call| collect(call, datafusion_spark::function::aggregate::collect_list())),
    aggregate("array_agg", 1..=1, |call| collect(call, datafusion_spark::function::aggregate::collect_list())),
    aggregate("collect_set", 1..=1, |call| collect(call, datafusion_spark::function::aggregate::collect_set())),
];

/// The function, which under DISTINCT looks at all groups together.
pub(super) fn one_of_each(call: &Aggregation<'_>, function: Arc<AggregateUDF>) -> Arc<AggregateUDF> {
    if call.distinct { kernels::distinct::distinct(function) } else { function }
}

/// Counts the rows in which no argument is null.
fn count(call: &Aggregation<'_>) -> Answer {
    let function = one_of_each(call, native::count::count_udaf());
    if call.call.len() == 1 {
        return Ok(call.aggregate(function, vec![call.call.expr(0)?]));
    }
    let all = call.call.arguments.iter().map(|argument| Expr::IsNotNull(Box::new(argument.expr.clone())));
    let complete = all.reduce(|left, right| binary(left, Operator::And, right));
    let complete = complete.ok_or_else(|| SqlError::internal("`count` lost its arguments"))?;
    let value = if call.distinct {
        let values = call.call.arguments.iter().map(|argument| argument.expr.clone()).collect();
        Expr::ScalarFunction(ScalarFunction::new_udf(datafusion::functions::core::r#struct(), values))
    } else {
        lit(1_i64)
    };
    let counted = Expr::Case(Case::new(None, vec![(Box::new(complete), Box::new(value))], None));
    Ok(call.aggregate(function, vec![counted]))
}

fn count_if(call: &Aggregation<'_>) -> Answer {
    let holds = condition(call.argument(0)?)?;
    let value: Box<Expr> = if call.distinct { Box::new(lit(true)) } else { Box::new(lit(1_i64)) };
    let counted = Expr::Case(Case::new(None, vec![(Box::new(holds), value)], None));
    Ok(call.aggregate(one_of_each(call, native::count::count_udaf()), vec![counted]))
}

/// The argument as a number; a text becomes a double.
fn number(call: &Aggregation<'_>) -> Result<Typed, SqlError> {
    let value = call.argument(0)?;
    match &value.data_type {
        data_type if data_type.is_numeric() => Ok(value.clone()),
        DataType::String | DataType::Null => {
            Ok(Typed { expr: value.cast(&DataType::Double)?, data_type: DataType::Double })
        }
        other => {
            let message = format!("argument 1 of `{}` should be a number, not `{other}`", call.call.name);
            Err(SqlError::mismatch(message))
        }
    }
}

fn sum(call: &Aggregation<'_>) -> Answer {
    let value = number(call)?;
    let function = one_of_each(call, native::sum::sum_udaf());
    match &value.data_type {
        // Four thousand million rows of the widest int still fit into a bigint.
        DataType::Byte | DataType::Short | DataType::Int => {
            Ok(call.aggregate(function, vec![value.cast(&DataType::Long)?]))
        }
        // DataFusion's sum of bigints wraps around; a sum of decimals has room, and the cast back checks it.
        DataType::Long => {
            let wide = datafusion::logical_expr::cast(value.expr, ArrowType::Decimal128(19, 0));
            let sum = call.aggregate(function, vec![wide]);
            Ok(datafusion::logical_expr::cast(sum, ArrowType::Int64))
        }
        DataType::Decimal { precision, .. } if *precision > 28 => {
            // With fewer digits it takes more rows than there are to overflow.
            Err(SqlError::unsupported(format!("`sum` of `{}`, which could overflow unseen,", value.data_type))
                .help("cast it to a decimal of at most 28 digits"))
        }
        DataType::Float => Ok(call.aggregate(function, vec![value.cast(&DataType::Double)?])),
        _ => Ok(call.aggregate(function, vec![value.expr])),
    }
}

/// Which of the keys a row of grouping sets is not grouped by, as bits.
fn grouping(call: &Aggregation<'_>, to: ArrowType) -> Answer {
    let keys = call.call.arguments.iter().map(|key| key.expr.clone()).collect();
    Ok(datafusion::logical_expr::cast(call.aggregate(native::grouping::grouping_udaf(), keys), to))
}

/// The sum, and null where it does not fit.
fn try_sum(call: &Aggregation<'_>) -> Answer {
    let value = number(call)?;
    if value.data_type != DataType::Long {
        return sum(call);
    }
    let wide = datafusion::logical_expr::cast(value.expr, ArrowType::Decimal128(19, 0));
    let sum = call.aggregate(one_of_each(call, native::sum::sum_udaf()), vec![wide]);
    Ok(datafusion::logical_expr::try_cast(sum, ArrowType::Int64))
}

fn of_bits(call: &Aggregation<'_>, function: Arc<AggregateUDF>) -> Answer {
    let value = call.argument(0)?;
    if !value.data_type.is_integral() {
        return Err(call.call.wrong_types());
    }
    Ok(call.aggregate(function, vec![value.expr.clone()]))
}

fn avg(call: &Aggregation<'_>) -> Answer {
    let value = number(call)?;
    let DataType::Decimal { precision, scale } = value.data_type else {
        return Ok(call.aggregate(one_of_each(call, native::average::avg_udaf()), vec![value.cast(&DataType::Double)?]));
    };
    if precision > 28 {
        return Err(SqlError::unsupported(format!("`avg` of `{}`, which could overflow unseen,", value.data_type))
            .help("cast it to a decimal of at most 28 digits"));
    }
    // The sum by the count, rounded half up to four more digits; DataFusion's own cuts them off.
    let sum = call.aggregate(one_of_each(call, native::sum::sum_udaf()), vec![value.expr.clone()]);
    let count = call.aggregate(one_of_each(call, native::count::count_udaf()), vec![value.expr]);
    let count = datafusion::logical_expr::cast(count, ArrowType::Decimal128(20, 0));
    // No rows have no average; without this they would be divided by zero.
    let count = super::conditional::null_when(
        binary(count.clone(), Operator::Eq, datafusion::logical_expr::cast(lit(0_i64), ArrowType::Decimal128(20, 0))),
        count,
        &DataType::Decimal { precision: 20, scale: 0 },
    )?;
    let quotient = DecimalOperation::divide_to((precision + 10, scale), (20, 0), (precision + 4, scale + 4));
    Ok(kernels::call(quotient, vec![sum, count]))
}

fn extreme(call: &Aggregation<'_>, function: Arc<AggregateUDF>) -> Answer {
    let value = call.argument(0)?;
    if !is_atomic(&value.data_type) && value.data_type != DataType::Null {
        return Err(SqlError::unsupported(format!("`{}` of `{}`", call.call.name, value.data_type)));
    }
    Ok(call.aggregate(function, vec![value.expr.clone()]))
}

fn of_double(call: &Aggregation<'_>, function: Arc<AggregateUDF>) -> Answer {
    let name = call.call.name;
    call.refuse_distinct()?;
    let arguments = call.call.arguments.iter().enumerate();
    let doubles = arguments.map(|(index, argument)| expect(name, index, argument, &DataType::Double));
    Ok(call.aggregate(function, doubles.collect::<Result<_, _>>()?))
}

fn median(call: &Aggregation<'_>) -> Answer {
    let value = number(call)?;
    if call.over.is_some() {
        return Err(SqlError::unsupported("`median` over a window"));
    }
    Ok(call.aggregate(native::median::median_udaf(), vec![value.cast(&DataType::Double)?]))
}

fn of_boolean(call: &Aggregation<'_>, function: Arc<AggregateUDF>) -> Answer {
    Ok(call.aggregate(function, vec![condition(call.argument(0)?)?]))
}

/// The first or last value; which one that is, without a window, only the order of the rows knows.
fn end(call: &Aggregation<'_>, first: bool) -> Answer {
    call.refuse_distinct()?;
    let mut call = call.plain();
    if call.call.len() == 2 {
        call.ignore_nulls = match &call.argument(1)?.expr {
            Expr::Literal(datafusion::common::ScalarValue::Boolean(Some(ignore)), _) => Some(*ignore),
            _ => {
                return Err(SqlError::unsupported(format!(
                    "`{}` with a second argument other than `true` or `false`",
                    call.call.name
                )));
            }
        };
    }
    let value = vec![call.call.expr(0)?];
    if call.over.is_some() {
        let function = if first {
            datafusion::functions_window::nth_value::first_value_udwf()
        } else {
            datafusion::functions_window::nth_value::last_value_udwf()
        };
        return call.window(function, value);
    }
    let function = if first { native::first_last::first_value_udaf() } else { native::first_last::last_value_udaf() };
    Ok(call.aggregate(function, value))
}

fn collect(call: &Aggregation<'_>, function: Arc<AggregateUDF>) -> Answer {
    let moves = |over: &Over| !matches!(&over.frame.start_bound, WindowFrameBound::Preceding(bound) if bound.is_null());
    if call.over.as_ref().is_some_and(moves) {
        return Err(SqlError::unsupported(format!("`{}` over a window whose beginning moves", call.call.name)));
    }
    let value = call.argument(0)?;
    if matches!(value.data_type, DataType::Map(..) | DataType::Null) {
        return Err(SqlError::unsupported(format!("`{}` of `{}`", call.call.name, value.data_type)));
    }
    Ok(call.aggregate(function, vec![value.expr.clone()]))
}
