//! `constraints:` of a table that is loaded from files and of its columns: dbt's form, and shorter ones.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Plain;

/// What must hold for every value of a column. A row for which it is false is a bad row; null passes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a constraint")]
pub(crate) struct ColumnConstraintFile {
    /// The least and the greatest value: `[0, 100]`. Both are allowed.
    #[expect(dead_code, reason = "its text, as it was written, is what counts")]
    pub(crate) between: Option<Vec<Plain>>,
    /// A regular expression, as Spark's `rlike` reads it: it may match anywhere in the text, unless `^` and `$` say
    /// otherwise.
    #[schemars(length(min = 1))]
    pub(crate) matches: Option<String>,
    /// The values that there are.
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    #[expect(dead_code, reason = "its text, as it was written, is what counts")]
    pub(crate) values: Option<Vec<Plain>>,
    /// dbt's kind of constraint: `check` with an `expression`, or `not_null`.
    #[serde(rename = "type")]
    pub(crate) kind: Option<ConstraintKind>,
    /// For `type: check`: a condition in Spark SQL over the table's columns.
    #[schemars(length(min = 1))]
    pub(crate) expression: Option<String>,
    /// Your own name for it, shown with each row that breaks it.
    #[schemars(length(min = 1))]
    pub(crate) name: Option<String>,
}

/// What must hold for every row of a table. A row for which it is false is a bad row; null passes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a constraint of a table")]
pub(crate) struct TableConstraintFile {
    /// dbt's kind of constraint: `check` with an `expression`, or `not_null` with `columns`.
    #[serde(rename = "type")]
    pub(crate) kind: ConstraintKind,
    /// For `type: check`: a condition in Spark SQL over the table's columns.
    #[schemars(length(min = 1))]
    pub(crate) expression: Option<String>,
    /// For `type: not_null`: the columns.
    #[schemars(length(min = 1))]
    pub(crate) columns: Option<Vec<String>>,
    /// Your own name for it, shown with each row that breaks it.
    #[schemars(length(min = 1))]
    pub(crate) name: Option<String>,
}

/// dbt's kinds of constraints that look at one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ConstraintKind {
    /// A condition in Spark SQL.
    Check,
    /// No value is absent.
    NotNull,
}
