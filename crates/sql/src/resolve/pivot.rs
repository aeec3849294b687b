//! PIVOT: the rows of some values of a column become columns. It is a GROUP BY of the columns that it does not name, with
//! each aggregate function once for each value, over the rows that have it.

use datafusion::sql::sqlparser::ast::{
    Expr, ExprWithAlias, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident, PivotValueSource,
    SelectItem, SetExpr, Spanned, TableAlias, TableFactor, TableWithJoins,
};
use headwater_plan::Code;

use super::expression::Place;
use super::grouping::has_aggregate;
use super::naming::name_of;
use super::scope::{Column, Relation, Scope, quoted, unique};
use super::{Resolver, generator};
use crate::error::{Position, SqlError};
use crate::marker::call;
use crate::parse::position;

/// The parts of a PIVOT.
struct Pivot {
    aggregates: Vec<ExprWithAlias>,
    column: Expr,
    values: Vec<ExprWithAlias>,
    alias: Option<TableAlias>,
}

impl Resolver<'_> {
    pub(super) fn pivot(&mut self, factor: &mut TableFactor, at: Option<Position>) -> Option<Relation> {
        let TableFactor::Pivot { table, aggregate_functions, value_column, value_source, default_on_null, alias } =
            factor
        else {
            return None;
        };
        if default_on_null.is_some() {
            return self.refused("`DEFAULT ON NULL` in `PIVOT`", at);
        }
        let PivotValueSource::List(values) = value_source else {
            return self.refused("`PIVOT` without a list of values", at);
        };
        let [column] = value_column.as_slice() else {
            return self.refused("`PIVOT` over several columns", at);
        };
        let pivot = Pivot {
            aggregates: std::mem::take(aggregate_functions),
            column: column.clone(),
            values: std::mem::take(values),
            alias: alias.take(),
        };
        let mut table = std::mem::replace(table.as_mut(), empty());
        let scope = self.factor(&mut table);
        let (items, columns, keys) = self.pivoted(&pivot, scope, at)?;
        let mut alias = pivot.alias;
        let relation = self.aliased(columns, &mut alias, Vec::new(), "pivot");
        let from = vec![TableWithJoins { relation: table, joins: Vec::new() }];
        match generator::subquery(items, from) {
            Ok(mut subquery) => {
                if let SetExpr::Select(select) = subquery.body.as_mut() {
                    select.group_by = GroupByExpr::Expressions(keys, Vec::new());
                }
                *factor = TableFactor::Derived { lateral: false, subquery: Box::new(subquery), alias, sample: None };
            }
            Err(error) => self.error(error),
        }
        Some(relation)
    }

    /// The SELECT list and the keys of the GROUP BY that a PIVOT is.
    fn pivoted(
        &mut self,
        pivot: &Pivot,
        scope: Scope,
        at: Option<Position>,
    ) -> Option<(Vec<SelectItem>, Vec<Column>, Vec<Expr>)> {
        let used: Vec<String> = pivot
            .aggregates
            .iter()
            .flat_map(|aggregate| names_in(&aggregate.expr))
            .chain(names_in(&pivot.column))
            .collect();
        let keys: Vec<_> = scope.star();
        let keys = keys.into_iter().filter(|found| !used.contains(&found.display.to_lowercase()));
        let keys: Vec<_> = keys.collect();
        self.scopes.push(scope);
        let values = Place::scalar("PIVOT");
        let column = self.expression(pivot.column.clone(), values);
        let mut list = List::default();
        for key in &keys {
            list.add(&key.display, key.expression.clone());
        }
        for value in &pivot.values {
            let named = value.alias.as_ref().map_or_else(|| name_of(&value.expr), |alias| alias.value.clone());
            let literal = self.expression(value.expr.clone(), values);
            let holds = call("<=>", position(value.expr.span()).or(at), vec![column.clone(), literal]);
            for aggregate in &pivot.aggregates {
                let name = match (&aggregate.alias, pivot.aggregates.len()) {
                    (None, 1) => named.clone(),
                    (None, _) => format!("{named}_{}", name_of(&aggregate.expr)),
                    (Some(_), 1) => named.clone(),
                    (Some(alias), _) => format!("{named}_{}", alias.value),
                };
                let computed = self.over_rows(&aggregate.expr, &holds, at);
                list.add(&name, computed);
            }
        }
        self.scopes.pop();
        Some((list.items, list.columns, keys.into_iter().map(|key| key.expression).collect()))
    }

    /// An aggregate function over the rows for which a condition holds; null when there are none.
    fn over_rows(&mut self, aggregate: &Expr, holds: &Expr, at: Option<Position>) -> Expr {
        let place = Place { aggregates: true, ..Place::scalar("PIVOT") };
        let Expr::Function(function) = aggregate else {
            let message = "`PIVOT` takes aggregate functions";
            self.error(SqlError::new(Code::SqlSyntax, message).at(position(aggregate.span()).or(at)));
            return super::null();
        };
        if function.filter.is_some() || function.over.is_some() {
            return self.refused_value("`FILTER` or `OVER` in `PIVOT`", at);
        }
        let resolved = self.function(function.clone(), place);
        let Expr::Function(mut resolved) = resolved else { return resolved };
        let whole = Expr::Function(resolved.clone());
        if !has_aggregate(&whole) {
            let message = format!("`PIVOT` takes aggregate functions, and `{}` is none", function.name);
            self.error(SqlError::new(Code::SqlSyntax, message).at(position(aggregate.span()).or(at)));
            return super::null();
        }
        resolved.filter = Some(Box::new(call("condition", at, vec![holds.clone()])));
        let count = call("count_if", at, vec![holds.clone()]);
        let zero = call("number", at, vec![crate::marker::text("0")]);
        let none = call("=", at, vec![count, zero]);
        call("if", at, vec![none, super::null(), Expr::Function(resolved)])
    }
}

