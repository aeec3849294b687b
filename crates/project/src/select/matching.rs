//! What a method's value is compared with, and how.

use std::path::Path;

use headwater_plan::{Exposure, Node, NodeId, NodeKind, Step};
use serde_json::Value;

use super::Beside;
use super::method::Method;

/// A thing of the graph.
#[derive(Debug, Clone, Copy)]
pub(super) enum Thing<'a> {
    Node(&'a Node),
    Exposure(&'a Exposure),
}

impl<'a> Thing<'a> {
    pub(super) fn id(self) -> &'a NodeId {
        match self {
            Self::Node(node) => &node.id,
            Self::Exposure(exposure) => &exposure.id,
        }
    }

    pub(super) fn name(self) -> &'a str {
        match self {
            Self::Node(node) => &node.name,
            Self::Exposure(exposure) => &exposure.name,
        }
    }

    pub(super) fn depends_on(self) -> &'a [NodeId] {
        match self {
            Self::Node(node) => &node.depends_on,
            Self::Exposure(exposure) => &exposure.depends_on,
        }
    }

    /// The file, relative to the project.
    pub(super) fn file(self) -> &'a Path {
        match self {
            Self::Node(node) => &node.location.file,
            Self::Exposure(exposure) => &exposure.location.file,
        }
    }

    /// The word of `resource_type:`.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Node(node) => node.kind.word(),
            Self::Exposure(_) => "exposure",
        }
    }

    pub(super) fn is_test(self) -> bool {
        matches!(self, Self::Node(node) if matches!(node.kind, NodeKind::Test | NodeKind::UnitTest))
    }

    pub(super) fn tags(self) -> &'a [String] {
        match self {
            Self::Node(node) => &node.tags,
            Self::Exposure(exposure) => &exposure.tags,
        }
    }

    fn package<'b>(self, project: &'b str) -> &'b str
    where
        'a: 'b,
    {
        let package = match self {
            Self::Node(node) => node.about.package.as_str(),
            Self::Exposure(exposure) => exposure.package.as_str(),
        };
        if package.is_empty() { project } else { package }
    }

    /// The folders and the name, without the package.
    fn path(self) -> Vec<&'a str> {
        let fqn = match self {
            Self::Node(node) => &node.about.fqn,
            Self::Exposure(exposure) => &exposure.fqn,
        };
        if !fqn.is_empty() {
            return fqn.iter().skip(1).map(String::as_str).collect();
        }
        let folders = self.file().parent().unwrap_or(Path::new("")).iter().skip(1);
        folders.filter_map(|folder| folder.to_str()).chain([self.name()]).collect()
    }

    /// Whether a value means it.
    pub(super) fn matches(self, method: &Method, value: &str, beside: &Beside<'_>, project: &str) -> bool {
        match method {
            Method::Fqn => self.matches_fqn(project, value),
            Method::Path => self.lies_in(value),
            Method::File => self.matches_file(value),
            Method::Tag => self.tags().iter().any(|tag| like(tag, value)),
            Method::Source => self.matches_source(project, value),
            Method::Package => {
                let wanted = if value == "this" { project } else { value };
                like(self.package(project), wanted)
            }
            Method::ResourceType => value == "all" || value == "default" || self.kind() == value,
            Method::Exposure => matches!(self, Self::Exposure(_)) && self.matches_fqn(project, value),
            Method::State => beside.state.is_some_and(|state| state.matches(self, value)),
            Method::Outcome => beside.state.is_some_and(|state| state.ended(self.id(), value)),
            Method::Selector => false,
            _ => match self {
                Self::Node(node) => matches_node(node, method, value),
                Self::Exposure(_) => false,
            },
        }
    }

    /// A name, or a dotted path of package, folders and name from its beginning, as in dbt. A table of a source is
    /// matched by its whole name (`rental.vehicles`) only; `source:` selects sources.
    fn matches_fqn(self, project: &str, value: &str) -> bool {
        if like(self.name(), value) {
            return true;
        }
        if matches!(self, Self::Node(node) if node.kind == NodeKind::Source) {
            return false;
        }
        let path = self.path();
        let wanted: Vec<&str> = value.split('.').collect();
        let begins = |wanted: &[&str]| {
            wanted.len() <= path.len() && path.iter().zip(wanted).all(|(part, wanted)| like(part, wanted))
        };
        begins(&wanted)
            || wanted.split_first().is_some_and(|(first, rest)| like(self.package(project), first) && begins(rest))
    }

    /// Whether its file is that one, or lies in that folder. The files of a package lie in their own package's folders.
    fn lies_in(self, value: &str) -> bool {
        let wanted = value.trim_start_matches("./").trim_end_matches('/');
        let is_meant = |path: &Path| path.ancestors().any(|path| like(&path.display().to_string(), wanted));
        is_meant(self.file()) || within_package(self.file()).is_some_and(is_meant)
    }

    fn matches_file(self, value: &str) -> bool {
        let file = self.file();
        let (name, stem) =
            (file.file_name().and_then(|name| name.to_str()), file.file_stem().and_then(|stem| stem.to_str()));
        // What YAML declares lies in files of its own; a node of SQL is meant by its name with or without the ending.
        let is_source = matches!(self, Self::Node(node) if node.kind == NodeKind::Source);
        !is_source && (name.is_some_and(|name| like(name, value)) || stem.is_some_and(|stem| like(stem, value)))
    }

    fn matches_source(self, project: &str, value: &str) -> bool {
        let Self::Node(node) = self else { return false };
        let Some((source, table)) = node.name.split_once('.').filter(|_| node.kind == NodeKind::Source) else {
            return false;
        };
        match value.split('.').collect::<Vec<_>>().as_slice() {
            [of] => like(source, of),
            [of, wanted] => like(source, of) && like(table, wanted),
            [package, of, wanted] => like(self.package(project), package) && like(source, of) && like(table, wanted),
            _ => false,
        }
    }
}

