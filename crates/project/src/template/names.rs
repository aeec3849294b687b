//! What a template may name: the root context of one rendering, which also writes down what the template asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use headwater_plan::TableName;
use minijinja::State;
use minijinja::value::{Object, ObjectRepr, Value};
use serde_json::Map;

use super::adapter::Adapter;
use super::ask::{Asked, Call, Phase, RunFacts, World};
use super::config::ConfigObject;
use super::error::stop;
use super::exceptions::Exceptions;
use super::functions::Function;
use super::lazy::{Lazy, LazyValue};
use super::library::MacroDef;
use super::macros::Macro;
use super::modules;
use super::namespace::Namespace;
use super::refused::{Refused, not_in_yaml, refused};
use super::relation::{ApiObject, Relation};
use super::shared::Shared;
use super::value::{Dict, List, from_json_lenient, none};
use crate::config::Overrides;

/// The version of dbt whose behaviour is followed.
pub(super) const DBT_VERSION: &str = "1.10.13";

/// In which kind of text a template stands.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// A file of SQL, or SQL in YAML: everything is there.
    Sql { world: Arc<dyn World>, phase: Phase, this: Option<TableName> },
    /// A string of a YAML file: `var`, `env_var` and `target` are there.
    Yaml,
}

/// The names of one rendering.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) shared: Arc<Shared>,
    pub(super) place: Place,
    /// The package whose text is rendered.
    pub(super) package: Arc<str>,
    state: Mutex<Written>,
    asks_compile: AtomicBool,
    asks_incremental: AtomicBool,
    stop_at: Option<usize>,
    /// `hw_arguments`: what the compiler calls a macro with.
    arguments: Option<Value>,
    /// `hw_called`: the macro that the compiler calls.
    called: Option<Arc<MacroDef>>,
}

/// What a rendering wrote down so far.
#[derive(Debug, Default)]
struct Written {
    calls: Vec<Call>,
    rows_of: BTreeSet<TableName>,
    macros: BTreeSet<String>,
    /// The packages of the macros that are being called, each within the one before.
    calling: Vec<String>,
    /// What `statement` and `store_result` keep for `load_result`.
    results: BTreeMap<String, Value>,
}

impl Names {
    pub(super) fn new(shared: &Arc<Shared>, place: Place, package: &str, stop_at: Option<usize>) -> Self {
        Self {
            shared: Arc::clone(shared),
            place,
            package: package.into(),
            state: Mutex::default(),
            asks_compile: AtomicBool::new(false),
            asks_incremental: AtomicBool::new(false),
            stop_at,
            arguments: None,
            called: None,
        }
    }

