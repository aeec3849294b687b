//! `config`: the settings that a template makes, and those that it asks for.

use std::sync::Arc;

use headwater_plan::{Code, Diagnostic};
use minijinja::value::{Kwargs, Object, ObjectRepr, Rest, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};
use serde_json::Map;

use super::ask::Call;
use super::error::refuse;
use super::names::Names;
use super::value::{from_json, none, to_json};

/// `config`
#[derive(Debug)]
pub(super) struct ConfigObject(pub(super) Arc<Names>);

/// A setting: as the template has made it so far, else as the project makes it for the node.
pub(super) fn setting(names: &Names, key: &str) -> Option<Value> {
    if let Some(made) = names.settings().get(key) {
        return Some(from_json(made));
    }
    let model = names.typed()?.model();
    model.get("config")?.get(key).filter(|value| !value.is_null()).map(from_json)
}

fn misused() -> Error {
    refuse(Diagnostic::error(Code::InvalidTemplate, "expected `config(materialized='table', …)`"))
}

impl ConfigObject {
    fn make(&self, args: &[Value]) -> Result<Value, Error> {
        let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let mut settings = Map::new();
        match given.as_slice() {
            [] => {}
            [layer] if layer.kind() == ValueKind::Map => {
                let serde_json::Value::Object(layer) = to_json(layer) else { return Err(misused()) };
                settings.extend(layer);
            }
            _ => return Err(misused()),
        }
        for key in named.args() {
            settings.insert(key.to_string(), to_json(&named.get(key)?));
        }
        self.0.record(Call::Config(settings))?;
        Ok(Value::from(""))
    }

    /// `config.get('key', default)`; a validator is dbt's own business.
    fn get(&self, args: &[Value]) -> Result<Value, Error> {
        let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let default: Option<Value> = named.get("default")?;
        let Some(key) = given.first().and_then(|key| key.as_str()) else {
            return Err(refuse(Diagnostic::error(Code::InvalidTemplate, "expected `config.get('key', default)`")));
        };
        Ok(setting(&self.0, key).or_else(|| given.get(1).cloned()).or(default).unwrap_or_else(none))
    }

    fn require(&self, args: &[Value]) -> Result<Value, Error> {
        let key = args.first().and_then(|key| key.as_str());
        let Some(key) = key else {
            return Err(refuse(Diagnostic::error(Code::InvalidTemplate, "expected `config.require('key')`")));
        };
        match setting(&self.0, key) {
            Some(value) => Ok(value),
            // While only names are known, the project's settings are not.
            None if !self.0.executes() => Ok(none()),
            None => {
                let message = format!("the setting `{key}` is required and has no value");
                Err(refuse(Diagnostic::error(Code::MissingKey, message)))
            }
        }
    }
}

impl Object for ConfigObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        setting(&self.0, key.as_str()?)
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        self.make(args)
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "get" => self.get(args),
            "require" => self.require(args),
            "meta_get" => {
                let key = args.first().cloned().unwrap_or_default();
                let meta = setting(&self.0, "meta").and_then(|meta| meta.get_item(&key).ok());
                let found = meta.filter(|value| !value.is_undefined());
                Ok(found.or_else(|| args.get(1).cloned()).unwrap_or_else(none))
            }
            "set" => match args {
                [key, value] => {
                    self.0.record(Call::Config(Map::from_iter([(key.to_string(), to_json(value))])))?;
                    Ok(Value::from(""))
                }
                _ => Err(misused()),
            },
            "persist_relation_docs" | "persist_column_docs" => {
                let docs = setting(&self.0, "persist_docs").unwrap_or_default();
                let part = if method == "persist_relation_docs" { "relation" } else { "columns" };
                Ok(Value::from(docs.get_attr(part).is_ok_and(|asked| asked.is_true())))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}
