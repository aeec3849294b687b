//! `list`: the nodes that a selection names, as dbt lists them.

use headwater_plan::{Diagnostics, Exposure, Node, NodeKind, Plan};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::Context;
use crate::artefacts::{self, Writer};
use crate::choice::Choice;
use crate::selection::chosen;

/// The selected nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// In the plan's order, exposures after them.
    pub nodes: Vec<Listed>,
    /// What the user should know.
    pub warnings: Diagnostics,
}

/// A selected node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// What selects it and nothing else: `shop.gold.revenue`, `source:shop.rental.vehicles`.
    pub selector: String,
    /// Its name.
    pub name: String,
    /// Its file, relative to the project.
    pub path: String,
    /// What dbt's manifest says of it.
    pub node: Map<String, Value>,
}

/// The keys that dbt shows when none are asked for.
pub const DEFAULT_KEYS: [&str; 10] = [
    "alias",
    "name",
    "package_name",
    "depends_on",
    "tags",
    "config",
    "resource_type",
    "source_name",
    "original_file_path",
    "unique_id",
];

impl Listed {
    /// The keys of the node that were asked for, in that order; those that dbt shows when none were.
    pub fn keys(&self, asked: &[String]) -> Map<String, Value> {
        let default = DEFAULT_KEYS.map(str::to_owned);
        let keys = if asked.is_empty() { &default[..] } else { asked };
        keys.iter().filter_map(|key| Some((key.clone(), self.node.get(key)?.clone()))).collect()
    }
}

/// Lists the selected nodes; writes the manifest.
///
/// # Errors
/// Mistakes in the project or in the selection.
pub async fn list(context: &Context, choice: &Choice) -> Result<Listing, Diagnostics> {
    let (project, selected) = chosen(context, choice, "list").await?;
    let plan = &project.plan;
    let writer = Writer::new(&project.request, context);
    let manifest = artefacts::manifest::manifest(plan, &writer);
    writer.write(artefacts::manifest::MANIFEST, &manifest)?;
    let entry = |id: &str| {
        let sections = ["nodes", "sources", "unit_tests", "exposures"];
        let found = sections.iter().find_map(|section| manifest.get(*section)?.get(id)?.as_object());
        found.cloned().unwrap_or_default()
    };
    let nodes = plan.nodes.values().filter(|node| node.kind != NodeKind::Operation && selected.contains(&node.id));
    let mut listed: Vec<Listed> = nodes.map(|node| of_node(node, plan, entry(&node.id.0))).collect();
    let exposures = plan.beside.exposures.iter().filter(|exposure| selected.contains(&exposure.id));
    listed.extend(exposures.map(|exposure| of_exposure(exposure, entry(&exposure.id.0))));
    Ok(Listing { nodes: listed, warnings: project.warnings })
}

fn of_node(node: &Node, plan: &Plan, entry: Map<String, Value>) -> Listed {
    let package = artefacts::package(node, plan);
    let selector = match node.kind {
        NodeKind::Source => format!("source:{package}.{}", node.name),
        NodeKind::UnitTest => format!("unit_test:{package}.{}", node.name),
        _ if node.about.fqn.is_empty() => format!("{package}.{}", node.name),
        _ => node.about.fqn.join("."),
    };
    Listed { selector, name: node.name.clone(), path: node.location.file.display().to_string(), node: entry }
}

fn of_exposure(exposure: &Exposure, mut entry: Map<String, Value>) -> Listed {
    entry.entry("resource_type").or_insert_with(|| json!("exposure"));
    Listed {
        selector: format!("exposure:{}.{}", exposure.package, exposure.name),
        name: exposure.name.clone(),
        path: exposure.location.file.display().to_string(),
        node: entry,
    }
}
