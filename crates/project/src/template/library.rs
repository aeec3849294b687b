//! Which macros there are, and which one a call reaches.
//!
//! A call by a bare name reaches the macro of the package that is being rendered, then the project's own, then, for the
//! sake of a package's own helpers, that of the package whose macro calls, then one that is built in. A call by a
//! package's name reaches that package alone. `adapter.dispatch` tries the packages of the project's `dispatch:`, and in
//! each of them the prefixes of [`PREFIXES`].

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use headwater_plan::{Code, Diagnostic, Diagnostics, Location};

use super::builtin;
use super::dialect::{self, Defined, DefinedKind};
use super::place::locate;
use super::source::Source;
use crate::config::Dispatch;

/// The package of what is built in, as dbt calls its own.
pub(super) const DBT: &str = "dbt";
/// dbt's names for the packages that are built in: its own and that of its adapter for Spark.
const BUILT_IN: [&str; 3] = [DBT, "dbt_spark", "headwater"];
/// What may stand before the name of a macro that is dispatched, the best first.
const PREFIXES: [&str; 3] = ["headwater__", "spark__", "default__"];

/// A macro of a file.
#[derive(Debug)]
pub(crate) struct MacroDef {
    /// `macro.dbt_utils.star`
    pub(crate) id: String,
    /// `star`
    pub(crate) name: String,
    /// `dbt_utils`
    pub(crate) package: String,
    /// The file, relative to the project.
    pub(crate) file: PathBuf,
    /// Where its name stands.
    pub(crate) location: Location,
    /// The byte at which its name begins.
    pub(super) at: usize,
    /// Its text, once it has been called.
    pub(super) source: OnceLock<Arc<Source>>,
}

/// All macros, by package and name.
#[derive(Debug, Default)]
pub(super) struct Library {
    project: String,
    packages: HashMap<String, HashMap<String, Arc<MacroDef>>>,
    materializations: HashMap<String, Location>,
    dispatch: HashMap<String, Vec<String>>,
}

impl Library {
    pub(super) fn new(project: &str, dispatch: &[Dispatch]) -> Self {
        let dispatch = dispatch.iter().map(|entry| (entry.macro_namespace.clone(), entry.search_order.clone()));
        let mut library = Self { project: project.to_string(), dispatch: dispatch.collect(), ..Self::default() };
        for (name, text) in builtin::FILES {
            library.define(DBT, Path::new(name), text, &mut Diagnostics::default());
        }
        library
    }

    /// The macros of a file.
    pub(super) fn define(&mut self, package: &str, file: &Path, text: &str, diagnostics: &mut Diagnostics) {
        for Defined { kind, name, at } in dialect::macros(text) {
            let start = at.start;
            let location = locate(file, text, at);
            if kind == DefinedKind::Materialization {
                self.materializations.entry(name).or_insert(location);
                continue;
            }
            let macros = self.packages.entry(package.to_string()).or_default();
            if let Some(first) = macros.get(&name) {
                let message = format!("two macros are named `{name}`: the other one is at {}", first.location);
                diagnostics.push(Diagnostic::error(Code::DuplicateName, message).at(location));
                continue;
            }
            let id = format!("macro.{package}.{name}");
            let file = file.to_path_buf();
            let (package, source) = (package.to_string(), OnceLock::new());
            let found = MacroDef { id, name: name.clone(), package, file, location, at: start, source };
            macros.insert(name, Arc::new(found));
        }
    }

    /// Declares a package, so that its name means something even if it has no macros.
    pub(super) fn declare(&mut self, package: &str) {
        self.packages.entry(package.to_string()).or_default();
    }

    pub(super) fn of_package(&self, package: &str, name: &str) -> Option<&Arc<MacroDef>> {
        self.packages.get(if BUILT_IN.contains(&package) { DBT } else { package })?.get(name)
    }

    pub(super) fn is_package(&self, name: &str) -> bool {
        self.packages.contains_key(name) || BUILT_IN.contains(&name)
    }

    /// The macro of a package or of the project, which come before dbt's own names.
    pub(super) fn own(&self, package: &str, name: &str) -> Option<&Arc<MacroDef>> {
        let packaged = if package == self.project { None } else { self.of_package(package, name) };
        packaged.or_else(|| self.of_package(&self.project, name))
    }

    /// What a call by a bare name reaches.
    pub(super) fn bare(&self, package: &str, name: &str) -> Option<&Arc<MacroDef>> {
        self.own(package, name).or_else(|| self.of_package(DBT, name))
    }

    /// What a call reaches.
    pub(super) fn find(&self, package: &str, namespace: Option<&str>, name: &str) -> Option<&Arc<MacroDef>> {
        match namespace {
            Some(namespace) => self.of_package(namespace, name),
            None => self.bare(package, name),
        }
    }

    /// The generic test of that name.
    pub(super) fn generic_test(&self, package: &str, namespace: Option<&str>, name: &str) -> Option<&Arc<MacroDef>> {
        self.find(package, namespace, &format!("test_{name}"))
    }

    /// What `adapter.dispatch` reaches; what it looked for if there is nothing.
    pub(super) fn dispatch(
        &self,
        package: &str,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<&Arc<MacroDef>, Vec<String>> {
        let searched: Vec<Option<&str>> = match namespace {
            None => vec![None],
            Some(namespace) => match self.dispatch.get(namespace) {
                Some(order) => order.iter().map(|package| Some(package.as_str())).collect(),
                None => vec![Some(self.project.as_str()), Some(namespace)],
            },
        };
        let mut looked = Vec::new();
        for searched in searched {
            for prefix in PREFIXES {
                let prefixed = format!("{prefix}{name}");
                if let Some(found) = self.find(package, searched, &prefixed) {
                    return Ok(found);
                }
                looked.push(searched.map_or(prefixed.clone(), |searched| format!("{searched}.{prefixed}")));
            }
        }
        Err(looked)
    }

    pub(super) fn materialization(&self, name: &str) -> Option<&Location> {
        self.materializations.get(name)
    }

    /// Every macro that is not built in.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<MacroDef>> {
        self.packages.iter().filter(|(package, _)| *package != DBT).flat_map(|(_, macros)| macros.values())
    }

    /// The names that a bare call may use, for 'did you mean'.
    pub(super) fn names<'a>(&'a self, package: &'a str) -> impl Iterator<Item = &'a str> {
        [package, &self.project]
            .into_iter()
            .filter_map(|package| self.packages.get(package))
            .flat_map(|macros| macros.keys().map(String::as_str))
    }

    /// The macros of a package, for 'did you mean'.
    pub(super) fn names_of(&self, package: &str) -> impl Iterator<Item = &str> {
        let package = if BUILT_IN.contains(&package) { DBT } else { package };
        self.packages.get(package).into_iter().flat_map(|macros| macros.keys().map(String::as_str))
    }

    /// The names of all packages, for 'did you mean'.
    pub(super) fn packages(&self) -> impl Iterator<Item = &str> {
        self.packages.keys().map(String::as_str)
    }
}
