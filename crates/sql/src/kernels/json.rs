//! Parts of JSON texts, and values as JSON texts.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, ListBuilder, StringArray, StringBuilder};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};
use datafusion::common::{DataFusionError, Result};

use super::each::list_of;
use super::json_text::{Json, quote};
use super::number_text::double_text;
use super::time_text::{beyond, from_days, utc};
use super::{Kernel, decimal};

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Name(String),
    Index(usize),
}

/// Reads a path such as `$.a.b[0]['c d']`.
pub(crate) fn path(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("['") {
            let (name, after) = after.split_once("']")?;
            steps.push(Step::Name(name.to_owned()));
            rest = after;
        } else if let Some(after) = rest.strip_prefix('[') {
            let (index, after) = after.split_once(']')?;
            steps.push(Step::Index(index.parse().ok()?));
            rest = after;
        } else {
            let after = rest.strip_prefix('.')?;
            let (name, after) = after.split_at(after.find(['.', '[']).unwrap_or(after.len()));
            if name.is_empty() || name == "*" {
                return None;
            }
            steps.push(Step::Name(name.to_owned()));
            rest = after;
        }
    }
    Some(steps)
}

/// What is asked of a JSON text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum JsonPart {
    /// The value at a path, a text without its quotes.
    At(Vec<Step>),
    /// How many elements an array has.
    Length,
    /// The names of an object's fields.
    Keys,
}

impl Kernel for JsonPart {
    fn name(&self) -> &'static str {
        match self {
            Self::At(_) => "spark_get_json_object",
            Self::Length => "spark_json_array_length",
            Self::Keys => "spark_json_object_keys",
        }
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Utf8]
    }

    fn output(&self) -> DataType {
        match self {
            Self::At(_) => DataType::Utf8,
            Self::Length => DataType::Int32,
            Self::Keys => list_of(&DataType::Utf8),
        }
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let texts = arguments[0].as_string::<i32>();
        let parsed = texts.iter().map(|text| text.and_then(Json::parse));
        Ok(match self {
            Self::At(steps) => Arc::new(parsed.map(|json| at(json.as_ref()?, steps)).collect::<StringArray>()),
            Self::Length => {
                let length = |json: Json| match json {
                    Json::Array(items) => i32::try_from(items.len()).ok(),
                    _ => None,
                };
                Arc::new(parsed.map(|json| length(json?)).collect::<Int32Array>())
            }
            Self::Keys => keys(parsed),
        })
    }
}

/// The value at a path. Of several fields of one name, the first counts at which the rest of the path leads somewhere; a
/// field that is null leads nowhere, while an element, or the whole, that is null is the text `null`.
fn at(json: &Json, steps: &[Step]) -> Option<String> {
    match (steps, json) {
        ([], Json::Text(text)) => Some(text.clone()),
        ([], other) => Some(other.text()),
        ([Step::Name(name), rest @ ..], Json::Object(fields)) => {
            let named = fields.iter().filter(|(key, value)| key == name && *value != Json::Null);
            named.map(|(_, value)| value).find_map(|value| at(value, rest))
        }
        ([Step::Index(index), rest @ ..], Json::Array(items)) => at(items.get(*index)?, rest),
        _ => None,
    }
}

fn keys(rows: impl Iterator<Item = Option<Json>>) -> ArrayRef {
    let mut builder =
        ListBuilder::new(StringBuilder::new()).with_field(Arc::new(Field::new("element", DataType::Utf8, true)));
    for row in rows {
        match row {
            Some(Json::Object(fields)) => {
                fields.iter().for_each(|(name, _)| builder.values().append_value(name));
                builder.append(true);
            }
            _ => builder.append(false),
        }
    }
    Arc::new(builder.finish())
}

/// A struct, map or array as a JSON text. The fields of structs that are null are left out.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ToJson {
    pub(crate) from: DataType,
}

