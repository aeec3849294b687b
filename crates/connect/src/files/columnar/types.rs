//! Arrow's types as a table's.

use arrow::datatypes::{DataType as ArrowType, Field as ArrowField};
use headwater_plan::{DataType, Field};

/// The type of a table that an Arrow type reads as; `None` when there is none.
pub(crate) fn table_type(data_type: &ArrowType) -> Option<DataType> {
    Some(match data_type {
        ArrowType::Null | ArrowType::Union(..) => DataType::String,
        ArrowType::Boolean => DataType::Boolean,
        ArrowType::Int8 => DataType::Byte,
        ArrowType::Int16 | ArrowType::UInt8 => DataType::Short,
        ArrowType::Int32 | ArrowType::UInt16 => DataType::Int,
        ArrowType::Int64 | ArrowType::UInt32 => DataType::Long,
        ArrowType::UInt64 => DataType::Decimal { precision: 20, scale: 0 },
        ArrowType::Float16 | ArrowType::Float32 => DataType::Float,
        ArrowType::Float64 => DataType::Double,
        ArrowType::Decimal32(precision, scale)
        | ArrowType::Decimal64(precision, scale)
        | ArrowType::Decimal128(precision, scale)
        | ArrowType::Decimal256(precision, scale) => {
            let scale = u8::try_from(*scale).ok().filter(|scale| *precision <= 38 && scale <= precision)?;
            DataType::Decimal { precision: *precision, scale }
        }
        ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View => DataType::String,
        ArrowType::Binary | ArrowType::LargeBinary | ArrowType::BinaryView | ArrowType::FixedSizeBinary(_) => {
            DataType::Binary
        }
        ArrowType::Date32 | ArrowType::Date64 => DataType::Date,
        ArrowType::Timestamp(_, Some(_)) => DataType::Timestamp,
        ArrowType::Timestamp(_, None) => DataType::TimestampNtz,
        ArrowType::Dictionary(_, value) => table_type(value)?,
        ArrowType::List(element) | ArrowType::LargeList(element) | ArrowType::FixedSizeList(element, _) => {
            DataType::Array(Box::new(field_type(element)?))
        }
        ArrowType::Struct(fields) => {
            let fields = fields.iter().map(|field| Some(Field::new(field.name(), field_type(field)?)));
            DataType::Struct(fields.collect::<Option<_>>()?)
        }
        ArrowType::Map(entries, _) => match entries.data_type() {
            ArrowType::Struct(fields) if fields.len() == 2 => {
                DataType::Map(Box::new(field_type(&fields[0])?), Box::new(field_type(&fields[1])?))
            }
            _ => return None,
        },
        _ => return None,
    })
}

/// The same for a field, whose metadata may say that its bytes are a UUID.
pub(crate) fn field_type(field: &ArrowField) -> Option<DataType> {
    if is_uuid(field) { Some(DataType::String) } else { table_type(field.data_type()) }
}

/// Whether sixteen bytes stand for a UUID, as Avro and Parquet mark them.
pub(crate) fn is_uuid(field: &ArrowField) -> bool {
    let metadata = field.metadata();
    let says = |key: &str, value: &str| metadata.get(key).is_some_and(|found| found == value);
    field.data_type() == &ArrowType::FixedSizeBinary(16)
        && (says("ARROW:extension:name", "arrow.uuid") || says("logicalType", "uuid"))
}
