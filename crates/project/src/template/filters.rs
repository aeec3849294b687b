//! The environment of minijinja: its filters where they differ from Jinja's, and those of the dialect.

use std::sync::Arc;

use headwater_plan::{Code, Diagnostic};
use minijinja::value::{Kwargs, Rest, Value, from_args};
use minijinja::{AutoEscape, Environment, Error, State, UndefinedBehavior, filters};

use super::error::refuse;
use super::functions;
use super::macros;
use super::modules;
use super::source::Sources;
use super::text_formats as formats;
use super::value::{List, items, own, percent, text_method, to_dict};

/// How deep minijinja may nest; calls of macros have a limit of their own, which comes first.
const RECURSION: usize = 20_000;

/// An environment that reads its texts from there.
pub(super) fn environment(sources: Option<&Arc<Sources>>) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_recursion_limit(RECURSION);
    // Gives errors their byte ranges and undefined values their names.
    environment.set_debug(true);
    environment.set_unknown_method_callback(text_method);
    if let Some(sources) = sources {
        let sources = Arc::clone(sources);
        environment.set_loader(move |name| Ok(sources.load(name)));
    }
    // `truncate`, `joiner`, `cycler` and others of Jinja's that minijinja keeps apart.
    minijinja_contrib::add_to_environment(&mut environment);
    environment.add_test("callable", |value: &Value| macros::is_macro(value) || functions::is_function(value));
    add_dialect(&mut environment);
    add_lists(&mut environment);
    add_conversions(&mut environment);
    environment
}

/// What the dialect writes in place of what minijinja does not read.
fn add_dialect(environment: &mut Environment<'static>) {
    environment.add_filter("hw_list", |list: Vec<Value>| List::value(list));
    environment.add_filter("hw_dict", |map: Value| to_dict(&[map]));
    environment.add_filter("hw_own", |value: &Value| own(value));
    environment.add_filter("hw_rem", |left: &Value, right: &Value| percent(left, right));
    environment.add_filter("hw_add", |left: &Value, right: &Value| modules::add(left, right));
    environment.add_filter("hw_sub", |left: &Value, right: &Value| modules::subtract(left, right));
    environment.add_filter("hw_importer", macros::importer);
    environment.add_filter("hw_macro", |state: &mut State<'_, '_>, inner: Value, name: &str| {
        macros::callable(state, inner, name)
    });
    environment.add_function("dict", |given: Rest<Value>, named: Kwargs| {
        to_dict(&given.iter().cloned().chain([Value::from(named)]).collect::<Vec<_>>())
    });
}

/// Filters whose lists the template may change.
fn add_lists(environment: &mut Environment<'static>) {
    environment.add_filter("list", |value: Value| match value.is_undefined() {
        true => Ok(List::value(Vec::new())),
        false => items(&value).map(List::value),
    });
    environment.add_filter("sort", |state: &mut State<'_, '_>, value: Value, named: Kwargs| {
        filters::sort(state, value, named).map(|sorted| own(&sorted))
    });
    environment.add_filter("dictsort", |value: &Value, named: Kwargs| {
        filters::dictsort(value, named).map(|sorted| own(&sorted))
    });
    environment.add_filter("items", |value: &Value| filters::items(value).map(|items| own(&items)));
    environment.add_filter("length", length);
    environment.add_filter("count", length);
    environment.add_filter("join", join);
}

/// dbt's filters, and Jinja's that never fail.
fn add_conversions(environment: &mut Environment<'static>) {
    environment.add_filter("int", |state: &mut State<'_, '_>, value: &Value, given: Rest<Value>| {
        let default = default_of(&given, 0.into())?;
        Ok::<_, Error>(state.apply_filter("hw_int", &with_value(value, &given)).unwrap_or(default))
    });
    environment.add_filter("hw_int", filters::int);
    environment.add_filter("float", |state: &mut State<'_, '_>, value: &Value, given: Rest<Value>| {
        let default = default_of(&given, 0.0.into())?;
        Ok::<_, Error>(state.apply_filter("hw_float", &with_value(value, &given)).unwrap_or(default))
    });
    environment.add_filter("hw_float", filters::float);
    environment.add_filter("as_text", |value: &Value| value.to_string());
    environment.add_filter("as_native", |value: &Value| formats::native(value));
    environment.add_filter("as_bool", |value: &Value| match formats::native(value) {
        truth if truth.kind() == minijinja::value::ValueKind::Bool => Ok(truth),
        _ => Err(not_a("boolean", value)),
    });
    environment.add_filter("as_number", |value: &Value| match formats::is_text(value) {
        true => formats::number(value.to_string().trim()).ok_or_else(|| not_a("number", value)),
        false if value.is_number() => Ok(value.clone()),
        false => Err(not_a("number", value)),
    });
}

/// The value that `int` and `float` give for what is no number.
fn default_of(given: &[Value], otherwise: Value) -> Result<Value, Error> {
    let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(given)?;
    Ok(given.first().cloned().or(named.get("default")?).unwrap_or(otherwise))
}

fn with_value(value: &Value, given: &[Value]) -> Vec<Value> {
    [value].into_iter().chain(given).cloned().collect()
}

fn not_a(what: &str, value: &Value) -> Error {
    refuse(Diagnostic::error(Code::InvalidTemplate, format!("expected a {what}, found `{value}`")))
}

/// Jinja's `length`: an undefined value has none.
fn length(value: &Value) -> Result<usize, Error> {
    if value.is_undefined() {
        return Ok(0);
    }
    value
        .len()
        .or_else(|| items(value).ok().map(|items| items.len()))
        .ok_or_else(|| refuse(Diagnostic::error(Code::InvalidTemplate, format!("a {} has no length", value.kind()))))
}

/// Jinja's `join`: items as texts, or an attribute of each.
fn join(value: Value, separator: Option<Value>, named: Kwargs) -> Result<String, Error> {
    let separator = match separator {
        Some(separator) => separator,
        None => named.get::<Option<Value>>("d")?.unwrap_or_else(|| Value::from("")),
    };
    let attribute: Option<Value> = named.get("attribute")?;
    named.assert_all_used()?;
    if value.is_undefined() {
        return Ok(String::new());
    }
    let mut texts = Vec::new();
    for item in items(&value)? {
        texts.push(match &attribute {
            Some(attribute) => item.get_item(attribute)?.to_string(),
            None => item.to_string(),
        });
    }
    Ok(texts.join(&separator.to_string()))
}
