//! Tests: the generic ones of YAML and the singular ones of `tests/*.sql`, as queries whose rows are failures.

use std::collections::HashMap;

use headwater_plan::{Code, Diagnostic, Diagnostics, Location, NodeId, Severity, TableName};

use super::generic::Generic;
use super::item::{Index, Item};
use super::resolve::{Registry, reads};
use super::settings::{Owner, Settings};
use super::typing::{Typing, Upstream};
use crate::config::{ColumnDecl, Loaded, SqlFile, TestDecl};
use crate::template::{Call, Template};

/// A test on its way to a node.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) id: NodeId,
    pub(super) name: String,
    pub(super) location: Location,
    pub(super) tags: Vec<String>,
    pub(super) sql: String,
    pub(super) severity: Severity,
    pub(super) tested: Option<Index>,
    pub(super) column: Option<String>,
    /// Sorted, each once.
    pub(super) reads: Vec<Index>,
    pub(super) query_reads: Vec<TableName>,
}

/// Makes tests.
pub(super) struct Checks<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) items: &'a [Item<'a>],
    pub(super) registry: &'a Registry<'a>,
    pub(super) typing: &'a Typing<'a>,
}

impl Checks<'_> {
    /// All tests of the project whose relations are typed; the errors of the others have been told.
    pub(super) fn all(&self, order: &[Index], diagnostics: &mut Diagnostics) -> Vec<Check> {
        let mut checks = Vec::new();
        for index in order {
            let item = &self.items[*index];
            let of_table = item.tests.iter().map(|test| (test, None));
            let of_columns = item.columns.iter().flat_map(|column| column.tests.iter().map(move |t| (t, Some(column))));
            for (test, column) in of_table.chain(of_columns) {
                checks.extend(self.generic(*index, test, column, diagnostics));
            }
        }
        for file in &self.loaded.test_files {
            checks.extend(self.singular(file, diagnostics));
        }
        self.without_doubles(checks, diagnostics)
    }

    fn generic(
        &self,
        index: Index,
        test: &TestDecl,
        column: Option<&ColumnDecl>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Check> {
        let generic = Generic { checks: self, index, test, column };
        match generic.check() {
            Ok(check) => check,
            Err(wrong) => {
                let told = |mut wrong: Diagnostic| {
                    wrong.location.get_or_insert_with(|| test.location.clone());
                    wrong.node(self.items[index].id.clone())
                };
                diagnostics.extend(wrong.into_iter().map(told));
                None
            }
        }
    }

    fn singular(&self, file: &SqlFile, diagnostics: &mut Diagnostics) -> Option<Check> {
        let name = file.path.file_stem()?.to_str()?;
        let id = NodeId(format!("test.{}.{name}", self.loaded.name));
        let template = Template { path: &file.path, text: &file.text, this: None };
        let (templates, relations) = (self.typing.templates, self.typing.relations);
        let rendered = match templates.render(template, relations) {
            Ok(rendered) => rendered,
            Err(wrong) => {
                diagnostics.push(wrong.node(id));
                return None;
            }
        };
        let mut settings = Settings::default();
        let mut wrong = Vec::new();
        for (number, call) in rendered.calls.iter().enumerate() {
            if let Call::Config(layer) = call {
                wrong.extend(settings.apply(Owner::Test, layer).into_iter().map(|wrong| (number, wrong)));
            }
        }
        let reads = reads(self.registry, self.items, &rendered.calls);
        if settings.enabled {
            wrong.extend(reads.wrong);
        }
        for (number, wrong) in wrong {
            diagnostics.push(wrong.at(templates.locate_call(template, relations, number)).node(id.clone()));
        }
        let upstream = Upstream::new(self.items, self.typing.makers, &reads.items);
        if !settings.enabled || !reads.complete || !upstream.is_typed() {
            return None;
        }
        let query = match self.typing.query(template, &rendered.text, &upstream) {
            Ok(query) => query,
            Err(wrong) => {
                diagnostics.extend(wrong.into_iter().map(|wrong| wrong.node(id.clone())));
                return None;
            }
        };
        Some(Check {
            id,
            name: name.to_string(),
            location: Location::line(&file.path, 1),
            tags: settings.tags,
            sql: rendered.text.trim().to_string(),
            severity: settings.severity,
            tested: None,
            column: None,
            reads: reads.items,
            query_reads: query.reads,
        })
    }

    fn without_doubles(&self, checks: Vec<Check>, diagnostics: &mut Diagnostics) -> Vec<Check> {
        let mut first: HashMap<NodeId, Location> = HashMap::new();
        let mut kept = Vec::with_capacity(checks.len());
        for check in checks {
            if let Some(first) = first.get(&check.id) {
                let message = format!("two tests are named `{}`: the other one is at {first}", check.name);
                diagnostics.push(
                    Diagnostic::error(Code::DuplicateName, message)
                        .at(check.location)
                        .help("take one away, or give it a `name:`"),
                );
                continue;
            }
            first.insert(check.id.clone(), check.location.clone());
            kept.push(check);
        }
        kept
    }
}
