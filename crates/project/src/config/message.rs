//! The sentences of the checker: what was expected, what was found, what to do.

use headwater_plan::diagnostic::did_you_mean;
use serde_json::Value;

use super::shape::{Branch, Branches, kind_of};
use super::yaml::{Data, Entry, Node, plain};

/// `did you mean` the nearest, or all of them.
pub(crate) fn one_of(wrong: &str, known: &[&str]) -> String {
    match did_you_mean(wrong, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("one of {}", quoted(known)),
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// What is expected, what was found, and a help.
pub(crate) fn mismatch(node: &Node, branches: &Branches<'_>, secret: bool) -> (String, Option<String>) {
    let expected = expected(branches);
    let value = match &node.data {
        Data::Scalar(scalar) if scalar.value.is_null() => {
            let as_text = !scalar.text.is_empty() && branches.accept_free_text();
            let help = match as_text {
                true => format!("if the text is meant, put it in quotes: `\"{}\"`", scalar.text),
                false => format!("expected {expected}"),
            };
            return ("has no value".into(), Some(help));
        }
        Data::Scalar(scalar) => &scalar.value,
        Data::List(_) => return (format!("must be {expected}, not a list"), None),
        Data::Map(_) => return (format!("must be {expected}, not a mapping"), None),
    };
    let text = node.text().unwrap_or_default();
    let shown = if secret { "***" } else { text };
    let found = match value {
        Value::Bool(_) => format!("the boolean `{shown}`"),
        Value::Number(_) => format!("the number `{shown}`"),
        _ => format!("the text `{shown}`"),
    };
    (format!("must be {expected}, not {found}"), help(value, shown, branches))
}

fn help(value: &Value, text: &str, branches: &Branches<'_>) -> Option<String> {
    if !value.is_string() && branches.accept_free_text() {
        return Some(format!("put it in quotes: `\"{text}\"`"));
    }
    if branches.accepting("boolean").is_some() && ["yes", "no", "on", "off"].contains(&text.to_lowercase().as_str()) {
        return Some("YAML 1.2 writes booleans as `true` and `false`".into());
    }
    if value.is_string() && branches.accepting(kind_of(&plain(text))).is_some() {
        return Some(format!("write it without quotes: `{text}`"));
    }
    let items = branches.accepting("array").is_some() && branches.accepting("object").is_none();
    items.then(|| format!("write it as a list: `[{text}]`"))
}

fn expected(branches: &Branches<'_>) -> String {
    let mut words: Vec<String> = Vec::new();
    for branch in branches.iter() {
        let literals = branch.literals();
        let of_kind = branch.kinds().into_iter().filter_map(|kind| match kind {
            "string" => Some("a text"),
            "integer" => Some("a whole number"),
            "number" => Some("a number"),
            "boolean" => Some("`true` or `false`"),
            "array" => Some("a list"),
            "object" => Some("a mapping"),
            _ => None,
        });
        let branch_words: Vec<String> = match literals.is_empty() {
            true => of_kind.map(str::to_owned).collect(),
            false => literals.iter().map(|literal| format!("`{literal}`")).collect(),
        };
        for word in branch_words {
            if !words.contains(&word) {
                words.push(word);
            }
        }
    }
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "something else".into(),
    }
}

/// What a value of the right kind must be and is not.
pub(crate) fn limits(node: &Node, branch: &Branch<'_>) -> Option<String> {
    let short = |key: &str, length: usize| branch.number(key).is_some_and(|least| (length as f64) < least);
    let scalar = match &node.data {
        Data::List(items) => return short("minItems", items.len()).then(|| "must not be empty".into()),
        Data::Map(_) => return None,
        Data::Scalar(scalar) => scalar,
    };
    if scalar.value.is_string() {
        return short("minLength", scalar.text.chars().count()).then(|| "must not be empty".into());
    }
    let number = scalar.value.as_f64()?;
    let (least, most) = (branch.number("minimum"), branch.number("maximum"));
    if least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most) {
        return None;
    }
    let must = match (least, most) {
        (Some(least), Some(most)) if least == most => format!("must be {least}"),
        (Some(least), Some(most)) => format!("must be {least} to {most}"),
        (Some(least), None) => format!("must be at least {least}"),
        (None, most) => format!("must be at most {}", most.unwrap_or_default()),
    };
    Some(format!("{must}, not {}", scalar.text))
}

/// What the number of keys must be and is not.
pub(crate) fn key_count(entries: &[Entry], branch: &Branch<'_>) -> Option<String> {
    let count = entries.len() as f64;
    let few = branch.number("minProperties").is_some_and(|least| count < least);
    let many = branch.number("maxProperties").is_some_and(|most| count > most);
    if !few && !many {
        return None;
    }
    let keys: Vec<&str> = branch.keys().collect();
    let found: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    let found = if found.is_empty() { "none".to_string() } else { quoted(&found) };
    Some(format!("{} has exactly one of the keys {}, not {found}", branch.title(), quoted(&keys)))
}
