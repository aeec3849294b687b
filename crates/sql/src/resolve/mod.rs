//! Names: every table, alias, column and function of a query is looked up here, before anything is planned.
//!
//! The pass walks the syntax tree once, collects every error with its exact place, refuses by name each construct that
//! this engine does not do, and rewrites the tree into a small canonical form in which the planner has nothing left to
//! guess:
//! - each relation has a unique alias and each column reference is `alias.column`, in lower case;
//! - `*`, USING, GROUP BY and ORDER BY positions, and references to aliases are spelt out;
//! - every operator, literal and special form (`CASE`, `CAST`, `EXTRACT`, ...) is a call of a function by its name in
//!   [`crate::functions`], and carries its place in the text (see [`crate::marker`]).
//!
//! | module | owns |
//! |---|---|
//! | `scope` | what a name can mean at a place |
//! | `from` | FROM: tables, subqueries, joins |
//! | `select` | SELECT: items, `*`, aliases, ORDER BY |
//! | `grouping` | GROUP BY, and the check that everything else is grouped |
//! | `expression` | expressions |
//! | `reference` | names |
//! | `call` | function calls and windows |
//! | `nested` | parts of structs, arrays and maps; lambda functions |
//! | `pivot` | PIVOT |
//! | `generator` | functions that make rows; LATERAL VIEW |
//! | `naming` | the names of columns without an alias |
//! | `text` | places that the syntax tree does not carry |

mod call;
mod expression;
mod from;
mod generator;
mod grouping;
mod naming;
mod nested;
mod pivot;
mod reference;
mod scope;
mod select;
mod text;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{
    Expr, LimitClause, NamedWindowDefinition, OrderBy, OrderByKind, Query, Select, SetExpr, SetOperator, SetQuantifier,
    Spanned, TableAlias, UnaryOperator, Value, Values, With,
};
use headwater_plan::{Code, TableName};

use self::scope::{Column, Scope, quoted};
use self::text::Text;
use crate::error::{Position, SqlError};
use crate::parse::position;

/// The columns of the tables and views that exist.
pub(crate) trait Catalog {
    /// The columns of a relation, in the user's case; `None` when there is none of that name.
    fn columns(&self, name: &TableName) -> Result<Option<Arc<[String]>>, SqlError>;

    /// Every name, for 'did you mean'.
    fn names(&self) -> Vec<TableName>;
}

/// A query whose names are all known.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) query: Query,
    /// The names of its columns in the user's case, in order.
    pub(crate) names: Vec<String>,
    pub(crate) reads: Vec<TableName>,
}

/// Looks up every name of a query.
pub(crate) fn resolve(sql: &str, mut query: Query, catalog: &dyn Catalog) -> Result<Resolved, Vec<SqlError>> {
    let mut resolver = Resolver::new(sql, catalog);
    let columns = resolver.query(&mut query);
    resolver.check_twins(&columns);
    let names = columns.into_iter().map(|column| column.display).collect();
    resolver.done(query, names)
}

/// Looks up every name of a query whose columns go by their places: each is given a name of its own.
pub(crate) fn resolve_rows(sql: &str, mut query: Query, catalog: &dyn Catalog) -> Result<Resolved, Vec<SqlError>> {
    let mut resolver = Resolver::new(sql, catalog);
    let columns = resolver.query(&mut query);
    let names = (1..=columns.len()).map(|number| format!("column {number}")).collect();
    resolver.done(query, names)
}

struct Cte {
    name: String,
    internal: String,
    columns: Vec<Column>,
}

struct Resolver<'a> {
    text: Text<'a>,
    catalog: &'a dyn Catalog,
    errors: Vec<SqlError>,
    /// Those that can be named at this point; a later one hides an earlier one.
    ctes: Vec<Cte>,
    /// The FROM clauses around this point, outermost first.
    scopes: Vec<Scope>,
    /// The named windows of the SELECTs around this point.
    windows: Vec<Vec<NamedWindowDefinition>>,
    /// The internal aliases given so far.
    taken: HashSet<String>,
    reads: BTreeSet<TableName>,
    /// How many lambda functions are around this point.
    lambdas: usize,
}

impl<'a> Resolver<'a> {
    fn new(sql: &'a str, catalog: &'a dyn Catalog) -> Self {
        Self {
            text: Text(sql),
            catalog,
            errors: Vec::new(),
            ctes: Vec::new(),
            scopes: Vec::new(),
            windows: Vec::new(),
            taken: HashSet::new(),
            reads: BTreeSet::new(),
            lambdas: 0,
        }
    }

    fn done(self, query: Query, names: Vec<String>) -> Result<Resolved, Vec<SqlError>> {
        if self.errors.is_empty() {
            return Ok(Resolved { query, names, reads: self.reads.into_iter().collect() });
        }
        let mut errors = self.errors;
        // In the order of the text; what has no place comes last.
        errors.sort_by_key(|error| error.position.map_or((1, None), |place| (0, Some(place))));
        errors.dedup();
        Err(errors)
    }

