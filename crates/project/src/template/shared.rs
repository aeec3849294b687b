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
    /// The variables as each package sees them.
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

    /// The variables that a package sees: `--vars` over those that the project sets for this package, over those that
    /// it sets for all, over the package's own. They were put over each other when the files were read.
    pub(super) fn vars_of(&self, package: &str) -> &Map<String, serde_json::Value> {
        self.package_vars.get(package).unwrap_or(&self.vars)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("project", &self.project).finish_non_exhaustive()
    }
}
