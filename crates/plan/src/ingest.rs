//! What an ingest step loads: which files, in what format, against which contract, and what happens to what does not
//! fit.

use serde::{Deserialize, Serialize};

use crate::{DataType, Field, Location, Schema, TableName};

/// Files to a typed bronze table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ingest {
    /// The bronze table.
    pub target: TableName,
    /// The table of the rows that are set aside: `<name>_quarantine` beside the target. There once a row was.
    pub quarantine: TableName,
    /// Where the files are.
    pub files: FileSet,
    /// How they are written.
    pub format: FileFormat,
    /// How they are packed.
    pub compression: Compression,
    /// What their columns must be.
    pub contract: Contract,
    /// What to do with a column that the contract has not.
    pub on_schema_change: OnSchemaChange,
    /// What to do with a row that breaks the contract.
    pub on_bad_row: OnBadRow,
    /// How many rows of a batch may break it; past this the batch fails. `None`: any number.
    pub max_bad_rows: Option<BadRowLimit>,
    /// What to do with a file that was loaded and has other content now.
    pub on_file_change: OnFileChange,
    /// What to do with a file once its rows are committed.
    pub after_load: AfterLoad,
    /// A file that changed less than this many milliseconds ago may still be growing, and waits. Not for object stores,
    /// whose objects are whole by nature.
    pub settle_ms: u64,
    /// How much one batch may hold.
    pub batch: BatchLimits,
    /// How the table's files lie.
    pub layout: TableLayout,
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
    /// Separated values, RFC 4180 by default, with Spark's option names.
    Csv(CsvOptions),
    /// JSON: one object a line, or one array of objects; the first character tells which.
    Json(JsonOptions),
    /// Apache Parquet.
    Parquet,
    /// Apache Avro object container files.
    Avro,
}

impl FileFormat {
    /// The word for it: `csv`, `json`, `parquet`, `avro`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Csv(_) => "csv",
            Self::Json(_) => "json",
            Self::Parquet => "parquet",
            Self::Avro => "avro",
        }
    }
}

/// How files are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// By each file's first bytes: gzip, zstd, bzip2, zip, or none.
    #[default]
    Auto,
    /// Not at all, whatever the first bytes look like.
    None,
    /// Gzip, of one or several members.
    Gzip,
    /// Zstandard, of one or several frames.
    Zstd,
    /// Bzip2, of one or several streams.
    Bzip2,
    /// A zip archive: every file in it is read as one of the pattern's.
    Zip,
}

/// The options of a CSV file, named as Spark names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvOptions {
    /// What separates cells: one or several characters; `,` by default.
    pub sep: String,
    /// The quote, one ASCII character, `"` by default; `None`: quotes are text.
    pub quote: Option<char>,
    /// What makes a quote inside a quoted cell text. `None`: the quote itself, twice.
    pub escape: Option<char>,
    /// Whether the file names its columns. Without, they are those of the contract, in order.
    pub header: bool,
    /// The encoding, by its WHATWG label: `UTF-8` by default. A byte order mark takes precedence.
    pub encoding: String,
    /// What ends a line. `None`: `\n`, `\r\n` or a lone `\r`.
    pub line_sep: Option<String>,
    /// A record that begins with this character is skipped.
    pub comment: Option<char>,
    /// Whether a quoted cell may go on over several lines; `true` by default.
    pub multi_line: bool,
    /// The texts that stand for null when they are not quoted; the empty text always does.
    pub null_values: Vec<String>,
    /// What a quoted empty cell of a string column becomes; `None`: the empty text.
    pub empty_value: Option<String>,
    /// Whether blanks before a cell are dropped.
    pub ignore_leading_white_space: bool,
    /// Whether blanks behind a cell are dropped.
    pub ignore_trailing_white_space: bool,
    /// How many lines to skip before the header.
    pub skip_rows: u64,
    /// Over how many records the header goes; the names of one column are joined by a blank. 1 by default.
    pub header_rows: u32,
    /// How many records to skip at the end.
    pub footer_rows: u64,
    /// What to do with a record of too few or too many cells.
    pub ragged: Ragged,
    /// What a quote in the wrong place means.
    pub quotes: Quotes,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            sep: ",".to_owned(),
            quote: Some('"'),
            escape: None,
            header: true,
            encoding: "UTF-8".to_owned(),
            line_sep: None,
            comment: None,
            multi_line: true,
            null_values: Vec::new(),
            empty_value: None,
            ignore_leading_white_space: false,
            ignore_trailing_white_space: false,
            skip_rows: 0,
            header_rows: 1,
            footer_rows: 0,
            ragged: Ragged::Quarantine,
            quotes: Quotes::Strict,
        }
    }
}

