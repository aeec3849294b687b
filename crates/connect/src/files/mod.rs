//! Files of any kind, typed by a contract: the way in for every row, so the first rule is that no record is lost or changed
//! unseen. Each record becomes a row or a [`Rejected`] with all its reasons, and `records` counts both. What is wrong with
//! one record costs that record; a file that is damaged as a whole is refused by name.
//!
//! | file | owns |
//! |---|---|
//! | `list` | files by pattern |
//! | `stores`, `object` | buckets, and their objects as files |
//! | `open`, `input`, `compression`, `zip` | the files of a load, opened and unpacked |
//! | `encoding` | text in any encoding, as UTF-8 |
//! | `partition` | `key=value` folders |
//! | `load` | [`Load`]: what worker threads share; [`replay`] |
//! | `csv` | CSV files: headers, blocks of whole records, records to batches |
//! | `json` | JSON lines and arrays, the same |
//! | `columnar` | Parquet and Avro |
//! | `value` | the texts of cells to Arrow |
//! | `shape`, `check` | batches, and the rules over their rows |
//! | `contract` | the contract, checked and compiled to parsers |
//! | `schema` | columns of a file that do not fit |
//! | `reject` | why a record was refused |
//! | `infer` | a contract from a file |
//! | `after_load` | what becomes of a loaded file |
//! | `error` | [`FilesError`] |
//!
//! How records are found stands in `csv` and `json`.
//!
//! # How a text becomes a value
//! As Spark's CSV reader with `mode FAILFAST` takes it. Where Spark would guess or lose something, the value is refused
//! instead, and never given another meaning. (Looked up in Spark's sources and tried with PySpark 4.2.1.)
//!
//! - Before anything else: blanks around it are dropped where the column says `trim`, a null text becomes null, null the
//!   column's `default`, and a number's own `decimal_sep` and `group_sep` those that follow here.
//! - Strings keep their blanks.
//! - Integers: an optional sign and digits. No blanks, point or exponent.
//! - Decimals: an optional sign, digits, point, exponent. Digits beyond the scale round half up, as in Spark; what then
//!   needs more digits than the precision is refused. `1,5` is refused without a `decimal_sep`: Spark would
//!   drop the comma and read 15.
//! - Float and double: the nearest value; blanks around are dropped; `NaN`, `Inf`, `-Inf`, `Infinity`, `-Infinity`. Text
//!   too large for the type is refused (Spark: infinity), so are Java's `1d` and `0x1p3`.
//! - Boolean: `true` and `false` in any case.
//! - Dates without `format`: `yyyy-M-d`. With a time behind it it is refused (Spark drops the time).
//! - Timestamps without `format`: `yyyy-M-d`, then after a blank or `T` `H:m`, `:s`, a fraction of 1 to 9 digits (cut to
//!   microseconds), and `Z`, `UTC`, `GMT` or an offset; UTC without one. Blanks around are dropped, here and for dates.
//! - With `format`: Spark's patterns, tried in order, strictly: nothing before, behind or missing. See [`check_contract`]
//!   for the letters.

mod after_load;
mod base64;
mod check;
mod columnar;
mod compression;
mod contract;
mod csv;
mod encoding;
mod error;
mod infer;
mod input;
mod json;
mod list;
mod load;
mod object;
mod open;
mod partition;
mod reject;
mod schema;
mod shape;
mod stores;
mod tree;
mod value;
mod zip;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use headwater_plan::{Compression, Contract, FileFormat, Ingest, OnSchemaChange, Skipped};
use serde::{Deserialize, Serialize};

pub use after_load::{archive, copy, delete};
pub use check::{BrokenRule, RowCheck};
pub use contract::{ContractProblem, ContractProblemKind, check_contract};
pub use csv::header::{HeaderProblem, HeaderProblemKind, read_header};
pub use encoding::is_encoding;
pub use error::FilesError;
pub use infer::{Inferred, Note, infer, infer_contract};
pub use list::{fixed_folder, list};
pub use load::{Block, Load, replay};
pub use reject::{Help, Reason, Rejected};
pub use schema::{SchemaProblem, SchemaProblemKind};
pub use stores::{Buckets, Stores};

/// A file as it was listed: loading it later checks that it is still the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceFile {
    /// The absolute path, or the URL.
    pub path: String,
    /// The size in bytes, as stored.
    pub size: u64,
    /// The entity tag of an object, else the time of the last change, RFC 3339 with nanoseconds.
    pub tag: String,
}

/// How files are loaded.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// How the files are written.
    pub format: FileFormat,
    /// How they are packed.
    pub compression: Compression,
    /// What their columns must be.
    pub contract: Contract,
    /// What to do with a column that the contract has not.
    pub on_schema_change: OnSchemaChange,
    /// The instant that `_ingested_at` gets.
    pub ingested_at: DateTime<Utc>,
    /// The run that `_run_id` gets.
    pub run_id: String,
    /// Whether rows carry `_source_file`, `_source_line`, `_ingested_at` and `_run_id`; seeds do not.
    pub stamp: bool,
    /// Whether rows carry `_rescued_data`.
    pub rescue: bool,
    /// The pattern's fixed folder: `key=value` folders below it are partitions.
    pub root: Option<String>,
    /// Evaluates the contract's rules; `None`: nobody asks.
    pub check: Option<Arc<dyn RowCheck>>,
}

impl LoadOptions {
    /// What an ingest asks for. Its rules are evaluated once a `check` is set.
    pub fn of(ingest: &Ingest, ingested_at: DateTime<Utc>, run_id: impl Into<String>) -> Self {
        Self {
            format: ingest.format.clone(),
            compression: ingest.compression,
            contract: ingest.contract.clone(),
            on_schema_change: ingest.on_schema_change,
            ingested_at,
            run_id: run_id.into(),
            stamp: true,
            rescue: ingest.rescues(),
            root: Some(fixed_folder(&ingest.files.pattern)),
            check: None,
        }
    }
}

/// What a block held.
#[derive(Debug, Default)]
pub struct Decoded {
    /// The rows that fit the contract, in the order of the file.
    pub batches: Vec<RecordBatch>,
    /// How many records there were: the rows and the rejected.
    pub records: u64,
    /// The records that do not fit, in the order of the file.
    pub rejected: Vec<Rejected>,
    /// What was no record.
    pub skipped: Skipped,
    /// The bytes of the file, as stored, that this block accounts for; over a file's blocks, its size.
    pub bytes: u64,
    /// The index of the file among those of the load.
    pub file: usize,
}

/// A record out of the quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedRow {
    /// The file that it stood in.
    pub file: String,
    /// Its line there.
    pub line: u64,
    /// The record.
    pub raw: String,
    /// Its bytes, if they were no text.
    pub raw_bytes: Option<Vec<u8>>,
    /// The columns of its file, for CSV.
    pub file_columns: Option<Vec<String>>,
    /// The format that it was read as: `csv`, `json`, `parquet`, `avro`.
    pub format: String,
}
