//! Days and instants. The session's time zone is UTC.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use headwater_plan::{Code, DataType};

use super::{Answer, Function, scalar};
use crate::error::{SqlError, suggest};
use crate::kernels;
use crate::kernels::calendar::{LastDay, MakeDate, Part, TruncateDay, TruncateInstant, Unit};
use crate::kernels::moving::{AddMonths, AddUnits, MonthsBetween, UnitsBetween, add_days};
use crate::kernels::pattern::{Format, Parse, Piece, pieces, reads};
use crate::kernels::time_text::InstantTo;
use crate::typing::call::{Call, Typed};

pub(super) const FUNCTIONS: &[Function] = &[
    scalar("current_date", 0..=0, today),
    scalar("curdate", 0..=0, today),
    scalar("current_timestamp", 0..=0, |call| Ok(now(call))),
    scalar("now", 0..=0, |call| Ok(now(call))),
    scalar("year", 1..=1, |call| part(call, Part::Year)),
    scalar("quarter", 1..=1, |call| part(call, Part::Quarter)),
    scalar("month", 1..=1, |call| part(call, Part::Month)),
    scalar("day", 1..=1, |call| part(call, Part::Day)),
    scalar("dayofmonth", 1..=1, |call| part(call, Part::Day)),
    scalar("dayofweek", 1..=1, |call| part(call, Part::DayOfWeek)),
    scalar("weekday", 1..=1, |call| part(call, Part::Weekday)),
    scalar("dayofyear", 1..=1, |call| part(call, Part::DayOfYear)),
    scalar("weekofyear", 1..=1, |call| part(call, Part::Week)),
    scalar("hour", 1..=1, |call| part(call, Part::Hour)),
    scalar("minute", 1..=1, |call| part(call, Part::Minute)),
    scalar("second", 1..=1, |call| part(call, Part::Second)),
    scalar("date_part", 2..=2, extract),
    scalar("datepart", 2..=2, extract),
    scalar("dayname", 1..=1, |call| named(call, Piece::Field('E', 3))),
    scalar("monthname", 1..=1, |call| named(call, Piece::Field('M', 3))),
    scalar("unix_timestamp", 0..=2, unix_timestamp),
    scalar("to_unix_timestamp", 1..=2, unix_timestamp),
    scalar("from_unixtime", 1..=2, from_unixtime),
    scalar("timestamp_seconds", 1..=1, |call| call.argument(0)?.cast(&DataType::Timestamp)),
    scalar("to_date", 1..=2, |call| to_date(call, false)),
    scalar("try_to_date", 1..=2, |call| to_date(call, true)),
    scalar("to_timestamp", 1..=2, |call| to_timestamp(call, false)),
    scalar("try_to_timestamp", 1..=2, |call| to_timestamp(call, true)),
    scalar("date_format", 2..=2, date_format),
    scalar("date_trunc", 2..=2, date_trunc),
    scalar("trunc", 2..=2, trunc),
    scalar("date_add", 2..=3, |call| move_days(call, false)),
    scalar("dateadd", 2..=3, |call| move_days(call, false)),
    scalar("date_sub", 2..=2, |call| move_days(call, true)),
    scalar("datediff", 2..=3, datediff),
    scalar("date_diff", 2..=3, datediff),
    scalar("timestampdiff", 3..=3, units_between),
    scalar("timestampadd", 3..=3, add_units),
    scalar("add_months", 2..=2, |call| Ok(kernels::call(AddMonths, vec![day(call, 0)?, call.int(1)?]))),
    scalar("months_between", 2..=3, months_between),
    scalar("last_day", 1..=1, |call| Ok(kernels::call(LastDay, vec![day(call, 0)?]))),
    scalar("make_date", 3..=3, make_date),
];

fn now(call: &Call<'_>) -> Expr {
    Expr::Literal(ScalarValue::TimestampMicrosecond(Some(call.now), Some("UTC".into())), None)
}

fn today(call: &Call<'_>) -> Answer {
    Typed { expr: now(call), data_type: DataType::Timestamp }.cast(&DataType::Date)
}

fn day(call: &Call<'_>, index: usize) -> Answer {
    call.expect(index, &DataType::Date)
}

fn moment(call: &Call<'_>, index: usize) -> Answer {
    call.expect(index, &DataType::Timestamp)
}

