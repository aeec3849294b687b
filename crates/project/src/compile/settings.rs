//! The settings of models and singular tests: YAML's `config:` under the `config(…)` of the SQL file.

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Diagnostic, Severity};
use serde_json::{Map, Value};

use crate::config::known;

/// How a model is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Materialized {
    Table,
    View,
}

/// What a model or singular test is set to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    pub(super) materialized: Materialized,
    pub(super) schema: Option<String>,
    pub(super) alias: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) enabled: bool,
    pub(super) severity: Severity,
}

impl Default for Settings {
    fn default() -> Self {
        // A model is a view unless it says otherwise, as in dbt.
        Self {
            materialized: Materialized::View,
            schema: None,
            alias: None,
            tags: Vec::new(),
            enabled: true,
            severity: Severity::Error,
        }
    }
}

/// Whose settings they are: it says which keys there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Model,
    Test,
}

impl Owner {
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Model => &["materialized", "schema", "alias", "tags", "enabled", "docs", "meta"],
            Self::Test => &["severity", "tags", "enabled", "meta"],
        }
    }

    /// The type of the YAML that says the same.
    fn definition(self) -> &'static str {
        match self {
            Self::Model => "ModelConfig",
            Self::Test => "TestConfig",
        }
    }
}

impl Settings {
    /// Puts one layer of settings over these; what cannot be is told and left out. Tags add up, as in dbt.
    pub(super) fn apply(&mut self, owner: Owner, layer: &Map<String, Value>) -> Vec<Diagnostic> {
        let mut wrong = Vec::new();
        for (key, value) in layer {
            let known = owner.keys().contains(&key.as_str());
            let result = if known { self.set(key, value) } else { Err(unknown(owner, key)) };
            wrong.extend(result.err());
        }
        wrong
    }

    fn set(&mut self, key: &str, value: &Value) -> Result<(), Diagnostic> {
        let text = || value.as_str().map(str::to_string).ok_or_else(|| expected(key, "a text", value));
        match key {
            "materialized" => self.materialized = materialized(&text()?)?,
            "schema" => self.schema = Some(text()?),
            "alias" => self.alias = Some(text()?),
            "enabled" => self.enabled = value.as_bool().ok_or_else(|| expected(key, "`true` or `false`", value))?,
            "tags" => {
                let tags = match value {
                    Value::Array(tags) => tags.iter().map(|tag| tag.as_str().map(str::to_string)).collect(),
                    Value::String(tag) => Some(vec![tag.clone()]),
                    _ => None,
                };
                for tag in tags.ok_or_else(|| expected(key, "a text or a list of texts", value))? {
                    if !self.tags.contains(&tag) {
                        self.tags.push(tag);
                    }
                }
            }
            "severity" => {
                self.severity = match text()?.to_lowercase().as_str() {
                    "error" => Severity::Error,
                    "warn" => Severity::Warning,
                    _ => return Err(expected(key, "`error` or `warn`", value)),
                }
            }
            // `docs` and `meta` are for people.
            _ => {}
        }
        Ok(())
    }
}

fn materialized(word: &str) -> Result<Materialized, Diagnostic> {
    match word {
        "table" => Ok(Materialized::Table),
        "view" => Ok(Materialized::View),
        _ => {
            if let Some(help) = known::value("Materialized", word) {
                let message = format!("a model cannot be `{word}`");
                return Err(Diagnostic::error(Code::Unsupported, message).help(help));
            }
            let near = did_you_mean(word, ["table", "view"]);
            let help = near.map_or("`table` and `view` are there".into(), |near| format!("did you mean `{near}`?"));
            Err(Diagnostic::error(Code::InvalidValue, format!("no materialization is named `{word}`")).help(help))
        }
    }
}

fn expected(key: &str, what: &str, found: &Value) -> Diagnostic {
    Diagnostic::error(Code::InvalidValue, format!("expected {what} for `{key}`, found `{found}`"))
}

fn unknown(owner: Owner, key: &str) -> Diagnostic {
    if let Some(help) = known::key(owner.definition(), key) {
        return Diagnostic::error(Code::Unsupported, format!("the setting `{key}` is not supported")).help(help);
    }
    let help = match did_you_mean(key, owner.keys().iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the settings are `{}`", owner.keys().join("`, `")),
    };
    Diagnostic::error(Code::UnknownKey, format!("unknown setting `{key}`")).help(help)
}
