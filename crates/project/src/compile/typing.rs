//! Types: every model's SQL planned against the columns of what it reads, without touching data. Models that do not
//! read each other are typed side by side.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use headwater_plan::{
    Code, DataType, Diagnostic, Diagnostics, Hooks, Lineage, Location, Query, Schema, Severity, TableName,
};
use headwater_sql::{SparkSql, SqlError, TypedQuery};

use super::about::model_json;
use super::contract;
use super::hooks;
use super::incremental::{snapshot, snapshot_schema, strategy};
use super::inline::{Inlined, inline};
use super::item::{Body, Index, Item, ModelBody, ModelCode};
use super::parse;
use super::resolve::{self, Registry};
use super::settings::Materialized;
use super::sources::check_columns;
use super::upstream::Upstream;
use super::world::{Facts, NodeWorld};
use crate::config::Overrides;
use crate::parallel;
use crate::template::{Call, Phase, Rendered, SourceMap, Template, Templates, Unrendered, World, map};

/// What typing needs of the project.
pub(super) struct Typing<'a> {
    pub(super) sql: &'a SparkSql,
    pub(super) templates: &'a Templates,
    pub(super) facts: &'a Arc<Facts>,
    pub(super) registry: &'a Registry<'a>,
    pub(super) makers: &'a HashMap<TableName, Index>,
    /// The models whose every `ref` and `source` means something.
    pub(super) resolved: &'a [bool],
    /// The models whose relations were not known when those that read them were first rendered.
    pub(super) moved: &'a HashSet<String>,
    /// The ephemeral models by what others read them as.
    pub(super) ephemerals: &'a HashMap<TableName, Index>,
    /// Whether dbt's rules hold: columns are declared for people.
    pub(super) lenient: bool,
    /// Whether anybody wants to know which columns a column is made of.
    pub(super) traces: bool,
}

/// A model and its first rendering.
#[derive(Clone, Copy)]
struct Written<'b> {
    item: &'b Item<'b>,
    model: &'b ModelBody<'b>,
    parsed: &'b Rendered,
}

/// What became of a model.
enum Outcome {
    Typed(Box<Typed>),
    /// It waits for the rows of these.
    Late(Vec<TableName>),
    /// Told, or a consequence of what has been told.
    Failed,
}

/// A model that is typed.
struct Typed {
    schema: Schema,
    code: ModelCode,
    lineage: Lineage,
    asks: Vec<TableName>,
    macros: BTreeSet<String>,
    hooks: Hooks,
}

