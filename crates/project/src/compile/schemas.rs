//! Which schema and name a node's table gets.
//!
//! Headwater's own rule: the `schema` that the settings name, as it is, else the layer folder, else the environment's.
//! dbt's rule, where a `dbt_project.yml` governs: the environment's schema, and a named one behind it. A macro
//! `generate_schema_name` or `generate_alias_name` of the user's wins over both.

use std::sync::Arc;

use headwater_plan::{Diagnostics, NodeKind, TableName};
use serde_json::{Map, Value, json};

use super::about::model_json;
use super::item::{Body, Item};
use super::world::{Facts, NodeWorld};
use crate::config::Loaded;
use crate::template::{MacroCall, Phase, Templates, Unrendered};

/// The schema of a seed that names none, by Headwater's own rule.
const SEEDS: &str = "seeds";
/// The schema of a snapshot that names none, by Headwater's own rule.
const SNAPSHOTS: &str = "snapshots";

/// Names tables.
pub(super) struct Schemas<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) templates: &'a Templates,
    pub(super) facts: &'a Arc<Facts>,
    /// Whether the user has a macro of his own for them.
    schema_macro: bool,
    alias_macro: bool,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(loaded: &'a Loaded, templates: &'a Templates, facts: &'a Arc<Facts>) -> Self {
        let own =
            |name: &str| templates.finds(&loaded.name, None, name).is_some_and(|id| !id.starts_with("macro.dbt."));
        Self {
            loaded,
            templates,
            facts,
            schema_macro: own("generate_schema_name"),
            alias_macro: own("generate_alias_name"),
        }
    }

    /// Whether settings that nobody knows are mistakes: dbt keeps them for macros.
    pub(super) fn strict(&self) -> bool {
        !self.loaded.dbt
    }

    /// The relation of a model, seed or snapshot as its settings stand.
    pub(super) fn relation(&self, item: &Item<'_>, diagnostics: &mut Diagnostics) -> TableName {
        let settings = &item.settings;
        let schema = match (&settings.snapshot.target_schema, self.schema_macro) {
            (Some(schema), _) if item.kind == NodeKind::Snapshot => schema.clone(),
            (_, true) => {
                let custom = settings.schema.as_deref().map_or(Value::Null, Value::from);
                self.ask(("generate_schema_name", "custom_schema_name"), custom, item, diagnostics)
            }
            (_, false) => self.schema(item),
        };
        let alias = match self.alias_macro {
            true => {
                let custom = settings.alias.as_deref().map_or(Value::Null, Value::from);
                self.ask(("generate_alias_name", "custom_alias_name"), custom, item, diagnostics)
            }
            false => settings.alias.clone().unwrap_or_else(|| item.name.clone()),
        };
        TableName::new(schema, alias)
    }

    fn schema(&self, item: &Item<'_>) -> String {
        let target = &self.loaded.target.schema;
        let custom = item.settings.schema.as_deref().map(str::trim);
        if self.loaded.dbt {
            return custom.map_or_else(|| target.clone(), |custom| format!("{target}_{custom}"));
        }
        let folder = match (&item.body, item.kind) {
            (Body::Seed(_), _) => Some(SEEDS),
            (_, NodeKind::Snapshot) => Some(SNAPSHOTS),
            (Body::Model(model), _) => model.folders.first().map(String::as_str),
            _ => None,
        };
        custom.or(folder).unwrap_or(target).to_owned()
    }

    /// What the user's macro says; an error of it is told, and the own rule holds.
    fn ask(
        &self,
        (name, argument): (&str, &str),
        custom: Value,
        item: &Item<'_>,
        diagnostics: &mut Diagnostics,
    ) -> String {
        let model = model_json(item);
        let world = NodeWorld::shared(self.facts, model.clone());
        let arguments: Map<String, Value> =
            [(argument.to_owned(), custom), ("node".to_owned(), json!(model))].into_iter().collect();
        let call = MacroCall {
            package: &self.loaded.name,
            namespace: None,
            name,
            arguments: &arguments,
            raw: &[],
            this: None,
            location: &item.location,
        };
        match self.templates.call(call, &world, Phase::Compile) {
            Ok(rendered) => rendered.text.trim().to_owned(),
            Err(Unrendered::Wrong(wrong)) => {
                diagnostics.push(wrong.node(item.id.clone()));
                self.own(name, item)
            }
            Err(Unrendered::Later(_)) => self.own(name, item),
        }
    }

    fn own(&self, name: &str, item: &Item<'_>) -> String {
        match name {
            "generate_schema_name" => self.schema(item),
            _ => item.name.clone(),
        }
    }
}
