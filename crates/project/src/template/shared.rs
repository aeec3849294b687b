//! What all templates of a project share: variables, environment, macros, texts.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use headwater_plan::Diagnostic;
use minijinja::{Error, Value};
use serde_json::Map;

use super::builtin;
use super::dialect::Role;
use super::error::refuse;
use super::library::{DBT, Library, MacroDef};
use super::source::{Source, Sources};
use crate::config::{Environ, Target};

/// What all templates of a project share.
pub(super) struct Shared {
    pub(super) project: String,
    pub(super) vars: Map<String, serde_json::Value>,
    /// The variables of packages, under those of the project.
    pub(super) package_vars: HashMap<String, Map<String, serde_json::Value>>,
    pub(super) environ: Environ,
    pub(super) target: Target,
    pub(super) library: Library,
    pub(super) sources: Arc<Sources>,
    /// The text of each macro file, by its path.
    pub(super) files: HashMap<std::path::PathBuf, Arc<str>>,
    /// The undefined value that prints as nothing and is equal to nothing without an error, as in Python.
    pub(super) silent: Value,
}

impl Shared {
    /// The text of the file that a macro stands in.
    pub(super) fn macro_source<'a>(&self, found: &'a MacroDef) -> Result<&'a Arc<Source>, Error> {
        if let Some(source) = found.source.get() {
            return Ok(source);
        }
        let text = if found.package == DBT {
            builtin::FILES.iter().find(|(name, _)| Path::new(name) == found.file).map(|(_, text)| *text)
        } else {
            self.files.get(&found.file).map(|text| &**text)
        };
        let missing = || refuse(Diagnostic::internal(format!("the file of the macro `{}` is gone", found.id)));
        let text = text.ok_or_else(missing)?;
        Ok(found.source.get_or_init(|| self.sources.keep(&found.file, text, &found.package, Role::Macro(found.at))))
    }

    /// The variables that a package sees, the first that has one wins: those of the project for all (`--vars` is among
    /// them), those of the project for this package, then the package's own.
    pub(super) fn vars_of<'a>(&'a self, package: &str) -> Vec<&'a Map<String, serde_json::Value>> {
        fn scoped<'a>(
            vars: &'a Map<String, serde_json::Value>,
            package: &str,
        ) -> Option<&'a Map<String, serde_json::Value>> {
            vars.get(package)?.as_object()
        }
        let own = self.package_vars.get(package);
        let layers = [Some(&self.vars), scoped(&self.vars, package), own.and_then(|own| scoped(own, package)), own];
        layers.into_iter().flatten().collect()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("project", &self.project).finish_non_exhaustive()
    }
}
