//! Casts, as Spark does them under ANSI: what cannot be cast is an error, and `try_cast` makes it null.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, lit};
use headwater_plan::{Code, DataType};

use super::{Answer, Function, scalar, special};
use crate::error::{SqlError, suggest};
use crate::kernels::decimal::{DecimalFrom, DecimalToDouble};
use crate::kernels::number_text::{NumberToText, TextTo};
use crate::kernels::time_text::{InstantFrom, InstantTo, TextToTime, TimeToText, is_of_today};
use crate::kernels::zone::UnitsSince;
use crate::kernels::{self};
use crate::types::arrow_type;
use crate::typing::call::{Call, Typed};
use crate::typing::common::decimal_for;

pub(super) const FUNCTIONS: &[Function] = &[
    special("cast", 2..=2, |call| named(call, false)),
    special("try_cast", 2..=2, |call| named(call, true)),
    special("typed_literal", 2..=2, typed_literal),
    scalar("boolean", 1..=1, |call| to(call, &DataType::Boolean)),
    scalar("tinyint", 1..=1, |call| to(call, &DataType::Byte)),
    scalar("smallint", 1..=1, |call| to(call, &DataType::Short)),
    scalar("int", 1..=1, |call| to(call, &DataType::Int)),
    scalar("bigint", 1..=1, |call| to(call, &DataType::Long)),
    scalar("float", 1..=1, |call| to(call, &DataType::Float)),
    scalar("double", 1..=1, |call| to(call, &DataType::Double)),
    scalar("decimal", 1..=1, |call| to(call, &DataType::Decimal { precision: 10, scale: 0 })),
    scalar("string", 1..=1, |call| to(call, &DataType::String)),
    scalar("date", 1..=1, |call| to(call, &DataType::Date)),
    scalar("timestamp", 1..=1, |call| to(call, &DataType::Timestamp)),
];

/// An expression as another type.
pub(crate) fn cast(from: &Typed, to: &DataType) -> Result<Expr, SqlError> {
    convert(from, to, false)
}

/// An expression as another type, null where it cannot be cast.
pub(super) fn try_cast(from: &Typed, to: &DataType) -> Result<Expr, SqlError> {
    convert(from, to, true)
}

fn to(call: &Call<'_>, to: &DataType) -> Answer {
    cast(call.argument(0)?, to)
}

fn named(call: &Call<'_>, lenient: bool) -> Answer {
    let to = type_named(&call.literal_text(1, "type")?)?;
    convert(call.argument(0)?, &to, lenient)
}

/// The type of a name in SQL.
pub(crate) fn type_named(name: &str) -> Result<DataType, SqlError> {
    parse_type(name).ok_or_else(|| {
        let name = name.to_lowercase();
        let known = DataType::NAMES.iter().copied().filter(|known| *known != "text");
        let near = suggest(name.split('(').next().unwrap_or(&name), "the types are", known);
        SqlError::new(Code::UnknownType, format!("there is no type `{name}`")).help_if(near)
    })
}

/// A type's name in SQL, where `text` and others that YAML allows are not Spark's.
fn parse_type(name: &str) -> Option<DataType> {
    if name.contains('<') {
        return DataType::parse(name);
    }
    let name = name.to_lowercase();
    if name == "text" {
        return None;
    }
    // Spark takes the length for a remark in a cast, and gives a string.
    let length = name.strip_prefix("varchar(").or_else(|| name.strip_prefix("char(")).and_then(|n| n.strip_suffix(')'));
    if length.is_some_and(|length| length.trim().parse::<u32>().is_ok()) {
        return Some(DataType::String);
    }
    DataType::parse(&name)
}

fn typed_literal(call: &Call<'_>) -> Answer {
    let name = call.literal_text(0, "type")?;
    let to = match parse_type(&name) {
        Some(to @ (DataType::Date | DataType::Timestamp | DataType::TimestampNtz)) => to,
        _ => return Err(SqlError::unsupported(format!("a literal of the type `{}`", name.to_lowercase()))),
    };
    let text = call.literal_text(1, "value")?;
    let value = crate::kernels::time_text::parse(&text, &to)
        .ok_or_else(|| SqlError::mismatch(format!("`{text}` is not a {to}")))?;
    Ok(Expr::Literal(value, None))
}

