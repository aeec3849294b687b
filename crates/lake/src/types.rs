//! Spark's types as Arrow and as Delta have them.
//!
//! Tables need Delta's reader version 1 and writer version 2 only, so `timestamp_ntz` is refused by name, and every
//! column is nullable. An instant is an Arrow timestamp in microseconds with the zone `UTC`.

use std::sync::Arc;

use arrow::datatypes::{
    DataType as ArrowType, Field as ArrowField, Fields, Schema as ArrowSchema, SchemaRef, TimeUnit,
};
use deltalake_core::kernel::{ArrayType, DataType as DeltaType, MapType, PrimitiveType, StructField, StructType};
use headwater_plan::{DataType, Field, Schema};

/// Why a schema cannot be a table's, or a table's schema cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TypeError {
    /// A type that tables do not hold.
    #[error("column `{column}` is of type `{data_type}`, which a table cannot hold")]
    UnsupportedType {
        /// The column.
        column: String,
        /// Its type, as Spark writes it.
        data_type: String,
    },
    /// A name that Spark refuses as well, since Parquet readers of old trip over it.
    #[error("column `{column}` cannot be a table's: its name holds one of ` ,;{{}}()=` or a tab or line break")]
    ColumnName {
        /// The column.
        column: String,
    },
    /// Two columns that differ by case at most.
    #[error("two columns are named `{column}`, upper and lower case being one")]
    DuplicateColumn {
        /// The second one.
        column: String,
    },
    /// A table of no columns.
    #[error("a table needs at least one column")]
    NoColumns,
}

/// The Arrow type of a Spark type. Batches that are written must have these types; strings may also come as views,
/// large strings or dictionaries.
pub fn arrow_type(data_type: &DataType) -> ArrowType {
    match data_type {
        DataType::Boolean => ArrowType::Boolean,
        DataType::Byte => ArrowType::Int8,
        DataType::Short => ArrowType::Int16,
        DataType::Int => ArrowType::Int32,
        DataType::Long => ArrowType::Int64,
        DataType::Float => ArrowType::Float32,
        DataType::Double => ArrowType::Float64,
        // A scale is at most 38, so that it fits.
        DataType::Decimal { precision, scale } => ArrowType::Decimal128(*precision, scale.cast_signed()),
        DataType::String => ArrowType::Utf8,
        DataType::Binary => ArrowType::Binary,
        DataType::Date => ArrowType::Date32,
        DataType::Timestamp => ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::TimestampNtz => ArrowType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Array(element) => ArrowType::List(Arc::new(ArrowField::new("element", arrow_type(element), true))),
        DataType::Map(key, value) => {
            let entries = Fields::from(vec![
                ArrowField::new("key", arrow_type(key), false),
                ArrowField::new("value", arrow_type(value), true),
            ]);
            ArrowType::Map(Arc::new(ArrowField::new("key_value", ArrowType::Struct(entries), false)), false)
        }
        DataType::Struct(fields) => ArrowType::Struct(fields.iter().map(arrow_field).collect()),
        DataType::Null => ArrowType::Null,
    }
}

fn arrow_field(field: &Field) -> ArrowField {
    ArrowField::new(&field.name, arrow_type(&field.data_type), true)
}

/// The Arrow schema of a table of these columns, all nullable.
pub fn to_arrow(schema: &Schema) -> SchemaRef {
    Arc::new(ArrowSchema::new(schema.fields.iter().map(arrow_field).collect::<Fields>()))
}

/// The Delta schema of a table of these columns; refuses what a table of reader version 1 cannot hold.
pub fn to_delta(schema: &Schema) -> Result<StructType, TypeError> {
    if schema.fields.is_empty() {
        return Err(TypeError::NoColumns);
    }
    delta_struct(&schema.fields, "")
}

fn delta_struct(fields: &[Field], above: &str) -> Result<StructType, TypeError> {
    let mut delta_fields = Vec::with_capacity(fields.len());
    for (position, field) in fields.iter().enumerate() {
        let column = format!("{above}{}", field.name);
        if field.name.is_empty() || field.name.contains([' ', ',', ';', '{', '}', '(', ')', '=', '\t', '\n']) {
            return Err(TypeError::ColumnName { column });
        }
        // Lower case as Delta compares it, which is Unicode's.
        let lower = field.name.to_lowercase();
        if fields.iter().take(position).any(|other| other.name.to_lowercase() == lower) {
            return Err(TypeError::DuplicateColumn { column });
        }
        delta_fields.push(StructField::nullable(&field.name, delta_type(&field.data_type, &column)?));
    }
    StructType::try_new(delta_fields).map_err(|_| TypeError::DuplicateColumn { column: above.to_string() })
}

