//! The settings of things (`config:`, `{{ config(…) }}`, `+key` in `dbt_project.yml`) as shapes.
//!
//! Only the shapes are used: the settings themselves stay maps, since dbt's users may add keys of their own.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde_json::{Map, Value};

use super::OneOrMany;

/// The settings of a model. Keys that nobody knows are your own.
#[derive(JsonSchema)]
#[schemars(title = "the settings of a model", extend("additionalProperties" = true))]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) struct ModelConfig {
    /// What becomes of the query: a `view` (the default), a `table`, `incremental` or `ephemeral`.
    pub(crate) materialized: Option<Materialized>,
    /// The schema (layer) of the table in the lake, used as it is. By default the folder under `models/` that the model
    /// lies in (`models/gold/x.sql` gives `gold`), else the environment's `schema`. With a `dbt_project.yml`, dbt's
    /// `generate_schema_name` says what becomes of it.
    pub(crate) schema: Option<String>,
    /// The database. There is one, the environment's lake.
    pub(crate) database: Option<String>,
    /// The same by Spark's name.
    pub(crate) catalog: Option<String>,
    /// The table's name in the lake: the model's name unless this says another.
    pub(crate) alias: Option<String>,
    /// Tags for `--select tag:…`.
    pub(crate) tags: Option<OneOrMany>,
    /// `false` takes the model out of the project.
    pub(crate) enabled: Option<bool>,
    /// For `incremental`: how new rows go into the table. `merge` by default with a `unique_key`, else `append`.
    pub(crate) incremental_strategy: Option<IncrementalStrategy>,
    /// For `incremental`: the column or columns that tell rows apart.
    pub(crate) unique_key: Option<OneOrMany>,
    /// For `incremental`: what happens when the query has other columns than the table.
    pub(crate) on_schema_change: Option<OnSchemaChangeName>,
    /// For `merge`: the columns that a match updates; all by default.
    pub(crate) merge_update_columns: Option<OneOrMany>,
    /// For `merge`: the columns that a match leaves as they are.
    pub(crate) merge_exclude_columns: Option<OneOrMany>,
    /// For `merge` and `delete+insert`: conditions that limit which rows of the table are looked at.
    pub(crate) incremental_predicates: Option<OneOrMany>,
    /// The same by its older name.
    pub(crate) predicates: Option<OneOrMany>,
    /// `true`: `--full-refresh` always; `false`: never.
    pub(crate) full_refresh: Option<bool>,
    /// For `microbatch`: the column that says when a row happened.
    pub(crate) event_time: Option<String>,
    /// For `microbatch`: how much time one batch spans.
    pub(crate) batch_size: Option<BatchSize>,
    /// For `microbatch`: how many batches before the current one are processed again: 1 by default.
    pub(crate) lookback: Option<u32>,
    /// For `microbatch`: where the first batch begins: `2024-01-01`.
    pub(crate) begin: Option<String>,
    /// For `microbatch`: whether batches run side by side.
    pub(crate) concurrent_batches: Option<bool>,
    /// The column or columns that the table's files are parted by.
    pub(crate) partition_by: Option<OneOrMany>,
    /// The column or columns that rows are sorted by within files.
    pub(crate) cluster_by: Option<OneOrMany>,
    /// The same by Spark's name.
    pub(crate) clustered_by: Option<OneOrMany>,
    /// The same by Databricks' name.
    pub(crate) liquid_clustered_by: Option<OneOrMany>,
    /// How many buckets Spark makes of `clustered_by`.
    #[schemars(range(min = 1))]
    pub(crate) buckets: Option<u32>,
    /// The format of the table: every table is a Delta table.
    pub(crate) file_format: Option<TableFormat>,
    /// Where Spark would put the table's files; every table is in the environment's lake.
    pub(crate) location_root: Option<String>,
    /// Properties of the Delta table.
    pub(crate) tblproperties: Option<Map<String, Value>>,
    /// SQL that runs before the model.
    pub(crate) pre_hook: Option<HooksFile>,
    /// The same as dbt writes it in YAML.
    #[serde(rename = "pre-hook")]
    pub(crate) pre_hook_of_yaml: Option<HooksFile>,
    /// SQL that runs after the model.
    pub(crate) post_hook: Option<HooksFile>,
    /// The same as dbt writes it in YAML.
    #[serde(rename = "post-hook")]
    pub(crate) post_hook_of_yaml: Option<HooksFile>,
    /// SQL in front of the model's statement.
    pub(crate) sql_header: Option<String>,
    /// Whether the columns and types that YAML declares are enforced.
    pub(crate) contract: Option<ContractFile>,
    /// Who may read the table.
    pub(crate) grants: Option<Map<String, Value>>,
    /// Whether descriptions are written to the lake.
    pub(crate) persist_docs: Option<PersistDocs>,
    /// A group of `groups:`.
    pub(crate) group: Option<String>,
    /// Who may use the model in a `ref`.
    pub(crate) access: Option<AccessName>,
    /// How documentation shows it.
    pub(crate) docs: Option<DocsFile>,
    /// Anything, for people and other tools.
    pub(crate) meta: Option<Map<String, Value>>,
    /// Which names dbt quotes; without effect: names are always quoted.
    pub(crate) quoting: Option<Map<String, Value>>,
    /// Python packages of a Python model.
    pub(crate) packages: Option<Vec<String>>,
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
    /// A table that new rows go into.
    Incremental,
    /// Nothing: the query is put into whatever reads it.
    Ephemeral,
}

