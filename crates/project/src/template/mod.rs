//! Jinja as dbt users know it, on minijinja: one text to another, and what it asked for while it rendered.
//!
//! ```text
//! text ─ dialect ─> what minijinja reads ─ minijinja, with `names` as its context ─> text, calls, questions
//! ```
//!
//! | module | owns |
//! |---|---|
//! | [`ask`] | what is rendered, what comes of it, what a template may ask of the compiler |
//! | [`dialect`] | dbt's Jinja as text that minijinja reads with the same meaning; [`scan`] finds its tags |
//! | [`value`] | lists, maps and sets that change in place; texts with Python's methods |
//! | [`library`] | which macros there are, and which one a call reaches; [`builtin`] those of dbt |
//! | [`macros`] | calls of macros: `return`, `varargs`, `kwargs`, `caller` |
//! | [`names`], [`refused`] | what a template may name, and what dbt has and we refuse by name |
//! | [`functions`], [`config`], [`exceptions`], [`adapter`], [`relation`], [`column`], [`query`], [`modules`] | dbt's context |
//! | [`shared`], [`source`] | what all templates of a project share: variables, macros, texts |
//! | [`error`] | minijinja's errors as messages with a place |
//! | [`map`], [`place`] | from a place in rendered SQL back to the template |
//! | [`yaml`](mod@yaml) | Jinja in the strings of YAML files |

use std::path::Path;
use std::sync::Arc;

use headwater_plan::{Diagnostic, Diagnostics, Location, TableName};
use minijinja::Environment;
use minijinja::value::Value;

use crate::config::{Dispatch, Scope};

mod adapter;
mod ask;
mod builtin;
mod column;
mod config;
mod dialect;
mod error;
mod exceptions;
mod filters;
mod functions;
mod lazy;
mod library;
mod macros;
pub(crate) mod map;
mod modules;
mod names;
mod namespace;

pub(crate) mod place;
mod query;
mod refused;
mod relation;
mod scan;
mod shared;
mod source;
#[cfg(test)]
mod tests;
mod text_formats;
mod value;
mod yaml;

pub(crate) use ask::{Call, MacroCall, MacroFiles, Phase, Rendered, RunFacts, Target, Template, Unrendered, World};
use dialect::Role;
use error::{Failed, waits_for};
use library::Library;
pub(crate) use library::MacroDef;

/// Whether dbt has a function of that name.
pub(crate) fn is_function(name: &str) -> bool {
    functions::Function::named(name).is_some()
}
pub(crate) use map::SourceMap;
use names::{Names, Place};
pub(crate) use scan::blocks;
use shared::Shared;
use source::{Source, Sources};
pub(crate) use yaml::yaml;

/// The templates' shared part: the environment, its variables, its macros. Several threads may render at once.
pub(crate) struct Templates {
    environment: Environment<'static>,
    shared: Arc<Shared>,
}

/// The path of the text that calls a macro for the compiler.
const CALL: &str = "(call)";

