//! A column: of a source's table or a seed, and of a model or a snapshot.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::constraints::ColumnConstraintFile;
use super::generate::HintFile;
use super::models::ModelConstraintFile;
use super::settings::{DescribedConfig, DocsFile};
use super::tests::TestFile;
use super::{Ignored, OneOrMany, Plain};

/// A column of a source's table or a seed: its name, its type, its tests. The keys from `format` to `constraints` are for tables that are loaded from
/// files: together with the types, they are the contract that every row must keep.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a column")]
pub(crate) struct ColumnFile {
    /// The name, as in the file's header or the query; upper and lower case are the same.
    #[schemars(length(min = 1))]
    pub(crate) name: String,
    /// The type, a Spark SQL type: `string`, `int`, `bigint`, `double`, `decimal(12,2)`, `boolean`, `date`,
    /// `timestamp`, …; from JSON, Parquet and Avro also `array<…>`, `map<…,…>` and `struct<…:…>`.
    pub(crate) data_type: Option<String>,
    /// What it holds, for people.
    pub(crate) description: Option<String>,
    /// For dates and timestamps: how the files write them, one or several Spark datetime patterns, tried in order, such
    /// as `dd/MM/yyyy`. By default ISO 8601, as Spark casts text.
    pub(crate) format: Option<OneOrMany>,
    /// Whether the value may be absent: `true` by default. With `false`, a row without it is a bad row.
    pub(crate) nullable: Option<bool>,
    /// The column's name in the files, where it is another one: `"Rental ID"`. For JSON a path: `customer.address.city`.
    #[schemars(length(min = 1))]
    pub(crate) source_name: Option<String>,
    /// What the value is where the file has none, or has no such column.
    #[expect(dead_code, reason = "its text, as it was written, is what counts")]
    pub(crate) default: Option<Plain>,
    /// Whether blanks around the value are dropped: `false` by default.
    pub(crate) trim: Option<bool>,
    /// The text or texts that stand for null in this column, beside `nullValue` of the files.
    pub(crate) null_values: Option<OneOrMany>,
    /// For numbers: what stands before the fraction, `.` (the default) or `,`.
    pub(crate) decimal_sep: Option<String>,
    /// For numbers: what groups the digits, such as `.` or `","`. By default nothing may.
    pub(crate) group_sep: Option<String>,
    /// What must hold for every value. Unlike a test, which looks at the table when it is loaded, a constraint sets the
    /// single row aside before.
    #[serde(default)]
    pub(crate) constraints: Vec<ColumnConstraintFile>,
    /// Tests of the column: `not_null`, `unique`, `accepted_values`, `relationships`, and those of the project or of
    /// packages.
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
    /// Tags for `--select tag:…`: its tests have them.
    pub(crate) tags: Option<OneOrMany>,
    /// Settings: `tags` and `meta`, where dbt keeps them now.
    #[serde(default)]
    #[schemars(with = "DescribedConfig")]
    pub(crate) config: Map<String, Value>,
    /// How documentation shows it.
    #[schemars(with = "Option<DocsFile>")]
    #[expect(dead_code, reason = "documentation")]
    pub(crate) docs: Option<Ignored>,
    /// Anything, for people and other tools.
    #[serde(default)]
    pub(crate) meta: Map<String, Value>,
}

/// A column of a model or a snapshot: its name, its type, its tests.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a column of a model")]
pub(crate) struct ModelColumnFile {
    /// The name, as in the query; upper and lower case are the same.
    #[schemars(length(min = 1))]
    pub(crate) name: String,
    /// The type, a Spark SQL type. A `contract` enforces it.
    pub(crate) data_type: Option<String>,
    /// What it holds, for people. `{{ doc('name') }}` is the block of that name in a Markdown file.
    pub(crate) description: Option<String>,
    /// Constraints, for the model's contract.
    #[serde(default)]
    #[expect(dead_code, reason = "the tree's own JSON goes on")]
    pub(crate) constraints: Vec<ModelConstraintFile>,
    /// Tests of the column: `not_null`, `unique`, `accepted_values`, `relationships`, and those of the project or of
    /// packages.
    #[serde(default)]
    pub(crate) tests: Vec<TestFile>,
    /// dbt's newer name for `tests`.
    #[serde(default)]
    pub(crate) data_tests: Vec<TestFile>,
    /// Whether dbt quotes the name; Headwater always does, so this is without effect.
    #[expect(dead_code, reason = "names are always quoted")]
    pub(crate) quote: Option<bool>,
    /// Tags for `--select tag:…`: its tests have them.
    pub(crate) tags: Option<OneOrMany>,
    /// Settings: `tags` and `meta`, where dbt keeps them now.
    #[serde(default)]
    #[schemars(with = "DescribedConfig")]
    pub(crate) config: Map<String, Value>,
    /// How documentation shows it.
    #[schemars(with = "Option<DocsFile>")]
    #[expect(dead_code, reason = "documentation")]
    pub(crate) docs: Option<Ignored>,
    /// The grain of a time spine's column; without effect.
    #[expect(dead_code, reason = "of dbt's semantic layer")]
    pub(crate) granularity: Option<String>,
    /// Anything, for people and other tools.
    #[serde(default)]
    pub(crate) meta: Map<String, Value>,
}
