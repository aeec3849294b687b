//! Functions that make rows: in the SELECT list, in LATERAL VIEW, in FROM.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, LateralView, Query, Select, SelectItem,
    SetExpr, Spanned, TableAlias, TableFactor, TableWithJoins,
};
use headwater_plan::Code;

use super::Resolver;
use super::expression::Place;
use super::scope::{Column, Merged, Relation, Scope, quoted, unique};
use crate::error::{Position, SqlError};
use crate::functions::generator::{GENERATE, Generator};
use crate::functions::{self, Kind};
use crate::marker::{call, text};
use crate::parse::position;
use crate::typing::call::wrong_count;

/// A call that makes rows, with a name for each column.
pub(super) struct Generated {
    pub(super) columns: Vec<(String, Expr)>,
}

/// The generator that an expression calls.
pub(super) fn generator(expression: &Expr) -> Option<(&Function, &'static functions::Function, Generator)> {
    let Expr::Function(function) = expression else { return None };
    let name = function.name.to_string().trim_matches('`').to_lowercase();
    let known = functions::find(&name)?;
    match known.kind {
        Kind::Generator(generator) => Some((function, known, generator)),
        _ => None,
    }
}

impl Resolver<'_> {
    /// Resolves a call that makes rows. Without names the columns have those that Spark gives them.
    pub(super) fn generated(
        &mut self,
        expression: &Expr,
        names: Vec<String>,
        outer: bool,
        place: Place<'_>,
    ) -> Option<Generated> {
        let (function, known, kind) = generator(expression)?;
        let at = position(function.name.span());
        let name = match known.name.ends_with("_outer") || !outer {
            true => known.name.to_owned(),
            false => format!("{}_outer", known.name),
        };
        let name = if kind == Generator::Stack { known.name.to_owned() } else { name };
        let arguments = self.generator_arguments(known.name, &function.args, at, place);
        if let Some(error) = wrong_count(known, arguments.len()) {
            self.error(error.at(at));
            return None;
        }
        let names = if names.is_empty() { self.default_names((known.name, kind), function, at)? } else { names };
        let count = names.len();
        let column = |(index, display): (usize, String)| {
            let mut parts = vec![text(&name), text(index.to_string()), text(count.to_string())];
            parts.extend(arguments.iter().cloned());
            (display, call(GENERATE, at, parts))
        };
        Some(Generated { columns: names.into_iter().enumerate().map(column).collect() })
    }

    fn default_names(
        &mut self,
        (name, kind): (&str, Generator),
        function: &Function,
        at: Option<Position>,
    ) -> Option<Vec<String>> {
        if let (Generator::Stack, FunctionArguments::List(list)) = (kind, &function.args)
            && let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(rows))) = list.args.first()
            && let Some(rows) = rows.to_string().parse::<usize>().ok().filter(|rows| *rows > 0)
        {
            let width = (list.args.len() - 1).div_ceil(rows);
            return Some((0..width).map(|index| format!("col{index}")).collect());
        }
        let names = kind.columns();
        if names.is_empty() {
            let help = format!("write `{name}(...) as (a, b)`, with a name for each column");
            self.error(SqlError::unsupported(format!("`{name}` without names for its columns")).at(at).help(help));
            return None;
        }
        Some(names.iter().map(|name| (*name).to_owned()).collect())
    }

    fn generator_arguments(
        &mut self,
        name: &str,
        arguments: &FunctionArguments,
        at: Option<Position>,
        place: Place<'_>,
    ) -> Vec<Expr> {
        let FunctionArguments::List(list) = arguments else { return Vec::new() };
        let mut resolved = Vec::with_capacity(list.args.len());
        for argument in &list.args {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => {
                    resolved.push(self.expression(expression.clone(), place));
                }
                other => self.refuse(&format!("`{other}` as an argument of `{name}`"), at),
            }
        }
        resolved
    }

    /// LATERAL VIEW: what is read so far, each row as often as the generator makes rows of it, becomes one subquery.
    pub(super) fn lateral_views(&mut self, select: &mut Select, mut scope: Scope) -> Scope {
        for view in std::mem::take(&mut select.lateral_views) {
            scope = self.lateral_view(select, scope, view);
        }
        scope
    }

    fn lateral_view(&mut self, select: &mut Select, scope: Scope, view: LateralView) -> Scope {
        let at = position(view.lateral_view.span());
        let Some((_, known, _)) = generator(&view.lateral_view) else {
            let message = "`LATERAL VIEW` takes a function that makes rows, such as `explode`";
            self.error(SqlError::new(Code::SqlSyntax, message).at(at));
            return scope;
        };
        let names: Vec<String> = view.lateral_col_alias.iter().map(|name| name.value.clone()).collect();
        let generator = known.name;
        self.scopes.push(scope);
        let generated = self.generated(&view.lateral_view, names, view.outer, Place::scalar("LATERAL VIEW"));
        let scope = self.scopes.pop().unwrap_or_default();
        let Some(generated) = generated else { return scope };
        let alias = self.internal_alias(generator);
        let mut items = Items { alias: alias.clone(), taken: Vec::new(), items: Vec::new() };
        let mut relations: Vec<Relation> =
            scope.relations.into_iter().map(|relation| items.relation(relation)).collect();
        let merged = scope.merged.into_iter().map(|merged| {
            let internal = items.add(&merged.display, merged.expression);
            Merged { display: merged.display, expression: items.reference(&internal) }
        });
        let merged: Vec<Merged> = merged.collect();
        let columns = generated.columns.into_iter().map(|(display, expression)| {
            let internal = items.add(&display, expression);
            Column { display, internal, at: None }
        });
        let columns: Vec<Column> = columns.collect();
        let qualifier = view.lateral_view_name.0.iter().filter_map(|part| part.as_ident());
        let qualifier = qualifier.map(|part| part.value.to_lowercase()).collect();
        relations.push(Relation::new(qualifier, alias.clone(), columns));
        match derived(items.items, std::mem::take(&mut select.from), &alias) {
            Ok(from) => select.from = vec![from],
            Err(error) => self.error(error),
        }
        Scope { relations, merged }
    }

    /// `FROM explode(...)`, `FROM range(10)`.
    pub(super) fn table_function(&mut self, factor: &mut TableFactor, at: Option<Position>) -> Option<Relation> {
        let TableFactor::Table { name, alias, args: Some(arguments), .. } = factor else { return None };
        let function = Expr::Function(Function {
            name: name.clone(),
            uses_odbc_syntax: false,
            parameters: FunctionArguments::None,
            args: FunctionArguments::List(datafusion::sql::sqlparser::ast::FunctionArgumentList {
                duplicate_treatment: None,
                args: arguments.args.clone(),
                clauses: Vec::new(),
            }),
            filter: None,
            null_treatment: None,
            over: None,
            within_group: Vec::new(),
        });
        let Some((_, known, _)) = generator(&function) else {
            return self.refused(&format!("the table function `{name}`"), at);
        };
        let wanted = known.name;
        let mut alias = alias.take();
        let definitions = alias.as_mut().map(|alias| std::mem::take(&mut alias.columns)).unwrap_or_default();
        let names = definitions.into_iter().map(|definition| definition.name.value).collect();
        // It stands beside the other tables, and sees none of them.
        let scopes = std::mem::take(&mut self.scopes);
        let generated = self.generated(&function, names, false, Place::scalar("FROM"));
        self.scopes = scopes;
        let generated = generated?;
        let mut items = Items { alias: String::new(), taken: Vec::new(), items: Vec::new() };
        let columns = generated.columns.into_iter().map(|(display, expression)| {
            let internal = items.add(&display, expression);
            Column { display, internal, at: None }
        });
        let columns = columns.collect();
        let relation = self.aliased(columns, &mut alias, vec![wanted.to_owned()], wanted);
        match subquery(items.items, Vec::new()) {
            Ok(subquery) => {
                *factor = TableFactor::Derived { lateral: false, subquery: Box::new(subquery), alias, sample: None };
            }
            Err(error) => self.error(error),
        }
        Some(relation)
    }
}

