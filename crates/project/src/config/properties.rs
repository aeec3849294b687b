//! `models:`, `seeds:`, `snapshots:`, `analyses:` and the properties of singular tests, resolved.

use headwater_plan::{Code, DataType, Diagnostics};
use serde_json::{Map, Value};

use super::at::At;
use super::columns::{self, Owner, Types};
use super::file::models::{AnalysisFile, ModelFile, SeedFile, SingularTestFile, SnapshotFile};
use super::{ColumnDecl, Properties, generic_tests, options, settings};

/// What stands at the top of an entry.
struct Top {
    name: String,
    description: Option<String>,
    config: Map<String, Value>,
    docs: Option<Map<String, Value>>,
    meta: Map<String, Value>,
}

impl Top {
    /// The properties without columns, tests and constraints.
    fn properties(self, at: At<'_>) -> Properties {
        let mut config = settings::normal(Value::Object(self.config));
        let mut meta = self.meta;
        if let Some(Value::Object(more)) = config.get("meta") {
            meta.extend(more.clone());
        }
        if let Some(docs) = self.docs {
            config.entry("docs").or_insert(Value::Object(docs));
        }
        Properties {
            location: at.at("name").location(),
            patch: at.source.path.clone(),
            name: self.name,
            description: self.description,
            config,
            meta,
            columns: Vec::new(),
            constraints: Vec::new(),
            tests: Vec::new(),
            relation: None,
        }
    }
}

/// The models below `models:`. In a `dbt` project the types of columns count only for contracts.
pub(super) fn models(file: At<'_>, models: Vec<ModelFile>, dbt: bool, found: &mut Diagnostics) -> Vec<Properties> {
    let model = |(at, file): (At<'_>, ModelFile)| {
        let ModelFile { name, description, config, columns, tests, data_tests, docs, meta, access, group, .. } = file;
        let enforced = config.get("contract").and_then(|contract| contract.get("enforced"));
        let types = if dbt && enforced != Some(&Value::Bool(true)) { Types::Told } else { Types::Checked };
        let columns = columns::of_query(at, columns, types, found);
        let tests = generic_tests::resolve(at, [("tests", tests), ("data_tests", data_tests)], false, found);
        let constraints = at.items("constraints").map(|at| at.node.to_json()).collect();
        let mut properties = Top { name, description, config, docs, meta }.properties(at);
        for (key, value) in [("access", access), ("group", group)] {
            if let Some(value) = value {
                properties.config.entry(key).or_insert(value.into());
            }
        }
        Properties { columns, tests, constraints, ..properties }
    };
    file.items("models").zip(models).map(model).collect()
}

/// The snapshots below `snapshots:`.
pub(super) fn snapshots(
    file: At<'_>,
    snapshots: Vec<SnapshotFile>,
    dbt: bool,
    found: &mut Diagnostics,
) -> Vec<Properties> {
    let snapshot = |(at, file): (At<'_>, SnapshotFile)| {
        let SnapshotFile { name, relation, description, config, columns, tests, data_tests, docs, meta } = file;
        let types = if dbt { Types::Told } else { Types::Checked };
        let columns = columns::of_query(at, columns, types, found);
        let tests = generic_tests::resolve(at, [("tests", tests), ("data_tests", data_tests)], false, found);
        Properties { columns, tests, relation, ..Top { name, description, config, docs, meta }.properties(at) }
    };
    file.items("snapshots").zip(snapshots).map(snapshot).collect()
}

/// The analyses below `analyses:`.
pub(super) fn analyses(file: At<'_>, analyses: Vec<AnalysisFile>, found: &mut Diagnostics) -> Vec<Properties> {
    let analysis = |(at, file): (At<'_>, AnalysisFile)| {
        let AnalysisFile { name, description, config, columns, docs, meta, .. } = file;
        let columns = columns::of_query(at, columns, Types::Told, found);
        Properties { columns, ..Top { name, description, config, docs, meta }.properties(at) }
    };
    file.items("analyses").zip(analyses).map(analysis).collect()
}

/// The singular tests below `data_tests:` or `tests:` of the file.
pub(super) fn singular_tests(file: At<'_>, key: &str, tests: Vec<SingularTestFile>) -> Vec<Properties> {
    let test = |(at, file): (At<'_>, SingularTestFile)| {
        let SingularTestFile { name, description, config, docs, meta } = file;
        Top { name, description, config, docs, meta }.properties(at)
    };
    file.items(key).zip(tests).map(test).collect()
}

/// The seeds below `seeds:`.
pub(super) fn seeds(file: At<'_>, seeds: Vec<SeedFile>, found: &mut Diagnostics) -> Vec<Properties> {
    let seed = |(at, file): (At<'_>, SeedFile)| {
        let SeedFile { name, description, config, columns, tests, data_tests, docs, meta } = file;
        let mut columns = columns::resolve(at, columns, Owner::Other, found);
        let below = at.at("config");
        column_types(below, &config, &mut columns, found);
        if let Some(delimiter) = config.get("delimiter").and_then(Value::as_str) {
            options::character(below.at("delimiter"), "delimiter", delimiter, found);
        }
        let tests = generic_tests::resolve(at, [("tests", tests), ("data_tests", data_tests)], false, found);
        Properties { columns, tests, ..Top { name, description, config, docs, meta }.properties(at) }
    };
    file.items("seeds").zip(seeds).map(seed).collect()
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
                sound: parsed.is_some(),
                data_type: parsed,
                ..ColumnDecl::new(name, at.key_location(name))
            }),
        }
    }
}
