//! What `ref` and `source` mean: names to items, and the errors of names that mean nothing.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Diagnostic, Diagnostics, Location, NodeKind};

use super::item::{Body, Index, Item};
use super::models;
use super::sources::QUARANTINE;
use crate::config::Loaded;
use crate::template::{Call, Relations, Templates};

/// The names that `ref` and `source` may use.
#[derive(Debug)]
pub(super) struct Registry<'a> {
    project: &'a str,
    /// Models and seeds, disabled ones too.
    refs: HashMap<String, Index>,
    sources: HashMap<(&'a str, Cow<'a, str>), Index>,
    /// False when an error hid names: an unknown one may then be a consequence.
    complete: bool,
}

/// Why a name means nothing.
#[derive(Debug)]
pub(super) enum Unresolved {
    /// Told.
    Told(Box<Diagnostic>),
    /// Most likely a consequence of what has been told.
    Silent,
}

impl<'a> Registry<'a> {
    /// The names of a project's items, which are its sources in their order, then seeds and models.
    pub(super) fn new(loaded: &'a Loaded, items: &[Item<'_>], diagnostics: &mut Diagnostics) -> Self {
        let mut sources = HashMap::new();
        for (index, table) in loaded.sources.iter().enumerate() {
            let name = (table.source.as_str(), Cow::Borrowed(table.table.as_str()));
            if let Some(first) = sources.insert(name, index) {
                let first = &loaded.sources[first].location;
                let message = format!(
                    "the table `{}` of the source `{}` is declared twice: first at {first}",
                    table.table, table.source
                );
                diagnostics.push(Diagnostic::error(Code::DuplicateName, message).at(table.location.clone()));
            }
        }
        for (index, item) in items.iter().enumerate().filter(|(_, item)| matches!(item.body, Body::Quarantine)) {
            let Some(table) = item.reads.first().and_then(|of| loaded.sources.get(*of)) else { continue };
            // A declared table of that name is told as one of the same relation.
            let name = Cow::Owned(format!("{}{QUARANTINE}", table.table));
            sources.entry((table.source.as_str(), name)).or_insert(index);
        }
        let mut refs: HashMap<String, Index> = HashMap::new();
        for (index, item) in items.iter().enumerate().filter(|(_, item)| item.kind != NodeKind::Source) {
            if let Some(first) = refs.insert(item.name.clone(), index) {
                let message = format!(
                    "a {} and a {} are named `{}`: the {} is `{}`",
                    items[first].kind.word(),
                    item.kind.word(),
                    item.name,
                    items[first].kind.word(),
                    items[first].location.file.display()
                );
                diagnostics.push(Diagnostic::error(Code::DuplicateName, message).at(item.location.clone()));
            }
        }
        Self { project: &loaded.name, refs, sources, complete: loaded.complete }
    }

    /// The relations of all names, for templates.
    pub(super) fn relations(&self, items: &[Item<'_>]) -> Relations {
        let models = self.refs.iter().map(|(name, index)| (name.clone(), items[*index].relation.clone()));
        let sources = self
            .sources
            .iter()
            .map(|((source, table), index)| ((source.to_string(), table.to_string()), items[*index].relation.clone()));
        Relations { models: models.collect(), sources: sources.collect() }
    }

    /// The item that a call means; `None` for a call that means none.
    pub(super) fn resolve(&self, items: &[Item<'_>], call: &Call) -> Result<Option<Index>, Unresolved> {
        match call {
            Call::Ref { package: Some(package), .. } if package != self.project => Err(self.unknown_package(package)),
            Call::Ref { name, .. } => self.resolve_ref(items, name).map(Some),
            Call::Source { source, table } => {
                let found = self.sources.get(&(source.as_str(), Cow::Borrowed(table.as_str())));
                found.map(|index| Some(*index)).ok_or_else(|| self.unknown_source(source, table))
            }
            Call::Config(_) | Call::Warn(_) => Ok(None),
        }
    }

    fn resolve_ref(&self, items: &[Item<'_>], name: &str) -> Result<Index, Unresolved> {
        let Some(index) = self.refs.get(name) else { return Err(self.unknown_ref(name)) };
        let item = &items[*index];
        if item.enabled {
            return Ok(*index);
        }
        let message = format!("the {} is disabled", item.called());
        Err(told(
            Diagnostic::error(Code::UnknownModel, message)
                .help(format!("enable it (`enabled` in its config; it is at {}), or do not read it", item.location)),
        ))
    }

    fn unknown_package(&self, package: &str) -> Unresolved {
        let message = format!("`{package}` is not this project, and packages are not supported yet");
        told(
            Diagnostic::error(Code::Unsupported, message)
                .help(format!("this project is `{}`; `ref('model')` needs no project", self.project)),
        )
    }

    fn unknown_ref(&self, name: &str) -> Unresolved {
        if !self.complete {
            return Unresolved::Silent;
        }
        let as_source = self.sources.keys().find(|(_, table)| table == name);
        let help = match (did_you_mean(name, self.refs.keys().map(String::as_str)), as_source) {
            (_, Some((source, table))) => format!("it is a table of a source: `source('{source}', '{table}')`"),
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, None) => format!("a model is a file `models/**/{name}.sql`, a seed `seeds/**/{name}.csv`"),
        };
        told(Diagnostic::error(Code::UnknownModel, format!("no model or seed is named `{name}`")).help(help))
    }

    fn unknown_source(&self, source: &str, table: &str) -> Unresolved {
        if !self.complete {
            return Unresolved::Silent;
        }
        let tables: Vec<&str> =
            self.sources.keys().filter(|(known, _)| *known == source).map(|(_, table)| table.as_ref()).collect();
        let (message, near) = if tables.is_empty() {
            let near = did_you_mean(source, self.sources.keys().map(|(source, _)| *source));
            (format!("no source is named `{source}`"), near)
        } else {
            (format!("the source `{source}` has no table `{table}`"), did_you_mean(table, tables))
        };
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "sources are declared under `sources:` in `models/**/*.yml`".to_string(),
        };
        told(Diagnostic::error(Code::UnknownSource, message).help(help))
    }
}

