//! A generic test as it is written: its arguments, and the name that dbt makes of them.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::compile::fingerprint::hex;
use crate::compile::item::Item;
use crate::config::{ColumnDecl, TestDecl, TestKind};

/// The user's name, or the one that dbt makes: package, kind, what is tested, then the arguments in the order of
/// their names; what would be 64 characters or more ends in a hash instead.
pub(in crate::compile) fn name_of(test: &TestDecl, item: &Item<'_>, column: Option<&ColumnDecl>) -> String {
    const LONGEST: usize = 63;
    if let Some(name) = &test.name {
        return name.clone();
    }
    let (prefix, of) = match item.name.split_once('.') {
        Some((source, table)) => ("source_", format!("{source}_{table}")),
        None => ("", item.name.clone()),
    };
    let kind = match &test.kind {
        TestKind::Custom { package: Some(package), name, .. } => format!("{package}_{name}"),
        TestKind::Custom { name, .. } => name.clone(),
        kind => built_in(kind).to_owned(),
    };
    let mut arguments = arguments_of(test);
    if let Some(column) = column.map(|column| column.name.as_str()).or(test.column.as_deref()) {
        arguments.insert("column_name".into(), Value::from(column));
    }
    // serde_json keeps the user's order here; dbt names by the sorted one.
    let mut sorted: Vec<(&String, &Value)> = arguments.iter().collect();
    sorted.sort_by_key(|(key, _)| key.as_str());
    let flat: Vec<String> = sorted.into_iter().flat_map(|(_, value)| parts(value)).map(|part| clean(&part)).collect();
    let base = format!("{prefix}{kind}_{of}");
    let full = format!("{base}_{}", flat.join("__"));
    if full.chars().count() <= LONGEST {
        return full;
    }
    let short: String = base.chars().take(30).collect();
    format!("{short}_{}", &hex(&Sha256::digest(full.as_bytes()))[..32])
}

/// The name of a test that is built in.
pub(super) fn built_in(kind: &TestKind) -> &str {
    match kind {
        TestKind::NotNull => "not_null",
        TestKind::Unique => "unique",
        TestKind::AcceptedValues { .. } => "accepted_values",
        TestKind::Relationships { .. } => "relationships",
        TestKind::Custom { name, .. } => name,
    }
}

/// A test's arguments, by name.
pub(super) fn arguments_of(test: &TestDecl) -> Map<String, Value> {
    let mut arguments = Map::new();
    match &test.kind {
        TestKind::NotNull | TestKind::Unique => {}
        TestKind::AcceptedValues { values, quote } => {
            arguments.insert("values".into(), Value::Array(values.clone()));
            if !quote {
                arguments.insert("quote".into(), Value::Bool(false));
            }
        }
        TestKind::Relationships { to, field } => {
            arguments.insert("to".into(), Value::from(to.as_str()));
            arguments.insert("field".into(), Value::from(field.as_str()));
        }
        TestKind::Custom { arguments: own, .. } => arguments.clone_from(own),
    }
    arguments
}

/// An argument as the parts of a name, printed as Python does.
fn parts(value: &Value) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Null => "None".into(),
        other => other.to_string(),
    };
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        Value::Object(map) => map.values().map(text).collect(),
        one => vec![text(one)],
    }
}

/// How an item is written in Jinja.
pub(in crate::compile) fn reference(item: &Item<'_>) -> String {
    match item.name.split_once('.') {
        Some((source, table)) if item.kind == headwater_plan::NodeKind::Source => {
            format!("source('{source}', '{table}')")
        }
        _ => format!("ref('{}', '{}')", item.package, item.name),
    }
}

/// The expression that an argument is, if it is one rather than a text: a call of dbt's, or all of it in braces.
pub(super) fn expression(text: &str) -> Option<String> {
    let text = text.trim();
    let calls = ["ref", "source", "var", "env_var"];
    let is_call =
        calls.iter().any(|call| text.strip_prefix(call).is_some_and(|rest| rest.trim_start().starts_with('(')));
    if is_call && text.ends_with(')') {
        return Some(text.to_owned());
    }
    let inside = text.strip_prefix("{{")?.strip_suffix("}}")?;
    (!inside.contains("{{")).then(|| inside.trim_matches('-').trim().to_owned())
}

/// A run of what is not a letter, digit or `_` is one `_`.
fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut in_run = false;
    for character in text.chars() {
        let keep = character.is_ascii_alphanumeric() || character == '_';
        if keep || !in_run {
            cleaned.push(if keep { character } else { '_' });
        }
        in_run = !keep;
    }
    cleaned
}
