//! `unit_tests:`, `exposures:`, `macros:` and `groups:`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::settings::{DescribedConfig, DocsFile, UnitTestConfig};
use super::{Ignored, OneOrMany};

/// A test of a model's code: rows in, rows out.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a unit test")]
pub(crate) struct UnitTestFile {
    /// Its name.
    pub(crate) name: String,
    /// What it is for, for people.
    pub(crate) description: Option<String>,
    /// The model under test.
    pub(crate) model: String,
    /// The rows that stand for what the model reads. What is not given has no rows.
    #[serde(default)]
    pub(crate) given: Vec<GivenFile>,
    /// The rows that should come out.
    pub(crate) expect: ExpectFile,
    /// What templates are told instead of the truth.
    #[serde(default)]
    pub(crate) overrides: OverridesFile,
    /// Settings.
    #[serde(default)]
    #[schemars(with = "UnitTestConfig")]
    pub(crate) config: Map<String, Value>,
}

/// Rows that stand for what the model reads.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "an input of a unit test")]
pub(crate) struct GivenFile {
    /// What they stand for: `ref('x')`, `source('a', 'b')`, or `this` for the model's own table.
    pub(crate) input: String,
    /// The rows: a list of mappings, or CSV or SQL as a text.
    pub(crate) rows: Option<RowsFile>,
    /// How the rows are written: `dict` (the default), `csv` or `sql`.
    pub(crate) format: Option<RowsFormat>,
    /// The file in `tests/fixtures/` that holds the rows, without its extension.
    pub(crate) fixture: Option<String>,
}

/// The rows that should come out.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "the expectation of a unit test")]
pub(crate) struct ExpectFile {
    /// The rows: a list of mappings, or CSV or SQL as a text.
    pub(crate) rows: Option<RowsFile>,
    /// How the rows are written: `dict` (the default), `csv` or `sql`.
    pub(crate) format: Option<RowsFormat>,
    /// The file in `tests/fixtures/` that holds the rows, without its extension.
    pub(crate) fixture: Option<String>,
}

/// Rows as mappings, or as a text.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum RowsFile {
    /// CSV or SQL.
    Text(String),
    /// Mappings.
    Rows(Vec<Map<String, Value>>),
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RowsFormat {
    /// Mappings of columns to values.
    Dict,
    /// CSV with a header.
    Csv,
    /// A query.
    Sql,
}

/// What templates are told instead of the truth.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "the overrides of a unit test")]
pub(crate) struct OverridesFile {
    /// What macros answer: `is_incremental`, `dbt_utils.star`.
    #[serde(default)]
    pub(crate) macros: Map<String, Value>,
    /// Variables.
    #[serde(default)]
    pub(crate) vars: Map<String, Value>,
    /// Environment variables.
    #[serde(default)]
    pub(crate) env_vars: Map<String, Value>,
}

/// Who uses the models: a dashboard, a notebook, an application.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "an exposure")]
pub(crate) struct ExposureFile {
    /// Its name.
    pub(crate) name: String,
    /// What it is called for people.
    pub(crate) label: Option<String>,
    /// What it is.
    #[serde(rename = "type")]
    pub(crate) kind: ExposureKind,
    /// How far it is to be trusted.
    pub(crate) maturity: Option<Maturity>,
    /// Where it is.
    pub(crate) url: Option<String>,
    /// What it shows, for people.
    pub(crate) description: Option<String>,
    /// What it reads: `ref('x')`, `source('a', 'b')`.
    #[serde(default)]
    pub(crate) depends_on: Vec<String>,
    /// Who answers for it: `name`, `email`.
    pub(crate) owner: OwnerFile,
    /// Tags for `--select tag:…`.
    pub(crate) tags: Option<OneOrMany>,
    /// Settings.
    #[serde(default)]
    #[schemars(with = "DescribedConfig")]
    pub(crate) config: Map<String, Value>,
    /// Anything, for people and other tools.
    #[serde(default)]
    pub(crate) meta: Map<String, Value>,
}

/// What an exposure is.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExposureKind {
    /// A dashboard.
    Dashboard,
    /// A notebook.
    Notebook,
    /// An analysis.
    Analysis,
    /// Machine learning.
    Ml,
    /// An application.
    Application,
}

impl ExposureKind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Dashboard => "dashboard",
            Self::Notebook => "notebook",
            Self::Analysis => "analysis",
            Self::Ml => "ml",
            Self::Application => "application",
        }
    }
}

/// How far an exposure is to be trusted.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Maturity {
    /// Not far.
    Low,
    /// In general.
    Medium,
    /// Fully.
    High,
}

impl Maturity {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Who answers for something.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(title = "an owner", extend("additionalProperties" = true))]
pub(crate) struct OwnerFile {
    /// The address or addresses.
    pub(crate) email: Option<OneOrMany>,
    /// The name.
    pub(crate) name: Option<String>,
    /// Anything else.
    #[serde(flatten)]
    #[schemars(skip)]
    pub(crate) others: Map<String, Value>,
}

/// What is said of a macro.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a macro")]
pub(crate) struct MacroFile {
    /// The macro's name.
    pub(crate) name: String,
    /// What it does, for people.
    pub(crate) description: Option<String>,
    /// Its arguments.
    #[serde(default)]
    pub(crate) arguments: Vec<ArgumentFile>,
    /// Settings.
    #[serde(default)]
    #[schemars(with = "DescribedConfig")]
    pub(crate) config: Map<String, Value>,
    /// How documentation shows it.
    #[schemars(with = "Option<DocsFile>")]
    #[expect(dead_code, reason = "documentation")]
    pub(crate) docs: Option<Map<String, Value>>,
    /// Anything, for people and other tools.
    #[serde(default)]
    pub(crate) meta: Map<String, Value>,
}

/// An argument of a macro.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "an argument of a macro")]
pub(crate) struct ArgumentFile {
    /// Its name.
    pub(crate) name: String,
    /// Its type, for people.
    #[serde(rename = "type")]
    pub(crate) data_type: Option<String>,
    /// What it means, for people.
    pub(crate) description: Option<String>,
}

/// People who own things.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a group")]
#[expect(dead_code, reason = "documentation: models name it in `group`")]
pub(crate) struct GroupFile {
    /// Its name.
    pub(crate) name: String,
    /// Who answers for it.
    pub(crate) owner: OwnerFile,
    /// What it is, for people.
    pub(crate) description: Option<String>,
    /// Settings.
    pub(crate) config: Option<Ignored>,
    /// Anything, for people and other tools.
    pub(crate) meta: Option<Ignored>,
}
