//! FROM: tables, CTEs, subqueries and joins.

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, Spanned, TableAlias, TableFactor, TableWithJoins,
};
use headwater_plan::{Code, TableName};

use super::expression::Place;
use super::scope::{Column, Found, Lookup, Merged, Relation, Scope, quoted};
use super::{Resolver, take};
use crate::error::{Position, SqlError, suggest};
use crate::marker;
use crate::parse::position;

/// The kinds of join, as far as they decide which columns come out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Both,
    Left,
    Right,
    Full,
    /// Semi and anti joins: the right side only decides which rows of the left one stay.
    LeftOnly,
}

impl Resolver<'_> {
    /// Resolves a FROM clause in place, and says what it makes visible.
    pub(super) fn from(&mut self, tables: &mut [TableWithJoins]) -> Scope {
        let mut all = Scope::default();
        for table in tables {
            let scope = self.table_with_joins(table);
            all.relations.extend(scope.relations);
            all.merged.extend(scope.merged);
        }
        all
    }

    fn table_with_joins(&mut self, table: &mut TableWithJoins) -> Scope {
        let mut scope = self.factor(&mut table.relation);
        for join in &mut table.joins {
            self.join(join, &mut scope);
        }
        scope
    }

    pub(super) fn factor(&mut self, factor: &mut TableFactor) -> Scope {
        let at = position(factor.span());
        let relation = match factor {
            TableFactor::Table { .. } => self.table(factor, at),
            TableFactor::Derived { lateral, subquery, alias, sample } => {
                if *lateral {
                    self.refuse("a `LATERAL` subquery", at);
                }
                if sample.is_some() {
                    self.refuse("`TABLESAMPLE`", at);
                }
                let columns = self.query(subquery);
                Some(self.aliased(columns, alias, Vec::new(), "subquery"))
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                if alias.is_some() {
                    self.refuse("an alias of a join in parentheses", at);
                }
                return self.table_with_joins(table_with_joins);
            }
            TableFactor::Pivot { .. } => self.pivot(factor, at),
            TableFactor::Unpivot { .. } => self.refused("`UNPIVOT`", at),
            TableFactor::Function { .. } | TableFactor::TableFunction { .. } | TableFactor::UNNEST { .. } => {
                self.refused("a table function", at)
            }
            _ => self.refused("this kind of table", at),
        };
        Scope { relations: relation.into_iter().collect(), merged: Vec::new() }
    }

    pub(super) fn refused(&mut self, what: &str, at: Option<Position>) -> Option<Relation> {
        self.refuse(what, at);
        None
    }

    fn table(&mut self, factor: &mut TableFactor, at: Option<Position>) -> Option<Relation> {
        let TableFactor::Table { name, alias, args, version, sample, .. } = factor else { return None };
        let at = position(name.span()).or(at);
        if args.is_some() {
            return self.table_function(factor, at);
        }
        if version.is_some() {
            return self.refused("time travel (`VERSION AS OF`, `TIMESTAMP AS OF`)", at);
        }
        if sample.is_some() {
            return self.refused("`TABLESAMPLE`", at);
        }
        let parts: Vec<String> = idents(name)?.map(|part| part.value.clone()).collect();
        if let [single] = parts.as_slice()
            && let Some(cte) = self.ctes.iter().rev().find(|cte| cte.name == single.to_lowercase())
        {
            let (internal, columns) = (cte.internal.clone(), cte.columns.clone());
            *name = ObjectName::from(vec![quoted(&internal)]);
            return Some(self.aliased(columns, alias, vec![single.to_lowercase()], single));
        }
        let [schema, table] = parts.as_slice() else {
            self.unknown_table(&parts, at);
            return None;
        };
        let table_name = TableName::new(schema, table);
        let columns = match self.catalog.columns(&table_name) {
            Ok(Some(columns)) => columns,
            Ok(None) => {
                self.unknown_table(&parts, at);
                return None;
            }
            Err(error) => {
                self.error(SqlError { position: None, ..error }.at(at));
                return None;
            }
        };
        let column = |display: &String| Column { internal: display.to_lowercase(), display: display.clone(), at: None };
        let columns = columns.iter().map(column).collect();
        *name = ObjectName::from(vec![quoted(&table_name.schema), quoted(&table_name.name)]);
        let qualifier = vec![table_name.schema.clone(), table_name.name.clone()];
        self.reads.insert(table_name);
        Some(self.aliased(columns, alias, qualifier, table))
    }

    fn unknown_table(&mut self, parts: &[String], at: Option<Position>) {
        let written = parts.join(".");
        let names: Vec<String> = self.catalog.names().iter().map(ToString::to_string).collect();
        let ctes: Vec<String> = self.ctes.iter().map(|cte| cte.name.clone()).collect();
        let error = SqlError::new(Code::UnknownTable, format!("there is no table `{written}`")).at(at);
        let same_name =
            |name: &&String| name.rsplit('.').next() == parts.last().map(|part| part.to_lowercase()).as_deref();
        let error = match names.iter().find(same_name) {
            Some(full) => error.help(format!("did you mean `{full}`?")),
            None => {
                let known = ctes.iter().chain(&names).map(String::as_str);
                error.help_if(suggest(&written, "the tables are", known))
            }
        };
        let error = if parts.len() == 1 { error.help_if(Some("a table is named `schema.name`".into())) } else { error };
        self.error(error);
    }

    /// Gives a relation its internal alias, which the tree then carries.
    pub(super) fn aliased(
        &mut self,
        columns: Vec<Column>,
        alias: &mut Option<TableAlias>,
        qualifier: Vec<String>,
        wanted: &str,
    ) -> Relation {
        let (columns, qualifier, wanted) = match alias {
            Some(alias) => {
                if alias.name.quote_style.is_some_and(|quote| quote != '`') {
                    self.refuse("a string as an alias", position(alias.name.span));
                }
                let name = alias.name.value.to_lowercase();
                (self.renamed(columns, alias), vec![name.clone()], name)
            }
            None => (columns, qualifier, wanted.to_lowercase()),
        };
        let internal = self.internal_alias(&wanted);
        let definitions = alias.take().map(|alias| alias.columns).unwrap_or_default();
        *alias = Some(TableAlias { explicit: true, name: quoted(&internal), columns: definitions, at: None });
        Relation::new(qualifier, internal, columns)
    }

    fn join(&mut self, join: &mut Join, scope: &mut Scope) {
        let at = position(join.relation.span());
        let right = self.factor(&mut join.relation);
        let (side, constraint) = match &mut join.join_operator {
            JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) | JoinOperator::CrossJoin(constraint) => {
                (Side::Both, constraint)
            }
            JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => (Side::Left, constraint),
            JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => (Side::Right, constraint),
            JoinOperator::FullOuter(constraint) => (Side::Full, constraint),
            JoinOperator::Semi(constraint)
            | JoinOperator::LeftSemi(constraint)
            | JoinOperator::Anti(constraint)
            | JoinOperator::LeftAnti(constraint) => (Side::LeftOnly, constraint),
            _ => {
                self.refuse("this kind of join", at);
                return;
            }
        };
        let constraint = std::mem::replace(constraint, JoinConstraint::None);
        let condition = self.condition((constraint, at), side, scope, right);
        join.join_operator = operator(&join.join_operator, condition);
    }

    /// Adds the right side to the scope and resolves what joins it; `None` for a cross join.
    fn condition(
        &mut self,
        (constraint, at): (JoinConstraint, Option<Position>),
        side: Side,
        scope: &mut Scope,
        right: Scope,
    ) -> Option<Expr> {
        let columns: Vec<(String, Option<Position>)> = match constraint {
            JoinConstraint::Using(names) => {
                let part = |name: &ObjectName| idents(name).and_then(|mut parts| parts.next().cloned());
                names.iter().filter_map(part).map(|ident| (ident.value.clone(), position(ident.span))).collect()
            }
            JoinConstraint::Natural => {
                let left: Vec<Found> = scope.star();
                let is_shared = |found: &Found| left.iter().any(|l| l.display.eq_ignore_ascii_case(&found.display));
                right.star().into_iter().filter(is_shared).map(|found| (found.display, at)).collect()
            }
            JoinConstraint::On(condition) => {
                scope.relations.extend(right.relations);
                scope.merged.extend(right.merged);
                return Some(self.on(condition, side, scope));
            }
            JoinConstraint::None => Vec::new(),
        };
        let condition = self.merge(&columns, side, scope, right);
        if side == Side::LeftOnly {
            hide_last(scope);
        }
        // An outer join without a condition still keeps the rows of an empty side's partner.
        let always = || marker::call("condition", at, vec![true_literal()]);
        condition.or_else(|| (side != Side::Both).then(always))
    }

    fn on(&mut self, condition: Expr, side: Side, scope: &mut Scope) -> Expr {
        let at = position(condition.span());
        self.scopes.push(std::mem::take(scope));
        let condition = self.expression(condition, Place::scalar("ON"));
        *scope = self.scopes.pop().unwrap_or_default();
        if side == Side::LeftOnly {
            hide_last(scope);
        }
        marker::call("condition", at, vec![condition])
    }

    /// USING: each column stands once for both sides.
    fn merge(
        &mut self,
        columns: &[(String, Option<Position>)],
        side: Side,
        scope: &mut Scope,
        mut right: Scope,
    ) -> Option<Expr> {
        let mut condition: Option<Expr> = None;
        let mut merged = Vec::new();
        for (name, at) in columns {
            let left = self.side_of(scope, name, *at);
            let other = left.as_ref().and_then(|_| self.side_of(&right, name, *at));
            let (Some(left), Some(other)) = (left, other) else {
                // The name counts as known from here on: it has been told once that it is not.
                merged.push(Merged { display: name.clone(), expression: super::null() });
                continue;
            };
            let (mut first, mut second) = (left.expression.clone(), other.expression.clone());
            let equal = marker::call("=", *at, vec![take(&mut first), take(&mut second)]);
            condition = Some(match condition {
                Some(earlier) => marker::call("and", *at, vec![earlier, equal]),
                None => equal,
            });
            let expression = match side {
                Side::Both | Side::Left | Side::LeftOnly => left.expression,
                Side::Right => other.expression,
                Side::Full => marker::call("coalesce", *at, vec![left.expression, other.expression]),
            };
            for relation in scope.relations.iter_mut().chain(&mut right.relations) {
                for (index, column) in relation.columns.iter().enumerate() {
                    relation.merged[index] |= column.is(name);
                }
            }
            scope.merged.retain(|earlier| !earlier.display.eq_ignore_ascii_case(name));
            merged.push(Merged { display: left.display, expression });
        }
        merged.append(&mut scope.merged);
        scope.merged = merged;
        scope.relations.extend(right.relations);
        scope.merged.extend(right.merged);
        condition
    }

    fn side_of(&mut self, scope: &Scope, name: &str, at: Option<Position>) -> Option<Found> {
        match scope.find(&[], name) {
            Lookup::Found(found) => Some(*found),
            Lookup::Nothing => {
                self.error(super::scope::unknown(&[], name, &[scope], at));
                None
            }
            Lookup::Ambiguous(among) => {
                self.error(super::reference::ambiguous(name, &among, at));
                None
            }
        }
    }
}

