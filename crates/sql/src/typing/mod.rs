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
//! | `generate` | the SELECT lists with a function that makes rows |
//! | `lambda` | functions that take a function |
//! | `common` | which types go together |
//! | `fallible` | what fails on some values, and is guarded from them |

mod aggregate;
pub(crate) mod aggregation;
pub(crate) mod call;
pub(crate) mod common;
mod expression;
pub(crate) mod fallible;
mod generate;
mod lambda;

use std::sync::Arc;

use datafusion::common::{DFSchemaRef, NullEquality};
use datafusion::logical_expr::logical_plan::Values;
use datafusion::logical_expr::{
    Distinct, Expr, Filter, Join, JoinConstraint, Limit, LogicalPlan, Projection, Sort, SubqueryAlias, Union,
};

use self::call::Typed;
use self::common::common_type_of;
use self::expression::{column_of, is_table, place_of_column};
use self::generate::is_generated;
use crate::error::{Position, SqlError};
use crate::types::arrow_type;

/// Types a planned query, in which it is `now` (microseconds since 1970).
pub(crate) fn plan(plan: LogicalPlan, now: i64) -> Result<LogicalPlan, Vec<SqlError>> {
    let mut typing = Typing { errors: Vec::new(), outer: Vec::new(), now };
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
    now: i64,
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
        if node.expr.iter().any(is_generated) {
            return self.generated(node);
        }
        let input = self.input(node.input)?;
        let exprs = self.all(node.expr, input.schema())?;
        let named = exprs.into_iter().enumerate().map(|(index, expr)| named(expr, &node.schema, index)).collect();
        let projection = self.planned(Projection::try_new(named, input))?;
        Ok(LogicalPlan::Projection(projection))
    }

    fn join(&mut self, node: Join) -> Result<LogicalPlan, Stop> {
        let places = places(&node.right, &node.left);
        let left = self.input(node.left);
        let (mut left, mut right) = (left?, self.input(node.right)?);
        // Only INTERSECT and EXCEPT are planned with keys, which are all their columns; conditions come as a filter.
        let keys = node.on.len();
        if keys > 0 {
            let operation = "INTERSECT` or `EXCEPT";
            let inputs = self.widened(vec![left, right], keys, operation, &places)?;
            let Ok([new_left, new_right]) = <[Arc<LogicalPlan>; 2]>::try_from(inputs) else {
                return self.internal("a set operation lost a side".into());
            };
            (left, right) = (new_left, new_right);
        }
        let on = (0..keys).map(|index| (column_of(left.schema(), index), column_of(right.schema(), index))).collect();
        let joined = Arc::new(self.planned(left.schema().join(right.schema()))?);
        let filter = node.filter.map(|filter| self.expression(filter, &joined)).transpose()?;
        let nulls = if keys == 0 { NullEquality::NullEqualsNothing } else { node.null_equality };
        let kind = node.join_type;
        let join = Join::try_new(left, right, on, filter, kind, JoinConstraint::On, nulls, node.null_aware);
        Ok(LogicalPlan::Join(self.planned(join)?))
    }

    fn union(&mut self, node: Union) -> Result<LogicalPlan, Stop> {
        let places = match node.inputs.as_slice() {
            [first, .., last] => places(last, first),
            _ => Vec::new(),
        };
        let inputs: Vec<Result<Arc<LogicalPlan>, Stop>> =
            node.inputs.into_iter().map(|input| self.input(input)).collect();
        let inputs = inputs.into_iter().collect::<Result<Vec<_>, _>>()?;
        let inputs = self.widened(inputs, node.schema.fields().len(), "UNION", &places)?;
        let union = self.planned(Union::try_new_with_loose_types(inputs))?;
        Ok(LogicalPlan::Union(union))
    }

    /// The sides of a set operation, their columns cast to the types that they have in common.
    fn widened(
        &mut self,
        inputs: Vec<Arc<LogicalPlan>>,
        width: usize,
        operation: &str,
        places: &[Option<Position>],
    ) -> Result<Vec<Arc<LogicalPlan>>, Stop> {
        let mut columns: Vec<Vec<Expr>> = vec![Vec::with_capacity(width); inputs.len()];
        let mut widens = false;
        for index in 0..width {
            let mut sides = Vec::with_capacity(inputs.len());
            for input in &inputs {
                sides.push(self.told(Typed::of(column_of(input.schema(), index), input.schema()), None)?);
            }
            let Some(common) = common_type_of(sides.iter().map(|side| &side.data_type)) else {
                let types: Vec<String> = sides.iter().map(|side| format!("`{}`", side.data_type)).collect();
                let name = inputs.first().map_or("", |input| input.schema().field(index).name());
                let message = format!("`{operation}` of {} in column {} (`{name}`)", types.join(" and "), index + 1);
                let error = SqlError::mismatch(message).help("cast both sides to one type");
                return self.told(Err(error), places.get(index).copied().flatten());
            };
            for (side, columns) in sides.into_iter().zip(&mut columns) {
                widens |= side.data_type != common || !matches!(side.expr, Expr::Column(_));
                columns.push(self.told(side.cast(&common), None)?);
            }
        }
        if !widens {
            return Ok(inputs);
        }
        let mut widened = Vec::with_capacity(inputs.len());
        for (input, columns) in inputs.into_iter().zip(columns) {
            let schema = Arc::clone(input.schema());
            let exprs = columns.into_iter().enumerate().map(|(index, expr)| named(expr, &schema, index)).collect();
            let projection = self.planned(Projection::try_new(exprs, input))?;
            widened.push(Arc::new(LogicalPlan::Projection(projection)));
        }
        Ok(widened)
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

/// Where the columns of a set operation were written, on its last side or else its first.
fn places(last: &LogicalPlan, first: &LogicalPlan) -> Vec<Option<Position>> {
    let width = last.schema().fields().len();
    (0..width).map(|index| place_of_column(last, index).or_else(|| place_of_column(first, index))).collect()
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
