//! `sources:`, resolved.

use std::path::Path;

use headwater_plan::{Code, Diagnostics, TableName};

use super::at::At;
use super::columns::{self, Owner};
use super::file::OneOrMany;
use super::file::sources::{SourceFile, TableFile};
use super::{SourceTable, constraints, generic_tests, hints, ingest, paths, reading};
use crate::generate::{DEFAULT_ROWS, GenerateRows};

/// The tables below `sources:` of a file that lies at `path` in the project at `dir`.
pub(super) fn resolve(file: At<'_>, sources: Vec<SourceFile>, dir: &Path, found: &mut Diagnostics) -> Vec<SourceTable> {
    let mut tables = Vec::new();
    for (at, source) in file.items("sources").zip(sources) {
        found.extend(paths::check_identifier(at.at("name"), "a source", &source.name));
        let given = Given {
            name: &source.name,
            schema: source.schema.clone().or_else(|| layer(&file.source.path)).unwrap_or_else(|| source.name.clone()),
            tags: tags([source.tags, source.config.as_ref().and_then(|config| config.tags.clone())]),
            enabled: source.config.as_ref().and_then(|config| config.enabled).unwrap_or(true),
            dir,
        };
        for (at, table) in at.items("tables").zip(source.tables) {
            tables.extend(given.table(at, table, found));
        }
    }
    tables
}

/// The layer folder: the first one under `models/`.
fn layer(path: &Path) -> Option<String> {
    let mut parts = path.iter();
    let top = parts.next()?;
    let folder = parts.next()?.to_str()?;
    parts.next().filter(|_| top == "models").map(|_| folder.to_owned())
}

fn tags<const N: usize>(given: [Option<OneOrMany>; N]) -> Vec<String> {
    let mut tags = Vec::new();
    for tag in given.into_iter().flatten().flat_map(OneOrMany::into_vec) {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

/// What a source gives to its tables.
struct Given<'a> {
    name: &'a str,
    schema: String,
    tags: Vec<String>,
    enabled: bool,
    dir: &'a Path,
}

impl Given<'_> {
    fn table(&self, at: At<'_>, file: TableFile, found: &mut Diagnostics) -> Option<SourceTable> {
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
            ingest::resolve(at.at("ingest"), ingest, self.dir, &columns, found)
        });
        let sound = complete && (kind == Owner::Other || ingest.is_some());
        hints::check_columns(at, &columns, found);
        let enabled = file.config.as_ref().and_then(|config| config.enabled).unwrap_or(self.enabled);
        let tags =
            tags([Some(OneOrMany::Many(self.tags.clone())), file.tags, file.config.and_then(|config| config.tags)]);
        enabled.then(|| SourceTable {
            source: self.name.to_owned(),
            schema: self.schema.clone(),
            relation: TableName::new(&self.schema, file.identifier.as_ref().unwrap_or(&file.name)),
            table: file.name,
            description: file.description,
            tags,
            ingest,
            columns,
            constraints: rules,
            tests,
            generate,
            location: at.at("name").location(),
            sound,
        })
    }
}
