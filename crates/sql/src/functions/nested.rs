//! Arrays, structs and maps: made of values, and taken apart again.

use arrow::array::new_empty_array;
use arrow::datatypes::DataType as ArrowType;
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::functions_nested as native;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, lit};
use headwater_plan::{Code, DataType};

use super::{Answer, Function, MANY, conversion, scalar, special};
use crate::error::{SqlError, suggest};
use crate::kernels;
use crate::kernels::each::{Each, EachElement};
use crate::kernels::element::{Counting, Element};
use crate::kernels::list::{Ask, Asked};
use crate::kernels::zero::Alike;
use crate::types::arrow_type;
use crate::typing::call::{Call, Typed};

pub(super) const FUNCTIONS: &[Function] = &[
    scalar("array", 0..=MANY, array),
    scalar("named_struct", 2..=MANY, named_struct),
    // The resolver gives a struct's fields their names.
    scalar("struct", 1..=MANY, named_struct),
    scalar("map", 2..=MANY, map),
    special("field", 2..=2, field),
    special("element", 2..=2, element),
    scalar("element_at", 2..=2, |call| element_at(call, Counting::Ordinal)),
    scalar("try_element_at", 2..=2, |call| element_at(call, Counting::OrdinalOrNull)),
    scalar("get", 2..=2, get),
    scalar("size", 1..=1, size),
    scalar("cardinality", 1..=1, size),
    scalar("array_size", 1..=1, size),
    scalar("map_keys", 1..=1, |call| of_map(call, native::expr_fn::map_keys)),
    scalar("map_values", 1..=1, |call| of_map(call, native::expr_fn::map_values)),
    scalar("map_entries", 1..=1, |call| of_map(call, native::expr_fn::map_entries)),
    scalar("map_contains_key", 2..=2, map_contains_key),
];

fn array(call: &Call<'_>) -> Answer {
    if call.len() == 0 {
        return Ok(empty());
    }
    let all: Vec<usize> = (0..call.len()).collect();
    Ok(native::expr_fn::make_array(call.in_common(&all)?.0))
}

/// The array without elements.
pub(super) fn empty() -> Expr {
    let empty = SingleRowListArrayBuilder::new(new_empty_array(&ArrowType::Null));
    let field = arrow::datatypes::Field::new("element", ArrowType::Null, true);
    Expr::Literal(empty.with_field(&field).build_list_scalar(), None)
}

/// Names and values in turn.
fn named_struct(call: &Call<'_>) -> Answer {
    if call.len() % 2 == 1 {
        return Err(SqlError::mismatch(format!("`{}` takes names and values in turn", call.name)));
    }
    let mut arguments = Vec::with_capacity(call.len());
    for index in (0..call.len()).step_by(2) {
        arguments.push(lit(call.literal_text(index, "name")?.into_owned()));
        arguments.push(call.expr(index + 1)?);
    }
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(datafusion::functions::core::named_struct(), arguments)))
}

fn map(call: &Call<'_>) -> Answer {
    if call.len() % 2 == 1 {
        return Err(SqlError::mismatch("`map` takes keys and values in turn"));
    }
    let keys: Vec<usize> = (0..call.len()).step_by(2).collect();
    let values: Vec<usize> = (1..call.len()).step_by(2).collect();
    let (keys, key) = call.in_common(&keys)?;
    let keys = native::expr_fn::make_array(keys.into_iter().map(|value| alike(value, &key)).collect());
    let values = native::expr_fn::make_array(call.in_common(&values)?.0);
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(native::map::map_udf(), vec![keys, values])))
}

/// `value.name`: a field of a struct, or a value of a map whose keys are texts.
fn field(call: &Call<'_>) -> Answer {
    let (value, name) = (call.argument(0)?, call.literal_text(1, "name")?);
    match &value.data_type {
        DataType::Struct(fields) => {
            let found: Vec<_> = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(&name)).collect();
            match found.as_slice() {
                [field] => Ok(datafusion::functions::core::expr_fn::get_field(value.expr.clone(), &field.name)),
                [] => {
                    let known = fields.iter().map(|field| field.name.as_str());
                    let error = SqlError::new(Code::UnknownColumn, format!("the struct has no field `{name}`"));
                    Err(error.help_if(suggest(&name, "its fields are", known)))
                }
                _ => Err(SqlError::new(Code::AmbiguousColumn, format!("the struct has several fields `{name}`"))),
            }
        }
        DataType::Map(key, _) if **key == DataType::String => Ok(value_of(value, lit(name.into_owned()))),
        DataType::Array(element) if matches!(**element, DataType::Struct(_)) => {
            Err(SqlError::unsupported("a field of the structs of an array")
                .help("write `transform(array, x -> x.field)`"))
        }
        other => Err(SqlError::mismatch(format!("`{other}` has no fields, and `{name}` of it is asked for"))),
    }
}

