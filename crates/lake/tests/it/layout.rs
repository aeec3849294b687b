//! Columns that come later, partitions, and files that are staged before they are committed. In a folder and in a
//! bucket alike.

use std::fs;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use headwater_lake::{Committed, Lake, LakeError, StagedFile, WriteMode, WriteOptions};
use headwater_plan::{Code, DataType, Field, Schema};
use object_store::memory::InMemory;

use crate::fixture::{Fixture, batch, ids_of, name, names_in, options, text, write};

/// The same lake twice: in a folder, and in a bucket.
async fn both() -> [Fixture; 2] {
    let lake = Lake::open("s3://bucket/lake", "lake", Some(Arc::new(InMemory::new()))).await.unwrap();
    [Fixture::new().await, Fixture { folder: tempfile::tempdir().unwrap(), lake }]
}

fn merging(fields: Vec<(&str, DataType)>) -> WriteOptions {
    let fields = fields.into_iter().map(|(name, data_type)| Field::new(name, data_type)).collect();
    WriteOptions { schema: Schema::new(fields), merge_schema: true, ..options(WriteMode::Append, None) }
}

async fn put(fixture: &Fixture, options: WriteOptions, columns: Vec<ArrayRef>) -> Result<Committed, LakeError> {
    let writer = fixture.lake.begin_write(options).await?;
    let mut part = writer.part();
    part.write(&RecordBatch::try_new(writer.arrow_schema(), columns).unwrap())?;
    let part = part.finish()?;
    writer.commit(vec![part]).await
}

fn longs(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[tokio::test]
async fn columns_are_added_and_left_out() {
    for fixture in both().await {
        fixture.write(WriteMode::Append, &[1]).await;
        let wider = merging(vec![("extra", DataType::Int), ("ID", DataType::Long)]);
        put(&fixture, wider, vec![Arc::new(Int32Array::from(vec![7])), longs(&[2])]).await.unwrap();
        let table = fixture.table().await;
        let columns: Vec<&str> = table.schema().fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(columns, ["id", "name", "extra"], "in the table's spelling, new ones at the end");
        let rows = text(&table, "select id, name, extra from t order by id").await;
        let rows: Vec<&str> = rows.lines().skip(3).take(2).collect();
        assert_eq!(rows, ["| 1  | name 1 |       |", "| 2  |        | 7     |"]);
        assert_eq!(ids_of(&table, "where extra is null").await, [1]);
        // An equal write changes nothing of the columns.
        let again = merging(vec![("id", DataType::Long), ("name", DataType::String), ("extra", DataType::Int)]);
        fixture.lake.begin_write(again).await.unwrap();
        assert!(matches!(
            fixture.lake.begin_write(options(WriteMode::Append, None)).await,
            Err(LakeError::SchemaMismatch { .. })
        ));
    }
}

#[tokio::test]
async fn columns_that_cannot_be_merged_are_named() {
    let fixture = Fixture::new().await;
    fixture.write(WriteMode::Append, &[1]).await;
    let error = fixture.lake.begin_write(merging(vec![("id", DataType::String)])).await.unwrap_err();
    assert!(error.to_string().ends_with("`id` is `bigint` in the table, not `string`"), "{error}");
    assert_eq!(error.diagnostic().code, Code::SchemaMismatch);

    // Two writers add a column of one name: the later one merges with it, or is refused.
    let first = fixture.lake.begin_write(merging(vec![("id", DataType::Long), ("new", DataType::Long)])).await.unwrap();
    let same = fixture.lake.begin_write(merging(vec![("id", DataType::Long), ("new", DataType::Long)])).await.unwrap();
    let case = fixture.lake.begin_write(merging(vec![("id", DataType::Long), ("NEW", DataType::Long)])).await.unwrap();
    let other = fixture.lake.begin_write(merging(vec![("id", DataType::Long), ("new", DataType::Date)])).await.unwrap();
    first.commit(Vec::new()).await.unwrap();
    same.commit(Vec::new()).await.unwrap();
    let error = case.commit(Vec::new()).await.unwrap_err();
    assert!(error.to_string().ends_with("`NEW` is `new` in the table"), "{error}");
    let error = other.commit(Vec::new()).await.unwrap_err();
    assert!(error.to_string().ends_with("`new` is `bigint` in the table, not `date`"), "{error}");

    // A column of another engine that must not be null cannot be left out.
    let log = fixture.table_folder().join("_delta_log/00000000000000000000.json");
    let text = fs::read_to_string(&log).unwrap();
    let required = text.replace(
        r#"\"name\":\"name\",\"type\":\"string\",\"nullable\":true"#,
        r#"\"name\":\"name\",\"type\":\"string\",\"nullable\":false"#,
    );
    assert_ne!(text, required);
    let fixture = Fixture::new().await;
    fs::create_dir_all(fixture.table_folder().join("_delta_log")).unwrap();
    fs::write(fixture.table_folder().join("_delta_log/00000000000000000000.json"), required).unwrap();
    let error = fixture.lake.begin_write(merging(vec![("id", DataType::Long)])).await.unwrap_err();
    assert!(error.to_string().ends_with("`name` must not be null in the table"), "{error}");
}

fn partitioned(mode: WriteMode) -> WriteOptions {
    let fields = [
        ("day", DataType::Date),
        ("id", DataType::Long),
        ("region", DataType::String),
        ("flag", DataType::Boolean),
        ("amount", DataType::Decimal { precision: 9, scale: 2 }),
        ("at", DataType::Timestamp),
    ];
    WriteOptions {
        schema: Schema::new(fields.into_iter().map(|(name, data_type)| Field::new(name, data_type)).collect()),
        partition_by: ["Day", "region", "flag", "amount", "at"].map(str::to_string).to_vec(),
        ..options(mode, None)
    }
}

fn partitioned_rows() -> Vec<ArrayRef> {
    vec![
        Arc::new(Date32Array::from(vec![Some(19_849), Some(-1), None, Some(19_849)])),
        longs(&[1, 2, 3, 4]),
        texts(&[Some("a/b=c%20d: \u{1F30A}"), Some("größe"), None, Some("a/b=c%20d: \u{1F30A}")]),
        Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true)])),
        Arc::new(
            Decimal128Array::from(vec![Some(-5), Some(100), None, Some(-5)]).with_precision_and_scale(9, 2).unwrap(),
        ),
        Arc::new(
            TimestampMicrosecondArray::from(vec![
                Some(1_715_000_000_123_456),
                Some(-1),
                None,
                Some(1_715_000_000_123_456),
            ])
            .with_timezone("UTC"),
        ),
    ]
}

