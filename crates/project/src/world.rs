//! What the compiler asks of the world outside the project's files: columns, relations, rows.
//!
//! Columns and relations are answered from the catalog. Rows are answered only to templates that ask for them
//! (`run_query`): by running a query when all that it reads is there, by saying what must be built first when not.

use headwater_plan::{Diagnostic, Schema, TableName};
use headwater_sql::Relations;
use serde_json::Value;

/// The lake, as the compiler sees it.
pub trait Outside: Relations + Send + Sync {
    /// The rows of a query.
    ///
    /// # Errors
    /// What is wrong with the query, or with the lake.
    fn rows(&self, sql: &str) -> Result<Answer, Diagnostic>;

    /// What lies in the lake under a name; `None` if nothing does.
    fn kind(&self, name: &TableName) -> Option<RelationKind> {
        self.relation(name).map(|_| RelationKind::Table)
    }
}

/// The answer to a question about rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The rows.
    Rows(Rows),
    /// These relations must be built before anybody can tell.
    Later(Vec<TableName>),
}

/// The rows of a query.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    /// The columns.
    pub schema: Schema,
    /// The rows, a value for each column: texts, numbers, booleans, null; days and instants as text.
    pub rows: Vec<Vec<Value>>,
    /// The relations that the query read.
    pub reads: Vec<TableName>,
}

/// What a relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    /// A table with rows of its own.
    Table,
    /// A query under a name.
    View,
    /// A common table expression: an ephemeral model, which is written into what reads it.
    Cte,
}

impl RelationKind {
    /// dbt's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::View => "view",
            Self::Cte => "cte",
        }
    }
}
