//! What the names in a query stand for.

use std::fmt;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use headwater_plan::{Schema, TableName};

/// The tables and views that a query may name.
pub trait Relations {
    /// What is behind a name; `None` when there is nothing.
    fn relation(&self, name: &TableName) -> Option<RelationSource>;

    /// All the names, for 'did you mean'.
    fn names(&self) -> Vec<TableName>;
}

/// What is behind a name.
#[derive(Clone)]
pub enum RelationSource {
    /// Its columns are known: enough to check a query.
    Schema(Schema),
    /// It can be read: enough to execute a query.
    Provider(Arc<dyn TableProvider>),
    /// It is a query itself, which is planned and put in its place.
    View {
        /// The view's SQL.
        sql: String,
    },
}

impl fmt::Debug for RelationSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schema(schema) => f.debug_tuple("Schema").field(schema).finish(),
            Self::Provider(provider) => f.debug_tuple("Provider").field(&provider.schema()).finish(),
            Self::View { sql } => f.debug_struct("View").field("sql", sql).finish(),
        }
    }
}
