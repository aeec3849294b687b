//! The settings by folder of a `dbt_project.yml`.
//!
//! dbt's rule: `+key` is a setting; a plain key is a setting if its value is no mapping, else the name of a package, a
//! folder or a file.

use std::collections::BTreeMap;

use headwater_plan::Location;
use serde_json::{Map, Value};

use super::shape::Branches;

/// The settings by folder of a `dbt_project.yml`, for each kind of thing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SettingsTree(BTreeMap<SettingsKind, Branch>);

/// The kinds of things that have settings by folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SettingsKind {
    /// `models:`
    Models,
    /// `seeds:`
    Seeds,
    /// `snapshots:`
    Snapshots,
    /// `data_tests:`, or `tests:` as it was called
    Tests,
    /// `sources:`
    Sources,
    /// `unit_tests:`
    UnitTests,
    /// `exposures:`
    Exposures,
}

/// The settings that stand together at one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// The settings: kinds are right, Jinja is expanded (but in hooks).
    pub settings: Map<String, Value>,
    /// Where they stand.
    pub location: Location,
}

/// A folder's settings, and those of what is in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Branch {
    pub(super) own: Option<Layer>,
    pub(super) below: BTreeMap<String, Branch>,
}

impl Branch {
    /// Where the first settings stand.
    pub(super) fn first(&self) -> Option<&Location> {
        let own = self.own.as_ref().map(|layer| &layer.location);
        own.or_else(|| self.below.values().find_map(Self::first))
    }
}

impl SettingsKind {
    /// The type that says what the settings may be.
    pub(super) fn definition(self) -> &'static str {
        match self {
            Self::Models => "ModelConfig",
            Self::Seeds => "SeedConfig",
            Self::Snapshots => "SnapshotConfig",
            Self::Tests => "TestConfig",
            Self::Sources => "SourceConfig",
            Self::UnitTests => "UnitTestConfig",
            Self::Exposures => "DescribedConfig",
        }
    }
}

/// dbt's two spellings of hooks are one.
pub(super) fn normal(settings: Value) -> Map<String, Value> {
    let Value::Object(mut settings) = settings else { return Map::new() };
    for (written, key) in [("pre-hook", "pre_hook"), ("post-hook", "post_hook")] {
        if let Some(value) = settings.shift_remove(written) {
            settings.insert(key.to_owned(), value);
        }
    }
    settings
}

/// Whether a setting's value is a mapping.
pub(super) fn takes_mapping(kind: SettingsKind, key: &str) -> bool {
    let schema = crate::schemas::of_properties();
    let branches = Branches::named(schema, kind.definition());
    let Some(branch) = branches.accepting("object").filter(|branch| branch.has(key)) else { return false };
    branch.property(schema, key).is_some_and(|value| value.accepting("object").is_some())
}

impl SettingsTree {
    /// The settings that hold for a thing, least specific first; `fqn` is package, folders, name.
    pub fn layers(&self, kind: SettingsKind, fqn: &[&str]) -> Vec<&Layer> {
        let mut layers = Vec::new();
        let mut branch = self.0.get(&kind);
        for part in fqn {
            let Some(here) = branch else { return layers };
            layers.extend(&here.own);
            branch = here.below.get(*part);
        }
        layers.extend(branch.and_then(|branch| branch.own.as_ref()));
        layers
    }

    /// All settings of a kind.
    pub(super) fn branch(&self, kind: SettingsKind) -> Option<&Branch> {
        self.0.get(&kind)
    }

    pub(super) fn set(&mut self, kind: SettingsKind, branch: Branch) {
        self.0.insert(kind, branch);
    }
}
