//! Changes: which files go, what the log says, who comes second, what is refused.

use std::fs;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int16Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use headwater_lake::{
    AppTransaction, ChangeOptions, FILE_NUMBER, KeyValues, LakeError, OptimizeOptions, Outcome, Removal, Table,
    TableChange, WriteMode, WriteOptions,
};
use headwater_plan::{DataType, Field, RunId, Schema};

use crate::fixture::{Fixture, at, batch, built, name, options, query, schema, text, write};

fn change_options() -> ChangeOptions {
    ChangeOptions {
        schema: schema(),
        transactions: Vec::new(),
        turn: None,
        built: Some(built("f2")),
        run_id: RunId("run-2".to_string()),
        operation: "MERGE",
        parameters: Vec::new(),
        at: at(),
    }
}

fn removing(files: Vec<String>) -> Outcome {
    Outcome { removal: Removal::Files(files), metrics: vec![("numTargetRowsUpdated", 1)] }
}

async fn commit(change: TableChange, ids: &[i64], outcome: &Outcome) -> Result<u64, LakeError> {
    let mut part = change.part();
    part.write(&batch(ids))?;
    let part = part.finish()?;
    Ok(change.commit(vec![part], outcome).await?.version.version)
}

/// The path of the file that holds an id.
async fn file_of(table: &Table, id: i64) -> String {
    let files = table.files_with(&[("id".to_string(), KeyValues::All(ids(&[id])))]).unwrap();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

fn ids(ids: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(ids.to_vec()))
}

/// Three files of three ids each.
async fn three_files() -> Fixture {
    let fixture = Fixture::new().await;
    for first in [0, 10, 20] {
        fixture.write(WriteMode::Append, &[first, first + 1, first + 2]).await;
    }
    fixture
}

