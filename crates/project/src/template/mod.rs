//! Jinja as dbt users know it, on minijinja: one file or YAML string to text, and what it asked for while it rendered.
//!
//! | module | owns |
//! |---|---|
//! | [`names`] | what a template may name, and what dbt has and we refuse by name |
//! | [`functions`] | `ref`, `source`, `var`, `env_var`, `config`, `log`, `exceptions` |
//! | [`macros`] | the macros of `macros/*.sql` |
//! | [`error`] | minijinja's errors as messages with a place |
//! | [`map`] | from a place in rendered SQL back to the template |
//! | [`scan`] | literal text and tags |
//! | [`place`] | byte offsets as lines and columns |

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use headwater_plan::{Code, Diagnostic, Diagnostics, Location, TableName};
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use crate::config::{Scope, SqlFile};

mod error;
mod functions;
mod macros;
pub(crate) mod map;
mod names;
pub(crate) mod place;
mod scan;
#[cfg(test)]
mod tests;

use error::Failed;
pub(crate) use map::SourceMap;
pub(crate) use names::{Call, Relations, Shared};
use names::{Names, Place};
use scan::{Kind, pieces, words};

/// The templates' shared part: the environment, its variables, its macros.
pub(crate) struct Templates {
    environment: Environment<'static>,
    shared: Arc<Shared>,
}

/// A text to render.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Template<'a> {
    /// The file, relative to the project.
    pub(crate) path: &'a Path,
    /// The text.
    pub(crate) text: &'a str,
    /// The relation that it makes, by its file and YAML alone; `config` may yet name another.
    pub(crate) this: Option<&'a TableName>,
}

/// A rendered text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rendered {
    pub(crate) text: String,
    pub(crate) calls: Vec<Call>,
}

impl Templates {
    /// The templates of a project; what is wrong with its macros is told, and such a file's macros are left out.
    pub(crate) fn new(scope: &Scope<'_>, macro_files: &[SqlFile], diagnostics: &mut Diagnostics) -> Self {
        let mut shared = shared(scope);
        let mut environment = environment();
        let mut places: BTreeMap<String, Location> = BTreeMap::new();
        for file in macro_files {
            let name = file.path.display().to_string();
            shared.texts.insert(name.clone(), file.text.clone());
            if let Err(error) = environment.add_template_owned(name.clone(), file.text.clone()) {
                let failed = Failed { path: &file.path, text: &file.text, shared: &shared };
                diagnostics.push(unsupported_statement(file).unwrap_or_else(|| failed.diagnose(&error)));
                continue;
            }
            for (macro_name, location) in macros_in(file) {
                if let Some(first) = places.get(&macro_name) {
                    let message = format!("two macros are named `{macro_name}`: the other one is at {first}");
                    diagnostics.push(Diagnostic::error(Code::DuplicateName, message).at(location));
                    continue;
                }
                places.insert(macro_name.clone(), location);
                shared.macros.insert(macro_name, name.clone());
            }
        }
        Self { environment, shared: Arc::new(shared) }
    }

    /// Renders a text of SQL.
    pub(crate) fn render(&self, template: Template<'_>, relations: &Arc<Relations>) -> Result<Rendered, Diagnostic> {
        if !scan::is_template(template.text) {
            return Ok(Rendered { text: template.text.to_string(), calls: Vec::new() });
        }
        let names = self.names(template, relations, None);
        let text = self.run(template, template.text, &names).map_err(|error| self.failed(template).diagnose(&error))?;
        Ok(Rendered { text, calls: names.calls() })
    }

    /// Where the template makes the call of that number, told by rendering it again up to there.
    pub(crate) fn locate_call(&self, template: Template<'_>, relations: &Arc<Relations>, call: usize) -> Location {
        let names = self.names(template, relations, Some(call));
        let stopped = self.run(template, template.text, &names).err();
        let location = stopped.and_then(|error| self.failed(template).diagnose(&error).location);
        location.unwrap_or_else(|| Location::line(template.path, 1))
    }

    /// The map from a rendering back to its template; `None` if the template looks at its own text in a way that
    /// leaves no trace.
    pub(crate) fn map(&self, template: Template<'_>, relations: &Arc<Relations>, rendered: &str) -> Option<SourceMap> {
        if !scan::is_template(template.text) {
            return Some(SourceMap::identity(template.text));
        }
        let names = self.names(template, relations, None);
        let marked = self.run(template, &map::mark(template.text), &names).ok()?;
        SourceMap::read(template.text, rendered, &marked)
    }

    fn names(&self, template: Template<'_>, relations: &Arc<Relations>, stop_at: Option<usize>) -> Arc<Names> {
        let place = Place::Sql { relations: Arc::clone(relations), this: template.this.cloned() };
        Names::new(&self.shared, place, stop_at)
    }

    fn run(&self, template: Template<'_>, text: &str, names: &Arc<Names>) -> Result<String, minijinja::Error> {
        let name = template.path.display().to_string();
        self.environment.render_named_str(&name, text, Value::from_dyn_object(Arc::clone(names)))
    }

    fn failed<'a>(&'a self, template: Template<'a>) -> Failed<'a> {
        Failed { path: template.path, text: template.text, shared: &self.shared }
    }
}

/// Expands the Jinja of a YAML string.
pub(crate) fn yaml(scope: &Scope<'_>, text: &str, location: &Location) -> Result<String, Diagnostic> {
    if !scan::is_template(text) {
        return Ok(text.to_string());
    }
    let shared = Arc::new(shared(scope));
    let names = Names::new(&shared, Place::Yaml, None);
    let context = Value::from_dyn_object(Arc::clone(&names));
    environment().render_named_str("yaml", text, context).map_err(|error| {
        let failed = Failed { path: Path::new("yaml"), text, shared: &shared };
        // A place inside the string is not a place in the file: quotes and folds lie between.
        failed.diagnose(&error).at(location.clone())
    })
}

fn shared(scope: &Scope<'_>) -> Shared {
    Shared {
        project: scope.project.to_string(),
        vars: scope.vars.clone(),
        environ: scope.environ.clone(),
        target: scope.target.clone(),
        macros: BTreeMap::new(),
        texts: BTreeMap::new(),
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    // Gives errors their byte ranges and undefined values their names.
    environment.set_debug(true);
    environment
}

/// The macros that a file defines, with the places of their names.
fn macros_in(file: &SqlFile) -> Vec<(String, Location)> {
    let mut found = Vec::new();
    for piece in pieces(&file.text).into_iter().filter(|piece| piece.kind == Kind::Statement) {
        let tag = &file.text[piece.range.clone()];
        let mut words = words(tag);
        if words.next() == Some("macro")
            && let Some(name) = words.next()
        {
            let start = piece.range.start + (name.as_ptr() as usize - tag.as_ptr() as usize);
            found.push((name.to_string(), place::locate(&file.path, &file.text, start..start + name.len())));
        }
    }
    found
}

/// The error for dbt's own statements, which Jinja has not.
fn unsupported_statement(file: &SqlFile) -> Option<Diagnostic> {
    pieces(&file.text).into_iter().filter(|piece| piece.kind == Kind::Statement).find_map(|piece| {
        let word = words(&file.text[piece.range.clone()]).next()?;
        let known = ["test", "data_test", "materialization", "snapshot", "docs"];
        known.contains(&word).then(|| {
            Diagnostic::error(Code::Unsupported, format!("`{{% {word} %}}` of dbt's Jinja is not supported yet"))
                .at(place::locate(&file.path, &file.text, piece.range))
        })
    })
}