/// What to do with a record of too few or too many cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ragged {
    /// It is a bad row.
    #[default]
    Quarantine,
    /// Missing cells are null; too many are still a bad row.
    Pad,
    /// Missing cells are null, cells too many go to `_rescued_data`.
    Rescue,
}

/// What a quote in the wrong place means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quotes {
    /// Text behind a closing quote makes a bad row; a quote that never closes, or only on a later line and with text
    /// behind, makes one of the line on which it opens, and the next line is read as a record.
    #[default]
    Strict,
    /// A stray quote inside a cell is text, and a cell that never closes ends with its line.
    Lenient,
}

/// The options of a JSON file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JsonOptions {
    /// The encoding, by its WHATWG label: `UTF-8` by default. A byte order mark takes precedence.
    pub encoding: String,
    /// The texts that stand for null, beside `null`.
    pub null_values: Vec<String>,
}

impl Default for JsonOptions {
    fn default() -> Self {
        Self { encoding: "UTF-8".to_owned(), null_values: Vec::new() }
    }
}

/// The columns that a file must have, by name, whatever their order in the file, and what must hold for every row.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Contract {
    /// The columns, in the order of the table.
    pub columns: Vec<ContractColumn>,
    /// What must hold for every row.
    pub constraints: Vec<Constraint>,
}

/// A column of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractColumn {
    /// The name in the table.
    pub name: String,
    /// The type.
    pub data_type: DataType,
    /// For dates and timestamps: Spark datetime patterns, tried in order. Empty: ISO 8601, as Spark casts text.
    pub format: Vec<String>,
    /// Whether it may be null.
    pub nullable: bool,
    /// The name in the file, if it is another; for JSON a path with points. Compared without regard to case.
    pub source_name: Option<String>,
    /// What it is where the file gives no value or has no such column, as text that its type reads.
    pub default: Option<String>,
    /// Whether blanks around a value are dropped.
    pub trim: bool,
    /// Texts that stand for null, beside those of the format.
    pub null_values: Vec<String>,
    /// What stands before the fraction of a number: `.` or `,`.
    pub decimal_sep: char,
    /// What groups the digits of a number, if anything.
    pub group_sep: Option<char>,
    /// Where the user wrote it.
    pub location: Location,
}

impl ContractColumn {
    /// A column that is nothing but a name and a type.
    pub fn new(name: impl Into<String>, data_type: DataType, location: Location) -> Self {
        Self {
            name: name.into(),
            data_type,
            format: Vec::new(),
            nullable: true,
            source_name: None,
            default: None,
            trim: false,
            null_values: Vec::new(),
            decimal_sep: '.',
            group_sep: None,
            location,
        }
    }

    /// The name to look for in a file.
    pub fn name_in_file(&self) -> &str {
        self.source_name.as_deref().unwrap_or(&self.name)
    }
}

/// What must hold for every row: a row for which it is false is a bad row, one for which it is null is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    /// The rule as the user wrote it, for messages: `between 0 and 100`, `amount >= 0`.
    pub written: String,
    /// The column that it belongs to, if it belongs to one.
    pub column: Option<String>,
    /// The rule as a Spark SQL expression over the columns of the contract.
    pub sql: String,
    /// Where the user wrote it.
    pub location: Location,
}

/// What to do with a column that the contract has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnSchemaChange {
    /// Refuse the file.
    #[default]
    Fail,
    /// Leave the column out.
    Ignore,
    /// Add it to the table: as `string` from CSV and JSON, with its own type from Parquet and Avro.
    AddColumns,
    /// Keep its values as JSON in `_rescued_data`.
    Rescue,
}

/// What to do with a row that breaks the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnBadRow {
    /// Set it aside with every reason.
    #[default]
    Quarantine,
    /// Refuse the batch, naming file and line.
    Fail,
}

/// How many rows of a batch may break the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BadRowLimit {
    /// That many.
    Rows(u64),
    /// That share of the batch's records, in millionths: 1 % is 10,000.
    Millionths(u32),
}

impl BadRowLimit {
    /// Whether so many bad rows among so many records are too many.
    pub fn is_passed(self, bad: u64, records: u64) -> bool {
        match self {
            Self::Rows(most) => bad > most,
            Self::Millionths(share) => u128::from(bad) * 1_000_000 > u128::from(records) * u128::from(share),
        }
    }
}

/// What to do with a file that was loaded and has other content now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFileChange {
    /// Refuse to load anything of the source until somebody has decided.
    #[default]
    Fail,
    /// Leave it alone: what was loaded stays.
    Ignore,
    /// Load it as a new file, beside what was loaded from it before.
    LoadAgain,
}

