//! Expressions: every marked call becomes what Spark's rules make of it for the types of its arguments.

use std::any::Any;
use std::sync::Arc;

use datafusion::common::{Column, DFSchema, DFSchemaRef, ExprSchema};
use datafusion::logical_expr::expr::{InSubquery, NullTreatment, Sort};
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, Subquery, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition,
};

use super::aggregation::{Aggregation, Over};
use super::call::{Call, Typed, wrong_count};
use super::common::common_type;
use super::{Stop, Typing};
use crate::error::{Position, SqlError};
use crate::functions::{self, Function, Kind};
use crate::marker::Marker;

impl Typing {
    /// Types an expression against the columns of its input. What is wrong is told; what stays is then of no use.
    pub(super) fn expression(&mut self, expr: Expr, schema: &DFSchemaRef) -> Result<Expr, Stop> {
        match expr {
            Expr::Column(_) | Expr::Literal(..) => Ok(expr),
            Expr::OuterReferenceColumn(_, column) => self.outer(column),
            Expr::Alias(alias) => {
                let inner = self.expression(*alias.expr, schema)?;
                Ok(inner.alias_qualified(alias.relation, alias.name))
            }
            Expr::ScalarFunction(call) => {
                let Some((name, at)) = Marker::of(call.func.inner().as_ref() as &dyn Any) else {
                    return self.internal(format!("the function `{}` was planned unasked", call.func.name()));
                };
                let (name, at) = (name.to_owned(), at);
                if name == functions::lambda::VARIABLE {
                    return self.lambda_variable(&call.args);
                }
                if let Some(Kind::Lambda(lambda)) = functions::find(&name).map(|function| function.kind) {
                    return self.lambda_call((&name, at), lambda, call.args, schema);
                }
                let arguments = self.all(call.args, schema)?;
                self.scalar(&name, at, arguments, schema)
            }
            Expr::AggregateFunction(call) => {
                let Some((name, at)) = Marker::of(call.func.inner().as_ref() as &dyn Any) else {
                    return self.internal(format!("the function `{}` was planned unasked", call.func.name()));
                };
                let (name, at, params) = (name.to_owned(), at, call.params);
                let arguments = self.all(params.args, schema)?;
                let filter = params.filter.map(|filter| self.expression(*filter, schema)).transpose()?;
                let with = With { distinct: params.distinct, filter, nulls: params.null_treatment, over: None };
                self.aggregation((&name, at), arguments, with, schema)
            }
            Expr::WindowFunction(call) => {
                let marker = match &call.fun {
                    WindowFunctionDefinition::AggregateUDF(function) => {
                        Marker::of(function.inner().as_ref() as &dyn Any)
                    }
                    WindowFunctionDefinition::WindowUDF(function) => Marker::of(function.inner().as_ref() as &dyn Any),
                };
                let Some((name, at)) = marker else {
                    return self.internal(format!("the function `{}` was planned unasked", call.fun.name()));
                };
                let (name, at, params) = (name.to_owned(), at, call.params);
                let arguments = self.all(params.args, schema)?;
                let filter = params.filter.map(|filter| self.expression(*filter, schema)).transpose()?;
                let over = Over {
                    partition_by: self.all(params.partition_by, schema)?,
                    order_by: self.sorts(params.order_by, schema)?,
                    frame: params.window_frame,
                };
                self.check_range(&over, schema, at)?;
                let with = With { distinct: params.distinct, filter, nulls: params.null_treatment, over: Some(over) };
                self.aggregation((&name, at), arguments, with, schema)
            }
            Expr::ScalarSubquery(subquery) => Ok(Expr::ScalarSubquery(self.subquery(subquery, schema)?)),
            Expr::Exists(mut exists) => {
                exists.subquery = self.subquery(exists.subquery, schema)?;
                Ok(Expr::Exists(exists))
            }
            Expr::InSubquery(inside) => self.in_subquery(inside, schema),
            other => self.internal(format!("the expression `{other}` was planned unasked")),
        }
    }

    /// Types several expressions, and tells what is wrong with each of them.
    pub(super) fn all(&mut self, exprs: Vec<Expr>, schema: &DFSchemaRef) -> Result<Vec<Expr>, Stop> {
        let typed: Vec<Result<Expr, Stop>> = exprs.into_iter().map(|expr| self.expression(expr, schema)).collect();
        typed.into_iter().collect()
    }

