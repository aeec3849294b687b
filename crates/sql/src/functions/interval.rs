//! Intervals. They exist only as literals that are added to or taken from a day or an instant; no column holds one.

use arrow::datatypes::{DataType as ArrowType, IntervalMonthDayNano};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{Expr, ExprSchemable};
use headwater_plan::{Code, DataType};

use super::Answer;
use crate::error::SqlError;
use crate::typing::call::{Call, Typed};

/// Types an argument; the operators that take an interval get it without a type.
pub(crate) fn typed(function: &str, argument: Expr, schema: &DFSchema) -> Result<Typed, SqlError> {
    if matches!(function, "+" | "-" | "negative" | "sequence")
        && matches!(argument.get_type(schema), Ok(ArrowType::Interval(_)))
    {
        return Ok(Typed { expr: argument, data_type: DataType::Null });
    }
    Typed::of(argument, schema)
}

/// The interval that an expression is.
pub(super) fn of(expr: &Expr) -> Option<IntervalMonthDayNano> {
    match expr {
        Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(interval)), _) => Some(*interval),
        _ => None,
    }
}

pub(super) fn negated(interval: IntervalMonthDayNano) -> Expr {
    literal(IntervalMonthDayNano::new(-interval.months, -interval.days, -interval.nanoseconds))
}

fn literal(interval: IntervalMonthDayNano) -> Expr {
    Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(interval)), None)
}

/// `interval '1' day`, `interval 2 hours`, `interval '1 day 2 hours'`.
pub(super) fn form(call: &Call<'_>) -> Answer {
    let (amount, unit) = (call.literal_text(0, "amount")?, call.literal_text(1, "unit")?);
    let text = if unit.is_empty() { amount.into_owned() } else { format!("{amount} {unit}") };
    let wrong = || {
        SqlError::new(Code::SqlSyntax, format!("`{}` is not an interval", text.trim().to_lowercase()))
            .help("write a number and a unit: `interval 3 days`")
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.is_empty() || !words.len().is_multiple_of(2) {
        return Err(wrong());
    }
    let mut sum = IntervalMonthDayNano::new(0, 0, 0);
    for pair in words.chunks(2) {
        let part = part(pair[0], pair[1]).ok_or_else(wrong)?;
        sum.months = sum.months.checked_add(part.months).ok_or_else(wrong)?;
        sum.days = sum.days.checked_add(part.days).ok_or_else(wrong)?;
        sum.nanoseconds = sum.nanoseconds.checked_add(part.nanoseconds).ok_or_else(wrong)?;
    }
    Ok(literal(sum))
}

fn part(amount: &str, unit: &str) -> Option<IntervalMonthDayNano> {
    let unit = unit.to_lowercase();
    let unit = unit.strip_suffix('s').unwrap_or(&unit);
    let whole = || amount.parse::<i64>().ok();
    let months = |factor: i64| {
        let months = i32::try_from(whole()?.checked_mul(factor)?).ok()?;
        Some(IntervalMonthDayNano::new(months, 0, 0))
    };
    let days = |factor: i64| {
        let days = i32::try_from(whole()?.checked_mul(factor)?).ok()?;
        Some(IntervalMonthDayNano::new(0, days, 0))
    };
    let nanoseconds = |factor: i64| {
        let (value, seconds) = (whole(), factor == 1_000_000_000);
        let value = match value {
            Some(value) => value.checked_mul(factor)?,
            // Only seconds may have a fraction.
            None if seconds => fraction(amount)?,
            None => return None,
        };
        Some(IntervalMonthDayNano::new(0, 0, value))
    };
    match unit {
        "year" => months(12),
        "quarter" => months(3),
        "month" => months(1),
        "week" => days(7),
        "day" => days(1),
        "hour" => nanoseconds(3_600_000_000_000),
        "minute" => nanoseconds(60_000_000_000),
        "second" => nanoseconds(1_000_000_000),
        "millisecond" => nanoseconds(1_000_000),
        "microsecond" => nanoseconds(1_000),
        _ => None,
    }
}

fn fraction(amount: &str) -> Option<i64> {
    let (sign, amount) = amount.strip_prefix('-').map_or((1, amount), |amount| (-1, amount));
    let (whole, digits) = amount.split_once('.')?;
    if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: i64 = format!("{digits:0<9}").parse().ok()?;
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    Some(sign * (whole.checked_mul(1_000_000_000)?.checked_add(nanoseconds)?))
}
