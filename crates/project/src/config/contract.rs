//! Sources: tables that are loaded from files against a contract, or written by something else.

use headwater_plan::{
    AfterLoad, BadRowLimit, BatchLimits, Compression, FileFormat, FileSet, Location, OnBadRow, OnFileChange,
    OnSchemaChange, TableLayout, TableName,
};
use serde_json::{Map, Value};

use super::{ColumnDecl, TestDecl};
use crate::generate::GenerateRows;

/// A table of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceTable {
    /// The package that declares it.
    pub package: String,
    /// The source's name.
    pub source: String,
    /// The table's name within the source: `source('rental', 'vehicles')`.
    pub table: String,
    /// The schema (layer) of the table in the lake.
    pub schema: String,
    /// The table in the lake: the schema and the `identifier`, which is the table's name unless it says another.
    pub relation: TableName,
    /// The user's description.
    pub description: Option<String>,
    /// The description of the source as a whole.
    pub source_description: Option<String>,
    /// What loads it, for people.
    pub loader: Option<String>,
    /// `meta` of the source under that of the table.
    pub meta: Map<String, Value>,
    /// The settings of the source under those of the table, `enabled`, `meta` and `tags` left aside; `freshness`,
    /// `loaded_at_field` and `loaded_at_query` are among them wherever they were written.
    pub config: Map<String, Value>,
    /// The folders between the resource folder and the file that declares it.
    pub folders: Vec<String>,
    /// The tags of the source, then of the table.
    pub tags: Vec<String>,
    /// Which files it is loaded from; `None` for a table that something else writes.
    pub ingest: Option<IngestDecl>,
    /// The columns; with `ingest`, each has a type.
    pub columns: Vec<ColumnDecl>,
    /// What must hold for every row that is loaded.
    pub constraints: Vec<ConstraintDecl>,
    /// The tests of the table as a whole.
    pub tests: Vec<TestDecl>,
    /// How many rows `headwater generate` writes.
    pub generate: Option<GenerateRows>,
    /// Where its name stands.
    pub location: Location,
    /// False when an error left out a column or its type: what reads this table cannot be checked without false alarms.
    pub sound: bool,
}

/// The `ingest:` of a source's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestDecl {
    /// Where the files are.
    pub files: FileSet,
    /// How they are written.
    pub format: FileFormat,
    /// How they are packed.
    pub compression: Compression,
    /// What to do with a column that the contract has not.
    pub on_schema_change: OnSchemaChange,
    /// What to do with a row that breaks the contract.
    pub on_bad_row: OnBadRow,
    /// How many rows of a batch may break it.
    pub max_bad_rows: Option<BadRowLimit>,
    /// What to do with a file that was loaded and has other content now.
    pub on_file_change: OnFileChange,
    /// What to do with a file once its rows are committed.
    pub after_load: AfterLoad,
    /// How long a file must have been left alone, in milliseconds.
    pub settle_ms: u64,
    /// How much one batch may hold.
    pub batch: BatchLimits,
    /// How the table's files lie.
    pub layout: TableLayout,
}

/// What must hold for a row, or for a column of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstraintDecl {
    /// The rule.
    pub rule: Rule,
    /// The user's own name for it.
    pub name: Option<String>,
    /// Where the rule's own text stands: an expression's first character, where that can be said.
    pub location: Location,
}

/// A rule, in the user's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// The column's value is one of these or between them; as they are written.
    Between {
        /// The least.
        low: String,
        /// The greatest.
        high: String,
    },
    /// A regular expression matches somewhere in the column's text.
    Matches(String),
    /// The column's value is one of these, as they are written.
    In(Vec<String>),
    /// A condition in Spark SQL.
    Check(String),
}

/// How a column is read from files, beside its type and `format`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Whether it may be null.
    pub nullable: bool,
    /// The name in the file, if it is another.
    pub source_name: Option<String>,
    /// What it is where the file has no value.
    pub default: Option<String>,
    /// Whether blanks around a value are dropped.
    pub trim: bool,
    /// Texts that stand for null, beside those of the format.
    pub null_values: Vec<String>,
    /// What stands before the fraction of a number.
    pub decimal_sep: char,
    /// What groups the digits of a number, if anything.
    pub group_sep: Option<char>,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            nullable: true,
            source_name: None,
            default: None,
            trim: false,
            null_values: Vec::new(),
            decimal_sep: '.',
            group_sep: None,
        }
    }
}