impl Templates {
    /// The templates of a project and its packages. What is wrong with the project's own macros is told; those of
    /// packages are read when they are called.
    pub(crate) fn new(
        scope: &Scope<'_>,
        packages: &[MacroFiles<'_>],
        dispatch: &[Dispatch],
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let sources = Arc::new(Sources::default());
        let environment = filters::environment(Some(&sources));
        let mut shared = Shared {
            project: scope.project.to_string(),
            vars: scope.vars.clone(),
            package_vars: packages.iter().map(|package| (package.package.to_string(), package.vars.clone())).collect(),
            environ: scope.environ.clone(),
            target: scope.target.clone(),
            library: Library::new(scope.project, dispatch),
            sources,
            files: packages
                .iter()
                .flat_map(|package| package.files)
                .map(|file| (file.path.clone(), file.text.as_str().into()))
                .collect(),
            silent: silent(&environment),
        };
        for package in packages {
            shared.library.declare(package.package);
            for file in package.files {
                if package.package == scope.project {
                    let source = shared.sources.keep(&file.path, &file.text, package.package, Role::Macros);
                    if let Err(error) = environment.get_template(&source.name) {
                        diagnostics.push(Failed { source: &source, shared: &shared }.diagnose(&error));
                        continue;
                    }
                }
                shared.library.define(package.package, &file.path, &file.text, diagnostics);
            }
        }
        Self { environment, shared: Arc::new(shared) }
    }

    /// Renders a text.
    pub(crate) fn render(
        &self,
        template: Template<'_>,
        world: &Arc<dyn World>,
        phase: Phase,
    ) -> Result<Rendered, Unrendered> {
        if !scan::is_template(template.text) {
            return Ok(Rendered { text: template.text.to_string(), ..Rendered::default() });
        }
        let names = Arc::new(self.names(template, world, phase, None));
        let source = self.source(template);
        let text = self.run(&source, &names).map_err(|error| self.unrendered(&source, &error))?;
        let (calls, asked, macros) = names.take();
        Ok(Rendered { text, calls, asked, macros })
    }

    /// Calls a macro; its text is what it returns.
    pub(crate) fn call(
        &self,
        call: MacroCall<'_>,
        world: &Arc<dyn World>,
        phase: Phase,
    ) -> Result<Rendered, Unrendered> {
        let wrong = |diagnostic: Diagnostic| Unrendered::Wrong(Box::new(diagnostic.at(call.location.clone())));
        let Some(found) = self.shared.library.find(call.package, call.namespace, call.name) else {
            let message = format!("no macro is named `{}`", call.name);
            return Err(wrong(Diagnostic::error(headwater_plan::Code::InvalidTemplate, message)));
        };
        let raw: Vec<String> = call.raw.iter().map(|(name, written)| format!("{name}=({written}), ")).collect();
        let text = format!("{{{{ hw_called({}**hw_arguments) }}}}", raw.concat());
        let template = Template { path: Path::new(CALL), text: &text, package: call.package, this: call.this };
        let arguments = value::from_json(&serde_json::Value::Object(call.arguments.clone()));
        let names = Arc::new(self.names(template, world, phase, None).calling(found, arguments));
        let source = self.source(template);
        let text = self.run(&source, &names).map_err(|error| match self.unrendered(&source, &error) {
            Unrendered::Wrong(diagnostic) => {
                let outside = diagnostic.location.as_ref().is_none_or(|location| location.file == Path::new(CALL));
                let mut diagnostic = if outside { diagnostic.at(call.location.clone()) } else { *diagnostic };
                for cause in &mut diagnostic.causes {
                    if let Some(before) = cause.find(&format!(" at {CALL}:")) {
                        cause.replace_range(before.., &format!(" at {}", call.location));
                    }
                }
                Unrendered::Wrong(Box::new(diagnostic))
            }
            later => later,
        })?;
        let (calls, asked, macros) = names.take();
        Ok(Rendered { text, calls, asked, macros })
    }

    /// The id of the macro that such a call would reach.
    pub(crate) fn finds(&self, package: &str, namespace: Option<&str>, name: &str) -> Option<String> {
        self.shared.library.find(package, namespace, name).map(|found| found.id.clone())
    }

    /// The id of the generic test of that name.
    pub(crate) fn generic_test(&self, package: &str, namespace: Option<&str>, name: &str) -> Option<String> {
        self.shared.library.generic_test(package, namespace, name).map(|found| found.id.clone())
    }

    /// Where a materialization of that name is defined.
    pub(crate) fn materialization(&self, name: &str) -> Option<&Location> {
        self.shared.library.materialization(name)
    }

    /// Every macro of the project and its packages.
    pub(crate) fn macros(&self) -> impl Iterator<Item = &MacroDef> {
        self.shared.library.all().map(|found| &**found)
    }

    /// Where the template makes the call of that number, told by rendering it again up to there.
    pub(crate) fn locate_call(
        &self,
        template: Template<'_>,
        world: &Arc<dyn World>,
        phase: Phase,
        call: usize,
    ) -> Location {
        let names = Arc::new(self.names(template, world, phase, Some(call)));
        let source = self.source(template);
        let stopped = self.run(&source, &names).err();
        let place = |error: minijinja::Error| Failed { source: &source, shared: &self.shared }.place(&error);
        stopped.and_then(place).unwrap_or_else(|| Location::line(template.path, 1))
    }

    /// The map from a rendering back to its template; `None` if the template looks at its own text in a way that
    /// leaves no trace.
    pub(crate) fn map(
        &self,
        template: Template<'_>,
        world: &Arc<dyn World>,
        phase: Phase,
        rendered: &str,
    ) -> Option<SourceMap> {
        if !scan::is_template(template.text) {
            return Some(SourceMap::identity(template.text));
        }
        let names = Arc::new(self.names(template, world, phase, None));
        let text = map::mark(template.text);
        let marked = self.run(&self.source(Template { text: &text, ..template }), &names).ok()?;
        SourceMap::read(template.text, rendered, &marked)
    }

    fn names(&self, template: Template<'_>, world: &Arc<dyn World>, phase: Phase, stop_at: Option<usize>) -> Names {
        let this: Option<TableName> = template.this.cloned();
        let place = Place::Sql { world: Arc::clone(world), phase, this };
        Names::new(&self.shared, place, template.package, stop_at)
    }

    fn source(&self, template: Template<'_>) -> Arc<Source> {
        self.shared.sources.keep(template.path, template.text, template.package, Role::Text)
    }

    fn run(&self, source: &Source, names: &Arc<Names>) -> Result<String, minijinja::Error> {
        let template = self.environment.get_template(&source.name)?;
        let missing = names.missing_attribute(&source.package);
        value::with_missing(missing, || template.render(Value::from_dyn_object(Arc::clone(names))))
    }

    fn unrendered(&self, source: &Arc<Source>, error: &minijinja::Error) -> Unrendered {
        match waits_for(error) {
            Some(needs) => Unrendered::Later(needs),
            None => Unrendered::Wrong(Box::new(Failed { source, shared: &self.shared }.diagnose(error))),
        }
    }
}

/// The undefined value that nothing complains about: what Jinja's `x if y` gives without an `else`.
fn silent(environment: &Environment<'_>) -> Value {
    let expression = environment.compile_expression("1 if false");
    expression.and_then(|expression| expression.eval(())).unwrap_or_default()
}
