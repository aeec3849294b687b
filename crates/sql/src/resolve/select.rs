//! SELECT: its items, `*`, aliases that later items and clauses use, ORDER BY.

use datafusion::sql::sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Ident, ObjectName, OrderBy, OrderByExpr, OrderByKind, Select, SelectItem,
    SelectItemQualifiedWildcardKind, Spanned, WildcardAdditionalOptions,
};
use headwater_plan::Code;

use super::expression::Place;
use super::generator::{self, Generated};
use super::grouping::{Grouping, has_aggregate, has_generator, has_window};
use super::naming::name_of;
use super::scope::{Column, Found, Scope, quoted, unique};
use super::{Resolver, call, take};
use crate::error::{Position, SqlError, suggest};
use crate::marker;
use crate::parse::position;

/// One column of a SELECT list, resolved.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) expression: Expr,
    pub(super) column: Column,
    /// Whether later items and GROUP BY may call it by its alias.
    aliased: bool,
}

impl Item {
    /// Only what has an alias is called by name, except in ORDER BY, which sees every column of the result.
    pub(super) fn answers_to(&self, name: &str, place: Place<'_>) -> bool {
        (self.aliased || place.clause == "ORDER BY") && self.column.is(name)
    }

    /// What a reference by alias becomes: the output column where the planner sees it, else the expression again.
    pub(super) fn reference(&self, place: Place<'_>) -> Expr {
        if place.clause == "ORDER BY" {
            return Expr::Identifier(quoted(&self.column.internal));
        }
        self.expression.clone()
    }
}

