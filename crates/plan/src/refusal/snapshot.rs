//! What stands in the way of a snapshot.

use serde::{Deserialize, Serialize};

use crate::{Code, Diagnostic, TableName};

/// A snapshot that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotError {
    /// Rows that share a key.
    #[error("the snapshot's query gives several rows for {keys} of `unique_key: {key}`", keys = counted(*keys, "key"))]
    Keys {
        /// The key, as written.
        key: String,
        /// How many values have several rows.
        keys: u64,
        /// The first of them.
        example: String,
    },
    /// Rows that changed while the column that should say so did not.
    #[error("{} changed, and `updated_at: {updated_at}` did not", counted(*rows, "row"))]
    Stands {
        /// The setting.
        updated_at: String,
        /// How many rows.
        rows: u64,
        /// The key of the first of them.
        example: String,
    },
    /// A table that the snapshot cannot go on with.
    #[error("`{table}` is not a snapshot that this one can go on with: {}", wrong.join(", "))]
    OtherTable {
        /// The table.
        table: TableName,
        /// What is wrong with it, in words.
        wrong: Vec<String>,
    },
}

fn counted(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

impl SnapshotError {
    /// The message for the user.
    pub fn diagnostic(&self) -> Diagnostic {
        let error = |code| Diagnostic::error(code, self.to_string());
        let with_example = |mut diagnostic: Diagnostic, example: &str| {
            diagnostic.causes.push(format!("the first is {example}"));
            diagnostic
        };
        match self {
            Self::Keys { example, .. } => with_example(
                error(Code::ExecutionFailed)
                    .help("let the query give one row for each key, or name further columns in `unique_key`"),
                example,
            ),
            Self::Stands { example, .. } => with_example(
                error(Code::ExecutionFailed).help(
                    "the old and the new version of a row would have one id: leave `updated_at` out, so that the time of \
                     the run stands for it",
                ),
                example,
            ),
            Self::OtherTable { .. } => error(Code::SchemaMismatch)
                .help("give the snapshot another `alias`, or move the table away: its history is not thrown away"),
        }
    }
}