impl Kernel for ToJson {
    fn name(&self) -> &'static str {
        "spark_to_json"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![self.from.clone()]
    }

    fn output(&self) -> DataType {
        DataType::Utf8
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let values = &arguments[0];
        let one = |row: usize| {
            let mut text = String::new();
            if values.is_null(row) {
                return Ok(None);
            }
            write(values, row, &mut text)?;
            Ok(Some(text))
        };
        Ok(Arc::new((0..values.len()).map(one).collect::<Result<StringArray>>()?))
    }
}

/// An array of nulls has no marks of its own.
fn is_null(values: &ArrayRef, row: usize) -> bool {
    *values.data_type() == DataType::Null || values.is_null(row)
}

fn write(values: &ArrayRef, row: usize, text: &mut String) -> Result<()> {
    if is_null(values, row) {
        text.push_str("null");
        return Ok(());
    }
    match values.data_type() {
        DataType::Struct(fields) => {
            text.push('{');
            let mut first = true;
            for (column, field) in values.as_struct().columns().iter().zip(fields) {
                if is_null(column, row) {
                    continue;
                }
                separate(&mut first, text);
                quote(field.name(), text);
                text.push(':');
                write(column, row, text)?;
            }
            text.push('}');
        }
        DataType::List(_) => {
            let items = values.as_list::<i32>().value(row);
            text.push('[');
            let mut first = true;
            for index in 0..items.len() {
                separate(&mut first, text);
                write(&items, index, text)?;
            }
            text.push(']');
        }
        DataType::Map(..) => {
            let entries = values.as_map().value(row);
            text.push('{');
            let mut first = true;
            for index in 0..entries.len() {
                separate(&mut first, text);
                let mut key = String::new();
                write(entries.column(0), index, &mut key)?;
                quote(key.trim_matches('"'), text);
                text.push(':');
                write(entries.column(1), index, text)?;
            }
            text.push('}');
        }
        _ => scalar(values, row, text)?,
    }
    Ok(())
}

fn separate(first: &mut bool, text: &mut String) {
    if !*first {
        text.push(',');
    }
    *first = false;
}

fn scalar(values: &ArrayRef, row: usize, text: &mut String) -> Result<()> {
    match values.data_type() {
        DataType::Utf8 => quote(values.as_string::<i32>().value(row), text),
        DataType::Boolean => text.push_str(if values.as_boolean().value(row) { "true" } else { "false" }),
        DataType::Int8 => text.push_str(&values.as_primitive::<Int8Type>().value(row).to_string()),
        DataType::Int16 => text.push_str(&values.as_primitive::<Int16Type>().value(row).to_string()),
        DataType::Int32 => text.push_str(&values.as_primitive::<Int32Type>().value(row).to_string()),
        DataType::Int64 => text.push_str(&values.as_primitive::<Int64Type>().value(row).to_string()),
        DataType::Float32 => number(f64::from(values.as_primitive::<Float32Type>().value(row)), text),
        DataType::Float64 => number(values.as_primitive::<Float64Type>().value(row), text),
        DataType::Decimal128(_, scale) => {
            text.push_str(&decimal::java_text(values.as_primitive::<Decimal128Type>().value(row), i32::from(*scale)));
        }
        DataType::Date32 => {
            let date = from_days(values.as_primitive::<Date32Type>().value(row)).ok_or_else(beyond)?;
            quote(&date.format("%Y-%m-%d").to_string(), text);
        }
        DataType::Timestamp(_, zone) => {
            let time = utc(values.as_primitive::<TimestampMicrosecondType>().value(row)).ok_or_else(beyond)?;
            let zone = if zone.is_some() { "Z" } else { "" };
            quote(&format!("{}{zone}", time.format("%Y-%m-%dT%H:%M:%S%.3f")), text);
        }
        other => return Err(DataFusionError::Internal(format!("`to_json` of {other}"))),
    }
    Ok(())
}

/// What is no number stands in quotes.
fn number(value: f64, text: &mut String) {
    let shown = double_text(value);
    if value.is_finite() { text.push_str(&shown) } else { quote(&shown, text) }
}
