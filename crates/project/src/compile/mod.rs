//! Project files to [`Plan`], pass by pass. Each pass tells every error that it finds; what follows from an error that
//! has been told is left out silently, so that nobody reads one mistake twice.
//!
//! | pass | file |
//! |---|---|
//! | read YAML, `.env` and the lists of files | [`crate::config`] |
//! | source tables and their contracts | [`sources`], [`constraints`] |
//! | seeds and their columns | [`seeds`] |
//! | models and snapshots: match files with YAML, name their tables | [`models`], [`layers`], [`settings`], [`schemas`] |
//! | the first rendering: settings, what is read | [`parse`] |
//! | what `ref` and `source` mean | [`resolve`] |
//! | order, circles | [`graph`] |
//! | the second rendering where it differs; columns and types | [`typing`], [`upstream`], [`world`], [`contract`] |
//! | hooks | [`hooks`] |
//! | what templates ask of `information_schema` | [`information_schema`] |
//! | tests as SQL | [`checks`], [`generic`], [`unit_tests`] |
//! | nodes and their fingerprints | [`assemble`], [`incremental`], [`inline`], [`about`], [`fingerprint`] |
//! | what can be generated | [`generators`] |
//!
//! [`front`] calls the passes that every verb needs, in this order. [`again`] is the check, which needs no plan and does again
//! only what must be done again.
//!
//! A template that asks for rows which nobody can tell yet makes its node late ([`headwater_plan::Late`]), and all that
//! reads it: the same passes compile it once those rows are there.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use headwater_plan::{Diagnostic, Diagnostics, Environment, Location, NodeKind, Plan};
use serde_json::{Map, Value, json};

use crate::config::{self, Loaded, Request};
use crate::generate::GenerateTable;
use crate::invocation::Invocation;
use crate::template::{self, Phase, RunFacts, Template, Templates, blocks};
use crate::world::Outside;
use front::{Ground, Reached, Told};

mod about;
mod again;
mod asked;
mod assemble;
mod beside;
mod checks;
mod constraints;
mod contract;
mod fingerprint;
mod front;
mod generators;
mod generic;
mod graph;
mod hooks;
mod incremental;
mod information_schema;
mod inline;
mod item;
mod layers;
mod models;
mod parse;
mod resolve;
mod schemas;
mod seeds;
mod settings;
mod sources;
mod typing;
mod unit_tests;
mod upstream;
mod world;

pub use again::{Checked, Keep, check};

/// What a project's files come to.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The plan; `None` if there are errors.
    pub plan: Option<Plan>,
    /// Every error and warning.
    pub diagnostics: Diagnostics,
    /// The source tables that `headwater generate` can write files for. Errors in models do not stop it.
    pub generators: Vec<GenerateTable>,
    /// The environment, as soon as `headwater.yml` tells it.
    pub environment: Option<Environment>,
}

/// Compiles a project without touching data. The world outside is asked for the columns of sources that declare none,
/// and for rows by templates that cannot do without.
pub fn compile(request: &Request, outside: &Arc<dyn Outside>) -> Compiled {
    let (loaded, diagnostics) = config::load(request, &template::yaml);
    let Some(loaded) = loaded else {
        let environment = config::environment(request, &template::yaml).ok();
        return Compiled { plan: None, diagnostics, generators: Vec::new(), environment };
    };
    let mut told = Told::new(diagnostics);
    let (plan, generators) = passes(&Ground { request, loaded: &loaded, outside, traces: true }, &mut told);
    let mut diagnostics = told.all;
    sort(&mut diagnostics);
    let plan = plan.filter(|_| !diagnostics.has_errors());
    Compiled { plan, diagnostics, generators, environment: Some(loaded.environment) }
}

/// The environment alone: `headwater.yml` and nothing else is read.
///
/// # Errors
/// All that is wrong with `headwater.yml`.
pub fn environment(request: &Request) -> Result<Environment, Diagnostics> {
    config::environment(request, &template::yaml)
}

/// What the project's own files say, without its models: its name, its folders, the environment.
///
/// # Errors
/// All that is wrong with `headwater.yml` and `dbt_project.yml`.
pub fn project(request: &Request) -> Result<config::Project, Diagnostics> {
    match config::project(request, &template::yaml) {
        (Some(project), found) if !found.has_errors() => Ok(project),
        (_, found) => Err(found),
    }
}

