use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::config::file::project::ProjectFile;
use crate::config::file::sources::PropertiesFile;

/// The properties of each type; the roots are called by their types.
fn properties(definition: &str) -> Option<BTreeSet<String>> {
    let project = crate::schemas::of::<ProjectFile>();
    let properties = crate::schemas::of::<PropertiesFile>();
    let schema = match definition {
        "ProjectFile" => Some(&project),
        "PropertiesFile" => Some(&properties),
        _ => [&project, &properties].into_iter().find_map(|root| root.get("definitions")?.get(definition)),
    }?;
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
    for definition in TEST_SETTINGS {
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
    for (definition, property) in UNEXPANDED.iter().chain(SECRET) {
        let known = properties(definition).unwrap_or_else(|| panic!("no type {definition}"));
        assert!(known.contains(*property), "{definition} has no {property}");
    }
}
