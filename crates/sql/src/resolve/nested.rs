//! Parts of structs, arrays and maps, and lambda functions.

use datafusion::sql::sqlparser::ast::{AccessExpr, Expr, Ident, LambdaFunction, Spanned, StructField, Subscript};

use super::Resolver;
use super::expression::Place;
use super::scope::{Found, Lookup, Merged, Scope};
use crate::error::Position;
use crate::functions::lambda::{LAMBDA, VARIABLE};
use crate::marker::{call, text};
use crate::parse::position;

impl Resolver<'_> {
    /// `value[index].name`.
    pub(super) fn access(
        &mut self,
        root: Expr,
        chain: Vec<AccessExpr>,
        at: Option<Position>,
        place: Place<'_>,
    ) -> Expr {
        let mut chain = chain.into_iter().peekable();
        // What begins with names may begin with a table's.
        let mut value = match names(&root) {
            Some(mut parts) => {
                while let Some(AccessExpr::Dot(Expr::Identifier(name))) = chain.peek() {
                    parts.push(name.clone());
                    chain.next();
                }
                self.reference(&parts, place)
            }
            None => self.expression(root, place),
        };
        for part in chain {
            value = match part {
                AccessExpr::Dot(Expr::Identifier(name)) => call("field", at, vec![value, text(name.value)]),
                AccessExpr::Subscript(Subscript::Index { index }) => {
                    let index = self.expression(index, place);
                    call("element", at, vec![value, index])
                }
                AccessExpr::Dot(_) => return self.refused_value("this part of a value", at),
                AccessExpr::Subscript(_) => return self.refused_value("a slice of an array in brackets", at),
            };
        }
        value
    }

    /// A column of which fields are asked for: `column.field`, `table.column.field`.
    pub(super) fn field_of(&mut self, parts: &[Ident], place: Place<'_>) -> Option<Expr> {
        for length in (1..parts.len()).rev() {
            let [qualifier @ .., name] = parts.get(..length)? else { return None };
            let qualifier: Vec<String> = qualifier.iter().map(|part| part.value.to_lowercase()).collect();
            let Some(found) = self.column(&qualifier, &name.value, place) else { continue };
            let mut value = found;
            for field in parts.get(length..)? {
                value = call("field", position(field.span), vec![value, text(field.value.clone())]);
            }
            return Some(value);
        }
        None
    }

    fn column(&self, qualifier: &[String], name: &str, place: Place<'_>) -> Option<Expr> {
        for scope in self.scopes.iter().rev() {
            if let Lookup::Found(found) = scope.find(qualifier, name) {
                let Found { expression, .. } = *found;
                return Some(expression);
            }
        }
        let alias = place.aliases.iter().rev().find(|item| qualifier.is_empty() && item.answers_to(name, place));
        alias.map(|item| item.reference(place))
    }

    /// `struct(a, b + 1, c as d)`: a column gives its field its name.
    pub(super) fn structure(
        &mut self,
        values: Vec<Expr>,
        fields: &[StructField],
        at: Option<Position>,
        place: Place<'_>,
    ) -> Expr {
        if !fields.is_empty() {
            return self.refused_value("a struct with types", at);
        }
        let mut arguments = Vec::with_capacity(values.len() * 2);
        for (index, value) in values.into_iter().enumerate() {
            let (name, value) = match value {
                Expr::Named { expr, name } => (name.value, *expr),
                value => match names(&value).and_then(|names| names.into_iter().next_back()) {
                    Some(name) => (name.value, value),
                    None => (format!("col{}", index + 1), value),
                },
            };
            arguments.push(text(name));
            arguments.push(self.expression(value, place));
        }
        call("named_struct", at, arguments)
    }

    /// A function as an argument: its body sees its parameters before anything else.
    pub(super) fn lambda(&mut self, lambda: LambdaFunction, place: Place<'_>) -> Expr {
        let at = position(lambda.body.span());
        let depth = self.lambdas;
        let parameters: Vec<Ident> = lambda.params.iter().map(|parameter| parameter.name.clone()).collect();
        // Equal functions get equal names, so that GROUP BY knows them again.
        let internal = |name: &Ident| format!("lambda {depth} {}", name.value.to_lowercase());
        let merged = parameters.iter().map(|name| Merged {
            display: name.value.clone(),
            expression: call(VARIABLE, None, vec![text(internal(name))]),
        });
        self.scopes.push(Scope { relations: Vec::new(), merged: merged.collect() });
        self.lambdas += 1;
        let body = self.expression(*lambda.body, Place { aliases_first: false, ..place });
        self.lambdas -= 1;
        self.scopes.pop();
        let names = parameters.iter().map(|name| text(internal(name)));
        call(LAMBDA, at, std::iter::once(body).chain(names).collect())
    }
}

/// The names that an expression is made of, when it is nothing else.
fn names(expression: &Expr) -> Option<Vec<Ident>> {
    match expression {
        Expr::Identifier(name) => Some(vec![name.clone()]),
        Expr::CompoundIdentifier(parts) => Some(parts.clone()),
        _ => None,
    }
}
