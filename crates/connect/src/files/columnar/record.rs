//! A row as JSON: what the quarantine keeps of a record that was never text, so that it can be read again.

use arrow::array::types::{Float16Type, Float32Type, Float64Type, TimestampNanosecondType};
use arrow::array::{Array, ArrayRef, AsArray, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::DateTime;
use serde_json::{Map, Value};

use super::types::is_uuid;
use crate::files::base64;

/// A row of these columns. Numbers of more digits than JSON readers keep, and those that JSON lacks, are strings; bytes
/// are base64.
pub(crate) fn row(columns: &StructArray, row: usize) -> String {
    Value::Object(fields(columns, row)).to_string()
}

/// The columns of these numbers; `None` if all are null.
pub(crate) fn some(columns: &StructArray, numbers: &[usize], row: usize) -> Option<String> {
    let mut object = Map::new();
    for number in numbers {
        let column = columns.column(*number);
        if column.is_valid(row) {
            object.insert(columns.column_names()[*number].to_owned(), value(column, row));
        }
    }
    (!object.is_empty()).then(|| Value::Object(object).to_string())
}

fn fields(columns: &StructArray, row: usize) -> Map<String, Value> {
    let named = columns.fields().iter().zip(columns.columns());
    let pairs = named.map(|(field, column)| {
        let value = match value(column, row) {
            // As the contract reads it.
            Value::String(_) if is_uuid(field) => uuid(column, row),
            other => other,
        };
        (field.name().clone(), value)
    });
    pairs.collect()
}

fn uuid(column: &ArrayRef, row: usize) -> Value {
    let bytes = column.as_fixed_size_binary().value(row);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Value::String([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

/// One value. Called for few rows: a type is looked at once for each.
pub(crate) fn value(column: &ArrayRef, row: usize) -> Value {
    use ArrowType as A;
    if column.is_null(row) {
        return Value::Null;
    }
    let float = |number: f64| serde_json::Number::from_f64(number).map_or_else(|| not_finite(number), Value::Number);
    match column.data_type() {
        A::Null => Value::Null,
        A::Boolean => Value::Bool(column.as_boolean().value(row)),
        A::Float16 => float(f64::from(column.as_primitive::<Float16Type>().value(row))),
        // By its own digits, not by those of the wider float that is nearest.
        A::Float32 => {
            let number = column.as_primitive::<Float32Type>().value(row);
            if number.is_finite() {
                float(number.to_string().parse().unwrap_or(f64::NAN))
            } else {
                not_finite(number.into())
            }
        }
        A::Float64 => float(column.as_primitive::<Float64Type>().value(row)),
        A::Binary => Value::String(base64::encode(column.as_binary::<i32>().value(row))),
        A::LargeBinary => Value::String(base64::encode(column.as_binary::<i64>().value(row))),
        A::BinaryView => Value::String(base64::encode(column.as_binary_view().value(row))),
        A::FixedSizeBinary(_) => Value::String(base64::encode(column.as_fixed_size_binary().value(row))),
        A::Timestamp(_, zone) => instant(column, row, zone.is_some()),
        A::Struct(_) => Value::Object(fields(column.as_struct(), row)),
        A::List(_) => elements(&column.as_list::<i32>().value(row)),
        A::LargeList(_) => elements(&column.as_list::<i64>().value(row)),
        A::FixedSizeList(..) => elements(&column.as_fixed_size_list().value(row)),
        A::Map(..) => {
            let entries = column.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            let name = |row| match value(keys, row) {
                Value::String(text) => text,
                other => other.to_string(),
            };
            Value::Object((0..entries.len()).map(|row| (name(row), value(values, row))).collect())
        }
        A::Dictionary(_, values) => match cast(&column.slice(row, 1), values) {
            Ok(unpacked) => value(&unpacked, 0),
            Err(_) => Value::String(shown(column, row)),
        },
        A::Union(..) => {
            let union = column.as_union();
            value(union.child(union.type_id(row)), union.value_offset(row))
        }
        whole if whole.is_integer() => {
            let text = shown(column, row);
            text.parse::<i64>()
                .map(Value::from)
                .or_else(|_| text.parse::<u64>().map(Value::from))
                .unwrap_or(Value::String(text))
        }
        _ => Value::String(shown(column, row)),
    }
}

/// As the parsers of text read them.
fn not_finite(number: f64) -> Value {
    let text = if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    };
    Value::String(text.to_owned())
}

fn elements(list: &ArrayRef) -> Value {
    Value::Array((0..list.len()).map(|row| value(list, row)).collect())
}

fn instant(column: &ArrayRef, row: usize, zoned: bool) -> Value {
    let plain = match cast(&column.slice(row, 1), &ArrowType::Int64) {
        Ok(plain) => plain.as_primitive::<arrow::array::types::Int64Type>().value(0),
        Err(_) => return Value::String(shown(column, row)),
    };
    let time = match column.data_type() {
        ArrowType::Timestamp(TimeUnit::Second, _) => DateTime::from_timestamp(plain, 0),
        ArrowType::Timestamp(TimeUnit::Millisecond, _) => DateTime::from_timestamp_millis(plain),
        ArrowType::Timestamp(TimeUnit::Microsecond, _) => DateTime::from_timestamp_micros(plain),
        _ => Some(DateTime::from_timestamp_nanos(column.as_primitive::<TimestampNanosecondType>().value(row))),
    };
    let Some(time) = time else { return Value::String(shown(column, row)) };
    let text = time.format("%Y-%m-%dT%H:%M:%S%.f").to_string();
    Value::String(if zoned { text + "Z" } else { text })
}

fn shown(column: &ArrayRef, row: usize) -> String {
    let options = FormatOptions::default();
    ArrayFormatter::try_new(column.as_ref(), &options)
        .map_or_else(|_| String::new(), |text| text.value(row).to_string())
}
