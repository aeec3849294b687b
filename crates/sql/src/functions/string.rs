//! Texts.

use datafusion::functions::expr_fn as native;
use datafusion::functions::string::expr_fn as string;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, lit};
use headwater_plan::DataType;

use super::{Answer, Function, MANY, scalar};
use crate::error::SqlError;
use crate::kernels;
use crate::kernels::text::{Grouped, InitCap, Locate, Overlay, Pad, Side, Slice, SplitPart, SubstringIndex};
use crate::typing::call::Call;

pub(super) const FUNCTIONS: &[Function] = &[
    scalar("upper", 1..=1, |call| Ok(string::upper(call.text(0)?))),
    scalar("ucase", 1..=1, |call| Ok(string::upper(call.text(0)?))),
    scalar("lower", 1..=1, |call| Ok(string::lower(call.text(0)?))),
    scalar("lcase", 1..=1, |call| Ok(string::lower(call.text(0)?))),
    scalar("initcap", 1..=1, |call| Ok(kernels::call(InitCap, vec![call.text(0)?]))),
    scalar("length", 1..=1, length),
    scalar("char_length", 1..=1, length),
    scalar("character_length", 1..=1, length),
    scalar("len", 1..=1, length),
    scalar("octet_length", 1..=1, |call| int(string::octet_length(call.text(0)?))),
    scalar("ascii", 1..=1, |call| int(string::ascii(call.text(0)?))),
    scalar("concat", 0..=MANY, concat),
    scalar("concat_ws", 1..=MANY, concat_ws),
    scalar("trim", 1..=2, |call| trim(call, |value, characters| string::btrim(vec![value, characters]))),
    scalar("btrim", 1..=2, |call| trim_last(call, |value, characters| string::btrim(vec![value, characters]))),
    scalar("ltrim", 1..=2, |call| trim(call, |value, characters| string::ltrim(vec![value, characters]))),
    scalar("rtrim", 1..=2, |call| trim(call, |value, characters| string::rtrim(vec![value, characters]))),
    scalar("substring", 2..=3, substring),
    scalar("substr", 2..=3, substring),
    scalar("left", 2..=2, |call| slice(call, Slice::Left)),
    scalar("right", 2..=2, |call| slice(call, Slice::Right)),
    scalar("lpad", 2..=3, |call| pad(call, Side::Left)),
    scalar("rpad", 2..=3, |call| pad(call, Side::Right)),
    scalar("repeat", 2..=2, |call| Ok(string::repeat(call.text(0)?, call.int(1)?))),
    scalar("reverse", 1..=1, reverse),
    scalar("replace", 2..=3, replace),
    scalar("translate", 3..=3, |call| Ok(native::translate(call.text(0)?, call.text(1)?, call.text(2)?))),
    scalar("bit_length", 1..=1, |call| int(string::bit_length(call.text(0)?))),
    scalar("find_in_set", 2..=2, |call| int(native::find_in_set(call.text(0)?, call.text(1)?))),
    scalar("elt", 2..=MANY, elt),
    scalar("overlay", 3..=4, overlay),
    scalar("format_number", 2..=2, format_number),
    scalar("instr", 2..=2, |call| locate(call, 1, 0)),
    scalar("locate", 2..=3, |call| locate(call, 0, 1)),
    scalar("position", 2..=3, |call| locate(call, 0, 1)),
    scalar("startswith", 2..=2, |call| Ok(string::starts_with(call.text(0)?, call.text(1)?))),
    scalar("endswith", 2..=2, |call| Ok(string::ends_with(call.text(0)?, call.text(1)?))),
    scalar("contains", 2..=2, |call| Ok(string::contains(call.text(0)?, call.text(1)?))),
    scalar("split_part", 3..=3, split_part),
    scalar("substring_index", 3..=3, substring_index),
    scalar("levenshtein", 2..=2, |call| int(string::levenshtein(call.text(0)?, call.text(1)?))),
    scalar("md5", 1..=1, md5),
    scalar("sha1", 1..=1, |call| Ok(spark(datafusion_spark::function::hash::sha1(), vec![call.text(0)?]))),
    scalar("sha", 1..=1, |call| Ok(spark(datafusion_spark::function::hash::sha1(), vec![call.text(0)?]))),
    scalar("sha2", 2..=2, sha2),
    scalar("crc32", 1..=1, |call| Ok(spark(datafusion_spark::function::hash::crc32(), vec![call.text(0)?]))),
    scalar("space", 1..=1, |call| Ok(string::repeat(lit(" "), call.int(0)?))),
    scalar("chr", 1..=1, |call| {
        Ok(spark(datafusion_spark::function::string::char(), vec![call.expect(0, &DataType::Long)?]))
    }),
    scalar("char", 1..=1, |call| {
        Ok(spark(datafusion_spark::function::string::char(), vec![call.expect(0, &DataType::Long)?]))
    }),
];

/// A call of one of `datafusion-spark`'s functions.
pub(super) fn spark(function: std::sync::Arc<datafusion::logical_expr::ScalarUDF>, arguments: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(function, arguments))
}

fn int(expr: Expr) -> Answer {
    Ok(datafusion::logical_expr::cast(expr, arrow::datatypes::DataType::Int32))
}

fn length(call: &Call<'_>) -> Answer {
    if *call.data_type(0)? == DataType::Binary {
        return Ok(spark(datafusion_spark::function::string::length(), vec![call.expr(0)?]));
    }
    int(native::character_length(call.text(0)?))
}

fn concat(call: &Call<'_>) -> Answer {
    if call.arguments.iter().any(|argument| matches!(argument.data_type, DataType::Array(_))) {
        return super::list::concat(call);
    }
    let texts = (0..call.len()).map(|index| call.text(index)).collect::<Result<_, _>>()?;
    Ok(spark(datafusion_spark::function::string::concat(), texts))
}