/// Types all models, level by level, and checks the columns that YAML declares.
pub(super) fn type_models(
    items: &mut [Item<'_>],
    levels: &[Vec<Index>],
    typing: &Typing<'_>,
    diagnostics: &mut Diagnostics,
) {
    for level in levels {
        let models: Vec<Index> =
            level.iter().copied().filter(|index| matches!(items[*index].body, Body::Model(_))).collect();
        let seen: &[Item<'_>] = items;
        let outcomes = parallel::map(&models, |index| {
            let mut told = Diagnostics::default();
            (typing.model(seen, *index, &mut told), told)
        });
        for (index, (outcome, told)) in models.into_iter().zip(outcomes) {
            let item = &mut items[index];
            diagnostics.extend(told.into_iter().map(|wrong| wrong.node(item.id.clone())));
            match outcome {
                Outcome::Typed(typed) => keep(item, *typed, typing.facts),
                Outcome::Late(waits) => {
                    typing.facts.waits(&item.relation);
                    item.late = Some(waits);
                }
                Outcome::Failed => {}
            }
        }
    }
}

/// The hooks of seeds, once all that they may read is typed.
pub(super) fn seed_hooks(items: &mut [Item<'_>], typing: &Typing<'_>, diagnostics: &mut Diagnostics) {
    for index in 0..items.len() {
        let item = &items[index];
        let has_hooks = !item.settings.before.is_empty() || !item.settings.after.is_empty();
        if !matches!(item.body, Body::Seed(_)) || !item.enabled || !has_hooks {
            continue;
        }
        let Some(schema) = item.schema.clone() else { continue };
        let mut told = Diagnostics::default();
        let hooks = hooks::of_model(typing, items, index, &schema, &mut told).unwrap_or_default();
        let id = item.id.clone();
        diagnostics.extend(told.into_iter().map(|wrong| wrong.node(id.clone())));
        items[index].hooks = hooks;
    }
}

fn keep(item: &mut Item<'_>, typed: Typed, facts: &Facts) {
    let Typed { schema, code, lineage, asks, macros, hooks } = typed;
    facts.typed(&item.relation, &schema);
    item.schema = Some(schema);
    item.lineage = lineage;
    item.asks = asks;
    item.macros.extend(macros);
    item.hooks = hooks;
    if let Body::Model(model) = &mut item.body {
        model.code = Some(code);
    }
}

impl Typing<'_> {
    fn model(&self, items: &[Item<'_>], index: Index, diagnostics: &mut Diagnostics) -> Outcome {
        let item = &items[index];
        let Body::Model(model) = &item.body else { return Outcome::Failed };
        let Some(parsed) = &model.parsed else { return Outcome::Failed };
        if !item.enabled || !self.resolved[index] {
            return Outcome::Failed;
        }
        if let Some(waits) = waits(items, &item.reads) {
            return Outcome::Late(waits);
        }
        let upstream = Upstream::new(items, self, &item.reads);
        if !upstream.is_typed() {
            return Outcome::Failed;
        }
        let written = Written { item, model, parsed };
        let rendered = match self.compiled(items, written, false, diagnostics) {
            Ok(rendered) => rendered,
            Err(outcome) => return outcome,
        };
        let world = || self.world(item, false);
        let asks = rendered.asked.rows_of.clone();
        let template = parse::template(item, model);
        let full = match self.query(template, &world, &rendered, &upstream) {
            Ok(query) => query,
            Err(wrong) => {
                diagnostics.extend(wrong);
                return Outcome::Failed;
            }
        };
        let mut wrong = check_output(&full.schema);
        for wrong in &mut wrong {
            wrong.location = Some(item.location.clone());
        }
        let mut declared = check_columns(item.columns, &full.schema, &item.name);
        if self.lenient && !item.settings.contract {
            // What dbt's YAML says of columns is for people until a contract is enforced.
            declared.iter_mut().for_each(|wrong| wrong.severity = Severity::Warning);
        }
        wrong.extend(declared);
        wrong.extend(contract::check(item, &full.schema));
        diagnostics.extend(wrong);

        let increment = match self.increment(items, written, &full.schema, diagnostics) {
            Ok(increment) => increment,
            Err(outcome) => return outcome,
        };
        let strategy = match item.settings.materialized {
            Materialized::Incremental => match strategy(item, &full.schema, filtered(items, item)) {
                Ok(strategy) => Some(strategy),
                Err(wrong) => {
                    diagnostics.extend(parse::placed(item, wrong, self.templates, self.facts));
                    return Outcome::Failed;
                }
            },
            _ => None,
        };
        let schema = match self.table_schema(item, &full, &upstream, diagnostics) {
            Some(schema) => schema,
            None => return Outcome::Failed,
        };
        let code = ModelCode {
            full: self.put_together(items, &rendered.text, &full.reads),
            increment: increment.map(|(text, reads)| self.put_together(items, &text, &reads)),
            strategy,
        };
        let hooks = match hooks::of_model(self, items, index, &schema, diagnostics) {
            Ok(hooks) => hooks,
            Err(waits) => return Outcome::Late(waits),
        };
        let lineage = match self.traces {
            true => through_ephemerals(items, &item.reads, full.lineage()),
            false => Lineage::default(),
        };
        Outcome::Typed(Box::new(Typed { schema, code, lineage, asks, macros: rendered.macros, hooks }))
    }

    /// The model as everything above it being typed makes it.
    fn compiled(
        &self,
        items: &[Item<'_>],
        written: Written<'_>,
        incremental: bool,
        diagnostics: &mut Diagnostics,
    ) -> Result<Rendered, Outcome> {
        let Written { item, model, parsed } = written;
        let moved = |call: &Call| matches!(call, Call::Ref { name, .. } if self.moved.contains(name));
        let again = parsed.asked.compile || incremental || parsed.calls.iter().any(moved);
        if !again {
            return Ok(parsed.clone());
        }
        let world = self.world(item, incremental);
        let this = &item.relation;
        let template = Template { this: Some(this), ..parse::template(item, model) };
        let rendered = match self.templates.render(template, &world, Phase::Compile) {
            Ok(rendered) => rendered,
            Err(Unrendered::Later(waits)) => return Err(Outcome::Late(waits)),
            Err(Unrendered::Wrong(wrong)) => {
                diagnostics.push(*wrong);
                return Err(Outcome::Failed);
            }
        };
        match self.unannounced(items, item, &rendered) {
            None => Ok(rendered),
            Some((number, wrong)) => {
                let location = self.templates.locate_call(template, &world, Phase::Compile, number);
                diagnostics.push(wrong.at(location));
                Err(Outcome::Failed)
            }
        }
    }

    /// A call that only compiling makes and that reads what nothing says must be built first.
    fn unannounced(&self, items: &[Item<'_>], item: &Item<'_>, rendered: &Rendered) -> Option<(usize, Diagnostic)> {
        for (number, call) in rendered.calls.iter().enumerate() {
            let read = match self.registry.resolve(items, item.package, call) {
                Ok(Some(read)) if item.reads.contains(&read) || items[read].id == item.id => continue,
                Ok(Some(read)) => &items[read],
                Ok(None) => continue,
                Err(resolve::Unresolved::Told(wrong)) => return Some((number, *wrong)),
                Err(resolve::Unresolved::Silent) => continue,
            };
            let call = match read.name.split_once('.') {
                Some((source, table)) => format!("source('{source}', '{table}')"),
                None => format!("ref('{}')", read.name),
            };
            let message = format!(
                "the {} is read only once others are built, so that nothing says it comes first",
                read.called()
            );
            let help = format!("write it into a comment too: `-- depends_on: {{{{ {call} }}}}`");
            return Some((number, Diagnostic::error(Code::InvalidTemplate, message).help(help)));
        }
        None
    }

    pub(super) fn world(&self, item: &Item<'_>, incremental: bool) -> Arc<dyn World> {
        self.overridden(item, incremental, None)
    }

    /// The world of a unit test of the item.
    pub(super) fn overridden(
        &self,
        item: &Item<'_>,
        incremental: bool,
        overrides: Option<Overrides>,
    ) -> Arc<dyn World> {
        let (facts, model) = (Arc::clone(self.facts), model_json(item));
        Arc::new(NodeWorld { facts, incremental, model, hook: false, overrides })
    }

    /// For an incremental model: the text of a later run, and what it reads.
    fn increment(
        &self,
        items: &[Item<'_>],
        written: Written<'_>,
        schema: &Schema,
        diagnostics: &mut Diagnostics,
    ) -> Result<Option<(String, Vec<TableName>)>, Outcome> {
        let Written { item, model, parsed } = written;
        if item.settings.materialized != Materialized::Incremental || !parsed.asked.incremental {
            return Ok(None);
        }
        let rendered = self.compiled(items, written, true, diagnostics)?;
        let upstream = Upstream::new(items, self, &item.reads).with(&item.relation, schema);
        let world = || self.world(item, true);
        match self.query(parse::template(item, model), &world, &rendered, &upstream) {
            Ok(query) => Ok(Some((rendered.text, query.reads))),
            Err(wrong) => {
                diagnostics.extend(wrong);
                Err(Outcome::Failed)
            }
        }
    }

    /// The columns of the table that a model's query is kept in.
    fn table_schema(
        &self,
        item: &Item<'_>,
        query: &TypedQuery,
        upstream: &Upstream<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Schema> {
        if item.settings.materialized != Materialized::Snapshot {
            return Some(query.schema.clone());
        }
        let empty = Query { sql: String::new(), reads: Vec::new() };
        let snapshot = match snapshot(item, &query.schema, empty) {
            Ok(snapshot) => snapshot,
            Err(wrong) => {
                diagnostics.extend(parse::placed(item, wrong, self.templates, self.facts));
                return None;
            }
        };
        let changed = item.settings.snapshot.updated_at.as_deref();
        let data_type = match changed {
            None => DataType::Timestamp,
            Some(changed) => match self.expression_type(query, changed, upstream) {
                Ok(data_type) => data_type,
                Err(wrong) => {
                    let wrong = vec![("updated_at".to_owned(), wrong)];
                    diagnostics.extend(parse::placed(item, wrong, self.templates, self.facts));
                    return None;
                }
            },
        };
        Some(snapshot_schema(&snapshot, &query.schema, &data_type))
    }

    /// The type of an expression over a query's columns.
    fn expression_type(
        &self,
        query: &TypedQuery,
        expression: &str,
        upstream: &Upstream<'_>,
    ) -> Result<DataType, Diagnostic> {
        if let Some(field) = query.schema.field(expression.trim_matches('`')) {
            return Ok(field.data_type.clone());
        }
        let name = TableName::new("snapshot", "query");
        let only = upstream.only(&name, &query.schema);
        let sql = format!("select {expression} as `value` from {}", name.quoted());
        match self.sql.plan(&sql, &only) {
            Ok(query) => Ok(query.schema.fields.first().map_or(DataType::Timestamp, |field| field.data_type.clone())),
            Err(errors) => Err(errors.first().map_or_else(
                || Diagnostic::internal("an expression without a type and without an error"),
                SqlError::diagnostic,
            )),
        }
    }

    /// A query as an engine executes it: with the ephemeral models that it reads written into it.
    pub(super) fn put_together(&self, items: &[Item<'_>], text: &str, reads: &[TableName]) -> Query {
        let mut inlined: Vec<Inlined> = Vec::new();
        let mut all = BTreeSet::new();
        for read in reads {
            let Some((item, code)) = self.ephemeral(items, read) else {
                all.insert(read.clone());
                continue;
            };
            // Its query holds those that it reads itself.
            all.extend(code.full.reads.iter().cloned());
            inlined.push(Inlined {
                relation: item.relation.clone(),
                name: format!("__dbt__cte__{}", item.name),
                sql: code.full.sql.clone(),
            });
        }
        Query { sql: inline(text.trim(), &inlined), reads: all.into_iter().collect() }
    }

    fn ephemeral<'b>(&self, items: &'b [Item<'_>], read: &TableName) -> Option<(&'b Item<'b>, &'b ModelCode)> {
        let item = &items[*self.ephemerals.get(read)?];
        match &item.body {
            Body::Model(model) => model.code.as_ref().map(|code| (item, code)),
            _ => None,
        }
    }

    /// Types rendered SQL; its errors are placed in the template.
    pub(super) fn query(
        &self,
        template: Template<'_>,
        world: &dyn Fn() -> Arc<dyn World>,
        rendered: &Rendered,
        upstream: &Upstream<'_>,
    ) -> Result<TypedQuery, Vec<Diagnostic>> {
        let errors = match self.sql.plan(&rendered.text, upstream) {
            Ok(query) => return Ok(query),
            Err(errors) => errors,
        };
        let phase = if rendered.asked.compile { Phase::Compile } else { Phase::Parse };
        let map = self.templates.map(template, &world(), phase, &rendered.text);
        let placed = errors.iter().map(|error| {
            let mut wrong = place(map.as_ref(), template, &rendered.text, error);
            if wrong.code == Code::UnknownTable {
                wrong.help = upstream.help(&wrong.message).or(wrong.help);
            }
            wrong
        });
        Err(placed.collect())
    }
}

/// The inputs of a microbatch that are read only for its span.
fn filtered(items: &[Item<'_>], item: &Item<'_>) -> Vec<(TableName, String)> {
    let inputs = item.reads.iter().map(|read| &items[*read]);
    inputs.filter_map(|input| Some((input.relation.clone(), input.settings.event_time.clone()?))).collect()
}

/// The relations that something waits for because of what it reads.
pub(super) fn waits(items: &[Item<'_>], reads: &[Index]) -> Option<Vec<TableName>> {
    let late: Vec<TableName> =
        reads.iter().filter(|read| items[**read].late.is_some()).map(|read| items[*read].relation.clone()).collect();
    if late.is_empty() { None } else { Some(late) }
}

/// Lineage in which an ephemeral model is the columns that it is made of.
fn through_ephemerals(items: &[Item<'_>], reads: &[Index], mut lineage: Lineage) -> Lineage {
    for read in reads.iter().map(|read| &items[*read]).filter(|read| read.is_ephemeral()) {
        for column in &mut lineage.columns {
            column.inputs = column.inputs.iter().flat_map(|input| behind(read, input)).collect();
            column.inputs.sort();
            column.inputs.dedup();
        }
        lineage.rows = lineage.rows.iter().flat_map(|input| behind(read, input)).collect();
        lineage.rows.extend(read.lineage.rows.iter().cloned());
        lineage.rows.sort();
        lineage.rows.dedup();
    }
    lineage
}

/// What an input is, if it is a column of an ephemeral model.
fn behind(item: &Item<'_>, input: &headwater_plan::ColumnInput) -> Vec<headwater_plan::ColumnInput> {
    if input.relation != item.relation {
        return vec![input.clone()];
    }
    let named = |column: &&headwater_plan::ColumnLineage| column.name.eq_ignore_ascii_case(&input.column);
    let inputs = item.lineage.columns.iter().find(named).map(|column| column.inputs.clone()).unwrap_or_default();
    inputs.into_iter().map(|inner| headwater_plan::ColumnInput { kind: inner.kind.max(input.kind), ..inner }).collect()
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
