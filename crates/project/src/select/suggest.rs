//! What may have been meant by a value that matches nothing.

use std::path::Path;

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{NodeKind, Plan};

use super::matching::{Thing, materialized};
use super::method::Method;

/// The help for a value that matches nothing.
pub(super) fn suggest(plan: &Plan, things: &[Thing<'_>], method: &Method, value: &str) -> String {
    let nodes = || plan.nodes.values();
    let named = |names: &mut dyn Iterator<Item = &str>| names.map(str::to_owned).collect::<Vec<String>>();
    let config = |key: &str| {
        let found = nodes().filter_map(|node| node.about.config.get(key)?.as_str());
        found.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut known: Vec<String> = match method {
        Method::Fqn => named(&mut nodes().map(|node| node.name.as_str())),
        Method::Path => {
            let folders = nodes().flat_map(|node| node.location.file.ancestors());
            folders.map(|path: &Path| path.display().to_string()).collect()
        }
        Method::File => {
            let files = nodes().filter_map(|node| node.location.file.file_name());
            files.map(|file| file.to_string_lossy().into_owned()).collect()
        }
        Method::Tag => things.iter().flat_map(|thing| thing.tags().to_vec()).collect(),
        Method::Source => nodes()
            .filter(|node| node.kind == NodeKind::Source)
            .flat_map(|node| [node.name.clone(), source_of(&node.name).to_owned()])
            .collect(),
        Method::Package => named(&mut nodes().map(|node| node.about.package.as_str())),
        Method::ResourceType => things.iter().map(|thing| thing.kind().to_owned()).collect(),
        Method::TestType => ["generic", "singular", "unit"].map(String::from).to_vec(),
        Method::TestName => named(&mut nodes().filter_map(|node| Some(node.about.test.as_ref()?.name.as_str()))),
        Method::UnitTest => {
            named(&mut nodes().filter(|node| node.kind == NodeKind::UnitTest).map(|node| node.name.as_str()))
        }
        Method::Exposure => named(&mut plan.beside.exposures.iter().map(|exposure| exposure.name.as_str())),
        Method::Group => config("group"),
        Method::Config(path) if path == &["materialized"] => named(&mut nodes().filter_map(materialized)),
        Method::Config(path) if path == &["schema"] => {
            named(&mut nodes().filter_map(|node| node.relation.as_ref()).map(|relation| relation.schema.as_str()))
        }
        Method::Config(path) if path == &["tags"] => things.iter().flat_map(|thing| thing.tags().to_vec()).collect(),
        Method::Config(path) => path.first().map(|key| config(key)).unwrap_or_default(),
        Method::State | Method::Outcome => return "nothing of the project is in that state".into(),
        Method::Access | Method::Selector => Vec::new(),
    };
    known.retain(|name| !name.is_empty());
    known.sort();
    known.dedup();
    if let Some(near) = did_you_mean(value, known.iter().map(String::as_str)) {
        return format!("did you mean `{near}`?");
    }
    if *method == Method::Fqn
        && let Some(node) = nodes().find(|node| node.name.ends_with(&format!(".{value}")))
    {
        return format!("a table of a source is selected with `source:{}`", node.name);
    }
    match method {
        Method::Fqn => "`headwater list` lists the names".into(),
        _ if known.is_empty() => "no node of the project has one".into(),
        _ if known.len() <= 12 => format!("there are `{}`", known.join("`, `")),
        _ => "`headwater list` lists the nodes".into(),
    }
}

fn source_of(name: &str) -> &str {
    name.split_once('.').map_or(name, |(source, _)| source)
}
