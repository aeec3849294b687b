//! What `ref` and `source` mean: names to items, and the errors of names that mean nothing.

use std::collections::HashMap;
use std::sync::Arc;

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Diagnostic, Diagnostics, Location, NodeKind};

use super::item::{Body, Index, Item, Kept};
use super::parse;
use super::settings::Materialized;
use super::world::{Facts, Named, pick};
use crate::config::Loaded;
use crate::template::{Call, Rendered, Target, Templates};
use crate::world::RelationKind;

/// The names that `ref` and `source` may use.
#[derive(Debug)]
pub(super) struct Registry<'a> {
    project: &'a str,
    packages: Vec<&'a str>,
    /// Models, seeds and snapshots by their names, disabled ones too, each with its package.
    refs: HashMap<String, Vec<(String, Index)>>,
    sources: HashMap<(String, String), Vec<(String, Index)>>,
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
    /// The names of all items.
    pub(super) fn new(loaded: &'a Loaded, items: &[Item<'_>], diagnostics: &mut Diagnostics) -> Self {
        let mut refs: HashMap<String, Vec<(String, Index)>> = HashMap::new();
        let mut sources: HashMap<(String, String), Vec<(String, Index)>> = HashMap::new();
        for (index, item) in items.iter().enumerate() {
            let named = match (item.kind, item.name.split_once('.')) {
                (NodeKind::Source, Some((source, table))) => {
                    sources.entry((source.to_owned(), table.to_owned())).or_default()
                }
                _ => refs.entry(item.name.clone()).or_default(),
            };
            match named.iter().find(|(package, _)| package == item.package) {
                // A declared table of a quarantine's name is told as one of the same relation.
                Some(_) if item.body.kept() == Kept::Quarantine => {}
                Some((_, first)) => diagnostics.push(twice(&items[*first], item)),
                None => named.push((item.package.to_owned(), index)),
            }
        }
        let packages = loaded.packages.iter().map(|package| package.name.as_str()).collect();
        Self { project: &loaded.name, packages, refs, sources, complete: loaded.complete }
    }

    /// The relations of all names, for templates.
    pub(super) fn named(&self, items: &[Item<'_>]) -> Named {
        Named {
            refs: self.refs.iter().map(|(name, named)| (name.clone(), targets(items, named))).collect(),
            sources: self.sources.iter().map(|(name, named)| (name.clone(), targets(items, named))).collect(),
            ..Named::default()
        }
    }

    /// Tells templates the relations of the models, seeds and snapshots as they are now: of those that are looked at.
    pub(super) fn tell(&self, items: &[Item<'_>], facts: &Facts) {
        let is_kept = |item: &Item<'_>| matches!(item.body, Body::Kept(_));
        if !items.iter().any(is_kept) {
            return facts.name_refs(self.named(items).refs);
        }
        let looked_at = items.iter().filter(|item| !is_kept(item));
        let named = looked_at.filter_map(|item| self.refs.get_key_value(&item.name));
        facts.name_some(named.map(|(name, named)| (name.clone(), targets(items, named))).collect());
    }

    /// The item that a call in a package means; `None` for a call that means none.
    pub(super) fn resolve(&self, items: &[Item<'_>], from: &str, call: &Call) -> Result<Option<Index>, Unresolved> {
        match call {
            Call::Ref { package: Some(package), .. } if !self.packages.contains(&package.as_str()) => {
                Err(self.unknown_package(package))
            }
            Call::Ref { version: Some(version), name, .. } => Err(told(
                Diagnostic::error(
                    Code::Unsupported,
                    format!("version `{version}` of `{name}`: models have no versions"),
                )
                .help("name the model itself: `ref('model')`"),
            )),
            Call::Ref { package, name, .. } => self.resolve_ref(items, from, package.as_deref(), name).map(Some),
            Call::Source { source, table } => {
                let found = self.sources.get(&(source.clone(), table.clone()));
                let found = found.and_then(|named| pick(named, None, from, self.project));
                found.map(|index| Some(*index)).ok_or_else(|| self.unknown_source(source, table))
            }
            Call::Config(_) | Call::Warn(_) | Call::Drop(_) => Ok(None),
        }
    }

    fn resolve_ref(
        &self,
        items: &[Item<'_>],
        from: &str,
        package: Option<&str>,
        name: &str,
    ) -> Result<Index, Unresolved> {
        let named = self.refs.get(name).and_then(|named| pick(named, package, from, self.project));
        let Some(index) = named else { return Err(self.unknown_ref(name)) };
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
        let message = format!("no package is named `{package}`");
        let help = match did_you_mean(package, self.packages.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "packages are listed in `packages.yml` and installed by `headwater deps`".into(),
        };
        told(Diagnostic::error(Code::UnknownModel, message).help(help))
    }

    fn unknown_ref(&self, name: &str) -> Unresolved {
        if !self.complete {
            return Unresolved::Silent;
        }
        let wrong = Diagnostic::error(Code::UnknownModel, format!("no model or seed is named `{name}`"));
        told(wrong.help(self.near(name, None)))
    }

    /// What may have been meant by a name that is not there.
    fn near(&self, name: &str, not: Option<&str>) -> String {
        let as_source = self.sources.keys().find(|(_, table)| table == name);
        let known = self.refs.keys().map(String::as_str).filter(|known| Some(*known) != not);
        match (did_you_mean(name, known), as_source) {
            (_, Some((source, table))) => format!("it is a table of a source: `source('{source}', '{table}')`"),
            (Some(near), _) => meant(near),
            (None, None) => format!("a model is a file `models/**/{name}.sql`, a seed `seeds/**/{name}.csv`"),
        }
    }

    fn unknown_source(&self, source: &str, table: &str) -> Unresolved {
        if !self.complete {
            return Unresolved::Silent;
        }
        let tables: Vec<&str> =
            self.sources.keys().filter(|(known, _)| known == source).map(|(_, table)| table.as_str()).collect();
        let (message, near) = if tables.is_empty() {
            let near = did_you_mean(source, self.sources.keys().map(|(source, _)| source.as_str()));
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

fn meant(name: &str) -> String {
    format!("did you mean `{name}`?")
}

fn told(diagnostic: Diagnostic) -> Unresolved {
    Unresolved::Told(Box::new(diagnostic))
}

/// What tells of the second item of a name.
fn twice(first: &Item<'_>, second: &Item<'_>) -> Diagnostic {
    let message = match second.name.split_once('.') {
        Some((source, table)) if second.kind == NodeKind::Source => {
            format!("the table `{table}` of the source `{source}` is declared twice: first at {}", first.location)
        }
        _ => format!(
            "a {} and a {} are named `{}`: the {} is `{}`",
            first.kind.word(),
            second.kind.word(),
            second.name,
            first.kind.word(),
            first.location.file.display()
        ),
    };
    Diagnostic::error(Code::DuplicateName, message).at(second.location.clone())
}

/// What candidates for a name are to templates, each with its package.
fn targets(items: &[Item<'_>], named: &[(String, Index)]) -> Vec<(String, Target)> {
    let target =
        |index: &Index| Target { table: items[*index].relation.clone(), inline: None, kind: kind(&items[*index]) };
    named.iter().map(|(package, index)| (package.clone(), target(index))).collect()
}

/// Whether an item is a table or a view to those who read it.
fn kind(item: &Item<'_>) -> RelationKind {
    if item.is_view() { RelationKind::View } else { RelationKind::Table }
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

/// Resolves all calls of a template that stands in a package.
pub(super) fn reads(registry: &Registry<'_>, items: &[Item<'_>], from: &str, calls: &[Call]) -> Reads {
    let mut reads = Reads { items: Vec::new(), wrong: Vec::new(), complete: true };
    for (number, call) in calls.iter().enumerate() {
        match registry.resolve(items, from, call) {
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
    pub(super) facts: &'a Arc<Facts>,
}

impl Calls<'_> {
    /// Gives each model what it reads, and says of each item whether every name in it means something.
    pub(super) fn give_reads(&self, items: &mut [Item<'_>], diagnostics: &mut Diagnostics) -> Vec<bool> {
        let mut resolved = vec![true; items.len()];
        for index in 0..items.len() {
            let item = &items[index];
            if !item.enabled {
                continue;
            }
            let of_hooks = reads(self.registry, items, item.package, &item.hook_calls);
            // What is wrong with them is told when they are compiled.
            let of_hooks: Vec<Index> = of_hooks.items.into_iter().filter(|read| *read != index).collect();
            let Some(parsed) = parsed(item) else {
                items[index].reads.extend(of_hooks);
                continue;
            };
            let mut reads = reads(self.registry, items, item.package, &parsed.calls);
            for (number, mut wrong) in reads.wrong {
                if let Some(Call::Ref { name, .. }) = parsed.calls.get(number)
                    && wrong.code == Code::UnknownModel
                    && wrong.help.as_deref() == Some(&meant(&item.name))
                {
                    // Nobody means the very model that asks.
                    wrong.help = Some(self.registry.near(name, Some(&item.name)));
                }
                let location = parse::locate(item, self.templates, self.facts, number);
                diagnostics.push(wrong.at(location).node(item.id.clone()));
            }
            // An increment reads what earlier runs made of itself.
            reads
                .items
                .retain(|read| *read != index || items[*read].settings.materialized != Materialized::Incremental);
            reads.items.extend(of_hooks);
            reads.items.sort_unstable();
            reads.items.dedup();
            resolved[index] = reads.complete;
            items[index].reads = reads.items;
        }
        resolved
    }

    /// Where one item first reads another.
    pub(super) fn place(&self, items: &[Item<'_>], reader: Index, read: Index) -> Location {
        let item = &items[reader];
        let Some(parsed) = parsed(item) else { return item.location.clone() };
        let means =
            |call: &Call| matches!(self.registry.resolve(items, item.package, call), Ok(Some(index)) if index == read);
        match parsed.calls.iter().position(means) {
            Some(number) => parse::locate(item, self.templates, self.facts, number),
            None => item.location.clone(),
        }
    }
}

fn parsed<'b>(item: &'b Item<'_>) -> Option<&'b Rendered> {
    match &item.body {
        Body::Model(model) => model.parsed.as_ref(),
        _ => None,
    }
}