fn delta_type(data_type: &DataType, column: &str) -> Result<DeltaType, TypeError> {
    let unsupported = || TypeError::UnsupportedType { column: column.to_string(), data_type: data_type.to_string() };
    let primitive = match data_type {
        DataType::Boolean => PrimitiveType::Boolean,
        DataType::Byte => PrimitiveType::Byte,
        DataType::Short => PrimitiveType::Short,
        DataType::Int => PrimitiveType::Integer,
        DataType::Long => PrimitiveType::Long,
        DataType::Float => PrimitiveType::Float,
        DataType::Double => PrimitiveType::Double,
        DataType::Decimal { precision, scale } => {
            PrimitiveType::decimal(*precision, *scale).map_err(|_| unsupported())?
        }
        DataType::String => PrimitiveType::String,
        DataType::Binary => PrimitiveType::Binary,
        DataType::Date => PrimitiveType::Date,
        DataType::Timestamp => PrimitiveType::Timestamp,
        DataType::Array(element) => {
            return Ok(ArrayType::new(delta_type(element, &format!("{column}.element"))?, true).into());
        }
        DataType::Map(key, value) => {
            let key = delta_type(key, &format!("{column}.key"))?;
            return Ok(MapType::new(key, delta_type(value, &format!("{column}.value"))?, true).into());
        }
        DataType::Struct(fields) => return Ok(delta_struct(fields, &format!("{column}."))?.into()),
        DataType::TimestampNtz | DataType::Null => return Err(unsupported()),
    };
    Ok(primitive.into())
}

/// The Spark schema of a Delta table, whoever wrote it.
pub fn from_delta(schema: &StructType) -> Result<Schema, TypeError> {
    Ok(Schema::new(spark_fields(schema, "")?))
}

fn spark_fields(schema: &StructType, above: &str) -> Result<Vec<Field>, TypeError> {
    let field = |field: &StructField| {
        let data_type = spark_type(field.data_type(), &format!("{above}{}", field.name()))?;
        Ok(Field { name: field.name().clone(), data_type, nullable: field.is_nullable() })
    };
    schema.fields().map(field).collect()
}

fn spark_type(data_type: &DeltaType, column: &str) -> Result<DataType, TypeError> {
    let primitive = match data_type {
        DeltaType::Primitive(primitive) => primitive,
        DeltaType::Array(array) => {
            return Ok(DataType::Array(Box::new(spark_type(array.element_type(), &format!("{column}.element"))?)));
        }
        DeltaType::Map(map) => {
            let key = spark_type(map.key_type(), &format!("{column}.key"))?;
            let value = spark_type(map.value_type(), &format!("{column}.value"))?;
            return Ok(DataType::Map(Box::new(key), Box::new(value)));
        }
        DeltaType::Struct(fields) => return Ok(DataType::Struct(spark_fields(fields, &format!("{column}."))?)),
        DeltaType::Variant(_) => {
            return Err(TypeError::UnsupportedType { column: column.to_string(), data_type: "variant".to_string() });
        }
    };
    Ok(match primitive {
        PrimitiveType::Boolean => DataType::Boolean,
        PrimitiveType::Byte => DataType::Byte,
        PrimitiveType::Short => DataType::Short,
        PrimitiveType::Integer => DataType::Int,
        PrimitiveType::Long => DataType::Long,
        PrimitiveType::Float => DataType::Float,
        PrimitiveType::Double => DataType::Double,
        PrimitiveType::Decimal(decimal) => DataType::Decimal { precision: decimal.precision(), scale: decimal.scale() },
        PrimitiveType::String => DataType::String,
        PrimitiveType::Binary => DataType::Binary,
        PrimitiveType::Date => DataType::Date,
        PrimitiveType::Timestamp => DataType::Timestamp,
        PrimitiveType::TimestampNtz => DataType::TimestampNtz,
        PrimitiveType::Void => DataType::Null,
        other => {
            return Err(TypeError::UnsupportedType { column: column.to_string(), data_type: other.to_string() });
        }
    })
}
