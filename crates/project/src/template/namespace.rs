//! Packages by their names: `dbt_utils.star(…)`, `dbt.type_string()`, `builtins.ref(…)`.

use std::fmt;
use std::sync::Arc;

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Diagnostic};
use minijinja::value::{Object, ObjectRepr, Value};
use minijinja::{Error, State};

use super::error::refuse;
use super::functions::Function;
use super::library::DBT;
use super::macros::Macro;
use super::names::Names;
use super::refused::refused;

/// A package's macros.
#[derive(Debug)]
pub(super) struct Namespace {
    package: String,
    /// Whether only dbt's own functions are meant, past all macros of that name.
    builtins: bool,
    names: Arc<Names>,
}

impl Namespace {
    pub(super) fn of_package(package: &str, names: &Arc<Names>) -> Value {
        Value::from_object(Self { package: package.to_string(), builtins: false, names: Arc::clone(names) })
    }

    pub(super) fn builtins(names: &Arc<Names>) -> Value {
        Value::from_object(Self { package: "builtins".into(), builtins: true, names: Arc::clone(names) })
    }

    fn find(&self, name: &str) -> Option<Value> {
        let library = &self.names.shared.library;
        if let Some(found) = library.of_package(&self.package, name).filter(|_| !self.builtins) {
            return Some(Macro::value(found, &self.names));
        }
        let has_functions = self.builtins || self.package.starts_with(DBT) && !self.has_macros();
        Function::named(name).filter(|_| has_functions).map(|function| function.value(&self.names))
    }

    /// Whether it is a package of files, and not one that is built in.
    fn has_macros(&self) -> bool {
        self.names.shared.library.names_of(&self.package).next().is_some()
            && !matches!(&*self.package, "dbt" | "dbt_spark")
    }

    fn unknown(&self, name: &str) -> Error {
        if let Some(refusal) = refused(name).filter(|_| !self.has_macros()) {
            return refuse(refusal);
        }
        let library = &self.names.shared.library;
        let wrong =
            Diagnostic::error(Code::InvalidTemplate, format!("the package `{}` has no macro `{name}`", self.package));
        refuse(match did_you_mean(name, library.names_of(&self.package)) {
            Some(near) => wrong.help(format!("did you mean `{near}`?")),
            None => wrong,
        })
    }
}

impl Object for Namespace {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.find(key.as_str()?)
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match self.find(method) {
            Some(found) => found.call(state, args),
            None if method == "get" => {
                let name = args.first().and_then(|name| name.as_str()).unwrap_or_default();
                Ok(self.find(name).or_else(|| args.get(1).cloned()).unwrap_or_else(super::value::none))
            }
            None => Err(self.unknown(method)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<package {}>", self.package)
    }
}
