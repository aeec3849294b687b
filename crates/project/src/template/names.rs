//! What a template may name: the root context of one rendering, which also writes down what the template asked for.
//!
//! A room of its own for what dbt's Jinja has and minijinja has not (values that macros return, lists that change in
//! place): such a name is looked up here, so it is given, or refused by name, here.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use headwater_plan::{Code, Diagnostic, TableName};
use minijinja::State;
use minijinja::value::{Object, ObjectRepr, Value};
use serde_json::Map;

use super::error::refuse;
use super::functions::{Exceptions, Function, RelationValue};
use super::macros::Macro;
use crate::config::{Environ, Target};

/// What all templates of a project share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) project: String,
    pub(crate) vars: Map<String, serde_json::Value>,
    pub(crate) environ: Environ,
    pub(crate) target: Target,
    /// The file in which each macro is defined.
    pub(super) macros: BTreeMap<String, String>,
    /// The texts of the macro files, by their names.
    pub(super) texts: BTreeMap<String, String>,
}

/// The relations that `ref` and `source` give.
#[derive(Debug, Default, Clone)]
pub(crate) struct Relations {
    pub(crate) models: HashMap<String, TableName>,
    pub(crate) sources: HashMap<(String, String), TableName>,
}

/// What a template asked for while it rendered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Call {
    /// `ref('name')`, `ref('package', 'name')`
    Ref { package: Option<String>, name: String },
    /// `source('source', 'table')`
    Source { source: String, table: String },
    /// `config(key=value, …)`
    Config(Map<String, serde_json::Value>),
    /// `exceptions.warn('…')`
    Warn(String),
}

/// In which kind of text a template stands.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// A file of SQL, or SQL in YAML: everything is there.
    Sql { relations: Arc<Relations>, this: Option<TableName> },
    /// A string of a YAML file: `var`, `env_var` and `target` are there.
    Yaml,
}

/// The names of one rendering.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) shared: Arc<Shared>,
    pub(super) place: Place,
    /// How many macros of files are being called within each other.
    pub(super) depth: AtomicUsize,
    record: Mutex<Vec<Call>>,
    stop_at: Option<usize>,
}

impl Names {
    pub(super) fn new(shared: &Arc<Shared>, place: Place, stop_at: Option<usize>) -> Arc<Self> {
        Arc::new(Self {
            shared: Arc::clone(shared),
            place,
            depth: AtomicUsize::new(0),
            record: Mutex::new(Vec::new()),
            stop_at,
        })
    }

    /// Writes a call down. When a rendering is repeated to find the place of a call, that call fails, so that the
    /// error tells the place.
    pub(super) fn record(&self, call: Call) -> Result<(), minijinja::Error> {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        if self.stop_at == Some(record.len()) {
            return Err(refuse(Diagnostic::internal("a rendering was stopped to find a place")));
        }
        record.push(call);
        Ok(())
    }

    /// The calls so far.
    pub(super) fn calls(&self) -> Vec<Call> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The relation that the template itself makes, as its `config` calls have named it so far.
    fn this(&self) -> Option<TableName> {
        let Place::Sql { this: Some(this), .. } = &self.place else { return None };
        let mut this = this.clone();
        for call in self.record.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let Call::Config(settings) = call else { continue };
            let text = |key| settings.get(key).and_then(serde_json::Value::as_str);
            this = TableName::new(text("schema").unwrap_or(&this.schema), text("alias").unwrap_or(&this.name));
        }
        Some(this)
    }
}

impl Object for Names {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if key == "target" {
            let target = &self.shared.target;
            return Some(Value::from_pairs([
                ("name", Value::from(&target.name)),
                ("schema", Value::from(&target.schema)),
                ("type", Value::from("spark")),
                ("threads", Value::from(target.threads)),
            ]));
        }
        let function = Function::named(key);
        if matches!(self.place, Place::Yaml) {
            let message = || format!("`{key}` has no meaning in a YAML string");
            return match function {
                Some(function @ (Function::Var | Function::EnvVar)) => Some(function.value(self)),
                Some(_) => Some(Value::from_object(Refused(
                    Diagnostic::error(Code::InvalidTemplate, message()).help("`var`, `env_var` and `target` are there"),
                ))),
                None => None,
            };
        }
        if let Some(function) = function {
            return Some(function.value(self));
        }
        if let Some(file) = self.shared.macros.get(key) {
            return Some(Value::from_object(Macro::new(key, file, self)));
        }
        match key {
            "this" => self.this().map(|this| Value::from_object(RelationValue(this))),
            "exceptions" => Some(Value::from_object(Exceptions(Arc::clone(self)))),
            _ => refused(key),
        }
    }
}

/// The names that this page gives, for 'did you mean'.
pub(super) const GIVEN: &[&str] =
    &["ref", "source", "var", "env_var", "config", "log", "this", "target", "exceptions", "range", "namespace", "dict"];

/// A function of dbt's that is not there: calling it says so.
#[derive(Debug)]
struct Refused(Diagnostic);

impl Object for Refused {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, _args: &[Value]) -> Result<Value, minijinja::Error> {
        Err(refuse(self.0.clone()))
    }
}

/// The refusal of a name of dbt's Jinja that is not there; `None` for a name that dbt has not either.
fn refused(name: &str) -> Option<Value> {
    let message = format!("`{name}` of dbt's Jinja is not supported yet");
    let refusal = |help: &str| Diagnostic::error(Code::Unsupported, message).help(help);
    let there = "`ref`, `source`, `var`, `env_var`, `config`, `this`, `target`, `log` and `exceptions` are there";
    let no_data = "templates are rendered without touching data";
    let diagnostic = match name {
        "is_incremental" => refusal("models are built whole: materialize them as `table` or `view`"),
        "return" => refusal("a macro gives the text that it renders; a value cannot be returned"),
        "run_query" | "statement" | "load_result" | "store_result" => refusal(no_data),
        "doc" | "fromjson" | "tojson" | "fromyaml" | "toyaml" | "set" | "zip" | "print" | "local_md5" => refusal(there),
        // Values and name spaces: looking them up is enough to be told.
        "execute" | "adapter" => return Some(Value::from(refuse(refusal(no_data)))),
        "dbt" | "dbt_utils" | "graph" | "model" | "modules" | "flags" | "builtins" | "api" | "invocation_id"
        | "run_started_at" | "project_name" | "schema" | "database" | "selected_resources" | "thread_id"
        | "context" => return Some(Value::from(refuse(refusal(there)))),
        _ => return None,
    };
    Some(Value::from_object(Refused(diagnostic)))
}
