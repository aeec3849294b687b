//! The YAML files as serde types: their doc comments are the user's documentation, their shape is the JSON Schema.
//!
//! A type of this module says what may be written, not what it means: the modules beside [`super::check`] resolve it.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

pub(crate) mod column;
pub(crate) mod constraints;
pub(crate) mod dbt_project;
pub(crate) mod described;
pub(crate) mod engine;
pub(crate) mod generate;
pub(crate) mod ingest;
pub(crate) mod models;
pub(crate) mod options;
pub(crate) mod packages;
pub(crate) mod project;
pub(crate) mod settings;
pub(crate) mod snapshots;
pub(crate) mod sources;
pub(crate) mod tests;

/// One text or a list of texts.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    pub(crate) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

/// Read, checked by no one, shown to no one: documentation that dbt's users keep beside their models.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Ignored(#[expect(dead_code, reason = "the key may be there; what it holds has no effect")] Value);

/// A text, a number or a boolean.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Plain(pub(crate) Value);

impl Plain {
    /// It as a text.
    pub(crate) fn text(&self) -> String {
        match &self.0 {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

impl JsonSchema for Plain {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Plain".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A text, a number or a boolean. By YAML 1.2, `yes`, `no`, `on` and `off` are texts.",
            "type": ["string", "number", "boolean"],
        })
    }
}

/// A number, or a number with a unit: `100`, `1%`, `5s`, `10GB`. What it means is read from its text.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Amount(#[expect(dead_code, reason = "its text, as it was written, is what counts")] Value);

impl JsonSchema for Amount {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A number, or a number with a unit.",
            "type": ["string", "number"],
        })
    }
}
