//! GROUP BY, and the check that what stands beside an aggregate is grouped.

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, GroupByWithModifier, Spanned, WindowType,
};
use headwater_plan::Code;

use super::expression::Place;
use super::select::Item;
use super::{Resolver, take};
use crate::error::SqlError;
use crate::functions::{self, Kind};
use crate::marker::unmarked;
use crate::parse::position;

/// The expressions that rows are grouped by, as texts without places.
#[derive(Debug, Default)]
pub(super) struct Grouping {
    keys: Vec<String>,
    /// Whether something is wrong with it, so that nothing can be checked against it.
    broken: bool,
}

impl Grouping {
    /// Whether rows are grouped by this very expression.
    pub(super) fn has(&self, expression: &Expr) -> bool {
        self.keys.contains(&text(expression))
    }
}

impl Resolver<'_> {
    pub(super) fn group_by(&mut self, group_by: &mut GroupByExpr, items: &[Item]) -> Grouping {
        let errors = self.errors.len();
        let grouping = self.keys(group_by, items);
        Grouping { broken: self.errors.len() > errors, ..grouping }
    }

    fn keys(&mut self, group_by: &mut GroupByExpr, items: &[Item]) -> Grouping {
        let (mut expressions, modifiers) = match std::mem::replace(group_by, none()) {
            GroupByExpr::Expressions(expressions, modifiers) => (expressions, modifiers),
            GroupByExpr::All(modifiers) => {
                let plain = items.iter().map(|item| &item.expression).filter(|expression| !has_aggregate(expression));
                *group_by = GroupByExpr::Expressions(plain.cloned().collect(), Vec::new());
                if !modifiers.is_empty() {
                    self.refuse("`GROUP BY ALL` with a modifier", None);
                }
                return grouping(group_by);
            }
        };
        for expression in &mut expressions {
            match expression {
                Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets) => {
                    for key in sets.iter_mut().flatten() {
                        self.key(key, items);
                    }
                }
                key => self.key(key, items),
            }
        }
        let sets = |keys: Vec<Expr>| keys.into_iter().map(|key| vec![key]).collect();
        *group_by = match modifiers.as_slice() {
            [] => GroupByExpr::Expressions(expressions, Vec::new()),
            [GroupByWithModifier::Rollup] => {
                GroupByExpr::Expressions(vec![Expr::Rollup(sets(expressions))], Vec::new())
            }
            [GroupByWithModifier::Cube] => GroupByExpr::Expressions(vec![Expr::Cube(sets(expressions))], Vec::new()),
            _ => {
                self.refuse("this modifier of `GROUP BY`", None);
                none()
            }
        };
        grouping(group_by)
    }

    fn key(&mut self, key: &mut Expr, items: &[Item]) {
        let (at, errors) = (position(key.span()), self.errors.len());
        if let Some(index) = self.ordinal(key, items.len(), "GROUP BY") {
            *key = items[index].expression.clone();
        } else {
            let place = Place { aliases: items, ..Place::scalar("GROUP BY") };
            *key = self.expression(take(key), place);
        }
        // A call that is written here has been told of already; this one came through an alias or a position.
        if has_aggregate(key) && self.errors.len() == errors {
            self.error(SqlError::new(Code::SqlSyntax, "`GROUP BY` groups by an aggregate function").at(at));
        }
    }

    /// Every column outside an aggregate function must be part of something that is grouped by.
    pub(super) fn check_grouped(&mut self, expression: &Expr, grouping: &Grouping) {
        if grouping.broken || grouping.has(expression) {
            return;
        }
        match expression {
            Expr::CompoundIdentifier(parts) => {
                let own = |relation: &super::scope::Relation| relation.internal == parts[0].value;
                let Some(scope) = self.scopes.last() else { return };
                let mut relations = scope.relations.iter().filter(|relation| own(relation)).peekable();
                if relations.peek().is_none() {
                    return;
                }
                let mut columns = relations.flat_map(|relation| &relation.columns);
                let column = columns.find(|column| column.internal == parts[1].value);
                let name = column.map_or(&parts[1].value, |column| &column.display).clone();
                let message = format!("`{name}` is neither grouped by nor inside an aggregate function");
                let help = format!("add `{name}` to `GROUP BY`, or say which of its values you want: `max({name})`");
                self.error(SqlError::new(Code::SqlSyntax, message).at(position(parts[1].span)).help(help));
            }
            expression if is_aggregate(expression) => {}
            expression => {
                for part in parts(expression) {
                    self.check_grouped(part, grouping);
                }
            }
        }
    }
}

fn none() -> GroupByExpr {
    GroupByExpr::Expressions(Vec::new(), Vec::new())
}

fn grouping(group_by: &GroupByExpr) -> Grouping {
    let GroupByExpr::Expressions(expressions, _) = group_by else { return Grouping::default() };
    let mut keys = Vec::new();
    for expression in expressions {
        match expression {
            Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets) => {
                keys.extend(sets.iter().flatten().map(text));
            }
            key => keys.push(text(key)),
        }
    }
    Grouping { keys, broken: false }
}

/// The text of a resolved expression without the places of its calls, so that equal expressions have equal texts.
fn text(expression: &Expr) -> String {
    let printed = expression.to_string();
    let mut text = String::with_capacity(printed.len());
    let mut rest = printed.as_str();
    while let Some(at) = rest.find('@') {
        text.push_str(&rest[..at]);
        rest = rest[at + 1..].trim_start_matches(|character: char| character.is_ascii_digit() || character == ':');
    }
    text.push_str(rest);
    text
}

/// Whether an aggregate function (not used as a window function) is anywhere in the expression.
pub(super) fn has_aggregate(expression: &Expr) -> bool {
    is_aggregate(expression) || parts(expression).into_iter().any(has_aggregate)
}

/// Whether a window function is anywhere in the expression.
pub(super) fn has_window(expression: &Expr) -> bool {
    let is_window = matches!(expression, Expr::Function(function) if function.over.is_some());
    is_window || parts(expression).into_iter().any(has_window)
}

/// Whether a column that a function makes is in the expression.
pub(super) fn has_generator(expression: &Expr) -> bool {
    let Expr::Function(function) = expression else { return false };
    let name = function.name.0.last().and_then(|part| part.as_ident()).map(|ident| unmarked(&ident.value).0);
    name == Some(functions::generator::GENERATE)
}

fn is_aggregate(expression: &Expr) -> bool {
    let Expr::Function(function) = expression else { return false };
    let name = function.name.0.last().and_then(|part| part.as_ident()).map(|ident| unmarked(&ident.value).0);
    let kind = name.and_then(functions::find).map(|function| function.kind);
    function.over.is_none() && matches!(kind, Some(Kind::Aggregate(_)))
}

/// The expressions directly inside a resolved one; what is inside a subquery has been checked there.
fn parts(expression: &Expr) -> Vec<&Expr> {
    match expression {
        Expr::Function(function) => {
            let mut parts: Vec<&Expr> = Vec::new();
            if let FunctionArguments::List(list) = &function.args {
                parts.extend(list.args.iter().filter_map(|argument| match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression),
                    _ => None,
                }));
            }
            parts.extend(function.filter.as_deref());
            if let Some(WindowType::WindowSpec(window)) = &function.over {
                parts.extend(&window.partition_by);
                parts.extend(window.order_by.iter().map(|sort| &sort.expr));
            }
            parts
        }
        Expr::InSubquery { expr, .. } => vec![expr],
        _ => Vec::new(),
    }
}
