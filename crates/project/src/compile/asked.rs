//! What templates asked for that reaches beyond their own text and what they read: it says how much of a check's result may
//! be used again.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use headwater_plan::TableName;
use serde_json::Value;

/// What all templates of a project asked for.
#[derive(Debug, Default)]
pub(super) struct AskedFor {
    once: AtomicBool,
    whole: AtomicBool,
    columns: Mutex<BTreeSet<(String, TableName)>>,
}

impl AskedFor {
    /// Something that is another the next time: the hour, the rows of a table.
    pub(super) fn once(&self) {
        self.once.store(true, Ordering::Relaxed);
    }

    /// Something that any node of the project may change.
    pub(super) fn whole(&self) {
        self.whole.store(true, Ordering::Relaxed);
    }

    /// The columns of a relation, for the node that dbt's `model` tells of.
    pub(super) fn columns(&self, model: &Value, relation: &TableName) {
        let node = model.get("unique_id").and_then(Value::as_str).unwrap_or_default();
        let mut columns = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        columns.insert((node.to_owned(), relation.clone()));
    }

    /// Whether the same files may come to something else at another time.
    pub(super) fn is_of_once(&self) -> bool {
        self.once.load(Ordering::Relaxed)
    }

    /// Whether a node may have to be looked at again although nothing that it reads has changed. `knows` says whether a
    /// node reads a relation, or is it.
    pub(super) fn is_of_whole(&self, knows: impl Fn(&str, &TableName) -> bool) -> bool {
        let columns = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        self.whole.load(Ordering::Relaxed) || columns.iter().any(|(node, relation)| !knows(node, relation))
    }
}