    /// The names of a text that calls a macro for the compiler.
    pub(super) fn calling(self, called: &Arc<MacroDef>, arguments: Value) -> Self {
        Self { called: Some(Arc::clone(called)), arguments: Some(arguments), ..self }
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a call down. When a rendering is repeated to find the place of a call, that call fails, so that the
    /// error tells the place.
    pub(super) fn record(&self, call: Call) -> Result<(), minijinja::Error> {
        let mut written = self.written();
        if self.stop_at == Some(written.calls.len()) {
            return Err(stop());
        }
        written.calls.push(call);
        Ok(())
    }

    /// Takes what was written down.
    pub(super) fn take(&self) -> (Vec<Call>, Asked, BTreeSet<String>) {
        let written = std::mem::take(&mut *self.written());
        let asked = Asked {
            compile: self.asks_compile.load(Ordering::Relaxed),
            incremental: self.asks_incremental.load(Ordering::Relaxed),
            rows_of: written.rows_of.into_iter().collect(),
        };
        (written.calls, asked, written.macros)
    }

    /// The world, if everything that is read is typed; asking for it is written down.
    pub(super) fn typed(&self) -> Option<&Arc<dyn World>> {
        self.asks_compile.store(true, Ordering::Relaxed);
        match &self.place {
            Place::Sql { world, phase: Phase::Compile, .. } => Some(world),
            Place::Sql { .. } | Place::Yaml => None,
        }
    }

    /// The world in both phases, for what both answer alike.
    pub(super) fn world(&self) -> Option<&Arc<dyn World>> {
        match &self.place {
            Place::Sql { world, .. } => Some(world),
            Place::Yaml => None,
        }
    }

    /// What a unit test says instead of the truth.
    pub(super) fn overrides<T>(&self, of: impl FnOnce(&Overrides) -> Option<T>) -> Option<T> {
        self.world().and_then(|world| of(world.overrides()?))
    }

    pub(super) fn executes(&self) -> bool {
        self.typed().is_some()
    }

    pub(super) fn is_incremental(&self) -> bool {
        self.asks_incremental.store(true, Ordering::Relaxed);
        self.typed().is_some_and(|world| world.incremental())
    }

    pub(super) fn run(&self) -> RunFacts {
        self.world().map(|world| world.run()).unwrap_or_default()
    }

    /// What is another for every call of the program.
    fn this_call(&self) -> RunFacts {
        if let Some(world) = self.world() {
            world.tells_call();
        }
        self.run()
    }

    fn now(&self) -> DateTime<Utc> {
        self.this_call().started_at
    }

    pub(super) fn note_rows_of(&self, relations: Vec<TableName>) {
        self.written().rows_of.extend(relations);
    }

    pub(super) fn store_result(&self, name: String, result: Value) {
        self.written().results.insert(name, result);
    }

    pub(super) fn load_result(&self, name: &str) -> Option<Value> {
        self.written().results.get(name).cloned()
    }

    /// Begins the call of a macro; false if calls lie too deep in each other.
    pub(super) fn enter(&self, found: &MacroDef, depth: usize) -> bool {
        let mut written = self.written();
        if written.calling.len() >= depth {
            return false;
        }
        written.calling.push(found.package.clone());
        if !written.macros.contains(&found.id) {
            written.macros.insert(found.id.clone());
        }
        true
    }

    pub(super) fn leave(&self) {
        self.written().calling.pop();
    }

    /// The package whose macro is running, if it is not the project's own.
    fn foreign(&self) -> Option<String> {
        self.written().calling.last().filter(|package| **package != self.shared.project).cloned()
    }

    /// The value of an argument that was not given: packages rely on that it prints as nothing.
    pub(super) fn missing(&self, package: &str) -> Value {
        if package == self.shared.project { Value::UNDEFINED } else { self.shared.silent.clone() }
    }

    /// What an attribute is that a map has not: packages rely on that it prints as nothing.
    pub(super) fn missing_attribute(&self, package: &str) -> Option<Value> {
        (package != self.shared.project).then(|| self.shared.silent.clone())
    }

    /// The settings that the template has made so far, the later ones over the earlier.
    pub(super) fn settings(&self) -> Map<String, serde_json::Value> {
        let mut settings = Map::new();
        for call in &self.written().calls {
            if let Call::Config(layer) = call {
                settings.extend(layer.clone());
            }
        }
        settings
    }

    /// The relation that the template itself makes: while only names are known, as its `config` calls name it.
    pub(super) fn this(&self) -> Option<Relation> {
        let Place::Sql { this: Some(this), phase, world } = &self.place else { return None };
        let mut this = this.clone();
        if *phase == Phase::Parse {
            let settings = self.settings();
            let text = |key| settings.get(key).and_then(serde_json::Value::as_str);
            this = TableName::new(text("schema").unwrap_or(&this.schema), text("alias").unwrap_or(&this.name));
        }
        let kind = if *phase == Phase::Compile { world.existing(&this) } else { None };
        Some(Relation::of(&this, kind))
    }

    fn target(&self) -> Value {
        let target = &self.shared.target;
        Dict::of([
            ("name", Value::from(&target.name)),
            ("target_name", Value::from(&target.name)),
            ("profile_name", Value::from(&self.shared.project)),
            ("type", Value::from("spark")),
            ("schema", Value::from(&target.schema)),
            ("database", none()),
            ("catalog", none()),
            ("host", none()),
            ("user", none()),
            ("threads", Value::from(target.threads)),
        ])
    }

    fn flags(&self) -> Value {
        let run = self.run();
        Dict::of([
            ("WHICH", Value::from(run.command)),
            ("FULL_REFRESH", Value::from(run.full_refresh)),
            ("STORE_FAILURES", Value::from(run.store_failures)),
            ("EMPTY", Value::from(run.empty)),
            ("DEBUG", Value::from(false)),
            ("FAIL_FAST", Value::from(false)),
            ("WARN_ERROR", Value::from(false)),
            ("INTROSPECT", Value::from(true)),
            ("USE_COLORS", Value::from(false)),
        ])
    }

    /// A value of dbt's that is no function.
    fn value(self: &Arc<Self>, key: &str) -> Option<Value> {
        let lazy = |kind| Lazy::value(kind, self);
        Some(match key {
            "this" => return self.this().map(Value::from_object),
            "target" | "env" => self.target(),
            "execute" => lazy(LazyValue::Execute),
            "model" | "node" => lazy(LazyValue::Model),
            "graph" => lazy(LazyValue::Graph),
            "adapter" => Value::from_object(Adapter(Arc::clone(self))),
            "api" => Value::from_object(ApiObject),
            "exceptions" => Value::from_object(Exceptions(Arc::clone(self))),
            "config" => Value::from_object(ConfigObject(Arc::clone(self))),
            "modules" => modules::value(self.now()),
            "flags" => self.flags(),
            "builtins" => Namespace::builtins(self),
            "context" => Value::from_dyn_object(Arc::clone(self)),
            "run_started_at" => modules::instant(self.now()),
            "invocation_id" => Value::from(self.this_call().invocation_id),
            "selected_resources" => List::value(self.run().selected.into_iter().map(Value::from).collect()),
            "project_name" => Value::from(&self.shared.project),
            "schema" => Value::from(&self.shared.target.schema),
            "database" => none(),
            "dbt_version" => Value::from(DBT_VERSION),
            "thread_id" => Value::from("Thread-1"),
            "dbt_metadata_envs" => Dict::of([]),
            _ => return None,
        })
    }

    /// A value that the compiler gives as JSON; as in dbt, what it has not prints as nothing.
    pub(super) fn json(&self, json: &serde_json::Value) -> Value {
        from_json_lenient(json, &self.shared.silent)
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
        match key {
            "hw_called" => return self.called.as_ref().map(|called| Macro::value(called, self)),
            "hw_arguments" => return self.arguments.clone(),
            // Names of the dialect, and what was not given.
            _ if key.starts_with("hw_") => return None,
            _ => {}
        }
        let function = Function::named(key);
        if matches!(self.place, Place::Yaml) {
            return match (key, function) {
                ("target", _) => Some(self.target()),
                (_, Some(function)) if function.is_in_yaml() => Some(function.value(self)),
                (_, Some(_)) | ("config", _) => Some(Value::from_object(Refused(not_in_yaml(key)))),
                _ => None,
            };
        }
        if let Some(found) = self.shared.library.own(&self.package, key) {
            return Some(Macro::value(found, self));
        }
        if let Some(function) = function {
            return Some(function.value(self));
        }
        if let Some(value) = self.value(key) {
            return Some(value);
        }
        let foreign = self.foreign();
        if let Some(found) = self.shared.library.bare(foreign.as_deref().unwrap_or(&self.package), key) {
            return Some(Macro::value(found, self));
        }
        if self.shared.library.is_package(key) {
            return Some(Namespace::of_package(key, self));
        }
        if let Some(refusal) = refused(key) {
            return Some(Value::from_object(Refused(refusal)));
        }
        // Globals of minijinja are asked after the context.
        let global =
            matches!(key, "range" | "namespace" | "dict" | "joiner" | "cycler" | "debug" | "loop" | "caller" | "super");
        (foreign.is_some() && !global).then(|| self.shared.silent.clone())
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, minijinja::Error> {
        match (method, args) {
            ("get", [key, rest @ ..]) if self.get_value_by_str(method).is_none() => {
                let given = key.as_str().and_then(|key| self.get_value_by_str(key));
                Ok(given.or_else(|| rest.first().cloned()).unwrap_or_else(none))
            }
            _ => match self.get_value_by_str(method) {
                Some(value) => value.call(state, args),
                None => Err(minijinja::Error::from(minijinja::ErrorKind::UnknownMethod)),
            },
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<context>")
    }
}
