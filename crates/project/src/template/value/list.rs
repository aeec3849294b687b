//! A list that changes in place.

use std::cmp::Ordering;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::value::{Enumerator, Kwargs, Object, ObjectRepr, Rest, Value, from_args};
use minijinja::{Error, ErrorKind, State};

use super::{failed, items, none, within, write_items};

/// Python's `list`.
#[derive(Debug)]
pub(in crate::template) struct List(Mutex<Vec<Value>>);

impl List {
    pub(in crate::template) fn value(items: Vec<Value>) -> Value {
        Value::from_object(Self(Mutex::new(items)))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place that an index means, from the end if it is negative.
    fn place(&self, index: i64) -> Option<usize> {
        let length = self.lock().len();
        let place = if index < 0 { length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?) } else { None };
        place.or_else(|| usize::try_from(index).ok()).filter(|place| *place < length)
    }

    fn change(&self, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "append" => {
                let (item,): (Value,) = from_args(args)?;
                self.lock().push(item);
            }
            "extend" => {
                let (more,): (Value,) = from_args(args)?;
                // Taken first, so that a list can be extended by itself.
                let more = items(&more)?;
                self.lock().extend(more);
            }
            "insert" => {
                let (index, item): (i64, Value) = from_args(args)?;
                let mut list = self.lock();
                let length = list.len();
                let place = match usize::try_from(index.unsigned_abs()) {
                    Ok(back) if index < 0 => length.saturating_sub(back),
                    Ok(place) => place.min(length),
                    Err(_) => length,
                };
                list.insert(place, item);
            }
            "pop" => {
                let (index,): (Option<i64>,) = from_args(args)?;
                let place = self.place(index.unwrap_or(-1));
                let place = place.ok_or_else(|| failed("`pop` from a list that has no such item"))?;
                return Ok(self.lock().remove(place));
            }
            "remove" => {
                let (item,): (Value,) = from_args(args)?;
                let place =
                    self.find(&item).ok_or_else(|| failed(format!("the list has no item `{item}` to remove")))?;
                self.lock().remove(place);
            }
            "clear" => self.lock().clear(),
            "reverse" => self.lock().reverse(),
            "sort" => return self.sort(args),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        }
        Ok(none())
    }

    fn sort(&self, args: &[Value]) -> Result<Value, Error> {
        let (Rest(rest), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let backwards = named.get::<Option<bool>>("reverse")?.unwrap_or(false);
        named.assert_all_used()?;
        if !rest.is_empty() {
            return Err(failed("`sort` takes `reverse=true` or nothing"));
        }
        let mut sorted = self.lock().clone();
        sorted.sort();
        if backwards {
            sorted.reverse();
        }
        *self.lock() = sorted;
        Ok(none())
    }

    /// Compares a copy, so that a list that holds itself does not wait for itself.
    fn find(&self, item: &Value) -> Option<usize> {
        let copy = self.lock().clone();
        copy.iter().position(|known| known == item)
    }
}

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.lock().get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.lock().clone())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.lock().len())
    }

    fn custom_cmp(self: &Arc<Self>, other: &minijinja::value::DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<Self>()?;
        let (mine, theirs) = (self.lock().clone(), other.lock().clone());
        Some(mine.cmp(&theirs))
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "copy" => Ok(Self::value(self.lock().clone())),
            "index" => {
                let (item,): (Value,) = from_args(args)?;
                let place = self.find(&item).ok_or_else(|| failed(format!("the list has no item `{item}`")))?;
                Ok(Value::from(place))
            }
            "count" => {
                let (item,): (Value,) = from_args(args)?;
                let copy = self.lock().clone();
                Ok(Value::from(copy.iter().filter(|known| **known == item).count()))
            }
            _ => self.change(method, args),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let copy = self.lock().clone();
        within(f, |f| {
            f.write_str("[")?;
            write_items(copy.iter(), f)?;
            f.write_str("]")
        })
    }
}
