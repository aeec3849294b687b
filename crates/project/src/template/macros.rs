//! Calls of macros, as dbt has them: a macro gives any value by `return`, takes other arguments as `varargs` and
//! `kwargs`, and is found by its name from every file.
//!
//! minijinja's macros live in the state of the rendering that defined them. So the file of a macro is brought into the
//! state of the rendering that calls it, once, by the `hw_import` that begins every text: evaluating all macro files for
//! every model would cost models times macros, and a `caller()` could not leave its state.

use std::collections::HashMap;
use std::sync::Arc;

use headwater_plan::{Code, Diagnostic};
use minijinja::value::{Kwargs, Object, ObjectRepr, Rest, Tuple, Value, from_args};
use minijinja::{Error, ErrorKind, State};

use super::error::{InMacro, refuse};
use super::library::MacroDef;
use super::names::Names;
use super::value::{Dict, from_json, items, own, with_missing};
use crate::config::Overrides;

/// How deep macros may call each other; more is a recursion without an end.
const DEPTH: usize = 200;
/// The stack that a call must find, and what it gets if it does not.
const STACK: (usize, usize) = (512 * 1024, 4 * 1024 * 1024);

/// The macros of files in the state of one rendering.
#[derive(Default)]
struct Modules {
    importer: Option<Value>,
    /// By the name of the file's text, then by the macro's.
    files: HashMap<String, HashMap<String, Value>>,
}

/// The filter `hw_importer`: keeps the macro that brings files into this state.
pub(super) fn importer(state: &mut State<'_, '_>, macro_: Value) -> Value {
    state.get_or_insert_extension_with(Modules::default).importer = Some(macro_);
    Value::UNDEFINED
}

/// The filter `hw_macro`: a macro of minijinja's that can be called as dbt calls it.
pub(super) fn callable(state: &mut State<'_, '_>, inner: Value, name: &str) -> Result<Value, Error> {
    let mut parameters: Vec<String> =
        items(&inner.get_attr("arguments")?)?.into_iter().map(|name| name.to_string()).collect();
    let mut takes = |extra: &str| {
        let found = parameters.iter().rposition(|parameter| parameter == extra);
        found.map(|place| parameters.remove(place)).is_some()
    };
    let (kwargs, varargs) = (takes("kwargs"), takes("varargs"));
    let caller = inner.get_attr("caller")?.is_true();
    let found = Value::from_object(Callable { name: name.to_string(), inner, parameters, varargs, kwargs, caller });
    let file = state.name().to_string();
    let modules = state.get_or_insert_extension_with(Modules::default);
    modules.files.entry(file).or_default().insert(name.to_string(), found.clone());
    Ok(found)
}

/// A macro in the state of a rendering.
#[derive(Debug)]
struct Callable {
    name: String,
    inner: Value,
    parameters: Vec<String>,
    varargs: bool,
    kwargs: bool,
    caller: bool,
}

impl Callable {
    fn run(&self, state: &mut State<'_, '_>, args: &[Value], missing: &Value) -> Result<Value, Error> {
        let args = self.bind(args, missing)?;
        match self.inner.call(state, &args) {
            Err(error) => Returned::of(&error).ok_or(error),
            given => given,
        }
    }

    /// The arguments in the order of the parameters; those that are not given are `missing`.
    fn bind(&self, args: &[Value], missing: &Value) -> Result<Vec<Value>, Error> {
        let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let mut bound = vec![missing.clone(); self.parameters.len()];
        let more = given.get(bound.len()..).unwrap_or_default();
        if !more.is_empty() && !self.varargs {
            let most = self.parameters.len();
            return Err(self.wrong(format!("takes at most {most} arguments, found {}", given.len())));
        }
        for (place, value) in bound.iter_mut().zip(&given) {
            *place = own(value);
        }
        let (mut others, mut caller) = (Vec::new(), None);
        for name in named.args() {
            let value: Value = named.peek(name)?;
            match self.parameters.iter().position(|parameter| parameter == name) {
                Some(place) if place < given.len() => {
                    return Err(self.wrong(format!("has two values for the argument `{name}`")));
                }
                Some(place) => bound[place] = own(&value),
                None if name == "caller" => caller = Some(value),
                None => others.push((name, own(&value))),
            }
        }
        if let Some((name, _)) = others.first().filter(|_| !self.kwargs) {
            let near = headwater_plan::diagnostic::did_you_mean(name, self.parameters.iter().map(String::as_str));
            let message = format!("the macro `{}` has no argument `{name}`", self.name);
            let wrong = Diagnostic::error(Code::InvalidTemplate, message);
            return Err(refuse(match near {
                Some(near) => wrong.help(format!("did you mean `{near}`?")),
                None => wrong,
            }));
        }
        if self.varargs {
            bound.push(Value::from(Tuple::from(more.to_vec())));
        }
        if self.kwargs {
            bound.push(Dict::of(others));
        }
        if let Some(caller) = caller.filter(|_| self.caller) {
            bound.push(Value::from([("caller", caller)].into_iter().collect::<Kwargs>()));
        }
        Ok(bound)
    }