impl Resolver<'_> {
    /// Resolves a SELECT in place; ORDER BY belongs to it, because it sees FROM's columns too.
    pub(super) fn select(&mut self, select: &mut Select, order_by: Option<OrderBy>) -> (Vec<Column>, Option<OrderBy>) {
        self.refuse_select(select);
        let order_by = order_by.or_else(|| local_order(select));
        let distributed = std::mem::take(&mut select.distribute_by);
        let scope = self.from(&mut select.from);
        let scope = self.lateral_views(select, scope);
        self.scopes.push(scope);
        self.windows.push(std::mem::take(&mut select.named_window));
        if let Some(condition) = &mut select.selection {
            self.boolean(condition, Place::scalar("WHERE"));
        }
        let items = self.items(std::mem::take(&mut select.projection));
        let grouping = self.group_by(&mut select.group_by, &items);
        if let Some(condition) = &mut select.having {
            let known = Place { aliases_first: true, grouped: Some(&grouping), ..after_select(&items) };
            let place = Place { clause: "HAVING", windows: false, ..known };
            self.boolean(condition, place);
        }
        if let Some(condition) = &mut select.qualify {
            let at = position(condition.span());
            self.boolean(condition, Place { clause: "QUALIFY", qualifies: true, ..after_select(&items) });
            if !has_window(condition) && !items.iter().any(|item| has_window(&item.expression)) {
                let message = "`QUALIFY` needs a window function, in its condition or in the SELECT list";
                let help = "`WHERE` filters rows, and `HAVING` filters groups";
                self.error(SqlError::new(Code::SqlSyntax, message).at(at).help(help));
            }
        }
        // Where the rows are computed changes nothing, but what is written there is checked.
        for expression in distributed {
            let place = Place { clause: "DISTRIBUTE BY", windows: false, ..after_select(&items) };
            self.expression(expression, place);
        }
        let order_by = order_by.and_then(|order_by| self.order_by(order_by, &items));
        self.check_grouping(select, &grouping, &items, order_by.as_ref());
        select.projection = items.iter().map(Self::projected).collect();
        self.windows.pop();
        self.scopes.pop();
        (items.into_iter().map(|item| item.column).collect(), order_by)
    }

    fn refuse_select(&mut self, select: &mut Select) {
        let at = position(select.select_token.0.span);
        for (present, what) in [
            (select.top.is_some(), "`TOP`"),
            (select.into.is_some(), "`SELECT INTO`"),
            (select.prewhere.is_some(), "`PREWHERE`"),
            (!select.connect_by.is_empty(), "`CONNECT BY`"),
            (select.value_table_mode.is_some(), "`SELECT AS`"),
            (select.exclude.is_some(), "`EXCLUDE`"),
            (select.select_modifiers.is_some(), "a modifier of `SELECT`"),
            (matches!(select.distinct, Some(Distinct::On(_))), "`DISTINCT ON`"),
        ] {
            if present {
                self.refuse(what, at);
            }
        }
        if matches!(select.distinct, Some(Distinct::All)) {
            select.distinct = None;
        }
    }

    /// A condition, which must turn out to be a boolean.
    fn boolean(&mut self, condition: &mut Expr, place: Place<'_>) {
        let at = position(condition.span());
        let resolved = self.expression(take(condition), place);
        *condition = marker::call("condition", at, vec![resolved]);
    }

    fn items(&mut self, projection: Vec<SelectItem>) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::with_capacity(projection.len());
        for item in projection {
            let place = Place { clause: "SELECT", ..after_select(&items) };
            match item {
                SelectItem::UnnamedExpr(expression) if generator::generator(&expression).is_some() => {
                    let generated = self.generated(&expression, Vec::new(), false, place);
                    self.add_generated(&mut items, generated, position(expression.span()));
                }
                SelectItem::ExprWithAlias { expr, alias } if generator::generator(&expr).is_some() => {
                    let generated = self.generated(&expr, vec![alias.value], false, place);
                    self.add_generated(&mut items, generated, position(alias.span));
                }
                SelectItem::ExprWithAliases { expr, aliases } if generator::generator(&expr).is_some() => {
                    let generated = self.generated(&expr, generator::names(&aliases), false, place);
                    self.add_generated(&mut items, generated, position(expr.span()));
                }
                SelectItem::UnnamedExpr(expression) => {
                    let (display, at) = (name_of(&expression), position(expression.span()));
                    let resolved = self.expression(expression, place);
                    self.add(&mut items, resolved, display, at);
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let at = position(alias.span).or_else(|| position(expr.span()));
                    if alias.quote_style.is_some_and(|quote| quote != '`') {
                        self.refuse("a string as an alias", at);
                    }
                    let resolved = self.expression(expr, place);
                    self.add(&mut items, resolved, alias.value, at);
                    if let Some(item) = items.last_mut() {
                        item.aliased = true;
                    }
                }
                SelectItem::ExprWithAliases { expr, .. } => {
                    self.refuse("several aliases of one expression", position(expr.span()));
                }
                SelectItem::Wildcard(options) => {
                    let found = self.scopes.last().map(Scope::star).unwrap_or_default();
                    let at = position(options.wildcard_token.0.span);
                    self.star(&mut items, found, &options, at);
                }
                SelectItem::QualifiedWildcard(kind, options) => self.star_of(&mut items, kind, &options),
            }
        }
        items
    }

    fn add_generated(&mut self, items: &mut Vec<Item>, generated: Option<Generated>, at: Option<Position>) {
        if items.iter().any(|item| has_generator(&item.expression)) {
            self.error(SqlError::unsupported("a second function that makes rows in one SELECT list").at(at));
            return;
        }
        for (display, expression) in generated.into_iter().flat_map(|generated| generated.columns) {
            self.add(items, expression, display, at);
            if let Some(item) = items.last_mut() {
                item.aliased = true;
            }
        }
    }

    fn add(&mut self, items: &mut Vec<Item>, expression: Expr, display: String, at: Option<Position>) {
        let wanted = display.to_lowercase();
        let is_that_column =
            matches!(&expression, Expr::CompoundIdentifier(parts) if parts.last().is_some_and(|p| p.value == wanted));
        let scope = self.scopes.last();
        // A name of FROM is given to nothing else, so that a name in the planned query has one meaning.
        let internal = unique(&wanted, |name| {
            let in_from = || {
                scope.is_some_and(|scope| {
                    let mut columns = scope.relations.iter().flat_map(|relation| &relation.columns);
                    columns.any(|column| column.internal == name)
                })
            };
            items.iter().any(|item| item.column.internal == name) || (!(is_that_column && name == wanted) && in_from())
        });
        items.push(Item { expression, column: Column { display, internal, at }, aliased: false });
    }

    fn star(
        &mut self,
        items: &mut Vec<Item>,
        found: Vec<Found>,
        options: &WildcardAdditionalOptions,
        at: Option<Position>,
    ) {
        if options.opt_ilike.is_some()
            || options.opt_exclude.is_some()
            || options.opt_replace.is_some()
            || options.opt_rename.is_some()
            || options.opt_alias.is_some()
        {
            self.refuse("`*` with anything but `EXCEPT`", at);
        }
        let left_out: Vec<&Ident> = options
            .opt_except
            .iter()
            .flat_map(|except| std::iter::once(&except.first_element).chain(&except.additional_elements))
            .collect();
        for name in &left_out {
            if !found.iter().any(|column| column.display.eq_ignore_ascii_case(&name.value)) {
                let known = found.iter().map(|column| column.display.as_str());
                let error = SqlError::new(Code::UnknownColumn, format!("there is no column `{}`", name.value))
                    .at(position(name.span))
                    .help_if(suggest(&name.value, "the columns here are", known));
                self.error(error);
            }
        }
        // Unknown tables leave an empty FROM behind, and have been reported.
        if found.is_empty() && self.errors.is_empty() {
            self.error(SqlError::new(Code::UnknownColumn, "`*` without any table in `FROM`").at(at));
        }
        for column in found {
            if !left_out.iter().any(|name| column.display.eq_ignore_ascii_case(&name.value)) {
                self.add(items, column.expression, column.display, at);
            }
        }
    }

    fn star_of(
        &mut self,
        items: &mut Vec<Item>,
        kind: SelectItemQualifiedWildcardKind,
        options: &WildcardAdditionalOptions,
    ) {
        let SelectItemQualifiedWildcardKind::ObjectName(name) = kind else {
            self.refuse("`*` of an expression", None);
            return;
        };
        let at = position(name.span());
        let qualifier = lower_parts(&name);
        match self.scopes.last().and_then(|scope| scope.star_of(&qualifier)) {
            Some(found) => self.star(items, found, options, at),
            None if self.errors.is_empty() => {
                let scopes: Vec<&Scope> = self.scopes.iter().rev().take(1).collect();
                let error = super::scope::unknown(&qualifier, "*", &scopes, at);
                self.error(error);
            }
            None => {}
        }
    }

    fn projected(item: &Item) -> SelectItem {
        SelectItem::ExprWithAlias { expr: item.expression.clone(), alias: quoted(&item.column.internal) }
    }

    fn order_by(&mut self, order_by: OrderBy, items: &[Item]) -> Option<OrderBy> {
        let expressions = match order_by.kind {
            OrderByKind::Expressions(expressions) => expressions,
            OrderByKind::All(options) => items
                .iter()
                .map(|item| OrderByExpr {
                    expr: Expr::Identifier(Ident::with_quote('`', &item.column.display)),
                    options,
                    with_fill: None,
                })
                .collect(),
        };
        let place = Place { clause: "ORDER BY", aliases_first: true, ..after_select(items) };
        let mut sorted = Vec::with_capacity(expressions.len());
        for mut sort in expressions {
            call::spark_nulls(&mut sort.options);
            sort.expr = match self.ordinal(&sort.expr, items.len(), "ORDER BY") {
                Some(index) => Expr::Identifier(quoted(&items[index].column.internal)),
                None => self.expression(sort.expr, place),
            };
            sorted.push(sort);
        }
        Some(OrderBy { kind: OrderByKind::Expressions(sorted), interpolate: None })
    }

    fn check_grouping(&mut self, select: &Select, grouping: &Grouping, items: &[Item], order_by: Option<&OrderBy>) {
        let conditions: Vec<&Expr> = select.having.iter().chain(&select.qualify).collect();
        let sorts: Vec<&Expr> = match order_by.map(|order_by| &order_by.kind) {
            Some(OrderByKind::Expressions(sorts)) => sorts.iter().map(|sort| &sort.expr).collect(),
            _ => Vec::new(),
        };
        let outputs = items.iter().map(|item| &item.expression);
        let aggregates = outputs.clone().chain(conditions.iter().copied()).chain(sorts.iter().copied());
        let grouped = match &select.group_by {
            GroupByExpr::All(_) => true,
            GroupByExpr::Expressions(keys, _) => !keys.is_empty(),
        };
        if !grouped && !aggregates.clone().any(has_aggregate) {
            return;
        }
        for expression in aggregates {
            self.check_grouped(expression, grouping);
        }
    }
}

/// SORT BY and CLUSTER BY order the rows of each part; an order of all rows is one of them.
fn local_order(select: &mut Select) -> Option<OrderBy> {
    let mut sorts = std::mem::take(&mut select.sort_by);
    let clustered = std::mem::take(&mut select.cluster_by).into_iter();
    sorts.extend(clustered.map(|expr| OrderByExpr { expr, options: Default::default(), with_fill: None }));
    if sorts.is_empty() {
        return None;
    }
    Some(OrderBy { kind: OrderByKind::Expressions(sorts), interpolate: None })
}

/// A place after the SELECT list: everything may stand there, and the list's aliases are known.
fn after_select(items: &[Item]) -> Place<'_> {
    Place {
        clause: "SELECT",
        aggregates: true,
        windows: true,
        qualifies: false,
        aliases: items,
        aliases_first: false,
        grouped: None,
    }
}

fn lower_parts(name: &ObjectName) -> Vec<String> {
    name.0.iter().filter_map(|part| part.as_ident()).map(|part| part.value.to_lowercase()).collect()
}
