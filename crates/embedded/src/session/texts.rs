//! Texts that leave a join, gathered: each batch holds its own, and no other.
//!
//! A column of texts is a list of places in buffers. A join that hashes puts all batches of one side together, with all of
//! their buffers, and every batch that leaves it names them all. The next join puts those together again: of five joins over
//! a million rows, the last held lists of millions of buffers, and a query of seconds took minutes.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
};
use futures::StreamExt;

/// Up to so many buffers are not worth the copy.
const FEW: usize = 8;

/// A plan whose batches hold their own texts.
#[derive(Debug)]
pub(super) struct GatheredExec {
    input: Arc<dyn ExecutionPlan>,
}

impl GatheredExec {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        Self { input }
    }
}

impl DisplayAs for GatheredExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GatheredExec")
    }
}

impl ExecutionPlan for GatheredExec {
    fn name(&self) -> &'static str {
        "GatheredExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.pop().ok_or_else(|| DataFusionError::Internal("a plan lost its input".to_owned()))?;
        Ok(Arc::new(Self { input }))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.input.execute(partition, context)?.map(|batch| gathered(batch?));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

fn gathered(batch: RecordBatch) -> Result<RecordBatch> {
    // A batch without columns has rows all the same, and stays as it is.
    if !batch.columns().iter().any(is_scattered) {
        return Ok(batch);
    }
    let columns = batch.columns().iter().map(own).collect();
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}

fn is_scattered(column: &ArrayRef) -> bool {
    match column.data_type() {
        DataType::Utf8View => column.as_string_view().data_buffers().len() > FEW,
        DataType::BinaryView => column.as_binary_view().data_buffers().len() > FEW,
        _ => false,
    }
}

fn own(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Utf8View if is_scattered(column) => Arc::new(column.as_string_view().gc()),
        DataType::BinaryView if is_scattered(column) => Arc::new(column.as_binary_view().gc()),
        _ => Arc::clone(column),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::StringViewArray;
    use arrow::compute::concat;
    use arrow::datatypes::{Field, Schema};

    use super::*;

    #[test]
    fn a_batch_holds_its_own_texts() {
        let part = |part: usize| -> ArrayRef {
            let texts = (0..100).map(|row| (row % 7 > 0).then(|| format!("the text of row {row} of part {part}")));
            Arc::new(texts.collect::<StringViewArray>())
        };
        let parts: Vec<ArrayRef> = (0..20).map(part).collect();
        let all = concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>()).unwrap();
        let schema = Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8View, true)]));
        let batch = RecordBatch::try_new(schema, vec![all.slice(150, 30)]).unwrap();
        assert_eq!(batch.column(0).as_string_view().data_buffers().len(), 20);
        let own = gathered(batch.clone()).unwrap();
        assert_eq!(own, batch);
        assert_eq!(own.column(0).as_string_view().data_buffers().len(), 1);
    }

    #[test]
    fn rows_without_columns_stay() {
        let rows = arrow::array::RecordBatchOptions::new().with_row_count(Some(3));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &rows).unwrap();
        assert_eq!(gathered(batch).unwrap().num_rows(), 3);
    }
}
