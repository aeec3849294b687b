//! Values as Python has them: lists, maps and sets that change in place and are shared, printed as Python prints them.
//!
//! minijinja's own sequences and maps never change. What a template writes as `[…]` or `{…}`, what it gets from
//! filters and functions, what a macro is called with: all of it comes through here.

use std::cell::{Cell, RefCell};
use std::fmt;

use headwater_plan::{Code, Diagnostic};
use minijinja::Error;
use minijinja::value::{ObjectRepr, Tuple, Value, ValueKind};

use super::error::refuse;

mod dict;
mod json;
mod list;
mod set;
mod text;

pub(super) use dict::{Dict, to_dict};
pub(super) use json::{from_json, from_json_lenient, to_json};
pub(super) use list::List;
pub(super) use set::Set;
pub(super) use text::{percent, text_method};

/// How deep lists may hold each other when they are printed: a list may hold itself.
const DEPTH: usize = 40;

/// The value, changeable if it is a sequence that minijinja made: the sum of two lists, a slice, what a filter gives.
pub(super) fn own(value: &Value) -> Value {
    let Some(object) = value.as_object() else { return value.clone() };
    let lazy = match object.repr() {
        ObjectRepr::Iterable => true,
        ObjectRepr::Seq => value.downcast_object_ref::<Vec<Value>>().is_some(),
        _ => false,
    };
    match object.try_iter().filter(|_| lazy) {
        Some(items) => List::value(items.map(|item| own(&item)).collect()),
        None => value.clone(),
    }
}

/// The items of anything that can be looped over.
pub(super) fn items(value: &Value) -> Result<Vec<Value>, Error> {
    Ok(value.try_iter()?.collect())
}

/// A value inside of a list or map, as Python prints it there: texts in quotes.
pub(super) fn write_quoted(value: &Value, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match (value.kind(), value.as_str()) {
        (ValueKind::String, Some(text)) => write_text(text, f),
        (ValueKind::Seq, _) => match value.downcast_object_ref::<Tuple>() {
            Some(tuple) => write_tuple(tuple, f),
            None => write!(f, "{value}"),
        },
        _ => write!(f, "{value}"),
    }
}

fn write_tuple(tuple: &Tuple, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("(")?;
    write_items(tuple.iter(), f)?;
    f.write_str(if tuple.len() == 1 { ",)" } else { ")" })
}

/// Items between commas.
fn write_items<'a>(items: impl Iterator<Item = &'a Value>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (number, item) in items.enumerate() {
        if number > 0 {
            f.write_str(", ")?;
        }
        write_quoted(item, f)?;
    }
    Ok(())
}

fn write_text(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    write!(f, "{quote}")?;
    for letter in text.chars() {
        match letter {
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            letter if letter == quote => write!(f, "\\{letter}")?,
            letter => write!(f, "{letter}")?,
        }
    }
    write!(f, "{quote}")
}

thread_local! {
    static PRINTING: Cell<usize> = const { Cell::new(0) };
    /// What an attribute that a map has not is, while the code of a package runs.
    static MISSING: RefCell<Option<Value>> = const { RefCell::new(None) };
}

/// Runs code of a package, which relies on that an attribute that is not there prints as nothing, or of the project, where
/// it is a mistake. A map knows nothing of who asks it, so the thread does.
pub(super) fn with_missing<T>(missing: Option<Value>, run: impl FnOnce() -> T) -> T {
    let before = MISSING.replace(missing);
    let done = run();
    MISSING.set(before);
    done
}

/// Prints a container, or `...` for one that holds itself.
fn within(f: &mut fmt::Formatter<'_>, write: impl FnOnce(&mut fmt::Formatter<'_>) -> fmt::Result) -> fmt::Result {
    let depth = PRINTING.get();
    if depth >= DEPTH {
        return f.write_str("...");
    }
    PRINTING.set(depth + 1);
    let written = write(f);
    PRINTING.set(depth);
    written
}

/// An error of a method of Python's.
pub(super) fn failed(message: impl Into<String>) -> Error {
    refuse(Diagnostic::error(Code::InvalidTemplate, message))
}

/// Python's `None`.
pub(super) fn none() -> Value {
    Value::from(())
}
