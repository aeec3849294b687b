//! Generic tests, as a column, a table, a model or a seed asks for them.

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{OneOrMany, Plain};

/// A test: its name, or its name with arguments and settings.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum TestFile {
    /// The name alone, of a test that is built in.
    Name(TestName),
    /// The name alone, of a test of the project's own (`{% test name(model, …) %}`) or of a package:
    /// `dbt_utils.at_least_one`.
    Other(String),
    /// The name with arguments and settings.
    Settings(Box<TestMapping>),
}

/// The tests that are built in.
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
    /// A test of the project's own or of a package, by its name.
    #[serde(flatten)]
    pub(crate) others: IndexMap<String, CustomTestFile>,
}

/// The settings of a test without arguments.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(title = "the settings of a test", deny_unknown_fields, transform = older_settings)]
pub(crate) struct BareTest {
    /// Your own name for the test.
    pub(crate) name: Option<String>,
    /// The column, as a SQL expression: needed where the test does not stand under a column.
    pub(crate) column_name: Option<String>,
    /// What the test is for, for people.
    pub(crate) description: Option<String>,
    /// The arguments, where dbt 1.10 keeps them.
    pub(crate) arguments: Option<ColumnArgument>,
    /// The settings, where dbt keeps them.
    #[serde(default)]
    #[schemars(with = "TestConfig")]
    #[expect(dead_code, reason = "the tree's own JSON goes on")]
    pub(crate) config: Map<String, Value>,
}

/// The argument that every test may have.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(title = "the arguments of a test", deny_unknown_fields)]
pub(crate) struct ColumnArgument {
    /// The column, as a SQL expression: needed where the test does not stand under a column.
    pub(crate) column_name: Option<String>,
}

/// The arguments and settings of `accepted_values`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(title = "an `accepted_values` test", deny_unknown_fields, transform = older_settings)]
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
    pub(crate) description: Option<String>,
    /// The settings, where dbt keeps them.
    #[serde(default)]
    #[schemars(with = "TestConfig")]
    #[expect(dead_code, reason = "the tree's own JSON goes on")]
    pub(crate) config: Map<String, Value>,
}

/// The arguments of `accepted_values`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(title = "the arguments of an `accepted_values` test", deny_unknown_fields)]
pub(crate) struct AcceptedValuesArguments {
    /// The values.
    #[schemars(length(min = 1))]
    pub(crate) values: Option<Vec<Plain>>,
    /// Whether the values are compared as texts: `true` by default.
    pub(crate) quote: Option<bool>,
    /// The column, as a SQL expression: needed where the test does not stand under a column.
    pub(crate) column_name: Option<String>,
}

/// The arguments and settings of `relationships`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(title = "a `relationships` test", deny_unknown_fields, transform = older_settings)]
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
    pub(crate) description: Option<String>,
    /// The settings, where dbt keeps them.
    #[serde(default)]
    #[schemars(with = "TestConfig")]
    #[expect(dead_code, reason = "the tree's own JSON goes on")]
    pub(crate) config: Map<String, Value>,
}

/// The arguments of `relationships`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(title = "the arguments of a `relationships` test", deny_unknown_fields)]
pub(crate) struct RelationshipsArguments {
    /// The model, seed or source that has the values: `ref('x')` or `source('a', 'b')`.
    pub(crate) to: Option<String>,
    /// The column there.
    pub(crate) field: Option<String>,
    /// The column, as a SQL expression: needed where the test does not stand under a column.
    pub(crate) column_name: Option<String>,
}

/// The arguments and settings of a test of the project's own or of a package.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(title = "the arguments of a test", extend("additionalProperties" = true), transform = older_settings)]
pub(crate) struct CustomTestFile {
    /// Your own name for the test.
    pub(crate) name: Option<String>,
    /// What the test is for, for people.
    pub(crate) description: Option<String>,
    /// The arguments, where dbt 1.10 keeps them.
    #[serde(default)]
    pub(crate) arguments: Map<String, Value>,
    /// The settings, where dbt keeps them.
    #[serde(default)]
    #[schemars(with = "TestConfig")]
    #[expect(dead_code, reason = "the tree's own JSON goes on")]
    pub(crate) config: Map<String, Value>,
    /// The arguments.
    #[serde(flatten)]
    #[schemars(skip)]
    pub(crate) others: Map<String, Value>,
}