fn concat_ws(call: &Call<'_>) -> Answer {
    if call.arguments.iter().any(|argument| matches!(argument.data_type, DataType::Array(_))) {
        return super::list::concat_ws(call);
    }
    let texts = (1..call.len()).map(|index| call.text(index)).collect::<Result<Vec<_>, _>>()?;
    let separator = call.text(0)?;
    if texts.is_empty() {
        return super::conditional::null_when(Expr::IsNull(Box::new(separator)), lit(""), &DataType::String);
    }
    Ok(string::concat_ws(separator, texts))
}

/// `trim(characters, value)`: the characters come first, and without them only blanks go.
fn trim(call: &Call<'_>, function: fn(Expr, Expr) -> Expr) -> Answer {
    match call.len() {
        1 => Ok(function(call.text(0)?, lit(" "))),
        _ => Ok(function(call.text(1)?, call.text(0)?)),
    }
}

fn trim_last(call: &Call<'_>, function: fn(Expr, Expr) -> Expr) -> Answer {
    match call.len() {
        1 => Ok(function(call.text(0)?, lit(" "))),
        _ => Ok(function(call.text(0)?, call.text(1)?)),
    }
}

fn substring(call: &Call<'_>) -> Answer {
    if *call.data_type(0)? == DataType::Binary {
        return Err(SqlError::unsupported(format!("`{}` of a binary", call.name)));
    }
    let length = if call.len() == 3 { call.int(2)? } else { lit(i32::MAX) };
    Ok(kernels::call(Slice::Middle, vec![call.text(0)?, call.int(1)?, length]))
}

fn slice(call: &Call<'_>, slice: Slice) -> Answer {
    Ok(kernels::call(slice, vec![call.text(0)?, call.int(1)?]))
}

fn pad(call: &Call<'_>, side: Side) -> Answer {
    let filler = if call.len() == 3 { call.text(2)? } else { lit(" ") };
    Ok(kernels::call(Pad { side }, vec![call.text(0)?, call.int(1)?, filler]))
}

fn reverse(call: &Call<'_>) -> Answer {
    if matches!(call.data_type(0)?, DataType::Array(_)) {
        return super::list::rearranged(call, crate::kernels::list::Rearrange::Reverse);
    }
    Ok(native::reverse(call.text(0)?))
}

fn replace(call: &Call<'_>) -> Answer {
    let with = if call.len() == 3 { call.text(2)? } else { lit("") };
    let (value, what) = (call.text(0)?, call.text(1)?);
    if call.argument(1)?.literal_text() == Some("") {
        // Nothing is replaced; elsewhere the new text would come between all characters.
        return Ok(value);
    }
    Ok(string::replace(value, what, with))
}

fn locate(call: &Call<'_>, part: usize, whole: usize) -> Answer {
    let from = if call.len() == 3 { call.int(2)? } else { lit(1_i32) };
    Ok(kernels::call(Locate, vec![call.text(part)?, call.text(whole)?, from]))
}

fn split_part(call: &Call<'_>) -> Answer {
    Ok(kernels::call(SplitPart, vec![call.text(0)?, call.text(1)?, call.int(2)?]))
}

fn substring_index(call: &Call<'_>) -> Answer {
    Ok(kernels::call(SubstringIndex, vec![call.text(0)?, call.text(1)?, call.int(2)?]))
}

fn md5(call: &Call<'_>) -> Answer {
    Ok(datafusion::functions::crypto::expr_fn::md5(call.text(0)?))
}

fn sha2(call: &Call<'_>) -> Answer {
    let bits = call.literal_integer(1, "number of bits")?;
    if !matches!(bits, 0 | 224 | 256 | 384 | 512) {
        return Err(SqlError::unsupported(format!("`sha2` of {bits} bits")).help("use 224, 256, 384 or 512"));
    }
    Ok(spark(datafusion_spark::function::hash::sha2(), vec![call.text(0)?, lit(i32::try_from(bits).unwrap_or(256))]))
}

/// One of the texts by its place; a place that is not there is an error.
fn elt(call: &Call<'_>) -> Answer {
    let texts = (1..call.len()).map(|index| call.text(index)).collect::<Result<Vec<_>, _>>()?;
    let array = datafusion::functions_nested::expr_fn::make_array(texts);
    let array = datafusion::logical_expr::cast(array, crate::kernels::each::list_of(&arrow::datatypes::DataType::Utf8));
    let element = crate::kernels::element::Element {
        counting: crate::kernels::element::Counting::Ordinal,
        element: arrow::datatypes::DataType::Utf8,
    };
    Ok(kernels::call(element, vec![array, call.int(0)?]))
}

/// A text with a part replaced: as many characters as come in its place, or as many as are said.
fn overlay(call: &Call<'_>) -> Answer {
    let length = if call.len() == 4 { call.int(3)? } else { lit(-1_i32) };
    Ok(kernels::call(Overlay, vec![call.text(0)?, call.text(1)?, call.int(2)?, length]))
}

/// A number with commas between its thousands.
fn format_number(call: &Call<'_>) -> Answer {
    let digits = call.literal_integer(1, "number of digits")?;
    let value = call.argument(0)?;
    if !value.data_type.is_numeric() {
        return Err(call.wrong_types());
    }
    let Some(digits) = u8::try_from(digits).ok().filter(|digits| *digits <= 18) else {
        return Err(SqlError::unsupported(format!("`format_number` with {digits} digits")));
    };
    // Java rounds half to even here.
    let scale = DataType::Decimal { precision: 38, scale: digits.max(6) };
    let wide = value.cast(&scale)?;
    Ok(kernels::call(Grouped { scale: digits.max(6), digits }, vec![wide]))
}
