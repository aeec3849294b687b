//! Types: a planned query whose calls are still markers becomes one in which every expression means what Spark means.
//!
//! The pass goes from the tables up, so that the types of a node's input are known when its expressions are typed. It
//! keeps every column's name, and tells everything that is wrong with a node before it stops.
//!
//! | module | owns |
//! |---|---|
//! | `expression` | expressions and subqueries |
//! | `aggregate` | the nodes of GROUP BY and OVER, whose functions may become expressions around functions |
//! | `call`, `aggregation` | a call as the functions see it |
//! | `common` | which types go together |

mod aggregate;
pub(crate) mod aggregation;
pub(crate) mod call;
pub(crate) mod common;
mod expression;

use std::sync::Arc;

use datafusion::common::{DFSchemaRef, NullEquality};
use datafusion::logical_expr::logical_plan::Values;
use datafusion::logical_expr::{
    Distinct, Expr, Filter, Join, JoinConstraint, Limit, LogicalPlan, Projection, Sort, SubqueryAlias, Union,
};

use self::call::Typed;
use self::common::common_type_of;
use self::expression::{column_of, is_table, place_of_column};
use crate::error::SqlError;
use crate::types::arrow_type;

/// Types a planned query.
pub(crate) fn plan(plan: LogicalPlan) -> Result<LogicalPlan, Vec<SqlError>> {
    let mut typing = Typing { errors: Vec::new(), outer: Vec::new() };
    match typing.plan(plan) {
        Ok(plan) if typing.errors.is_empty() => Ok(plan),
        _ => {
            let mut errors = typing.errors;
            errors.sort_by_key(|error| error.position.map_or((1, None), |place| (0, Some(place))));
            errors.dedup();
            Err(errors)
        }
    }
}

/// Stopped: what is wrong has been told.
struct Stop;

struct Typing {
    errors: Vec<SqlError>,
    /// The columns of the queries around a subquery, outermost first.
    outer: Vec<DFSchemaRef>,
}

impl Typing {
    fn plan(&mut self, plan: LogicalPlan) -> Result<LogicalPlan, Stop> {
        if is_table(&plan) {
            return Ok(plan);
        }
        match plan {
            LogicalPlan::EmptyRelation(_) | LogicalPlan::TableScan(_) => Ok(plan),
            LogicalPlan::Projection(node) => self.projection(node),
            LogicalPlan::Filter(node) => {
                let input = self.input(node.input)?;
                let predicate = self.expression(node.predicate, input.schema())?;
                let filter = self.planned(Filter::try_new(predicate, input))?;
                Ok(LogicalPlan::Filter(filter))
            }
            LogicalPlan::Sort(node) => {
                let input = self.input(node.input)?;
                let expr = self.sorts(node.expr, input.schema())?;
                Ok(LogicalPlan::Sort(Sort { expr, input, fetch: node.fetch }))
            }
            LogicalPlan::Limit(node) => {
                Ok(LogicalPlan::Limit(Limit { input: self.input(node.input)?, skip: node.skip, fetch: node.fetch }))
            }
            LogicalPlan::SubqueryAlias(node) => {
                let input = self.input(node.input)?;
                let alias = self.planned(SubqueryAlias::try_new(input, node.alias))?;
                Ok(LogicalPlan::SubqueryAlias(alias))
            }
            LogicalPlan::Distinct(Distinct::All(input)) => Ok(LogicalPlan::Distinct(Distinct::All(self.input(input)?))),
            LogicalPlan::Join(node) => self.join(node),
            LogicalPlan::Union(node) => self.union(node),
            LogicalPlan::Aggregate(node) => self.aggregate(node),
            LogicalPlan::Window(node) => self.window(node),
            LogicalPlan::Values(node) => self.values(node),
            other => self.internal(format!("the step `{}` was planned unasked", other.display())),
        }
    }

    fn input(&mut self, input: Arc<LogicalPlan>) -> Result<Arc<LogicalPlan>, Stop> {
        Ok(Arc::new(self.plan(Arc::unwrap_or_clone(input))?))
    }

    fn projection(&mut self, node: Projection) -> Result<LogicalPlan, Stop> {
        let input = self.input(node.input)?;
        let exprs = self.all(node.expr, input.schema())?;
        let named = exprs.into_iter().enumerate().map(|(index, expr)| named(expr, &node.schema, index)).collect();
        let projection = self.planned(Projection::try_new(named, input))?;
        Ok(LogicalPlan::Projection(projection))
    }