#[tokio::test]
async fn only_the_files_that_are_named_go() {
    let fixture = three_files().await;
    let table = fixture.table().await;
    let (kept, gone) = (file_of(&table, 20).await, file_of(&table, 11).await);
    let options = ChangeOptions {
        transactions: vec![AppTransaction { app_id: "spans".to_string(), version: 7 }],
        ..change_options()
    };
    let change = fixture.lake.begin_change(&table, options).unwrap();
    assert_eq!(commit(change, &[10, 12, 99], &removing(vec![gone.clone()])).await.unwrap(), 3);

    assert_eq!(fixture.ids().await, [0, 1, 2, 10, 12, 20, 21, 22, 99]);
    let after = fixture.table().await;
    let paths = after.paths();
    assert!(paths.contains(&kept) && !paths.contains(&gone));
    assert_eq!(after.built(), Some(&built("f2")));
    assert_eq!(after.transaction_version("spans").await.unwrap(), Some(7));
    let history = fixture.lake.history(&name()).await.unwrap();
    let newest = &history[0];
    assert_eq!((newest.operation.as_str(), newest.files_added, newest.files_removed), ("MERGE", 1, 1));
    let entry = fs::read_to_string(fixture.table_folder().join("_delta_log/00000000000000000003.json")).unwrap();
    assert!(entry.contains(r#""numTargetRowsUpdated":"1""#), "{entry}");
    assert!(!entry.contains("metaData"), "the columns are as they were");
}

#[tokio::test]
async fn who_comes_second_begins_anew() {
    let fixture = three_files().await;
    let table = fixture.table().await;
    let begin = || fixture.lake.begin_change(&table, change_options()).unwrap();
    let gone = file_of(&table, 11).await;

    // Rows were added that the change has not seen.
    let late = begin();
    fixture.write(WriteMode::Append, &[30]).await;
    let refused = commit(late, &[1000], &removing(vec![gone.clone()])).await.unwrap_err();
    assert!(refused.is_overtaken(), "{refused}");
    insta::assert_snapshot!(refused, @"table `gold.things` was changed by another run after its version 2 was read");

    // A file was taken out.
    let table = fixture.table().await;
    let (first, second) = (begin_on(&fixture, &table), begin_on(&fixture, &table));
    commit(first, &[], &removing(vec![gone.clone()])).await.unwrap();
    assert!(commit(second, &[1000], &removing(vec![gone])).await.unwrap_err().is_overtaken());

    // The table is another one.
    let last = begin_on(&fixture, &fixture.table().await);
    fs::remove_dir_all(fixture.table_folder()).unwrap();
    assert!(commit(last, &[1000], &Outcome { removal: Removal::Nothing, metrics: Vec::new() }).await.is_err());
    assert!(fixture.data_files().is_empty(), "what was written in vain is gone");
}

fn begin_on(fixture: &Fixture, table: &Table) -> TableChange {
    fixture.lake.begin_change(table, change_options()).unwrap()
}

#[tokio::test]
async fn what_changes_no_row_is_let_by() {
    let fixture = three_files().await;
    let table = fixture.table().await;
    let change = begin_on(&fixture, &table);
    // An entry of a transaction alone, and files in the place of others that the change does not touch.
    let empty = WriteOptions { operation: "NOTHING".to_string(), ..options(WriteMode::Append, Some(1)) };
    write(fixture.lake.begin_write(empty).await.unwrap(), &[]).await.unwrap();
    let optimize = OptimizeOptions {
        cluster_by: Vec::new(),
        small_bytes: 1 << 20,
        at_least: 2,
        memory_limit: 64 << 20,
        spill_dir: None,
        run_id: RunId("run-3".to_string()),
        at: at(),
    };
    fixture.lake.optimize(&name(), &optimize).await.unwrap();
    let nothing = Outcome { removal: Removal::Nothing, metrics: Vec::new() };
    commit(change, &[99], &nothing).await.unwrap();
    assert_eq!(fixture.ids().await, [0, 1, 2, 10, 11, 12, 20, 21, 22, 99]);

    // But not if the change is to take such a file out.
    let table = fixture.table().await;
    let change = begin_on(&fixture, &table);
    let gone = file_of(&table, 11).await;
    fixture.lake.optimize(&name(), &optimize).await.unwrap();
    assert!(commit(change, &[], &removing(vec![gone])).await.unwrap_err().is_overtaken());
}

#[tokio::test]
async fn an_entry_without_rows_leaves_what_was_built_from_the_table_true() {
    let fixture = three_files().await;
    let version = |fixture: &Fixture| {
        let lake = fixture.lake.clone();
        async move { lake.relation(&name()).await.unwrap().unwrap().version() }
    };
    let before = version(&fixture).await;
    let nothing = Outcome { removal: Removal::Nothing, metrics: Vec::new() };
    commit(begin_on(&fixture, &fixture.table().await), &[], &nothing).await.unwrap();
    assert_eq!(version(&fixture).await, before);
    assert_eq!(fixture.table().await.built(), Some(&built("f2")));
    commit(begin_on(&fixture, &fixture.table().await), &[1], &nothing).await.unwrap();
    assert_ne!(version(&fixture).await, before);
}

#[tokio::test]
async fn columns_come_and_go() {
    let fixture = three_files().await;
    let table = fixture.table().await;
    let wider = Schema::new(vec![
        Field::new("ID", DataType::Long),
        Field::new("name", DataType::String),
        Field::new("extra", DataType::Int),
    ]);
    let options = ChangeOptions { schema: wider, ..change_options() };
    let change = fixture.lake.begin_change(&table, options).unwrap();
    assert_eq!(change.schema().names().collect::<Vec<_>>(), ["id", "name", "extra"]);
    change.commit(Vec::new(), &Outcome { removal: Removal::Nothing, metrics: Vec::new() }).await.unwrap();
    let table = fixture.table().await;
    assert_eq!(
        text(&table, "select count(*) as n, count(extra) as m from t").await,
        "\
+---+---+
| n | m |
+---+---+
| 9 | 0 |
+---+---+"
    );

    // A column goes only with all files that hold it.
    let narrow = ChangeOptions { schema: schema(), ..change_options() };
    let change = fixture.lake.begin_change(&table, narrow.clone()).unwrap();
    let refused = commit(change, &[1], &removing(vec![file_of(&table, 11).await])).await.unwrap_err();
    insta::assert_snapshot!(refused, @"table `gold.things` has other columns than what would be added to it: `extra` is in files that stay");
    let change = fixture.lake.begin_change(&table, narrow).unwrap();
    commit(change, &[1, 2], &Outcome { removal: Removal::Everything, metrics: Vec::new() }).await.unwrap();
    assert_eq!(fixture.table().await.schema(), &schema());
    assert_eq!(fixture.ids().await, [1, 2]);

    let other = Schema::new(vec![Field::new("id", DataType::String), Field::new("name", DataType::String)]);
    let refused =
        fixture.lake.begin_change(&fixture.table().await, ChangeOptions { schema: other, ..change_options() });
    assert!(matches!(refused, Err(LakeError::SchemaMismatch { .. })), "{refused:?}");
}

#[tokio::test]
async fn partitions_are_replaced_by_what_is_written() {
    let fixture = Fixture::new().await;
    let partitioned = WriteOptions { partition_by: vec!["name".to_string()], ..options(WriteMode::Append, None) };
    write(fixture.lake.begin_write(partitioned).await.unwrap(), &[1, 2, 3, 4, 6]).await.unwrap();
    let table = fixture.table().await;
    // `name 1`, `name 2`, null twice, `name 4`
    assert_eq!(table.files(), 4);
    let change = begin_on(&fixture, &table);
    commit(change, &[2, 9], &Outcome { removal: Removal::Partitions, metrics: Vec::new() }).await.unwrap();
    assert_eq!(fixture.ids().await, [1, 2, 4, 9], "the partition of null is replaced like any other");

    let texts: ArrayRef = Arc::new(StringArray::from(vec!["name 4", "name 2", "none"]));
    let found = fixture.table().await.files_with(&[("name".to_string(), KeyValues::All(texts))]).unwrap();
    // Of null the log says no bounds.
    assert_eq!(found.len(), 3, "{found:?}");
}

#[tokio::test]
async fn files_are_found_by_the_keys_that_they_may_hold() {
    let fixture = three_files().await;
    let table = fixture.table().await;
    let found = |keys: KeyValues| {
        let files = table.files_with(&[("id".to_string(), keys)]).unwrap();
        files.len()
    };
    assert_eq!(found(KeyValues::All(ids(&[0, 22]))), 2);
    assert_eq!(found(KeyValues::All(ids(&[5, 15, -1, 23]))), 0, "keys around files and between them");
    assert_eq!(found(KeyValues::All(ids(&[12, 10, 11]))), 1);
    assert_eq!(found(KeyValues::Between(ids(&[5]), ids(&[15]))), 1);
    assert_eq!(found(KeyValues::Between(ids(&[2]), ids(&[20]))), 3);
    assert_eq!(found(KeyValues::Between(ids(&[3]), ids(&[9]))), 0);
    assert_eq!(found(KeyValues::All(ids(&[]))), 0);
    let both = [
        ("id".to_string(), KeyValues::All(ids(&[11]))),
        ("name".to_string(), KeyValues::All(Arc::new(StringArray::from(vec!["zebra"])))),
    ];
    assert_eq!(table.files_with(&both).unwrap().len(), 0);
    assert!(matches!(
        table.files_with(&[("nope".to_string(), KeyValues::All(ids(&[1])))]),
        Err(LakeError::NoColumn { .. })
    ));
}

#[tokio::test]
async fn rows_tell_their_file() {
    let fixture = three_files().await;
    let table = fixture.table().await;
    let files = table.data_files();
    let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
    assert_eq!(files.iter().map(|file| file.rows).collect::<Vec<_>>(), [Some(3); 3]);
    let context = datafusion::prelude::SessionContext::new();
    context.register_table("n", table.numbered_rows(&paths).await.unwrap()).unwrap();
    let sql = format!("select {FILE_NUMBER} as f, min(id) as i, count(*) as n from n group by 1 order by 2");
    let rows = context.sql(&sql).await.unwrap().collect().await.unwrap();
    let shown = arrow::util::pretty::pretty_format_batches(&rows).unwrap().to_string();
    for first in [0, 10, 20] {
        let file = paths.iter().position(|path| path == &futures_path(&table, first)).unwrap();
        assert!(shown.contains(&format!("| {file} | {first:<2} | 3 |")), "{shown}");
    }
    let some = table.rows_of(&paths[1..]).await.unwrap();
    let context = datafusion::prelude::SessionContext::new();
    context.register_table("s", some).unwrap();
    let rows = context.sql("select id from s").await.unwrap().collect().await.unwrap();
    assert_eq!(rows.iter().map(|batch| batch.num_rows()).sum::<usize>(), 6);
    assert_eq!(query(&table, "select id from t").await.iter().map(|batch| batch.num_rows()).sum::<usize>(), 9);
}

fn futures_path(table: &Table, id: i64) -> String {
    table.files_with(&[("id".to_string(), KeyValues::All(ids(&[id])))]).unwrap().remove(0)
}

#[tokio::test]
async fn a_table_that_another_engine_keeps_rules_for_is_refused() {
    let fixture = three_files().await;
    let log = fixture.table_folder().join("_delta_log/00000000000000000003.json");
    let protocol = r#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors"]}}"#;
    fs::write(log, format!("{protocol}\n")).unwrap();
    let refused = fixture.lake.begin_change(&fixture.table().await, change_options()).unwrap_err();
    insta::assert_snapshot!(refused, @"table `gold.things` cannot be written: it needs Delta reader 3 and writer 7, headwater writes 1 and 2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_eight_changes_of_one_version_one_lands() {
    let fixture = three_files().await;
    let table = fixture.table().await;
    let gone = file_of(&table, 0).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..8 {
        let (change, outcome) = (begin_on(&fixture, &table), removing(vec![gone.clone()]));
        tasks.spawn(async move { commit(change, &[100 + number], &outcome).await });
    }
    let ended = tasks.join_all().await;
    assert_eq!(ended.iter().filter(|ended| ended.is_ok()).count(), 1);
    assert!(ended.iter().flat_map(|ended| ended.as_ref().err()).all(LakeError::is_overtaken));
    assert_eq!(fixture.ids().await.len(), 7);
    assert_eq!(fixture.data_files().len(), 4, "those of the others are gone");
}

#[tokio::test]
async fn files_are_found_by_keys_of_every_type_that_has_bounds() {
    let fields = [
        ("day", DataType::Date),
        ("at", DataType::Timestamp),
        ("amount", DataType::Decimal { precision: 10, scale: 2 }),
        ("text", DataType::String),
        ("small", DataType::Short),
        ("ratio", DataType::Double),
    ];
    let columns = Schema::new(fields.iter().map(|(name, kind)| Field::new(*name, kind.clone())).collect());
    let long_text = |number: i64| format!("{number} {}", "x".repeat(60));
    let values = |number: i64| -> Vec<ArrayRef> {
        vec![
            Arc::new(Date32Array::from(vec![i32::try_from(number).unwrap()])),
            // Finer than the milliseconds of the log.
            Arc::new(TimestampMicrosecondArray::from(vec![number * 1_000_000 + 999_999]).with_timezone("UTC")),
            Arc::new(
                Decimal128Array::from(vec![i128::from(number) * 100 + 1]).with_precision_and_scale(10, 2).unwrap(),
            ),
            Arc::new(StringArray::from(vec![long_text(number)])),
            Arc::new(Int16Array::from(vec![i16::try_from(number).unwrap()])),
            Arc::new(Float64Array::from(vec![number as f64])),
        ]
    };
    let fixture = Fixture::new().await;
    for number in [1, 5] {
        let options = WriteOptions { schema: columns.clone(), ..options(WriteMode::Append, None) };
        let writer = fixture.lake.begin_write(options).await.unwrap();
        let mut part = writer.part();
        part.write(&RecordBatch::try_new(writer.arrow_schema(), values(number)).unwrap()).unwrap();
        let part = part.finish().unwrap();
        writer.commit(vec![part]).await.unwrap();
    }
    let table = fixture.table().await;
    for (position, (column, _)) in fields.iter().enumerate() {
        let found = |number: i64| {
            let keys = KeyValues::All(values(number).remove(position));
            table.files_with(&[((*column).to_string(), keys)]).unwrap().len()
        };
        assert_eq!((found(1), found(5)), if *column == "ratio" { (2, 2) } else { (1, 1) }, "{column}");
        assert_eq!(found(3), if *column == "ratio" { 2 } else { 0 }, "{column}");
    }
    // Whole numbers may be of another width. What the column cannot hold equals nothing in it, but bounds nothing either.
    let found = |keys| table.files_with(&[("small".to_string(), keys)]).unwrap().len();
    assert_eq!(found(KeyValues::All(ids(&[5, 1 << 40]))), 1);
    assert_eq!(found(KeyValues::Between(ids(&[2]), ids(&[9]))), 1);
    assert_eq!(found(KeyValues::Between(ids(&[2]), ids(&[1 << 40]))), 2);
}
