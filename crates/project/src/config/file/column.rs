//! A column of a source's table, a model or a seed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::generate::HintFile;
use super::tests::TestFile;
use super::{Ignored, OneOrMany};

/// A column: its name, its type, its tests.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a column")]
pub(crate) struct ColumnFile {
    /// The name, as in the file's header or the query; upper and lower case are the same.
    #[schemars(length(min = 1))]
    pub(crate) name: String,
    /// The type, a Spark SQL type: `string`, `int`, `bigint`, `double`, `decimal(12,2)`, `boolean`, `date`,
    /// `timestamp`, …
    pub(crate) data_type: Option<String>,
    /// What it holds, for people.
    pub(crate) description: Option<String>,
    /// For dates and timestamps: how the files write them, one or several Spark datetime patterns, tried in order, such
    /// as `dd/MM/yyyy`. By default ISO 8601, as Spark casts text.
    pub(crate) format: Option<OneOrMany>,
    /// Tests of the column: `not_null`, `unique`, `accepted_values`, `relationships`.
    #[serde(default)]
    pub(crate) tests: Vec<TestFile>,
    /// dbt's newer name for `tests`.
    #[serde(default)]
    pub(crate) data_tests: Vec<TestFile>,
    /// What `headwater generate` fills it with.
    pub(crate) generate: Option<HintFile>,
    /// Whether dbt quotes the name; Headwater always does, so this is without effect.
    #[expect(dead_code, reason = "names are always quoted")]
    pub(crate) quote: Option<bool>,
    /// Anything, for people and other tools; without effect.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) meta: Option<Ignored>,
}
