//! dbt's functions, as a template calls them.

use std::sync::Arc;

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Diagnostic, TableName};
use minijinja::value::{Kwargs, Object, ObjectRepr, Rest, Tuple, Value, from_args};
use minijinja::{Error, ErrorKind, State};

use super::ask::{Call, Phase, Target};
use super::error::{is_stop, refuse};
use super::macros::give_back;
use super::names::{Names, Place};
use super::query;
use super::relation::Relation;
use super::text_formats as formats;
use super::value::{Set, from_json, items, none};
use crate::config::Overrides;

/// A function of dbt's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Ref,
    Source,
    Var,
    EnvVar,
    Log,
    Print,
    Return,
    Statement,
    RunQuery,
    LoadResult,
    StoreResult,
    IsIncremental,
    ShouldFullRefresh,
    ShouldStoreFailures,
    LoadRelation,
    ColumnsInQuery,
    FromJson,
    ToJson,
    FromYaml,
    ToYaml,
    Zip,
    ZipStrict,
    Set,
    SetStrict,
    Md5,
    Doc,
    DiffOfDicts,
}

/// Every function: the name, what it is, how it is written.
const FUNCTIONS: &[(&str, Function, &str)] = &[
    ("ref", Function::Ref, "ref('model')"),
    ("source", Function::Source, "source('source', 'table')"),
    ("var", Function::Var, "var('name')` or `var('name', default)"),
    ("env_var", Function::EnvVar, "env_var('NAME')` or `env_var('NAME', 'default')"),
    ("log", Function::Log, "log('message')"),
    ("print", Function::Print, "print('message')"),
    ("return", Function::Return, "return(value)"),
    ("statement", Function::Statement, "{% call statement('name', fetch_result=true) %}…{% endcall %}"),
    ("run_query", Function::RunQuery, "run_query('select …')"),
    ("load_result", Function::LoadResult, "load_result('name')"),
    ("store_result", Function::StoreResult, "store_result('name', response, agate_table)"),
    ("store_raw_result", Function::StoreResult, "store_raw_result('name', …)"),
    ("is_incremental", Function::IsIncremental, "is_incremental()"),
    ("should_full_refresh", Function::ShouldFullRefresh, "should_full_refresh()"),
    ("should_store_failures", Function::ShouldStoreFailures, "should_store_failures()"),
    ("load_relation", Function::LoadRelation, "load_relation(relation)"),
    ("load_cached_relation", Function::LoadRelation, "load_cached_relation(relation)"),
    ("get_columns_in_query", Function::ColumnsInQuery, "get_columns_in_query('select …')"),
    ("fromjson", Function::FromJson, "fromjson('text', default)"),
    ("tojson", Function::ToJson, "tojson(value, default)"),
    ("fromyaml", Function::FromYaml, "fromyaml('text', default)"),
    ("toyaml", Function::ToYaml, "toyaml(value, default)"),
    ("zip", Function::Zip, "zip(list, list)"),
    ("zip_strict", Function::ZipStrict, "zip_strict(list, list)"),
    ("set", Function::Set, "set(list)"),
    ("set_strict", Function::SetStrict, "set_strict(list)"),
    ("local_md5", Function::Md5, "local_md5('text')"),
    ("doc", Function::Doc, "doc('name')"),
    ("diff_of_two_dicts", Function::DiffOfDicts, "diff_of_two_dicts(dict, dict)"),
];

impl Function {
    pub(super) fn named(name: &str) -> Option<Self> {
        FUNCTIONS.iter().find(|(known, ..)| *known == name).map(|(_, function, _)| *function)
    }

    /// Whether it has a meaning in a string of a YAML file.
    pub(super) fn is_in_yaml(self) -> bool {
        matches!(self, Self::Var | Self::EnvVar)
    }

    fn name(self) -> &'static str {
        FUNCTIONS.iter().find(|(_, function, _)| *function == self).map_or("", |(name, ..)| name)
    }

    fn usage(self) -> &'static str {
        FUNCTIONS.iter().find(|(_, function, _)| *function == self).map_or("", |(.., usage)| usage)
    }

    pub(super) fn value(self, names: &Arc<Names>) -> Value {
        Value::from_object(Callable { function: self, names: Arc::clone(names) })
    }

    pub(super) fn misused(self) -> Error {
        refuse(Diagnostic::error(Code::InvalidTemplate, format!("expected `{}`", self.usage())))
    }
}

