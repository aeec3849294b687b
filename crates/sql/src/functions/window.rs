//! Functions of a window alone.

use std::sync::Arc;

use arrow::datatypes::DataType as ArrowType;
use datafusion::functions_window as native;
use datafusion::logical_expr::{Expr, WindowUDF, lit};

use super::{Answer, Function, window};
use crate::error::SqlError;
use crate::typing::aggregation::Aggregation;
use crate::typing::common::common_type;

pub(super) const FUNCTIONS: &[Function] = &[
    window("row_number", 0..=0, |call| rank(call, native::row_number::row_number_udwf())),
    window("rank", 0..=0, |call| rank(call, native::rank::rank_udwf())),
    window("dense_rank", 0..=0, |call| rank(call, native::rank::dense_rank_udwf())),
    window("percent_rank", 0..=0, |call| share(call, native::rank::percent_rank_udwf())),
    window("cume_dist", 0..=0, |call| share(call, native::cume_dist::cume_dist_udwf())),
    window("ntile", 0..=1, ntile),
    window("lag", 1..=3, |call| neighbour(call, native::lead_lag::lag_udwf())),
    window("lead", 1..=3, |call| neighbour(call, native::lead_lag::lead_udwf())),
    window("nth_value", 2..=2, nth_value),
];

/// A rank, which Spark gives as an int.
fn rank(call: &Aggregation<'_>, function: Arc<WindowUDF>) -> Answer {
    Ok(int(call.window(function, Vec::new())?))
}

/// A rank as a share of all ranks.
fn share(call: &Aggregation<'_>, function: Arc<WindowUDF>) -> Answer {
    call.window(function, Vec::new())
}

fn int(expr: Expr) -> Expr {
    datafusion::logical_expr::cast(expr, ArrowType::Int32)
}

fn ntile(call: &Aggregation<'_>) -> Answer {
    let buckets = if call.call.len() == 1 { call.call.literal_integer(0, "number of buckets")? } else { 1 };
    if buckets < 1 {
        return Err(SqlError::mismatch(format!("`ntile` of {buckets} buckets: there must be at least 1")));
    }
    Ok(int(call.window(native::ntile::ntile_udwf(), vec![lit(buckets)])?))
}

/// The value some rows before or after, or the default where there is none.
fn neighbour(call: &Aggregation<'_>, function: Arc<WindowUDF>) -> Answer {
    let value = call.argument(0)?;
    let offset = if call.call.len() > 1 { call.call.literal_integer(1, "offset")? } else { 1 };
    let mut arguments = vec![value.expr.clone(), lit(offset)];
    if call.call.len() == 3 {
        let default = call.argument(2)?;
        if default.constant().is_none() {
            return Err(SqlError::unsupported(format!("`{}` with a default that is not a literal", call.call.name))
                .help(format!(
                    "write `coalesce({0}(value) over (...), default)` where no value is null",
                    call.call.name
                )));
        }
        let fits = common_type(&value.data_type, &default.data_type).as_ref() == Some(&value.data_type);
        if !fits {
            let (value, default) = (&value.data_type, &default.data_type);
            let message = format!("the default of `{}` should be `{value}`, not `{default}`", call.call.name);
            return Err(SqlError::mismatch(message));
        }
        arguments.push(default.cast(&value.data_type)?);
    }
    call.window(function, arguments)
}

fn nth_value(call: &Aggregation<'_>) -> Answer {
    let number = call.call.literal_integer(1, "position")?;
    if number < 1 {
        return Err(SqlError::mismatch(format!("`nth_value` of position {number}: positions begin at 1")));
    }
    call.window(native::nth_value::nth_value_udwf(), vec![call.call.expr(0)?, lit(number)])
}
