//! What texts, numbers and tuples can do in Python and not in minijinja: methods, and `%` between a text and values.

use minijinja::formatting::{FormatStyle, format};
use minijinja::value::{Kwargs, Tuple, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};
use minijinja_contrib::pycompat;

use super::{failed, own};

/// A method of Python's on a value that is no object of ours.
pub(in crate::template) fn text_method(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    match value.as_str() {
        Some(text) => match more(text, method, args) {
            Err(error) if error.kind() == ErrorKind::UnknownMethod => {}
            given => return given,
        },
        None if method == "index" && value.kind() == ValueKind::Seq => {
            let (item,): (Value,) = from_args(args)?;
            let place = value.try_iter()?.position(|known| known == item);
            return place.map(Value::from).ok_or_else(|| failed(format!("there is no item `{item}`")));
        }
        None => {}
    }
    pycompat::unknown_method_callback(state, value, method, args).map(|given| own(&given))
}

/// The methods of texts that pycompat has not.
fn more(text: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let strip = |chars: &str, given: Option<&str>| given.unwrap_or(chars).to_string();
    Ok(match method {
        "zfill" => {
            let (width,): (usize,) = from_args(args)?;
            let (sign, digits) = match text.strip_prefix(['-', '+']) {
                Some(digits) => text.split_at(text.len() - digits.len()),
                None => ("", text),
            };
            let zeros = width.saturating_sub(text.chars().count());
            Value::from(format!("{sign}{}{digits}", "0".repeat(zeros)))
        }
        "ljust" | "rjust" | "center" => {
            let (width, fill): (usize, Option<&str>) = from_args(args)?;
            let missing = width.saturating_sub(text.chars().count());
            let left = match method {
                "ljust" => 0,
                "rjust" => missing,
                // Python puts the odd one to the left if the width is odd.
                _ => missing / 2 + (missing & width & 1),
            };
            let fill = strip(" ", fill);
            Value::from(format!("{}{text}{}", fill.repeat(left), fill.repeat(missing - left)))
        }
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(args)?;
            Value::from(text.strip_prefix(prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(args)?;
            Value::from(text.strip_suffix(suffix).unwrap_or(text))
        }
        "partition" | "rpartition" => {
            let (separator,): (&str,) = from_args(args)?;
            let found = if method == "partition" { text.split_once(separator) } else { text.rsplit_once(separator) };
            let parts = match found {
                Some((before, after)) => [before, separator, after],
                None if method == "partition" => [text, "", ""],
                None => ["", "", text],
            };
            Value::from(Tuple::from(parts.map(Value::from)))
        }
        "rsplit" => rsplit(text, args)?,
        "swapcase" => Value::from(text.chars().map(swapped).collect::<String>()),
        "casefold" => Value::from(text.to_lowercase()),
        "istitle" | "isidentifier" | "isdecimal" => Value::from(match method {
            "isdecimal" => !text.is_empty() && text.chars().all(|letter| letter.is_ascii_digit()),
            "isidentifier" => {
                text.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
                    && text.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
            }
            _ => text.split(|letter: char| !letter.is_alphabetic()).filter(|word| !word.is_empty()).all(|word| {
                let mut letters = word.chars();
                letters.next().is_some_and(char::is_uppercase) && letters.all(char::is_lowercase)
            }),
        }),
        "index" => {
            let (part,): (&str,) = from_args(args)?;
            let at = text.find(part).ok_or_else(|| failed(format!("the text has no `{part}`")))?;
            Value::from(text[..at].chars().count())
        }
        "expandtabs" => {
            let (size,): (Option<usize>,) = from_args(args)?;
            Value::from(text.replace('\t', &" ".repeat(size.unwrap_or(8))))
        }
        "format" if args.iter().any(|arg| arg.is_undefined()) => {
            // An undefined value prints as nothing.
            let args: Vec<Value> =
                args.iter().map(|arg| if arg.is_undefined() { Value::from("") } else { arg.clone() }).collect();
            Value::from(format(FormatStyle::StrFormat, text, &args)?)
        }
        "join" => return join(text, args),
        _ => return Err(Error::from(ErrorKind::UnknownMethod)),
    })
}

fn join(text: &str, args: &[Value]) -> Result<Value, Error> {
    let (items,): (Value,) = from_args(args)?;
    let items: Vec<String> = items.try_iter()?.map(|item| item.to_string()).collect();
    Ok(Value::from(items.join(text)))
}

fn rsplit(text: &str, args: &[Value]) -> Result<Value, Error> {
    let (separator, most): (Option<&str>, Option<i64>) = from_args(args)?;
    let most = most.and_then(|most| usize::try_from(most).ok());
    let mut parts: Vec<&str> = match (separator, most) {
        (Some(separator), Some(most)) => text.rsplitn(most + 1, separator).collect(),
        (Some(separator), None) => text.rsplit(separator).collect(),
        (None, _) => text.split_whitespace().rev().collect(),
    };
    parts.reverse();
    Ok(super::List::value(parts.into_iter().map(Value::from).collect()))
}

fn swapped(letter: char) -> char {
    if letter.is_uppercase() {
        letter.to_lowercase().next().unwrap_or(letter)
    } else {
        letter.to_uppercase().next().unwrap_or(letter)
    }
}

/// Python's `%`: the text with the values put in, or the rest of a division.
pub(in crate::template) fn percent(left: &Value, right: &Value) -> Result<Value, Error> {
    if let Some(text) = left.as_str() {
        let arguments: Vec<Value> = match right.downcast_object_ref::<Tuple>() {
            Some(tuple) => tuple.iter().cloned().collect(),
            None if right.kind() == ValueKind::Map => vec![named(right)?],
            None => vec![right.clone()],
        };
        return Ok(Value::from(format(FormatStyle::Printf, text, &arguments)?));
    }
    match (left.as_i64(), right.as_i64()) {
        (_, Some(0)) => return Err(failed(format!("unable to calculate {left} % {right}"))),
        (Some(left), Some(right)) => {
            let rest = left.wrapping_rem(right);
            // The rest has the sign of the divisor, as in Python.
            return Ok(Value::from(if rest != 0 && (rest < 0) != (right < 0) { rest + right } else { rest }));
        }
        _ => {}
    }
    match (f64::try_from(left.clone()), f64::try_from(right.clone())) {
        (Ok(left), Ok(right)) if right != 0.0 => Ok(Value::from(left - right * (left / right).floor())),
        _ => Err(failed(format!("tried to use % operator on unsupported types {} and {}", left.kind(), right.kind()))),
    }
}

/// A map as the named arguments that `%(name)s` asks for.
fn named(map: &Value) -> Result<Value, Error> {
    let mut pairs = Vec::new();
    for key in map.try_iter()? {
        pairs.push((key.to_string(), map.get_item(&key)?));
    }
    Ok(Value::from(pairs.into_iter().collect::<Kwargs>()))
}
