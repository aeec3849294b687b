//! `sources:` and the properties file as a whole.

use schemars::JsonSchema;
use serde::Deserialize;

use super::column::ColumnFile;
use super::constraints::TableConstraintFile;
use super::generate::GenerateTableFile;
use super::ingest::IngestFile;
use super::models::{ModelFile, SeedFile};
use super::tests::TestFile;
use super::{Ignored, OneOrMany};

/// Sources, and the properties of models and seeds: any `.yml` file under `models/`, `seeds/`, `macros/` or `tests/`.
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
    /// Documentation of macros; without effect.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) macros: Option<Ignored>,
    /// Documentation of who uses the models; without effect.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) exposures: Option<Ignored>,
    /// Documentation of analyses; without effect.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) analyses: Option<Ignored>,
    /// Documentation of who owns what; without effect.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) groups: Option<Ignored>,
}

/// A system that data comes from, and its tables.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a source")]
pub(crate) struct SourceFile {
    /// The name: the first word of `{{ source('name', 'table') }}`.
    pub(crate) name: String,
    /// What it is, for people.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) description: Option<String>,
    /// The schema (layer) of its tables in the lake. By default the folder under `models/` that this file lies in
    /// (`models/bronze/sources.yml` gives `bronze`), else the source's name.
    pub(crate) schema: Option<String>,
    /// Tags for `--select tag:…`, given to all its tables.
    pub(crate) tags: Option<OneOrMany>,
    /// Its tables.
    #[serde(default)]
    pub(crate) tables: Vec<TableFile>,
    /// Settings for all its tables.
    pub(crate) config: Option<SourceConfig>,
    /// What loads it, for people.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) loader: Option<String>,
    /// Anything, for people and other tools; without effect.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) meta: Option<Ignored>,
}

/// Settings of a source or of one of its tables.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "the settings of a source")]
pub(crate) struct SourceConfig {
    /// `false` takes it out of the project.
    pub(crate) enabled: Option<bool>,
    /// Tags for `--select tag:…`, beside those of `tags:`.
    pub(crate) tags: Option<OneOrMany>,
    /// Anything, for people and other tools; without effect.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) meta: Option<Ignored>,
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
    pub(crate) config: Option<SourceConfig>,
    /// What loads it, for people.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) loader: Option<String>,
    /// Anything, for people and other tools; without effect.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) meta: Option<Ignored>,
}
