//! What an increment asks of a table before its rows: `where at > (select max(at) from {{ this }})`.
//!
//! DataFusion answers such a subquery when the query runs, which is too late for the log: all files of the input are
//! opened. Here it is answered first and written into the filter as a literal, which statistics and partition values
//! then see.
//!
//! Risk: another answer than the query would have had. The subquery is executed over the very versions that the query
//! reads, as the same plan; and left in its place if it has more than one row, so that the query itself refuses it.

use std::collections::HashMap;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::{Expr, LogicalPlan, Subquery};
use headwater_plan::StepContext;

use crate::error::EmbeddedError;
use crate::rows::next;
use crate::session::{Manner, Session};

/// Answers the subqueries in the filters of a query that give one value and look at no row of it.
pub(super) async fn answered(
    session: &Session,
    plan: LogicalPlan,
    manner: Manner,
    context: &StepContext,
) -> Result<LogicalPlan, EmbeddedError> {
    let failed = |source| session.failed(source);
    let mut answers = HashMap::new();
    for subquery in asked(&plan).map_err(failed)? {
        if answers.contains_key(&subquery) {
            continue;
        }
        if let Some(value) = answer(session, &subquery, manner, context).await? {
            answers.insert(subquery, value);
        }
    }
    if answers.is_empty() {
        return Ok(plan);
    }
    let answered = |expression: Expr| {
        let value = match &expression {
            Expr::ScalarSubquery(subquery) => answers.get(subquery),
            _ => None,
        };
        Ok(match value {
            Some(value) => Transformed::yes(Expr::Literal(value.clone(), None)),
            None => Transformed::no(expression),
        })
    };
    let written = plan.transform_down(|node| match node {
        LogicalPlan::Filter(_) => node.map_expressions(|predicate| predicate.transform_down(answered)),
        node => Ok(Transformed::no(node)),
    });
    Ok(written.map_err(failed)?.data)
}

/// The subqueries in filters that can be answered by themselves.
fn asked(plan: &LogicalPlan) -> Result<Vec<Subquery>, DataFusionError> {
    let mut asked = Vec::new();
    plan.apply(|node| {
        if let LogicalPlan::Filter(filter) = node {
            filter.predicate.apply(|expression| {
                if let Expr::ScalarSubquery(subquery) = expression
                    && subquery.outer_ref_columns.is_empty()
                    && !subquery.subquery.contains_outer_reference()
                {
                    asked.push(subquery.clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(asked)
}

/// A subquery's value, null if it has no row; `None` if it has several.
async fn answer(
    session: &Session,
    subquery: &Subquery,
    manner: Manner,
    context: &StepContext,
) -> Result<Option<ScalarValue>, EmbeddedError> {
    let failed = |source| session.failed(source);
    let execution = session.lower_so(&subquery.subquery, manner).await?;
    let data_type = subquery.subquery.schema().field(0).data_type().clone();
    let mut stream = execution.stream().map_err(failed)?;
    let mut value = None;
    while let Some(batch) = next(&mut stream, &context.cancel, session.memory_limit).await? {
        if batch.num_rows() == 0 {
            continue;
        }
        if batch.num_rows() > 1 || value.is_some() {
            return Ok(None);
        }
        value = Some(ScalarValue::try_from_array(batch.column(0), 0).map_err(failed)?);
    }
    match value {
        Some(value) => Ok(Some(value)),
        None => ScalarValue::try_from(&data_type).map(Some).map_err(failed),
    }
}
