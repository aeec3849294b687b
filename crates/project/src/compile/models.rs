//! Models: each SQL file with what YAML says of it, rendered, its settings read.
//!
//! `ref` needs the relation of the other model, which that model's own `config(…)` may name. So every model is first
//! rendered against the names that files and YAML tell, and only those that read a model whose SQL says otherwise are
//! rendered again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Diagnostic, Diagnostics, Location, NodeId, NodeKind, TableName};

use super::item::{Body, Item, ModelBody, check_relation};
use super::settings::{Owner, Settings};
use crate::config::{Loaded, Properties, SqlFile};
use crate::template::{Call, Relations, Rendered, Template, Templates};

/// The models of the project, not yet rendered, under the relations that files and YAML tell.
pub(super) fn gather<'a>(loaded: &'a Loaded, diagnostics: &mut Diagnostics) -> Vec<Item<'a>> {
    let mut properties = by_name(&loaded.models, "model", diagnostics);
    let mut files: HashMap<&str, &SqlFile> = HashMap::new();
    let mut items = Vec::new();
    for file in &loaded.model_files {
        let Some(name) = file.path.file_stem().and_then(|stem| stem.to_str()) else { continue };
        if let Some(first) = files.insert(name, file) {
            let message = format!("two models are named `{name}`: the other one is `{}`", first.path.display());
            diagnostics.push(Diagnostic::error(Code::DuplicateName, message).at(Location::line(&file.path, 1)));
            continue;
        }
        items.push(item(loaded, name, file, properties.remove(name), diagnostics));
    }
    let mut orphans: Vec<&Properties> = properties.into_values().collect();
    orphans.sort_by_key(|orphan| (&orphan.location.file, orphan.location.line));
    for orphan in orphans {
        let help = match did_you_mean(&orphan.name, files.keys().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("a model is a file `models/**/{}.sql`", orphan.name),
        };
        let message = format!("there is no model `{}` to describe", orphan.name);
        diagnostics.push(Diagnostic::error(Code::UnknownModel, message).at(orphan.location.clone()).help(help));
    }
    items
}

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

fn item<'a>(
    loaded: &'a Loaded,
    name: &'a str,
    file: &'a SqlFile,
    properties: Option<&'a Properties>,
    diagnostics: &mut Diagnostics,
) -> Item<'a> {
    let mut settings = Settings::default();
    if let Some(properties) = properties {
        for wrong in settings.apply(Owner::Model, &properties.config) {
            diagnostics.push(wrong.at(properties.location.clone()));
        }
    }
    let expected = TableName::new(
        settings.schema.as_deref().or(folder(file)).unwrap_or(&loaded.target.schema),
        settings.alias.as_deref().unwrap_or(name),
    );
    Item {
        id: NodeId(format!("model.{}.{name}", loaded.name)),
        name: name.to_string(),
        kind: NodeKind::Model,
        location: Location::line(&file.path, 1),
        relation: expected.clone(),
        tags: settings.tags.clone(),
        description: properties.and_then(|properties| properties.description.as_deref()),
        columns: properties.map_or(&[], |properties| &properties.columns),
        tests: properties.map_or(&[], |properties| &properties.tests),
        enabled: settings.enabled,
        body: Body::Model(Box::new(ModelBody { file, expected, settings, rendered: None, query_reads: Vec::new() })),
        reads: Vec::new(),
        schema: None,
    }
}

/// The layer folder: the first one under `models/`.
fn folder(file: &SqlFile) -> Option<&str> {
    let mut parts = file.path.iter().skip(1);
    let folder = parts.next()?.to_str()?;
    parts.next().map(|_| folder)
}

/// Renders all models and reads their settings. Gives the relations as they are after all.
pub(super) fn render(
    items: &mut [Item<'_>],
    templates: &Templates,
    relations: Relations,
    diagnostics: &mut Diagnostics,
) -> Arc<Relations> {
    let relations = Arc::new(relations);
    let mut moved: HashSet<String> = HashSet::new();
    for item in items.iter_mut() {
        let Body::Model(model) = &mut item.body else { continue };
        let template = template(model);
        let rendered = match templates.render(template, &relations) {
            Ok(rendered) => rendered,
            Err(wrong) => {
                // A model that is off is not read; YAML alone can say so when its SQL does not render.
                if item.enabled {
                    diagnostics.push(wrong.node(item.id.clone()));
                }
                continue;
            }
        };
        let (mut settings, mut wrong) = (model.settings.clone(), Vec::new());
        for (number, call) in rendered.calls.iter().enumerate() {
            match call {
                Call::Config(layer) => {
                    wrong.extend(settings.apply(Owner::Model, layer).into_iter().map(|wrong| (number, wrong)));
                }
                Call::Warn(message) => {
                    wrong.push((number, Diagnostic::warning(Code::InvalidTemplate, message.clone())));
                }
                Call::Ref { .. } | Call::Source { .. } => {}
            }
        }
        for (number, wrong) in wrong {
            let location = templates.locate_call(template, &relations, number);
            diagnostics.push(wrong.at(location).node(item.id.clone()));
        }
        let relation = TableName::new(
            settings.schema.as_deref().unwrap_or(&model.expected.schema),
            settings.alias.as_deref().unwrap_or(&model.expected.name),
        );
        if relation != model.expected {
            moved.insert(item.name.clone());
        }
        item.relation = relation;
        item.enabled = settings.enabled;
        item.tags.clone_from(&settings.tags);
        model.settings = settings;
        model.rendered = Some(rendered);
    }
    for item in items.iter().filter(|item| item.enabled && item.kind == NodeKind::Model) {
        diagnostics.extend(check_relation(&item.relation, &item.location).map(|wrong| wrong.node(item.id.clone())));
    }
    if moved.is_empty() {
        return relations;
    }
    render_again(items, templates, &relations, &moved, diagnostics)
}

fn render_again(
    items: &mut [Item<'_>],
    templates: &Templates,
    relations: &Relations,
    moved: &HashSet<String>,
    diagnostics: &mut Diagnostics,
) -> Arc<Relations> {
    let mut relations = relations.clone();
    for item in items.iter().filter(|item| item.kind == NodeKind::Model) {
        relations.models.insert(item.name.clone(), item.relation.clone());
    }
    let relations = Arc::new(relations);
    for item in items {
        let Body::Model(model) = &mut item.body else { continue };
        let Some(rendered) = &model.rendered else { continue };
        if rendered.calls.iter().any(|call| matches!(call, Call::Ref { name, .. } if moved.contains(name))) {
            match templates.render(template(model), &relations) {
                Ok(rendered) => model.rendered = Some(rendered),
                Err(wrong) => {
                    diagnostics.push(wrong.node(item.id.clone()));
                    model.rendered = None;
                }
            }
        }
    }
    relations
}

/// The template of a model.
pub(super) fn template<'b>(model: &'b ModelBody<'_>) -> Template<'b> {
    Template { path: &model.file.path, text: &model.file.text, this: Some(&model.expected) }
}

/// The SQL of a model, if it rendered.
pub(super) fn rendered<'b>(item: &'b Item<'_>) -> Option<(&'b ModelBody<'b>, &'b Rendered)> {
    match &item.body {
        Body::Model(model) => model.rendered.as_ref().map(|rendered| (&**model, rendered)),
        _ => None,
    }
}
