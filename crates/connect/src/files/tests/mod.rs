//! Files written to a temporary folder, loaded, and told as text.

mod after_load;
mod columnar;
mod contracts;
mod conversions;
mod headers;
mod infer;
mod inferring;
mod json;
mod listing;
mod loading;
mod objects;
mod options;
mod packed;
mod random;
mod rejects;
mod replay;
mod values;

use std::path::Path;
use std::sync::Arc;

use arrow::array::types::TimestampMicrosecondType;
use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, Utc};
use headwater_plan::ingest::OnSchemaChange;
use headwater_plan::{
    Compression, Contract, ContractColumn, CsvOptions, DataType, Diagnostic, FileFormat, FileSet, Location, Skipped,
};
use tempfile::TempDir;

use super::*;

/// `("day", "date", &["dd-MM-yyyy"])`.
type Declared<'a> = (&'a str, &'a str, &'a [&'a str]);

fn contract(columns: &[Declared<'_>]) -> Contract {
    let columns = columns.iter().enumerate().map(|(number, (name, data_type, format))| {
        let location = Location::line("models/sources.yml", number as u64 + 1);
        let format = format.iter().map(|format| (*format).to_owned()).collect();
        ContractColumn { format, ..ContractColumn::new(*name, DataType::parse(data_type).unwrap(), location) }
    });
    Contract { columns: columns.collect(), constraints: Vec::new() }
}

fn csv() -> FileFormat {
    FileFormat::Csv(CsvOptions::default())
}

fn at() -> DateTime<Utc> {
    "2024-05-06T07:08:09.123456Z".parse().unwrap()
}

fn options(columns: &[Declared<'_>]) -> LoadOptions {
    LoadOptions {
        format: csv(),
        contract: contract(columns),
        on_schema_change: OnSchemaChange::Fail,
        ingested_at: at(),
        run_id: "run-1".into(),
        stamp: false,
        compression: Compression::Auto,
        rescue: false,
        root: None,
        check: None,
    }
}

fn load_files(files: Vec<SourceFile>, options: LoadOptions) -> Result<Load, FilesError> {
    Load::new(files, options, &Stores::local())
}

/// The options of files written so.
fn written(csv: CsvOptions, columns: &[Declared<'_>]) -> LoadOptions {
    LoadOptions { format: FileFormat::Csv(csv), ..options(columns) }
}

/// A folder with these files, and the files as they are listed.
fn files(contents: &[&[u8]]) -> (TempDir, Vec<SourceFile>) {
    let folder = tempfile::tempdir().unwrap();
    let listed = contents.iter().enumerate().map(|(number, content)| {
        let path = folder.path().join(format!("{number}.csv"));
        std::fs::write(&path, content).unwrap();
        source_file(&path)
    });
    let listed = listed.collect();
    (folder, listed)
}

fn source_file(path: &Path) -> SourceFile {
    let metadata = std::fs::metadata(path).unwrap();
    SourceFile {
        path: path.to_str().unwrap().to_owned(),
        size: metadata.len(),
        tag: super::list::tag(&metadata).unwrap(),
    }
}

fn file_set(pattern: &str) -> FileSet {
    FileSet {
        pattern: pattern.to_owned(),
        written: "incoming/*.csv".into(),
        location: Location::line("models/sources.yml", 4),
    }
}

/// Everything that a load gave, in order.
#[derive(Debug, Default, PartialEq)]
struct Loaded {
    rows: Vec<Vec<Option<String>>>,
    records: u64,
    skipped: Skipped,
    bytes: u64,
    rejected: Vec<Rejected>,
}

fn drain(load: &Load) -> Result<Loaded, FilesError> {
    let mut loaded = Loaded::default();
    while let Some(block) = load.next_block()? {
        let decoded = load.decode(block)?;
        let rows: usize = decoded.batches.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(decoded.records, rows as u64 + decoded.rejected.len() as u64, "a record got lost");
        decoded.batches.iter().for_each(|batch| loaded.rows.extend(texts(batch)));
        loaded.records += decoded.records;
        loaded.skipped += decoded.skipped;
        loaded.bytes += decoded.bytes;
        loaded.rejected.extend(decoded.rejected);
    }
    Ok(loaded)
}

fn texts(batch: &RecordBatch) -> Vec<Vec<Option<String>>> {
    let format = FormatOptions::default();
    // Arrow knows zones by name only with chrono-tz.
    let offset = |column: &ArrayRef| match column.as_primitive_opt::<TimestampMicrosecondType>() {
        Some(micros) if micros.timezone() == Some("UTC") => Arc::new(micros.clone().with_timezone("+00:00")),
        _ => Arc::clone(column),
    };
    let columns: Vec<_> = batch.columns().iter().map(offset).collect();
    let columns: Vec<_> =
        columns.iter().map(|column| (column, ArrayFormatter::try_new(column, &format).unwrap())).collect();
    let cell = |row: usize| columns.iter().map(move |(c, f)| c.is_valid(row).then(|| f.value(row).to_string()));
    (0..batch.num_rows()).map(|row| cell(row).collect()).collect()
}

/// Loads one file with these columns.
fn load(content: &str, columns: &[Declared<'_>]) -> Loaded {
    let (_folder, listed) = files(&[content.as_bytes()]);
    drain(&load_files(listed, options(columns)).unwrap()).unwrap()
}

/// The messages, the temporary folder left out.
fn told(diagnostics: impl IntoIterator<Item = Diagnostic>, folder: &TempDir) -> String {
    let folder = format!("{}/", folder.path().display());
    let mut text = String::new();
    for diagnostic in diagnostics {
        let place = diagnostic.location.as_ref().map_or("-".to_owned(), Location::to_string);
        text += &format!("{} at {place}\n  {}\n", diagnostic.code, diagnostic.message);
        if let Some(line) = diagnostic.location.as_ref().and_then(|location| location.text.as_ref()) {
            let location = diagnostic.location.as_ref().unwrap();
            let marks = "^".repeat(location.length as usize);
            text += &format!("  | {line}\n  | {}{marks}\n", " ".repeat(location.column as usize - 1));
        }
        diagnostic.causes.iter().for_each(|cause| text += &format!("  cause: {cause}\n"));
        diagnostic.help.iter().for_each(|help| text += &format!("  help: {help}\n"));
    }
    text.replace(&folder, "")
}