fn part(call: &Call<'_>, part: Part) -> Answer {
    let value = if part.of_time() { moment(call, 0)? } else { day(call, 0)? };
    Ok(kernels::call(part, vec![value]))
}

/// The fields of `extract`: whole numbers, but for the seconds with their fraction.
pub(super) fn extract(call: &Call<'_>) -> Answer {
    let field = call.literal_text(0, "field")?.to_uppercase();
    let known = match field.as_str() {
        "YEAR" | "Y" | "YEARS" | "YR" | "YRS" => Part::Year,
        "YEAROFWEEK" => Part::YearOfWeek,
        "QUARTER" | "QTR" => Part::Quarter,
        "MONTH" | "MON" | "MONS" | "MONTHS" => Part::Month,
        "WEEK" | "W" | "WEEKS" => Part::Week,
        "DAY" | "D" | "DAYS" => Part::Day,
        "DAYOFWEEK" | "DOW" => Part::DayOfWeek,
        "DAYOFWEEK_ISO" | "DOW_ISO" => Part::IsoDayOfWeek,
        "DOY" => Part::DayOfYear,
        "HOUR" | "H" | "HOURS" | "HR" | "HRS" => Part::Hour,
        "MINUTE" | "M" | "MIN" | "MINS" | "MINUTES" => Part::Minute,
        "SECOND" | "S" | "SEC" | "SECONDS" | "SECS" => {
            return Ok(kernels::call(kernels::zone::Seconds, vec![moment(call, 1)?]));
        }
        _ => {
            let fields = ["YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "DAYOFWEEK", "DOY", "HOUR", "MINUTE"];
            return Err(SqlError::mismatch(format!("there is no field `{field}` of a date or timestamp"))
                .help_if(suggest(&field, "the fields are", fields)));
        }
    };
    part_of(call, known, 1)
}

fn part_of(call: &Call<'_>, part: Part, index: usize) -> Answer {
    let value = if part.of_time() { moment(call, index)? } else { day(call, index)? };
    Ok(kernels::call(part, vec![value]))
}

fn named(call: &Call<'_>, piece: Piece) -> Answer {
    let date = Typed { expr: day(call, 0)?, data_type: DataType::Date };
    Ok(kernels::call(Format { pieces: vec![piece] }, vec![date.cast(&DataType::Timestamp)?]))
}

fn pattern(call: &Call<'_>, index: usize) -> Result<(Vec<Piece>, String), SqlError> {
    let text = call.literal_text(index, "pattern")?;
    let pieces = pieces(&text).map_err(|problem| wrong_pattern(&text, &problem))?;
    Ok((pieces, text.into_owned()))
}

fn wrong_pattern(text: &str, problem: &str) -> SqlError {
    SqlError::new(Code::UnsupportedSql, format!("the pattern `{text}`: {problem}"))
        .help("the letters are `yyyy MM dd HH mm ss`, and `M MMM MMMM d E EEEE D h a S Q`")
}

fn read(call: &Call<'_>, index: usize, lenient: bool) -> Answer {
    let (pieces, pattern) = pattern(call, index)?;
    reads(&pieces).map_err(|problem| wrong_pattern(&pattern, &problem))?;
    Ok(kernels::call(Parse { pieces, pattern, lenient }, vec![call.text(0)?]))
}

fn date_format(call: &Call<'_>) -> Answer {
    let (pieces, _) = pattern(call, 1)?;
    Ok(kernels::call(Format { pieces }, vec![moment(call, 0)?]))
}

fn unix_timestamp(call: &Call<'_>) -> Answer {
    let moment = match (call.len(), call.arguments.first().map(|first| &first.data_type)) {
        (0, _) => now(call),
        // A pattern counts for texts alone.
        (2, Some(DataType::String)) => read(call, 1, false)?,
        (1, Some(DataType::String)) => {
            let pieces = pieces("yyyy-MM-dd HH:mm:ss").map_err(SqlError::internal)?;
            let parse = Parse { pieces, pattern: "yyyy-MM-dd HH:mm:ss".into(), lenient: false };
            kernels::call(parse, vec![call.text(0)?])
        }
        (_, Some(DataType::Date | DataType::Timestamp | DataType::TimestampNtz)) => moment(call, 0)?,
        _ => return Err(call.wrong_types()),
    };
    Ok(kernels::call(InstantTo::CutSeconds, vec![moment]))
}

fn from_unixtime(call: &Call<'_>) -> Answer {
    let pieces = match call.len() {
        2 => pattern(call, 1)?.0,
        _ => pieces("yyyy-MM-dd HH:mm:ss").map_err(SqlError::internal)?,
    };
    let seconds = Typed { expr: call.expect(0, &DataType::Long)?, data_type: DataType::Long };
    Ok(kernels::call(Format { pieces }, vec![seconds.cast(&DataType::Timestamp)?]))
}

fn to_date(call: &Call<'_>, lenient: bool) -> Answer {
    let value = call.argument(0)?;
    if call.len() == 2 && value.data_type == DataType::String {
        let instant = Typed { expr: read(call, 1, lenient)?, data_type: DataType::Timestamp };
        return instant.cast(&DataType::Date);
    }
    if lenient {
        return super::conversion::try_cast(value, &DataType::Date);
    }
    day(call, 0)
}

fn to_timestamp(call: &Call<'_>, lenient: bool) -> Answer {
    let value = call.argument(0)?;
    if call.len() == 2 && value.data_type == DataType::String {
        return read(call, 1, lenient);
    }
    if lenient {
        return super::conversion::try_cast(value, &DataType::Timestamp);
    }
    value.cast(&DataType::Timestamp)
}

fn unit(call: &Call<'_>, index: usize) -> Result<Unit, SqlError> {
    let name = call.literal_text(index, "unit")?;
    let units = ["YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"];
    Unit::parse(&name).ok_or_else(|| {
        // Spark gives null for some of these, which nobody means.
        SqlError::new(Code::UnsupportedSql, format!("there is no unit of time `{name}`")).help_if(suggest(
            &name,
            "the units are",
            units,
        ))
    })
}

fn date_trunc(call: &Call<'_>) -> Answer {
    Ok(kernels::call(TruncateInstant { unit: unit(call, 0)? }, vec![moment(call, 1)?]))
}

fn trunc(call: &Call<'_>) -> Answer {
    let unit = unit(call, 1)?;
    if !matches!(unit, Unit::Year | Unit::Quarter | Unit::Month | Unit::Week) {
        return Err(SqlError::unsupported("`trunc` to a unit shorter than a week").help("use `date_trunc`"));
    }
    Ok(kernels::call(TruncateDay { unit }, vec![day(call, 0)?]))
}

fn move_days(call: &Call<'_>, earlier: bool) -> Answer {
    if call.len() == 3 {
        return add_units(call);
    }
    let count = call.argument(1)?;
    let count = match &count.data_type {
        DataType::Byte | DataType::Short | DataType::Int | DataType::Null | DataType::String => count,
        other => {
            let message = format!("argument 2 of `{}` should be `int`, not `{other}`", call.name);
            return Err(SqlError::mismatch(message).help("cast it: `cast(... as int)`"));
        }
    };
    add_days(&Typed { expr: day(call, 0)?, data_type: DataType::Date }, count, earlier)
}

/// `datediff(end, start)` counts days; `datediff(unit, start, end)` counts units.
fn datediff(call: &Call<'_>) -> Answer {
    if call.len() == 3 {
        return units_between(call);
    }
    let number = |index: usize| -> Answer {
        Ok(datafusion::logical_expr::cast(day(call, index)?, arrow::datatypes::DataType::Int32))
    };
    Ok(super::operator::binary(number(0)?, datafusion::logical_expr::Operator::Minus, number(1)?))
}

fn units_between(call: &Call<'_>) -> Answer {
    Ok(kernels::call(UnitsBetween { unit: unit(call, 0)? }, vec![moment(call, 1)?, moment(call, 2)?]))
}

fn add_units(call: &Call<'_>) -> Answer {
    Ok(kernels::call(AddUnits { unit: unit(call, 0)? }, vec![call.expect(1, &DataType::Long)?, moment(call, 2)?]))
}

fn months_between(call: &Call<'_>) -> Answer {
    if call.len() == 3 && !matches!(call.argument(2)?.constant(), Some(ScalarValue::Boolean(Some(true)))) {
        return Err(SqlError::unsupported("`months_between` that is not rounded"));
    }
    Ok(kernels::call(MonthsBetween, vec![moment(call, 0)?, moment(call, 1)?]))
}

fn make_date(call: &Call<'_>) -> Answer {
    Ok(kernels::call(MakeDate, vec![call.int(0)?, call.int(1)?, call.int(2)?]))
}
