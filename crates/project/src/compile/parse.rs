//! The first rendering of every model: its settings, its relation, and what it reads.
//!
//! `ref` needs the relation of the other model, which that model's own `config(…)` may name. So every model is first
//! rendered against the names that files and YAML tell; what that text is worth once all names are known is said by
//! [`Parsed::moved`].

use std::collections::HashSet;
use std::sync::Arc;

use headwater_plan::{Code, Diagnostic, Diagnostics, Location, NodeKind};
use serde_json::Value;

use super::about::model_json;
use super::item::{Body, Item, ModelBody, check_relation};
use super::layers::Place;
use super::models::project_layers;
use super::schemas::Schemas;
use super::settings::{Owner, Settings, Wrong};
use super::world::{Facts, NodeWorld};
use crate::config::SettingsKind;
use crate::parallel;
use crate::template::{Call, Phase, Rendered, Template, Templates, Unrendered, World};

/// What the first renderings tell of the project as a whole.
pub(super) struct Parsed {
    /// The models whose relations are others than files and YAML tell: what reads one was rendered with a wrong name.
    pub(super) moved: HashSet<String>,
}

/// Gives seeds, models and snapshots the relations that files and YAML tell, before anything is rendered.
pub(super) fn place(items: &mut [Item<'_>], schemas: &Schemas<'_>, diagnostics: &mut Diagnostics) {
    for item in items {
        if matches!(item.body, Body::Seed(_)) {
            item.relation = schemas.relation(item, diagnostics);
            diagnostics.extend(check_relation(&item.relation, &item.location).map(|wrong| wrong.node(item.id.clone())));
            continue;
        }
        let Some(owner) = owner(item) else { continue };
        let (settings, wrong) = Settings::read(&item.layers, owner, schemas.strict());
        tell(item, wrong, &|_| None, diagnostics);
        item.configure(settings);
        let relation = schemas.relation(item, diagnostics);
        item.relation.clone_from(&relation);
        if let Body::Model(model) = &mut item.body {
            model.expected = relation;
        }
    }
}

/// Renders all models and reads the settings that they give themselves.
pub(super) fn render(
    items: &mut [Item<'_>],
    templates: &Templates,
    facts: &Arc<Facts>,
    schemas: &Schemas<'_>,
    diagnostics: &mut Diagnostics,
) -> Parsed {
    let numbers: Vec<usize> = (0..items.len()).filter(|index| matches!(items[*index].body, Body::Model(_))).collect();
    let rendered = parallel::map(&numbers, |index| {
        let item = &items[*index];
        let Body::Model(model) = &item.body else { return None };
        let world = NodeWorld::shared(facts, model_json(item));
        Some(templates.render(template(item, model), &world, Phase::Parse))
    });
    let mut moved = HashSet::new();
    for (index, rendered) in numbers.into_iter().zip(rendered) {
        let item = &mut items[index];
        match rendered {
            Some(Ok(rendered)) => {
                configure(item, rendered, schemas, diagnostics);
                let Body::Model(model) = &item.body else { continue };
                if item.relation != model.expected {
                    moved.insert(item.name.clone());
                }
            }
            // A model that is off is not read; YAML alone can say so when its SQL does not render.
            Some(Err(Unrendered::Wrong(wrong))) if item.enabled => diagnostics.push(wrong.node(item.id.clone())),
            _ => {}
        }
    }
    for item in items.iter().filter(|item| item.enabled && owner(item).is_some() && !item.is_ephemeral()) {
        diagnostics.extend(check_relation(&item.relation, &item.location).map(|wrong| wrong.node(item.id.clone())));
    }
    Parsed { moved }
}

/// Renders the hooks for what they name. What is wrong with them is told when they are compiled.
pub(super) fn hooks(items: &mut [Item<'_>], templates: &Templates, facts: &Arc<Facts>) {
    for item in items.iter_mut().filter(|item| item.enabled) {
        let texts: Vec<String> = item.settings.before.iter().chain(&item.settings.after).cloned().collect();
        for text in texts {
            let world = NodeWorld::of_hook(facts, model_json(item));
            let template =
                Template { path: &item.location.file, text: &text, package: item.package, this: Some(&item.relation) };
            let Ok(rendered) = templates.render(template, &world, Phase::Parse) else { continue };
            for call in &rendered.calls {
                if let Call::Drop(table) = call {
                    facts.gone(table);
                }
            }
            item.hook_calls.extend(rendered.calls);
        }
    }
}

/// Puts the settings of a model's own `config(…)` over the others.
fn configure(item: &mut Item<'_>, rendered: Rendered, schemas: &Schemas<'_>, diagnostics: &mut Diagnostics) {
    let Schemas { templates, facts, .. } = *schemas;
    let Some(owner) = owner(item) else { return };
    let mut configured = false;
    for (number, call) in rendered.calls.iter().enumerate() {
        match call {
            Call::Config(layer) => {
                configured = true;
                item.layers.put(layer, &Place::Call(number));
            }
            Call::Warn(message) => {
                let warning = Diagnostic::warning(Code::InvalidTemplate, message.clone());
                let location = locate(item, templates, facts, number);
                diagnostics.push(warning.at(location).node(item.id.clone()));
            }
            Call::Ref { .. } | Call::Source { .. } | Call::Drop(_) => {}
        }
    }
    if configured {
        let kind = if owner == Owner::Model { SettingsKind::Models } else { SettingsKind::Snapshots };
        if let Some(package) = schemas.loaded.packages.iter().find(|package| package.name == item.package) {
            let fqn = item.fqn.clone();
            project_layers(schemas.loaded, package, kind, &fqn, &mut item.layers);
        }
        let (settings, wrong) = Settings::read(&item.layers, owner, schemas.strict());
        let at = |number: usize| Some(locate(item, templates, facts, number));
        // One of the user's own is told below.
        let is_own = own_materialization(item, templates).is_some();
        let wrong = wrong.into_iter().filter(|(key, _)| !is_own || key != "materialized").collect();
        tell(item, wrong, &at, diagnostics);
        item.configure(settings);
        item.relation = schemas.relation(item, diagnostics);
    }
    if let Some((word, defined)) = own_materialization(item, templates)
        && item.enabled
    {
        let message = format!("`{word}` is a materialization of the project's own, which is not supported");
        let help = format!("it is defined at {defined}; use `table`, `view`, `incremental` or `ephemeral`");
        let wrong = Diagnostic::error(Code::Unsupported, message).help(help);
        tell(
            item,
            vec![("materialized".to_owned(), wrong)],
            &|number| Some(locate(item, templates, facts, number)),
            diagnostics,
        );
    }
    item.macros.extend(rendered.macros.iter().cloned());
    if let Body::Model(model) = &mut item.body {
        model.parsed = Some(rendered);
    }
}

/// The materialization that an item asks for, if the project defines it, and where.
fn own_materialization<'t>(item: &Item<'_>, templates: &'t Templates) -> Option<(String, &'t Location)> {
    let word = item.layers.get("materialized").and_then(Value::as_str)?;
    templates.materialization(word).map(|defined| (word.to_owned(), defined))
}

/// Tells what is wrong with settings, where each was given.
fn tell(item: &Item<'_>, wrong: Vec<Wrong>, locate: &dyn Fn(usize) -> Option<Location>, diagnostics: &mut Diagnostics) {
    for (key, wrong) in wrong {
        let location = match item.layers.place(&key) {
            Some(Place::At(location)) => Some(location.clone()),
            Some(Place::Call(number)) => locate(*number),
            None => None,
        };
        let location = location.unwrap_or_else(|| item.location.clone());
        diagnostics.push(wrong.at(location).node(item.id.clone()));
    }
}

/// What is wrong with settings, each at the place where it was given.
pub(super) fn placed(item: &Item<'_>, wrong: Vec<Wrong>, templates: &Templates, facts: &Arc<Facts>) -> Vec<Diagnostic> {
    let mut diagnostics = Diagnostics::default();
    tell(item, wrong, &|number| Some(locate(item, templates, facts, number)), &mut diagnostics);
    diagnostics.into_iter().collect()
}

/// Whose settings a model's or snapshot's are.
pub(super) fn owner(item: &Item<'_>) -> Option<Owner> {
    match (&item.body, item.kind) {
        (Body::Model(_), NodeKind::Snapshot) => Some(Owner::Snapshot),
        (Body::Model(_), _) => Some(Owner::Model),
        _ => None,
    }
}

/// The template of a model.
pub(super) fn template<'b>(item: &'b Item<'_>, model: &'b ModelBody<'_>) -> Template<'b> {
    Template { path: model.path, text: &model.text, package: item.package, this: Some(&model.expected) }
}

/// Where a model makes the call of that number.
pub(super) fn locate(item: &Item<'_>, templates: &Templates, facts: &Arc<Facts>, number: usize) -> Location {
    let Body::Model(model) = &item.body else { return item.location.clone() };
    let world: Arc<dyn World> = NodeWorld::shared(facts, Value::Null);
    templates.locate_call(template(item, model), &world, Phase::Parse, number)
}
