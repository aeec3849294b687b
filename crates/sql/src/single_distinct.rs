//! DataFusion's rule that counts the distinct values of one column by grouping twice, kept from changing types.
//!
//! The rule sums the sums of the inner groups. In Spark the sum of a `decimal(16,2)` is a `decimal(26,2)` and the sum of
//! that a `decimal(36,2)`, so the rows would not be those that were planned. Where a type would change, nothing does.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::optimizer::{ApplyOrder, Optimizer};
use datafusion::optimizer::single_distinct_to_groupby::SingleDistinctToGroupBy;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

/// DataFusion's rules, that one in its careful form.
pub(crate) fn rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let careful: Arc<dyn OptimizerRule + Send + Sync> = Arc::new(Careful(SingleDistinctToGroupBy::new()));
    let rules = Optimizer::new().rules.into_iter();
    rules.map(|rule| if rule.name() == careful.name() { Arc::clone(&careful) } else { rule }).collect()
}

#[derive(Debug)]
struct Careful(SingleDistinctToGroupBy);

impl OptimizerRule for Careful {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        if !matches!(plan, LogicalPlan::Aggregate(_)) {
            return Ok(Transformed::no(plan));
        }
        let before = plan.clone();
        let after = self.0.rewrite(plan, config)?;
        let types = |plan: &LogicalPlan| plan.schema().fields().iter().map(|field| field.data_type().clone()).collect();
        let (planned, rewritten): (Vec<_>, Vec<_>) = (types(&before), types(&after.data));
        Ok(if planned == rewritten { after } else { Transformed::no(before) })
    }
}
