//! The methods of dbt's selection syntax, by their names.

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Diagnostic};

use super::state::Change;

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Method {
    Fqn,
    Path,
    File,
    Tag,
    Source,
    Package,
    ResourceType,
    TestType,
    TestName,
    UnitTest,
    Exposure,
    Group,
    Access,
    /// `config.x.y`: the settings along a path of keys.
    Config(Vec<String>),
    /// `state:`, beside an earlier manifest.
    State,
    /// `result:`, of an earlier run.
    Outcome,
    /// `selector:`, a definition of `selectors.yml`.
    Selector,
}

/// The methods by their names; those of `config.` and what needs an earlier state have their own rules.
const METHODS: &[(&str, Method)] = &[
    ("fqn", Method::Fqn),
    ("path", Method::Path),
    ("file", Method::File),
    ("tag", Method::Tag),
    ("source", Method::Source),
    ("package", Method::Package),
    ("resource_type", Method::ResourceType),
    ("test_type", Method::TestType),
    ("test_name", Method::TestName),
    ("unit_test", Method::UnitTest),
    ("exposure", Method::Exposure),
    ("group", Method::Group),
    ("access", Method::Access),
    ("state", Method::State),
    ("result", Method::Outcome),
    ("selector", Method::Selector),
];

/// dbt's other methods, refused by name.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("metric", "there is no semantic layer"),
    ("saved_query", "there is no semantic layer"),
    ("semantic_model", "there is no semantic layer"),
    ("source_status", "source freshness is not measured"),
    ("version", "models have no versions"),
];

/// The kinds of node that `resource_type:` knows.
pub(super) const KINDS: &[&str] =
    &["source", "seed", "model", "snapshot", "test", "unit_test", "exposure", "operation", "all", "default"];

impl Method {
    pub(super) fn parse(name: &str) -> Result<Self, Diagnostic> {
        if let Some((_, method)) = METHODS.iter().find(|(known, _)| *known == name) {
            return Ok(method.clone());
        }
        if let Some(path) = name.strip_prefix("config.").filter(|path| !path.is_empty()) {
            return Ok(Self::Config(path.split('.').map(str::to_owned).collect()));
        }
        let names = || METHODS.iter().map(|(name, _)| *name).chain(["config.materialized"]);
        let error = |message: String, help: String| Diagnostic::error(Code::InvalidSelector, message).help(help);
        Err(match UNSUPPORTED.iter().find(|(known, _)| *known == name) {
            Some((_, why)) => error(
                format!("the selector method `{name}:` is not supported: {why}"),
                format!("the methods are `{}`", names().collect::<Vec<_>>().join("`, `")),
            ),
            None => error(
                format!("no selector method is named `{name}`"),
                match did_you_mean(name, names()) {
                    Some(near) => format!("did you mean `{near}:`?"),
                    None => format!("the methods are `{}`", names().collect::<Vec<_>>().join("`, `")),
                },
            ),
        })
    }

    /// The method of a value that names none.
    pub(super) fn of_value(value: &str) -> Self {
        let lower = value.to_lowercase();
        if value.contains('/') {
            Self::Path
        } else if [".sql", ".csv", ".py", ".yml"].iter().any(|end| lower.ends_with(end)) {
            Self::File
        } else {
            Self::Fqn
        }
    }

    /// Whether a value that matches nothing is most likely a slip.
    pub(super) fn is_name(&self) -> bool {
        matches!(self, Self::Fqn | Self::Path | Self::File | Self::Source)
    }

    /// Whether it is no slip that nothing matches: nothing changed, nothing failed.
    pub(super) fn may_be_empty(&self) -> bool {
        matches!(self, Self::State | Self::Outcome)
    }

    /// What is wrong with a value of which the method knows all.
    pub(super) fn check_value(&self, value: &str) -> Result<(), Diagnostic> {
        let (what, known): (&str, Vec<&str>) = match self {
            Self::ResourceType => ("resource type", KINDS.to_vec()),
            Self::TestType => ("type of test", ["generic", "singular", "unit", "data"].to_vec()),
            Self::State => ("state", Change::WORDS.iter().map(|(word, _)| *word).collect()),
            Self::Outcome => ("result", ["error", "success", "skipped", "fail", "pass", "warn"].to_vec()),
            Self::Access => ("access", ["public", "protected", "private"].to_vec()),
            _ => return Ok(()),
        };
        if known.contains(&value) {
            return Ok(());
        }
        let all = format!("there are `{}`", known.join("`, `"));
        let help = did_you_mean(value, known).map_or(all, |near| format!("did you mean `{near}`?"));
        Err(Diagnostic::error(Code::InvalidSelector, format!("`{value}` is no {what}")).help(help))
    }
}
