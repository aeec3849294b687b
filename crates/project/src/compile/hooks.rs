//! Hooks: SQL before and after a node's own step, and before and after everything.

use headwater_plan::{Code, Diagnostic, Diagnostics, Hooks, Location, NodeId, Schema, Statement, TableName};
use headwater_sql::TypedStatement;
use serde_json::Value;

use super::about::model_json;
use super::item::{Index, Item};
use super::layers::Place;
use super::parse;
use super::resolve;
use super::typing::{Typing, waits};
use super::upstream::Upstream;
use super::world::NodeWorld;
use crate::config::HookDecl;
use crate::template::{Call, Phase, Template, Unrendered};

/// A hook that stands for itself.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) id: NodeId,
    pub(super) name: String,
    pub(super) location: Location,
    /// `on-run-start` or `on-run-end`, which is its tag too: by it a scheduler knows when it runs.
    pub(super) when: String,
    pub(super) statement: Statement,
}

/// The hooks of a model, snapshot or seed with these columns. `Err` with what it waits for.
pub(super) fn of_model(
    typing: &Typing<'_>,
    items: &[Item<'_>],
    index: Index,
    schema: &Schema,
    diagnostics: &mut Diagnostics,
) -> Result<Hooks, Vec<TableName>> {
    let item = &items[index];
    let mut hooks = Hooks::default();
    for (key, texts, statements) in
        [("pre_hook", &item.settings.before, &mut hooks.before), ("post_hook", &item.settings.after, &mut hooks.after)]
    {
        let location = match item.layers.place(key) {
            Some(Place::At(location)) => location.clone(),
            Some(Place::Call(number)) if !texts.is_empty() => {
                parse::locate(item, typing.templates, typing.facts, *number)
            }
            _ => item.location.clone(),
        };
        for text in texts {
            let hook = Hook { typing, items, this: Some((item, schema)), package: item.package, location: &location };
            match hook.statements(text) {
                Ok(of_text) => statements.extend(of_text),
                Err(Wrong::Later(waits)) => return Err(waits),
                Err(Wrong::Told(wrong)) => diagnostics.extend(wrong),
            }
        }
    }
    Ok(hooks)
}

/// `on-run-start` and `on-run-end`.
pub(super) fn operations(
    typing: &Typing<'_>,
    items: &[Item<'_>],
    when: &str,
    hooks: &[HookDecl],
    diagnostics: &mut Diagnostics,
) -> Vec<Operation> {
    let project = &typing.facts.project;
    let mut operations = Vec::new();
    for (number, decl) in hooks.iter().enumerate() {
        let hook = Hook { typing, items, this: None, package: &decl.package, location: &decl.location };
        match hook.statements(&decl.sql) {
            Ok(statements) => operations.extend(statements.into_iter().enumerate().map(|(part, statement)| {
                let part = if part == 0 { String::new() } else { format!("-{part}") };
                let name = format!("{project}-{when}-{number}{part}");
                Operation {
                    id: NodeId(format!("operation.{project}.{name}")),
                    name,
                    location: decl.location.clone(),
                    when: when.to_owned(),
                    statement,
                }
            })),
            Err(Wrong::Later(_)) => {}
            Err(Wrong::Told(wrong)) => diagnostics.extend(wrong),
        }
    }
    operations
}

struct Hook<'a> {
    typing: &'a Typing<'a>,
    items: &'a [Item<'a>],
    this: Option<(&'a Item<'a>, &'a Schema)>,
    package: &'a str,
    location: &'a Location,
}

enum Wrong {
    Told(Vec<Diagnostic>),
    Later(Vec<TableName>),
}

impl Hook<'_> {
    /// The statements of a hook: none for one that comes to nothing, as hooks of macros do.
    fn statements(&self, text: &str) -> Result<Vec<Statement>, Wrong> {
        let (typing, items) = (self.typing, self.items);
        let at = |wrong: Diagnostic| wrong.at(self.location.clone());
        let world = match self.this {
            Some((item, _)) => NodeWorld::of_hook(typing.facts, model_json(item)),
            None => NodeWorld::of_hook(typing.facts, Value::Null),
        };
        let template = Template {
            path: &self.location.file,
            text,
            package: self.package,
            this: self.this.map(|(item, _)| &item.relation),
        };
        let rendered = match typing.templates.render(template, &world, Phase::Compile) {
            Ok(rendered) => rendered,
            Err(Unrendered::Later(waits)) => return Err(Wrong::Later(waits)),
            Err(Unrendered::Wrong(wrong)) => return Err(Wrong::Told(vec![at(*wrong)])),
        };
        let sql = rendered.text.trim().trim_end_matches(';').trim();
        let drops = rendered.calls.iter().filter_map(|call| match call {
            Call::Drop(table) => Some(Statement {
                sql: format!("drop table if exists {}", table.quoted()),
                reads: Vec::new(),
                writes: Some(table.clone()),
            }),
            _ => None,
        });
        let mut statements: Vec<Statement> = drops.collect();
        if sql.is_empty() {
            return Ok(statements);
        }
        let reads = resolve::reads(typing.registry, items, self.package, &rendered.calls);
        if !reads.wrong.is_empty() {
            return Err(Wrong::Told(reads.wrong.into_iter().map(|(_, wrong)| at(wrong)).collect()));
        }
        if let Some(waits) = waits(items, &reads.items) {
            return Err(Wrong::Later(waits));
        }
        let upstream = Upstream::new(items, typing, &reads.items);
        let upstream = match self.this {
            Some((item, schema)) => upstream.with(&item.relation, schema),
            None => upstream,
        };
        match typing.sql.statement(sql, &upstream) {
            Ok(statement) => {
                statements.push(lowered(sql, &statement));
                Ok(statements)
            }
            Err(errors) => Err(Wrong::Told(errors.iter().map(|error| self.told(sql, error)).collect())),
        }
    }

    fn told(&self, sql: &str, error: &headwater_sql::SqlError) -> Diagnostic {
        let mut wrong = error.diagnostic().at(self.location.clone());
        wrong.causes.push(format!("in the hook `{sql}`"));
        if wrong.code == Code::UnknownTable {
            wrong.help.get_or_insert_with(|| "a hook may name `{{ this }}` and what `ref` and `source` give".into());
        }
        wrong
    }
}

fn lowered(sql: &str, statement: &TypedStatement) -> Statement {
    Statement { sql: sql.to_owned(), reads: statement.reads().to_vec(), writes: statement.target().cloned() }
}
