//! What an ingest step loads: which files, in what format, against which contract.

use serde::{Deserialize, Serialize};

use crate::{DataType, Location, TableName};

/// Files to a typed bronze table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ingest {
    /// The bronze table.
    pub target: TableName,
    /// Where the files are.
    pub files: FileSet,
    /// How they are written.
    pub format: FileFormat,
    /// What their columns must be.
    pub contract: Contract,
    /// What to do with a column that the contract has not.
    pub on_schema_change: OnSchemaChange,
    /// What to do with a row that breaks the contract.
    pub on_bad_row: OnBadRow,
}

/// Files by pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSet {
    /// An absolute path or a URL (`s3://…`) whose last parts may hold `*`, `?`, `[…]` and `**`.
    pub pattern: String,
    /// The pattern as the user wrote it, for messages.
    pub written: String,
    /// Where the user wrote it.
    pub location: Location,
}

/// How files are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// Comma-separated values, RFC 4180, with Spark's option names.
    Csv(CsvOptions),
}

/// The options of a CSV file, named as Spark names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvOptions {
    /// The separator, one ASCII character; `,` by default.
    pub sep: char,
    /// The quote, one ASCII character; `"` by default. A doubled quote inside a quoted cell is one quote.
    pub quote: char,
    /// The text that stands for null when it is not quoted; empty by default.
    pub null_value: String,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self { sep: ',', quote: '"', null_value: String::new() }
    }
}

/// The columns that a file must have, by name, whatever their order in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// The columns, in the order of the table.
    pub columns: Vec<ContractColumn>,
}

/// A column of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractColumn {
    /// The name in the header and in the table; compared without regard to case.
    pub name: String,
    /// The type.
    pub data_type: DataType,
    /// For dates and timestamps: Spark datetime patterns, tried in order. Empty: ISO 8601, as Spark casts text.
    pub format: Vec<String>,
    /// Where the user wrote it.
    pub location: Location,
}

/// What to do with a column that the contract has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnSchemaChange {
    /// Refuse the file.
    Fail,
    /// Leave the column out.
    Ignore,
}

/// What to do with a row that breaks the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnBadRow {
    /// Refuse the batch, naming file and line.
    Fail,
}

/// The columns that every ingested table carries after those of its contract.
pub const SOURCE_FILE: &str = "_source_file";
/// The line in the file on which the record begins, from 1, the header counted.
pub const SOURCE_LINE: &str = "_source_line";
/// When the batch was loaded: one instant for a whole batch.
pub const INGESTED_AT: &str = "_ingested_at";
/// The run that loaded the batch.
pub const RUN_ID: &str = "_run_id";

impl Contract {
    /// The columns of the bronze table: those of the contract, then `_source_file`, `_source_line`, `_ingested_at`,
    /// `_run_id`.
    pub fn table_schema(&self) -> crate::Schema {
        let mut fields: Vec<crate::Field> =
            self.columns.iter().map(|column| crate::Field::new(&column.name, column.data_type.clone())).collect();
        for (name, data_type) in [
            (SOURCE_FILE, DataType::String),
            (SOURCE_LINE, DataType::Long),
            (INGESTED_AT, DataType::Timestamp),
            (RUN_ID, DataType::String),
        ] {
            fields.push(crate::Field::new(name, data_type));
        }
        crate::Schema::new(fields)
    }
}
