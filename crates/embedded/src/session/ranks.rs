//! `row_number`, `rank` and `dense_rank` over sorted rows, a batch at a time.
//!
//! DataFusion keeps a window's state for each partition of the window, found by a hash of its keys. Where a partition is a
//! row or two, as with the latest version of an order, that is most of the query's time. Sorted rows need no state but
//! the last row.
//!
//! The risk is a partition that goes on in the next batch, whose numbers must go on too.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::compute::{concat, partition};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::window::{StandardWindowExpr, WindowExpr};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowUDFExpr};
use datafusion::physical_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, InputOrderMode, PlanProperties};
use futures::TryStreamExt;

/// Puts another execution in the place of a window that does nothing but number sorted rows.
pub(super) fn numbered(plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    match Ranks::of(&plan) {
        Some(ranks) => Arc::new(RanksExec { window: plan, ranks }),
        None => plan,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    /// Of the row.
    Row,
    /// Of the first row that is its equal.
    Rank,
    /// Of the distinct rows.
    DenseRank,
}

/// What is numbered, and by what.
#[derive(Debug, Clone)]
struct Ranks {
    numbers: Vec<Number>,
    partition_by: Vec<Arc<dyn PhysicalExpr>>,
    /// What equals are equal in, the partition among it.
    order_by: Vec<Arc<dyn PhysicalExpr>>,
}

impl Ranks {
    /// `None` if the plan is something else, or does something else as well.
    fn of(plan: &Arc<dyn ExecutionPlan>) -> Option<Self> {
        let window = plan.downcast_ref::<BoundedWindowAggExec>()?;
        let exprs = window.window_expr();
        let first = exprs.first()?;
        let alike = |other: &Arc<dyn WindowExpr>| {
            other.partition_by() == first.partition_by() && other.order_by() == first.order_by()
        };
        if window.input_order_mode != InputOrderMode::Sorted || !exprs.iter().all(alike) {
            return None;
        }
        let numbers = exprs.iter().map(number).collect::<Option<Vec<_>>>()?;
        let partition_by = first.partition_by().to_vec();
        let order = first.order_by().iter().map(|key| Arc::clone(&key.expr));
        let order_by = partition_by.iter().cloned().chain(order).collect();
        Some(Self { numbers, partition_by, order_by })
    }
}

fn number(expr: &Arc<dyn WindowExpr>) -> Option<Number> {
    let expr = expr.as_any().downcast_ref::<StandardWindowExpr>()?;
    let function = expr.get_standard_func_expr().as_any().downcast_ref::<WindowUDFExpr>()?;
    if *expr.field().ok()?.data_type() != DataType::UInt64 {
        return None;
    }
    match function.fun().name() {
        "row_number" => Some(Number::Row),
        "rank" => Some(Number::Rank),
        "dense_rank" => Some(Number::DenseRank),
        _ => None,
    }
}

/// A window in all but its execution.
#[derive(Debug, Clone)]
struct RanksExec {
    window: Arc<dyn ExecutionPlan>,
    ranks: Ranks,
}

impl DisplayAs for RanksExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RanksExec: {:?}", self.ranks.numbers)
    }
}

impl ExecutionPlan for RanksExec {
    fn name(&self) -> &'static str {
        "RanksExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.window.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.window.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.window.apply_expressions(f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let window = Arc::clone(&self.window).replace_children(children, options)?;
        Ok(Arc::new(Self { window, ranks: self.ranks.clone() }))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let [input] = self.children()[..] else {
            return Err(DataFusionError::Internal("a window has another input than one".to_owned()));
        };
        let schema = self.schema();
        let mut numbering =
            Numbering { ranks: self.ranks.clone(), schema: Arc::clone(&schema), last: Vec::new(), at: At::default() };
        let rows = input.execute(partition, context)?;
        let numbered = rows.try_filter(|batch| std::future::ready(batch.num_rows() > 0));
        let numbered = numbered.and_then(move |batch| std::future::ready(numbering.next(&batch)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, numbered)))
    }
}

/// The numbers of a row.
#[derive(Debug, Default, Clone, Copy)]
struct At {
    row: u64,
    rank: u64,
    dense_rank: u64,
}

/// What is known after some batches.
struct Numbering {
    ranks: Ranks,
    schema: SchemaRef,
    /// The last row's keys, each an array of one.
    last: Vec<ArrayRef>,
    at: At,
}

impl Numbering {
    /// A batch with its numbers.
    fn next(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let evaluate = |key: &Arc<dyn PhysicalExpr>| key.evaluate(batch)?.into_array(rows);
        let keys = self.ranks.order_by.iter().map(evaluate).collect::<Result<Vec<_>>>()?;
        let new_partition = self.differing(&keys[..self.ranks.partition_by.len()], rows)?;
        // Row numbers alone need not know who is equal.
        let ranked = self.ranks.numbers.iter().any(|number| *number != Number::Row);
        let new_rank = if ranked { self.differing(&keys, rows)? } else { vec![false; rows] };
        let mut numbers: Vec<Vec<u64>> = self.ranks.numbers.iter().map(|_| Vec::with_capacity(rows)).collect();
        for (new_partition, new_rank) in new_partition.into_iter().zip(new_rank) {
            if new_partition {
                self.at = At::default();
            }
            self.at.row += 1;
            if new_partition || new_rank {
                self.at.rank = self.at.row;
                self.at.dense_rank += 1;
            }
            for (number, numbers) in self.ranks.numbers.iter().zip(&mut numbers) {
                numbers.push(match number {
                    Number::Row => self.at.row,
                    Number::Rank => self.at.rank,
                    Number::DenseRank => self.at.dense_rank,
                });
            }
        }
        self.last = keys.iter().map(|key| key.slice(rows - 1, 1)).collect();
        let numbers = numbers.into_iter().map(|numbers| Arc::new(UInt64Array::from(numbers)) as ArrayRef);
        let columns = batch.columns().iter().cloned().chain(numbers).collect();
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    /// For each row whether it differs from the one before in some of these keys, the first of all keys.
    fn differing(&self, keys: &[ArrayRef], rows: usize) -> Result<Vec<bool>> {
        let mut new = vec![false; rows];
        for start in starts(keys)? {
            new[start] = true;
        }
        let beside = |(last, key): (&ArrayRef, &ArrayRef)| concat(&[last.as_ref(), key.slice(0, 1).as_ref()]);
        let beside = self.last.iter().zip(keys).map(beside).collect::<Result<Vec<_>, _>>()?;
        if let Some(first) = new.first_mut() {
            *first = self.at.row == 0 || starts(&beside)?.len() > 1;
        }
        Ok(new)
    }
}

/// The first of each run of rows that are equal in all keys; of no keys none.
fn starts(keys: &[ArrayRef]) -> Result<Vec<usize>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    Ok(partition(keys)?.ranges().into_iter().map(|range| range.start).collect())
}
