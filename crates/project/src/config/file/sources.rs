//! `sources:` and the properties file as a whole.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::column::ColumnFile;
use super::constraints::TableConstraintFile;
use super::described::{ExposureFile, GroupFile, MacroFile, UnitTestFile};
use super::generate::GenerateTableFile;
use super::ingest::IngestFile;
use super::models::{AnalysisFile, ModelFile, SeedFile, SingularTestFile, SnapshotFile};
use super::settings::{DocsFile, SourceConfig};
use super::tests::TestFile;
use super::{Ignored, OneOrMany};

/// Sources, unit tests, and the properties of models, seeds, snapshots and macros: any `.yml` file under `models/`,
/// `seeds/`, `snapshots/`, `analyses/`, `macros/` or `tests/`.
/// YAML is read by version 1.2: `yes`, `no`, `on` and `off` are texts, where dbt reads booleans.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a properties file")]
pub(crate) struct PropertiesFile {
    /// The version of this format: 2.
    #[schemars(range(min = 2, max = 2))]
    #[expect(dead_code, reason = "checked by its schema")]
    pub(crate) version: Option<u8>,
    /// Data that comes from elsewhere: files to load, or tables that something else writes to the lake.
    #[serde(default)]
    pub(crate) sources: Vec<SourceFile>,
    /// What SQL alone does not say of models: descriptions, settings, columns and tests.
    #[serde(default)]
    pub(crate) models: Vec<ModelFile>,
    /// What the CSV files in `seeds/` do not say of themselves: settings, types and tests.
    #[serde(default)]
    pub(crate) seeds: Vec<SeedFile>,
    /// Histories of rows.
    #[serde(default)]
    pub(crate) snapshots: Vec<SnapshotFile>,
    /// Tests of models' code: rows in, rows out.
    #[serde(default)]
    pub(crate) unit_tests: Vec<UnitTestFile>,
    /// What the SQL of singular tests does not say.
    #[serde(default)]
    pub(crate) data_tests: Vec<SingularTestFile>,
    /// dbt's older name for `data_tests`.
    #[serde(default)]
    pub(crate) tests: Vec<SingularTestFile>,
    /// Documentation of macros.
    #[serde(default)]
    pub(crate) macros: Vec<MacroFile>,
    /// Who uses the models.
    #[serde(default)]
    pub(crate) exposures: Vec<ExposureFile>,
    /// Documentation of analyses.
    #[serde(default)]
    pub(crate) analyses: Vec<AnalysisFile>,
    /// Who owns what.
    #[serde(default)]
    pub(crate) groups: Vec<GroupFile>,
}

/// A system that data comes from, and its tables.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a source")]
pub(crate) struct SourceFile {
    /// The name: the first word of `{{ source('name', 'table') }}`.
    pub(crate) name: String,
    /// What it is, for people. `{{ doc('name') }}` is the block of that name in a Markdown file.
    pub(crate) description: Option<String>,
    /// The schema (layer) of its tables in the lake. By default the folder under `models/` that this file lies in
    /// (`models/bronze/sources.yml` gives `bronze`), else the source's name; with a `dbt_project.yml`, the source's name.
    pub(crate) schema: Option<String>,
    /// Tags for `--select tag:…`, given to all its tables.
    pub(crate) tags: Option<OneOrMany>,
    /// Its tables.
    #[serde(default)]
    pub(crate) tables: Vec<TableFile>,
    /// Settings for all its tables.
    #[serde(default)]
    #[schemars(with = "SourceConfig")]
    pub(crate) config: Map<String, Value>,
    /// What loads it, for people.
    pub(crate) loader: Option<String>,
    /// How old the newest row may be; kept for tools that read it.
    #[expect(dead_code, reason = "the tree's own JSON goes on")]
    pub(crate) freshness: Option<FreshnessFile>,
    /// The column that says when a row was loaded.
    #[expect(dead_code, reason = "the tree's own JSON goes on")]
    pub(crate) loaded_at_field: Option<String>,
    /// A query that says when the table was loaded last.
    #[expect(dead_code, reason = "the tree's own JSON goes on")]
    pub(crate) loaded_at_query: Option<String>,
    /// Which names dbt quotes; without effect: names are always quoted.
    #[expect(dead_code, reason = "names are always quoted")]
    pub(crate) quoting: Option<Ignored>,
    /// The package whose source of that name this one's settings, descriptions and tests are put over.
    pub(crate) overrides: Option<String>,
    /// Anything, for people and other tools.
    #[serde(default)]
    pub(crate) meta: Map<String, Value>,
}

