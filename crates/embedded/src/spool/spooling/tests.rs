use std::path::Path;

use arrow::array::StringViewArray;
use arrow::datatypes::Int64Type;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, UnboundedMemoryPool};
use headwater_plan::Cancel;

use super::*;
use crate::spool::RowSet;

fn spooling(folder: &Path, budget: u64) -> Spooling {
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("text", DataType::Utf8View, true),
    ]));
    let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
    Spooling::new(&schema, budget, MemoryConsumer::new("increment").register(&pool), folder.to_path_buf())
}

fn batch(ids: std::ops::Range<i64>, text: &str) -> RecordBatch {
    let texts: StringViewArray = ids.clone().map(|id| Some(format!("{text} {id}"))).collect();
    let columns: Vec<(&str, ArrayRef)> =
        vec![("id", Arc::new(Int64Array::from_iter_values(ids))), ("text", Arc::new(texts))];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// The rows by their numbers, and the batches in which they lie.
fn told(spool: &Spool) -> (Vec<i64>, usize) {
    let (mut ids, mut batches) = (Vec::new(), 0);
    let mut add = |batch: RecordBatch| {
        ids.extend(batch.column(0).as_primitive::<Int64Type>().values());
        batches += 1;
        Ok(())
    };
    spool.each_batch(&RowSet::default(), &Cancel::default(), &mut add).unwrap();
    (ids, batches)
}

#[test]
fn small_batches_are_put_together_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    for budget in [1 << 30, 1 << 10] {
        let mut spooling = spooling(folder.path(), budget);
        for start in (0..20_000).step_by(10) {
            spooling.add(batch(start..start + 10, "small")).unwrap();
        }
        spooling.add(batch(20_000..28_000, "a batch that is large enough")).unwrap();
        spooling.add(batch(28_000..28_001, "the last")).unwrap();
        let spool = spooling.finish().unwrap();
        let (ids, batches) = told(&spool);
        assert_eq!((spool.rows(), ids), (28_001, (0..28_001).collect()));
        assert!(batches <= 5, "{batches} batches");
        let without: RowSet = (0..28_000).fold(RowSet::default(), |mut rows, row| {
            rows.insert(row);
            rows
        });
        let mut left = 0;
        let count = |batch: RecordBatch| {
            left += batch.num_rows();
            Ok(())
        };
        spool.each_batch(&without, &Cancel::default(), count).unwrap();
        assert_eq!(left, 1);
    }
}

#[test]
fn long_texts_do_not_wait_for_thousands_of_rows() {
    let folder = tempfile::tempdir().unwrap();
    let mut spooling = spooling(folder.path(), 1 << 30);
    let text = "x".repeat(100_000);
    for start in (0..400).step_by(10) {
        spooling.add(batch(start..start + 10, &text)).unwrap();
    }
    let (ids, batches) = told(&spooling.finish().unwrap());
    assert_eq!(ids, (0..400).collect::<Vec<_>>());
    assert!(batches > 4, "{batches} batches");
}
