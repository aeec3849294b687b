//! dbt's functions: `ref`, `source`, `var`, `env_var`, `config`, `log`, and the values that they give.

use std::fmt;
use std::sync::Arc;

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Diagnostic, TableName};
use minijinja::value::{Kwargs, Object, ObjectRepr, Rest, Serde, Value, from_args};
use minijinja::{Error, State};
use serde_json::Map;

use super::error::{refuse, refuse_caller};
use super::names::{Call, Names, Place};

/// A function of dbt's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Ref,
    Source,
    Var,
    EnvVar,
    Config,
    Log,
}

impl Function {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "ref" => Self::Ref,
            "source" => Self::Source,
            "var" => Self::Var,
            "env_var" => Self::EnvVar,
            "config" => Self::Config,
            "log" => Self::Log,
            _ => return None,
        })
    }

    fn usage(self) -> &'static str {
        match self {
            Self::Ref => "ref('model')",
            Self::Source => "source('source', 'table')",
            Self::Var => "var('name')` or `var('name', default)",
            Self::EnvVar => "env_var('NAME')` or `env_var('NAME', 'default')",
            Self::Config => "config(materialized='table', …)",
            Self::Log => "log('message')",
        }
    }

    pub(super) fn value(self, names: &Arc<Names>) -> Value {
        Value::from_object(Callable { function: self, names: Arc::clone(names) })
    }

    fn misused(self) -> Error {
        refuse(Diagnostic::error(Code::InvalidTemplate, format!("expected `{}`", self.usage())))
    }
}

#[derive(Debug)]
struct Callable {
    function: Function,
    names: Arc<Names>,
}

impl Object for Callable {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let function = self.function;
        let (Rest(args), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let text = |value: &Value| value.as_str().map(str::to_string).ok_or_else(|| function.misused());
        if function != Function::Config && function != Function::Log && named.args().next().is_some() {
            return Err(function.misused());
        }
        match (function, args.as_slice()) {
            (Function::Ref, [name]) => self.relation(Call::Ref { package: None, name: text(name)? }),
            (Function::Ref, [package, name]) => {
                self.relation(Call::Ref { package: Some(text(package)?), name: text(name)? })
            }
            (Function::Source, [source, table]) => {
                self.relation(Call::Source { source: text(source)?, table: text(table)? })
            }
            (Function::Var, [name]) => self.var(&text(name)?, None),
            (Function::Var, [name, default]) => self.var(&text(name)?, Some(default)),
            (Function::EnvVar, [name]) => self.env_var(&text(name)?, None),
            (Function::EnvVar, [name, default]) => self.env_var(&text(name)?, Some(default)),
            (Function::Config, []) => self.config(&named),
            (Function::Config, [settings]) if settings.as_object().is_some_and(|o| o.repr() == ObjectRepr::Map) => {
                let settings = serde_json::to_value(settings).map_err(|_| function.misused())?;
                let serde_json::Value::Object(settings) = settings else { return Err(function.misused()) };
                self.names.record(Call::Config(settings))?;
                Ok(Value::from(""))
            }
            (Function::Log, [message, ..]) => {
                tracing::info!(message = %message, "a template logs");
                Ok(Value::from(""))
            }
            _ => Err(function.misused()),
        }
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        _args: &[Value],
    ) -> Result<Value, Error> {
        let name = self.function.usage().split('(').next().unwrap_or_default();
        let message = format!("`{name}.{method}` of dbt's Jinja is not supported yet");
        Err(refuse(Diagnostic::error(Code::Unsupported, message)))
    }
}

impl Callable {
    fn relation(&self, call: Call) -> Result<Value, Error> {
        let Place::Sql { relations, .. } = &self.names.place else { return Err(self.function.misused()) };
        let relation = match &call {
            Call::Ref { name, .. } => relations.models.get(name).cloned().unwrap_or_else(|| unknown(name)),
            Call::Source { source, table } => {
                let key = (source.clone(), table.clone());
                relations.sources.get(&key).cloned().unwrap_or_else(|| unknown(table))
            }
            Call::Config(_) | Call::Warn(_) => return Err(self.function.misused()),
        };
        self.names.record(call)?;
        Ok(Value::from_object(RelationValue(relation)))
    }

    fn var(&self, name: &str, default: Option<&Value>) -> Result<Value, Error> {
        let shared = &self.names.shared;
        let scoped = shared.vars.get(&shared.project).and_then(serde_json::Value::as_object);
        let value = shared.vars.get(name).or_else(|| scoped.and_then(|scoped| scoped.get(name)));
        if let Some(value) = value {
            return Ok(Value::from(Serde(value)));
        }
        if let Some(default) = default {
            return Ok(default.clone());
        }
        let known = shared.vars.keys().chain(scoped.into_iter().flat_map(Map::keys)).map(String::as_str);
        let help = match did_you_mean(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "give it a value under `vars:` in headwater.yml or with `--vars`, or a default: `var('{name}', …)`"
            ),
        };
        Err(refuse(Diagnostic::error(Code::MissingVariable, format!("the variable `{name}` has no value")).help(help)))
    }

    fn env_var(&self, name: &str, default: Option<&Value>) -> Result<Value, Error> {
        let environ = &self.names.shared.environ;
        if let Some(value) = environ.get(name) {
            return Ok(Value::from(value));
        }
        if let Some(default) = default {
            return Ok(Value::from(default.to_string()));
        }
        let help = match did_you_mean(name, environ.names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("set it, in the project's `.env` for one, or give a default: `env_var('{name}', '…')`"),
        };
        let message = format!("the environment variable `{name}` is not set");
        Err(refuse(Diagnostic::error(Code::MissingEnvironmentVariable, message).help(help)))
    }

    fn config(&self, named: &Kwargs) -> Result<Value, Error> {
        let mut settings = Map::new();
        for key in named.args() {
            let value: Value = named.get(key)?;
            let value = serde_json::to_value(&value).map_err(|_| self.function.misused())?;
            settings.insert(key.to_string(), value);
        }
        self.names.record(Call::Config(settings))?;
        Ok(Value::from(""))
    }
}

/// Stands in for a relation that is not there. The graph pass tells of it; the SQL is then not typed.
fn unknown(name: &str) -> TableName {
    TableName::new("unknown", name)
}

/// A relation in a template: its text is the quoted name.
#[derive(Debug)]
pub(super) struct RelationValue(pub(super) TableName);

impl Object for RelationValue {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "schema" => Some(Value::from(&self.0.schema)),
            "identifier" | "name" | "table" => Some(Value::from(&self.0.name)),
            _ => None,
        }
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        _args: &[Value],
    ) -> Result<Value, Error> {
        let message = format!("the method `{method}` of a relation is not supported yet");
        Err(refuse(
            Diagnostic::error(Code::Unsupported, message).help("a relation has `.schema`, `.identifier` and `.name`"),
        ))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.quoted())
    }
}

/// `exceptions`: errors and warnings that templates raise.
#[derive(Debug)]
pub(super) struct Exceptions(pub(super) Arc<Names>);

impl Object for Exceptions {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match (method, args) {
            ("raise_compiler_error", [message]) => {
                Err(refuse_caller(Diagnostic::error(Code::InvalidTemplate, message.to_string())))
            }
            ("warn", [message]) => {
                self.0.record(Call::Warn(message.to_string()))?;
                Ok(Value::from(""))
            }
            _ => Err(refuse(
                Diagnostic::error(Code::InvalidTemplate, format!("`exceptions` has no `{method}` of these arguments"))
                    .help("`exceptions.raise_compiler_error('…')` and `exceptions.warn('…')` are there"),
            )),
        }
    }
}