    fn error(&mut self, error: SqlError) {
        self.errors.push(error);
    }

    fn refuse(&mut self, what: &str, at: Option<Position>) {
        self.error(SqlError::unsupported(what).at(at));
    }

    fn internal_alias(&mut self, wanted: &str) -> String {
        let name = scope::unique(wanted, |name| self.taken.contains(name));
        self.taken.insert(name.clone());
        name
    }

    fn query(&mut self, query: &mut Query) -> Vec<Column> {
        let known_ctes = self.ctes.len();
        self.refuse_clauses(query);
        if let Some(with) = &mut query.with {
            self.with(with);
        }
        let order_by = query.order_by.take();
        let columns = match query.body.as_mut() {
            SetExpr::Select(select) => {
                let (columns, order_by) = self.select(select, order_by);
                query.order_by = order_by;
                columns
            }
            body => {
                let columns = self.set_expression(body);
                query.order_by = self.order_of_set(order_by, &columns);
                columns
            }
        };
        if let Some(limit) = &mut query.limit_clause {
            self.limit(limit);
        }
        self.ctes.truncate(known_ctes);
        columns
    }

    /// A table or view cannot have two columns of one name.
    fn check_twins(&mut self, columns: &[Column]) {
        for (index, column) in columns.iter().enumerate() {
            if columns[..index].iter().any(|earlier| earlier.is(&column.display)) {
                let message = format!("two columns of the result are called `{}`", column.display);
                let error = SqlError::new(Code::AmbiguousColumn, message).at(column.at);
                self.error(error.help("give one of them another name with `as`"));
            }
        }
    }

    fn refuse_clauses(&mut self, query: &Query) {
        let at = position(query.span());
        for (present, what) in [
            (query.fetch.is_some(), "`FETCH`"),
            (!query.locks.is_empty(), "`FOR UPDATE`"),
            (query.for_clause.is_some(), "`FOR`"),
            (query.settings.is_some(), "`SETTINGS`"),
            (query.format_clause.is_some(), "`FORMAT`"),
            (!query.pipe_operators.is_empty(), "the pipe operator `|>`"),
        ] {
            if present {
                self.refuse(what, at);
            }
        }
    }

    fn with(&mut self, with: &mut With) {
        if with.recursive {
            self.refuse("`WITH RECURSIVE`", position(with.span()));
        }
        let first = self.ctes.len();
        for cte in &mut with.cte_tables {
            let name = cte.alias.name.value.to_lowercase();
            let at = position(cte.alias.name.span);
            if self.ctes[first..].iter().any(|earlier| earlier.name == name) {
                self.error(SqlError::new(Code::DuplicateName, format!("`{name}` is defined twice in `WITH`")).at(at));
            }
            // What a subquery's FROM sees is not what a CTE sees: it stands outside of them all.
            let scopes = std::mem::take(&mut self.scopes);
            let columns = self.query(&mut cte.query);
            self.scopes = scopes;
            let columns = self.renamed(columns, &mut cte.alias);
            let internal = self.internal_alias(&name);
            cte.alias.name = quoted(&internal);
            self.ctes.push(Cte { name, internal, columns });
        }
    }

    /// Applies the column list of `AS t(a, b)`.
    fn renamed(&mut self, columns: Vec<Column>, alias: &mut TableAlias) -> Vec<Column> {
        if alias.columns.is_empty() {
            return columns;
        }
        let at = position(alias.name.span);
        if alias.columns.len() != columns.len() {
            let (wanted, found) = (alias.columns.len(), columns.len());
            let message = format!("`{}` names {wanted} columns, but there are {found}", alias.name.value);
            self.error(SqlError::new(Code::SqlSyntax, message).at(at));
            return columns;
        }
        let mut renamed: Vec<Column> = Vec::new();
        for definition in &mut alias.columns {
            let display = definition.name.value.clone();
            let internal =
                scope::unique(&display.to_lowercase(), |name| renamed.iter().any(|earlier| earlier.internal == name));
            definition.name = quoted(&internal);
            renamed.push(Column { display, internal, at: None });
        }
        renamed
    }

