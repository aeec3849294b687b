//! The rules of a contract, evaluated over batches of its columns.
//!
//! Risk: a rule that cannot be evaluated for a row (`cast('x' as int)` fails in Spark too) must neither let the row pass
//! nor refuse the others beside it. So a batch on which a rule fails is halved until the rows are found on which it does:
//! for those it does not hold.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use datafusion::common::{DFSchema, DataFusionError};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use headwater_connect::files::{BrokenRule, RowCheck};
use headwater_plan::{Constraint, Contract};
use headwater_sql::SparkSql;

use crate::error::EmbeddedError;

/// The rules of a contract, ready to be evaluated; `None` if it has none.
///
/// # Errors
/// A rule that does not fit the columns: the project's check refuses those, so that it is another version's plan.
pub(crate) fn check(contract: &Contract, now: DateTime<Utc>) -> Result<Option<Arc<dyn RowCheck>>, EmbeddedError> {
    if contract.constraints.is_empty() {
        return Ok(None);
    }
    let sql = SparkSql::for_checking().at(now);
    let rules = contract.constraints.iter().map(|rule| Rule::new(rule, contract, &sql));
    Ok(Some(Arc::new(Rules { rules: rules.collect::<Result<_, _>>()? })))
}

/// All rules of a contract.
#[derive(Debug)]
struct Rules {
    rules: Vec<Rule>,
}

impl RowCheck for Rules {
    fn check(&self, batch: &RecordBatch) -> Result<Vec<BrokenRule>, ArrowError> {
        let mut broken = Vec::new();
        for (constraint, rule) in self.rules.iter().enumerate() {
            let input = rule.input(batch)?;
            rule.broken(&input, 0, &mut |row| broken.push(BrokenRule { row, constraint }));
        }
        Ok(broken)
    }
}

/// A rule: the columns that it takes, and projections one upon another, the last to one boolean column.
#[derive(Debug)]
struct Rule {
    columns: Vec<usize>,
    schema: SchemaRef,
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    expressions: Vec<Arc<dyn PhysicalExpr>>,
    schema: SchemaRef,
}

impl Rule {
    fn new(rule: &Constraint, contract: &Contract, sql: &SparkSql) -> Result<Self, EmbeddedError> {
        let planned = sql.condition(&rule.sql, &contract.schema());
        let query = planned.map_err(|errors| EmbeddedError::Rule { rule: Box::new(rule.clone()), errors })?;
        let state = sql.state();
        let compiled = state.optimize(&query.plan).and_then(|plan| Self::of_plan(&plan, state.execution_props()));
        compiled.map_err(|source| EmbeddedError::RuleNotCompiled { rule: Box::new(rule.clone()), source })
    }

    fn of_plan(plan: &LogicalPlan, properties: &ExecutionProps) -> Result<Self, DataFusionError> {
        match plan {
            LogicalPlan::TableScan(scan) => {
                let all = || (0..scan.source.schema().fields().len()).collect();
                let columns = scan.projection.clone().unwrap_or_else(all);
                let schema = Arc::new(scan.projected_schema.as_arrow().clone());
                Ok(Self { columns, schema, layers: Vec::new() })
            }
            LogicalPlan::SubqueryAlias(alias) => Self::of_plan(&alias.input, properties),
            LogicalPlan::Projection(projection) => {
                let mut rule = Self::of_plan(&projection.input, properties)?;
                let input: &DFSchema = projection.input.schema();
                let planning = PhysicalPlanningContext::default();
                let compiled =
                    projection.expr.iter().map(|expr| create_physical_expr(expr, input, properties, &planning));
                let expressions = compiled.collect::<Result<_, _>>()?;
                let schema = Arc::new(projection.schema.as_arrow().clone());
                rule.layers.push(Layer { expressions, schema });
                Ok(rule)
            }
            other => Err(DataFusionError::Internal(format!("a rule became `{}`", other.display()))),
        }
    }

    /// The columns that the rule takes, in the forms in which it was planned.
    fn input(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let taken = self.columns.iter().zip(self.schema.fields()).map(|(column, field)| {
            let column = batch.columns().get(*column).ok_or_else(|| {
                ArrowError::SchemaError(format!("the batch has no column {column}, which a rule is about"))
            })?;
            if column.data_type() == field.data_type() {
                Ok(Arc::clone(column))
            } else {
                cast(column, field.data_type())
            }
        });
        rows(Arc::clone(&self.schema), taken.collect::<Result<_, _>>()?, batch.num_rows())
    }

    /// Tells the rows for which the rule is false or cannot be evaluated; null is neither.
    fn broken(&self, input: &RecordBatch, first: usize, found: &mut impl FnMut(usize)) {
        match self.holds(input) {
            Ok(holds) => {
                if let Some(holds) = holds.as_boolean_opt() {
                    let is_false = |row: &usize| holds.is_valid(*row) && !holds.value(*row);
                    (0..holds.len()).filter(is_false).for_each(|row| found(first + row));
                }
            }
            Err(_) if input.num_rows() <= 1 => (0..input.num_rows()).for_each(|row| found(first + row)),
            Err(_) => {
                let half = input.num_rows() / 2;
                self.broken(&input.slice(0, half), first, found);
                self.broken(&input.slice(half, input.num_rows() - half), first + half, found);
            }
        }
    }

    fn holds(&self, input: &RecordBatch) -> Result<ArrayRef, DataFusionError> {
        let mut batch = input.clone();
        for layer in &self.layers {
            let values = layer.expressions.iter();
            let columns = values.map(|value| value.evaluate(&batch)?.into_array(batch.num_rows()));
            batch = rows(Arc::clone(&layer.schema), columns.collect::<Result<_, _>>()?, batch.num_rows())?;
        }
        batch.columns().first().cloned().ok_or_else(|| DataFusionError::Internal("a rule gave no column".into()))
    }
}

/// A batch that has as many rows as it is said to, even without a column.
fn rows(schema: SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows)).with_match_field_names(false);
    // What a projection is said to never give as null is not looked at: only the values matter.
    let nullable = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    let schema = Arc::new(arrow::datatypes::Schema::new(nullable.collect::<Vec<_>>()));
    RecordBatch::try_new_with_options(schema, columns, &options)
}

#[cfg(test)]
mod tests;