/// A key in the form in which equal ones are alike: there are two zeros.
fn alike(key: Expr, data_type: &DataType) -> Expr {
    match data_type {
        DataType::Float | DataType::Double => kernels::call(Alike { data_type: arrow_type(data_type) }, vec![key]),
        _ => key,
    }
}

/// The value of a map's key, null where there is none.
fn value_of(map: &Typed, key: Expr) -> Expr {
    native::expr_fn::array_element(native::expr_fn::map_extract(map.expr.clone(), key), lit(1_i64))
}

/// `value[index]`: from 0 in an array, the key of a map, the name of a struct's field.
fn element(call: &Call<'_>) -> Answer {
    let value = call.argument(0)?;
    match &value.data_type {
        DataType::Array(element) => at(call, element, Counting::Index),
        DataType::Map(key, _) => Ok(value_of(value, call.argument(1).and_then(|index| stored_key(call, index, key))?)),
        DataType::Struct(_) if call.argument(1)?.literal_text().is_some() => field(call),
        other => Err(SqlError::mismatch(format!("`{other}` is no array or map, so it has no elements"))),
    }
}

fn stored_key(call: &Call<'_>, index: &Typed, key: &DataType) -> Answer {
    Ok(alike(crate::typing::call::expect(call.name, 1, index, key)?, key))
}

fn at(call: &Call<'_>, element: &DataType, counting: Counting) -> Answer {
    let index = call.int(1)?;
    Ok(kernels::call(Element { counting, element: arrow_type(element) }, vec![call.expr(0)?, index]))
}

fn element_at(call: &Call<'_>, counting: Counting) -> Answer {
    let value = call.argument(0)?;
    match &value.data_type {
        DataType::Array(element) => at(call, element, counting),
        DataType::Map(key, _) => Ok(value_of(value, call.argument(1).and_then(|index| stored_key(call, index, key))?)),
        _ => Err(call.wrong_types()),
    }
}

fn get(call: &Call<'_>) -> Answer {
    match call.data_type(0)? {
        DataType::Array(element) => at(call, element, Counting::IndexOrNull),
        _ => Err(call.wrong_types()),
    }
}

fn size(call: &Call<'_>) -> Answer {
    let value = call.argument(0)?;
    if value.data_type == DataType::Null {
        return value.cast(&DataType::Int);
    }
    let (array, element) = match &value.data_type {
        DataType::Array(element) => (value.expr.clone(), element.as_ref().clone()),
        DataType::Map(key, _) if call.name != "array_size" => {
            let keys = native::expr_fn::map_keys(value.expr.clone());
            let form = arrow_type(&DataType::Array(key.clone()));
            (datafusion::logical_expr::cast(keys, form), key.as_ref().clone())
        }
        _ => return Err(call.wrong_types()),
    };
    Ok(kernels::call(Asked { what: Ask::Size, element: arrow_type(&element) }, vec![array]))
}

fn of_map(call: &Call<'_>, function: fn(Expr) -> Expr) -> Answer {
    match call.data_type(0)? {
        DataType::Map(..) => Ok(function(call.expr(0)?)),
        _ => Err(call.wrong_types()),
    }
}

fn map_contains_key(call: &Call<'_>) -> Answer {
    let value = call.argument(0)?;
    let DataType::Map(key, _) = &value.data_type else { return Err(call.wrong_types()) };
    let keys = native::expr_fn::map_keys(value.expr.clone());
    let keys = datafusion::logical_expr::cast(keys, arrow_type(&DataType::Array(key.clone())));
    let wanted = call.argument(1).and_then(|wanted| stored_key(call, wanted, key))?;
    Ok(kernels::call(Asked { what: Ask::Contains, element: arrow_type(key) }, vec![keys, wanted]))
}

/// An array with its elements cast.
pub(super) fn cast_elements(from: &Typed, element: &DataType, to: &DataType, lenient: bool) -> Answer {
    let variable = Expr::Column(datafusion::common::Column::new_unqualified("element"));
    let body = conversion::convert(&Typed { expr: variable, data_type: element.clone() }, to, lenient)?;
    let each = EachElement {
        each: Each::Transform,
        body,
        element: arrow_type(element),
        captured: Vec::new(),
        value: arrow_type(to),
    };
    Ok(kernels::call(each, vec![from.expr.clone()]))
}
