//! The macros of `macros/*.sql`, which every template may call.
//!
//! A macro of a file runs in a state of its own: minijinja's macros live as long as the state that defined them, and
//! evaluating all macro files in every model's state would cost models times macros. What a macro gives is text, as in
//! minijinja; a value that `return` gives belongs here when it comes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use headwater_plan::{Code, Diagnostic};
use minijinja::value::{Kwargs, Object, ObjectRepr, Rest, Value, from_args};
use minijinja::{Error, State};

use super::error::{InMacro, refuse};
use super::names::Names;

/// How deep macros of files may call each other; more is a recursion without an end.
const DEPTH: usize = 40;

/// A macro by its name and file.
#[derive(Debug)]
pub(super) struct Macro {
    name: String,
    file: String,
    names: Arc<Names>,
}

impl Macro {
    pub(super) fn new(name: &str, file: &str, names: &Arc<Names>) -> Self {
        Self { name: name.to_string(), file: file.to_string(), names: Arc::clone(names) }
    }

    fn run(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let args = self.bring_over(state, args)?;
        let template = state.env().get_template(&self.file)?;
        let mut module = template.render_captured(Value::from_dyn_object(Arc::clone(&self.names)))?;
        module.with_state_mut(|state| state.call_macro(&self.name, &args)).map(Value::from)
    }

    /// The arguments, fit for another state: the body of a `{% call %}` block is rendered where it stands.
    fn bring_over(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Vec<Value>, Error> {
        let (Rest(mut args), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let mut brought = Vec::new();
        for key in named.args() {
            let value: Value = named.get(key)?;
            if key != "caller" {
                brought.push((key.to_string(), value));
                continue;
            }
            if value.get_attr("arguments")?.len().is_some_and(|arguments| arguments > 0) {
                let message = format!("a `call` block with arguments is not supported yet (calling `{}`)", self.name);
                return Err(refuse(Diagnostic::error(Code::Unsupported, message)));
            }
            let body = value.call(state, &[])?;
            brought.push((key.to_string(), Value::from_function(move || body.clone())));
        }
        if !brought.is_empty() {
            args.push(Value::from(brought.into_iter().collect::<Kwargs>()));
        }
        Ok(args)
    }
}

impl Object for Macro {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        if self.names.depth.fetch_add(1, Ordering::Relaxed) >= DEPTH {
            let message = format!("the macro `{}` is called within itself without an end", self.name);
            return Err(refuse(Diagnostic::error(Code::InvalidTemplate, message)));
        }
        let result = self.run(state, args);
        self.names.depth.fetch_sub(1, Ordering::Relaxed);
        result.map_err(|error| InMacro::wrap(&self.name, error))
    }
}