fn passes(ground: &Ground<'_>, told: &mut Told) -> (Option<Plan>, Vec<GenerateTable>) {
    let loaded = ground.loaded;
    front::through(ground, None, told, |reached, told| {
        let generators = generators::gather(loaded, reached.templates, reached.facts);
        if told.all.has_errors() {
            return (None, generators);
        }
        (Some(planned(ground, reached, &mut told.all)), generators)
    })
}

fn planned(ground: &Ground<'_>, reached: Reached<'_>, diagnostics: &mut Diagnostics) -> Plan {
    let loaded = ground.loaded;
    let Reached { items, order, typing, registry, templates, facts, checks, operations } = reached;
    let assembly = assemble::Assembly {
        items,
        order,
        typing,
        expand: &|package, text| described(templates, facts, package, text),
        asked: ground.request.invocation.event_time,
    };
    let nodes = assembly.nodes(checks, operations, diagnostics);
    let gathering = beside::Gathering { loaded, items, registry, templates, facts, expand: assembly.expand };
    let beside = gathering.all(diagnostics);
    Plan { project: loaded.name.clone(), environment: loaded.environment.clone(), nodes, beside }
}

/// Puts the items that `--defer` reads from elsewhere there.
fn defer(items: &mut [item::Item<'_>], invocation: &Invocation) {
    for item in items {
        if let Some(elsewhere) = invocation.deferred.get(&item.id) {
            item.relation.clone_from(elsewhere);
        }
    }
}

/// What templates may ask of the command.
fn run_facts(invocation: &Invocation) -> RunFacts {
    RunFacts {
        started_at: invocation.started_at,
        invocation_id: invocation.id.clone(),
        // Everything but `compile` renders what a run would.
        command: invocation.command.clone(),
        full_refresh: invocation.full_refresh,
        store_failures: invocation.store_failures,
        empty: false,
        selected: invocation.selected.clone(),
    }
}

/// Whether any template may look at the graph: it is large, and few do.
fn asks_for_graph(loaded: &Loaded) -> bool {
    let files = |package: &'_ config::Package| {
        let sql = package.model_files.iter().chain(&package.macro_files).chain(&package.test_files);
        sql.chain(&package.snapshot_files).any(|file| file.text.contains("graph"))
    };
    loaded.packages.iter().any(files)
}

/// The blocks `{% docs x %}` of all packages.
fn docs(loaded: &Loaded) -> HashMap<(String, String), String> {
    let mut docs = HashMap::new();
    for package in &loaded.packages {
        for file in &package.doc_files {
            for block in blocks(&file.text, "docs") {
                let name = block.name.clone();
                docs.insert((package.name.clone(), name), file.text[block.body.clone()].trim().to_owned());
            }
        }
    }
    docs
}

/// A description with its `{{ doc('x') }}` expanded; one that does not render stays as it is written.
fn described(templates: &Templates, facts: &Arc<world::Facts>, package: &str, text: &str) -> String {
    if !text.contains("{{") {
        return text.to_owned();
    }
    let template = Template { path: std::path::Path::new("description"), text, package, this: None };
    let world = world::NodeWorld::shared(facts, Value::Null);
    templates.render(template, &world, Phase::Parse).map_or_else(|_| text.to_owned(), |rendered| rendered.text)
}

/// dbt's `graph`.
fn graph_json(items: &[item::Item<'_>]) -> Value {
    let mut nodes = Map::new();
    let mut sources = Map::new();
    for item in items.iter().filter(|item| item.enabled) {
        let mut entry = about::graph_json(item);
        if item.kind == NodeKind::Source {
            sources.insert(item.id.0.clone(), entry);
            continue;
        }
        let reads: Vec<&str> = item.reads.iter().map(|read| items[*read].id.0.as_str()).collect();
        entry["depends_on"] = json!({ "nodes": reads, "macros": item.macros });
        nodes.insert(item.id.0.clone(), entry);
    }
    json!({ "nodes": nodes, "sources": sources, "exposures": {}, "metrics": {}, "groups": {} })
}

/// By file, line and column, so that the reader goes through each file once; errors without a place come first. What a
/// loop of a template repeats is told once. The order does not depend on that in which things were found.
fn sort(diagnostics: &mut Diagnostics) {
    let place = |location: &Option<Location>| {
        location.as_ref().map(|location| (location.file.clone(), location.line, location.column))
    };
    let more =
        |wrong: &Diagnostic| (wrong.message.clone(), wrong.node.clone(), wrong.help.clone(), wrong.causes.clone());
    diagnostics.0.sort_by_cached_key(|wrong| (place(&wrong.location), more(wrong)));
    let mut told = HashSet::new();
    diagnostics.0.retain(|wrong| told.insert((place(&wrong.location), wrong.message.clone())));
}
