use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::config::file::dbt_project::DbtProjectFile;
use crate::config::file::packages::{LockFile, PackagesFile};
use crate::config::file::project::ProjectFile;
use crate::config::file::sources::PropertiesFile;

/// The properties of each type; the roots are called by their types.
fn properties(definition: &str) -> Option<BTreeSet<String>> {
    let roots = [
        ("ProjectFile", crate::schemas::of::<ProjectFile>()),
        ("PropertiesFile", crate::schemas::of::<PropertiesFile>()),
        ("DbtProjectFile", crate::schemas::of::<DbtProjectFile>()),
        ("PackagesFile", crate::schemas::of::<PackagesFile>()),
        ("LockFile", crate::schemas::of::<LockFile>()),
    ];
    let root = roots.iter().find(|(name, _)| *name == definition).map(|(_, schema)| schema);
    let below = || roots.iter().find_map(|(_, schema)| schema.get("definitions")?.get(definition));
    let schema = root.or_else(below)?;
    let keys = schema.get("properties").and_then(Value::as_object);
    Some(keys.into_iter().flat_map(|keys| keys.keys().cloned()).collect())
}

#[test]
fn refused_keys_are_those_of_a_type_that_lacks_them() {
    for (definition, keys, _) in KEYS {
        let known = properties(definition).unwrap_or_else(|| panic!("no type {definition}"));
        for key in *keys {
            assert!(!known.contains(*key), "{definition} has {key}");
        }
    }
    for definition in SETTINGS {
        assert!(properties(definition).is_some(), "no type {definition}");
    }
}

#[test]
fn refused_values_are_those_of_a_type() {
    for (definition, ..) in VALUES.iter().chain(FORMS) {
        assert!(properties(definition).is_some(), "no type {definition}");
    }
}

#[test]
fn texts_with_jinja_are_properties() {
    let unexpanded = UNEXPANDED.iter().flat_map(|(owner, keys)| keys.iter().map(move |key| (owner, key)));
    for (definition, property) in unexpanded.chain(SECRET.iter().map(|(owner, key)| (owner, key))) {
        let known = properties(definition).unwrap_or_else(|| panic!("no type {definition}"));
        assert!(known.contains(*property), "{definition} has no {property}");
    }
}
