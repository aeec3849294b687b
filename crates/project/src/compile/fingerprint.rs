//! Fingerprints: a hash of all that, when changed, makes a node's result another.

use headwater_plan::{
    Compression, Contract, ContractColumn, FileFormat, Ingest, OnBadRow, OnSchemaChange, Step, TableName,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The form of what is hashed; a new one builds everything anew.
const FORMAT: u32 = 1;

/// What is hashed. Where something is written, and in which words a file pattern, does not belong in it.
#[derive(Serialize)]
struct Hashed<'a> {
    format: u32,
    relation: Option<&'a TableName>,
    kind: &'static str,
    sql: Option<&'a str>,
    columns: Vec<(&'a str, String, &'a [String])>,
    files: Option<HashedIngest<'a>>,
    /// The file of a seed.
    content: Option<&'a str>,
    /// The fingerprints of the views that are read: a view has no version of its own in the lake that tells.
    views: &'a [&'a str],
}

/// Of an ingest, all that says which rows of a file become which rows of the table. When a file is loaded, and what
/// becomes of it, does not belong in it.
#[derive(Serialize)]
struct HashedIngest<'a> {
    format: &'a FileFormat,
    compression: Compression,
    reading: Vec<HashedReading<'a>>,
    constraints: Vec<&'a str>,
    on_schema_change: OnSchemaChange,
    on_bad_row: OnBadRow,
    partition_by: &'a [String],
}

/// How a column is read, beside its type and format.
#[derive(Serialize)]
struct HashedReading<'a> {
    nullable: bool,
    source_name: Option<&'a str>,
    default: Option<&'a str>,
    trim: bool,
    null_values: &'a [String],
    decimal_sep: char,
    group_sep: Option<char>,
}

impl<'a> HashedIngest<'a> {
    fn new(ingest: &'a Ingest) -> Self {
        Self {
            format: &ingest.format,
            compression: ingest.compression,
            reading: ingest.contract.columns.iter().map(HashedReading::new).collect(),
            constraints: ingest.contract.constraints.iter().map(|constraint| constraint.sql.as_str()).collect(),
            on_schema_change: ingest.on_schema_change,
            on_bad_row: ingest.on_bad_row,
            partition_by: &ingest.layout.partition_by,
        }
    }
}

impl<'a> HashedReading<'a> {
    fn new(column: &'a ContractColumn) -> Self {
        Self {
            nullable: column.nullable,
            source_name: column.source_name.as_deref(),
            default: column.default.as_deref(),
            trim: column.trim,
            null_values: &column.null_values,
            decimal_sep: column.decimal_sep,
            group_sep: column.group_sep,
        }
    }
}

/// The fingerprint of a node.
pub(super) fn fingerprint(
    step: &Step,
    relation: Option<&TableName>,
    content: Option<&str>,
    views: &[&str],
) -> Result<String, serde_json::Error> {
    let (sql, contract, files) = match step {
        Step::Ingest(ingest) => (None, Some(&ingest.contract), Some(HashedIngest::new(ingest))),
        Step::Seed(seed) => (None, Some(&seed.contract), None),
        Step::Table(query) | Step::View(query) => (Some(query.sql.as_str()), None, None),
        Step::Test(test) => (Some(test.query.sql.as_str()), None, None),
        Step::External => (None, None, None),
    };
    let columns = contract.map_or_else(Vec::new, columns);
    let hashed = Hashed { format: FORMAT, relation, kind: step.word(), sql, columns, files, content, views };
    Ok(hex(&Sha256::digest(serde_json::to_vec(&hashed)?)))
}

fn columns(contract: &Contract) -> Vec<(&str, String, &[String])> {
    let columns = contract.columns.iter();
    columns.map(|column| (column.name.as_str(), column.data_type.to_string(), column.format.as_slice())).collect()
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
