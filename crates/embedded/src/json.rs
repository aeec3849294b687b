//! Cells as JSON values, for templates and for messages: exact, and as people read them.
//!
//! Risk: a number that changes on the way. Integers are numbers; a decimal is one where a double holds exactly its
//! value, else its digits as text. Days and instants are text as Spark writes them, in UTC.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimeUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::Timelike;
use serde_json::{Map, Number, Value};

/// The rows of a batch, each with a value for every column.
pub(crate) fn rows(batch: &RecordBatch) -> Result<Vec<Vec<Value>>, ArrowError> {
    let columns = batch.columns().iter().map(values).collect::<Result<Vec<_>, _>>()?;
    let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
    Ok((0..batch.num_rows())
        .map(|_| columns.iter_mut().map(|column| column.next().unwrap_or_default()).collect())
        .collect())
}

/// A value as a message shows it.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn values(column: &ArrayRef) -> Result<Vec<Value>, ArrowError> {
    let each = |value: &dyn Fn(usize) -> Value| -> Vec<Value> {
        (0..column.len()).map(|row| if column.is_null(row) { Value::Null } else { value(row) }).collect()
    };
    Ok(match column.data_type() {
        DataType::Null => vec![Value::Null; column.len()],
        DataType::Boolean => each(&|row| column.as_boolean().value(row).into()),
        DataType::Int8 => each(&|row| column.as_primitive::<Int8Type>().value(row).into()),
        DataType::Int16 => each(&|row| column.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => each(&|row| column.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => each(&|row| column.as_primitive::<Int64Type>().value(row).into()),
        // By its own digits: 0.1 is not to become 0.10000000149.
        DataType::Float32 => {
            each(&|row| double(column.as_primitive::<Float32Type>().value(row).to_string().parse().unwrap_or(f64::NAN)))
        }
        DataType::Float64 => each(&|row| double(column.as_primitive::<Float64Type>().value(row))),
        DataType::Decimal128(_, _) => {
            each(&|row| decimal(&column.as_primitive::<Decimal128Type>().value_as_string(row)))
        }
        DataType::Utf8 => each(&|row| column.as_string::<i32>().value(row).into()),
        DataType::Date32 => each(&|row| {
            let day = column.as_primitive::<Date32Type>().value_as_date(row);
            day.map(|day| day.to_string()).into()
        }),
        DataType::Timestamp(TimeUnit::Microsecond, _) => each(&|row| {
            let instant = column.as_primitive::<TimestampMicrosecondType>().value_as_datetime(row);
            instant
                .map(|instant| {
                    let text = instant.format("%Y-%m-%d %H:%M:%S").to_string();
                    if instant.nanosecond() == 0 {
                        text
                    } else {
                        text + instant.format("%.6f").to_string().trim_end_matches('0')
                    }
                })
                .into()
        }),
        DataType::List(_) => {
            let lists = column.as_list::<i32>();
            let mut all = Vec::with_capacity(column.len());
            for row in 0..column.len() {
                all.push(if column.is_null(row) { Value::Null } else { Value::Array(values(&lists.value(row))?) });
            }
            all
        }
        DataType::Struct(fields) => {
            let members = column.as_struct().columns().iter().map(values).collect::<Result<Vec<_>, _>>()?;
            each(&|row| {
                let member = |(field, values): (&arrow::datatypes::FieldRef, &Vec<Value>)| {
                    (field.name().clone(), values.get(row).cloned().unwrap_or_default())
                };
                Value::Object(fields.iter().zip(&members).map(member).collect())
            })
        }
        DataType::Map(_, _) => {
            let maps = column.as_map();
            let (keys, entries) = (values(maps.keys())?, values(maps.values())?);
            each(&|row| {
                let entry = |at: usize| Some((shown(keys.get(at)?), entries.get(at)?.clone()));
                let offset =
                    |row: usize| maps.value_offsets().get(row).map_or(0, |at| usize::try_from(*at).unwrap_or(0));
                Value::Object((offset(row)..offset(row + 1)).filter_map(entry).collect::<Map<_, _>>())
            })
        }
        DataType::Utf8View | DataType::LargeUtf8 => values(&cast(column, &DataType::Utf8)?)?,
        DataType::Dictionary(_, value) => values(&cast(column, value)?)?,
        DataType::Timestamp(_, zone) => {
            values(&cast(column, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))?)?
        }
        DataType::Date64 => values(&cast(column, &DataType::Date32)?)?,
        _ => {
            let formatter = ArrayFormatter::try_new(column.as_ref(), &FormatOptions::new())?;
            each(&|row| formatter.value(row).to_string().into())
        }
    })
}

/// A number, or the word for what JSON has no number for.
fn double(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => "NaN".into(),
        None => if value > 0.0 { "Infinity" } else { "-Infinity" }.into(),
    }
}

/// A number where one holds exactly these digits, else the digits.
fn decimal(digits: &str) -> Value {
    if let Ok(integer) = digits.parse::<i64>() {
        return integer.into();
    }
    let plain = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    match plain.parse::<f64>() {
        Ok(number) if number.to_string() == plain => double(number),
        _ => digits.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_a_number_where_that_is_exact() {
        let told = |digits: &str| decimal(digits).to_string();
        assert_eq!(told("1.50"), "1.5");
        assert_eq!(told("-0.07"), "-0.07");
        assert_eq!(told("9223372036854775807"), "9223372036854775807");
        assert_eq!(told("92233720368547758070"), "\"92233720368547758070\"");
        assert_eq!(told("0.12345678901234567890"), "\"0.12345678901234567890\"");
        assert_eq!(told("3.00"), "3.0");
    }
}
