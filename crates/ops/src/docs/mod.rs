//! `docs`: the project as a static site, below `target/docs/`: its graph, its columns and where they come from, its
//! tests, its SQL, and rows of its tables if they are asked for.
//!
//! The site needs nothing but a browser: no server, no network, no other file. The graphs are SVG drawn here; the one
//! script searches. It is made from the plan and from what the lake holds, and from nothing else.
//!
//! | module | owns |
//! |---|---|
//! | `html` | text that is escaped, pages |
//! | `graph` | layers of nodes, drawn as SVG |
//! | `index` | the first page |
//! | `page` | the page of a node |
//! | [`serve`] | the site on this machine |

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use futures::{StreamExt, TryStreamExt};
use headwater_embedded::EmbeddedEngine;
use headwater_lake::Lake;
use headwater_plan::{Diagnostics, Node, NodeKind, Plan, TableName};
use serde::Serialize;
use serde_json::Value;

use crate::artefacts::catalog::{self, CATALOG, Held};
use crate::artefacts::{TARGET, Writer, write_whole};
use crate::choice::Choice;
use crate::compile::write_manifest;
use crate::lineage::{Edges, edges};
use crate::selection::chosen;
use crate::{Context, OpsError, wiring};

mod graph;
mod html;
mod index;
mod page;
pub mod serve;

/// How many tables' logs are read at once.
const AT_ONCE: usize = 8;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DocsReport {
    /// The site's folder.
    pub dir: PathBuf,
    /// The first page.
    pub index: PathBuf,
    /// How many pages it has.
    pub pages: usize,
    /// How many of the project's tables and views the lake has.
    pub relations: usize,
    /// What the user should know.
    pub warnings: Diagnostics,
}

/// What the site is made from.
pub(crate) struct Site<'a> {
    pub(crate) plan: &'a Plan,
    /// Who makes which table or view.
    makers: HashMap<&'a TableName, &'a Node>,
    /// Which columns are made of a column.
    uses: Edges,
    pub(crate) held: BTreeMap<TableName, Held>,
    pub(crate) samples: BTreeMap<TableName, Sample>,
    /// When it was made, for people.
    pub(crate) made: String,
}

/// The first rows of a table.
pub(crate) struct Sample {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Value>>,
}

/// Writes the site, the manifest and the catalog. `samples` is how many rows of each table it shows.
///
/// # Errors
/// Mistakes in the project, a lake that cannot be read, files that cannot be written.
pub async fn generate(context: &Context, choice: &Choice, samples: u64) -> Result<DocsReport, Diagnostics> {
    let (project, selected) = chosen(context, choice, "docs").await?;
    let plan = &project.plan;
    write_manifest(context, &project)?;
    let environment = &plan.environment;
    let lake = wiring::lake(environment, &project.request.environ).await?;
    let held = held(plan, &lake).await?;
    let writer = Writer::new(&project.request, context);
    writer.write(CATALOG, &catalog::catalog(plan, &held, &writer))?;
    let engine = wiring::embedded(environment, lake, &project.request, &context.clock);
    let mut shown = BTreeMap::new();
    for name in held.keys().filter(|_| samples > 0) {
        shown.insert(name.clone(), sample(&engine, name, samples).await?);
    }
    let made = context.clock.now().format("%Y-%m-%d %H:%M UTC").to_string();
    let makers = plan.nodes.values().filter_map(|node| Some((node.relation.as_ref()?, node))).collect();
    let site = Site { plan, makers, uses: edges(plan, true), held, samples: shown, made };
    let dir = project.request.dir.join(TARGET).join("docs");
    let shown = plan.nodes.values().filter(|node| selected.contains(&node.id) && has_page(node));
    let pages = write_site(&site, &dir, &shown.collect::<Vec<_>>())?;
    let index = dir.join("index.html");
    Ok(DocsReport { dir, index, pages, relations: site.held.len(), warnings: project.warnings })
}

/// What the lake has of the plan's tables and views.
async fn held(plan: &Plan, lake: &Lake) -> Result<BTreeMap<TableName, Held>, Diagnostics> {
    let listed = lake.relations().await.map_err(|error| error.diagnostic())?;
    let names: Vec<TableName> = catalog::made(plan, &listed).cloned().collect();
    let held = futures::stream::iter(names)
        .map(|name| async move {
            let relation = lake.relation(&name).await?;
            Ok::<_, headwater_lake::LakeError>(relation.map(|relation| (name, Held::from(&relation))))
        })
        .buffered(AT_ONCE)
        .try_collect::<Vec<_>>()
        .await;
    Ok(held.map_err(|error| error.diagnostic())?.into_iter().flatten().collect())
}

async fn sample(engine: &EmbeddedEngine, name: &TableName, rows: u64) -> Result<Sample, Diagnostics> {
    let (schema, rows) = engine.rows(&format!("SELECT * FROM {} LIMIT {rows}", name.quoted())).await?;
    Ok(Sample { columns: schema.names().map(str::to_owned).collect(), rows })
}

/// Tests stand on the page of what they test; statements on none.
fn has_page(node: &Node) -> bool {
    match node.kind {
        NodeKind::Operation => false,
        _ => !node.step.is_test() || tested(node).is_none(),
    }
}

/// The node that a test is about.
fn tested(node: &Node) -> Option<&headwater_plan::NodeId> {
    match &node.step {
        headwater_plan::Step::Test(test) => test.tested.as_ref(),
        headwater_plan::Step::UnitTest(test) => Some(&test.tested),
        _ => None,
    }
}

/// Writes all pages; those of an earlier site that are no more go.
fn write_site(site: &Site<'_>, dir: &Path, nodes: &[&Node]) -> Result<usize, OpsError> {
    match std::fs::remove_dir_all(dir) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            return Err(OpsError::Unwritable { path: dir.to_owned(), source });
        }
        _ => {}
    }
    let files = [("site.css", include_str!("site.css")), ("site.js", include_str!("site.js"))];
    for (name, text) in files {
        write_whole(&dir.join(name), text.as_bytes())?;
    }
    write_whole(&dir.join("index.html"), index::render(site, nodes).as_bytes())?;
    for node in nodes {
        write_whole(&dir.join(html::file_of(node)), page::render(site, node).as_bytes())?;
    }
    Ok(nodes.len() + 1)
}
