//! A choice beside its project: the nodes that it names, and where those that it does not name are read from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use headwater_plan::{Code, Diagnostic, Diagnostics, NodeId, NodeKind, Plan, Step, TableName};
use headwater_project::select::{Beside, Indirect, Selection, Selectors, State, select};
use serde_json::Value;

use crate::artefacts::manifest::MANIFEST;
use crate::artefacts::results::RUN_RESULTS;
use crate::choice::{Choice, Defer};
use crate::project::{Project, compile_for};
use crate::{Context, wiring};

/// Compiles the project for a command and selects; with `--defer` it is compiled again once it is known what is not
/// selected.
pub(crate) async fn chosen(
    context: &Context,
    choice: &Choice,
    command: &str,
) -> Result<(Project, BTreeSet<NodeId>), Diagnostics> {
    let project = compile_for(context, choice.request(context, command)?).await?;
    let selected = selected(&project, choice)?;
    let Some(defer) = choice.defer else { return Ok((project, selected)) };
    let deferred = deferred(&project, &selected, choice, defer).await?;
    if deferred.is_empty() {
        return Ok((project, selected));
    }
    let mut request = project.request;
    request.invocation.deferred = deferred;
    Ok((compile_for(context, request).await?, selected))
}

/// The nodes that a choice names.
pub(crate) fn selected(project: &Project, choice: &Choice) -> Result<BTreeSet<NodeId>, Diagnostics> {
    let state = choice.state.as_deref().map(Earlier::read).transpose()?;
    let state = state.map(|earlier| State::new(&project.plan, &earlier.manifest, earlier.results.as_ref()));
    let selectors = Selectors::read(&project.request.dir)?;
    let selection = Selection {
        select: choice.select.clone(),
        exclude: choice.exclude.clone(),
        selector: choice.selector.clone(),
        kinds: choice.kinds.clone(),
        without_kinds: choice.without_kinds.clone(),
        indirect: choice.indirect.as_deref().map(Indirect::parse).transpose()?.unwrap_or_default(),
    };
    select(&project.plan, &selection, Beside { state: state.as_ref(), selectors: Some(&selectors) })
}

/// The statements before and after everything, which no selection names.
pub(crate) fn operations(plan: &Plan) -> impl Iterator<Item = &NodeId> {
    plan.nodes.values().filter(|node| node.kind == NodeKind::Operation).map(|node| &node.id)
}

/// The artefacts of an earlier call.
pub(crate) struct Earlier {
    pub(crate) manifest: Value,
    pub(crate) results: Option<Value>,
}

impl Earlier {
    /// Reads `manifest.json`, and `run_results.json` if it is there.
    pub(crate) fn read(dir: &Path) -> Result<Self, Diagnostic> {
        let manifest = read(&dir.join(MANIFEST))?.ok_or_else(|| {
            Diagnostic::error(Code::UnreadableInput, format!("there is no `{MANIFEST}` in `{}`", dir.display()))
                .help("`--state DIR` names a copy of the `target/` folder of an earlier run")
        })?;
        Ok(Self { manifest, results: read(&dir.join(RUN_RESULTS))? })
    }
}

fn read(path: &Path) -> Result<Option<Value>, Diagnostic> {
    let wrong = |error: &(dyn std::error::Error + 'static)| {
        Diagnostic::error(Code::UnreadableInput, format!("cannot read `{}`", path.display())).caused_by(error)
    };
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| wrong(&error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(&error)),
    }
}

/// The nodes that are not selected, by where the earlier state has them.
async fn deferred(
    project: &Project,
    selected: &BTreeSet<NodeId>,
    choice: &Choice,
    defer: Defer,
) -> Result<BTreeMap<NodeId, TableName>, Diagnostics> {
    let Some(dir) = choice.state.as_deref() else {
        return Err(Diagnostic::error(Code::InvalidArgument, "`--defer` needs `--state DIR`")
            .help("it names the folder of the `manifest.json` to read the others' places from")
            .into());
    };
    let earlier = Earlier::read(dir)?;
    let lake = wiring::lake(&project.plan.environment, &project.request.environ).await?;
    let there: BTreeSet<TableName> = match defer {
        Defer::Always => BTreeSet::new(),
        Defer::Missing => {
            let listed = lake.relations().await.map_err(|error| error.diagnostic())?;
            listed.into_iter().map(|summary| summary.name).collect()
        }
    };
    let mut deferred = BTreeMap::new();
    for node in project.plan.nodes.values().filter(|node| !selected.contains(&node.id)) {
        let is_kept = matches!(node.kind, NodeKind::Model | NodeKind::Seed | NodeKind::Snapshot);
        if !is_kept || matches!(node.step, Step::Ephemeral(_)) {
            continue;
        }
        let Some(relation) = node.relation.as_ref().filter(|name| !there.contains(name)) else { continue };
        let before = earlier.manifest.get("nodes").and_then(|nodes| nodes.get(&node.id.0));
        if let Some(before) = before.and_then(place)
            && before != *relation
        {
            deferred.insert(node.id.clone(), before);
        }
    }
    Ok(deferred)
}

/// The relation of a node of a manifest.
fn place(node: &Value) -> Option<TableName> {
    let text = |key: &str| node.get(key).and_then(Value::as_str);
    let materialized = node.get("config").and_then(|config| config.get("materialized")).and_then(Value::as_str);
    (materialized != Some("ephemeral"))
        .then(|| Some(TableName::new(text("schema")?, text("alias").or_else(|| text("name"))?)))?
}