    fn join(&mut self, node: Join) -> Result<LogicalPlan, Stop> {
        let left = self.input(node.left);
        let (left, right) = (left?, self.input(node.right)?);
        let mut on = Vec::with_capacity(node.on.len());
        for (left_key, right_key) in node.on {
            // Only INTERSECT and EXCEPT are planned with keys; conditions come as a filter.
            let left_key = self.told(Typed::of(left_key, left.schema()), None)?;
            let right_key = self.told(Typed::of(right_key, right.schema()), None)?;
            if left_key.data_type != right_key.data_type {
                let (left, right) = (left_key.data_type, right_key.data_type);
                let message = format!("`INTERSECT` and `EXCEPT` of `{left}` and `{right}`");
                let error = SqlError::mismatch(message).help("cast both sides to one type");
                return self.told(Err(error), None);
            }
            on.push((left_key.expr, right_key.expr));
        }
        let joined = Arc::new(self.planned(left.schema().join(right.schema()))?);
        let filter = node.filter.map(|filter| self.expression(filter, &joined)).transpose()?;
        let null_equality = if on.is_empty() { NullEquality::NullEqualsNothing } else { node.null_equality };
        let join =
            Join::try_new(left, right, on, filter, node.join_type, JoinConstraint::On, null_equality, node.null_aware);
        Ok(LogicalPlan::Join(self.planned(join)?))
    }

    /// Both sides of a union take the types that their columns have in common.
    fn union(&mut self, node: Union) -> Result<LogicalPlan, Stop> {
        let last = node.inputs.last().cloned();
        let place = |index: usize| last.as_ref().and_then(|input| place_of_column(input, index));
        let inputs: Vec<Result<Arc<LogicalPlan>, Stop>> =
            node.inputs.into_iter().map(|input| self.input(input)).collect();
        let inputs = inputs.into_iter().collect::<Result<Vec<_>, _>>()?;
        let width = node.schema.fields().len();
        let mut columns: Vec<Vec<Typed>> = vec![Vec::with_capacity(width); inputs.len()];
        for (index, field) in node.schema.fields().iter().enumerate() {
            let mut sides = Vec::with_capacity(inputs.len());
            for input in &inputs {
                sides.push(self.told(Typed::of(column_of(input.schema(), index), input.schema()), None)?);
            }
            let Some(common) = common_type_of(sides.iter().map(|side| &side.data_type)) else {
                let types: Vec<String> = sides.iter().map(|side| format!("`{}`", side.data_type)).collect();
                let message =
                    format!("`UNION` of {} in column {} (`{}`)", types.join(" and "), index + 1, field.name());
                return self.told(Err(SqlError::mismatch(message).help("cast both sides to one type")), place(index));
            };
            for (side, column) in sides.into_iter().zip(&mut columns) {
                let expr = self.told(side.cast(&common), None)?;
                column.push(Typed { expr: expr.alias(field.name()), data_type: common.clone() });
            }
        }
        let mut cast = Vec::with_capacity(inputs.len());
        for (input, columns) in inputs.into_iter().zip(columns) {
            let exprs = columns.into_iter().map(|column| column.expr).collect();
            let projection = self.planned(Projection::try_new(exprs, input))?;
            cast.push(Arc::new(LogicalPlan::Projection(projection)));
        }
        let union = self.planned(Union::try_new_with_loose_types(cast))?;
        // A column is text in one form only, whatever form each table stores.
        Ok(LogicalPlan::Union(union))
    }

    fn values(&mut self, node: Values) -> Result<LogicalPlan, Stop> {
        let empty: DFSchemaRef = Arc::new(datafusion::common::DFSchema::empty());
        let mut rows = Vec::with_capacity(node.values.len());
        for row in node.values {
            let exprs = self.all(row, &empty)?;
            let typed: Result<Vec<_>, _> = exprs.into_iter().map(|expr| Typed::of(expr, &empty)).collect();
            rows.push(self.told(typed, None)?);
        }
        let width = rows.first().map_or(0, Vec::len);
        for index in 0..width {
            let Some(common) = common_type_of(rows.iter().map(|row: &Vec<Typed>| &row[index].data_type)) else {
                let message = format!("column {} of `VALUES` holds types that do not go together", index + 1);
                return self.told(Err(SqlError::mismatch(message)), None);
            };
            for row in &mut rows {
                let expr = self.told(row[index].cast(&common), None)?;
                row[index] = Typed { expr, data_type: common.clone() };
            }
        }
        let types: Vec<_> =
            rows.first().map(|row| row.iter().map(|value| arrow_type(&value.data_type)).collect()).unwrap_or_default();
        let values: Vec<Vec<Expr>> =
            rows.into_iter().map(|row| row.into_iter().map(|value| value.expr).collect()).collect();
        let fields = types.into_iter().enumerate().map(|(index, data_type)| {
            (None, Arc::new(arrow::datatypes::Field::new(format!("column{}", index + 1), data_type, true)))
        });
        let schema = datafusion::common::DFSchema::new_with_metadata(fields.collect(), Default::default());
        let schema = Arc::new(self.planned(schema)?);
        Ok(LogicalPlan::Values(Values { schema, values }))
    }
}

/// Gives a typed expression the name that its column had before.
fn named(expr: Expr, schema: &DFSchemaRef, index: usize) -> Expr {
    let (relation, field) = schema.qualified_field(index);
    match &expr {
        Expr::Column(column) if column.name == *field.name() && column.relation.as_ref() == relation => expr,
        Expr::Alias(alias) if alias.name == *field.name() && alias.relation.as_ref() == relation => expr,
        _ => expr.alias_qualified(relation.cloned(), field.name()),
    }
}
