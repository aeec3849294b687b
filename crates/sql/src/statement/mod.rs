//! Statements that change a table: checked like queries, and given back in parts that queries can be made of.
//!
//! Each statement is checked by planning the queries that it implies: a condition stands in the WHERE of a query over the
//! target, a value in its SELECT list. The texts that come out are Spark SQL as the user wrote it, in which names mean
//! what they mean in `FROM target [AS alias]`; values that are not of their column's type yet are wrapped in a cast. A
//! text may be any expression (`a or b`): put it in parentheses.
//!
//! | module | owns |
//! |---|---|
//! | `insert` | INSERT INTO, INSERT OVERWRITE |
//! | `change` | DELETE, UPDATE |
//! | `merge` | MERGE INTO |
//! | `target` | the table that is changed: its columns and what may be put in them |
//! | `check` | the queries by which parts of a statement are checked |

mod change;
mod check;
mod insert;
mod merge;
mod target;

use datafusion::sql::sqlparser::ast::ObjectName;
use headwater_plan::{Code, TableName};

use crate::error::SqlError;
use crate::parse;
use crate::parse::statement::Written;
use crate::planner::Planner;
use crate::session::TypedQuery;

pub use self::merge::{MergeAction, MergeClause, MergeStatement};

/// A statement that is planned and typed.
#[derive(Debug, Clone)]
pub enum TypedStatement {
    /// A query; it changes nothing.
    Query(TypedQuery),
    /// Rows to be added to a table, or to take the place of all its rows.
    Insert {
        /// The table.
        target: TableName,
        /// The rows, in the table's columns: its names, its order, its types.
        query: TypedQuery,
        /// Whether they take the place of the rows that are there.
        overwrite: bool,
    },
    /// Rows to be removed from a table.
    Delete {
        /// The table.
        target: TableName,
        /// What the statement calls it: the alias in the FROM of a query with `condition`.
        alias: Option<String>,
        /// Which rows go: those for which it is true. Without one, all of them.
        condition: Option<String>,
        /// The other relations that the condition reads.
        reads: Vec<TableName>,
    },
    /// Rows to be changed in place.
    Update {
        /// The table.
        target: TableName,
        /// What the statement calls it: the alias in the FROM of a query with the texts.
        alias: Option<String>,
        /// Columns, in the table's own case, and what they become: of the column's type.
        assignments: Vec<(String, String)>,
        /// Which rows change: those for which it is true. Without one, all of them.
        condition: Option<String>,
        /// The other relations that the texts read.
        reads: Vec<TableName>,
    },
    /// An upsert.
    Merge(MergeStatement),
    /// A table or view to be removed, if it is there.
    Drop {
        /// The table or view.
        target: TableName,
    },
}

impl TypedStatement {
    /// The table that it changes.
    pub fn target(&self) -> Option<&TableName> {
        match self {
            Self::Query(_) => None,
            Self::Insert { target, .. }
            | Self::Delete { target, .. }
            | Self::Update { target, .. }
            | Self::Drop { target } => Some(target),
            Self::Merge(merge) => Some(&merge.target),
        }
    }

    /// The relations that it reads, the target only if a subquery or source names it.
    pub fn reads(&self) -> &[TableName] {
        match self {
            Self::Query(query) | Self::Insert { query, .. } => &query.reads,
            Self::Delete { reads, .. } | Self::Update { reads, .. } => reads,
            Self::Merge(merge) => &merge.reads,
            Self::Drop { .. } => &[],
        }
    }
}

/// Plans one statement.
pub(crate) fn plan(sql: &str, planner: &Planner<'_>) -> Result<TypedStatement, Vec<SqlError>> {
    match parse::statement::statement(sql).map_err(|error| vec![error])? {
        Written::Query => planner.plan(sql).map(TypedStatement::Query),
        Written::Insert(written) => insert::plan(sql, *written, planner),
        Written::Delete { target, condition } => change::delete(sql, target, condition, planner),
        Written::Update { target, assignments, condition } => {
            change::update(sql, target, assignments, condition, planner)
        }
        Written::Drop { name, at } => dropped(&name).map_err(|error| vec![error.at(at)]),
        Written::Merge(written) => merge::plan(sql, *written, planner).map(TypedStatement::Merge),
    }
}

/// What is to be removed. Whether it is there is seen when it is.
fn dropped(name: &ObjectName) -> Result<TypedStatement, SqlError> {
    let parts: Vec<&str> = name.0.iter().filter_map(|part| part.as_ident()).map(|part| part.value.as_str()).collect();
    match parts[..] {
        [schema, table] => Ok(TypedStatement::Drop { target: TableName::new(schema, table) }),
        _ => Err(SqlError::new(Code::UnknownTable, format!("`{name}` does not name a table with its schema"))
            .help("write `schema.table`")),
    }
}
