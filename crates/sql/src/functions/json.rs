//! JSON texts.

use headwater_plan::DataType;

use super::{Answer, Function, scalar};
use crate::error::SqlError;
use crate::kernels;
use crate::kernels::json::{JsonPart, ToJson, path};
use crate::types::arrow_type;
use crate::typing::call::Call;

pub(super) const FUNCTIONS: &[Function] = &[
    scalar("get_json_object", 2..=2, get_json_object),
    scalar("json_array_length", 1..=1, |call| Ok(kernels::call(JsonPart::Length, vec![call.text(0)?]))),
    scalar("json_object_keys", 1..=1, |call| Ok(kernels::call(JsonPart::Keys, vec![call.text(0)?]))),
    scalar("to_json", 1..=1, to_json),
];

fn get_json_object(call: &Call<'_>) -> Answer {
    let text = call.literal_text(1, "path")?;
    let steps = path(&text).ok_or_else(|| {
        SqlError::unsupported(format!("the path `{text}`"))
            .help("a path is names and places: `$.customer.orders[0].id`")
    })?;
    Ok(kernels::call(JsonPart::At(steps), vec![call.text(0)?]))
}

fn to_json(call: &Call<'_>) -> Answer {
    let value = call.argument(0)?;
    let nested = matches!(value.data_type, DataType::Array(_) | DataType::Map(..) | DataType::Struct(_));
    if !nested {
        return Err(call.wrong_types().help("`to_json` takes a struct, a map or an array"));
    }
    if let Some(inside) = unwritten(&value.data_type) {
        return Err(SqlError::unsupported(format!("`to_json` of `{inside}`")));
    }
    Ok(kernels::call(ToJson { from: arrow_type(&value.data_type) }, vec![value.expr.clone()]))
}

/// A part of a type that JSON has no form for.
fn unwritten(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::Array(element) => unwritten(element),
        DataType::Struct(fields) => fields.iter().find_map(|field| unwritten(&field.data_type)),
        DataType::Map(key, value) => match key.as_ref() {
            DataType::String | DataType::Int | DataType::Long | DataType::Boolean => unwritten(value),
            other => Some(other),
        },
        DataType::Binary | DataType::Float => Some(data_type),
        _ => None,
    }
}
