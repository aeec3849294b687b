//! Settings as types, one kind of value at a time.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{
    BatchSize, Code, Comparison, Diagnostic, HardDeletes, OnModelSchemaChange, Severity, SnapshotColumns, Threshold,
};
use serde_json::Value;

use super::{
    IncrementalSettings, Materialized, Owner, SnapshotSettings, StrategyName, TestSettings, WITHOUT_EFFECT, Wrong,
};
use crate::compile::layers::Layers;
use crate::config::known;

/// Reads layers. What cannot be is told and stands at its default.
pub(super) struct Reader<'a> {
    pub(super) layers: &'a Layers,
    pub(super) wrong: Vec<Wrong>,
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

    pub(super) fn known(&mut self, owner: Owner, strict: bool) {
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

    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        match self.layers.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => {
                self.expected(key, "a text");
                None
            }
        }
    }

    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
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

    pub(super) fn texts(&mut self, key: &str) -> Vec<String> {
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

    pub(super) fn materialized(&mut self, default: Materialized) -> Materialized {
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
    pub(super) fn hooks(&mut self, key: &str) -> Vec<String> {
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

    pub(super) fn contract(&mut self) -> bool {
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

    pub(super) fn incremental(&mut self) -> IncrementalSettings {
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

    pub(super) fn snapshot(&mut self, owner: Owner) -> SnapshotSettings {
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

    pub(super) fn test(&mut self, owner: Owner) -> TestSettings {
        if owner != Owner::Test {
            return TestSettings::default();
        }
        let severities = [("error", Severity::Error), ("warn", Severity::Warning)];
        let stored_as = self.layers.get("store_failures_as").and_then(Value::as_str).map(str::to_owned);
        if stored_as.as_deref() == Some("view") {
            let warning = Diagnostic::warning(Code::Unsupported, "failing rows are kept in a table, not in a view")
                .help("write `store_failures_as: table`");
            self.tell("store_failures_as", warning);
        }
        TestSettings {
            severity: self.choice("severity", &severities).unwrap_or(Severity::Error),
            condition: self.text("where"),
            limit: self.number("limit"),
            fail_calc: self.text("fail_calc").unwrap_or_else(|| "count(*)".into()),
            error_if: self.threshold("error_if"),
            warn_if: self.threshold("warn_if"),
            store_failures: match stored_as.as_deref() {
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
