//! The settings of models, snapshots and tests, read from their layers as types.

use chrono::{DateTime, Utc};
use headwater_plan::{BatchSize, Diagnostic, HardDeletes, OnModelSchemaChange, Severity, SnapshotColumns, Threshold};

use super::layers::Layers;
mod reader;

use reader::Reader;

/// How a model is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Materialized {
    Table,
    View,
    Ephemeral,
    Incremental,
    Snapshot,
}

/// What a model, snapshot or test is set to.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) materialized: Materialized,
    pub(super) schema: Option<String>,
    pub(super) alias: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) enabled: bool,
    pub(super) before: Vec<String>,
    pub(super) after: Vec<String>,
    pub(super) partition_by: Vec<String>,
    pub(super) cluster_by: Vec<String>,
    /// Whether the columns must be exactly the declared ones.
    pub(super) contract: bool,
    /// The column by which rows belong to a span of time.
    pub(super) event_time: Option<String>,
    pub(super) incremental: IncrementalSettings,
    pub(super) snapshot: SnapshotSettings,
    pub(super) test: TestSettings,
}

/// What an incremental model is set to.
#[derive(Debug, Clone, Default)]
pub(super) struct IncrementalSettings {
    pub(super) strategy: Option<StrategyName>,
    pub(super) unique_key: Vec<String>,
    pub(super) on_schema_change: OnModelSchemaChange,
    pub(super) update_columns: Option<Vec<String>>,
    pub(super) exclude_columns: Vec<String>,
    pub(super) predicates: Vec<String>,
    pub(super) full_refresh: Option<bool>,
    pub(super) batch_size: Option<BatchSize>,
    pub(super) lookback: u32,
    pub(super) begin: Option<DateTime<Utc>>,
}

/// dbt's names of the strategies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StrategyName {
    Append,
    Merge,
    DeleteInsert,
    InsertOverwrite,
    Microbatch,
}

/// What a snapshot is set to.
#[derive(Debug, Clone, Default)]
pub(super) struct SnapshotSettings {
    /// `timestamp` or `check`.
    pub(super) strategy: Option<String>,
    pub(super) updated_at: Option<String>,
    /// Empty for `all`.
    pub(super) check_columns: Option<Vec<String>>,
    pub(super) hard_deletes: HardDeletes,
    pub(super) valid_to_current: Option<String>,
    pub(super) columns: SnapshotColumns,
    pub(super) target_schema: Option<String>,
}

/// What a test is set to.
#[derive(Debug, Clone)]
pub(super) struct TestSettings {
    pub(super) severity: Severity,
    pub(super) condition: Option<String>,
    pub(super) limit: Option<u64>,
    pub(super) fail_calc: String,
    pub(super) error_if: Threshold,
    pub(super) warn_if: Threshold,
    pub(super) store_failures: Option<bool>,
}

/// Whose settings they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Model,
    Snapshot,
    Seed,
    Test,
}

impl Owner {
    /// The keys that have an effect or say something to people.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Model | Self::Snapshot => MODEL_KEYS,
            Self::Seed => SEED_KEYS,
            Self::Test => TEST_KEYS,
        }
    }

    /// The type of the YAML that says the same.
    fn definition(self) -> &'static str {
        match self {
            Self::Model => "ModelConfig",
            Self::Snapshot => "SnapshotConfig",
            Self::Seed => "SeedConfig",
            Self::Test => "TestConfig",
        }
    }
}

const MODEL_KEYS: &[&str] = &[
    "materialized",
    "schema",
    "alias",
    "tags",
    "enabled",
    "docs",
    "meta",
    "pre_hook",
    "post_hook",
    "partition_by",
    "cluster_by",
    "liquid_clustered_by",
    "contract",
    "event_time",
    "incremental_strategy",
    "unique_key",
    "on_schema_change",
    "merge_update_columns",
    "merge_exclude_columns",
    "incremental_predicates",
    "full_refresh",
    "batch_size",
    "lookback",
    "begin",
    "concurrent_batches",
    "strategy",
    "updated_at",
    "check_cols",
    "invalidate_hard_deletes",
    "hard_deletes",
    "dbt_valid_to_current",
    "snapshot_meta_column_names",
    "target_schema",
    "target_database",
    "database",
    "file_format",
    "group",
    "access",
    "packages",
    "static_analysis",
];

/// Settings of dbt's that other adapters act upon. They are told, so that nobody relies on them.
const WITHOUT_EFFECT: &[&str] = &[
    "grants",
    "sql_header",
    "location_root",
    "tblproperties",
    "buckets",
    "clustered_by",
    "persist_docs",
    "quoting",
    "options",
    "databricks_tags",
];

const SEED_KEYS: &[&str] = &[
    "schema",
    "alias",
    "tags",
    "enabled",
    "docs",
    "meta",
    "pre_hook",
    "post_hook",
    "column_types",
    "delimiter",
    "quote_columns",
    "database",
    "full_refresh",
    "group",
    "event_time",
    "file_format",
];

const TEST_KEYS: &[&str] = &[
    "severity",
    "tags",
    "enabled",
    "meta",
    "where",
    "limit",
    "fail_calc",
    "error_if",
    "warn_if",
    "store_failures",
    "store_failures_as",
    "schema",
    "alias",
    "database",
    "group",
];

/// A setting that cannot be, by its key.
pub(super) type Wrong = (String, Diagnostic);

impl Settings {
    /// Reads the layers. What cannot be is told and stands at its default. `strict` refuses keys that nobody knows; dbt
    /// keeps them for macros to look at.
    pub(super) fn read(layers: &Layers, owner: Owner, strict: bool) -> (Self, Vec<Wrong>) {
        let mut reader = Reader { layers, wrong: Vec::new() };
        reader.known(owner, strict);
        let default = match owner {
            Owner::Snapshot => Materialized::Snapshot,
            _ => Materialized::View,
        };
        let settings = Self {
            materialized: if owner == Owner::Model { reader.materialized(default) } else { default },
            schema: reader.text("schema"),
            alias: reader.text("alias"),
            tags: reader.texts("tags"),
            enabled: reader.flag("enabled").unwrap_or(true),
            before: reader.hooks("pre_hook"),
            after: reader.hooks("post_hook"),
            partition_by: reader.texts("partition_by"),
            cluster_by: [reader.texts("cluster_by"), reader.texts("liquid_clustered_by")].concat(),
            contract: reader.contract(),
            event_time: reader.text("event_time"),
            incremental: reader.incremental(),
            snapshot: reader.snapshot(owner),
            test: reader.test(owner),
        };
        (settings, reader.wrong)
    }
}

impl Default for TestSettings {
    fn default() -> Self {
        Self {
            severity: Severity::Error,
            condition: None,
            limit: None,
            fail_calc: "count(*)".into(),
            error_if: Threshold::ANY,
            warn_if: Threshold::ANY,
            store_failures: None,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::read(&Layers::default(), Owner::Model, false).0
    }
}