    pub(super) fn sorts(&mut self, sorts: Vec<Sort>, schema: &DFSchemaRef) -> Result<Vec<Sort>, Stop> {
        let (order, exprs): (Vec<_>, Vec<_>) =
            sorts.into_iter().map(|sort| ((sort.asc, sort.nulls_first), sort.expr)).unzip();
        let exprs = self.all(exprs, schema)?;
        let sorts = exprs.into_iter().zip(order);
        Ok(sorts.map(|(expr, (asc, nulls_first))| Sort { expr, asc, nulls_first }).collect())
    }

    fn outer(&mut self, column: Column) -> Result<Expr, Stop> {
        let found = self.outer.iter().rev().find_map(|schema| schema.field_from_column(&column).ok().cloned());
        match found {
            Some(field) => Ok(Expr::OuterReferenceColumn(field, column)),
            None => self.internal(format!("the column `{column}` of an outer query was lost")),
        }
    }

    /// `RANGE BETWEEN 1 PRECEDING ...` counts in the values of the one column of ORDER BY.
    fn check_range(&mut self, over: &Over, schema: &DFSchemaRef, at: Option<Position>) -> Result<(), Stop> {
        let is_counted = |bound: &WindowFrameBound| match bound {
            WindowFrameBound::Preceding(offset) | WindowFrameBound::Following(offset) => !offset.is_null(),
            WindowFrameBound::CurrentRow => false,
        };
        let frame = &over.frame;
        let counted = is_counted(&frame.start_bound) || is_counted(&frame.end_bound);
        if frame.units != WindowFrameUnits::Range || !counted {
            return Ok(());
        }
        let [sort] = over.order_by.as_slice() else {
            let message = "a frame of `RANGE` with a number needs exactly one column in `ORDER BY`";
            return self.told(Err(SqlError::mismatch(message)), at);
        };
        let key = self.told(Typed::of(sort.expr.clone(), schema), at)?;
        if key.data_type.is_integral() {
            return Ok(());
        }
        let refused = SqlError::unsupported(format!("a frame of `RANGE` with a number over `{}`", key.data_type));
        self.told(Err(refused), at)
    }

    fn scalar(
        &mut self,
        name: &str,
        at: Option<Position>,
        arguments: Vec<Expr>,
        schema: &DFSchemaRef,
    ) -> Result<Expr, Stop> {
        let function = self.function(name, at, arguments.len())?;
        let Kind::Scalar(plan) = function.kind else { return self.internal(format!("`{name}` is no scalar function")) };
        let call = self.call(function.name, at, arguments, schema)?;
        self.told(plan(&call), at)
    }

    fn aggregation(
        &mut self,
        (name, at): (&str, Option<Position>),
        arguments: Vec<Expr>,
        with: With,
        schema: &DFSchemaRef,
    ) -> Result<Expr, Stop> {
        let function = self.function(name, at, arguments.len())?;
        let (Kind::Aggregate(plan) | Kind::Window(plan)) = function.kind else {
            return self.internal(format!("`{name}` is no aggregate function"));
        };
        let call = self.call(function.name, at, arguments, schema)?;
        let ignore_nulls = with.nulls.map(|nulls| nulls == NullTreatment::IgnoreNulls);
        let aggregation =
            Aggregation { call, distinct: with.distinct, filter: with.filter, ignore_nulls, over: with.over };
        let answer = match &aggregation.over {
            Some(_) if aggregation.distinct => Err(SqlError::unsupported("`DISTINCT` in a window function")),
            _ => plan(&aggregation),
        };
        self.told(answer, at)
    }

