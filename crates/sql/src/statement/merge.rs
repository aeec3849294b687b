//! MERGE INTO: rows of a source that change, remove or join the rows of a table.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::{Expr, Ident, SetExpr, TableFactor};
use headwater_plan::{Code, Field, Schema, TableName};

use super::change::{both, others, texts};
use super::check::{self, FromItem, always};
use super::target::Target;
use crate::error::SqlError;
use crate::parse::statement::{Action, Assignment, Clause, Fragment, Merge, When, place_of};
use crate::planner::Planner;
use crate::session::TypedQuery;

/// A MERGE. Its texts are about `FROM target [AS alias] JOIN source ON on`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeStatement {
    /// The table that it changes.
    pub target: TableName,
    /// What the statement calls it.
    pub alias: Option<String>,
    /// The source as it stands in a FROM clause, with its alias: `` `s`.`t` AS s`` or `(select ...) AS s`.
    pub source: String,
    /// What the statement calls the source; `None` for a table without an alias, which is called by its name.
    pub source_alias: Option<String>,
    /// Which rows of source and target belong together.
    pub on: String,
    /// For rows of the target with one of the source; the first one whose condition holds is done.
    pub matched: Vec<MergeClause>,
    /// For rows of the source with none of the target; the texts see the source alone.
    pub not_matched: Vec<MergeClause>,
    /// For rows of the target with none of the source; the texts see the target alone.
    pub not_matched_by_source: Vec<MergeClause>,
    /// The relations that it reads, the target only if the source names it.
    pub reads: Vec<TableName>,
}

/// One WHEN of a MERGE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeClause {
    /// What must hold besides; without one, nothing.
    pub condition: Option<String>,
    /// What is done.
    pub action: MergeAction,
}

/// What one WHEN does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeAction {
    /// Sets columns, in the table's own case, to values of their types; the others stay.
    Update(Vec<(String, String)>),
    /// Removes the row.
    Delete,
    /// Adds a row: a value for every column of the table, in its order, of the column's type.
    Insert(Vec<(String, String)>),
}

pub(super) fn plan(sql: &str, written: Merge, planner: &Planner<'_>) -> Result<MergeStatement, Vec<SqlError>> {
    check_order(&written.clauses)?;
    let target = Target::find(sql, written.target.clone(), planner)?;
    let source = FromItem(written.source.clone());
    let columns = source_columns(sql, &source, planner)?;
    let sides = [target.item.clone(), source.clone()];
    let joined = check::join(sql, Vec::new(), sides, (written.on.expr.clone(), None), planner)?;
    let only_source = check::query(sql, Vec::new(), vec![source.clone()], None, planner)?;
    let merge = Merging { sql, planner, target, source, columns, qualifier: qualifier(&written.source) };
    let mut reads: BTreeSet<TableName> = others(&joined, &merge.target.name).into_iter().collect();
    reads.extend(only_source.reads);
    let (mut done, mut errors) = ([const { Vec::new() }; 3], Vec::new());
    for clause in &written.clauses {
        match merge.clause(clause, &mut reads) {
            Ok(planned) => done[clause.when as usize].push(planned),
            Err(more) => errors.extend(more),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let [matched, not_matched, not_matched_by_source] = done;
    Ok(MergeStatement {
        target: merge.target.name,
        alias: merge.target.alias,
        source_alias: source_alias(&written.source),
        source: written.source_text,
        on: written.on.text,
        matched,
        not_matched,
        not_matched_by_source,
        reads: reads.into_iter().collect(),
    })
}

/// Only the last clause of a kind may do without a condition: those after it would never be reached.
fn check_order(clauses: &[Clause]) -> Result<(), Vec<SqlError>> {
    let unreachable = clauses.iter().enumerate().filter(|(index, clause)| {
        clauses[..*index].iter().any(|earlier| earlier.when == clause.when && earlier.condition.is_none())
    });
    let error = |(_, clause): (usize, &Clause)| {
        let message = "this clause is never reached: one like it without a condition stands before it";
        SqlError::new(Code::SqlSyntax, message).at(clause.at).help("write `AND condition` in the one before it")
    };
    let errors: Vec<SqlError> = unreachable.map(error).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// What the source's columns are called by, in the texts of `*`.
fn qualifier(source: &TableFactor) -> Option<String> {
    let quoted = |name: &Ident| format!("`{}`", name.value.replace('`', "``"));
    match source {
        TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
            Some(quoted(&alias.name))
        }
        TableFactor::Table { name, .. } => {
            let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident()).map(quoted).collect();
            Some(parts.join("."))
        }
        _ => None,
    }
}

fn source_alias(source: &TableFactor) -> Option<String> {
    match source {
        TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } => {
            alias.as_ref().map(|alias| alias.name.value.clone())
        }
        _ => None,
    }
}

fn source_columns(sql: &str, source: &FromItem, planner: &Planner<'_>) -> Result<Schema, Vec<SqlError>> {
    let mut query = crate::parse::query("select * from x").map_err(|error| vec![error])?;
    if let SetExpr::Select(select) = query.body.as_mut()
        && let Some(from) = select.from.first_mut()
    {
        from.relation = source.0.clone();
    }
    planner.query(sql, query).map(|query| query.schema)
}

struct Merging<'a> {
    sql: &'a str,
    planner: &'a Planner<'a>,
    target: Target,
    source: FromItem,
    /// The source's columns.
    columns: Schema,
    qualifier: Option<String>,
}

