//! The JSON Schemas of the YAML files: generated from the types that the compiler checks against, for editors.

use std::sync::LazyLock;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::config::file::dbt_project::DbtProjectFile;
use crate::config::file::packages::PackagesFile;
use crate::config::file::project::ProjectFile;
use crate::config::file::sources::PropertiesFile;

/// The schema of `headwater.yml`.
pub const PROJECT: &str = "headwater.schema.json";
/// The schema of the YAML files under `models/`, `seeds/`, `snapshots/`, `macros/` and `tests/`.
pub const PROPERTIES: &str = "properties.schema.json";
/// The schema of `dbt_project.yml`.
pub const DBT_PROJECT: &str = "dbt_project.schema.json";
/// The schema of `packages.yml`.
pub const PACKAGES: &str = "packages.schema.json";
/// Where the committed schemas can be had.
pub const BASE_URL: &str = "https://raw.githubusercontent.com/headwater-data/headwater/main/schemas/";

/// Every schema: its file's name and its text. `schemas/` of the repository holds the same.
pub fn all() -> Vec<(&'static str, String)> {
    vec![
        (PROJECT, text(PROJECT, of::<ProjectFile>())),
        (PROPERTIES, text(PROPERTIES, of::<PropertiesFile>())),
        (DBT_PROJECT, text(DBT_PROJECT, of::<DbtProjectFile>())),
        (PACKAGES, text(PACKAGES, of::<PackagesFile>())),
    ]
}

/// The schema of a type. Draft 7: the newest that every YAML editor understands.
pub(crate) fn of<T: JsonSchema>() -> Value {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<T>().to_value();
    unfold(&mut schema);
    schema
}

/// The schema of a properties file, which the settings of `dbt_project.yml` and of `config(…)` are checked against too.
pub(crate) fn of_properties() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(of::<PropertiesFile>);
    &SCHEMA
}

/// Doc comments are folded at the width of the source; an editor folds them at its own.
fn unfold(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if key == "description" => *text = text.replace('\n', " "),
                    _ => unfold(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(unfold),
        _ => {}
    }
}

fn text(name: &str, schema: Value) -> String {
    let Value::Object(mut fields) = schema else { return String::new() };
    let mut named = serde_json::Map::new();
    named.extend(fields.remove_entry("$schema"));
    named.insert("$id".into(), format!("{BASE_URL}{name}").into());
    named.extend(fields);
    format!("{:#}\n", Value::Object(named))
}
