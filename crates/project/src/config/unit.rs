//! Unit tests, exposures and the documentation of macros, as YAML declares them.

use headwater_plan::Location;
use serde_json::{Map, Value};

/// A test of a model's code, with rows that the user wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitTestDecl {
    /// Its name.
    pub name: String,
    /// The model under test.
    pub model: String,
    /// What it is for, for people.
    pub description: Option<String>,
    /// The rows that stand for what the model reads.
    pub given: Vec<GivenDecl>,
    /// The rows that should come out.
    pub expect: FixtureRows,
    /// What templates are told instead of the truth.
    pub overrides: Overrides,
    /// Its settings: `tags`, `meta`, `enabled`.
    pub config: Map<String, Value>,
    /// Where its name stands.
    pub location: Location,
}

/// Rows that stand for what the model reads.
#[derive(Debug, Clone, PartialEq)]
pub struct GivenDecl {
    /// `ref('x')`, `source('a', 'b')` or `this`.
    pub input: String,
    /// The rows.
    pub rows: FixtureRows,
    /// Where it stands.
    pub location: Location,
}

/// Rows of a unit test; those of fixture files are read.
#[derive(Debug, Clone, PartialEq)]
pub enum FixtureRows {
    /// Rows by their columns' names.
    Rows(Vec<Map<String, Value>>),
    /// CSV with a header.
    Csv(String),
    /// A query.
    Sql(String),
}

/// What templates are told instead of the truth.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overrides {
    /// What macros answer: `is_incremental`, `dbt_utils.star`.
    pub macros: Map<String, Value>,
    /// Variables.
    pub vars: Map<String, Value>,
    /// Environment variables.
    pub env_vars: Map<String, Value>,
}

/// Who owns some of the models.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupDecl {
    /// Its name: models name it in `group`.
    pub name: String,
    /// Who answers for them: `name`, `email` and anything else.
    pub owner: Map<String, Value>,
    /// Where its name stands.
    pub location: Location,
}

/// What YAML says of a macro.
#[derive(Debug, Clone, PartialEq)]
pub struct MacroProperties {
    /// The macro's name.
    pub name: String,
    /// What it does; `{{ doc(…) }}` is not expanded.
    pub description: Option<String>,
    /// Its arguments.
    pub arguments: Vec<ArgumentDecl>,
    /// Anything, for people and other tools.
    pub meta: Map<String, Value>,
    /// Where its name stands.
    pub location: Location,
}

/// An argument of a macro.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentDecl {
    /// Its name.
    pub name: String,
    /// Its type, for people.
    pub data_type: Option<String>,
    /// What it means.
    pub description: Option<String>,
}

/// Who uses the models.
#[derive(Debug, Clone, PartialEq)]
pub struct ExposureDecl {
    /// Its name.
    pub name: String,
    /// What it is called for people.
    pub label: Option<String>,
    /// `dashboard`, `notebook`, `analysis`, `ml` or `application`.
    pub kind: String,
    /// `high`, `medium` or `low`.
    pub maturity: Option<String>,
    /// Where it is.
    pub url: Option<String>,
    /// What it is; `{{ doc(…) }}` is not expanded.
    pub description: Option<String>,
    /// What it reads: `ref('x')`, `source('a', 'b')`.
    pub depends_on: Vec<String>,
    /// Who answers for it: `name`, `email` and anything else.
    pub owner: Map<String, Value>,
    /// Its settings: `enabled`, and the user's own.
    pub config: Map<String, Value>,
    /// Tags.
    pub tags: Vec<String>,
    /// Anything, for people and other tools.
    pub meta: Map<String, Value>,
    /// The folders between the resource folder and the file that declares it.
    pub folders: Vec<String>,
    /// Where its name stands.
    pub location: Location,
}
