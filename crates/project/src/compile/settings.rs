//! The settings of models, snapshots and tests, read from their layers as types.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{
    BatchSize, Code, Comparison, Diagnostic, HardDeletes, OnModelSchemaChange, Severity, SnapshotColumns, Threshold,
};
use serde_json::Value;

use super::layers::Layers;
use crate::config::known;

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

struct Reader<'a> {
    layers: &'a Layers,
    wrong: Vec<Wrong>,
}

impl Reader<'_> {
    fn tell(&mut self, key: &str, wrong: Diagnostic) {
        self.wrong.push((key.to_owned(), wrong));
    }

    fn expected(&mut self, key: &str, what: &str) {
        let found = self.layers.get(key).map(ToString::to_string).unwrap_or_default();
        let message = format!("expected {what} for `{key}`, found `{found}`");
        self.tell(key, Diagnostic::error(Code::InvalidValue, message));
    }

    fn known(&mut self, owner: Owner, strict: bool) {
        let keys: Vec<String> = self.layers.values().keys().cloned().collect();
        for key in keys {
            if owner.keys().contains(&key.as_str()) {
                continue;
            }
            if WITHOUT_EFFECT.contains(&key.as_str()) {
                let message = format!("the setting `{key}` has no effect on this engine");
                self.tell(&key, Diagnostic::warning(Code::Unsupported, message));
                continue;
            }
            if let Some(help) = known::key(owner.definition(), &key) {
                let message = format!("the setting `{key}` is not supported");
                self.tell(&key, Diagnostic::error(Code::Unsupported, message).help(help));
                continue;
            }
            let near = did_you_mean(&key, owner.keys().iter().copied());
            let message = format!("unknown setting `{key}`");
            match (near, strict) {
                (Some(near), true) => {
                    let wrong = Diagnostic::error(Code::UnknownKey, message).help(format!("did you mean `{near}`?"));
                    self.tell(&key, wrong);
                }
                (Some(near), false) => {
                    let wrong = Diagnostic::warning(Code::UnknownKey, message).help(format!("did you mean `{near}`?"));
                    self.tell(&key, wrong);
                }
                (None, true) => {
                    let help = format!("the settings are `{}`; `meta` takes anything", owner.keys().join("`, `"));
                    self.tell(&key, Diagnostic::error(Code::UnknownKey, message).help(help));
                }
                (None, false) => {}
            }
        }
    }

    fn text(&mut self, key: &str) -> Option<String> {
        match self.layers.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => {
                self.expected(key, "a text");
                None
            }
        }
    }

    fn flag(&mut self, key: &str) -> Option<bool> {
        let flag = match self.layers.get(key)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        };
        if flag.is_none() {
            self.expected(key, "`true` or `false`");
        }
        flag
    }

    fn texts(&mut self, key: &str) -> Vec<String> {
        let texts = match self.layers.get(key) {
            None => return Vec::new(),
            Some(Value::String(text)) => Some(vec![text.clone()]),
            Some(Value::Array(values)) => values.iter().map(|value| value.as_str().map(str::to_owned)).collect(),
            Some(_) => None,
        };
        if texts.is_none() {
            self.expected(key, "a text or a list of texts");
        }
        texts.unwrap_or_default()
    }

    fn number(&mut self, key: &str) -> Option<u64> {
        let number = match self.layers.get(key)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.expected(key, "a whole number that is not negative");
        }
        number
    }

    /// One of a few words.
    fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        if let Some((_, value)) = choices.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text)) {
            return Some(*value);
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let help = match did_you_mean(&text, words.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it is one of `{}`", words.join("`, `")),
        };
        self.tell(key, Diagnostic::error(Code::InvalidValue, format!("`{key}` cannot be `{text}`")).help(help));
        None
    }

    fn materialized(&mut self, default: Materialized) -> Materialized {
        let Some(word) = self.text("materialized") else { return default };
        match word.as_str() {
            "table" => Materialized::Table,
            "view" => Materialized::View,
            "ephemeral" => Materialized::Ephemeral,
            "incremental" => Materialized::Incremental,
            "snapshot" => Materialized::Snapshot,
            _ => {
                let wrong = match known::value("Materialized", &word) {
                    Some(help) => {
                        Diagnostic::error(Code::Unsupported, format!("a model cannot be `{word}`")).help(help)
                    }
                    None => {
                        let there = ["table", "view", "incremental", "ephemeral"];
                        let help = match did_you_mean(&word, there) {
                            Some(near) => format!("did you mean `{near}`?"),
                            None => "`table`, `view`, `incremental` and `ephemeral` are there".into(),
                        };
                        let message = format!("no materialization is named `{word}`");
                        Diagnostic::error(Code::InvalidValue, message).help(help)
                    }
                };
                self.tell("materialized", wrong);
                default
            }
        }
    }

    /// Hooks: a text, a list of texts, or dbt's `{sql: …, transaction: …}`.
    fn hooks(&mut self, key: &str) -> Vec<String> {
        let mut hooks = Vec::new();
        let values = match self.layers.get(key) {
            None => return hooks,
            Some(Value::Array(values)) => values.clone(),
            Some(one) => vec![one.clone()],
        };
        for value in values {
            match &value {
                Value::String(sql) => hooks.push(sql.clone()),
                Value::Object(map) if map.get("sql").is_some_and(Value::is_string) => {
                    hooks.extend(map.get("sql").and_then(Value::as_str).map(str::to_owned));
                }
                _ => {
                    self.expected(key, "SQL, or a list of SQL");
                    break;
                }
            }
        }
        hooks
    }

    fn contract(&mut self) -> bool {
        match self.layers.get("contract") {
            None => false,
            Some(Value::Object(map)) => map.get("enforced").and_then(Value::as_bool).unwrap_or(false),
            Some(Value::Bool(enforced)) => *enforced,
            Some(_) => {
                self.expected("contract", "`{ enforced: true }`");
                false
            }
        }
    }

    fn incremental(&mut self) -> IncrementalSettings {
        let strategies = [
            ("append", StrategyName::Append),
            ("merge", StrategyName::Merge),
            ("delete+insert", StrategyName::DeleteInsert),
            ("delete_insert", StrategyName::DeleteInsert),
            ("insert_overwrite", StrategyName::InsertOverwrite),
            ("microbatch", StrategyName::Microbatch),
        ];
        let changes = [
            ("ignore", OnModelSchemaChange::Ignore),
            ("fail", OnModelSchemaChange::Fail),
            ("append_new_columns", OnModelSchemaChange::AppendNewColumns),
            ("sync_all_columns", OnModelSchemaChange::SyncAllColumns),
        ];
        let sizes = [
            ("hour", BatchSize::Hour),
            ("day", BatchSize::Day),
            ("month", BatchSize::Month),
            ("year", BatchSize::Year),
        ];
        IncrementalSettings {
            strategy: match self.text("incremental_strategy").as_deref() {
                None | Some("default") => None,
                Some(_) => self.choice("incremental_strategy", &strategies),
            },
            unique_key: self.texts("unique_key"),
            on_schema_change: self.choice("on_schema_change", &changes).unwrap_or_default(),
            update_columns: self
                .layers
                .get("merge_update_columns")
                .is_some()
                .then(|| self.texts("merge_update_columns")),
            exclude_columns: self.texts("merge_exclude_columns"),
            predicates: self.texts("incremental_predicates"),
            full_refresh: self.flag("full_refresh"),
            batch_size: self.choice("batch_size", &sizes),
            lookback: self.number("lookback").map_or(1, |number| u32::try_from(number).unwrap_or(u32::MAX)),
            begin: self.instant("begin"),
        }
    }

    fn instant(&mut self, key: &str) -> Option<DateTime<Utc>> {
        let text = self.text(key)?;
        let parsed = DateTime::parse_from_rfc3339(&text).map(|instant| instant.with_timezone(&Utc)).ok();
        let without_zone = || {
            let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
            forms.iter().find_map(|form| NaiveDateTime::parse_from_str(&text, form).ok())
        };
        let day = || NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
        let found = parsed.or_else(|| without_zone().or_else(day).map(|naive| naive.and_utc()));
        if found.is_none() {
            self.expected(key, "a day or an instant such as `2024-01-31` or `2024-01-31T06:00:00Z`");
        }
        found
    }

    fn snapshot(&mut self, owner: Owner) -> SnapshotSettings {
        if owner != Owner::Snapshot {
            return SnapshotSettings::default();
        }
        let deletes = [
            ("ignore", HardDeletes::Ignore),
            ("invalidate", HardDeletes::Invalidate),
            ("new_record", HardDeletes::NewRecord),
        ];
        let invalidate = self.flag("invalidate_hard_deletes").unwrap_or(false);
        let older = if invalidate { HardDeletes::Invalidate } else { HardDeletes::Ignore };
        let all = self.layers.get("check_cols").and_then(Value::as_str).is_some_and(|text| text == "all");
        SnapshotSettings {
            strategy: self.text("strategy"),
            updated_at: self.text("updated_at"),
            check_columns: match self.layers.get("check_cols") {
                None => None,
                Some(_) if all => Some(Vec::new()),
                Some(_) => Some(self.texts("check_cols")),
            },
            hard_deletes: self.choice("hard_deletes", &deletes).unwrap_or(older),
            valid_to_current: self.text("dbt_valid_to_current"),
            columns: self.snapshot_columns(),
            target_schema: self.text("target_schema"),
        }
    }

    fn snapshot_columns(&mut self) -> SnapshotColumns {
        let mut columns = SnapshotColumns::default();
        let Some(names) = self.layers.get("snapshot_meta_column_names") else { return columns };
        let Value::Object(names) = names.clone() else {
            self.expected("snapshot_meta_column_names", "a map");
            return columns;
        };
        for (key, value) in names {
            let slot = match key.as_str() {
                "dbt_scd_id" => &mut columns.scd_id,
                "dbt_updated_at" => &mut columns.updated_at,
                "dbt_valid_from" => &mut columns.valid_from,
                "dbt_valid_to" => &mut columns.valid_to,
                "dbt_is_deleted" => &mut columns.is_deleted,
                _ => {
                    let message = format!("a snapshot adds no column `{key}`");
                    self.tell("snapshot_meta_column_names", Diagnostic::error(Code::UnknownKey, message));
                    continue;
                }
            };
            match value {
                Value::String(name) => *slot = name,
                _ => self.expected("snapshot_meta_column_names", "a map of texts"),
            }
        }
        columns
    }

    fn test(&mut self, owner: Owner) -> TestSettings {
        if owner != Owner::Test {
            return TestSettings::default();
        }
        let severities = [("error", Severity::Error), ("warn", Severity::Warning)];
        TestSettings {
            severity: self.choice("severity", &severities).unwrap_or(Severity::Error),
            condition: self.text("where"),
            limit: self.number("limit"),
            fail_calc: self.text("fail_calc").unwrap_or_else(|| "count(*)".into()),
            error_if: self.threshold("error_if"),
            warn_if: self.threshold("warn_if"),
            store_failures: match self.layers.get("store_failures_as").and_then(Value::as_str) {
                Some("table" | "view") => Some(true),
                Some(_) => Some(false),
                None => self.flag("store_failures"),
            },
        }
    }

    fn threshold(&mut self, key: &str) -> Threshold {
        let Some(text) = self.text(key) else { return Threshold::ANY };
        let found = threshold(&text);
        if found.is_none() {
            self.expected(key, "a comparison such as `!= 0` or `> 10`");
        }
        found.unwrap_or(Threshold::ANY)
    }
}

fn threshold(text: &str) -> Option<Threshold> {
    let comparisons = [
        ("!=", Comparison::NotEqual),
        ("<>", Comparison::NotEqual),
        (">=", Comparison::GreaterOrEqual),
        ("<=", Comparison::LessOrEqual),
        ("==", Comparison::Equal),
        ("=", Comparison::Equal),
        (">", Comparison::Greater),
        ("<", Comparison::Less),
    ];
    let text = text.trim();
    let (word, comparison) = comparisons.into_iter().find(|(word, _)| text.starts_with(word))?;
    Some(Threshold { comparison, count: text[word.len()..].trim().parse().ok()? })
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
