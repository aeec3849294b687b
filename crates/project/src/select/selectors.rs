//! `selectors.yml`: selections with a name, in dbt's form.
//!
//! ```yaml
//! selectors:
//!   - name: nightly
//!     default: true
//!     definition:
//!       union:
//!         - "tag:nightly"
//!         - { method: path, value: models/gold, parents: true }
//!         - exclude: [{ tag: slow }]
//! ```

use std::path::Path;

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Diagnostic, Diagnostics};
use serde_json::Value;

use super::Indirect;
use super::criterion::{Criterion, Depth};
use super::definition::Definition;
use super::method::Method;
use crate::config::at::At;
use crate::config::source::Source;
use crate::config::yaml::{self, Data};

/// The file that may stand beside the project's own.
pub const SELECTORS_FILE: &str = "selectors.yml";

/// The named selections of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selectors {
    named: Vec<Named>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    name: String,
    is_default: bool,
    definition: Definition,
}

impl Selectors {
    /// Reads the project's `selectors.yml`; none is no mistake.
    ///
    /// # Errors
    /// All that is wrong in it.
    pub fn read(dir: &Path) -> Result<Self, Diagnostics> {
        if !dir.join(SELECTORS_FILE).is_file() {
            return Ok(Self::default());
        }
        let source = Source::read(dir, Path::new(SELECTORS_FILE))?;
        Self::parse(&source)
    }

    pub(super) fn parse(source: &Source) -> Result<Self, Diagnostics> {
        let mut found = Diagnostics::default();
        let Some(root) = yaml::parse(source, &mut found) else { return Err(found) };
        let mut selectors = Self::default();
        for item in At::new(source, &root).items("selectors") {
            match selectors.named(item) {
                Ok(named) if selectors.named.iter().any(|other| other.name == named.name) => {
                    let message = format!("a selector is named `{}` already", named.name);
                    found.push(item.at("name").error(Code::DuplicateName, message));
                }
                Ok(named) => selectors.named.push(named),
                Err(wrong) => found.push(*wrong),
            }
        }
        if found.has_errors() { Err(found) } else { Ok(selectors) }
    }

    /// Takes a selector; those before it may be named in it.
    fn named(&self, at: At<'_>) -> Result<Named, Box<Diagnostic>> {
        let missing = |message: String, help: &str| at.error(Code::MissingKey, message).help(help);
        let name =
            at.get("name").ok_or_else(|| missing("the selector has no `name`".into(), "`--selector NAME` takes it"))?;
        let definition = at.get("definition").ok_or_else(|| {
            let message = format!("the selector `{}` has no `definition`", name.text());
            missing(message, "for example `definition: \"tag:nightly\"`")
        })?;
        Ok(Named {
            name: name.text().to_owned(),
            is_default: at.get("default").is_some_and(|at| at.node.to_json() == Value::Bool(true)),
            definition: self.definition(definition)?,
        })
    }

    fn definition(&self, at: At<'_>) -> Result<Definition, Box<Diagnostic>> {
        match &at.node.data {
            Data::Scalar(_) => Definition::parse_all(at.text()).map_err(|wrong| Box::new(wrong.at(at.location()))),
            Data::List(_) => Err(Box::new(
                at.error(Code::InvalidSelector, "a definition must be a text or a mapping, not a list")
                    .help("put the list under `union:` or `intersection:`"),
            )),
            Data::Map(_) => self.mapping(at),
        }
    }

    fn mapping(&self, at: At<'_>) -> Result<Definition, Box<Diagnostic>> {
        for key in ["union", "intersection"] {
            if at.get(key).is_none() {
                continue;
            }
            let mut parts = Vec::new();
            let mut without = Vec::new();
            for item in at.items(key) {
                match item.get("exclude") {
                    Some(_) if item.node.entries().len() == 1 => without.extend(self.list(item, "exclude")?),
                    _ => parts.push(self.definition(item)?),
                }
            }
            let whole = if key == "union" { Definition::Union(parts) } else { Definition::Intersection(parts) };
            return Ok(difference(whole, without));
        }
        if at.get("method").is_some() {
            return self.by_method(at);
        }
        match at.node.entries() {
            // `tag: nightly`
            [entry] => self.criterion(at, &entry.key, entry.value.text().unwrap_or_default()),
            _ => Err(Box::new(
                at.error(Code::InvalidSelector, "the definition has neither `method`, `union` nor `intersection`")
                    .help("write `{ method: tag, value: nightly }`, or `tag: nightly`"),
            )),
        }
    }

    /// `{ method: tag, value: nightly, children: true, … }`
    fn by_method(&self, at: At<'_>) -> Result<Definition, Box<Diagnostic>> {
        let value = at.get("value").ok_or_else(|| at.error(Code::MissingKey, "the definition has no `value`"))?;
        let method = at.at("method");
        let mut definition = self.criterion(at, method.text(), value.text())?;
        if let Definition::One(criterion) = &mut definition {
            let says = |key: &str| at.get(key).is_some_and(|at| at.node.to_json() == Value::Bool(true));
            let depth = |key: &str| {
                let steps = at.get(key).and_then(|at| at.text().parse().ok());
                steps.map_or(Depth::All, Depth::Steps)
            };
            criterion.with_parents_of_children = says("childrens_parents");
            criterion.parents = says("parents").then(|| depth("parents_depth"));
            criterion.children = says("children").then(|| depth("children_depth"));
            if let Some(said) = at.get("indirect_selection") {
                criterion.indirect = Some(Indirect::parse(said.text()).map_err(|wrong| wrong.at(said.location()))?);
            }
        }
        let without = if at.get("exclude").is_some() { self.list(at, "exclude")? } else { Vec::new() };
        Ok(difference(definition, without))
    }

    fn criterion(&self, at: At<'_>, method: &str, value: &str) -> Result<Definition, Box<Diagnostic>> {
        if method == "selector" {
            let named = self.get(value).map_err(|wrong| Box::new(wrong.at(at.location())))?;
            return Ok(named.clone());
        }
        let placed = |wrong: Diagnostic| Box::new(wrong.at(at.location()));
        let method = Method::parse(method).map_err(placed)?;
        method.check_value(value).map_err(placed)?;
        Ok(Definition::One(Criterion {
            with_parents_of_children: false,
            parents: None,
            children: None,
            method,
            value: value.to_owned(),
            indirect: None,
        }))
    }

    fn list(&self, at: At<'_>, key: &str) -> Result<Vec<Definition>, Box<Diagnostic>> {
        at.items(key).map(|item| self.definition(item)).collect()
    }

    /// The definition of that name.
    pub(super) fn get(&self, name: &str) -> Result<&Definition, Diagnostic> {
        let found = self.named.iter().find(|named| named.name == name).map(|named| &named.definition);
        found.ok_or_else(|| {
            let names = || self.named.iter().map(|named| named.name.as_str());
            let help = match (did_you_mean(name, names()), self.named.is_empty()) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, true) => format!("`{SELECTORS_FILE}` beside the project's file defines selectors"),
                (None, false) => format!("there are `{}`", names().collect::<Vec<_>>().join("`, `")),
            };
            Diagnostic::error(Code::InvalidSelector, format!("no selector is named `{name}`")).help(help)
        })
    }

    /// What is taken when the user says nothing.
    pub(super) fn preset(&self) -> Option<&Definition> {
        self.named.iter().find(|named| named.is_default).map(|named| &named.definition)
    }
}

fn difference(whole: Definition, without: Vec<Definition>) -> Definition {
    if without.is_empty() { whole } else { Definition::Difference(Box::new(whole), without) }
}