/// Whether a value is a function of dbt's.
pub(super) fn is_function(value: &Value) -> bool {
    value.downcast_object_ref::<Callable>().is_some()
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

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let names = &self.names;
        if let Some(answer) = names.overrides(|overrides| overrides.macros.get(self.function.name()).map(from_json)) {
            return Ok(answer);
        }
        match self.function {
            Function::Ref => self.reference(args),
            Function::Source => match args {
                [source, table] => self.relation(Call::Source { source: self.text(source)?, table: self.text(table)? }),
                _ => Err(self.function.misused()),
            },
            Function::Var => self.with_default(args, |name, default| self.var(name, default)),
            Function::EnvVar => self.with_default(args, |name, default| self.env_var(name, default)),
            Function::Log | Function::Print => match args {
                [message, ..] => {
                    tracing::info!(message = %message, "a template logs");
                    Ok(Value::from(""))
                }
                [] if self.function == Function::Print => Ok(Value::from("")),
                [] => Err(self.function.misused()),
            },
            Function::Return => match args {
                [value] => Err(give_back(value)),
                [] => Err(give_back(&none())),
                _ => Err(self.function.misused()),
            },
            Function::Statement => self.statement(state, args),
            Function::RunQuery => match args {
                [sql, ..] => Ok(query::rows(names, &sql.to_string())?.map_or_else(none, query::table)),
                [] => Err(self.function.misused()),
            },
            Function::LoadResult => match args {
                [name] => Ok(names.load_result(&name.to_string()).unwrap_or_else(none)),
                _ => Err(self.function.misused()),
            },
            Function::StoreResult => self.store_result(args),
            Function::IsIncremental => Ok(Value::from(names.is_incremental())),
            Function::ShouldFullRefresh => Ok(Value::from(self.setting("full_refresh", names.run().full_refresh))),
            Function::ShouldStoreFailures => {
                Ok(Value::from(self.setting("store_failures", names.run().store_failures)))
            }
            Function::LoadRelation => match args {
                [relation] => Ok(super::adapter::load(names, relation)),
                _ => Err(self.function.misused()),
            },
            Function::ColumnsInQuery => match args {
                [sql] => query::columns_of(names, &sql.to_string()),
                _ => Err(self.function.misused()),
            },
            _ => self.pure(args),
        }
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match (self.function, method, args) {
            (Function::Var, "has_var", [name]) => {
                let name = self.text(name)?;
                let shared = &self.names.shared;
                let overridden = self.names.overrides(|overrides| overrides.vars.get(&name).map(|_| ())).is_some();
                Ok(Value::from(overridden || shared.vars_of(&self.names.package).contains_key(&name)))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

impl Callable {
    fn text(&self, value: &Value) -> Result<String, Error> {
        value.as_str().map(str::to_string).ok_or_else(|| self.function.misused())
    }

    /// Calls with a name and perhaps a default.
    fn with_default(
        &self,
        args: &[Value],
        call: impl FnOnce(&str, Option<&Value>) -> Result<Value, Error>,
    ) -> Result<Value, Error> {
        let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let default = named.get::<Option<Value>>("default")?.or_else(|| named.has("default").then(none));
        if named.assert_all_used().is_err() {
            return Err(self.function.misused());
        }
        match given.as_slice() {
            [name] => call(&self.text(name)?, default.as_ref()),
            [name, default] => call(&self.text(name)?, Some(default)),
            _ => Err(self.function.misused()),
        }
    }

    fn reference(&self, args: &[Value]) -> Result<Value, Error> {
        let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let version: Option<Value> = match named.get::<Option<Value>>("v")? {
            Some(version) => Some(version),
            None => named.get("version")?,
        };
        if named.assert_all_used().is_err() {
            return Err(self.function.misused());
        }
        let version = version.map(|version| version.to_string());
        self.relation(match given.as_slice() {
            [name] => Call::Ref { package: None, name: self.text(name)?, version },
            [package, name] => Call::Ref { package: Some(self.text(package)?), name: self.text(name)?, version },
            _ => return Err(self.function.misused()),
        })
    }

    fn relation(&self, call: Call) -> Result<Value, Error> {
        let Place::Sql { world, phase, .. } = &self.names.place else { return Err(self.function.misused()) };
        let (from, unknown) = (&*self.names.package, |name: &str| TableName::new("unknown", name));
        let target = match &call {
            Call::Ref { package, name, version } => {
                let found = world.reference(from, package.as_deref(), name, version.as_deref());
                // Stands in for a relation that is not there. The graph pass tells of it; the SQL is then not typed.
                found.ok_or_else(|| unknown(name))
            }
            Call::Source { source, table } => world.source(from, source, table).ok_or_else(|| unknown(table)),
            Call::Config(_) | Call::Warn(_) | Call::Drop(_) => return Err(self.function.misused()),
        };
        self.names.record(call)?;
        Ok(Value::from_object(match target {
            Ok(Target { table, inline: Some(inline), .. }) => Relation::inline(&table, inline),
            // While only names are known, nothing is said to be there.
            Ok(Target { table, kind, .. }) => Relation::of(&table, (*phase == Phase::Compile).then_some(kind)),
            Err(table) => Relation::of(&table, None),
        }))
    }

    fn var(&self, name: &str, default: Option<&Value>) -> Result<Value, Error> {
        if let Some(value) = self.names.overrides(|overrides| overrides.vars.get(name).map(from_json)) {
            return Ok(value);
        }
        let vars = self.names.shared.vars_of(&self.names.package);
        if let Some(value) = vars.get(name) {
            return Ok(from_json(value));
        }
        if let Some(default) = default {
            return Ok(default.clone());
        }
        let help = match did_you_mean(name, vars.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "give it a value under `vars:` in headwater.yml or with `--vars`, or a default: `var('{name}', …)`"
            ),
        };
        Err(refuse(Diagnostic::error(Code::MissingVariable, format!("the variable `{name}` has no value")).help(help)))
    }

    fn env_var(&self, name: &str, default: Option<&Value>) -> Result<Value, Error> {
        let overridden = |overrides: &Overrides| overrides.env_vars.get(name).map(|value| from_json(value).to_string());
        if let Some(value) = self.names.overrides(overridden) {
            return Ok(Value::from(value));
        }
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

    /// The node's setting of that name, or what the command says.
    fn setting(&self, name: &str, command: bool) -> bool {
        super::config::setting(&self.names, name)
            .filter(|value| !value.is_none())
            .map_or(command, |value| value.is_true())
    }

    fn statement(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let name = given.first().cloned().or(named.get("name")?).filter(|name| !name.is_none());
        let Some(caller) = named.get::<Option<Value>>("caller")? else { return Err(self.function.misused()) };
        if !self.names.executes() {
            // For the names that it reads; what only rows can tell is no error yet.
            return match caller.call(state, &[]) {
                Err(error) if is_stop(&error) => Err(error),
                _ => Ok(Value::from("")),
            };
        }
        let sql = caller.call(state, &[])?.to_string();
        if let (Some(rows), Some(name)) = (query::rows(&self.names, &sql)?, name) {
            self.names.store_result(name.to_string(), query::result(rows));
        }
        Ok(Value::from(""))
    }

    fn store_result(&self, args: &[Value]) -> Result<Value, Error> {
        let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let [name, rest @ ..] = given.as_slice() else { return Err(self.function.misused()) };
        let table = named.get::<Option<Value>>("agate_table")?.or_else(|| rest.get(1).cloned());
        self.names.store_result(name.to_string(), query::stored(table.unwrap_or_else(none)));
        Ok(Value::from(""))
    }

    /// The functions that ask nothing of the project.
    fn pure(&self, args: &[Value]) -> Result<Value, Error> {
        let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let default: Option<Value> = named.get("default")?;
        let given = given.as_slice();
        let or_default =
            |made: Option<Value>, default: Option<&Value>| made.or_else(|| default.cloned()).unwrap_or_else(none);
        match (self.function, given) {
            (Function::FromJson, [text, rest @ ..]) => {
                Ok(or_default(formats::from_json_text(&text.to_string()), rest.first().or(default.as_ref())))
            }
            (Function::FromYaml, [text, rest @ ..]) => {
                Ok(or_default(formats::from_yaml_text(&text.to_string()), rest.first().or(default.as_ref())))
            }
            (Function::ToJson, [value, ..]) => {
                let sorted = named.get::<Option<bool>>("sort_keys")?.unwrap_or(false);
                Ok(Value::from(formats::to_json_text(value, sorted)))
            }
            (Function::ToYaml, [value, ..]) => {
                let sorted = named.get::<Option<bool>>("sort_keys")?.unwrap_or(false);
                Ok(Value::from(formats::to_yaml_text(value, sorted)))
            }
            (Function::Zip | Function::ZipStrict, lists) => match zip(lists) {
                Err(error) if self.function == Function::ZipStrict => Err(error),
                zipped => Ok(zipped.unwrap_or_else(|_| default.unwrap_or_else(none))),
            },
            (Function::Set | Function::SetStrict, [value, rest @ ..]) => match items(value) {
                Ok(items) => Ok(Set::value(items)),
                Err(error) if self.function == Function::SetStrict => Err(error),
                Err(_) => Ok(or_default(None, rest.first().or(default.as_ref()))),
            },
            (Function::Set | Function::SetStrict, []) => Ok(Set::value([])),
            (Function::Md5, [text]) => Ok(Value::from(formats::md5_text(&text.to_string()))),
            (Function::Doc, [name]) => self.doc(None, &self.text(name)?),
            (Function::Doc, [package, name]) => self.doc(Some(&self.text(package)?), &self.text(name)?),
            (Function::DiffOfDicts, [left, right]) => formats::diff_of_dicts(left, right),
            _ => Err(self.function.misused()),
        }
    }

    fn doc(&self, package: Option<&str>, name: &str) -> Result<Value, Error> {
        let found = self.names.world().and_then(|world| world.doc(&self.names.package, package, name));
        found.map(Value::from).ok_or_else(|| {
            let message = format!("no documentation block is named `{name}`");
            refuse(
                Diagnostic::error(Code::InvalidTemplate, message)
                    .help(format!("write `{{% docs {name} %}}…{{% enddocs %}}` in a `.md` file under `models/`")),
            )
        })
    }
}

/// Tuples of the first items, the second items, … as long as the shortest list.
fn zip(lists: &[Value]) -> Result<Value, Error> {
    let lists = lists.iter().map(items).collect::<Result<Vec<_>, _>>()?;
    let length = lists.iter().map(Vec::len).min().unwrap_or(0);
    let tuple =
        |place: usize| Value::from(Tuple::from(lists.iter().map(|list| list[place].clone()).collect::<Vec<_>>()));
    Ok(super::value::List::value((0..length).map(tuple).collect()))
}
