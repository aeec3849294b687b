//! The numbers of random rows in small batches, beside those that DataFusion's own window gives.

use std::sync::Arc;

use arrow::array::{Int32Array, RecordBatch, StringViewArray};
use arrow::datatypes::{Field, Schema};
use arrow::util::pretty::pretty_format_batches;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::datasource::MemTable;
use datafusion::physical_plan::{collect, displayable};
use datafusion::prelude::{SessionConfig, SessionContext};
use proptest::prelude::*;

use super::*;

type Row = (Option<u8>, Option<u8>);

fn batch(rows: &[Row]) -> RecordBatch {
    let keys: StringViewArray = rows.iter().map(|(key, _)| key.map(|key| format!("the key {key:>10}"))).collect();
    let values: Int32Array = rows.iter().map(|(_, value)| value.map(i32::from)).collect();
    let schema =
        Schema::new(vec![Field::new("key", DataType::Utf8View, true), Field::new("value", DataType::Int32, true)]);
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(keys), Arc::new(values)]).unwrap()
}

async fn both(rows: &[Row], size: usize, window: &str) -> (String, String, bool) {
    let config = SessionConfig::new().with_target_partitions(1).with_batch_size(size);
    let context = SessionContext::new_with_config(config);
    let batch = batch(rows);
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
    context.register_table("rows", Arc::new(table)).unwrap();
    let over = format!("OVER ({window})");
    let sql = format!("SELECT *, row_number() {over}, rank() {over}, dense_rank() {over} FROM rows");
    let plan = context.sql(&sql).await.unwrap().create_physical_plan().await.unwrap();
    let replaced = Arc::clone(&plan).transform_up(|plan| Ok(Transformed::yes(numbered(plan)))).unwrap().data;
    let is_replaced = displayable(replaced.as_ref()).indent(false).to_string().contains("RanksExec");
    let expected = collect(plan, context.task_ctx()).await.unwrap();
    let found = collect(replaced, context.task_ctx()).await.unwrap();
    let shown = |batches: &[RecordBatch]| pretty_format_batches(batches).unwrap().to_string();
    (shown(&expected), shown(&found), is_replaced)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn numbers_are_those_of_the_window(
        rows in proptest::collection::vec((proptest::option::of(0..6_u8), proptest::option::of(0..4_u8)), 0..60),
        size in 1..9_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for window in ["PARTITION BY key ORDER BY value DESC", "ORDER BY value", "PARTITION BY key, value"] {
            let (expected, found, is_replaced) = runtime.block_on(both(&rows, size, window));
            prop_assert_eq!(found, expected);
            prop_assert!(is_replaced);
        }
    }
}

#[tokio::test]
async fn a_window_that_does_more_stays() {
    let context = SessionContext::new();
    context.register_batch("rows", batch(&[(Some(1), Some(1))])).unwrap();
    let over = "OVER (PARTITION BY key ORDER BY value)";
    let sql = format!("SELECT row_number() {over}, sum(value) {over} FROM rows");
    let plan = context.sql(&sql).await.unwrap().create_physical_plan().await.unwrap();
    let replaced = Arc::clone(&plan).transform_up(|plan| Ok(Transformed::yes(numbered(plan)))).unwrap().data;
    assert!(!displayable(replaced.as_ref()).indent(false).to_string().contains("RanksExec"));
}