/// How new rows go into an incremental model.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) enum IncrementalStrategy {
    /// They are added.
    Append,
    /// They replace rows with the same key, the others are added.
    Merge,
    /// Rows with the same key are deleted, then they are added.
    #[schemars(rename = "delete+insert")]
    DeleteInsert,
    /// They replace the partitions that they lie in, or the whole table.
    InsertOverwrite,
    /// They replace the rows of their span of time.
    Microbatch,
}

/// What happens when the query has other columns than the table.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) enum OnSchemaChangeName {
    /// The table keeps its columns.
    Ignore,
    /// The model fails.
    Fail,
    /// New columns are added.
    AppendNewColumns,
    /// New columns are added, those that are gone are taken away.
    SyncAllColumns,
}

/// How much time a batch spans.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) enum BatchSize {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A month.
    Month,
    /// A year.
    Year,
}

/// The format of a table.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) enum TableFormat {
    /// A Delta table.
    Delta,
}

/// Who may use a model in a `ref`.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) enum AccessName {
    /// Its own group.
    Private,
    /// Its own project.
    Protected,
    /// Everyone.
    Public,
}

/// Whether the columns and types that YAML declares are enforced.
#[derive(JsonSchema)]
#[schemars(title = "a contract", deny_unknown_fields)]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) struct ContractFile {
    /// Whether they are.
    pub(crate) enforced: Option<bool>,
    /// Whether names of types are translated; without effect: Spark's synonyms are always known.
    pub(crate) alias_types: Option<bool>,
}

/// Whether descriptions are written to the lake.
#[derive(JsonSchema)]
#[schemars(title = "`persist_docs`", deny_unknown_fields)]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) struct PersistDocs {
    /// That of the table.
    pub(crate) relation: Option<bool>,
    /// Those of the columns.
    pub(crate) columns: Option<bool>,
}

/// How documentation shows something.
#[derive(JsonSchema)]
#[schemars(title = "`docs`", extend("additionalProperties" = true))]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) struct DocsFile {
    /// Whether it does.
    pub(crate) show: Option<bool>,
    /// The colour in the graph.
    pub(crate) node_color: Option<String>,
}

/// One statement or a list of statements.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) enum HooksFile {
    /// One.
    One(String),
    /// Several.
    Many(Vec<HookFile>),
    /// One with its settings.
    Settings(HookSettings),
}

/// A statement, or a statement with its settings.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) enum HookFile {
    /// The statement alone.
    Sql(String),
    /// With its settings.
    Settings(HookSettings),
}

/// A statement and whether it is a transaction of its own; every statement is.
#[derive(JsonSchema)]
#[schemars(title = "a hook", deny_unknown_fields)]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) struct HookSettings {
    /// The statement.
    pub(crate) sql: String,
    /// Without effect: every statement is a transaction of its own.
    pub(crate) transaction: Option<bool>,
}

