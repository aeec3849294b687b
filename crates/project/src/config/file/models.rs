//! `models:` and `seeds:`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::column::ColumnFile;
use super::tests::TestFile;
use super::{Ignored, OneOrMany};

/// What SQL alone does not say of a model.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a model")]
pub(crate) struct ModelFile {
    /// The model's name: that of its SQL file without `.sql`.
    pub(crate) name: String,
    /// What a row of it is, for people.
    pub(crate) description: Option<String>,
    /// Settings; `{{ config(…) }}` in the SQL wins over them.
    #[serde(default)]
    #[schemars(with = "ModelConfig")]
    pub(crate) config: Map<String, Value>,
    /// Its columns.
    #[serde(default)]
    pub(crate) columns: Vec<ColumnFile>,
    /// Tests of the model as a whole.
    #[serde(default)]
    pub(crate) tests: Vec<TestFile>,
    /// dbt's newer name for `tests`.
    #[serde(default)]
    pub(crate) data_tests: Vec<TestFile>,
    /// How documentation shows it; without effect.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) docs: Option<Ignored>,
    /// Anything, for people and other tools; without effect.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) meta: Option<Ignored>,
}

/// The settings of a model.
#[derive(JsonSchema)]
#[schemars(title = "the settings of a model", deny_unknown_fields)]
#[expect(dead_code, reason = "the shape alone is used: it checks `config:` and `{{ config(…) }}`")]
pub(crate) struct ModelConfig {
    /// What becomes of the query: a `view` (the default) or a `table`.
    pub(crate) materialized: Option<Materialized>,
    /// The schema (layer) of the table in the lake, used as it is. By default the folder under `models/` that the model
    /// lies in (`models/gold/x.sql` gives `gold`), else the environment's `schema`.
    pub(crate) schema: Option<String>,
    /// The table's name in the lake: the model's name unless this says another.
    pub(crate) alias: Option<String>,
    /// Tags for `--select tag:…`.
    pub(crate) tags: Option<OneOrMany>,
    /// `false` takes the model out of the project.
    pub(crate) enabled: Option<bool>,
    /// How documentation shows it; without effect.
    pub(crate) docs: Option<Ignored>,
    /// Anything, for people and other tools; without effect.
    pub(crate) meta: Option<Ignored>,
}

/// What becomes of a query.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) enum Materialized {
    /// A table, written anew by every run that changes it.
    Table,
    /// A view: the query itself, run by whatever reads it.
    View,
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
    /// How documentation shows it; without effect.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) docs: Option<Ignored>,
    /// Anything, for people and other tools; without effect.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) meta: Option<Ignored>,
}

/// The settings of a seed.
#[derive(JsonSchema)]
#[schemars(title = "the settings of a seed", deny_unknown_fields)]
#[expect(dead_code, reason = "the shape alone is used: it checks `config:`")]
pub(crate) struct SeedConfig {
    /// The schema (layer) of the table in the lake: `seeds` by default.
    pub(crate) schema: Option<String>,
    /// The table's name in the lake: the seed's name unless this says another.
    pub(crate) alias: Option<String>,
    /// Tags for `--select tag:…`.
    pub(crate) tags: Option<OneOrMany>,
    /// `false` takes the seed out of the project.
    pub(crate) enabled: Option<bool>,
    /// The types of columns by name; a column that is not named gets the type that its values suggest.
    pub(crate) column_types: Option<IndexMap<String, String>>,
    /// The separator: one ASCII character, `,` by default.
    pub(crate) delimiter: Option<String>,
    /// Whether dbt quotes the columns' names; Headwater always does, so this is without effect.
    pub(crate) quote_columns: Option<bool>,
    /// How documentation shows it; without effect.
    pub(crate) docs: Option<Ignored>,
    /// Anything, for people and other tools; without effect.
    pub(crate) meta: Option<Ignored>,
}
