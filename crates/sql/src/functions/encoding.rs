//! Texts and bytes in other forms: hexadecimal, base 64, URLs, hashes; texts made of patterns.

use datafusion::logical_expr::lit;
use datafusion_spark::function as spark;
use headwater_plan::DataType;

use super::string::spark as called;
use super::{Answer, Function, MANY, scalar};
use crate::error::SqlError;
use crate::kernels;
use crate::kernels::base64::{FromBase64, ToBase64};
use crate::kernels::format::{self, Formatted};
use crate::kernels::hash::Murmur;
use crate::kernels::text::Ascii;
use crate::types::arrow_type;
use crate::typing::call::{Call, Typed};
use crate::typing::common::is_atomic;

pub(super) const FUNCTIONS: &[Function] = &[
    scalar("hex", 1..=1, hex),
    scalar("unhex", 1..=1, |call| Ok(called(spark::math::unhex(), vec![call.text(0)?]))),
    scalar("base64", 1..=1, |call| Ok(kernels::call(ToBase64, vec![bytes(call, 0)?]))),
    scalar("unbase64", 1..=1, |call| Ok(kernels::call(FromBase64, vec![call.text(0)?]))),
    scalar("encode", 2..=2, encode),
    scalar("url_encode", 1..=1, |call| Ok(called(spark::url::url_encode(), vec![call.text(0)?]))),
    scalar("url_decode", 1..=1, |call| Ok(called(spark::url::url_decode(), vec![call.text(0)?]))),
    scalar("parse_url", 2..=3, |call| texts(call, spark::url::parse_url())),
    scalar("try_parse_url", 2..=3, |call| texts(call, spark::url::try_parse_url())),
    scalar("hash", 1..=MANY, hash),
    scalar("xxhash64", 1..=MANY, xxhash64),
    scalar("soundex", 1..=1, |call| Ok(called(spark::string::soundex(), vec![call.text(0)?]))),
    scalar("format_string", 1..=MANY, format_string),
    scalar("printf", 1..=MANY, format_string),
    scalar("typeof", 1..=1, |call| Ok(lit(call.data_type(0)?.to_string()))),
];

fn texts(call: &Call<'_>, function: std::sync::Arc<datafusion::logical_expr::ScalarUDF>) -> Answer {
    let arguments = (0..call.len()).map(|index| call.text(index)).collect::<Result<_, _>>()?;
    Ok(called(function, arguments))
}

/// A text as its bytes.
fn bytes(call: &Call<'_>, index: usize) -> Answer {
    match call.data_type(index)? {
        DataType::Binary => call.expr(index),
        _ => Typed { expr: call.text(index)?, data_type: DataType::String }.cast(&DataType::Binary),
    }
}

fn hex(call: &Call<'_>) -> Answer {
    let value = call.argument(0)?;
    let value = match &value.data_type {
        DataType::String | DataType::Binary => value.expr.clone(),
        _ => call.expect(0, &DataType::Long)?,
    };
    Ok(called(spark::math::hex(), vec![value]))
}

fn encode(call: &Call<'_>) -> Answer {
    let charset = call.literal_text(1, "charset")?;
    if charset.eq_ignore_ascii_case("us-ascii") {
        let text = Typed { expr: kernels::call(Ascii, vec![call.text(0)?]), data_type: DataType::String };
        return text.cast(&DataType::Binary);
    }
    if !charset.eq_ignore_ascii_case("utf-8") {
        return Err(SqlError::unsupported(format!("the charset `{charset}`")).help("use `UTF-8`"));
    }
    bytes(call, 0)
}

/// Bytes as the text that they are.
pub(super) fn decode(call: &Call<'_>) -> Answer {
    let charset = call.literal_text(1, "charset")?;
    if !charset.eq_ignore_ascii_case("utf-8") {
        return Err(SqlError::unsupported(format!("the charset `{charset}`")).help("use `UTF-8`"));
    }
    Typed { expr: bytes(call, 0)?, data_type: DataType::Binary }.cast(&DataType::String)
}

fn hash(call: &Call<'_>) -> Answer {
    for argument in &call.arguments {
        if !is_atomic(&argument.data_type) && argument.data_type != DataType::Null {
            return Err(SqlError::unsupported(format!("`hash` of `{}`", argument.data_type)));
        }
    }
    let inputs = call.arguments.iter().map(|argument| arrow_type(&argument.data_type)).collect();
    Ok(kernels::call(Murmur { inputs }, call.arguments.iter().map(|argument| argument.expr.clone()).collect()))
}

fn xxhash64(call: &Call<'_>) -> Answer {
    let known = |data_type: &DataType| {
        matches!(data_type, DataType::Int | DataType::Long | DataType::String | DataType::Date | DataType::Timestamp)
    };
    if let Some(argument) = call.arguments.iter().find(|argument| !known(&argument.data_type)) {
        return Err(SqlError::unsupported(format!("`xxhash64` of `{}`", argument.data_type)));
    }
    Ok(called(spark::hash::xxhash64(), call.arguments.iter().map(|argument| argument.expr.clone()).collect()))
}

/// Java's `String.format`. What is wrong with the format is known now: it is the same in every row.
fn format_string(call: &Call<'_>) -> Answer {
    let text = call.literal_text(0, "format")?;
    let values = &call.arguments[1..];
    let pieces = format::parse(&text).map_err(|directive| {
        SqlError::unsupported(format!("`{directive}` in the format of `{}`", call.name))
            .help("use `%s`, `%d`, `%f`, `%e`, `%x`, `%o`, `%c`, `%b`, `%n` and `%%`")
    })?;
    for (directive, index) in pieces.iter().filter_map(format::Piece::value) {
        let Some(value) = values.get(index) else {
            let message = format!("`{directive}` asks for value {} of `{}`, which is not there", index + 1, call.name);
            return Err(SqlError::mismatch(message));
        };
        check_value(call, directive, value)?;
    }
    let inputs = values.iter().map(|value| arrow_type(&value.data_type)).collect();
    Ok(kernels::call(Formatted { pieces, inputs }, values.iter().map(|value| value.expr.clone()).collect()))
}

/// Whether a directive of a format takes a value.
fn check_value(call: &Call<'_>, directive: &format::Directive, value: &Typed) -> Result<(), SqlError> {
    let found = &value.data_type;
    let floating = matches!(found, DataType::Float | DataType::Double);
    let takes = match directive.conversion() {
        _ if *found == DataType::Null => true,
        'd' | 'x' | 'o' => found.is_integral(),
        'f' | 'e' => floating,
        'c' => matches!(found, DataType::Byte | DataType::Short | DataType::Int),
        's' if !(floating || found.is_integral() || matches!(found, DataType::String | DataType::Boolean)) => {
            return Err(SqlError::unsupported(format!("`{directive}` of `{found}` in `{}`", call.name))
                .help("cast it to a string"));
        }
        _ => true,
    };
    if takes {
        return Ok(());
    }
    let help = if matches!(directive.conversion(), 'f' | 'e') {
        "cast it to a double"
    } else {
        "cast it to an int or a bigint"
    };
    let message = format!("`{directive}` of `{found}` in the format of `{}`", call.name);
    // Java takes a null of any type, so this is no mistake that every row would show.
    Err(SqlError::unsupported(message).help(help))
}
