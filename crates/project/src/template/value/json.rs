//! Values from JSON and to JSON.

use minijinja::value::{Value, ValueKind};
use serde_json::{Map, Number};

use super::super::column::Column;
use super::super::relation::Relation;
use super::{Dict, List, none};

/// A value of JSON, its lists and maps changeable.
pub(in crate::template) fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => none(),
        serde_json::Value::Bool(truth) => Value::from(*truth),
        serde_json::Value::Number(number) => from_number(number),
        serde_json::Value::String(text) => Value::from(text),
        serde_json::Value::Array(items) => List::value(items.iter().map(from_json).collect()),
        serde_json::Value::Object(pairs) => {
            Dict::value(pairs.iter().map(|(key, value)| (Value::from(key), from_json(value))))
        }
    }
}

/// The same, of which attributes that are not there are `missing`.
pub(in crate::template) fn from_json_lenient(json: &serde_json::Value, missing: &Value) -> Value {
    match json {
        serde_json::Value::Array(items) => {
            List::value(items.iter().map(|item| from_json_lenient(item, missing)).collect())
        }
        serde_json::Value::Object(pairs) => {
            let pair = |(key, value): (&String, _)| (Value::from(key), from_json_lenient(value, missing));
            Dict::lenient(pairs.iter().map(pair), missing)
        }
        plain => from_json(plain),
    }
}

fn from_number(number: &Number) -> Value {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(number), _, _) => Value::from(number),
        (None, Some(number), _) => Value::from(number),
        (None, None, Some(number)) => Value::from(number),
        (None, None, None) => none(),
    }
}

/// The JSON of a value. What JSON has not (a relation, a day, a macro) is its text; an undefined value is null.
pub(in crate::template) fn to_json(value: &Value) -> serde_json::Value {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => serde_json::Value::Null,
        ValueKind::Bool => serde_json::Value::Bool(value.is_true()),
        ValueKind::Number => serde_json::to_value(value).unwrap_or(serde_json::Value::Null),
        ValueKind::Seq | ValueKind::Iterable => {
            serde_json::Value::Array(value.try_iter().into_iter().flatten().map(|item| to_json(&item)).collect())
        }
        ValueKind::Map if is_data(value) => {
            let pair = |key: Value| {
                let value = value.get_item(&key).unwrap_or_default();
                (key.to_string(), to_json(&value))
            };
            serde_json::Value::Object(value.try_iter().into_iter().flatten().map(pair).collect::<Map<_, _>>())
        }
        _ => serde_json::Value::String(value.to_string()),
    }
}

/// Whether a map is no more than its pairs; a relation and a column have a text of their own.
fn is_data(value: &Value) -> bool {
    value.downcast_object_ref::<Relation>().is_none() && value.downcast_object_ref::<Column>().is_none()
}