#[tokio::test]
async fn partitions_are_folders_and_come_back_as_columns() {
    for fixture in both().await {
        put(&fixture, partitioned(WriteMode::Append), partitioned_rows()).await.unwrap();
        let table = fixture.table().await;
        assert_eq!(table.partition_by(), ["day", "region", "flag", "amount", "at"]);
        assert_eq!((table.files(), table.rows()), (3, Some(4)));
        let columns: Vec<&str> = table.schema().fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(columns, ["day", "id", "region", "flag", "amount", "at"]);
        for (condition, ids) in [
            ("where day = date '2024-05-06'", vec![1, 4]),
            ("where day < date '1970-01-01'", vec![2]),
            ("where day is null and region is null and flag is null and amount is null and at is null", vec![3]),
            ("where region = 'a/b=c%20d: \u{1F30A}'", vec![1, 4]),
            ("where region = 'größe' and not flag", vec![2]),
            ("where amount = -0.05", vec![1, 4]),
            ("where at = timestamp '2024-05-06T12:53:20.123456Z'", vec![1, 4]),
            ("where at < timestamp '1970-01-01T00:00:00Z' and id = 2", vec![2]),
        ] {
            assert_eq!(ids_of(&table, condition).await, ids, "{condition}");
        }
        put(&fixture, partitioned(WriteMode::Append), partitioned_rows()).await.unwrap();
        assert_eq!(fixture.table().await.rows(), Some(8));
    }
}

