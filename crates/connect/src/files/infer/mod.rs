//! What files look like: how they are written, and a contract that a person would have written for them.
//!
//! | file | owns |
//! |---|---|
//! | `seed` | the contract of a seed, from all of its values, by dbt's rules |
//! | `sniff` | the options of CSV files |
//! | `text` | the columns of CSV files |
//! | `json` | the columns of JSON files |
//! | `column` | a column's values to its type, format, signs, null texts |
//! | `names` | names of files to names of tables |

mod column;
mod json;
mod names;
mod seed;
mod sniff;
mod text;

use std::sync::Arc;

use chrono::DateTime;
use headwater_plan::{
    Compression, Contract, ContractColumn, DataType, Field, FileFormat, JsonOptions, Location, OnSchemaChange,
};

pub use seed::infer_contract;

use super::open::Sources;
use super::partition::partitions;
use super::{FilesError, Load, LoadOptions, SourceFile, Stores};

/// Of so many files, spread over all, something is read.
const FILES: usize = 16;
/// The endings of packed files.
const PACKED: [&str; 6] = [".gz", ".gzip", ".zst", ".zstd", ".bz2", ".zip"];

/// What files look like.
#[derive(Debug, Clone, PartialEq)]
pub struct Inferred {
    /// How they are written.
    pub format: FileFormat,
    /// A contract that the sampled values fit.
    pub contract: Contract,
    /// What to do with columns that it has not: `ignore` if the files have some without a name and without values.
    pub on_schema_change: OnSchemaChange,
    /// What a person should look at, because the files do not tell.
    pub notes: Vec<Note>,
    /// How many files were looked into.
    pub files: usize,
    /// How many records were looked at; 0 for formats that say what their columns are.
    pub records: u64,
}

/// Something that the files do not tell for sure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The column, if it is about one.
    pub column: Option<String>,
    /// What it is.
    pub text: String,
}

impl Note {
    fn of(column: &str, text: impl Into<String>) -> Self {
        Self { column: Some(column.to_owned()), text: text.into() }
    }

    fn all(text: impl Into<String>) -> Self {
        Self { column: None, text: text.into() }
    }
}

/// Looks into some of the files, and proposes how to read them. What is not asked for is found out: the format by the
/// files' names, or else by how they begin; the options of CSV files by trying. Blocking.
///
/// # Errors
/// A file that cannot be read, or is not what its format says.
pub fn infer(files: Vec<SourceFile>, format: Option<FileFormat>, stores: &Stores) -> Result<Inferred, FilesError> {
    let count = files.len();
    let folders = folders(&files);
    let picked: Vec<SourceFile> = match count {
        0..=FILES => files,
        _ => (0..FILES).map(|number| files[number * (count - 1) / (FILES - 1)].clone()).collect(),
    };
    let sources = Sources::new(picked.clone(), Compression::Auto, None, stores);
    let heads = sniff::heads(&sources)?;
    let (asked, format) = match format {
        Some(format) => (true, format),
        None => (false, format_of(&picked, &heads)),
    };
    let files = picked.len();
    let mut inferred = match format {
        FileFormat::Csv(csv) => {
            let (csv, notes) = if asked { (csv, Vec::new()) } else { sniff::options(&heads) };
            text::infer(picked, csv, notes, stores)?
        }
        FileFormat::Json(options) => json::infer(&sources, &options)?,
        FileFormat::Parquet | FileFormat::Avro => columnar(picked, format, stores)?,
    };
    for (key, values) in folders {
        let known = inferred.contract.columns.iter().any(|column| column.name_in_file().eq_ignore_ascii_case(&key));
        if !known {
            let path = inferred.contract.columns.first().map(|column| column.location.file.clone()).unwrap_or_default();
            let column = ContractColumn::new(key.as_str(), DataType::String, Location::line(path, 1));
            let column::Typed { column, notes } = values.typed(column);
            inferred.contract.columns.push(ContractColumn { nullable: true, ..column });
            inferred.notes.push(Note::of(&key, "it is in the names of the folders, not in the files"));
            inferred.notes.extend(notes);
        }
    }
    if count > files {
        inferred.notes.push(Note::all(format!("{files} of {count} files were looked into")));
    }
    Ok(Inferred { files, ..inferred })
}