#[derive(Default)]
struct List {
    items: Vec<SelectItem>,
    columns: Vec<Column>,
}

impl List {
    fn add(&mut self, display: &str, expr: Expr) {
        let taken = |name: &str| self.columns.iter().any(|column| column.internal == name);
        let internal = unique(&display.to_lowercase(), taken);
        self.items.push(SelectItem::ExprWithAlias { expr, alias: quoted(&internal) });
        self.columns.push(Column { display: display.to_owned(), internal, at: None });
    }
}

/// What stands in a place that is about to be filled.
fn empty() -> TableFactor {
    TableFactor::Derived {
        lateral: false,
        subquery: Box::new(datafusion::sql::sqlparser::ast::Query {
            with: None,
            body: Box::new(SetExpr::Values(datafusion::sql::sqlparser::ast::Values {
                explicit_row: false,
                value_keyword: false,
                rows: Vec::new(),
            })),
            order_by: None,
            limit_clause: None,
            fetch: None,
            locks: Vec::new(),
            for_clause: None,
            settings: None,
            format_clause: None,
            pipe_operators: Vec::new(),
        }),
        alias: None,
        sample: None,
    }
}

/// The names that an expression uses, in lower case.
fn names_in(expression: &Expr) -> Vec<String> {
    let mut names = Vec::new();
    let mut add = |name: &Ident| names.push(name.value.to_lowercase());
    // The walk goes through function arguments too.
    let _ = datafusion::sql::sqlparser::ast::visit_expressions(expression, |part| {
        match part {
            Expr::Identifier(name) => add(name),
            Expr::CompoundIdentifier(parts) => parts.last().into_iter().for_each(&mut add),
            Expr::Function(function) => {
                if let FunctionArguments::List(list) = &function.args {
                    for argument in &list.args {
                        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(name))) = argument {
                            add(name);
                        }
                    }
                }
            }
            _ => {}
        }
        std::ops::ControlFlow::<()>::Continue(())
    });
    names
}
