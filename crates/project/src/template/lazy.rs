//! Values that are made only when they are looked at: a macro's file names many that it never uses.

use std::fmt;
use std::sync::{Arc, OnceLock};

use minijinja::value::{Enumerator, Object, ObjectRepr, Value};
use minijinja::{Error, State};

use super::names::Names;
use super::value::items;

/// Which value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LazyValue {
    /// `execute`: whether everything that is read is typed. Asking is written down, naming is not.
    Execute,
    /// `model`: the node that is rendered.
    Model,
    /// `graph`: all nodes.
    Graph,
}

/// A value that is made when it is looked at.
#[derive(Debug)]
pub(super) struct Lazy {
    kind: LazyValue,
    names: Arc<Names>,
    made: OnceLock<Value>,
}

impl Lazy {
    pub(super) fn value(kind: LazyValue, names: &Arc<Names>) -> Value {
        Value::from_object(Self { kind, names: Arc::clone(names), made: OnceLock::new() })
    }

    fn made(&self) -> &Value {
        self.made.get_or_init(|| match self.kind {
            LazyValue::Execute => Value::from(self.names.executes()),
            LazyValue::Model => {
                // The model is told in both phases, with less in the first.
                self.names.executes();
                self.names.world().map_or(Value::UNDEFINED, |world| self.names.json(&world.model()))
            }
            LazyValue::Graph => {
                let graph = self.names.typed().map(|world| world.graph());
                let nothing = || serde_json::json!({"nodes": {}, "sources": {}, "exposures": {}, "metrics": {}});
                self.names.json(&graph.unwrap_or_else(nothing))
            }
        })
    }
}

impl Object for Lazy {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if self.kind == LazyValue::Execute { ObjectRepr::Plain } else { ObjectRepr::Map }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.made().as_object()?.get_value(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        items(self.made()).map_or(Enumerator::Empty, Enumerator::Values)
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.made().is_true()
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        self.made().call_method(state, method, args)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.made())
    }
}