    fn function(&mut self, name: &str, at: Option<Position>, arguments: usize) -> Result<&'static Function, Stop> {
        let Some(function) = functions::find(name) else {
            return self.internal(format!("the function `{name}` was lost"));
        };
        match wrong_count(function, arguments) {
            Some(error) => self.told(Err(error), at),
            None => Ok(function),
        }
    }

    fn call<'s>(
        &mut self,
        name: &'static str,
        at: Option<Position>,
        arguments: Vec<Expr>,
        schema: &'s DFSchemaRef,
    ) -> Result<Call<'s>, Stop> {
        let typed = arguments.into_iter().map(|argument| functions::typed(name, argument, schema)).collect();
        let arguments = self.told(typed, at)?;
        Ok(Call { name, arguments, schema, now: self.now })
    }

    fn subquery(&mut self, subquery: Subquery, schema: &DFSchemaRef) -> Result<Subquery, Stop> {
        self.outer.push(Arc::clone(schema));
        let plan = self.plan(Arc::unwrap_or_clone(subquery.subquery));
        self.outer.pop();
        let plan = plan?;
        let outer_ref_columns = plan.all_out_ref_exprs();
        Ok(Subquery { subquery: Arc::new(plan), outer_ref_columns, spans: subquery.spans })
    }

    /// Both sides of IN take the type that they have in common.
    fn in_subquery(&mut self, inside: InSubquery, schema: &DFSchemaRef) -> Result<Expr, Stop> {
        let at = place_of(&inside.expr);
        let left = self.expression(*inside.expr, schema);
        let mut subquery = self.subquery(inside.subquery, schema)?;
        let left = self.told(Typed::of(left?, schema), None)?;
        let inner = Arc::clone(subquery.subquery.schema());
        let column = Expr::Column(Column::from(inner.qualified_field(0)));
        let right = self.told(Typed::of(column, &inner), None)?;
        let Some(common) = common_type(&left.data_type, &right.data_type) else {
            let message = format!("`IN` compares `{}` with `{}`", left.data_type, right.data_type);
            return self.told(Err(SqlError::mismatch(message).help("cast one side to the type of the other")), at);
        };
        let expr = self.told(left.cast(&common), None)?;
        if right.data_type != common {
            let cast = self.told(right.cast(&common), None)?;
            let name = inner.field(0).name().clone();
            let plan = Arc::unwrap_or_clone(subquery.subquery);
            let plan = self.planned(LogicalPlanBuilder::from(plan).project([cast.alias(name)]))?;
            subquery.subquery = Arc::new(self.planned(plan.build())?);
        }
        Ok(Expr::InSubquery(InSubquery { expr: Box::new(expr), subquery, negated: inside.negated }))
    }

    /// Tells an error and stops, or goes on.
    pub(super) fn told<T>(&mut self, result: Result<T, SqlError>, at: Option<Position>) -> Result<T, Stop> {
        result.map_err(|error| {
            self.errors.push(error.at(at));
            Stop
        })
    }

    pub(super) fn internal<T>(&mut self, message: String) -> Result<T, Stop> {
        self.told(Err(SqlError::internal(message)), None)
    }

    /// A step of DataFusion's that cannot fail on a plan that is right.
    pub(super) fn planned<T>(&mut self, result: datafusion::common::Result<T>) -> Result<T, Stop> {
        result.or_else(|error| self.internal(format!("the typed query does not fit together: {error}")))
    }
}

/// What stands beside the arguments of an aggregate or window function.
struct With {
    distinct: bool,
    filter: Option<Expr>,
    nulls: Option<NullTreatment>,
    over: Option<Over>,
}

/// Where an expression that is not typed yet stands in the text.
pub(super) fn place_of(expr: &Expr) -> Option<Position> {
    match expr {
        Expr::Alias(alias) => place_of(&alias.expr),
        Expr::ScalarFunction(call) => Marker::of(call.func.inner().as_ref() as &dyn Any)?.1,
        Expr::AggregateFunction(call) => Marker::of(call.func.inner().as_ref() as &dyn Any)?.1,
        Expr::Column(column) => {
            let span = column.spans.first()?;
            let length = span.end.column.saturating_sub(span.start.column).max(1);
            let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
            Some(Position { line: span.start.line, column: narrow(span.start.column), length: narrow(length) })
        }
        _ => None,
    }
}

/// Where a column of a plan that is not typed yet was written.
pub(super) fn place_of_column(plan: &LogicalPlan, index: usize) -> Option<Position> {
    match plan {
        LogicalPlan::Projection(node) => place_of(node.expr.get(index)?),
        LogicalPlan::Union(_) | LogicalPlan::Join(_) | LogicalPlan::TableScan(_) => None,
        other => place_of_column(other.inputs().first()?, index),
    }
}

/// Whether a plan's columns are all there, for the plans that pass through unchanged.
pub(super) fn is_table(plan: &LogicalPlan) -> bool {
    use datafusion::common::TableReference;
    matches!(plan, LogicalPlan::SubqueryAlias(alias) if matches!(alias.alias, TableReference::Partial { .. }))
}

/// The type of an expression that is known to have one.
pub(super) fn column_of(schema: &DFSchema, index: usize) -> Expr {
    Expr::Column(Column::from(schema.qualified_field(index)))
}
