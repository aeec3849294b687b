//! A map that changes in place.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use minijinja::value::{Enumerator, Kwargs, Object, Rest, Tuple, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};

use super::{List, MISSING, failed, items, none, within, write_quoted};

/// Python's `dict`: in the order of writing.
#[derive(Debug, Default)]
pub(in crate::template) struct Dict {
    pairs: Mutex<IndexMap<Value, Value>>,
    /// What an attribute is that it has not, if that is no mistake.
    missing: Option<Value>,
}

impl Dict {
    pub(in crate::template) fn value(pairs: impl IntoIterator<Item = (Value, Value)>) -> Value {
        Value::from_object(Self { pairs: Mutex::new(pairs.into_iter().collect()), missing: None })
    }

    /// A map of which templates ask for what it may not have: `graph`, `model`.
    pub(in crate::template) fn lenient(pairs: impl IntoIterator<Item = (Value, Value)>, missing: &Value) -> Value {
        Value::from_object(Self { pairs: Mutex::new(pairs.into_iter().collect()), missing: Some(missing.clone()) })
    }

    /// A map of names.
    pub(in crate::template) fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
        Self::value(pairs.into_iter().map(|(key, value)| (Value::from(key), value)))
    }

    fn lock(&self) -> MutexGuard<'_, IndexMap<Value, Value>> {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, args: &[Value]) -> Result<Value, Error> {
        let (Rest(more), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let mut new = Vec::new();
        for more in &more {
            new.extend(pairs(more)?);
        }
        for key in named.args() {
            new.push((Value::from(key), named.get::<Value>(key)?));
        }
        self.lock().extend(new);
        Ok(none())
    }

    fn pop(&self, args: &[Value]) -> Result<Value, Error> {
        let (key, default): (Value, Option<Value>) = from_args(args)?;
        let found = self.lock().shift_remove(&key);
        // A default of `none` is one too.
        let default = default.or_else(|| (args.len() > 1).then(none));
        found.or(default).ok_or_else(|| failed(format!("the map has no key `{key}`")))
    }
}

/// The pairs of a map, or of a list of pairs.
fn pairs(value: &Value) -> Result<Vec<(Value, Value)>, Error> {
    if value.kind() == ValueKind::Map {
        return items(value)?.into_iter().map(|key| Ok((key.clone(), value.get_item(&key)?))).collect();
    }
    let pair = |pair: Value| match items(&pair)?.as_slice() {
        [key, value] => Ok((key.clone(), value.clone())),
        _ => Err(failed("expected a map, or a list of pairs")),
    };
    items(value)?.into_iter().map(pair).collect()
}

/// A changeable map of anything that has pairs.
pub(in crate::template) fn to_dict(args: &[Value]) -> Result<Value, Error> {
    let dict = Arc::new(Dict::default());
    dict.update(args)?;
    Ok(Value::from_dyn_object(dict))
}

impl Object for Dict {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.lock().get(key).cloned()
    }

    /// `map.key`; `map['key']` and `key in map` cannot be told apart, and ask [`Self::get_value`].
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let found = self.lock().get(&Value::from(key)).cloned();
        found.or_else(|| self.missing.clone()).or_else(|| MISSING.with_borrow(Clone::clone))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let pairs = self.lock().clone();
        Enumerator::KeyValueIter(Box::new(pairs.into_iter()))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.lock().len())
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "items" => {
                let pair = |(key, value): (&Value, &Value)| Value::from(Tuple::from([key.clone(), value.clone()]));
                Ok(List::value(self.lock().iter().map(pair).collect()))
            }
            "keys" => Ok(List::value(self.lock().keys().cloned().collect())),
            "values" => Ok(List::value(self.lock().values().cloned().collect())),
            "get" => {
                let (key, default): (Value, Option<Value>) = from_args(args)?;
                Ok(self.lock().get(&key).cloned().or(default).unwrap_or_else(none))
            }
            "update" => self.update(args),
            "setdefault" => {
                let (key, default): (Value, Option<Value>) = from_args(args)?;
                Ok(self.lock().entry(key).or_insert_with(|| default.unwrap_or_else(none)).clone())
            }
            "pop" => self.pop(args),
            "popitem" => {
                let last = self.lock().pop();
                let (key, value) = last.ok_or_else(|| failed("`popitem` of an empty map"))?;
                Ok(Value::from(Tuple::from([key, value])))
            }
            "clear" => {
                self.lock().clear();
                Ok(none())
            }
            "copy" => Ok(Self::value(self.lock().clone())),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = self.lock().clone();
        within(f, |f| {
            f.write_str("{")?;
            for (number, (key, value)) in pairs.iter().enumerate() {
                if number > 0 {
                    f.write_str(", ")?;
                }
                write_quoted(key, f)?;
                f.write_str(": ")?;
                write_quoted(value, f)?;
            }
            f.write_str("}")
        })
    }
}
