//! The passes that every verb needs: all up to the tests and the hooks. A check ends with them; a plan is put together from
//! what they leave.

use std::sync::Arc;

use headwater_plan::{Diagnostic, Diagnostics};
use headwater_sql::SparkSql;

use super::checks::{Check, Checks};
use super::hooks::Operation;
use super::item::{Index, Item};
use super::resolve::Registry;
use super::typing::Typing;
use super::world::{Facts, Named};
use super::{
    asks_for_graph, defer, docs, graph, graph_json, hooks, item, models, parse, resolve, run_facts, schemas, seeds,
    sources, typing,
};
use crate::config::{Loaded, Request, Scope};
use crate::template::{MacroFiles, Templates};
use crate::world::Outside;

/// What the passes stand on.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) request: &'a Request,
    pub(super) loaded: &'a Loaded,
    pub(super) outside: &'a Arc<dyn Outside>,
    /// Whether anybody wants to know which columns a column is made of.
    pub(super) traces: bool,
}

/// What the passes leave.
pub(super) struct Reached<'r> {
    pub(super) items: &'r [Item<'r>],
    /// The enabled items that stand in no circle, each after all that it reads.
    pub(super) order: &'r [Index],
    pub(super) typing: &'r Typing<'r>,
    pub(super) registry: &'r Registry<'r>,
    pub(super) templates: &'r Templates,
    pub(super) facts: &'r Arc<Facts>,
    pub(super) checks: Vec<Check>,
    pub(super) operations: (Vec<Operation>, Vec<Operation>),
}

/// What is being told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// The project as a whole: its YAML, names, sources, seeds.
    Project,
    /// The first rendering of each model.
    Templates,
    /// Circles.
    Order,
    /// The columns and types of each model.
    Types,
    /// The tests of each.
    Tests,
    /// What runs before and after everything.
    Operations,
    /// What is beside the nodes.
    Beside,
}

/// What is told, and of which part.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) all: Diagnostics,
    /// Where each part begins.
    parts: Vec<(Part, usize)>,
}

impl Told {
    /// What has been told of the project as a whole.
    pub(super) fn new(all: Diagnostics) -> Self {
        Self { all, parts: vec![(Part::Project, 0)] }
    }

    /// What is told from here on is of that part.
    pub(super) fn on(&mut self, part: Part) -> &mut Diagnostics {
        self.parts.push((part, self.all.0.len()));
        &mut self.all
    }

    /// Each with its part.
    pub(super) fn of_parts(&self) -> impl Iterator<Item = (Part, &Diagnostic)> {
        self.all.0.iter().enumerate().map(|(number, told)| {
            let part = self.parts.iter().rev().find(|(_, start)| *start <= number);
            (part.map_or(Part::Project, |(part, _)| *part), told)
        })
    }
}

/// All items as files and YAML tell of them.
fn gathered<'a>(ground: &Ground<'a>, sql: &SparkSql, diagnostics: &mut Diagnostics) -> Vec<Item<'a>> {
    let Ground { request, loaded, outside, .. } = *ground;
    let mut items = sources::gather(loaded, sql, outside.as_ref(), diagnostics);
    items.extend(sources::quarantines(&items));
    items.extend(seeds::gather(loaded, &request.dir, diagnostics));
    items.extend(models::gather(loaded, diagnostics));
    items.extend(request.invocation.inline.as_deref().map(|sql| models::typed_in(loaded, sql)));
    items
}

/// Goes through the passes, with all items or with `known` ones, and does what comes `then`.
pub(super) fn through<R>(
    ground: &Ground<'_>,
    known: Option<Vec<Item<'_>>>,
    told: &mut Told,
    then: impl FnOnce(Reached<'_>, &mut Told) -> R,
) -> R {
    let Ground { request, loaded, outside, traces } = *ground;
    let sql = SparkSql::for_checking();
    let diagnostics = told.on(Part::Project);
    let templates = templates(ground, diagnostics);
    let mut items = known.unwrap_or_else(|| gathered(ground, &sql, diagnostics));
    let registry = Registry::new(loaded, &items, diagnostics);
    let named = Named { docs: docs(loaded), finds_others: loaded.dbt, ..registry.named(&items) };
    let run = run_facts(&request.invocation);
    let facts = Arc::new(Facts::new(&loaded.name, named, Arc::clone(outside), sql.clone(), run));
    let schemas = schemas::Schemas::new(loaded, &templates, &facts);

    let diagnostics = told.on(Part::Templates);
    parse::place(&mut items, &schemas, diagnostics);
    // Once for the texts that name them, and again for those whose own text places them.
    defer(&mut items, &request.invocation);
    registry.tell(&items, &facts);
    let parsed = parse::render(&mut items, &templates, &facts, &schemas, diagnostics);
    defer(&mut items, &request.invocation);
    registry.tell(&items, &facts);
    sources::seeded(&mut items);
    for item in &items {
        if let Some(schema) = &item.schema {
            facts.typed(&item.relation, schema);
        }
    }
    parse::hooks(&mut items, &templates, &facts);
    let makers = item::by_relation(&items, diagnostics);
    let calls = resolve::Calls { registry: &registry, templates: &templates, facts: &facts };
    let resolved = calls.give_reads(&mut items, diagnostics);
    sources::tell_of_needed(&items, diagnostics);
    if asks_for_graph(loaded) {
        facts.give_graph(graph_json(&items));
    }
    let place = |reader, read| calls.place(&items, reader, read);
    let levels = graph::order(&items, &place, told.on(Part::Order));
    let typing = Typing {
        sql: &sql,
        templates: &templates,
        facts: &facts,
        registry: &registry,
        makers: &makers,
        resolved: &resolved,
        moved: &parsed.moved,
        ephemerals: &item::ephemerals(&items),
        lenient: loaded.dbt,
        traces,
    };
    let diagnostics = told.on(Part::Types);
    typing::type_models(&mut items, &levels, &typing, diagnostics);
    typing::seed_hooks(&mut items, &typing, diagnostics);
    let order: Vec<usize> = levels.into_iter().flatten().collect();
    let checks = Checks { loaded, items: &items, registry: &registry, typing: &typing };
    let checks = checks.all(&order, told.on(Part::Tests));
    let diagnostics = told.on(Part::Operations);
    let mut operations = |when, hooks| hooks::operations(&typing, &items, when, hooks, diagnostics);
    let operations = (operations("on-run-start", &loaded.on_run_start), operations("on-run-end", &loaded.on_run_end));
    let (items, order, typing, registry) = (&items, &order, &typing, &registry);
    then(Reached { items, order, typing, registry, templates: &templates, facts: &facts, checks, operations }, told)
}

fn templates(ground: &Ground<'_>, diagnostics: &mut Diagnostics) -> Templates {
    let Ground { request, loaded, .. } = *ground;
    let scope = Scope { project: &loaded.name, vars: &loaded.vars, environ: &request.environ, target: &loaded.target };
    let macros: Vec<MacroFiles<'_>> = loaded
        .packages
        .iter()
        .map(|package| MacroFiles { package: &package.name, files: &package.macro_files, vars: &package.vars })
        .collect();
    Templates::new(&scope, &macros, &loaded.dispatch, diagnostics)
}
