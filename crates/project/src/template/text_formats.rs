//! Values as texts of other formats, and back: JSON and YAML as Python writes them, MD5.

use std::fmt::Write as _;
use std::io;

use md5::{Digest, Md5};
use minijinja::Error;
use minijinja::value::{Value, ValueKind};
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};

use super::value::{Dict, List, from_json, to_json};

/// The value of a JSON text; `None` if it is none.
pub(super) fn from_json_text(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().as_ref().map(from_json)
}

/// A value as Python's `json.dumps` writes it.
pub(super) fn to_json_text(value: &Value, sorted: bool) -> String {
    let mut json = to_json(value);
    if sorted {
        json.sort_all_objects();
    }
    let mut bytes = Vec::new();
    let written = json.serialize(&mut Serializer::with_formatter(&mut bytes, Python));
    // Writing to memory cannot fail, and what is written is ASCII.
    written.ok().and_then(|()| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// Python's form of JSON: a space after `,` and `:`, nothing but ASCII.
struct Python;

impl Formatter for Python {
    fn begin_array_value<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_string_fragment<W: io::Write + ?Sized>(&mut self, writer: &mut W, text: &str) -> io::Result<()> {
        for letter in text.chars() {
            if letter.is_ascii() {
                writer.write_all(&[letter as u8])?;
                continue;
            }
            for unit in letter.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }

    fn write_char_escape<W: io::Write + ?Sized>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        match escape {
            CharEscape::Quote => writer.write_all(b"\\\""),
            CharEscape::ReverseSolidus => writer.write_all(b"\\\\"),
            CharEscape::Solidus => writer.write_all(b"/"),
            CharEscape::Backspace => writer.write_all(b"\\b"),
            CharEscape::FormFeed => writer.write_all(b"\\f"),
            CharEscape::LineFeed => writer.write_all(b"\\n"),
            CharEscape::CarriageReturn => writer.write_all(b"\\r"),
            CharEscape::Tab => writer.write_all(b"\\t"),
            CharEscape::AsciiControl(byte) => write!(writer, "\\u{byte:04x}"),
        }
    }
}

/// The value of a YAML text; `None` if it is none.
pub(super) fn from_yaml_text(text: &str) -> Option<Value> {
    let documents = Yaml::load_from_str(text).ok()?;
    Some(documents.first().map_or_else(super::value::none, from_yaml))
}

fn from_yaml(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::String(text)) => Value::from(text.as_ref()),
        Yaml::Value(Scalar::Integer(number)) => Value::from(*number),
        Yaml::Value(Scalar::FloatingPoint(number)) => Value::from(f64::from(*number)),
        Yaml::Value(Scalar::Boolean(truth)) => Value::from(*truth),
        Yaml::Sequence(items) => List::value(items.iter().map(from_yaml).collect()),
        Yaml::Mapping(pairs) => Dict::value(pairs.iter().map(|(key, value)| (from_yaml(key), from_yaml(value)))),
        Yaml::Tagged(_, inner) => from_yaml(inner),
        Yaml::Value(Scalar::Null) | Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => super::value::none(),
    }
}

/// A value as PyYAML writes it, in blocks.
pub(super) fn to_yaml_text(value: &Value, sorted: bool) -> String {
    let mut json = to_json(value);
    if sorted {
        json.sort_all_objects();
    }
    let mut text = String::new();
    write_yaml(&json, 0, &mut text);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn write_yaml(json: &serde_json::Value, indent: usize, text: &mut String) {
    let margin = " ".repeat(indent);
    match json {
        serde_json::Value::Object(pairs) if !pairs.is_empty() => {
            for (number, (key, value)) in pairs.iter().enumerate() {
                if number > 0 || text.ends_with('\n') {
                    text.push_str(&margin);
                }
                let _ = write!(text, "{}:", yaml_scalar(key));
                match value {
                    serde_json::Value::Object(inner) if !inner.is_empty() => {
                        text.push('\n');
                        write_yaml(value, indent + 2, text);
                    }
                    serde_json::Value::Array(inner) if !inner.is_empty() => {
                        text.push('\n');
                        write_yaml(value, indent, text);
                    }
                    _ => {
                        text.push(' ');
                        write_yaml(value, indent, text);
                    }
                }
            }
        }
        serde_json::Value::Array(items) if !items.is_empty() => {
            for item in items {
                let _ = write!(text, "{margin}- ");
                write_yaml(item, indent + 2, text);
            }
        }
        serde_json::Value::Object(_) => text.push_str("{}\n"),
        serde_json::Value::Array(_) => text.push_str("[]\n"),
        serde_json::Value::String(written) => {
            let _ = writeln!(text, "{}", yaml_scalar(written));
        }
        other => {
            let _ = writeln!(text, "{other}");
        }
    }
}

/// A text as it stands in YAML: in quotes if it would read as something else.
fn yaml_scalar(text: &str) -> String {
    let special = |letter: char| "-?:,[]{}#&*!|>'\"%@`".contains(letter) || letter.is_whitespace();
    let plain = !text.is_empty()
        && !text.starts_with(special)
        && !text.ends_with(|letter: char| letter.is_whitespace() || letter == ':')
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.contains(['\n', '\t'])
        && matches!(Yaml::load_from_str(text).ok().as_deref(), Some([Yaml::Value(Scalar::String(read))]) if read == text);
    match (plain, text.contains('\n')) {
        (true, _) => text.to_string(),
        (false, false) => format!("'{}'", text.replace('\'', "''")),
        (false, true) => serde_json::Value::from(text).to_string(),
    }
}

/// The MD5 of a text, in hexadecimal.
pub(super) fn md5_text(text: &str) -> String {
    let digest = Md5::digest(text.as_bytes());
    digest.iter().fold(String::with_capacity(32), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// What of the first map, whose values are lists, is not in the second: dbt's own function for grants.
pub(super) fn diff_of_dicts(left: &Value, right: &Value) -> Result<Value, Error> {
    let lower = |value: &Value| value.to_string().to_lowercase();
    let mut diff = Vec::new();
    for key in left.try_iter()? {
        let mine: Vec<Value> = left.get_item(&key)?.try_iter()?.collect();
        let other = right.try_iter()?.find(|other| lower(other) == lower(&key));
        let theirs: Vec<Value> = match other {
            Some(other) => right.get_item(&other)?.try_iter()?.collect(),
            None => Vec::new(),
        };
        let rest: Vec<Value> =
            mine.into_iter().filter(|item| !theirs.iter().any(|known| lower(known) == lower(item))).collect();
        if !rest.is_empty() {
            diff.push((key, List::value(rest)));
        }
    }
    Ok(Dict::value(diff))
}

/// The value of a text that Python's `ast.literal_eval` reads: dbt's filter `as_native`.
pub(super) fn native(value: &Value) -> Value {
    let Some(text) = value.as_str().map(str::trim) else { return value.clone() };
    match text {
        "True" | "true" => Value::from(true),
        "False" | "false" => Value::from(false),
        "None" => super::value::none(),
        _ => number(text).or_else(|| from_json_text(text)).unwrap_or_else(|| value.clone()),
    }
}

/// A number that a text is.
pub(super) fn number(text: &str) -> Option<Value> {
    text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<f64>().map(Value::from)).ok()
}

/// Whether it is a text.
pub(super) fn is_text(value: &Value) -> bool {
    value.kind() == ValueKind::String
}
