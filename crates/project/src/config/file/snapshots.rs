//! The settings of snapshots as shapes.

use schemars::JsonSchema;
use serde_json::{Map, Value};

use super::OneOrMany;
use super::settings::{DocsFile, HooksFile, PersistDocs, TableFormat};

/// The settings of a snapshot. Keys that nobody knows are your own.
#[derive(JsonSchema)]
#[schemars(title = "the settings of a snapshot", extend("additionalProperties" = true))]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) struct SnapshotConfig {
    /// How a change of a row is noticed.
    pub(crate) strategy: Option<SnapshotStrategy>,
    /// The column or columns that tell rows apart.
    pub(crate) unique_key: Option<OneOrMany>,
    /// For `timestamp`: the column that says when a row changed last.
    pub(crate) updated_at: Option<String>,
    /// For `check`: the columns that are compared, or `all`.
    pub(crate) check_cols: Option<OneOrMany>,
    /// What becomes of rows that are gone.
    pub(crate) hard_deletes: Option<HardDeletes>,
    /// `true` is `hard_deletes: invalidate`, as dbt called it before.
    pub(crate) invalidate_hard_deletes: Option<bool>,
    /// What `dbt_valid_to` holds for rows that are current, as SQL: null by default.
    pub(crate) dbt_valid_to_current: Option<String>,
    /// Other names for the columns that dbt adds.
    pub(crate) snapshot_meta_column_names: Option<SnapshotColumnNames>,
    /// The schema (layer) of the table in the lake.
    pub(crate) schema: Option<String>,
    /// The schema of the table, used as it is, as dbt had it before.
    pub(crate) target_schema: Option<String>,
    /// The database. There is one, the environment's lake.
    pub(crate) database: Option<String>,
    /// The same, as dbt had it before.
    pub(crate) target_database: Option<String>,
    /// The same by Spark's name.
    pub(crate) catalog: Option<String>,
    /// The table's name in the lake: the snapshot's name unless this says another.
    pub(crate) alias: Option<String>,
    /// Tags for `--select tag:…`.
    pub(crate) tags: Option<OneOrMany>,
    /// `false` takes the snapshot out of the project.
    pub(crate) enabled: Option<bool>,
    /// `snapshot`, always.
    pub(crate) materialized: Option<SnapshotMaterialized>,
    /// Whether dbt quotes the columns' names; without effect: names are always quoted.
    pub(crate) quote_columns: Option<bool>,
    /// SQL that runs before the snapshot.
    pub(crate) pre_hook: Option<HooksFile>,
    /// The same as dbt writes it in YAML.
    #[serde(rename = "pre-hook")]
    pub(crate) pre_hook_of_yaml: Option<HooksFile>,
    /// SQL that runs after the snapshot.
    pub(crate) post_hook: Option<HooksFile>,
    /// The same as dbt writes it in YAML.
    #[serde(rename = "post-hook")]
    pub(crate) post_hook_of_yaml: Option<HooksFile>,
    /// The format of the table: every table is a Delta table.
    pub(crate) file_format: Option<TableFormat>,
    /// Where Spark would put the table's files; every table is in the environment's lake.
    pub(crate) location_root: Option<String>,
    /// The column or columns that the table's files are parted by.
    pub(crate) partition_by: Option<OneOrMany>,
    /// Properties of the Delta table.
    pub(crate) tblproperties: Option<Map<String, Value>>,
    /// The column that says when a row happened.
    pub(crate) event_time: Option<String>,
    /// Without effect: a history is never written anew.
    pub(crate) full_refresh: Option<bool>,
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

/// What a snapshot is.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) enum SnapshotMaterialized {
    /// A history.
    Snapshot,
}

/// How a change of a row is noticed.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) enum SnapshotStrategy {
    /// By the column `updated_at`.
    Timestamp,
    /// By comparing `check_cols`.
    Check,
}

/// What becomes of rows that are gone.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) enum HardDeletes {
    /// They stay current.
    Ignore,
    /// They end.
    Invalidate,
    /// They end, and a row says that they are deleted.
    NewRecord,
}

/// Other names for the columns that dbt adds to a snapshot.
#[derive(JsonSchema)]
#[schemars(title = "`snapshot_meta_column_names`", deny_unknown_fields)]
#[expect(dead_code, reason = "the shape alone is used")]
pub(crate) struct SnapshotColumnNames {
    /// When the row began.
    pub(crate) dbt_valid_from: Option<String>,
    /// When the row ended.
    pub(crate) dbt_valid_to: Option<String>,
    /// The row's own key.
    pub(crate) dbt_scd_id: Option<String>,
    /// What `updated_at` said.
    pub(crate) dbt_updated_at: Option<String>,
    /// Whether the row says that it is deleted.
    pub(crate) dbt_is_deleted: Option<String>,
}
