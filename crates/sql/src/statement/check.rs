//! The queries by which parts of a statement are checked, made of the parts as they were parsed.

use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, Query, SelectItem, SetExpr, TableAlias, TableFactor,
    TableWithJoins, Value,
};

use headwater_plan::Code;

use crate::error::SqlError;
use crate::parse;
use crate::planner::Planner;
use crate::session::TypedQuery;

/// A relation of a statement, as FROM has it.
#[derive(Debug, Clone)]
pub(super) struct FromItem(pub(super) TableFactor);

impl FromItem {
    /// A table under an alias.
    pub(super) fn table(name: &ObjectName, alias: Option<&Ident>) -> Result<Self, Vec<SqlError>> {
        let mut query = parse::query("select 1 from x").map_err(|error| vec![error])?;
        let from = match query.body.as_mut() {
            SetExpr::Select(select) => select.from.pop(),
            _ => None,
        };
        let Some(TableWithJoins { relation: mut factor, .. }) = from else {
            return Err(vec![SqlError::internal("a template without a table")]);
        };
        if let TableFactor::Table { name: its_name, alias: its_alias, .. } = &mut factor {
            *its_name = name.clone();
            *its_alias =
                alias.map(|name| TableAlias { explicit: true, name: name.clone(), columns: Vec::new(), at: None });
        }
        Ok(Self(factor))
    }
}

/// Plans `SELECT values FROM items WHERE condition`. Two items are joined on what the second one comes with.
pub(super) fn query(
    sql: &str,
    values: Vec<Expr>,
    from: Vec<FromItem>,
    condition: Option<Expr>,
    planner: &Planner<'_>,
) -> Result<TypedQuery, Vec<SqlError>> {
    of_one_row(planner.query(sql, select(values, from, None, condition)?)?)
}

/// Plans `SELECT 1 FROM left JOIN right ON condition`, or with values and a further condition.
pub(super) fn join(
    sql: &str,
    values: Vec<Expr>,
    sides: [FromItem; 2],
    conditions: (Expr, Option<Expr>),
    planner: &Planner<'_>,
) -> Result<TypedQuery, Vec<SqlError>> {
    let (on, condition) = conditions;
    of_one_row(planner.query(sql, select(values, sides.to_vec(), Some(on), condition)?)?)
}

/// A value that is put in a row is made of that row.
fn of_one_row(query: TypedQuery) -> Result<TypedQuery, Vec<SqlError>> {
    let mut plan = &query.plan;
    while let LogicalPlan::Projection(projection) = plan {
        plan = &projection.input;
    }
    if !matches!(plan, LogicalPlan::Aggregate(_) | LogicalPlan::Window(_) | LogicalPlan::Unnest(_)) {
        return Ok(query);
    }
    let message = "a value that is set is made of one row: no aggregate, window or generator function can stand in it";
    Err(vec![
        SqlError::new(Code::SqlSyntax, message).help("write a subquery, or a `MERGE` with a source that computes it"),
    ])
}

fn select(
    values: Vec<Expr>,
    from: Vec<FromItem>,
    on: Option<Expr>,
    condition: Option<Expr>,
) -> Result<Query, Vec<SqlError>> {
    let mut query = parse::query("select 1").map_err(|error| vec![error])?;
    let SetExpr::Select(select) = query.body.as_mut() else {
        return Err(vec![SqlError::internal("a template that is no `SELECT`")]);
    };
    if !values.is_empty() {
        let item = |(index, expr): (usize, Expr)| SelectItem::ExprWithAlias {
            expr,
            alias: Ident::with_quote('`', format!("value {index}")),
        };
        select.projection = values.into_iter().enumerate().map(item).collect();
    }
    let mut items = from.into_iter();
    if let Some(FromItem(relation)) = items.next() {
        let join = |FromItem(relation)| Join {
            relation,
            global: false,
            join_operator: JoinOperator::Inner(JoinConstraint::On(on.clone().unwrap_or_else(always))),
        };
        select.from = vec![TableWithJoins { relation, joins: items.map(join).collect() }];
    }
    select.selection = condition;
    Ok(query)
}

/// The condition that always holds.
pub(super) fn always() -> Expr {
    Expr::Value(Value::Boolean(true).into())
}
