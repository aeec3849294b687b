//! Fingerprints: a hash of all that, when changed, makes a node's result another.

use headwater_plan::{
    Compression, Contract, ContractColumn, FileFormat, Hooks, Ingest, OnBadRow, OnSchemaChange, Step, TableLayout,
    TableName, Test,
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
    /// Of what is more than one query: all that it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'a Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hooks: Option<&'a Hooks>,
    #[serde(skip_serializing_if = "Option::is_none")]
    layout: Option<&'a TableLayout>,
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

/// What a fingerprint is made of.
#[derive(Clone, Copy)]
pub(super) struct Printed<'a> {
    pub(super) step: &'a Step,
    pub(super) relation: Option<&'a TableName>,
    /// The file of a seed.
    pub(super) content: Option<&'a str>,
    /// The fingerprints of the views that are read.
    pub(super) views: &'a [&'a str],
    pub(super) hooks: &'a Hooks,
}

/// The fingerprint of a node.
pub(super) fn fingerprint(printed: Printed<'_>) -> Result<String, serde_json::Error> {
    let Printed { step, relation, content, views, hooks } = printed;
    let (sql, contract, files) = match step {
        Step::Ingest(ingest) => (None, Some(&ingest.contract), Some(HashedIngest::new(ingest))),
        Step::Seed(seed) => (None, Some(&seed.contract), None),
        Step::Table(table) => (Some(table.query.sql.as_str()), None, None),
        Step::View(query) | Step::Ephemeral(query) => (Some(query.sql.as_str()), None, None),
        Step::Test(test) => (Some(test.query.sql.as_str()), None, None),
        Step::Statement(statement) => (Some(statement.sql.as_str()), None, None),
        Step::External | Step::Late(_) | Step::Incremental(_) | Step::Snapshot(_) | Step::UnitTest(_) => {
            (None, None, None)
        }
    };
    let columns = contract.map_or_else(Vec::new, columns);
    let whole = matches!(step, Step::Incremental(_) | Step::Snapshot(_) | Step::UnitTest(_) | Step::Late(_));
    let whole = whole || matches!(step, Step::Test(test) if *test != plain(test));
    let layout = match step {
        Step::Table(table) if table.layout != TableLayout::default() => Some(&table.layout),
        _ => None,
    };
    let hashed = Hashed {
        format: FORMAT,
        relation,
        kind: step.word(),
        sql,
        columns,
        files,
        content,
        views,
        step: whole.then_some(step),
        hooks: (*hooks != Hooks::default()).then_some(hooks),
        layout,
    };
    Ok(hex(&Sha256::digest(serde_json::to_vec(&hashed)?)))
}

/// The test as its query and severity alone would make it.
fn plain(test: &Test) -> Test {
    let severity = test.severity;
    Test { severity, tested: test.tested.clone(), column: test.column.clone(), ..Test::new(test.query.clone()) }
}

fn columns(contract: &Contract) -> Vec<(&str, String, &[String])> {
    let columns = contract.columns.iter();
    columns.map(|column| (column.name.as_str(), column.data_type.to_string(), column.format.as_slice())).collect()
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
