//! Looking after tables: optimize, vacuum, restore. In a folder and in a bucket alike.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use headwater_lake::ledger::{Attempt, QuarantineChange};
use headwater_lake::{
    AppTransaction, Lake, LakeError, OptimizeOptions, RestoreOptions, RestoreTo, Restored, VacuumOptions, Vacuumed,
    View, WriteMode, WriteOptions,
};
use headwater_plan::{DataType, Field, RunId, Schema, TableName, TableVersion};
use object_store::memory::InMemory;
use uuid::Uuid;

use crate::fixture::{Fixture, at, batch, built, ids_of, name, options, schema, text, write};

async fn both() -> [Fixture; 2] {
    let lake = Lake::open("s3://bucket/lake", "lake", Some(Arc::new(InMemory::new()))).await.unwrap();
    [Fixture::new().await, Fixture { folder: tempfile::tempdir().unwrap(), lake }]
}

fn optimizing(cluster_by: &[&str]) -> OptimizeOptions {
    OptimizeOptions {
        cluster_by: cluster_by.iter().map(ToString::to_string).collect(),
        small_bytes: OptimizeOptions::SMALL_BYTES,
        at_least: 2,
        memory_limit: 64 << 20,
        spill_dir: None,
        run_id: RunId("tidy".to_string()),
        at: at(),
    }
}

async fn append(fixture: &Fixture, wanted: WriteOptions, ids: &[i64]) {
    write(fixture.lake.begin_write(wanted).await.unwrap(), ids).await.unwrap();
}

#[tokio::test]
async fn small_files_become_one_and_nothing_else_changes() {
    for fixture in both().await {
        for batch in 1..=5 {
            append(&fixture, options(WriteMode::Append, Some(batch)), &[batch, batch + 100]).await;
        }
        let before = fixture.table().await;
        let expected = text(&before, "select * from t order by id").await;
        assert_eq!(before.to_optimize(&optimizing(&[])).len(), 1);
        let report = fixture.lake.optimize(&name(), &optimizing(&[])).await.unwrap();
        assert_eq!((report.version.version, report.partitions), (5, 1));
        assert_eq!((report.files_removed, report.files_added), (5, 1));
        assert!(report.bytes_added > 0 && report.bytes_added < report.bytes_removed);

        let after = fixture.table().await;
        assert_eq!((after.files(), after.rows()), (1, Some(10)));
        assert_eq!(text(&after, "select * from t order by id").await, expected);
        let content = |version: u64| TableVersion { version, ..before.version() };
        let relation = fixture.lake.relation(&name()).await.unwrap().unwrap();
        assert_eq!(relation.version(), content(4), "what was built from it is still true");
        assert_eq!(ids_of(&before, "").await, ids_of(&after, "").await, "who reads the version before still can");
        assert_eq!(after.transaction_version("app").await.unwrap(), Some(5));
        assert_eq!(after.built(), Some(&built("f1")));
        let history = fixture.lake.history(&name()).await.unwrap();
        assert_eq!((history[0].operation.as_str(), history[0].files_removed), ("OPTIMIZE", 5));

        let again = fixture.lake.optimize(&name(), &optimizing(&[])).await.unwrap();
        assert_eq!((again.version.version, again.files_removed), (5, 0), "there is nothing left to do");
        append(&fixture, options(WriteMode::Append, Some(6)), &[6]).await;
        assert_eq!(fixture.table().await.rows(), Some(11));
        assert_eq!(fixture.lake.relation(&name()).await.unwrap().unwrap().version(), content(6));
        let few = OptimizeOptions { at_least: 3, ..optimizing(&[]) };
        assert_eq!(fixture.table().await.to_optimize(&few), [], "two files are not worth it");
    }
    let fixture = Fixture::new().await;
    append(&fixture, options(WriteMode::Append, None), &[1]).await;
    append(&fixture, options(WriteMode::Append, None), &[2]).await;
    fixture.lake.optimize(&name(), &optimizing(&[])).await.unwrap();
    let log = fs::read_to_string(fixture.table_folder().join("_delta_log/00000000000000000002.json")).unwrap();
    assert_eq!(log.matches("\"dataChange\":false").count(), 3);
    assert!(!log.contains("\"dataChange\":true"), "{log}");
}

