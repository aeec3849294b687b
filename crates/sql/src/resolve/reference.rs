//! Names: a column of FROM, an alias of the SELECT list, or a column of a query around this one.

use datafusion::sql::sqlparser::ast::{Expr, Ident};
use headwater_plan::Code;

use super::call::shown;
use super::expression::Place;
use super::grouping::{Grouping, has_aggregate, has_generator, has_window};
use super::scope::{Found, Lookup, Scope, unknown};
use super::{Resolver, null};
use crate::error::{Position, SqlError};
use crate::parse::position;

impl Resolver<'_> {
    /// A column, or an alias of the SELECT list where the place allows it.
    pub(super) fn reference(&mut self, parts: &[Ident], place: Place<'_>) -> Expr {
        let [qualifier @ .., name] = parts else { return null() };
        let span = name.span.union(&parts[0].span);
        let at = position(span);
        let qualifier: Vec<String> = qualifier.iter().map(|part| part.value.to_lowercase()).collect();
        let alias = || {
            let usable =
                place.aliases.iter().rev().find(|item| qualifier.is_empty() && item.answers_to(&name.value, place));
            usable.map(|item| item.reference(place))
        };
        let is_grouped = |grouping: &Grouping| match self.scopes.last().map(|scope| scope.find(&qualifier, &name.value))
        {
            Some(Lookup::Found(found)) => grouping.has(&found.expression),
            _ => false,
        };
        if place.aliases_first
            && !place.grouped.is_some_and(is_grouped)
            && let Some(expression) = alias()
        {
            return self.checked_alias(expression, &name.value, at, place);
        }
        let found = match self.scopes.last().map(|scope| scope.find(&qualifier, &name.value)) {
            Some(Lookup::Found(found)) => Some(Ok(*found)),
            Some(Lookup::Ambiguous(among)) => Some(Err(among)),
            Some(Lookup::Nothing) | None => match alias() {
                Some(expression) => return self.checked_alias(expression, &name.value, at, place),
                None => self.find_outside(&qualifier, &name.value),
            },
        };
        match found {
            Some(Ok(found)) => spanned(found, name),
            Some(Err(among)) => {
                self.error(ambiguous(&name.value, &among, at));
                null()
            }
            None => {
                if let Some(field) = self.field_of(parts, place) {
                    return field;
                }
                let scopes: Vec<&Scope> = self.scopes.iter().rev().collect();
                let error = unknown(&qualifier, &name.value, &scopes, at);
                self.error(error);
                null()
            }
        }
    }

    /// What an alias stands for must be able to stand where the alias does.
    fn checked_alias(&mut self, expression: Expr, name: &str, at: Option<Position>, place: Place<'_>) -> Expr {
        let what = match () {
            () if !place.aggregates && has_aggregate(&expression) => "an aggregate function",
            () if !place.windows && has_window(&expression) => "a window function",
            () if has_generator(&expression) && place.clause != "ORDER BY" => "a function that makes rows",
            () => return expression,
        };
        let message = format!("`{name}` stands for {what}, which cannot stand in {}", shown(place.clause));
        self.error(SqlError::new(Code::SqlSyntax, message).at(at));
        null()
    }

    fn find_outside(&self, qualifier: &[String], name: &str) -> Option<Result<Found, Vec<String>>> {
        for scope in self.scopes.iter().rev().skip(1) {
            match scope.find(qualifier, name) {
                Lookup::Found(found) => return Some(Ok(*found)),
                Lookup::Ambiguous(among) => return Some(Err(among)),
                Lookup::Nothing => {}
            }
        }
        None
    }
}

/// The reference keeps the user's place, for the checks that come after.
fn spanned(found: Found, name: &Ident) -> Expr {
    let mut expression = found.expression;
    if let Expr::CompoundIdentifier(parts) = &mut expression {
        for part in parts {
            part.span = name.span;
        }
    }
    expression
}

pub(super) fn ambiguous(name: &str, among: &[String], at: Option<Position>) -> SqlError {
    let choices: Vec<String> = among.iter().map(|choice| format!("`{choice}`")).collect();
    let error = SqlError::new(Code::AmbiguousColumn, format!("`{name}` could be any of {}", choices.join(", "))).at(at);
    let distinct = choices.iter().collect::<std::collections::BTreeSet<_>>().len() == choices.len();
    if distinct { error.help("say which by writing its table or alias before it") } else { error }
}