/// The keys of `key=value` folders that all files have, and that are not the same for all.
fn folders(files: &[SourceFile]) -> Vec<(String, column::Values)> {
    let of = |file: &SourceFile| {
        let root = file.path.find("://").map_or("", |scheme| &file.path[..scheme + 2]);
        partitions(&file.path, Some(root))
    };
    let pairs: Vec<Vec<(String, Option<String>)>> = files.iter().map(of).collect();
    let keys = pairs.first().map(Vec::as_slice).unwrap_or_default().iter().map(|(key, _)| key);
    let values = |key: &String| {
        let of_file = |pairs: &Vec<(String, Option<String>)>| {
            pairs.iter().rev().find(|(other, _)| other.eq_ignore_ascii_case(key)).map(|(_, value)| value.clone())
        };
        let all: Vec<Option<String>> = pairs.iter().map(of_file).collect::<Option<_>>()?;
        let differ = all.iter().any(|value| Some(value) != all.first());
        let mut values = column::Values::default();
        all.iter().for_each(|value| values.see(value.as_deref()));
        differ.then(|| (key.clone(), values))
    };
    keys.filter_map(values).collect()
}

/// The format that the files' names say, or else how the first of them begins.
fn format_of(files: &[SourceFile], heads: &[sniff::Head]) -> FileFormat {
    let json = || FileFormat::Json(JsonOptions::default());
    let csv = || FileFormat::Csv(headwater_plan::CsvOptions::default());
    let name = files.first().map(|file| file.path.to_ascii_lowercase()).unwrap_or_default();
    let name = PACKED.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if ends(&[".csv", ".tsv", ".tab", ".psv"]) {
        return csv();
    }
    if ends(&[".json", ".jsonl", ".ndjson"]) {
        return json();
    }
    if ends(&[".parquet", ".pq"]) {
        return FileFormat::Parquet;
    }
    if ends(&[".avro"]) {
        return FileFormat::Avro;
    }
    let head = heads.iter().map(|head| head.bytes.as_slice()).find(|bytes| !bytes.is_empty()).unwrap_or_default();
    match head.trim_ascii_start() {
        [b'P', b'A', b'R', b'1', ..] => FileFormat::Parquet,
        [b'O', b'b', b'j', 1, ..] => FileFormat::Avro,
        [b'{' | b'[', ..] => json(),
        _ => csv(),
    }
}

/// Files that say what their columns are.
fn columnar(files: Vec<SourceFile>, format: FileFormat, stores: &Stores) -> Result<Inferred, FilesError> {
    let path = files.first().map(|file| file.path.clone()).unwrap_or_default();
    let load = Load::new(files, load_options(format.clone(), Vec::new(), OnSchemaChange::AddColumns), stores)?;
    let mut taken = names::Taken::default();
    let columns = load.added_columns().iter().map(|field: &Field| {
        let name = taken.name(&field.name);
        let source_name = (!name.eq_ignore_ascii_case(&field.name)).then(|| field.name.clone());
        ContractColumn { source_name, ..declared(&name, field.data_type.clone(), &path) }
    });
    let contract = Contract { columns: columns.collect(), constraints: Vec::new() };
    let (on_schema_change, notes) = (OnSchemaChange::Fail, Vec::new());
    Ok(Inferred { format, contract, on_schema_change, notes, files: 0, records: 0 })
}

fn declared(name: &str, data_type: DataType, path: &str) -> ContractColumn {
    ContractColumn::new(name, data_type, Location::line(path, 1))
}

/// Loads for looking, not for keeping.
fn load_options(format: FileFormat, columns: Vec<ContractColumn>, on_schema_change: OnSchemaChange) -> LoadOptions {
    LoadOptions {
        format,
        compression: Compression::Auto,
        contract: Contract { columns, constraints: Vec::new() },
        on_schema_change,
        ingested_at: DateTime::UNIX_EPOCH,
        run_id: String::new(),
        stamp: false,
        rescue: false,
        root: None,
        check: None,
    }
}

/// So many of something, as people write it.
fn counted(number: u64, one: &str, many: &str) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {}", if number == 1 { one } else { many })
}

type Shared = Arc<Sources>;