#[tokio::test]
async fn partitions_and_later_columns_are_kept() {
    for fixture in both().await {
        let by_name = |fields: Vec<Field>| WriteOptions {
            schema: Schema::new(fields),
            partition_by: vec!["name".to_string()],
            merge_schema: true,
            ..options(WriteMode::Append, None)
        };
        for ids in [&[1, 2, 3][..], &[1, 4]] {
            append(&fixture, by_name(schema().fields), ids).await;
        }
        let wider = [schema().fields, vec![Field::new("extra", DataType::Double)]].concat();
        let writer = fixture.lake.begin_write(by_name(wider)).await.unwrap();
        let mut columns = batch(&[1, 5]).columns().to_vec();
        columns.push(Arc::new(arrow::array::Float64Array::from(vec![Some(0.5), None])));
        columns[1] = arrow::compute::cast(&columns[1], writer.arrow_schema().field(1).data_type()).unwrap();
        let mut part = writer.part();
        part.write(&arrow::array::RecordBatch::try_new(writer.arrow_schema(), columns).unwrap()).unwrap();
        let part = part.finish().unwrap();
        writer.commit(vec![part]).await.unwrap();

        let before = fixture.table().await;
        let expected = text(&before, "select * from t order by id, extra").await;
        let groups = before.to_optimize(&optimizing(&[]));
        assert_eq!(groups.len(), 1, "only `name 1` is in several files");
        assert_eq!(groups[0].partition, BTreeMap::from([("name".to_string(), Some("name 1".to_string()))]));
        let report = fixture.lake.optimize(&name(), &optimizing(&[])).await.unwrap();
        assert_eq!((report.partitions, report.files_removed, report.files_added), (1, 3, 1));
        let after = fixture.table().await;
        assert_eq!(text(&after, "select * from t order by id, extra").await, expected);
        assert_eq!(ids_of(&after, "where name = 'name 1'").await, [1, 1, 1]);
        assert_eq!(after.partition_by(), ["name"]);
    }
}