/// A package's own path of a file: without `dbt_packages/<package>/`.
fn within_package(file: &Path) -> Option<&Path> {
    let mut parts = file.components();
    let first = parts.next()?.as_os_str().to_str()?;
    parts.next()?;
    matches!(first, "dbt_packages" | "dbt_modules").then(|| parts.as_path())
}

fn matches_node(node: &Node, method: &Method, value: &str) -> bool {
    match method {
        Method::TestType => match &node.step {
            Step::UnitTest(_) => value == "unit",
            _ if node.kind == NodeKind::UnitTest => value == "unit",
            _ if node.kind != NodeKind::Test => false,
            _ if is_generic(node) => matches!(value, "generic" | "data"),
            _ => matches!(value, "singular" | "data"),
        },
        Method::TestName => node.about.test.as_ref().is_some_and(|test| like(&test.name, value)),
        Method::UnitTest => node.kind == NodeKind::UnitTest && like(&node.name, value),
        Method::Group | Method::Access => {
            let key = if *method == Method::Group { "group" } else { "access" };
            let default = (key == "access" && node.kind == NodeKind::Model).then_some("protected");
            let said = node.about.config.get(key).and_then(Value::as_str).or(default);
            said.is_some_and(|said| like(said, value))
        }
        Method::Config(path) => matches_config(node, path, value),
        _ => false,
    }
}

fn is_generic(node: &Node) -> bool {
    match &node.step {
        Step::Test(test) => node.about.test.is_some() || test.tested.is_some(),
        _ => node.about.test.is_some(),
    }
}

/// Compares a setting: a text by its pattern, a list by any of its items, a map by any of its keys.
fn matches_config(node: &Node, path: &[String], value: &str) -> bool {
    match path {
        [key] if key == "tags" => return node.tags.iter().any(|tag| like(tag, value)),
        [key] if key == "schema" => {
            return node.relation.as_ref().is_some_and(|relation| like(&relation.schema, value));
        }
        [key] if key == "materialized" => return materialized(node).is_some_and(|word| like(word, value)),
        _ => {}
    }
    let mut found = match path.split_first() {
        Some((key, _)) => node.about.config.get(key),
        None => None,
    };
    for key in path.iter().skip(1) {
        found = found.and_then(|value| value.get(key));
    }
    found.is_some_and(|found| is_like(found, value))
}

fn is_like(found: &Value, value: &str) -> bool {
    match found {
        Value::Null => matches!(value, "null" | "None" | "none"),
        Value::Bool(found) => value.eq_ignore_ascii_case(if *found { "true" } else { "false" }),
        Value::Number(number) => like(&number.to_string(), value),
        Value::String(text) => like(text, value),
        Value::Array(items) => items.iter().any(|item| is_like(item, value)),
        Value::Object(map) => map.keys().any(|key| like(key, value)),
    }
}

/// How a node is kept.
pub(super) fn materialized(node: &Node) -> Option<&str> {
    Some(match &node.step {
        Step::Table(_) => "table",
        Step::View(_) => "view",
        Step::Seed(_) => "seed",
        Step::Ephemeral(_) => "ephemeral",
        Step::Incremental(_) => "incremental",
        Step::Snapshot(_) => "snapshot",
        Step::Late(late) => &late.becomes,
        Step::Test(_) => "test",
        Step::UnitTest(_) => "unit",
        Step::Ingest(_) | Step::External | Step::Statement(_) => return None,
    })
}

/// Whether a text matches a pattern of `*`, `?` and `[…]`.
pub(super) fn like(text: &str, pattern: &str) -> bool {
    if !pattern.contains(['*', '?', '[']) {
        return text == pattern;
    }
    glob::Pattern::new(pattern).is_ok_and(|pattern| pattern.matches(text))
}
