//! Jinja in the strings of YAML files: variables and nothing else.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use headwater_plan::{Diagnostic, Location};
use minijinja::Environment;
use minijinja::value::Value;

use super::dialect::{Role, rewrite};
use super::error::Failed;
use super::filters;
use super::library::Library;
use super::names::{Names, Place};
use super::scan;
use super::shared::Shared;
use super::source::Sources;
use crate::config::Scope;

/// Expands the Jinja of a YAML string.
pub(crate) fn yaml(scope: &Scope<'_>, text: &str, location: &Location) -> Result<String, Diagnostic> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    if !scan::is_template(text) {
        return Ok(text.to_string());
    }
    let environment = ENVIRONMENT.get_or_init(|| filters::environment(None));
    let shared = Arc::new(shared(scope));
    let names = Arc::new(Names::new(&shared, Place::Yaml, scope.project, None));
    let source = shared.sources.keep(Path::new("yaml"), text, scope.project, Role::Macros);
    let read = rewrite(text, Role::Macros).text;
    environment.render_named_str(&source.name, &read, Value::from_dyn_object(names)).map_err(|error| {
        // A place inside the string is not a place in the file: quotes and folds lie between.
        Failed { source: &source, shared: &shared }.diagnose(&error).at(location.clone())
    })
}

fn shared(scope: &Scope<'_>) -> Shared {
    Shared {
        project: scope.project.to_string(),
        vars: scope.vars.clone(),
        package_vars: HashMap::new(),
        environ: scope.environ.clone(),
        target: scope.target.clone(),
        library: Library::default(),
        sources: Arc::new(Sources::default()),
        files: HashMap::new(),
        silent: Value::UNDEFINED,
    }
}