/// The SELECT list of a subquery that stands for what is read so far.
struct Items {
    alias: String,
    taken: Vec<String>,
    items: Vec<SelectItem>,
}

impl Items {
    fn add(&mut self, wanted: &str, expr: Expr) -> String {
        let internal = unique(&wanted.to_lowercase(), |name| self.taken.iter().any(|taken| taken == name));
        self.taken.push(internal.clone());
        self.items.push(SelectItem::ExprWithAlias { expr, alias: quoted(&internal) });
        internal
    }

    fn reference(&self, internal: &str) -> Expr {
        Expr::CompoundIdentifier(vec![quoted(&self.alias), quoted(internal)])
    }

    /// A relation whose columns are now the subquery's.
    fn relation(&mut self, relation: Relation) -> Relation {
        if relation.hidden {
            return relation;
        }
        let columns = relation.columns.iter().map(|column| {
            let reference = Expr::CompoundIdentifier(vec![quoted(&relation.internal), quoted(&column.internal)]);
            Column { internal: self.add(&column.display, reference), ..column.clone() }
        });
        let columns = columns.collect();
        Relation { columns, internal: self.alias.clone(), ..relation }
    }
}

fn derived(items: Vec<SelectItem>, from: Vec<TableWithJoins>, alias: &str) -> Result<TableWithJoins, SqlError> {
    let alias = TableAlias { explicit: true, name: quoted(alias), columns: Vec::new(), at: None };
    let subquery = Box::new(subquery(items, from)?);
    let relation = TableFactor::Derived { lateral: false, subquery, alias: Some(alias), sample: None };
    Ok(TableWithJoins { relation, joins: Vec::new() })
}

/// A query of resolved parts.
pub(super) fn subquery(items: Vec<SelectItem>, from: Vec<TableWithJoins>) -> Result<Query, SqlError> {
    let mut query = crate::parse::query("select 1")?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.projection = items;
        select.from = from;
    }
    Ok(query)
}

/// The names in `AS (a, b)`.
pub(super) fn names(aliases: &[Ident]) -> Vec<String> {
    aliases.iter().map(|alias| alias.value.clone()).collect()
}
