//! Types: every model's SQL planned against the columns of what it reads, without touching data.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use headwater_plan::{Code, DataType, Diagnostic, Diagnostics, Location, Schema, TableName};
use headwater_sql::{RelationSource, SparkSql, SqlError, TypedQuery};

use super::item::{Body, Index, Item};
use super::models;
use super::sources::check_columns;
use crate::template::{Relations, SourceMap, Template, Templates, map};

/// What a query may read: the relations that it got from `ref` and `source`.
pub(super) struct Upstream<'a> {
    items: &'a [Item<'a>],
    makers: &'a HashMap<TableName, Index>,
    reads: &'a [Index],
    /// Items of the project that the query names without `ref` or `source`.
    unasked: RefCell<Vec<Index>>,
}

impl<'a> Upstream<'a> {
    pub(super) fn new(items: &'a [Item<'a>], makers: &'a HashMap<TableName, Index>, reads: &'a [Index]) -> Self {
        Self { items, makers, reads, unasked: RefCell::default() }
    }

    /// Whether the columns of all that is read are known.
    pub(super) fn is_typed(&self) -> bool {
        self.reads.iter().all(|read| self.items[*read].schema.is_some())
    }

    /// How a relation of the project is written that the query names in plain SQL and the message tells of.
    fn help(&self, message: &str) -> Option<String> {
        let unasked = self.unasked.borrow();
        let named = |index: &&Index| message.contains(&format!("`{}`", self.items[**index].relation));
        let item = &self.items[*unasked.iter().find(named)?];
        let call = match item.name.split_once('.') {
            Some((source, table)) if matches!(item.body, Body::Ingest(_) | Body::External | Body::Quarantine) => {
                format!("source('{source}', '{table}')")
            }
            _ => format!("ref('{}')", item.name),
        };
        Some(format!("it is the {}: write `{{{{ {call} }}}}`, so that it is built first", item.called()))
    }
}

impl headwater_sql::Relations for Upstream<'_> {
    fn relation(&self, name: &TableName) -> Option<RelationSource> {
        // By what is read and not by who makes it, so that two makers of one relation do not hide each other.
        if let Some(read) = self.reads.iter().find(|read| self.items[**read].relation == *name) {
            return self.items[*read].schema.clone().map(RelationSource::Schema);
        }
        self.unasked.borrow_mut().extend(self.makers.get(name));
        None
    }

    fn names(&self) -> Vec<TableName> {
        self.reads.iter().map(|read| self.items[*read].relation.clone()).collect()
    }
}

/// Types all models, in their order, and checks the columns that YAML declares.
pub(super) fn type_models(items: &mut [Item<'_>], order: &[Index], typing: &Typing<'_>, diagnostics: &mut Diagnostics) {
    for index in order {
        let Some((schema, query_reads)) = typing.model(items, *index, diagnostics) else { continue };
        let item = &mut items[*index];
        let mut wrong = check_output(&schema);
        for wrong in &mut wrong {
            wrong.location = Some(item.location.clone());
        }
        wrong.extend(check_columns(item.columns, &schema, &item.name));
        diagnostics.extend(wrong.into_iter().map(|wrong| wrong.node(item.id.clone())));
        item.schema = Some(schema);
        if let Body::Model(model) = &mut item.body {
            model.query_reads = query_reads;
        }
    }
}

/// What typing needs of the project.
pub(super) struct Typing<'a> {
    pub(super) sql: &'a SparkSql,
    pub(super) templates: &'a Templates,
    pub(super) relations: &'a Arc<Relations>,
    pub(super) makers: &'a HashMap<TableName, Index>,
    /// The models whose every `ref` and `source` means something.
    pub(super) resolved: &'a [bool],
}

impl Typing<'_> {
    fn model(
        &self,
        items: &[Item<'_>],
        index: Index,
        diagnostics: &mut Diagnostics,
    ) -> Option<(Schema, Vec<TableName>)> {
        let item = &items[index];
        let (model, rendered) = models::rendered(item)?;
        let upstream = Upstream::new(items, self.makers, &item.reads);
        if !self.resolved[index] || !upstream.is_typed() {
            return None;
        }
        match self.query(models::template(model), &rendered.text, &upstream) {
            Ok(query) => Some((query.schema, query.reads)),
            Err(wrong) => {
                diagnostics.extend(wrong.into_iter().map(|wrong| wrong.node(item.id.clone())));
                None
            }
        }
    }

    /// Types rendered SQL; its errors are placed in the template.
    pub(super) fn query(
        &self,
        template: Template<'_>,
        rendered: &str,
        upstream: &Upstream<'_>,
    ) -> Result<TypedQuery, Vec<Diagnostic>> {
        let errors = match self.sql.plan(rendered, upstream) {
            Ok(query) => return Ok(query),
            Err(errors) => errors,
        };
        let map = self.templates.map(template, self.relations, rendered);
        let placed = errors.iter().map(|error| {
            let mut wrong = place(map.as_ref(), template, rendered, error);
            if wrong.code == Code::UnknownTable {
                wrong.help = upstream.help(&wrong.message).or(wrong.help);
            }
            wrong
        });
        Err(placed.collect())
    }
}

fn place(map: Option<&SourceMap>, template: Template<'_>, rendered: &str, error: &SqlError) -> Diagnostic {
    let mut diagnostic = error.diagnostic();
    let whole = Location::line(template.path, 1);
    let Some(position) = &error.position else { return diagnostic.at(whole) };
    let place = map::Place { line: position.line, column: position.column, length: position.length };
    let origin = map.and_then(|map| map.origin(template.path, template.text, rendered, place));
    if !origin.as_ref().is_some_and(|origin| origin.literal) {
        // The reader does not see the text at fault in the file, so it is shown.
        let line = rendered.lines().nth(position.line.saturating_sub(1) as usize).unwrap_or_default().trim();
        diagnostic.causes.push(format!("in the compiled SQL, line {}: `{line}`", position.line));
    }
    diagnostic.at(origin.map_or(whole, |origin| origin.location))
}

/// What is wrong with columns as those of a table.
fn check_output(schema: &Schema) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    let mut seen = HashSet::new();
    for field in &schema.fields {
        if !seen.insert(field.name.to_lowercase()) {
            wrong.push(
                Diagnostic::error(Code::DuplicateName, format!("two columns are named `{}`", field.name))
                    .help("give one of them another name with `as`; Spark compares names without regard to case"),
            );
        }
        if field.data_type == DataType::Null {
            wrong.push(
                Diagnostic::error(Code::TypeMismatch, format!("the column `{}` has no type", field.name))
                    .help("give the null one: `cast(null as string)`"),
            );
        }
    }
    wrong
}