#[tokio::test]
async fn rows_are_sorted_and_sorted_files_are_left_alone() {
    for fixture in both().await {
        append(&fixture, options(WriteMode::Append, None), &[5, 1, 4]).await;
        append(&fixture, options(WriteMode::Append, None), &[3, 2]).await;
        let sorted = fixture.lake.optimize(&name(), &optimizing(&["ID"])).await.unwrap();
        assert_eq!((sorted.files_removed, sorted.files_added), (2, 1));
        let table = fixture.table().await;
        let rows = text(&table, "select id from t").await;
        let rows: Vec<&str> = rows.lines().skip(3).take(5).collect();
        assert_eq!(rows, ["| 1  |", "| 2  |", "| 3  |", "| 4  |", "| 5  |"]);
        assert_eq!(fixture.lake.optimize(&name(), &optimizing(&["id"])).await.unwrap().files_removed, 0);

        // A file that is large and sorted stays, the new one beside it is sorted by itself.
        append(&fixture, options(WriteMode::Append, None), &[9, 8]).await;
        let large = OptimizeOptions { small_bytes: 1, ..optimizing(&["id"]) };
        assert_eq!(fixture.table().await.to_optimize(&large), [], "one file is not worth it, unless one is enough");
        let alone = OptimizeOptions { at_least: 1, ..large };
        assert_eq!(fixture.lake.optimize(&name(), &alone).await.unwrap().files_added, 1);
        assert_eq!(fixture.table().await.to_optimize(&alone), []);
        assert_eq!(fixture.ids().await, [1, 2, 3, 4, 5, 8, 9]);
        let error = fixture.lake.optimize(&name(), &optimizing(&["colour"])).await.unwrap_err();
        assert_eq!(error.to_string(), "table `gold.things` has no column `colour`");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_optimize_among_writers_loses_and_doubles_nothing() {
    let store: Arc<InMemory> = Arc::default();
    let lake = Lake::open("s3://bucket/lake", "lake", Some(store)).await.unwrap();
    let fixture = Fixture { folder: tempfile::tempdir().unwrap(), lake };
    append(&fixture, options(WriteMode::Append, None), &[0]).await;
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 1..=2 {
        let lake = fixture.lake.clone();
        tasks.spawn(async move {
            for step in 0..6 {
                let begun = lake.begin_write(options(WriteMode::Append, None)).await.unwrap();
                write(begun, &[writer * 100 + step]).await.unwrap();
            }
        });
    }
    for _ in 0..2 {
        let lake = fixture.lake.clone();
        tasks.spawn(async move {
            for _ in 0..6 {
                match lake.optimize(&name(), &optimizing(&["id"])).await {
                    Ok(_) | Err(LakeError::FilesReplaced { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        });
    }
    tasks.join_all().await;
    let expected: Vec<i64> = [0].into_iter().chain(100..106).chain(200..206).collect();
    assert_eq!(fixture.ids().await, expected);
    fixture.lake.optimize(&name(), &optimizing(&["id"])).await.unwrap();
    assert_eq!(fixture.ids().await, expected);
    assert_eq!(fixture.table().await.files(), 1);
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

async fn vacuum(fixture: &Fixture, at: DateTime<Utc>, retention: TimeDelta) -> Vacuumed {
    let dry = VacuumOptions { retention, dry_run: true, at };
    let named = fixture.lake.vacuum(&name(), &dry).await.unwrap();
    assert!(named.dry_run);
    let done = fixture.lake.vacuum(&name(), &VacuumOptions { dry_run: false, ..dry }).await.unwrap();
    assert_eq!((&done.files, done.bytes), (&named.files, named.bytes), "it does what it said it would");
    done
}

/// Far ahead of the clock that dates files, so that the log's own instants decide.
const DAY_0: &str = "2100-01-01T00:00:00Z";

#[tokio::test]
async fn files_are_kept_for_the_retention() {
    for fixture in both().await {
        let day = |days: i64| instant(DAY_0) + TimeDelta::days(days);
        let write_at = |mode: WriteMode, days: i64| WriteOptions { at: day(days), ..options(mode, None) };
        append(&fixture, write_at(WriteMode::Append, 0), &[1]).await;
        append(&fixture, write_at(WriteMode::Append, 1), &[2]).await;
        let old = fixture.table().await;
        append(&fixture, write_at(WriteMode::Replace, 10), &[3]).await;
        append(&fixture, write_at(WriteMode::Append, 11), &[4]).await;

        assert_eq!(vacuum(&fixture, day(16), VacuumOptions::RETENTION).await.files, []);
        assert_eq!(ids_of(&old, "").await, [1, 2], "the replaced version is still read");
        let gone = vacuum(&fixture, day(18), VacuumOptions::RETENTION).await;
        let mut paths = old.paths();
        paths.sort();
        assert_eq!(gone.files.iter().map(|file| file.path.clone()).collect::<Vec<_>>(), paths);
        assert!(gone.bytes > 0);
        assert_eq!(fixture.ids().await, [3, 4]);
        assert_eq!(fixture.lake.history(&name()).await.unwrap().len(), 4, "the log is not touched");
        assert_eq!(vacuum(&fixture, day(18), VacuumOptions::RETENTION).await.files, []);

        // Right after an optimize, on demand.
        fixture.lake.optimize(&name(), &OptimizeOptions { at: day(20), ..optimizing(&[]) }).await.unwrap();
        assert_eq!(vacuum(&fixture, day(20), TimeDelta::zero()).await.files.len(), 2);
        assert_eq!(fixture.ids().await, [3, 4]);
    }
}

#[tokio::test]
async fn what_was_never_committed_goes_when_it_is_old_and_nobodys() {
    for fixture in both().await {
        append(&fixture, options(WriteMode::Append, None), &[1]).await;
        let staged = async |id: i64| {
            let writer = fixture.lake.begin_write(options(WriteMode::Append, None)).await.unwrap();
            let mut part = writer.part();
            part.write(&batch(&[id])).unwrap();
            part.finish().unwrap().into_staged().await.unwrap()
        };
        let (litter, awaited) = (staged(2).await, staged(3).await);
        let source = TableName::new("gold", "source");
        let ledger = fixture.lake.ledger(&source, None).await.unwrap();
        let attempt = Attempt {
            id: Uuid::new_v4(),
            batch: 1,
            run_id: RunId("run-1".to_string()),
            at: at(),
            quarantine: Some(QuarantineChange { replace: false, add: awaited.clone() }),
            account: Vec::new(),
        };
        ledger.stage(&attempt).await.unwrap();
        // By the clock that dates files, they are younger than a day, or will be written tomorrow.
        assert_eq!(vacuum(&fixture, instant("2024-01-01T00:00:00Z"), TimeDelta::zero()).await.files, []);
        let gone = vacuum(&fixture, instant(DAY_0), VacuumOptions::RETENTION).await;
        assert_eq!(gone.files.iter().map(|file| &file.path).collect::<Vec<_>>(), [&litter[0].path]);
        let begun = fixture.lake.begin_write(options(WriteMode::Append, None)).await.unwrap();
        begun.commit_staged(awaited).await.unwrap();
        assert_eq!(fixture.ids().await, [1, 3]);
    }
}

#[tokio::test]
async fn files_of_others_are_not_touched() {
    let fixture = Fixture::new().await;
    append(&fixture, options(WriteMode::Append, None), &[1]).await;
    let folder = fixture.table_folder();
    for path in ["_delta_index/part-1.parquet", "_change_data/x/part-2.parquet", ".hidden/part-3.parquet", "notes.txt"]
    {
        fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
        fs::write(folder.join(path), "").unwrap();
    }
    fs::create_dir_all(folder.join("_year=2020")).unwrap();
    fs::write(folder.join("_year=2020/part-4.parquet"), "").unwrap();
    fs::write(folder.join("_delta_log/00000000000000000000.checkpoint.parquet.old"), "").unwrap();
    let gone = vacuum(&fixture, instant(DAY_0), VacuumOptions::RETENTION).await;
    assert_eq!(gone.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["_year=2020/part-4.parquet"]);
    assert_eq!(fixture.ids().await, [1]);
}

async fn restore(fixture: &Fixture, to: RestoreTo) -> Result<Restored, LakeError> {
    let options =
        RestoreOptions { to, dry_run: false, run_id: RunId("back".to_string()), at: instant("2101-01-01T00:00:00Z") };
    let dry = RestoreOptions { dry_run: true, ..options.clone() };
    let said = fixture.lake.restore(&name(), &dry).await?;
    let done = fixture.lake.restore(&name(), &options).await?;
    assert_eq!((said.to, said.files_added, said.files_removed), (done.to, done.files_added, done.files_removed));
    Ok(done)
}

#[tokio::test]
async fn an_earlier_version_comes_back_and_its_batches_stay_loaded() {
    for fixture in both().await {
        let day = |days: i64| instant(DAY_0) + TimeDelta::days(days);
        let load = |batch: i64| WriteOptions { at: day(batch), ..options(WriteMode::Append, Some(batch)) };
        append(&fixture, load(1), &[1]).await;
        append(&fixture, load(2), &[2]).await;
        let wider = WriteOptions {
            schema: Schema::new([schema().fields, vec![Field::new("extra", DataType::Date)]].concat()),
            built: Some(built("f2")),
            mode: WriteMode::Replace,
            ..load(3)
        };
        fixture.lake.begin_write(wider).await.unwrap().commit(Vec::new()).await.unwrap();
        assert_eq!(fixture.ids().await, Vec::<i64>::new());

        let back = restore(&fixture, RestoreTo::Version(1)).await.unwrap();
        assert_eq!((back.from, back.to, back.version.version), (2, 1, 3));
        assert_eq!((back.files_added, back.files_removed), (2, 0));
        assert_eq!(fixture.ids().await, [1, 2]);
        let table = fixture.table().await;
        assert_eq!((table.schema(), table.built()), (&schema(), Some(&built("f1"))));
        assert_eq!(table.transaction_version("app").await.unwrap(), Some(3), "what was loaded is not loaded again");
        let again = fixture.lake.begin_write(load(3)).await.unwrap();
        assert!(write(again, &[3]).await.unwrap().already);

        let earlier = restore(&fixture, RestoreTo::Timestamp(day(1) + TimeDelta::hours(1))).await.unwrap();
        assert_eq!((earlier.to, earlier.files_removed), (0, 1));
        assert_eq!(fixture.ids().await, [1]);
        // A restore is a version too, and can be taken back.
        restore(&fixture, RestoreTo::Version(3)).await.unwrap();
        assert_eq!(fixture.ids().await, [1, 2]);
        assert_eq!(fixture.lake.history(&name()).await.unwrap()[0].operation, "RESTORE");
        let newest = fixture.table().await.version().version;
        assert_eq!(restore(&fixture, RestoreTo::Version(newest)).await.unwrap().version.version, newest);
    }
}

#[tokio::test]
async fn what_cannot_come_back_is_refused() {
    for fixture in both().await {
        append(&fixture, options(WriteMode::Append, None), &[1]).await;
        append(&fixture, options(WriteMode::Replace, None), &[2]).await;
        vacuum(&fixture, instant(DAY_0), VacuumOptions::RETENTION).await;
        let error = restore(&fixture, RestoreTo::Version(0)).await.unwrap_err();
        assert!(matches!(&error, LakeError::FilesGone { version: 0, count: 1, .. }), "{error}");
        assert_eq!(fixture.ids().await, [2]);
        let error = restore(&fixture, RestoreTo::Version(7)).await.unwrap_err();
        assert_eq!(error.to_string(), "table `gold.things` has no version 7: its newest version is 1");
        let error = restore(&fixture, RestoreTo::Timestamp(instant("2000-01-01T00:00:00Z"))).await.unwrap_err();
        let told = "table `gold.things` has no version of 2000-01-01 00:00:00 UTC or before: its newest version is 1";
        assert_eq!(error.to_string(), told);

        let view = View {
            name: TableName::new("gold", "seen"),
            sql: "select 1 as id, 'x' as name".to_string(),
            schema: schema(),
            reads: Vec::new(),
            built: built("v"),
        };
        fixture.lake.replace_view(view).await.unwrap();
        for missing in ["seen", "nothing"] {
            let missing = TableName::new("gold", missing);
            let error = fixture.lake.optimize(&missing, &optimizing(&[])).await.unwrap_err();
            assert_eq!(error.to_string(), format!("there is no table `{missing}` in the lake"));
        }
    }
}

#[tokio::test]
async fn a_retired_generation_stays_retired_through_a_restore() {
    let fixture = Fixture::new().await;
    let app = |app_id: &str, version: i64| AppTransaction { app_id: app_id.to_string(), version };
    let load = |generation: &str, retires: Vec<AppTransaction>| WriteOptions {
        transaction: Some(app(generation, 1)),
        follows: Some(0),
        retires,
        ..options(WriteMode::Replace, None)
    };
    append(&fixture, load("one", Vec::new()), &[1]).await;
    append(&fixture, load("two", vec![app("one", 1)]), &[2]).await;
    restore(&fixture, RestoreTo::Version(0)).await.unwrap();
    assert_eq!(fixture.ids().await, [1]);
    let table = fixture.table().await;
    assert_eq!(table.transaction_version("one").await.unwrap(), Some(AppTransaction::RETIRED));
    assert_eq!(table.transaction_version("two").await.unwrap(), Some(1));
}
