//! Project files to [`Plan`], pass by pass. Each pass tells every error that it finds; what follows from an error that
//! has been told is left out silently, so that nobody reads one mistake twice.
//!
//! | pass | file |
//! |---|---|
//! | read YAML, `.env` and the lists of files | [`crate::config`] |
//! | source tables and their contracts | [`sources`], [`constraints`] |
//! | seeds and their columns | [`seeds`] |
//! | models: match files with YAML, render, read settings | [`models`], [`settings`] |
//! | what `ref` and `source` mean | [`resolve`] |
//! | order, circles | [`graph`] |
//! | columns and types | [`typing`] |
//! | tests as SQL | [`checks`], [`generic`] |
//! | nodes and their fingerprints | [`assemble`], [`fingerprint`] |
//! | what can be generated | [`generators`] |

use std::collections::HashSet;

use headwater_plan::{Diagnostics, Environment, Location, Plan};
use headwater_sql::{Relations, SparkSql};

use crate::config::{self, Loaded, Request, Scope};
use crate::generate::GenerateTable;
use crate::template::{self, Templates};

mod assemble;
mod checks;
mod constraints;
mod fingerprint;
mod generators;
mod generic;
mod graph;
mod item;
mod models;
mod resolve;
mod seeds;
mod settings;
mod sources;
mod typing;

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

/// Compiles a project without touching data. The lake is asked for the columns of sources that declare none.
pub fn compile(request: &Request, lake: &dyn Relations) -> Compiled {
    let (loaded, mut diagnostics) = config::load(request, &template::yaml);
    let Some(loaded) = loaded else {
        let environment = config::environment(request, &template::yaml).ok();
        return Compiled { plan: None, diagnostics, generators: Vec::new(), environment };
    };
    let (plan, generators) = passes(request, &loaded, lake, &mut diagnostics);
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

fn passes(
    request: &Request,
    loaded: &Loaded,
    lake: &dyn Relations,
    diagnostics: &mut Diagnostics,
) -> (Option<Plan>, Vec<GenerateTable>) {
    let sql = SparkSql::for_checking();
    let scope = Scope { project: &loaded.name, vars: &loaded.vars, environ: &request.environ, target: &loaded.target };
    let templates = Templates::new(&scope, &loaded.macro_files, diagnostics);

    let mut items = sources::gather(loaded, &sql, lake, diagnostics);
    items.extend(sources::quarantines(&items));
    items.extend(seeds::gather(loaded, &request.dir, diagnostics));
    items.extend(models::gather(loaded, diagnostics));
    let registry = resolve::Registry::new(loaded, &items, diagnostics);
    let relations = registry.relations(&items);
    let relations = models::render(&mut items, &templates, relations, diagnostics);
    let makers = item::by_relation(&items, diagnostics);
    let calls = resolve::Calls { registry: &registry, templates: &templates, relations: &relations };
    let resolved = calls.give_reads(&mut items, diagnostics);
    let order = graph::order(&items, &|reader, read| calls.place(&items, reader, read), diagnostics);
    let typing = typing::Typing {
        sql: &sql,
        templates: &templates,
        relations: &relations,
        makers: &makers,
        resolved: &resolved,
    };
    typing::type_models(&mut items, &order, &typing, diagnostics);
    let checks = checks::Checks { loaded, items: &items, registry: &registry, typing: &typing };
    let checks = checks.all(&order, diagnostics);
    let generators = generators::gather(loaded, &templates, &relations);
    if diagnostics.has_errors() {
        return (None, generators);
    }
    let nodes = assemble::nodes(&items, &order, checks, diagnostics);
    let plan = Plan { project: loaded.name.clone(), environment: loaded.environment.clone(), nodes };
    (Some(plan), generators)
}

/// By file, line and column, so that the reader goes through each file once; errors without a place come first. What a
/// loop of a template repeats is told once.
fn sort(diagnostics: &mut Diagnostics) {
    let place = |location: &Option<Location>| {
        location.as_ref().map(|location| (location.file.clone(), location.line, location.column))
    };
    let mut told = HashSet::new();
    diagnostics.0.retain(|wrong| told.insert((place(&wrong.location), wrong.message.clone())));
    diagnostics.0.sort_by_cached_key(|wrong| place(&wrong.location));
}