    fn wrong(&self, what: String) -> Error {
        refuse(Diagnostic::error(Code::InvalidTemplate, format!("the macro `{}` {what}", self.name)))
    }
}

impl Object for Callable {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        self.run(state, args, &Value::UNDEFINED)
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<macro {}>", self.name)
    }
}

/// A macro of a file, by its name.
#[derive(Debug)]
pub(super) struct Macro {
    found: Arc<MacroDef>,
    names: Arc<Names>,
}

impl Macro {
    pub(super) fn value(found: &Arc<MacroDef>, names: &Arc<Names>) -> Value {
        Value::from_object(Self { found: Arc::clone(found), names: Arc::clone(names) })
    }

    fn run(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let source = self.names.shared.macro_source(&self.found)?;
        let callable = match find(state, &source.name, &self.found.name) {
            Some(callable) => callable,
            None => self.import(state, &source.name)?,
        };
        let Some(callable) = callable.downcast_object_ref::<Callable>() else {
            return Err(refuse(Diagnostic::internal(format!("`{}` is no macro", self.found.name))));
        };
        let missing = self.names.missing(&self.found.package);
        let given = callable.run(state, args, &missing)?;
        // What a macro returns may be nothing, and printing that is no mistake.
        Ok(if given.is_undefined() { self.names.shared.silent.clone() } else { given })
    }

    fn import(&self, state: &mut State<'_, '_>, file: &str) -> Result<Value, Error> {
        let importer = state.get_extension::<Modules>().and_then(|modules| modules.importer.clone());
        let importer = importer.ok_or_else(|| {
            let message = format!("the macro `{}` cannot be called here", self.found.name);
            refuse(Diagnostic::error(Code::InvalidTemplate, message))
        })?;
        importer.call(state, &[Value::from(file)])?;
        find(state, file, &self.found.name).ok_or_else(|| {
            let message = format!("the macro `{}` stands in a block that is not rendered", self.found.name);
            refuse(Diagnostic::error(Code::InvalidTemplate, message).at(self.found.location.clone()))
        })
    }
}

fn find(state: &State<'_, '_>, file: &str, name: &str) -> Option<Value> {
    state.get_extension::<Modules>()?.files.get(file)?.get(name).cloned()
}

impl Object for Macro {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        if let Some(answer) = self.names.overrides(|overrides| overriding(overrides, &self.found)) {
            return Ok(answer);
        }
        if !self.names.enter(&self.found, DEPTH) {
            let message = format!("the macro `{}` is called within itself without an end", self.found.name);
            return Err(refuse(Diagnostic::error(Code::InvalidTemplate, message)));
        }
        let missing = self.names.missing_attribute(&self.found.package);
        let run = || with_missing(missing, || self.run(state, args));
        let given = stacker::maybe_grow(STACK.0, STACK.1, run);
        self.names.leave();
        given.map_err(|error| InMacro::wrap(&self.found.name, error))
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<macro {}>", self.found.name)
    }
}

/// What a unit test lets a macro answer: `star`, in whatever package, or `dbt_utils.star`.
fn overriding(overrides: &Overrides, found: &MacroDef) -> Option<Value> {
    let qualified = || overrides.macros.get(&format!("{}.{}", found.package, found.name));
    overrides.macros.get(&found.name).or_else(qualified).map(from_json)
}

/// Whether a value is a macro.
pub(super) fn is_macro(value: &Value) -> bool {
    value.downcast_object_ref::<Macro>().is_some() || value.downcast_object_ref::<Callable>().is_some()
}

/// What a macro returns, on its way out of it.
#[derive(Debug, thiserror::Error)]
#[error("`return` stands outside of a macro")]
struct Returned(Value);

impl Returned {
    fn of(error: &Error) -> Option<Value> {
        std::error::Error::source(error)?.downcast_ref::<Self>().map(|returned| returned.0.clone())
    }
}

/// `return(value)`: ends the macro.
pub(super) fn give_back(value: &Value) -> Error {
    let message = "`return` stands outside of a macro";
    Error::new(ErrorKind::InvalidOperation, message).with_source(Returned(own(value)))
}
