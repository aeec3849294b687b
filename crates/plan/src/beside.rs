//! What a project has beside its nodes: nothing here runs. The artefacts, the documentation and the selection by
//! exposure or by changed macros want it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Location, NodeId};

/// What a project has beside its nodes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Beside {
    /// What is made of the models outside the project.
    pub exposures: Vec<Exposure>,
    /// The macros of the project and its packages.
    pub macros: Vec<MacroAbout>,
    /// The doc blocks of the project and its packages.
    pub docs: Vec<DocBlock>,
    /// The groups of owners.
    pub groups: Vec<Group>,
}

/// A dashboard, a notebook, an application that reads models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    /// dbt's unique id: `exposure.shop.weekly_report`.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// The package that it belongs to.
    pub package: String,
    /// dbt's fully qualified name.
    pub fqn: Vec<String>,
    /// Where the user wrote it.
    pub location: Location,
    /// `dashboard`, `notebook`, `analysis`, `ml`, `application`.
    pub kind: String,
    /// The nodes that it reads.
    pub depends_on: Vec<NodeId>,
    /// What the user says of it.
    pub description: Option<String>,
    /// Its name for people.
    pub label: Option<String>,
    /// Where it is.
    pub url: Option<String>,
    /// `high`, `medium`, `low`.
    pub maturity: Option<String>,
    /// `name` and `email`.
    pub owner: Map<String, Value>,
    /// Tags.
    pub tags: Vec<String>,
    /// Anything.
    pub meta: Map<String, Value>,
}

/// A macro.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MacroAbout {
    /// dbt's unique id: `macro.dbt_utils.star`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The package that it belongs to.
    pub package: String,
    /// The file, relative to the project.
    pub file: PathBuf,
    /// Its text, from `{% macro` to `{% endmacro %}`.
    pub text: String,
    /// What the user says of it.
    pub description: String,
}

/// A doc block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocBlock {
    /// Its name.
    pub name: String,
    /// The package that it belongs to.
    pub package: String,
    /// The file, relative to the project.
    pub file: PathBuf,
    /// Its text.
    pub text: String,
}

/// A group of owners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The package that it belongs to.
    pub package: String,
    /// The file, relative to the project.
    pub file: PathBuf,
    /// `name` and `email`.
    pub owner: Map<String, Value>,
}
