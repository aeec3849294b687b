//! Models and snapshots: each SQL file with what YAML and `dbt_project.yml` say of it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Diagnostic, Diagnostics, Location, NodeId, NodeKind, TableName};
use serde_json::Value;

use super::item::{Body, Item, ModelBody};
use super::layers::{Layers, Place};
use crate::config::{Loaded, Package, Properties, SettingsKind, SqlFile};
use crate::template::blocks;

/// The models and snapshots of the project and its packages, as files and YAML tell of them.
pub(super) fn gather<'a>(loaded: &'a Loaded, diagnostics: &mut Diagnostics) -> Vec<Item<'a>> {
    let mut items = Vec::new();
    for package in &loaded.packages {
        let models = package.model_files.iter().filter_map(Found::of_file).collect();
        let kind = Kind { loaded, package, node: NodeKind::Model, settings: SettingsKind::Models, folder: "models" };
        items.extend(kind.items(models, &package.models, diagnostics));

        let in_sql = package.snapshot_files.iter().flat_map(snapshots_of);
        let in_yaml = package.snapshots.iter().filter_map(Found::of_yaml);
        let snapshots = in_sql.chain(in_yaml).collect();
        let kind =
            Kind { loaded, package, node: NodeKind::Snapshot, settings: SettingsKind::Snapshots, folder: "snapshots" };
        items.extend(kind.items(snapshots, &package.snapshots, diagnostics));
    }
    items
}

/// SQL that the user typed, as a thing that nothing reads.
pub(super) fn typed_in<'a>(loaded: &'a Loaded, sql: &str) -> Item<'a> {
    let body = ModelBody {
        path: Path::new(INLINE),
        text: Cow::Owned(sql.to_owned()),
        folders: &[],
        expected: TableName::new(&loaded.target.schema, INLINE),
        parsed: None,
        code: None,
    };
    let mut layers = Layers::default();
    let ephemeral = [("materialized".to_owned(), Value::from("ephemeral"))].into_iter().collect();
    let location = Location::line(INLINE, 1);
    layers.put(&ephemeral, &Place::At(location.clone()));
    Item {
        id: NodeId(format!("sql_operation.{}.{INLINE}", loaded.name)),
        layers,
        ..Item::new(NodeKind::Operation, &loaded.name, INLINE, location, Body::Model(Box::new(body)))
    }
}

/// The name of SQL that the user typed.
const INLINE: &str = "inline";

/// YAML's entries by their names; a second one of a name is told.
pub(super) fn by_name<'a>(
    entries: &'a [Properties],
    kind: &str,
    diagnostics: &mut Diagnostics,
) -> HashMap<&'a str, &'a Properties> {
    let mut by_name: HashMap<&str, &Properties> = HashMap::new();
    for entry in entries {
        match by_name.entry(&entry.name) {
            std::collections::hash_map::Entry::Vacant(vacant) => {
                vacant.insert(entry);
            }
            std::collections::hash_map::Entry::Occupied(first) => {
                let message =
                    format!("the {kind} `{}` is described twice: first at {}", entry.name, first.get().location);
                diagnostics.push(Diagnostic::error(Code::DuplicateName, message).at(entry.location.clone()));
            }
        }
    }
    by_name
}

/// The settings of a thing but for those of its own SQL: `dbt_project.yml` of its package, YAML, and for a package what the
/// project's `dbt_project.yml` says of it.
pub(super) fn layers(
    loaded: &Loaded,
    package: &Package,
    kind: SettingsKind,
    fqn: &[String],
    properties: Option<&Properties>,
) -> Layers {
    let mut layers = Layers::default();
    let path: Vec<&str> = fqn.iter().map(String::as_str).collect();
    let of_files = loaded.layers(package, kind, &path);
    for layer in of_files.below {
        layers.put(&layer.settings, &Place::At(layer.location.clone()));
    }
    if let Some(properties) = properties {
        if !properties.meta.is_empty() {
            let meta = [("meta".to_owned(), Value::Object(properties.meta.clone()))].into_iter().collect();
            layers.put(&meta, &Place::At(properties.location.clone()));
        }
        layers.put(&properties.config, &Place::At(properties.location.clone()));
    }
    for layer in of_files.above {
        layers.put(&layer.settings, &Place::At(layer.location.clone()));
    }
    layers
}

/// Puts what the project's `dbt_project.yml` says of a package's thing on top.
pub(super) fn project_layers(
    loaded: &Loaded,
    package: &Package,
    kind: SettingsKind,
    fqn: &[String],
    layers: &mut Layers,
) {
    let path: Vec<&str> = fqn.iter().map(String::as_str).collect();
    for layer in loaded.layers(package, kind, &path).above {
        layers.put(&layer.settings, &Place::At(layer.location.clone()));
    }
}