/// How old the newest row may be.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "`freshness`")]
#[expect(dead_code, reason = "kept as it is written: the tree's own JSON goes on")]
pub(crate) struct FreshnessFile {
    /// From when it is a warning.
    pub(crate) warn_after: Option<AgeFile>,
    /// From when it is an error.
    pub(crate) error_after: Option<AgeFile>,
    /// The rows that are looked at: a SQL condition.
    pub(crate) filter: Option<String>,
}

/// A span of time.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "an age")]
#[expect(dead_code, reason = "kept as it is written: the tree's own JSON goes on")]
pub(crate) struct AgeFile {
    /// How many.
    pub(crate) count: Option<u32>,
    /// Of what.
    #[schemars(with = "Option<AgePeriod>")]
    pub(crate) period: Option<String>,
}

/// A unit of time.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) enum AgePeriod {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
}

/// A table of a source.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a table of a source")]
pub(crate) struct TableFile {
    /// The name: the second word of `{{ source('source', 'name') }}`.
    pub(crate) name: String,
    /// The table's name in the lake: `name` unless this says another.
    pub(crate) identifier: Option<String>,
    /// What a row of it is, for people.
    pub(crate) description: Option<String>,
    /// Tags for `--select tag:…`.
    pub(crate) tags: Option<OneOrMany>,
    /// The files that it is loaded from. Without this, something else writes the table.
    pub(crate) ingest: Option<IngestFile>,
    /// Its columns. With `ingest`, this is the contract that every file must keep: all columns of the files, by name,
    /// each with its `data_type`.
    #[serde(default)]
    pub(crate) columns: Vec<ColumnFile>,
    /// With `ingest`: what must hold for every row. A row for which it does not is set aside before it is loaded.
    #[serde(default)]
    pub(crate) constraints: Vec<TableConstraintFile>,
    /// Tests of the table as a whole.
    #[serde(default)]
    pub(crate) tests: Vec<TestFile>,
    /// dbt's newer name for `tests`.
    #[serde(default)]
    pub(crate) data_tests: Vec<TestFile>,
    /// How `headwater generate` fills it.
    pub(crate) generate: Option<GenerateTableFile>,
    /// Settings.
    #[serde(default)]
    #[schemars(with = "SourceConfig")]
    pub(crate) config: Map<String, Value>,
    /// What loads it, for people.
    pub(crate) loader: Option<String>,
    /// How old the newest row may be; kept for tools that read it.
    #[expect(dead_code, reason = "the tree's own JSON goes on")]
    pub(crate) freshness: Option<FreshnessFile>,
    /// The column that says when a row was loaded.
    #[expect(dead_code, reason = "the tree's own JSON goes on")]
    pub(crate) loaded_at_field: Option<String>,
    /// A query that says when the table was loaded last.
    #[expect(dead_code, reason = "the tree's own JSON goes on")]
    pub(crate) loaded_at_query: Option<String>,
    /// Which names dbt quotes; without effect: names are always quoted.
    #[expect(dead_code, reason = "names are always quoted")]
    pub(crate) quoting: Option<Ignored>,
    /// How documentation shows it.
    #[schemars(with = "Option<DocsFile>")]
    #[expect(dead_code, reason = "documentation")]
    pub(crate) docs: Option<Ignored>,
    /// Anything, for people and other tools.
    #[serde(default)]
    pub(crate) meta: Map<String, Value>,
}
