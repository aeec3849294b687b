//! The methods: what a selector's value is compared with.

use std::path::Path;

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Diagnostic, Node, NodeKind, Plan, Step};

/// What a value is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Fqn,
    Path,
    File,
    Tag,
    Source,
    ResourceType,
    TestType,
    Materialized,
    Schema,
}

/// The methods by their names.
const METHODS: &[(&str, Method)] = &[
    ("fqn", Method::Fqn),
    ("path", Method::Path),
    ("file", Method::File),
    ("tag", Method::Tag),
    ("source", Method::Source),
    ("resource_type", Method::ResourceType),
    ("test_type", Method::TestType),
    ("config.materialized", Method::Materialized),
    ("config.schema", Method::Schema),
    ("config.tags", Method::Tag),
];

/// dbt's other methods, refused by name.
const UNSUPPORTED: &[&str] = &[
    "access",
    "exposure",
    "group",
    "metric",
    "package",
    "result",
    "saved_query",
    "selector",
    "semantic_model",
    "source_status",
    "state",
    "test_name",
    "unit_test",
    "version",
];

impl Method {
    pub(super) fn parse(name: &str) -> Result<Self, Diagnostic> {
        if let Some((_, method)) = METHODS.iter().find(|(known, _)| *known == name) {
            return Ok(*method);
        }
        let names = METHODS.iter().map(|(name, _)| *name);
        let (message, help) = if UNSUPPORTED.contains(&name) {
            (format!("the selector method `{name}:` is not supported yet"), None)
        } else {
            (format!("no selector method is named `{name}`"), did_you_mean(name, names.clone()))
        };
        let help = match help {
            Some(near) => format!("did you mean `{near}:`?"),
            None => format!("the methods are `{}`", names.collect::<Vec<_>>().join("`, `")),
        };
        Err(Diagnostic::error(Code::InvalidSelector, message).help(help))
    }

    /// The method of a value that names none.
    pub(super) fn of_value(value: &str) -> Self {
        let lower = value.to_lowercase();
        if value.contains('/') {
            Self::Path
        } else if lower.ends_with(".sql") || lower.ends_with(".csv") {
            Self::File
        } else {
            Self::Fqn
        }
    }

    /// Whether a value that matches nothing is most likely a slip.
    pub(super) fn is_name(self) -> bool {
        matches!(self, Self::Fqn | Self::Path | Self::File | Self::Source)
    }

    pub(super) fn matches(self, project: &str, node: &Node, value: &str) -> bool {
        match self {
            Self::Fqn => matches_fqn(project, node, value),
            Self::Path => {
                let wanted = value.trim_start_matches("./").trim_end_matches('/');
                node.location.file.ancestors().any(|path| like(&path.display().to_string(), wanted))
            }
            Self::File => {
                let file = node.location.file.file_name().and_then(|name| name.to_str());
                node.kind != NodeKind::Source && file.is_some_and(|file| like(file, value))
            }
            Self::Tag => node.tags.iter().any(|tag| like(tag, value)),
            Self::Source => {
                let Some((source, table)) = node.name.split_once('.').filter(|_| node.kind == NodeKind::Source) else {
                    return false;
                };
                match value.split('.').collect::<Vec<_>>().as_slice() {
                    [of] => like(source, of),
                    [of, wanted] => like(source, of) && like(table, wanted),
                    [package, of, wanted] => like(project, package) && like(source, of) && like(table, wanted),
                    _ => false,
                }
            }
            Self::ResourceType => node.kind.word() == value,
            Self::TestType => match &node.step {
                Step::Test(test) if test.tested.is_some() => matches!(value, "generic" | "data"),
                Step::Test(_) => matches!(value, "singular" | "data"),
                _ => false,
            },
            Self::Materialized => match &node.step {
                Step::Table(_) => like("table", value),
                Step::View(_) => like("view", value),
                Step::Seed(_) => like("seed", value),
                Step::Ingest(_) | Step::External | Step::Test(_) => false,
            },
            Self::Schema => node.relation.as_ref().is_some_and(|relation| like(&relation.schema, value)),
        }
    }

    /// What may have been meant by a value that matches nothing.
    pub(super) fn suggest(self, plan: &Plan, value: &str) -> String {
        let mut known: Vec<String> = match self {
            Self::Fqn => plan.nodes.values().map(|node| node.name.clone()).collect(),
            Self::Path => {
                let folders = plan.nodes.values().flat_map(|node| node.location.file.ancestors());
                folders.map(|path| path.display().to_string()).collect()
            }
            Self::File => {
                let files = plan.nodes.values().filter_map(|node| node.location.file.file_name());
                files.map(|file| file.to_string_lossy().into_owned()).collect()
            }
            Self::Tag => plan.nodes.values().flat_map(|node| node.tags.clone()).collect(),
            Self::Source => {
                let sources = plan.nodes.values().filter(|node| node.kind == NodeKind::Source);
                sources.flat_map(|node| [node.name.clone(), source_of(node).to_string()]).collect()
            }
            Self::ResourceType => ["source", "seed", "model", "test"].map(String::from).to_vec(),
            Self::TestType => ["generic", "singular"].map(String::from).to_vec(),
            Self::Materialized => ["table", "view", "seed"].map(String::from).to_vec(),
            Self::Schema => {
                plan.nodes.values().filter_map(|node| node.relation.as_ref()).map(|r| r.schema.clone()).collect()
            }
        };
        known.retain(|name| !name.is_empty());
        known.sort();
        known.dedup();
        if let Some(near) = did_you_mean(value, known.iter().map(String::as_str)) {
            return format!("did you mean `{near}`?");
        }
        if self == Self::Fqn
            && let Some(node) = plan.nodes.values().find(|node| node.name.ends_with(&format!(".{value}")))
        {
            return format!("a table of a source is selected with `source:{}`", node.name);
        }
        match self {
            Self::Fqn => "`headwater plan` lists the names".into(),
            _ if known.is_empty() => "no node of the project has one".into(),
            _ if known.len() <= 12 => format!("there are `{}`", known.join("`, `")),
            _ => "`headwater plan` lists the nodes".into(),
        }
    }
}

fn source_of(node: &Node) -> &str {
    node.name.split_once('.').map_or(node.name.as_str(), |(source, _)| source)
}

/// A name, or a dotted path of project, folders and name from its beginning, as in dbt. A table of a source is matched
/// by its whole name (`rental.vehicles`) only; `source:` selects sources.
fn matches_fqn(project: &str, node: &Node, value: &str) -> bool {
    if like(&node.name, value) {
        return true;
    }
    if node.kind == NodeKind::Source {
        return false;
    }
    let folders = node.location.file.parent().unwrap_or(Path::new("")).iter().skip(1);
    let path: Vec<&str> = folders.filter_map(|folder| folder.to_str()).chain([node.name.as_str()]).collect();
    let wanted: Vec<&str> = value.split('.').collect();
    let begins = |path: &[&str], wanted: &[&str]| {
        wanted.len() <= path.len() && path.iter().zip(wanted).all(|(part, wanted)| like(part, wanted))
    };
    begins(&path, &wanted) || (like(project, wanted[0]) && begins(&path, &wanted[1..]))
}

/// Whether a text matches a pattern of `*`, `?` and `[…]`.
fn like(text: &str, pattern: &str) -> bool {
    if !pattern.contains(['*', '?', '[']) {
        return text == pattern;
    }
    glob::Pattern::new(pattern).is_ok_and(|pattern| pattern.matches(text))
}