pub(super) fn convert(from: &Typed, to: &DataType, lenient: bool) -> Answer {
    if from.data_type == *to {
        return Ok(from.expr.clone());
    }
    if from.is_null_literal() {
        let null = ScalarValue::try_from(&arrow_type(to)).map_err(|error| SqlError::internal(error.to_string()))?;
        return Ok(Expr::Literal(null, None));
    }
    let arguments = || vec![from.expr.clone()];
    Ok(match (&from.data_type, to) {
        (DataType::Null, _) => native(from, to, lenient),
        (DataType::String, DataType::Timestamp) if from.literal_text().is_some_and(is_of_today) => {
            return Err(SqlError::unsupported("a time of day without a day, which is one of today,")
                .help("write its day: `2024-01-31 12:00`"));
        }
        (DataType::String, DataType::Date | DataType::Timestamp | DataType::TimestampNtz) => {
            kernels::call(TextToTime { to: arrow_type(to), lenient }, arguments())
        }
        (DataType::String, number) if number.is_numeric() || *number == DataType::Boolean => {
            kernels::call(TextTo { to: arrow_type(to), lenient }, arguments())
        }
        (DataType::Float | DataType::Double, DataType::String) => {
            kernels::call(NumberToText { from: arrow_type(&from.data_type) }, arguments())
        }
        (DataType::Timestamp | DataType::TimestampNtz, DataType::String) => {
            kernels::call(TimeToText { from: arrow_type(&from.data_type) }, arguments())
        }
        (DataType::Boolean, DataType::Decimal { .. }) => {
            let whole = Typed { expr: native(from, &DataType::Int, lenient), data_type: DataType::Int };
            convert(&whole, to, lenient)?
        }
        (DataType::Boolean | DataType::Decimal { .. } | DataType::Date | DataType::Binary, DataType::String) => {
            native(from, to, lenient)
        }
        (whole, DataType::String) if whole.is_integral() => native(from, to, lenient),
        (DataType::Float | DataType::Double, DataType::Decimal { precision, scale }) => kernels::call(
            DecimalFrom { from: arrow_type(&from.data_type), precision: *precision, scale: *scale, lenient },
            arguments(),
        ),
        (DataType::Decimal { precision, scale }, DataType::Double) => {
            kernels::call(DecimalToDouble { precision: *precision, scale: *scale }, arguments())
        }
        (DataType::Decimal { precision, scale }, DataType::Float) => {
            let double = kernels::call(DecimalToDouble { precision: *precision, scale: *scale }, arguments());
            native(&Typed { expr: double, data_type: DataType::Double }, to, lenient)
        }
        (DataType::Decimal { .. }, DataType::Decimal { .. }) => kernels::call(
            DecimalFrom::decimal(&from.data_type, to, lenient).ok_or_else(|| no_cast(from, to))?,
            arguments(),
        ),
        (number, target) if number.is_numeric() && target.is_numeric() => native(from, to, lenient),
        (DataType::Boolean, target) if target.is_numeric() => native(from, to, lenient),
        (number, DataType::Boolean) if number.is_numeric() => {
            let zero = cast(&Typed { expr: lit(0_i32), data_type: DataType::Int }, number)?;
            Expr::BinaryExpr(BinaryExpr::new(Box::new(from.expr.clone()), Operator::NotEq, Box::new(zero)))
        }
        (DataType::Timestamp, target) if target.is_integral() || target.is_fractional() => instant_to(from, target)?,
        (number, DataType::Timestamp)
            if number.is_integral() || matches!(number, DataType::Float | DataType::Double) =>
        {
            let wide = if number.is_integral() { DataType::Long } else { DataType::Double };
            kernels::call(InstantFrom { from: arrow_type(&wide), lenient }, vec![cast(from, &wide)?])
        }
        (DataType::Date, DataType::Timestamp | DataType::TimestampNtz)
        | (DataType::Timestamp | DataType::TimestampNtz, DataType::Date)
        | (DataType::Timestamp, DataType::TimestampNtz)
        | (DataType::TimestampNtz, DataType::Timestamp)
        | (DataType::String, DataType::Binary) => native(from, to, lenient),
        (DataType::Array(element), DataType::Array(to)) => super::nested::cast_elements(from, element, to, lenient)?,
        (DataType::Array(_) | DataType::Map(..) | DataType::Struct(_), _)
        | (_, DataType::Array(_) | DataType::Map(..) | DataType::Struct(_)) => {
            return Err(SqlError::unsupported(format!("a cast from `{}` to `{to}`", from.data_type)));
        }
        _ => return Err(no_cast(from, to)),
    })
}

/// Whole seconds, or seconds with their fraction.
fn instant_to(from: &Typed, to: &DataType) -> Answer {
    let arguments = vec![from.expr.clone()];
    if to.is_integral() {
        let seconds = kernels::call(InstantTo::WholeSeconds, arguments);
        return cast(&Typed { expr: seconds, data_type: DataType::Long }, to);
    }
    if matches!(to, DataType::Decimal { .. }) {
        let micros = kernels::call(UnitsSince { unit: 1 }, arguments);
        let exact = datafusion::logical_expr::cast(micros, arrow::datatypes::DataType::Decimal128(38, 0));
        // Microseconds are millionths: the same digits, with a point before the last six.
        let exact = kernels::call(kernels::decimal::Millionths, vec![exact]);
        return cast(&Typed { expr: exact, data_type: DataType::Decimal { precision: 38, scale: 6 } }, to);
    }
    let seconds = kernels::call(InstantTo::Seconds, arguments);
    cast(&Typed { expr: seconds, data_type: DataType::Double }, to)
}

fn no_cast(from: &Typed, to: &DataType) -> SqlError {
    SqlError::mismatch(format!("a value of the type `{}` cannot be cast to `{to}`", from.data_type))
}

/// DataFusion's own cast, where it agrees with Spark's.
fn native(from: &Typed, to: &DataType, lenient: bool) -> Expr {
    let (expr, to) = (Box::new(from.expr.clone()), arrow_type(to));
    if lenient { Expr::TryCast(TryCast::new(expr, to)) } else { Expr::Cast(Cast::new(expr, to)) }
}

/// The narrowest decimal of a whole-number type, for the arithmetic of the two.
pub(super) fn as_decimal(argument: &Typed) -> Option<(u8, u8)> {
    match argument.literal_integer() {
        // A literal takes only the digits that it has (`DecimalType.fromLiteral`).
        Some(value) if argument.data_type.is_integral() => {
            let digits = value.unsigned_abs().to_string().len();
            Some((u8::try_from(digits).unwrap_or(20), 0))
        }
        _ => decimal_for(&argument.data_type),
    }
}
