//! What can be wrong with an increment.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Code, Diagnostic, TableName};

/// A failure of an increment, or for [`IncrementalError::Ignored`] what the user may want to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum IncrementalError {
    /// Columns whose type is another one now.
    #[error("the columns of `{table}` have other types than those of the query: {}", differences.join(", "))]
    TypesChanged {
        /// The table.
        table: TableName,
        /// Each difference, in words.
        differences: Vec<String>,
    },
    /// Other columns, with `on_schema_change: fail`.
    #[error("the query does not give the columns of `{table}`: {}", differences.join(", "))]
    ColumnsDiffer {
        /// The table.
        table: TableName,
        /// Each difference, in words.
        differences: Vec<String>,
    },
    /// Columns that the query has no more, with `on_schema_change: ignore`.
    #[error("the query does not give {} of `{table}`", columns_words(columns))]
    ColumnsGone {
        /// The table.
        table: TableName,
        /// The columns.
        columns: Vec<String>,
    },
    /// Columns that the table has not, with `on_schema_change: ignore`.
    #[error("{} of the query {} not in `{table}` and left out", columns_words(columns), are(columns))]
    Ignored {
        /// The table.
        table: TableName,
        /// The columns.
        columns: Vec<String>,
    },
    /// Columns that were taken out of the table.
    #[error(
        "{} {} dropped from `{table}`, and {} written anew",
        columns_words(columns),
        were(columns),
        files_words(*files)
    )]
    Dropped {
        /// The table.
        table: TableName,
        /// The columns.
        columns: Vec<String>,
        /// How many files that took.
        files: u64,
    },
    /// A partition column that the query has no more.
    #[error("the query does not give `{column}`, by which `{table}` is partitioned")]
    PartitionGone {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
    },
    /// A setting that names a column that is not there.
    #[error("`{setting}` names `{column}`, which is no column of `{table}`{}", meant_words(meant.as_deref()))]
    NoColumn {
        /// The setting.
        setting: Cow<'static, str>,
        /// What it names.
        column: String,
        /// The table.
        table: TableName,
        /// The column that was meant, if one is near.
        meant: Option<String>,
    },
    /// Rows that share a key.
    #[error("{rows} rows of the increment have the key {key}{}", further(*keys))]
    DuplicateKeys {
        /// The key that has the most rows, as `column = value`.
        key: String,
        /// How many rows have it.
        rows: u64,
        /// How many keys have several rows.
        keys: u64,
        /// The columns of the key.
        columns: Vec<String>,
    },
    /// Rows that belong to another span than that for which they were computed.
    #[error(
        "the query for {} to {} gives {} outside of that span by `{column}`",
        spelled(from),
        spelled(to),
        rows_words(*rows)
    )]
    OutsideSpan {
        /// How many.
        rows: u64,
        /// The column of event time.
        column: String,
        /// When the span begins.
        from: DateTime<Utc>,
        /// When it ends.
        to: DateTime<Utc>,
    },
    /// A column of event time whose type is no time.
    #[error("`event_time: {column}` is of type `{found}`, neither `timestamp` nor `date`")]
    NotATime {
        /// The column.
        column: String,
        /// Its type.
        found: String,
    },
    /// More spans than anyone means.
    #[error("there are {spans} spans from {} to {}, more than {most}", spelled(from), spelled(to))]
    TooManySpans {
        /// How many.
        spans: u64,
        /// How many there may be.
        most: u64,
        /// When the first begins.
        from: DateTime<Utc>,
        /// When the last ends.
        to: DateTime<Utc>,
    },
}

fn columns_words(columns: &[String]) -> String {
    let names = columns.join("`, `");
    if columns.len() == 1 { format!("the column `{names}`") } else { format!("the columns `{names}`") }
}

fn files_words(files: u64) -> String {
    if files == 1 { "its file was".to_owned() } else { format!("its {files} files were") }
}

fn rows_words(rows: u64) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

fn are(columns: &[String]) -> &'static str {
    if columns.len() == 1 { "is" } else { "are" }
}

fn were(columns: &[String]) -> &'static str {
    if columns.len() == 1 { "was" } else { "were" }
}

fn meant_words(meant: Option<&str>) -> String {
    meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"))
}

fn further(keys: u64) -> String {
    match keys.saturating_sub(1) {
        0 => String::new(),
        1 => ", and 1 further key has several rows".to_owned(),
        more => format!(", and {more} further keys have several rows"),
    }
}

fn spelled(at: &DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}

impl IncrementalError {
    /// The message for the user.
    pub fn diagnostic(&self) -> Diagnostic {
        let error = |code| Diagnostic::error(code, self.to_string());
        let warning = || Diagnostic::warning(Code::SchemaMismatch, self.to_string());
        match self {
            Self::TypesChanged { .. } => error(Code::SchemaMismatch)
                .help("`cast` the columns to the table's types, or run with `--full-refresh` to build the table anew"),
            Self::ColumnsDiffer { .. } => error(Code::SchemaMismatch).help(
                "change the query, let `on_schema_change` be `append_new_columns` or `sync_all_columns`, or run with \
                 `--full-refresh` to build the table anew",
            ),
            Self::ColumnsGone { .. } => error(Code::SchemaMismatch).help(
                "give them back to the query, let `on_schema_change` be `append_new_columns` (they become null) or \
                 `sync_all_columns` (they are dropped), or run with `--full-refresh`",
            ),
            Self::Ignored { .. } => {
                warning().help("let `on_schema_change` be `append_new_columns` to have them from now on")
            }
            Self::Dropped { .. } => warning().help("earlier versions of the table still hold them, until a vacuum"),
            Self::PartitionGone { .. } => error(Code::SchemaMismatch)
                .help("change `partition_by` and run with `--full-refresh`, or give the column back to the query"),
            Self::NoColumn { .. } => error(Code::UnknownColumn).help("name a column that the query gives"),
            Self::DuplicateKeys { columns, .. } => error(Code::ExecutionFailed).help(format!(
                "keep one row of each key: `qualify row_number() over (partition by {} order by ...) = 1`",
                columns.join(", ")
            )),
            Self::OutsideSpan { .. } => error(Code::ExecutionFailed).help(
                "they would be added again with every run: give `event_time` to the models and sources that the query \
                 reads, or filter its rows",
            ),
            Self::NotATime { .. } => error(Code::TypeMismatch).help("`cast` it in the query"),
            Self::TooManySpans { .. } => {
                error(Code::InvalidValue).help("choose a larger `batch_size`, or a later `begin`")
            }
        }
    }
}
