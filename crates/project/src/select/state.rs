//! An earlier state of the project: its `manifest.json`, and how its nodes ended by `run_results.json`.
//!
//! Both may be Headwater's or dbt's own. What is compared is what changes a node's result: its text, its settings, its
//! name in the lake, its contract, the macros that it calls. Settings that say only where or under which tag a node is
//! listed are not compared, as in dbt.

use std::collections::{BTreeMap, BTreeSet};

use headwater_plan::{Node, NodeId, Plan};
use serde_json::{Map, Value};

use super::matching::Thing;

/// How a thing changed since the earlier state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    New,
    Body,
    Configs,
    Relation,
    Descriptions,
    Macros,
    Contract,
}

impl Change {
    /// The values of `state:`; `None` for those that are not one kind of change.
    pub(super) const WORDS: &[(&str, Option<Self>)] = &[
        ("new", Some(Self::New)),
        ("modified", None),
        ("old", None),
        ("unmodified", None),
        ("modified.body", Some(Self::Body)),
        ("modified.configs", Some(Self::Configs)),
        ("modified.relation", Some(Self::Relation)),
        ("modified.persisted_descriptions", Some(Self::Descriptions)),
        ("modified.macros", Some(Self::Macros)),
        ("modified.contract", Some(Self::Contract)),
    ];

    /// The word for it: `new`, `body`, `configs`, and so on.
    fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Body => "body",
            Self::Configs => "configs",
            Self::Relation => "relation",
            Self::Descriptions => "persisted_descriptions",
            Self::Macros => "macros",
            Self::Contract => "contract",
        }
    }
}

/// Settings that are not compared: they change no row.
const NOT_COMPARED: &[&str] = &["alias", "schema", "database", "tags", "group", "docs", "enabled"];

/// An earlier state, beside the project as it is now.
#[derive(Debug, Clone, Default)]
pub struct State {
    changes: BTreeMap<NodeId, BTreeSet<Change>>,
    ends: BTreeMap<NodeId, String>,
}

impl State {
    /// Compares a plan with an earlier `manifest.json`; `results` is the `run_results.json` beside it, if there is one.
    pub fn new(plan: &Plan, manifest: &Value, results: Option<&Value>) -> Self {
        let macros = changed_macros(plan, manifest);
        let earlier = |id: &NodeId, sections: &[&str]| {
            sections.iter().find_map(|section| manifest.get(section)?.get(&id.0)).cloned()
        };
        let mut changes = BTreeMap::new();
        for node in plan.nodes.values() {
            let found = match earlier(&node.id, &["nodes", "sources", "unit_tests"]) {
                Some(before) => changes_of(node, &before, &macros),
                None => BTreeSet::from([Change::New]),
            };
            changes.insert(node.id.clone(), found);
        }
        for exposure in &plan.beside.exposures {
            let found = match earlier(&exposure.id, &["exposures"]) {
                Some(before) => {
                    let same = before.get("depends_on").and_then(|it| it.get("nodes")).is_none_or(|nodes| {
                        let ids: Vec<&str> = nodes.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                        ids.len() == exposure.depends_on.len()
                            && exposure.depends_on.iter().all(|id| ids.contains(&id.0.as_str()))
                    });
                    if same { BTreeSet::new() } else { BTreeSet::from([Change::Body]) }
                }
                None => BTreeSet::from([Change::New]),
            };
            changes.insert(exposure.id.clone(), found);
        }
        Self { changes, ends: results.map(ends).unwrap_or_default() }
    }

    /// How a node changed, in dbt's words; nothing if it did not.
    pub fn changes(&self, id: &NodeId) -> Vec<&'static str> {
        self.changes.get(id).into_iter().flatten().map(|change| change.word()).collect()
    }

    pub(super) fn matches(&self, thing: Thing<'_>, value: &str) -> bool {
        let Some(changes) = self.changes.get(thing.id()) else { return false };
        match value {
            "new" => changes.contains(&Change::New),
            "old" => !changes.contains(&Change::New),
            "modified" => !changes.is_empty(),
            "unmodified" => changes.is_empty(),
            _ => Change::WORDS
                .iter()
                .find(|(word, _)| *word == value)
                .and_then(|(_, change)| *change)
                .is_some_and(|change| changes.contains(&change)),
        }
    }

    /// Whether the earlier run ended it so.
    pub(super) fn ended(&self, id: &NodeId, value: &str) -> bool {
        self.ends.get(id).is_some_and(|end| end == value)
    }
}

fn ends(results: &Value) -> BTreeMap<NodeId, String> {
    let results = results.get("results").and_then(Value::as_array).into_iter().flatten();
    results
        .filter_map(|result| {
            Some((NodeId(result.get("unique_id")?.as_str()?.to_owned()), result.get("status")?.as_str()?.to_owned()))
        })
        .collect()
}

