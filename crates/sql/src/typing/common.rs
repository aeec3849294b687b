//! Spark's type rules under ANSI: which type two types have in common, and what casts itself.

use headwater_plan::DataType;

/// Whether it has no parts.
pub(crate) fn is_atomic(data_type: &DataType) -> bool {
    data_type.is_atomic()
}

/// The decimal that holds every value of an integral type (`DecimalType.forType`).
pub(crate) fn decimal_for(data_type: &DataType) -> Option<(u8, u8)> {
    match data_type {
        DataType::Byte => Some((3, 0)),
        DataType::Short => Some((5, 0)),
        DataType::Int => Some((10, 0)),
        DataType::Long => Some((20, 0)),
        DataType::Decimal { precision, scale } => Some((*precision, *scale)),
        _ => None,
    }
}

/// The decimal that holds the values of both (`DecimalPrecision.widerDecimalType`).
pub(crate) fn wider_decimal(left: (u8, u8), right: (u8, u8)) -> DataType {
    let scale = left.1.max(right.1);
    let range = (left.0 - left.1).max(right.0 - right.1);
    DataType::Decimal { precision: (range + scale).min(38), scale: scale.min(38) }
}

/// The type that two types have in common (`AnsiTypeCoercion.findWiderTypeForTwo`).
pub(crate) fn common_type(left: &DataType, right: &DataType) -> Option<DataType> {
    if left == right {
        return Some(left.clone());
    }
    match (left, right) {
        (DataType::Null, other) | (other, DataType::Null) => Some(other.clone()),
        (DataType::String, other) | (other, DataType::String) => with_string(other),
        (left, right) if left.is_numeric() && right.is_numeric() => Some(common_number(left, right)),
        (DataType::Date, time) | (time, DataType::Date) if time.is_time() => Some(time.clone()),
        (DataType::Timestamp, DataType::TimestampNtz) | (DataType::TimestampNtz, DataType::Timestamp) => {
            Some(DataType::Timestamp)
        }
        (DataType::Array(left), DataType::Array(right)) => {
            common_type(left, right).map(|element| DataType::Array(Box::new(element)))
        }
        _ => None,
    }
}

/// The type that all have in common; texts come last, since they give way to anything.
pub(crate) fn common_type_of<'t>(types: impl Iterator<Item = &'t DataType> + Clone) -> Option<DataType> {
    let is_text = |data_type: &&DataType| **data_type == DataType::String;
    let others = types.clone().filter(|data_type| !is_text(data_type));
    let ordered = others.chain(types.filter(is_text));
    let mut common = DataType::Null;
    for data_type in ordered {
        common = common_type(&common, data_type)?;
    }
    Some(common)
}

/// What a text becomes beside another type.
fn with_string(other: &DataType) -> Option<DataType> {
    match other {
        integral if integral.is_integral() => Some(DataType::Long),
        fractional if fractional.is_fractional() => Some(DataType::Double),
        atomic if is_atomic(atomic) => Some(atomic.clone()),
        _ => None,
    }
}

fn common_number(left: &DataType, right: &DataType) -> DataType {
    if let (Some(left_decimal), Some(right_decimal)) = (decimal_for(left), decimal_for(right))
        && (matches!(left, DataType::Decimal { .. }) || matches!(right, DataType::Decimal { .. }))
    {
        return wider_decimal(left_decimal, right_decimal);
    }
    let order = [DataType::Byte, DataType::Short, DataType::Int, DataType::Long];
    let rank = |data_type: &DataType| order.iter().position(|ranked| ranked == data_type);
    match (rank(left), rank(right)) {
        (Some(left), Some(right)) => order[left.max(right)].clone(),
        // A whole number beside a float becomes a double, so that it keeps its digits.
        _ => DataType::Double,
    }
}

/// Whether a value of one type may stand where a function expects another (`AnsiTypeCoercion.implicitCast`).
pub(crate) fn casts_itself(from: &DataType, to: &DataType) -> bool {
    if from == to {
        return true;
    }
    let rank = |data_type: &DataType| match data_type {
        DataType::Byte => Some(0),
        DataType::Short => Some(1),
        DataType::Int => Some(2),
        DataType::Long => Some(3),
        DataType::Decimal { .. } => Some(4),
        DataType::Float => Some(5),
        DataType::Double => Some(6),
        _ => None,
    };
    match (from, to) {
        (DataType::Null, _) => true,
        (DataType::String, to) => is_atomic(to) && *to != DataType::Binary,
        (from, DataType::String) => is_atomic(from) && *from != DataType::Binary,
        (DataType::Date, DataType::Timestamp | DataType::TimestampNtz) => true,
        (DataType::Timestamp | DataType::TimestampNtz, DataType::Date) => true,
        (DataType::Timestamp, DataType::TimestampNtz) | (DataType::TimestampNtz, DataType::Timestamp) => true,
        (from, to) => matches!((rank(from), rank(to)), (Some(from), Some(to)) if from <= to),
    }
}
