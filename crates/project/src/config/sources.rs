//! `sources:`, resolved.

use std::path::Path;

use headwater_plan::ingest::{OnBadRow, OnSchemaChange};
use headwater_plan::{Code, CsvOptions, Diagnostics, FileFormat, FileSet, TableName};

use super::at::At;
use super::columns::{self, Owner};
use super::file::OneOrMany;
use super::file::ingest::{CsvOptionsFile, FormatName, IngestFile, SchemaChange};
use super::file::sources::{SourceFile, TableFile};
use super::{IngestDecl, SourceTable, generic_tests, hints, paths};
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
        let columns = columns::resolve(at, file.columns, kind, found);
        let readable = found.0.len() == before && !at.get("columns").is_some_and(|columns| columns.node.damaged);
        let generate = file
            .generate
            .map(|generate| GenerateRows { rows: generate.rows.unwrap_or(DEFAULT_ROWS), scale: generate.scale });
        if generate.is_some() && kind == Owner::Other {
            let message = format!("the table `{}` has `generate:` without `ingest:`", file.name);
            let wrong = at.at("generate").error(Code::InvalidGenerator, message);
            found.push(wrong.help("`ingest: { files: … }` says which files to write"));
        }
        let tests = generic_tests::resolve(at, [("tests", file.tests), ("data_tests", file.data_tests)], false, found);
        let ingest = file.ingest.and_then(|ingest| self.ingest(at.at("ingest"), ingest, found));
        let sound = readable && !is_wrong("columns") && (kind == Owner::Other || ingest.is_some());
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
            tests,
            generate,
            location: at.at("name").location(),
            sound,
        })
    }

    fn ingest(&self, at: At<'_>, file: IngestFile, found: &mut Diagnostics) -> Option<IngestDecl> {
        let wrong = paths::check_pattern(at.at("files"), &file.files);
        let FormatName::Csv = file.format;
        let csv = csv(at.at("options"), file.options, found);
        if let Some(wrong) = wrong {
            found.push(wrong);
            return None;
        }
        Some(IngestDecl {
            files: FileSet {
                pattern: paths::absolute_pattern(self.dir, &file.files),
                written: file.files,
                location: at.at("files").location(),
            },
            format: FileFormat::Csv(csv?),
            on_schema_change: match file.on_schema_change {
                SchemaChange::Fail => OnSchemaChange::Fail,
                SchemaChange::Ignore => OnSchemaChange::Ignore,
            },
            on_bad_row: OnBadRow::Fail,
        })
    }
}

fn csv(at: At<'_>, file: CsvOptionsFile, found: &mut Diagnostics) -> Option<CsvOptions> {
    let default = CsvOptions::default();
    if file.header == Some(false) {
        let wrong = at.at("header").error(Code::Unsupported, "files without a header line are not supported yet");
        found.push(wrong.help("write the columns' names as the first line of each file"));
    }
    let sep = file.sep.map_or(Some(default.sep), |text| character(at.at("sep"), "sep", &text, found));
    let quote = file.quote.map_or(Some(default.quote), |text| character(at.at("quote"), "quote", &text, found));
    let (sep, quote) = (sep?, quote?);
    if sep == quote {
        let message = format!("`sep` and `quote` are both `{sep}`");
        found.push(at.error(Code::InvalidValue, message));
        return None;
    }
    Some(CsvOptions { sep, quote, null_value: file.null_value.unwrap_or(default.null_value) })
}

/// One ASCII character that does not end a line; `\t` is the tab, as Spark reads it.
pub(super) fn character(at: At<'_>, key: &str, text: &str, found: &mut Diagnostics) -> Option<char> {
    let mut letters = if text == "\\t" { "\t" } else { text }.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) if letter.is_ascii() && !['\n', '\r', '\0'].contains(&letter) => Some(letter),
        _ => {
            let message = format!("`{key}` must be one ASCII character, not `{}`", text.escape_debug());
            found.push(at.error(Code::InvalidValue, message).help("write the tab as `\"\\t\"`"));
            None
        }
    }
}