/// The macros whose text is another than it was, or that were not there.
fn changed_macros(plan: &Plan, manifest: &Value) -> BTreeSet<String> {
    let earlier = manifest.get("macros").and_then(Value::as_object);
    let text = |id: &str| earlier?.get(id)?.get("macro_sql")?.as_str();
    let is_other = |macro_: &&headwater_plan::MacroAbout| text(&macro_.id).map(str::trim) != Some(macro_.text.trim());
    plan.beside.macros.iter().filter(is_other).map(|macro_| macro_.id.clone()).collect()
}

fn changes_of(node: &Node, before: &Value, macros: &BTreeSet<String>) -> BTreeSet<Change> {
    let mut changes = BTreeSet::new();
    if !same_body(node, before) || !same_rows(node, before) {
        changes.insert(Change::Body);
    }
    if settings(&node.about.config) != earlier_settings(before) {
        changes.insert(Change::Configs);
    }
    if !same_relation(node, before) {
        changes.insert(Change::Relation);
    }
    if persists_descriptions(&node.about.config) && !same_descriptions(node, before) {
        changes.insert(Change::Descriptions);
    }
    if node.about.macros.iter().any(|id| macros.contains(id)) {
        changes.insert(Change::Macros);
    }
    if !same_contract(node, before) {
        changes.insert(Change::Contract);
    }
    changes
}

/// By its text where both have one; by its checksum otherwise, as for seeds.
fn same_body(node: &Node, before: &Value) -> bool {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    let raw = text(before.get("raw_code"));
    if !raw.is_empty() || !node.about.raw_code.trim().is_empty() {
        return raw == node.about.raw_code.trim();
    }
    let checksum = text(before.get("checksum").and_then(|checksum| checksum.get("checksum")));
    checksum.is_empty() || node.about.checksum.is_empty() || checksum == node.about.checksum
}

/// What makes a unit test: its rows and what it tells templates, where both say something of it.
const OF_UNIT_TESTS: [&str; 3] = ["given", "expect", "overrides"];

fn same_rows(node: &Node, before: &Value) -> bool {
    let both =
        |key: &&str| Some((node.about.config.get(*key)?, before.get(*key).filter(|earlier| !earlier.is_null())?));
    OF_UNIT_TESTS.iter().filter_map(both).all(|(now, earlier)| now == earlier)
}

/// The settings that are compared, without those that say nothing.
fn settings(config: &Map<String, Value>) -> Map<String, Value> {
    let says = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    };
    let compared = config.iter().filter(|(key, value)| !is_compared_elsewhere(key) && says(value));
    let mut compared: Vec<(String, Value)> =
        compared.map(|(key, value)| (key.replace('-', "_"), value.clone())).collect();
    compared.sort_by(|(left, _), (right, _)| left.cmp(right));
    compared.into_iter().collect()
}

fn is_compared_elsewhere(key: &str) -> bool {
    NOT_COMPARED.contains(&key) || OF_UNIT_TESTS.contains(&key)
}

fn earlier_settings(before: &Value) -> Map<String, Value> {
    let said = before.get("unrendered_config").or_else(|| before.get("config")).and_then(Value::as_object);
    said.map(settings).unwrap_or_default()
}

fn same_relation(node: &Node, before: &Value) -> bool {
    let Some(relation) = &node.relation else { return true };
    let text = |key: &str| before.get(key).and_then(Value::as_str);
    let name = text("alias").or_else(|| text("identifier")).or_else(|| text("name"));
    let same = |found: Option<&str>, now: &str| found.is_none_or(|found| found.eq_ignore_ascii_case(now));
    same(text("schema"), &relation.schema) && same(name, &relation.name)
}

fn persists_descriptions(config: &Map<String, Value>) -> bool {
    let says = |key: &str| config.get("persist_docs").and_then(|it| it.get(key)).and_then(Value::as_bool);
    says("relation") == Some(true) || says("columns") == Some(true)
}

fn same_descriptions(node: &Node, before: &Value) -> bool {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let columns = before.get("columns");
    text(before.get("description")) == node.description.clone().unwrap_or_default()
        && node.about.columns.iter().all(|column| {
            let described = columns.and_then(|columns| columns.get(&column.name)).and_then(|it| it.get("description"));
            text(described) == column.description
        })
}

fn same_contract(node: &Node, before: &Value) -> bool {
    let enforced = |config: Option<&Value>| {
        let contract = config.and_then(|it| it.get("contract"));
        contract.and_then(|it| it.get("enforced")).and_then(Value::as_bool).unwrap_or(false)
    };
    let now =
        node.about.config.get("contract").and_then(|it| it.get("enforced")).and_then(Value::as_bool) == Some(true);
    if now != enforced(before.get("config")) {
        return false;
    }
    let columns = before.get("columns").and_then(Value::as_object);
    !now || node.about.columns.iter().all(|column| {
        let declared = columns.and_then(|columns| columns.get(&column.name)?.get("data_type")?.as_str());
        declared.map(str::to_lowercase) == column.data_type.as_ref().map(|it| it.to_string().to_lowercase())
    })
}