impl Merging<'_> {
    fn clause(&self, clause: &Clause, reads: &mut BTreeSet<TableName>) -> Result<MergeClause, Vec<SqlError>> {
        let condition = clause.condition.as_ref().map(|condition| condition.text.clone());
        let action = match &clause.action {
            Action::Delete => {
                self.check(clause, Vec::new(), reads)?;
                MergeAction::Delete
            }
            Action::Update(assignments) => MergeAction::Update(self.update(clause, assignments, reads)?),
            Action::Insert(columns, values) => MergeAction::Insert(self.insert(clause, columns, values, reads)?),
            Action::UpdateAll => {
                self.check(clause, Vec::new(), reads)?;
                MergeAction::Update(self.all(clause)?)
            }
            Action::InsertAll => {
                self.check(clause, Vec::new(), reads)?;
                MergeAction::Insert(self.all(clause)?)
            }
        };
        Ok(MergeClause { condition, action })
    }

    /// Plans a clause's condition and values over the relations that it sees.
    fn check(
        &self,
        clause: &Clause,
        values: Vec<Expr>,
        reads: &mut BTreeSet<TableName>,
    ) -> Result<TypedQuery, Vec<SqlError>> {
        let condition = clause.condition.as_ref().map(|condition| condition.expr.clone());
        let (target, source) = (self.target.item.clone(), self.source.clone());
        let query = match clause.when {
            When::Matched => check::join(self.sql, values, [target, source], (always(), condition), self.planner),
            When::NotMatched => check::query(self.sql, values, vec![source], condition, self.planner),
            When::NotMatchedBySource => check::query(self.sql, values, vec![target], condition, self.planner),
        }?;
        reads.extend(others(&query, &self.target.name));
        Ok(query)
    }

    fn update(
        &self,
        clause: &Clause,
        assignments: &[Assignment],
        reads: &mut BTreeSet<TableName>,
    ) -> Result<Vec<(String, String)>, Vec<SqlError>> {
        let columns = self.target.assigned(assignments);
        let values = assignments.iter().map(|assignment| assignment.value.expr.clone()).collect();
        let (columns, query) = both(columns, self.check(clause, values, reads))?;
        let values: Vec<&Fragment> = assignments.iter().map(|assignment| &assignment.value).collect();
        let texts = texts(&self.target, &columns, &values, &query)?;
        Ok(columns.into_iter().map(|column| column.name).zip(texts).collect())
    }

    fn insert(
        &self,
        clause: &Clause,
        columns: &[Ident],
        values: &[Fragment],
        reads: &mut BTreeSet<TableName>,
    ) -> Result<Vec<(String, String)>, Vec<SqlError>> {
        if columns.len() != values.len() {
            let (wanted, found) = (columns.len(), values.len());
            let message = format!("`INSERT` names {wanted} columns and has {found} values");
            return Err(vec![SqlError::mismatch(message).at(clause.at)]);
        }
        let named = self.named(columns);
        let exprs = values.iter().map(|value| value.expr.clone()).collect();
        let (named, query) = both(named, self.check(clause, exprs, reads))?;
        let values: Vec<&Fragment> = values.iter().collect();
        let texts = texts(&self.target, &named, &values, &query)?;
        let given: Vec<(String, String)> = named.into_iter().map(|column| column.name).zip(texts).collect();
        let all = self.target.columns.fields.iter().map(|column| {
            let text = given.iter().find(|(name, _)| *name == column.name).map(|(_, text)| text.clone());
            (column.name.clone(), text.unwrap_or_else(|| format!("cast(null as {})", column.data_type)))
        });
        Ok(all.collect())
    }

    fn named(&self, columns: &[Ident]) -> Result<Vec<Field>, Vec<SqlError>> {
        let (mut named, mut errors) = (Vec::<Field>::new(), Vec::new());
        for column in columns {
            match self.target.column(column) {
                Ok(field) if named.iter().any(|earlier| earlier.name == field.name) => {
                    let message = format!("`{}` is named twice", field.name);
                    errors.push(SqlError::new(Code::DuplicateName, message).at(place_of(column)));
                }
                Ok(field) => named.push(field.clone()),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(named) } else { Err(errors) }
    }

    /// `*`: every column of the table from the source's column of its name.
    fn all(&self, clause: &Clause) -> Result<Vec<(String, String)>, Vec<SqlError>> {
        let (mut all, mut errors) = (Vec::new(), Vec::new());
        for column in &self.target.columns.fields {
            match self.same(clause, column) {
                Ok(text) => all.push((column.name.clone(), text)),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(all) } else { Err(errors) }
    }

    fn same(&self, clause: &Clause, column: &Field) -> Result<String, SqlError> {
        let Some(found) = self.columns.field(&column.name) else {
            let message =
                format!("`*` takes every column of `{}`, and the source has no `{}`", self.target.name, column.name);
            return Err(SqlError::new(Code::UnknownColumn, message).at(clause.at).help("name the columns"));
        };
        let Some(qualifier) = &self.qualifier else {
            return Err(SqlError::new(Code::SqlSyntax, "`*` needs an alias of the source")
                .at(clause.at)
                .help("write `USING (...) AS source`"));
        };
        let text = format!("{qualifier}.`{}`", found.name.replace('`', "``"));
        self.target.stored(column, &found.data_type, &text, clause.at)
    }
}
