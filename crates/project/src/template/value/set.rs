//! A set that changes in place.

use std::cmp::Ordering;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexSet;
use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr, Rest, Value, from_args};
use minijinja::{Error, ErrorKind, State};

use super::{failed, items, none, within, write_items};

/// Python's `set`; in the order in which the items came, so that the same project gives the same text.
#[derive(Debug)]
pub(in crate::template) struct Set(Mutex<IndexSet<Value>>);

impl Set {
    pub(in crate::template) fn value(items: impl IntoIterator<Item = Value>) -> Value {
        Value::from_object(Self(Mutex::new(items.into_iter().collect())))
    }

    fn lock(&self) -> MutexGuard<'_, IndexSet<Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sorted(&self) -> Vec<Value> {
        let mut sorted: Vec<Value> = self.lock().iter().cloned().collect();
        sorted.sort();
        sorted
    }

    fn change(&self, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "add" => {
                let (item,): (Value,) = from_args(args)?;
                self.lock().insert(item);
            }
            "update" => {
                let (Rest(more),): (Rest<Value>,) = from_args(args)?;
                for more in &more {
                    let more = items(more)?;
                    self.lock().extend(more);
                }
            }
            "discard" | "remove" => {
                let (item,): (Value,) = from_args(args)?;
                if !self.lock().shift_remove(&item) && method == "remove" {
                    return Err(failed(format!("the set has no item `{item}` to remove")));
                }
            }
            "clear" => self.lock().clear(),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        }
        Ok(none())
    }
}

impl Object for Set {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.lock().iter().cloned().collect())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.lock().len())
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<Self>()?;
        Some(self.sorted().cmp(&other.sorted()))
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        if method == "copy" {
            return Ok(Self::value(self.lock().clone()));
        }
        let with =
            ["union", "intersection", "difference", "symmetric_difference", "issubset", "issuperset", "isdisjoint"];
        if !with.contains(&method) {
            return self.change(method, args);
        }
        let (other,): (Value,) = from_args(args)?;
        let other: IndexSet<Value> = items(&other)?.into_iter().collect();
        let mine = self.lock().clone();
        Ok(match method {
            "union" => Self::value(mine.union(&other).cloned()),
            "intersection" => Self::value(mine.intersection(&other).cloned()),
            "difference" => Self::value(mine.difference(&other).cloned()),
            "symmetric_difference" => Self::value(mine.symmetric_difference(&other).cloned()),
            "issubset" => Value::from(mine.is_subset(&other)),
            "issuperset" => Value::from(mine.is_superset(&other)),
            _ => Value::from(mine.is_disjoint(&other)),
        })
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let copy: Vec<Value> = self.lock().iter().cloned().collect();
        if copy.is_empty() {
            return f.write_str("set()");
        }
        within(f, |f| {
            f.write_str("{")?;
            write_items(copy.iter(), f)?;
            f.write_str("}")
        })
    }
}
