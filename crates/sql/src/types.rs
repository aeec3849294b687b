//! Spark's types and Arrow's: each Spark type has one Arrow form, and several Arrow forms read as one Spark type.

use std::sync::Arc;

use arrow::datatypes::{DataType as ArrowType, Field as ArrowField, Fields, Schema as ArrowSchema, TimeUnit};
use headwater_plan::{DataType, Field, Schema};

/// An Arrow column that no Spark type describes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column `{column}` has the type `{found}`, which Spark SQL does not have")]
pub struct NoSparkType {
    /// The column.
    pub column: String,
    /// Its Arrow type.
    pub found: String,
}

/// The Arrow schema that holds these columns.
pub fn to_arrow(schema: &Schema) -> ArrowSchema {
    ArrowSchema::new(schema.fields.iter().map(arrow_field).collect::<Vec<_>>())
}

/// The Spark schema that these Arrow columns read as.
pub fn from_arrow(schema: &ArrowSchema) -> Result<Schema, NoSparkType> {
    let fields = schema.fields().iter().map(|field| spark_field(field)).collect::<Result<_, _>>()?;
    Ok(Schema::new(fields))
}

/// The one Arrow form of a Spark type.
pub fn arrow_type(data_type: &DataType) -> ArrowType {
    match data_type {
        DataType::Boolean => ArrowType::Boolean,
        DataType::Byte => ArrowType::Int8,
        DataType::Short => ArrowType::Int16,
        DataType::Int => ArrowType::Int32,
        DataType::Long => ArrowType::Int64,
        DataType::Float => ArrowType::Float32,
        DataType::Double => ArrowType::Float64,
        // Scales are at most 38, so the signed form that Arrow wants always fits.
        DataType::Decimal { precision, scale } => ArrowType::Decimal128(*precision, *scale as i8),
        DataType::String => ArrowType::Utf8,
        DataType::Binary => ArrowType::Binary,
        DataType::Date => ArrowType::Date32,
        DataType::Timestamp => ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::TimestampNtz => ArrowType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Array(element) => ArrowType::List(Arc::new(ArrowField::new("element", arrow_type(element), true))),
        DataType::Map(key, value) => {
            let entry = Fields::from(vec![
                ArrowField::new("key", arrow_type(key), false),
                ArrowField::new("value", arrow_type(value), true),
            ]);
            ArrowType::Map(Arc::new(ArrowField::new("key_value", ArrowType::Struct(entry), false)), false)
        }
        DataType::Struct(fields) => ArrowType::Struct(fields.iter().map(arrow_field).collect()),
        DataType::Null => ArrowType::Null,
    }
}

/// The Spark type that an Arrow type reads as; `None` when Spark has none.
///
/// Unsigned integers read as the signed type that holds all their values, except the 64-bit one, whose values no Spark
/// integer holds.
pub fn spark_type(data_type: &ArrowType) -> Option<DataType> {
    Some(match data_type {
        ArrowType::Null => DataType::Null,
        ArrowType::Boolean => DataType::Boolean,
        ArrowType::Int8 => DataType::Byte,
        ArrowType::Int16 | ArrowType::UInt8 => DataType::Short,
        ArrowType::Int32 | ArrowType::UInt16 => DataType::Int,
        ArrowType::Int64 | ArrowType::UInt32 => DataType::Long,
        ArrowType::Float16 | ArrowType::Float32 => DataType::Float,
        ArrowType::Float64 => DataType::Double,
        ArrowType::Decimal32(precision, scale)
        | ArrowType::Decimal64(precision, scale)
        | ArrowType::Decimal128(precision, scale)
        | ArrowType::Decimal256(precision, scale)
            if *precision <= 38 && *scale >= 0 && *scale as u8 <= *precision =>
        {
            DataType::Decimal { precision: *precision, scale: *scale as u8 }
        }
        ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View => DataType::String,
        ArrowType::Binary | ArrowType::LargeBinary | ArrowType::BinaryView | ArrowType::FixedSizeBinary(_) => {
            DataType::Binary
        }
        ArrowType::Date32 | ArrowType::Date64 => DataType::Date,
        ArrowType::Timestamp(_, Some(_)) => DataType::Timestamp,
        ArrowType::Timestamp(_, None) => DataType::TimestampNtz,
        ArrowType::Dictionary(_, value) => spark_type(value)?,
        ArrowType::List(element) | ArrowType::LargeList(element) | ArrowType::ListView(element) => {
            DataType::Array(Box::new(spark_type(element.data_type())?))
        }
        ArrowType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|field| spark_field(field)).collect::<Result<_, _>>().ok()?)
        }
        ArrowType::Map(entry, _) => match entry.data_type() {
            ArrowType::Struct(fields) if fields.len() == 2 => DataType::Map(
                Box::new(spark_type(fields[0].data_type())?),
                Box::new(spark_type(fields[1].data_type())?),
            ),
            _ => return None,
        },
        _ => return None,
    })
}

fn arrow_field(field: &Field) -> ArrowField {
    ArrowField::new(&field.name, arrow_type(&field.data_type), field.nullable)
}

fn spark_field(field: &ArrowField) -> Result<Field, NoSparkType> {
    let data_type = spark_type(field.data_type())
        .ok_or_else(|| NoSparkType { column: field.name().clone(), found: field.data_type().to_string() })?;
    Ok(Field { name: field.name().clone(), data_type, nullable: field.is_nullable() })
}