/// What to do with a file once its rows are committed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterLoad {
    /// Leave it where it is.
    #[default]
    Keep,
    /// Move it below this folder: an absolute path or a URL of the files' own store. Its path below the fixed part of
    /// the pattern is kept.
    Archive(String),
    /// Delete it.
    Delete,
}

/// How much one batch may hold; a batch has at least one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchLimits {
    /// Files; 10,000 by default.
    pub max_files: u64,
    /// Bytes, as stored; 64 GiB by default.
    pub max_bytes: u64,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { max_files: 10_000, max_bytes: 64 << 30 }
    }
}

/// How a table's files lie.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TableLayout {
    /// The columns whose values are folders.
    pub partition_by: Vec<String>,
    /// The columns by which `tables optimize` sorts rows, so that readers skip files.
    pub cluster_by: Vec<String>,
    /// Once so many files of a partition are smaller than 16 MB, a load compacts them; `None`: never by itself.
    pub compact_after_files: Option<u32>,
}

/// How long a file must have been left alone by default, in milliseconds.
pub const SETTLE_MS: u64 = 5_000;

/// The columns that every ingested table carries after those of its contract.
pub const SOURCE_FILE: &str = "_source_file";
/// The line in the file on which the record begins, from 1, the header counted; for Parquet and Avro the row, from 1.
pub const SOURCE_LINE: &str = "_source_line";
/// When the batch was loaded: one instant for a whole batch.
pub const INGESTED_AT: &str = "_ingested_at";
/// The run that loaded the batch.
pub const RUN_ID: &str = "_run_id";
/// The values that no column of the contract takes, as a JSON object; there if `on_schema_change` or `ragged` is
/// `rescue`.
pub const RESCUED_DATA: &str = "_rescued_data";

impl Ingest {
    /// An ingest with the defaults of everything that a user may leave out.
    pub fn new(target: TableName, files: FileSet, format: FileFormat, contract: Contract) -> Self {
        Self {
            quarantine: target.quarantine(),
            target,
            files,
            format,
            compression: Compression::default(),
            contract,
            on_schema_change: OnSchemaChange::default(),
            on_bad_row: OnBadRow::default(),
            max_bad_rows: None,
            on_file_change: OnFileChange::default(),
            after_load: AfterLoad::default(),
            settle_ms: SETTLE_MS,
            batch: BatchLimits::default(),
            layout: TableLayout::default(),
        }
    }

    /// Whether the table has `_rescued_data`.
    pub fn rescues(&self) -> bool {
        let ragged = matches!(&self.format, FileFormat::Csv(csv) if csv.ragged == Ragged::Rescue);
        ragged || self.on_schema_change == OnSchemaChange::Rescue
    }

    /// The columns of the bronze table: those of the contract, `_rescued_data` if it rescues, then `_source_file`,
    /// `_source_line`, `_ingested_at`, `_run_id`. What `add_columns` adds comes behind.
    pub fn table_schema(&self) -> Schema {
        let mut schema = self.contract.schema();
        let rescued = self.rescues().then_some((RESCUED_DATA, DataType::String));
        let stamps = [
            (SOURCE_FILE, DataType::String),
            (SOURCE_LINE, DataType::Long),
            (INGESTED_AT, DataType::Timestamp),
            (RUN_ID, DataType::String),
        ];
        schema.fields.extend(rescued.into_iter().chain(stamps).map(|(name, data_type)| Field::new(name, data_type)));
        schema
    }

    /// The columns of the quarantine table, whatever the target's are.
    pub fn quarantine_schema() -> Schema {
        let reason = Schema::new(vec![
            Field::new("code", DataType::String),
            Field::new("column", DataType::String),
            Field::new("message", DataType::String),
        ]);
        Schema::new(vec![
            Field::new(SOURCE_FILE, DataType::String),
            Field::new(SOURCE_LINE, DataType::Long),
            // The record as it stands in the file; JSON for Parquet and Avro.
            Field::new("raw", DataType::String),
            // The same where it is no text in the stated encoding, else null.
            Field::new("raw_bytes", DataType::Binary),
            Field::new("reasons", DataType::Array(Box::new(DataType::Struct(reason.fields)))),
            // What replaying needs beside the record: the columns of its file, in order; null but for CSV.
            Field::new("file_columns", DataType::Array(Box::new(DataType::String))),
            Field::new("format", DataType::String),
            Field::new("batch", DataType::Long),
            Field::new(INGESTED_AT, DataType::Timestamp),
            Field::new(RUN_ID, DataType::String),
        ])
    }
}

impl Contract {
    /// The columns of the contract alone.
    pub fn schema(&self) -> Schema {
        Schema::new(self.columns.iter().map(|column| Field::new(&column.name, column.data_type.clone())).collect())
    }
}