    fn set_expression(&mut self, body: &mut SetExpr) -> Vec<Column> {
        let at = position(body.span());
        match body {
            SetExpr::Select(select) => self.plain_select(select),
            SetExpr::Query(query) => self.query(query),
            SetExpr::Values(values) => self.values(values),
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                if *op == SetOperator::Minus {
                    *op = SetOperator::Except;
                }
                let (left_at, right_at) = (position(left.span()), position(right.span()));
                let (left, right) = (self.set_expression(left), self.set_expression(right));
                match (*op, *set_quantifier) {
                    (_, SetQuantifier::None | SetQuantifier::Distinct) => {}
                    (SetOperator::Union, SetQuantifier::All) => {}
                    (op, quantifier) => self.refuse(&format!("`{op} {quantifier}`"), right_at),
                }
                if left.len() != right.len() {
                    let (wanted, found) = (left.len(), right.len());
                    let message = format!("`{op}` of {wanted} and {found} columns: both sides need as many");
                    self.error(SqlError::mismatch(message).at(right_at.or(left_at)));
                }
                left
            }
            SetExpr::Table(_) => {
                self.refuse("`TABLE name`", at);
                Vec::new()
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                self.refuse("a statement that changes data", at);
                Vec::new()
            }
        }
    }

    fn plain_select(&mut self, select: &mut Select) -> Vec<Column> {
        self.select(select, None).0
    }

    fn values(&mut self, values: &mut Values) -> Vec<Column> {
        let width = values.rows.first().map_or(0, |row| row.content.len());
        // A value sees the relations around it only in a lateral place, which FROM refuses.
        let scopes = std::mem::take(&mut self.scopes);
        for row in &mut values.rows {
            if row.content.len() != width {
                let message = format!("a row of {} values after rows of {width}", row.content.len());
                let at = row.content.first().and_then(|value| position(value.span()));
                self.error(SqlError::mismatch(message).at(at));
            }
            for value in &mut row.content {
                let at = position(value.span());
                let resolved = self.expression(take(value), expression::Place::scalar("VALUES"));
                *value = crate::marker::call("value", at, vec![resolved]);
            }
        }
        self.scopes = scopes;
        (1..=width)
            .map(|number| Column { display: format!("col{number}"), internal: format!("column{number}"), at: None })
            .collect()
    }

    /// ORDER BY after a set operation, which sees only the result's columns.
    fn order_of_set(&mut self, order_by: Option<OrderBy>, columns: &[Column]) -> Option<OrderBy> {
        let order_by = order_by?;
        let OrderByKind::Expressions(mut expressions) = order_by.kind else {
            self.refuse("`ORDER BY ALL`", None);
            return None;
        };
        let relation = scope::Relation::new(Vec::new(), String::new(), columns.to_vec());
        let result = Scope { relations: vec![relation], merged: Vec::new() };
        for sort in &mut expressions {
            call::spark_nulls(&mut sort.options);
            if let Some(index) = self.ordinal(&sort.expr, columns.len(), "ORDER BY") {
                sort.expr = Expr::Identifier(quoted(&columns[index].internal));
                continue;
            }
            let outer = std::mem::replace(&mut self.scopes, vec![result.clone()]);
            let resolved = self.expression(take(&mut sort.expr), expression::Place::scalar("ORDER BY"));
            self.scopes = outer;
            sort.expr = unqualified(resolved);
        }
        Some(OrderBy { kind: OrderByKind::Expressions(expressions), interpolate: None })
    }

    /// The index that a position in GROUP BY or ORDER BY means; `None` when the expression is not a position.
    fn ordinal(&mut self, expression: &Expr, count: usize, clause: &str) -> Option<usize> {
        let Expr::Value(value) = expression else { return None };
        let Value::Number(text, _) = &value.value else { return None };
        let number: usize = text.parse().ok()?;
        if number == 0 || number > count {
            let message = match count {
                1 => format!("`{clause} {number}`: there is 1 column"),
                count => format!("`{clause} {number}`: there are {count} columns"),
            };
            self.error(SqlError::new(Code::UnknownColumn, message).at(position(value.span)));
            return Some(0).filter(|_| count > 0);
        }
        Some(number - 1)
    }

    fn limit(&mut self, limit: &mut LimitClause) {
        let LimitClause::LimitOffset { limit, offset, limit_by } = limit else {
            self.refuse("`LIMIT offset, count`", None);
            return;
        };
        if !limit_by.is_empty() {
            self.refuse("`LIMIT BY`", None);
        }
        for count in limit.iter().chain(offset.iter().map(|offset| &offset.value)) {
            let whole = matches!(count, Expr::Value(value)
                if matches!(&value.value, Value::Number(text, false) if text.parse::<i32>().is_ok()));
            if !whole {
                let negative = matches!(count, Expr::UnaryOp { op: UnaryOperator::Minus, .. });
                let message = if negative { "a limit below zero" } else { "a limit that is not a whole number" };
                self.refuse(message, position(count.span()));
            }
        }
    }
}

/// Takes an expression out of the tree, to put what it resolves to in its place.
fn take(expression: &mut Expr) -> Expr {
    std::mem::replace(expression, null())
}

/// What stands for an expression in which an error was found.
fn null() -> Expr {
    Expr::Value(Value::Null.into())
}

/// References to the columns of a set operation's result carry no relation.
fn unqualified(expression: Expr) -> Expr {
    let mut expression = expression;
    let _ = datafusion::sql::sqlparser::ast::visit_expressions_mut(&mut expression, |part| {
        if let Expr::CompoundIdentifier(parts) = part
            && parts.len() == 2
            && parts[0].value.is_empty()
            && let Some(column) = parts.pop()
        {
            *part = Expr::Identifier(column);
        }
        std::ops::ControlFlow::<()>::Continue(())
    });
    expression
}