/// The settings of a seed. Keys that nobody knows are your own.
#[derive(JsonSchema)]
#[schemars(title = "the settings of a seed", extend("additionalProperties" = true))]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) struct SeedConfig {
    /// The schema (layer) of the table in the lake: `seeds` by default. With a `dbt_project.yml`, dbt's rules for the
    /// schemas of models hold.
    pub(crate) schema: Option<String>,
    /// The database. There is one, the environment's lake.
    pub(crate) database: Option<String>,
    /// The same by Spark's name.
    pub(crate) catalog: Option<String>,
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
    /// Without effect: a seed is always written as a whole.
    pub(crate) full_refresh: Option<bool>,
    /// SQL that runs before the seed is written.
    pub(crate) pre_hook: Option<HooksFile>,
    /// The same as dbt writes it in YAML.
    #[serde(rename = "pre-hook")]
    pub(crate) pre_hook_of_yaml: Option<HooksFile>,
    /// SQL that runs after the seed is written.
    pub(crate) post_hook: Option<HooksFile>,
    /// The same as dbt writes it in YAML.
    #[serde(rename = "post-hook")]
    pub(crate) post_hook_of_yaml: Option<HooksFile>,
    /// The format of the table: every table is a Delta table.
    pub(crate) file_format: Option<TableFormat>,
    /// The column that says when a row happened.
    pub(crate) event_time: Option<String>,
    /// Who may read the table.
    pub(crate) grants: Option<Map<String, Value>>,
    /// Whether descriptions are written to the lake.
    pub(crate) persist_docs: Option<PersistDocs>,
    /// A group of `groups:`.
    pub(crate) group: Option<String>,
    /// How documentation shows it.
    pub(crate) docs: Option<DocsFile>,
    /// Anything, for people and other tools.
    pub(crate) meta: Option<Map<String, Value>>,
    /// Which names dbt quotes; without effect: names are always quoted.
    pub(crate) quoting: Option<Map<String, Value>>,
}

/// The settings of a source or of a table of it. Keys that nobody knows are your own.
#[derive(JsonSchema)]
#[schemars(title = "the settings of a source", extend("additionalProperties" = true))]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) struct SourceConfig {
    /// `false` takes it out of the project.
    pub(crate) enabled: Option<bool>,
    /// Tags for `--select tag:…`, beside those of `tags:`.
    pub(crate) tags: Option<OneOrMany>,
    /// The column that says when a row happened.
    pub(crate) event_time: Option<String>,
    /// How old the newest row may be; kept for tools that read it.
    pub(crate) freshness: Option<super::sources::FreshnessFile>,
    /// The column that says when a row was loaded.
    pub(crate) loaded_at_field: Option<String>,
    /// A query that says when the table was loaded last.
    pub(crate) loaded_at_query: Option<String>,
    /// Anything, for people and other tools.
    pub(crate) meta: Option<Map<String, Value>>,
}

/// The settings of a unit test. Keys that nobody knows are your own.
#[derive(JsonSchema)]
#[schemars(title = "the settings of a unit test", extend("additionalProperties" = true))]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) struct UnitTestConfig {
    /// Tags for `--select tag:…`.
    pub(crate) tags: Option<OneOrMany>,
    /// `false` takes the test out of the project.
    pub(crate) enabled: Option<bool>,
    /// Anything, for people and other tools.
    pub(crate) meta: Option<Map<String, Value>>,
}

/// The settings of what is only described: exposures, macros, analyses, columns. Keys that nobody knows are your own.
#[derive(JsonSchema)]
#[schemars(title = "the settings", extend("additionalProperties" = true))]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) struct DescribedConfig {
    /// `false` takes it out of the project.
    pub(crate) enabled: Option<bool>,
    /// Tags for `--select tag:…`.
    pub(crate) tags: Option<OneOrMany>,
    /// How documentation shows it.
    pub(crate) docs: Option<DocsFile>,
    /// Anything, for people and other tools.
    pub(crate) meta: Option<Map<String, Value>>,
}
