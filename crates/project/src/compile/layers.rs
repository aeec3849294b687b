//! The settings of a node as the user gave them: layer over layer, as dbt merges them.
//!
//! From the least specific to the most: `dbt_project.yml` of the package, of the project, YAML, `config(…)` in the SQL.

use std::collections::HashMap;

use headwater_plan::Location;
use serde_json::{Map, Value};

/// Settings, and where each was given last.
#[derive(Debug, Clone, Default)]
pub(super) struct Layers {
    values: Map<String, Value>,
    places: HashMap<String, Place>,
}

/// Where a setting was given.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// In a YAML file.
    At(Location),
    /// By the call of that number of the node's own template, which can be located.
    Call(usize),
}

impl Layers {
    /// Puts a layer over what is there. Tags and hooks add up, `meta` and `docs` are merged key by key, everything else
    /// is replaced.
    pub(super) fn put(&mut self, layer: &Map<String, Value>, place: &Place) {
        for (key, value) in layer {
            let key = canonical(key);
            let value = match (key, self.values.remove(key)) {
                ("tags" | "pre_hook" | "post_hook" | "packages", Some(before)) => added(before, value),
                ("meta" | "docs", Some(Value::Object(mut before))) => {
                    if let Value::Object(over) = value {
                        before.extend(over.clone());
                    }
                    Value::Object(before)
                }
                _ => value.clone(),
            };
            self.values.insert(key.to_owned(), value);
            self.places.insert(key.to_owned(), place.clone());
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn place(&self, key: &str) -> Option<&Place> {
        self.places.get(key)
    }

    pub(super) fn values(&self) -> &Map<String, Value> {
        &self.values
    }
}

/// dbt's other spellings of a key.
fn canonical(key: &str) -> &str {
    match key {
        "pre-hook" => "pre_hook",
        "post-hook" => "post_hook",
        "predicates" => "incremental_predicates",
        "catalog" => "database",
        _ => key,
    }
}

fn added(before: Value, after: &Value) -> Value {
    let mut all = listed(before);
    for value in listed(after.clone()) {
        if !all.contains(&value) {
            all.push(value);
        }
    }
    Value::Array(all)
}

fn listed(value: Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values,
        Value::Null => Vec::new(),
        one => vec![one],
    }
}
