//! Identifiers: a table in the lake, a node in the graph, a run.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A table or view in the lake: `schema.name`, compared without regard to case, kept in lower case. A schema holds no
/// point, so that the text form reads back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TableName {
    /// The schema, which is the layer: `bronze`, `silver`, `gold`, or what the user named.
    pub schema: String,
    /// The table's own name.
    pub name: String,
}

impl TableName {
    /// The table beside this one that holds what does not fit it.
    pub fn quarantine(&self) -> Self {
        Self::new(&self.schema, format!("{}_quarantine", self.name))
    }

    /// A name from its two parts.
    pub fn new(schema: impl AsRef<str>, name: impl AsRef<str>) -> Self {
        Self { schema: schema.as_ref().to_lowercase(), name: name.as_ref().to_lowercase() }
    }

    /// The name as Spark SQL quotes it: `` `schema`.`name` ``.
    pub fn quoted(&self) -> String {
        format!("`{}`.`{}`", self.schema.replace('`', "``"), self.name.replace('`', "``"))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

impl From<TableName> for String {
    fn from(name: TableName) -> Self {
        name.to_string()
    }
}

impl TryFrom<String> for TableName {
    type Error = NotATableName;

    fn try_from(text: String) -> Result<Self, NotATableName> {
        text.split_once('.').map(|(schema, name)| Self::new(schema, name)).ok_or(NotATableName(text))
    }
}

/// A text without the point between schema and name.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a table's name: expected `schema.name`")]
pub struct NotATableName(String);

/// A node of the graph by its dbt-style unique id: `model.car_rental.daily_metrics`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub String);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A run, named by a version 7 UUID in hexadecimal, so that runs sort by their start.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
