//! Which columns a column is made of.

use serde::{Deserialize, Serialize};

use crate::TableName;

/// Where the columns and rows of a query come from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lineage {
    /// The columns of the query, in their order.
    pub columns: Vec<ColumnLineage>,
    /// What decides which rows there are: filters, joins, groups, the order under a limit. Sorted, each once.
    pub rows: Vec<ColumnInput>,
}

/// Where a column comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnLineage {
    /// The column's name.
    pub name: String,
    /// The columns that it is made of, sorted, each once; none for a constant.
    pub inputs: Vec<ColumnInput>,
}

/// A column that something is made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ColumnInput {
    /// The table or view.
    pub relation: TableName,
    /// Its column.
    pub column: String,
    /// How it is used.
    pub kind: InputKind,
}

/// How a column is used, as OpenLineage names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputKind {
    /// As it is.
    Identity,
    /// In an expression over one row.
    Transformation,
    /// In an aggregate or window function.
    Aggregation,
    /// It decides which rows there are.
    Indirect,
}
