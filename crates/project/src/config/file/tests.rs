//! Generic tests, as a column, a table, a model or a seed asks for them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Ignored, Plain};

/// A test: its name, or its name with arguments and settings.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum TestFile {
    /// The name alone.
    Name(TestName),
    /// The name with arguments and settings.
    Settings(Box<TestMapping>),
}

/// The tests that there are.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TestName {
    /// No row lacks a value.
    NotNull,
    /// No value comes twice.
    Unique,
    /// Every value is one of a list.
    AcceptedValues,
    /// Every value is in a column of another model, seed or source.
    Relationships,
}

/// A test with arguments and settings.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a test", extend("minProperties" = 1, "maxProperties" = 1))]
pub(crate) struct TestMapping {
    /// No row lacks a value.
    pub(crate) not_null: Option<BareTest>,
    /// No value comes twice; rows without a value do not count.
    pub(crate) unique: Option<BareTest>,
    /// Every value is one of `values`; rows without a value do not count.
    pub(crate) accepted_values: Option<AcceptedValuesTest>,
    /// Every value is in the column `field` of `to`; rows without a value do not count.
    pub(crate) relationships: Option<RelationshipsTest>,
}

/// The settings of a test without arguments.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "the settings of a test")]
pub(crate) struct BareTest {
    /// Your own name for the test.
    pub(crate) name: Option<String>,
    /// The column, as a SQL expression: needed where the test does not stand under a column.
    pub(crate) column_name: Option<String>,
    /// What the test is for, for people.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) description: Option<String>,
    /// `error` (the default) stops what depends on the tested node; `warn` only tells.
    pub(crate) severity: Option<SeverityName>,
    /// The rows that the test looks at: a SQL condition.
    #[serde(rename = "where")]
    pub(crate) where_clause: Option<String>,
    /// The same settings, where dbt keeps them.
    #[serde(default)]
    pub(crate) config: TestConfig,
    /// Anything, for people and other tools; without effect.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) meta: Option<Ignored>,
}

/// The arguments and settings of `accepted_values`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "an `accepted_values` test")]
pub(crate) struct AcceptedValuesTest {
    /// The values. By YAML 1.2 `yes`, `no`, `on` and `off` are texts (dbt reads booleans).
    #[schemars(length(min = 1))]
    pub(crate) values: Option<Vec<Plain>>,
    /// Whether the values are compared as texts: `true` by default. `false` for numbers and booleans.
    pub(crate) quote: Option<bool>,
    /// The same arguments, where dbt 1.10 keeps them.
    pub(crate) arguments: Option<AcceptedValuesArguments>,
    /// Your own name for the test.
    pub(crate) name: Option<String>,
    /// The column, as a SQL expression: needed where the test does not stand under a column.
    pub(crate) column_name: Option<String>,
    /// What the test is for, for people.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) description: Option<String>,
    /// `error` (the default) stops what depends on the tested node; `warn` only tells.
    pub(crate) severity: Option<SeverityName>,
    /// The rows that the test looks at: a SQL condition.
    #[serde(rename = "where")]
    pub(crate) where_clause: Option<String>,
    /// The same settings, where dbt keeps them.
    #[serde(default)]
    pub(crate) config: TestConfig,
    /// Anything, for people and other tools; without effect.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) meta: Option<Ignored>,
}

/// The arguments of `accepted_values`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "the arguments of an `accepted_values` test")]
pub(crate) struct AcceptedValuesArguments {
    /// The values.
    #[schemars(length(min = 1))]
    pub(crate) values: Option<Vec<Plain>>,
    /// Whether the values are compared as texts: `true` by default.
    pub(crate) quote: Option<bool>,
}

/// The arguments and settings of `relationships`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a `relationships` test")]
pub(crate) struct RelationshipsTest {
    /// The model, seed or source that has the values: `ref('x')` or `source('a', 'b')`.
    pub(crate) to: Option<String>,
    /// The column there.
    pub(crate) field: Option<String>,
    /// The same arguments, where dbt 1.10 keeps them.
    pub(crate) arguments: Option<RelationshipsArguments>,
    /// Your own name for the test.
    pub(crate) name: Option<String>,
    /// The column, as a SQL expression: needed where the test does not stand under a column.
    pub(crate) column_name: Option<String>,
    /// What the test is for, for people.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) description: Option<String>,
    /// `error` (the default) stops what depends on the tested node; `warn` only tells.
    pub(crate) severity: Option<SeverityName>,
    /// The rows that the test looks at: a SQL condition.
    #[serde(rename = "where")]
    pub(crate) where_clause: Option<String>,
    /// The same settings, where dbt keeps them.
    #[serde(default)]
    pub(crate) config: TestConfig,
    /// Anything, for people and other tools; without effect.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) meta: Option<Ignored>,
}

/// The arguments of `relationships`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "the arguments of a `relationships` test")]
pub(crate) struct RelationshipsArguments {
    /// The model, seed or source that has the values: `ref('x')` or `source('a', 'b')`.
    pub(crate) to: Option<String>,
    /// The column there.
    pub(crate) field: Option<String>,
}

/// The settings of a test.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "the settings of a test")]
pub(crate) struct TestConfig {
    /// `error` (the default) stops what depends on the tested node; `warn` only tells.
    pub(crate) severity: Option<SeverityName>,
    /// The rows that the test looks at: a SQL condition.
    #[serde(rename = "where")]
    pub(crate) where_clause: Option<String>,
    /// `false` takes the test out of the project.
    pub(crate) enabled: Option<bool>,
    /// Anything, for people and other tools; without effect.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) meta: Option<Ignored>,
}

/// How bad a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SeverityName {
    /// What depends on the tested node does not run.
    Error,
    /// The run goes on and tells.
    Warn,
}