#[tokio::test]
async fn partition_folders_show_their_values() {
    let fixture = Fixture::new().await;
    let by_region = WriteOptions { partition_by: vec!["name".to_string()], ..options(WriteMode::Append, None) };
    write(fixture.lake.begin_write(by_region.clone()).await.unwrap(), &[1, 2, 3, 3]).await.unwrap();
    assert_eq!(
        names_in(&fixture.table_folder()),
        ["_delta_log", "name=__HIVE_DEFAULT_PARTITION__", "name=name 1", "name=name 2"]
    );
    assert_eq!(fixture.ids().await, [1, 2, 3, 3]);

    let error = fixture.lake.begin_write(options(WriteMode::Append, None)).await.unwrap_err();
    assert_eq!(error.to_string(), "table `gold.things` is partitioned by `name`, not by no column");
    assert_eq!(error.diagnostic().code, Code::SchemaMismatch);
    let unknown = WriteOptions { partition_by: vec!["colour".to_string()], ..by_region };
    let error = fixture.lake.begin_write(unknown).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "table `gold.things` cannot be partitioned by `colour`: the table has no such column"
    );

    // Only a write in place of everything changes the partitions.
    let before = fixture.table().await;
    write(fixture.lake.begin_write(options(WriteMode::Replace, None)).await.unwrap(), &[9]).await.unwrap();
    assert_eq!(fixture.table().await.partition_by(), Vec::<String>::new());
    assert_eq!(fixture.ids().await, [9]);
    assert_eq!(ids_of(&before, "").await, [1, 2, 3, 3]);
}

#[tokio::test]
async fn many_partitions_are_written_in_bounds() {
    let fixture = Fixture::new().await;
    let by_id = WriteOptions { partition_by: vec!["id".to_string()], ..options(WriteMode::Append, None) };
    let writer = fixture.lake.begin_write(by_id).await.unwrap();
    let mut part = writer.part();
    for _ in 0..3 {
        part.write(&batch(&(0..150).rev().collect::<Vec<_>>())).unwrap();
    }
    assert_eq!(part.rows(), 450);
    let part = part.finish().unwrap();
    assert_eq!(part.rows(), 450);
    writer.commit(vec![part]).await.unwrap();
    let table = fixture.table().await;
    assert_eq!(table.rows(), Some(450));
    assert!(table.files() >= 150, "{}", table.files());
    assert_eq!(ids_of(&table, "where id = 149").await, [149, 149, 149]);
}

#[tokio::test]
async fn staged_files_are_committed_by_another_process() {
    for fixture in both().await {
        let wanted = || WriteOptions { partition_by: vec!["name".to_string()], ..options(WriteMode::Append, Some(1)) };
        let writer = fixture.lake.begin_write(wanted()).await.unwrap();
        let mut part = writer.part();
        part.write(&batch(&[1, 2])).unwrap();
        let staged = part.finish().unwrap().into_staged().await.unwrap();
        drop(writer);
        assert!(fixture.lake.relation(&name()).await.unwrap().is_none());
        let written_down = serde_json::to_string(&staged).unwrap();
        for _ in 0..2 {
            let files: Vec<StagedFile> = serde_json::from_str(&written_down).unwrap();
            let again = fixture.lake.begin_write(wanted()).await.unwrap();
            again.commit_staged(files).await.unwrap();
        }
        assert_eq!(fixture.ids().await, [1, 2], "and once more is no more");
        assert_eq!(fixture.table().await.paths().len(), staged.len());

        // In place of what is there, whatever that is by then.
        let writer = fixture.lake.begin_write(wanted()).await.unwrap();
        let mut part = writer.part();
        part.write(&batch(&[3])).unwrap();
        let staged = part.finish().unwrap().into_staged().await.unwrap();
        let replace = WriteOptions { mode: WriteMode::Replace, ..wanted() };
        let replace = WriteOptions { transaction: None, ..replace };
        fixture.lake.begin_write(replace).await.unwrap().commit_staged(staged).await.unwrap();
        assert_eq!(fixture.ids().await, [3]);

        // What was staged for nothing is removed.
        let writer = fixture.lake.begin_write(wanted()).await.unwrap();
        let mut part = writer.part();
        part.write(&batch(&[4])).unwrap();
        let staged = part.finish().unwrap().into_staged().await.unwrap();
        fixture.lake.discard(&name(), &staged).await.unwrap();
        fixture.lake.discard(&name(), &staged).await.unwrap();
        assert_eq!(fixture.ids().await, [3]);
    }
}
