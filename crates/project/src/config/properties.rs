//! `models:` and `seeds:`, resolved.

use headwater_plan::{Code, DataType, Diagnostics};
use serde_json::{Map, Value};

use super::at::At;
use super::columns::{self, Owner};
use super::file::models::{ModelFile, SeedFile};
use super::{ColumnDecl, Properties, Reading, generic_tests, options};

/// Settings that say nothing to anyone but people.
const DOCUMENTATION: &[&str] = &["docs", "meta", "quote_columns"];

/// The models below `models:`.
pub(super) fn models(file: At<'_>, models: Vec<ModelFile>, found: &mut Diagnostics) -> Vec<Properties> {
    let model = |(at, model): (At<'_>, ModelFile)| {
        let columns = columns::resolve(at, model.columns, Owner::Other, found);
        let tests =
            generic_tests::resolve(at, [("tests", model.tests), ("data_tests", model.data_tests)], false, found);
        Properties {
            location: at.at("name").location(),
            name: model.name,
            description: model.description,
            config: effective(model.config),
            columns,
            tests,
        }
    };
    file.items("models").zip(models).map(model).collect()
}

/// The seeds below `seeds:`.
pub(super) fn seeds(file: At<'_>, seeds: Vec<SeedFile>, found: &mut Diagnostics) -> Vec<Properties> {
    let seed = |(at, seed): (At<'_>, SeedFile)| {
        let mut columns = columns::resolve(at, seed.columns, Owner::Other, found);
        let config = at.at("config");
        column_types(config, &seed.config, &mut columns, found);
        if let Some(delimiter) = seed.config.get("delimiter").and_then(Value::as_str) {
            options::character(config.at("delimiter"), "delimiter", delimiter, found);
        }
        let tests = generic_tests::resolve(at, [("tests", seed.tests), ("data_tests", seed.data_tests)], false, found);
        Properties {
            location: at.at("name").location(),
            name: seed.name,
            description: seed.description,
            config: effective(seed.config),
            columns,
            tests,
        }
    };
    file.items("seeds").zip(seeds).map(seed).collect()
}

fn effective(mut config: Map<String, Value>) -> Map<String, Value> {
    config.retain(|key, _| !DOCUMENTATION.contains(&key.as_str()) && key != "column_types");
    config
}

/// `column_types:` of a seed are types of its columns.
fn column_types(config: At<'_>, map: &Map<String, Value>, columns: &mut Vec<ColumnDecl>, found: &mut Diagnostics) {
    let Some(at) = config.get("column_types") else { return };
    let types = map.get("column_types").and_then(Value::as_object).into_iter().flatten();
    for (name, text) in types {
        let parsed: Option<DataType> = match columns::data_type(at.at(name), text.as_str().unwrap_or_default()) {
            Ok(data_type) => Some(data_type),
            Err(wrong) => {
                found.push(wrong);
                None
            }
        };
        match columns.iter_mut().find(|column| column.name.eq_ignore_ascii_case(name)) {
            Some(column) => match (&column.data_type, parsed) {
                (Some(own), Some(other)) if *own != other => {
                    let message = format!("the column `{name}` is `{other}` here and `{own}` in `columns:`");
                    found.push(at.at(name).error(Code::InvalidValue, message).help("keep one of the two"));
                }
                (None, parsed) => column.data_type = parsed,
                _ => {}
            },
            None => columns.push(ColumnDecl {
                name: name.clone(),
                sound: parsed.is_some(),
                data_type: parsed,
                format: Vec::new(),
                reading: Reading::default(),
                constraints: Vec::new(),
                description: None,
                tests: Vec::new(),
                generate: None,
                location: at.key_location(name),
            }),
        }
    }
}
