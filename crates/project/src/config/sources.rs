//! `sources:`, resolved.

use std::path::Path;

use headwater_plan::{Code, Diagnostics, TableName};
use serde_json::{Map, Value};

use super::at::At;
use super::columns::{self, Owner};
use super::file::sources::{SourceFile, TableFile};
use super::overrides::Override;
use super::{SourceTable, constraints, generic_tests, hints, ingest, paths, reading};
use crate::generate::{DEFAULT_ROWS, GenerateRows};

/// Where a file lies, and by which rules it is read.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// The project's folder, absolute.
    pub(super) dir: &'a Path,
    /// The package's name.
    pub(super) package: &'a str,
    /// Whether a `dbt_project.yml` governs.
    pub(super) dbt: bool,
    /// The folders between the resource folder and the file.
    pub(super) folders: &'a [String],
}

/// What stands below `sources:` of a file.
#[derive(Default)]
pub(super) struct Sources {
    /// The tables.
    pub(super) tables: Vec<SourceTable>,
    /// What is said of packages' tables.
    pub(super) overrides: Vec<Override>,
}

/// The tables below `sources:` of a file.
pub(super) fn resolve(file: At<'_>, sources: Vec<SourceFile>, around: Around<'_>, found: &mut Diagnostics) -> Sources {
    let mut all = Sources::default();
    for (at, source) in file.items("sources").zip(sources) {
        found.extend(paths::check_identifier(at.at("name"), "a source", &source.name));
        // dbt knows no layer folders.
        let layer = || if around.dbt { None } else { around.folders.first().cloned() };
        let (tags, meta) = columns::described(source.tags, source.meta, &source.config);
        let given = Given {
            name: &source.name,
            schema: source.schema.clone().or_else(layer).unwrap_or_else(|| source.name.clone()),
            description: source.description,
            loader: source.loader,
            tags,
            meta,
            config: config(at, source.config),
            around,
        };
        for (at, file) in at.items("tables").zip(source.tables) {
            let identifier = file.identifier.is_some();
            let (table, enabled) = given.table(at, file, found);
            match &source.overrides {
                Some(package) => {
                    let (package, schema) = (package.clone(), source.schema.is_some());
                    all.overrides.push(Override { package, table, schema, identifier, enabled });
                }
                None if enabled => all.tables.push(table),
                None => {}
            }
        }
    }
    all
}

/// The settings, with what dbt had beside them first.
fn config(at: At<'_>, written: Map<String, Value>) -> Map<String, Value> {
    let mut config = Map::new();
    for key in ["freshness", "loaded_at_field", "loaded_at_query"] {
        config.extend(at.get(key).map(|at| (key.to_owned(), at.node.to_json())));
    }
    config.extend(written.into_iter().filter(|(key, _)| !["tags", "meta"].contains(&key.as_str())));
    config
}

/// What a source gives to its tables.
struct Given<'a> {
    name: &'a str,
    schema: String,
    description: Option<String>,
    loader: Option<String>,
    tags: Vec<String>,
    meta: Map<String, Value>,
    config: Map<String, Value>,
    around: Around<'a>,
}

impl Given<'_> {
    /// A table, and whether it is enabled.
    fn table(&self, at: At<'_>, file: TableFile, found: &mut Diagnostics) -> (SourceTable, bool) {
        let before = found.0.len();
        found.extend(paths::check_identifier(at.at("name"), "a table", &file.name));
        let is_wrong = |key: &str| at.node.told.iter().any(|told| told == key);
        let kind = if file.ingest.is_some() || is_wrong("ingest") { Owner::Loaded } else { Owner::Other };
        if kind == Owner::Loaded && at.items("columns").next().is_none() && !at.node.damaged {
            let message = format!("the table `{}` is loaded from files, so it needs `columns:`", file.name);
            let wrong = at.at("name").error(Code::MissingKey, message);
            found.push(wrong.help("list the columns of the files: `- { name: id, data_type: string }`"));
        }
        let mut columns = columns::resolve(at, file.columns, kind, found);
        let readable = found.0.len() == before && !at.get("columns").is_some_and(|columns| columns.node.damaged);
        let complete = readable && !is_wrong("columns");
        let rules = constraints::of_table(at, file.constraints, &mut columns, complete, found);
        if kind == Owner::Other {
            reading::refuse(at, found);
        }
        let generate = file
            .generate
            .map(|generate| GenerateRows { rows: generate.rows.unwrap_or(DEFAULT_ROWS), scale: generate.scale });
        if generate.is_some() && kind == Owner::Other {
            let message = format!("the table `{}` has `generate:` without `ingest:`", file.name);
            let wrong = at.at("generate").error(Code::InvalidGenerator, message);
            found.push(wrong.help("`ingest: { files: … }` says which files to write"));
        }
        let tests = generic_tests::resolve(at, [("tests", file.tests), ("data_tests", file.data_tests)], false, found);
        let ingest = file.ingest.and_then(|ingest| {
            let columns = ingest::Columns { declared: &columns, complete };
            ingest::resolve(at.at("ingest"), ingest, self.around.dir, &columns, found)
        });
        let sound = complete && (kind == Owner::Other || ingest.is_some());
        hints::check_columns(at, &columns, found);
        let (own_tags, own_meta) = columns::described(file.tags, file.meta, &file.config);
        let mut tags = self.tags.clone();
        tags.extend(own_tags.into_iter().filter(|tag| !self.tags.contains(tag)));
        let mut meta = self.meta.clone();
        meta.extend(own_meta);
        let mut config = self.config.clone();
        config.extend(self::config(at, file.config));
        let enabled = config.shift_remove("enabled") != Some(Value::Bool(false));
        let table = SourceTable {
            package: self.around.package.to_owned(),
            source: self.name.to_owned(),
            source_description: self.description.clone(),
            loader: file.loader.or_else(|| self.loader.clone()),
            schema: self.schema.clone(),
            relation: TableName::new(&self.schema, file.identifier.as_ref().unwrap_or(&file.name)),
            table: file.name,
            description: file.description,
            tags,
            meta,
            config,
            folders: self.around.folders.to_vec(),
            ingest,
            columns,
            constraints: rules,
            tests,
            generate,
            location: at.at("name").location(),
            sound,
        };
        (table, enabled)
    }
}