/// The settings of a test. Keys that nobody knows are your own.
#[derive(JsonSchema)]
#[schemars(title = "the settings of a test", extend("additionalProperties" = true))]
#[expect(dead_code, reason = "the shape alone is used: it checks `config:` and `{{ config(…) }}`")]
pub(crate) struct TestConfig {
    /// `error` (the default) stops what depends on the tested node; `warn` only tells.
    pub(crate) severity: Option<SeverityName>,
    /// The rows that the test looks at: a SQL condition.
    #[serde(rename = "where")]
    pub(crate) where_clause: Option<String>,
    /// `false` takes the test out of the project.
    pub(crate) enabled: Option<bool>,
    /// Tags for `--select tag:…`, beside those of what is tested.
    pub(crate) tags: Option<OneOrMany>,
    /// The most failing rows that are looked at.
    pub(crate) limit: Option<u64>,
    /// When the number of failing rows is an error: `!= 0` by default, such as `> 10`.
    pub(crate) error_if: Option<String>,
    /// When the number of failing rows is a warning: `!= 0` by default.
    pub(crate) warn_if: Option<String>,
    /// What is counted, as a SQL expression over the failing rows: `count(*)` by default.
    pub(crate) fail_calc: Option<String>,
    /// Whether the failing rows are kept in a table.
    pub(crate) store_failures: Option<bool>,
    /// Whether the failing rows are kept, and how.
    pub(crate) store_failures_as: Option<StoreFailuresAs>,
    /// The schema of the table that keeps the failing rows: that of the environment with `_dbt_test__audit` by default.
    pub(crate) schema: Option<String>,
    /// As for models.
    pub(crate) database: Option<String>,
    /// The name of the table that keeps the failing rows: the test's name by default.
    pub(crate) alias: Option<String>,
    /// A group of `groups:`.
    pub(crate) group: Option<String>,
    /// Anything, for people and other tools.
    pub(crate) meta: Option<Map<String, Value>>,
}

/// How the failing rows of a test are kept.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) enum StoreFailuresAs {
    /// They are not.
    Ephemeral,
    /// In a table.
    Table,
    /// In a view.
    View,
}

/// How bad a failure is; upper and lower case are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SeverityName {
    /// What depends on the tested node does not run.
    Error,
    /// The run goes on and tells.
    Warn,
}

/// The settings that may also stand beside the arguments, as dbt had them first.
pub(crate) const OLDER: [&str; 14] = [
    "severity",
    "where",
    "enabled",
    "tags",
    "limit",
    "error_if",
    "warn_if",
    "fail_calc",
    "store_failures",
    "store_failures_as",
    "schema",
    "database",
    "alias",
    "meta",
];

/// Adds [`OLDER`] to a type. They are read from the tree, not from the type.
fn older_settings(schema: &mut Schema) {
    let text = || json_schema!({ "type": "string" });
    let Some(properties) = schema.ensure_object().get_mut("properties").and_then(Value::as_object_mut) else { return };
    for key in OLDER {
        let mut kind = match key {
            "severity" => json_schema!({ "$ref": "#/definitions/SeverityName" }),
            "tags" => json_schema!({ "$ref": "#/definitions/OneOrMany" }),
            "store_failures_as" => json_schema!({ "$ref": "#/definitions/StoreFailuresAs" }),
            "enabled" | "store_failures" => json_schema!({ "type": "boolean" }),
            "limit" => json_schema!({ "type": "integer", "minimum": 0 }),
            "meta" => json_schema!({ "type": "object" }),
            _ => text(),
        };
        kind.insert("description".into(), format!("As `{key}` of `config:`, where dbt keeps it now.").into());
        properties.insert(key.into(), kind.to_value());
    }
}
