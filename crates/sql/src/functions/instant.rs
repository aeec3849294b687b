//! Instants as numbers, from parts and in other time zones.

use datafusion::logical_expr::{Expr, lit};
use headwater_plan::DataType;

use super::{Answer, Function, scalar};
use crate::kernels;
use crate::kernels::zone::{AfterUnits, MakeInstant, NextDay, ShiftZone, UnitsSince};
use crate::typing::call::{Call, Typed};

pub(super) const FUNCTIONS: &[Function] = &[
    scalar("unix_seconds", 1..=1, |call| since(call, 1_000_000)),
    scalar("unix_millis", 1..=1, |call| since(call, 1_000)),
    scalar("unix_micros", 1..=1, |call| since(call, 1)),
    scalar("timestamp_millis", 1..=1, |call| after(call, 1_000)),
    scalar("timestamp_micros", 1..=1, |call| after(call, 1)),
    scalar("unix_date", 1..=1, |call| {
        Ok(datafusion::logical_expr::cast(call.expect(0, &DataType::Date)?, arrow::datatypes::DataType::Int32))
    }),
    scalar("date_from_unix_date", 1..=1, |call| {
        Ok(datafusion::logical_expr::cast(call.int(0)?, arrow::datatypes::DataType::Date32))
    }),
    scalar("from_utc_timestamp", 2..=2, |call| shifted(call, false)),
    scalar("to_utc_timestamp", 2..=2, |call| shifted(call, true)),
    scalar("current_timezone", 0..=0, |_| Ok(lit("UTC"))),
    scalar("next_day", 2..=2, |call| Ok(kernels::call(NextDay, vec![call.expect(0, &DataType::Date)?, call.text(1)?]))),
    scalar("make_timestamp", 6..=6, make_timestamp),
    scalar("to_timestamp_ltz", 1..=1, |call| call.argument(0)?.cast(&DataType::Timestamp)),
    scalar("to_timestamp_ntz", 1..=1, |call| call.argument(0)?.cast(&DataType::TimestampNtz)),
    scalar("localtimestamp", 0..=0, localtimestamp),
];

fn since(call: &Call<'_>, unit: i64) -> Answer {
    Ok(kernels::call(UnitsSince { unit }, vec![call.expect(0, &DataType::Timestamp)?]))
}

fn after(call: &Call<'_>, unit: i64) -> Answer {
    Ok(kernels::call(AfterUnits { unit }, vec![call.expect(0, &DataType::Long)?]))
}

fn shifted(call: &Call<'_>, to_utc: bool) -> Answer {
    Ok(kernels::call(ShiftZone { to_utc }, vec![call.expect(0, &DataType::Timestamp)?, call.text(1)?]))
}

fn make_timestamp(call: &Call<'_>) -> Answer {
    let date = kernels::call(kernels::calendar::MakeDate, vec![call.int(0)?, call.int(1)?, call.int(2)?]);
    let seconds = call.argument(5)?.cast(&DataType::Decimal { precision: 16, scale: 6 })?;
    Ok(kernels::call(MakeInstant, vec![date, call.int(3)?, call.int(4)?, seconds]))
}

fn localtimestamp(call: &Call<'_>) -> Answer {
    let now = datafusion::common::ScalarValue::TimestampMicrosecond(Some(call.now), Some("UTC".into()));
    Typed { expr: Expr::Literal(now, None), data_type: DataType::Timestamp }.cast(&DataType::TimestampNtz)
}