fn told(diagnostic: Diagnostic) -> Unresolved {
    Unresolved::Told(Box::new(diagnostic))
}

/// What the calls of a template read.
#[derive(Debug)]
pub(super) struct Reads {
    /// Sorted, each once.
    pub(super) items: Vec<Index>,
    /// The calls that mean nothing, by their number, with their messages.
    pub(super) wrong: Vec<(usize, Diagnostic)>,
    /// Whether every call means something.
    pub(super) complete: bool,
}

/// Resolves all calls of a template.
pub(super) fn reads(registry: &Registry<'_>, items: &[Item<'_>], calls: &[Call]) -> Reads {
    let mut reads = Reads { items: Vec::new(), wrong: Vec::new(), complete: true };
    for (number, call) in calls.iter().enumerate() {
        match registry.resolve(items, call) {
            Ok(index) => reads.items.extend(index),
            Err(Unresolved::Silent) => reads.complete = false,
            Err(Unresolved::Told(wrong)) => {
                reads.complete = false;
                // One message for a name, however often it is read.
                if !reads.wrong.iter().any(|(_, known)| known.message == wrong.message) {
                    reads.wrong.push((number, *wrong));
                }
            }
        }
    }
    reads.items.sort_unstable();
    reads.items.dedup();
    reads
}

/// The calls of all models, and where they stand.
pub(super) struct Calls<'a> {
    pub(super) registry: &'a Registry<'a>,
    pub(super) templates: &'a Templates,
    pub(super) relations: &'a Arc<Relations>,
}

impl Calls<'_> {
    /// Gives each model what it reads, and says of each item whether every name in it means something.
    pub(super) fn give_reads(&self, items: &mut [Item<'_>], diagnostics: &mut Diagnostics) -> Vec<bool> {
        let mut resolved = vec![true; items.len()];
        for index in 0..items.len() {
            let item = &items[index];
            let Some((model, rendered)) = models::rendered(item).filter(|_| item.enabled) else { continue };
            let reads = reads(self.registry, items, &rendered.calls);
            for (number, wrong) in reads.wrong {
                let location = self.templates.locate_call(models::template(model), self.relations, number);
                diagnostics.push(wrong.at(location).node(item.id.clone()));
            }
            resolved[index] = reads.complete;
            items[index].reads = reads.items;
        }
        resolved
    }

    /// Where one item first reads another.
    pub(super) fn place(&self, items: &[Item<'_>], reader: Index, read: Index) -> Location {
        let item = &items[reader];
        let Some((model, rendered)) = models::rendered(item) else { return item.location.clone() };
        let means = |call: &Call| matches!(self.registry.resolve(items, call), Ok(Some(index)) if index == read);
        match rendered.calls.iter().position(means) {
            Some(number) => self.templates.locate_call(models::template(model), self.relations, number),
            None => item.location.clone(),
        }
    }
}