fn hide_last(scope: &mut Scope) {
    if let Some(last) = scope.relations.last_mut() {
        last.hidden = true;
    }
}

fn operator(operator: &JoinOperator, condition: Option<Expr>) -> JoinOperator {
    let Some(condition) = condition else { return JoinOperator::CrossJoin(JoinConstraint::None) };
    let on = JoinConstraint::On(condition);
    match operator {
        JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => JoinOperator::LeftOuter(on),
        JoinOperator::Right(_) | JoinOperator::RightOuter(_) => JoinOperator::RightOuter(on),
        JoinOperator::FullOuter(_) => JoinOperator::FullOuter(on),
        JoinOperator::Semi(_) | JoinOperator::LeftSemi(_) => JoinOperator::LeftSemi(on),
        JoinOperator::Anti(_) | JoinOperator::LeftAnti(_) => JoinOperator::LeftAnti(on),
        _ => JoinOperator::Inner(on),
    }
}

fn true_literal() -> Expr {
    Expr::Value(datafusion::sql::sqlparser::ast::Value::Boolean(true).into())
}

fn idents(name: &ObjectName) -> Option<impl Iterator<Item = &Ident>> {
    name.0.iter().all(|part| part.as_ident().is_some()).then(|| name.0.iter().filter_map(|part| part.as_ident()))
}
