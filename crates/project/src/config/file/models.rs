//! `models:`, `seeds:`, `snapshots:`, `analyses:` and the `data_tests:` that describe singular tests.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::column::{ColumnFile, ModelColumnFile};
use super::settings::{AccessName, DescribedConfig, DocsFile, ModelConfig, SeedConfig};
use super::snapshots::SnapshotConfig;
use super::tests::{TestConfig, TestFile};
use super::{Ignored, Plain};

/// What SQL alone does not say of a model.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a model")]
pub(crate) struct ModelFile {
    /// The model's name: that of its SQL file without `.sql`.
    pub(crate) name: String,
    /// What a row of it is, for people. `{{ doc('name') }}` is the block of that name in a Markdown file.
    pub(crate) description: Option<String>,
    /// Settings; `{{ config(…) }}` in the SQL wins over them.
    #[serde(default)]
    #[schemars(with = "ModelConfig")]
    pub(crate) config: Map<String, Value>,
    /// Its columns.
    #[serde(default)]
    pub(crate) columns: Vec<ModelColumnFile>,
    /// Constraints of the model as a whole, for its contract.
    #[serde(default)]
    #[expect(dead_code, reason = "the tree's own JSON goes on")]
    pub(crate) constraints: Vec<ModelConstraintFile>,
    /// Tests of the model as a whole.
    #[serde(default)]
    pub(crate) tests: Vec<TestFile>,
    /// dbt's newer name for `tests`.
    #[serde(default)]
    pub(crate) data_tests: Vec<TestFile>,
    /// Who may use it in a `ref`, where dbt had it first.
    #[schemars(with = "Option<AccessName>")]
    pub(crate) access: Option<String>,
    /// A group of `groups:`, where dbt had it first.
    pub(crate) group: Option<String>,
    /// The day from which nobody should use it.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) deprecation_date: Option<Plain>,
    /// How documentation shows it.
    #[schemars(with = "Option<DocsFile>")]
    pub(crate) docs: Option<Map<String, Value>>,
    /// Anything, for people and other tools.
    #[serde(default)]
    pub(crate) meta: Map<String, Value>,
}

/// A constraint of a model or of its column, as dbt has it: it holds for the model's contract.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a constraint of a model")]
#[expect(dead_code, reason = "kept as it is written: the tree's own JSON goes on")]
pub(crate) struct ModelConstraintFile {
    /// Its kind.
    #[serde(rename = "type")]
    #[schemars(with = "ModelConstraintKind")]
    pub(crate) kind: String,
    /// For `check`: a condition; for `foreign_key`: what follows `references`.
    pub(crate) expression: Option<String>,
    /// Its name.
    pub(crate) name: Option<String>,
    /// For a constraint of the whole: the columns.
    pub(crate) columns: Option<Vec<String>>,
    /// For `foreign_key`: the model that has the values: `ref('x')`.
    pub(crate) to: Option<String>,
    /// For `foreign_key`: the columns there.
    pub(crate) to_columns: Option<Vec<String>>,
    /// Whether dbt tells of a constraint that the warehouse does not enforce.
    pub(crate) warn_unenforced: Option<bool>,
    /// Whether dbt tells of a constraint that the warehouse does not have.
    pub(crate) warn_unsupported: Option<bool>,
}

/// dbt's kinds of constraints.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) enum ModelConstraintKind {
    /// A condition in Spark SQL.
    Check,
    /// No value is absent.
    NotNull,
    /// No value comes twice.
    Unique,
    /// No value is absent, none comes twice.
    PrimaryKey,
    /// Every value is in another table.
    ForeignKey,
    /// Anything that a warehouse has.
    Custom,
}

/// What a CSV file of `seeds/` does not say of itself.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a seed")]
pub(crate) struct SeedFile {
    /// The seed's name: that of its file without `.csv`.
    pub(crate) name: String,
    /// What a row of it is, for people.
    pub(crate) description: Option<String>,
    /// Settings.
    #[serde(default)]
    #[schemars(with = "SeedConfig")]
    pub(crate) config: Map<String, Value>,
    /// Its columns. A `data_type` here wins over the one that the values suggest.
    #[serde(default)]
    pub(crate) columns: Vec<ColumnFile>,
    /// Tests of the seed as a whole.
    #[serde(default)]
    pub(crate) tests: Vec<TestFile>,
    /// dbt's newer name for `tests`.
    #[serde(default)]
    pub(crate) data_tests: Vec<TestFile>,
    /// How documentation shows it.
    #[schemars(with = "Option<DocsFile>")]
    pub(crate) docs: Option<Map<String, Value>>,
    /// Anything, for people and other tools.
    #[serde(default)]
    pub(crate) meta: Map<String, Value>,
}

/// The history of a table's rows: what SQL alone does not say of it, or, with `relation`, all of it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a snapshot")]
pub(crate) struct SnapshotFile {
    /// The snapshot's name.
    pub(crate) name: String,
    /// What it is the history of: `ref('x')` or `source('a', 'b')`. Without this, a `{% snapshot %}` block in a SQL file
    /// says it.
    pub(crate) relation: Option<String>,
    /// What a row of it is, for people.
    pub(crate) description: Option<String>,
    /// Settings.
    #[serde(default)]
    #[schemars(with = "SnapshotConfig")]
    pub(crate) config: Map<String, Value>,
    /// Its columns.
    #[serde(default)]
    pub(crate) columns: Vec<ModelColumnFile>,
    /// Tests of the snapshot as a whole.
    #[serde(default)]
    pub(crate) tests: Vec<TestFile>,
    /// dbt's newer name for `tests`.
    #[serde(default)]
    pub(crate) data_tests: Vec<TestFile>,
    /// How documentation shows it.
    #[schemars(with = "Option<DocsFile>")]
    pub(crate) docs: Option<Map<String, Value>>,
    /// Anything, for people and other tools.
    #[serde(default)]
    pub(crate) meta: Map<String, Value>,
}

/// What is said of a query in `analyses/`, which is compiled and never run.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "an analysis")]
pub(crate) struct AnalysisFile {
    /// Its name: that of its SQL file without `.sql`.
    pub(crate) name: String,
    /// What it tells, for people.
    pub(crate) description: Option<String>,
    /// Settings.
    #[serde(default)]
    #[schemars(with = "DescribedConfig")]
    pub(crate) config: Map<String, Value>,
    /// Its columns.
    #[serde(default)]
    pub(crate) columns: Vec<ModelColumnFile>,
    /// How documentation shows it.
    #[schemars(with = "Option<DocsFile>")]
    pub(crate) docs: Option<Map<String, Value>>,
    /// Anything, for people and other tools.
    #[serde(default)]
    pub(crate) meta: Map<String, Value>,
    /// Tags.
    #[expect(dead_code, reason = "an analysis is never selected")]
    pub(crate) tags: Option<Ignored>,
}

/// What the SQL of a singular test in `tests/` does not say.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a singular test")]
pub(crate) struct SingularTestFile {
    /// Its name: that of its SQL file without `.sql`.
    pub(crate) name: String,
    /// What it is for, for people.
    pub(crate) description: Option<String>,
    /// Settings; `{{ config(…) }}` in the SQL wins over them.
    #[serde(default)]
    #[schemars(with = "TestConfig")]
    pub(crate) config: Map<String, Value>,
    /// How documentation shows it.
    #[schemars(with = "Option<DocsFile>")]
    pub(crate) docs: Option<Map<String, Value>>,
    /// Anything, for people and other tools.
    #[serde(default)]
    pub(crate) meta: Map<String, Value>,
}
