//! `overrides:` of a source: what the project says of a package's source is put over what the package says.

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Diagnostic, Diagnostics};

use super::{Package, SourceTable};

/// A table of a source with `overrides`.
#[derive(Debug)]
pub(super) struct Override {
    /// The package whose table it is put over.
    pub(super) package: String,
    /// What is said of it.
    pub(super) table: SourceTable,
    /// Whether `schema:` is said.
    pub(super) schema: bool,
    /// Whether `identifier:` is said.
    pub(super) identifier: bool,
    /// False takes the package's table out of the project.
    pub(super) enabled: bool,
}

/// Puts what is said of packages' tables over what the packages say.
pub(super) fn apply(over: Vec<Override>, packages: &mut [Package], found: &mut Diagnostics) {
    for over in over {
        let (package, table) = (&over.package, &over.table);
        let Some(of) = packages.iter_mut().find(|other| other.name == *package) else {
            let message = format!("there is no package `{package}` whose source could be overridden");
            let wrong = Diagnostic::error(Code::UnknownSource, message).at(table.location.clone());
            let near = did_you_mean(package, packages.iter().map(|other| other.name.as_str()));
            found.push(match near {
                Some(near) => wrong.help(format!("did you mean `{near}`?")),
                None => wrong.help("`overrides:` names an installed package"),
            });
            continue;
        };
        let Some(at) = of.sources.iter().position(|own| own.source == table.source && own.table == table.table) else {
            let message = format!("the package `{package}` has no source table `{}.{}`", table.source, table.table);
            found.push(Diagnostic::error(Code::UnknownSource, message).at(table.location.clone()));
            continue;
        };
        if over.enabled {
            put_over(&mut of.sources[at], over);
        } else {
            of.sources.remove(at);
        }
    }
}

/// What is said wins over what was said; tests and columns are those of the project where it has any.
fn put_over(own: &mut SourceTable, over: Override) {
    let table = over.table;
    if over.schema {
        own.schema = table.schema;
        own.relation.schema.clone_from(&own.schema);
    }
    if over.identifier {
        own.relation.name = table.relation.name;
    }
    own.description = table.description.or(own.description.take());
    own.source_description = table.source_description.or(own.source_description.take());
    own.loader = table.loader.or(own.loader.take());
    own.meta.extend(table.meta);
    own.config.extend(table.config);
    own.tags.extend(table.tags);
    if !table.tests.is_empty() {
        own.tests = table.tests;
    }
    if !table.columns.is_empty() {
        own.columns = table.columns;
    }
    if table.ingest.is_some() {
        own.ingest = table.ingest;
        own.constraints = table.constraints;
        own.generate = table.generate;
    }
    own.sound &= table.sound;
}