/// What is gathered.
struct Kind<'a> {
    loaded: &'a Loaded,
    package: &'a Package,
    node: NodeKind,
    settings: SettingsKind,
    folder: &'static str,
}

impl<'a> Kind<'a> {
    fn items(
        &self,
        found: Vec<Found<'a>>,
        described: &'a [Properties],
        diagnostics: &mut Diagnostics,
    ) -> Vec<Item<'a>> {
        let word = self.node.word();
        let mut properties = by_name(described, word, diagnostics);
        let mut paths: HashMap<&str, &Path> = HashMap::new();
        let mut items = Vec::with_capacity(found.len());
        for found in found {
            if let Some(first) = paths.get(found.name) {
                let message = format!("two {word}s are named `{}`: the other one is `{}`", found.name, first.display());
                diagnostics.push(Diagnostic::error(Code::DuplicateName, message).at(found.location));
                continue;
            }
            paths.insert(found.name, found.path);
            let properties = properties.remove(found.name);
            items.push(self.item(found, properties));
        }
        let mut orphans: Vec<&Properties> = properties.into_values().collect();
        orphans.sort_by_key(|orphan| (&orphan.location.file, orphan.location.line));
        for orphan in orphans {
            let help = match did_you_mean(&orphan.name, paths.keys().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("a {word} is a file `{}/**/{}.sql`", self.folder, orphan.name),
            };
            let message = format!("there is no {word} `{}` to describe", orphan.name);
            // dbt only tells.
            let wrong = if self.loaded.dbt { Diagnostic::warning } else { Diagnostic::error };
            diagnostics.push(wrong(Code::UnknownModel, message).at(orphan.location.clone()).help(help));
        }
        items
    }

    fn item(&self, found: Found<'a>, properties: Option<&'a Properties>) -> Item<'a> {
        let Self { loaded, package, .. } = *self;
        let mut fqn = vec![package.name.clone()];
        fqn.extend(found.folders.iter().cloned());
        fqn.push(found.name.to_owned());
        let layers = layers(loaded, package, self.settings, &fqn, properties);
        let body = ModelBody {
            path: found.path,
            text: found.text,
            folders: found.folders,
            expected: TableName::new("", found.name),
            parsed: None,
            code: None,
        };
        Item {
            fqn,
            layers,
            description: properties.and_then(|properties| properties.description.as_deref()).map(Cow::Borrowed),
            columns: properties.map_or(&[], |properties| &properties.columns),
            tests: properties.map_or(&[], |properties| &properties.tests),
            patch: properties.map(|properties| properties.patch.as_path()),
            ..Item::new(self.node, &package.name, found.name, found.location, Body::Model(Box::new(body)))
        }
    }
}

/// A model or snapshot that was found.
struct Found<'a> {
    name: &'a str,
    path: &'a Path,
    folders: &'a [String],
    text: Cow<'a, str>,
    location: Location,
}

impl<'a> Found<'a> {
    fn of_file(file: &'a SqlFile) -> Option<Self> {
        Some(Self {
            name: file.path.file_stem()?.to_str()?,
            path: &file.path,
            folders: &file.folders,
            text: Cow::Borrowed(&file.text),
            location: Location::line(&file.path, 1),
        })
    }

    /// A snapshot that YAML declares, with the relation whose history it keeps.
    fn of_yaml(properties: &'a Properties) -> Option<Self> {
        let relation = properties.relation.as_ref()?;
        Some(Self {
            name: &properties.name,
            path: &properties.location.file,
            folders: &[],
            text: Cow::Owned(format!("select * from {{{{ {relation} }}}}")),
            location: properties.location.clone(),
        })
    }
}

/// The snapshots of a file, each with the rest of the file blanked out.
fn snapshots_of(file: &SqlFile) -> Vec<Found<'_>> {
    let blank = |text: &str| text.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect::<String>();
    let found = blocks(&file.text, "snapshot").into_iter().map(|block| {
        let name = &file.text[block.at.clone()];
        let mut text = blank(&file.text[..block.body.start]);
        text.push_str(&file.text[block.body.clone()]);
        Found {
            name,
            path: &file.path,
            folders: &file.folders,
            text: Cow::Owned(text),
            location: Location::line(&file.path, 1 + file.text[..block.at.start].matches('\n').count() as u64),
        }
    });
    found.collect()
}
