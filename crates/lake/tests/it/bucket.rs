//! A lake in a bucket. The bucket is in memory, and does conditional puts right; the real protocol is tested against
//! SeaweedFS by the binary's tests.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use futures::TryStreamExt;
use headwater_lake::{Lake, LakeError, Relation, RelationKind, View, WriteMode, WriteOptions};
use headwater_plan::{Code, Fault, RunId, TableName};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use proptest::prelude::*;
use uuid::Uuid;

use crate::fixture::{Fixture, at, batch, built, ids_of, name, options, schema, write};
use crate::flaky::Flaky;

async fn open(store: Arc<dyn ObjectStore>) -> Lake {
    Lake::open("s3://bucket/team/lake", "s3://bucket/team/lake", Some(store)).await.unwrap()
}

async fn fixture(store: &Arc<InMemory>) -> Fixture {
    Fixture { folder: tempfile::tempdir().unwrap(), lake: open(store.clone()).await }
}

async fn objects(store: &dyn ObjectStore, prefix: &str) -> Vec<String> {
    let mut found: Vec<String> =
        store.list(Some(&Path::from(prefix))).map_ok(|object| object.location.to_string()).try_collect().await.unwrap();
    found.sort();
    found
}

async fn data_files(store: &dyn ObjectStore) -> Vec<String> {
    let all = objects(store, "team/lake/gold/things").await;
    all.into_iter().filter(|path| path.ends_with(".parquet") && !path.contains("_delta_log")).collect()
}

#[tokio::test]
async fn a_table_lives_in_a_bucket() {
    let store = Arc::new(InMemory::new());
    let fixture = fixture(&store).await;
    assert!(fixture.lake.relation(&name()).await.unwrap().is_none());
    assert_eq!(fixture.lake.relations().await.unwrap(), []);
    assert_eq!(objects(store.as_ref(), "").await, Vec::<String>::new(), "opening and looking write nothing");

    let created = fixture.write(WriteMode::Append, &[1, 2]).await;
    fixture.write(WriteMode::Append, &[3]).await;
    assert_eq!(fixture.ids().await, [1, 2, 3]);
    assert_eq!(data_files(store.as_ref()).await.len(), 2);
    let replaced = fixture.write(WriteMode::Replace, &[7]).await;
    assert_eq!(replaced.version.id, created.version.id);
    assert_eq!(fixture.ids().await, [7]);
    let listed = fixture.lake.relations().await.unwrap();
    assert_eq!((listed.len(), listed[0].rows, listed[0].kind), (1, Some(1), RelationKind::Table));
    assert_eq!(fixture.lake.history(&name()).await.unwrap().len(), 3);
    assert_eq!(fixture.lake.table_uri(&name()), "s3://bucket/team/lake/gold/things");
    assert!(fixture.lake.folder().is_none());

    // Another lake of the bucket is another lake.
    let other = Lake::open("s3://bucket/team", "team", Some(store)).await.unwrap();
    assert!(other.relation(&name()).await.unwrap().is_none());
    // A bucket may be a lake as a whole.
    let whole = Lake::open("s3://bucket/", "s3://bucket/", Some(Arc::new(InMemory::new()))).await.unwrap();
    let whole = Fixture { folder: tempfile::tempdir().unwrap(), lake: whole };
    whole.write(WriteMode::Append, &[5]).await;
    assert_eq!(whole.ids().await, [5]);
    assert_eq!(whole.lake.relations().await.unwrap().len(), 1);
    assert_eq!(whole.lake.uri(), "s3://bucket");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_are_checkpointed_and_transactions_remembered() {
    let store = Arc::new(InMemory::new());
    let fixture = fixture(&store).await;
    for version in 1..=12 {
        let wanted = WriteOptions { follows: Some(version - 1), ..options(WriteMode::Append, Some(version)) };
        write(fixture.lake.begin_write(wanted).await.unwrap(), &[version]).await.unwrap();
    }
    let log = objects(store.as_ref(), "team/lake/gold/things/_delta_log").await;
    assert!(log.iter().any(|path| path.ends_with("00000000000000000009.checkpoint.parquet")), "{log:?}");
    assert_eq!(fixture.table().await.transaction_version("app").await.unwrap(), Some(12));
    assert_eq!(fixture.ids().await, (1..=12).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_given_up_leaves_no_objects() {
    let store = Arc::new(InMemory::new());
    let fixture = fixture(&store).await;
    let begin = async || fixture.lake.begin_write(options(WriteMode::Append, Some(1))).await.unwrap();
    let writer = begin().await;
    let mut part = writer.part();
    part.write(&batch(&[1])).unwrap();
    let part = part.finish().unwrap();
    writer.abort(vec![part]).await;
    assert_eq!(objects(store.as_ref(), "").await, Vec::<String>::new());

    write(begin().await, &[1]).await.unwrap();
    assert!(write(begin().await, &[1]).await.unwrap().already);
    assert_eq!(data_files(store.as_ref()).await.len(), 1, "what was written again is removed");

    let writer = begin().await;
    let mut part = writer.part();
    part.write(&batch(&[2])).unwrap();
    drop(part.finish().unwrap());
    for _ in 0..200 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        if data_files(store.as_ref()).await.len() == 1 {
            return;
        }
    }
    panic!("a dropped part leaves its object");
}

/// A file of several chunks, through a bucket that fails: it arrives whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_files_are_uploaded_in_parts() {
    let flaky = Flaky::new(7, 30);
    let fixture = Fixture { folder: tempfile::tempdir().unwrap(), lake: open(Arc::new(flaky.clone())).await };
    let mut random = 1_u64;
    let rows = 200_000_i64;
    let text: StringArray = (0..rows)
        .map(|_| {
            let word = std::iter::repeat_with(|| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                format!("{random:016x}")
            });
            Some(word.take(8).collect::<String>())
        })
        .collect();
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let large = RecordBatch::try_from_iter([("id", ids), ("name", Arc::new(text) as ArrayRef)]).unwrap();
    let committed = loop {
        let Ok(writer) = fixture.lake.begin_write(options(WriteMode::Append, Some(1))).await else { continue };
        let mut part = writer.part();
        part.write(&large).unwrap();
        let part = part.finish().unwrap();
        if let Ok(committed) = writer.commit(vec![part]).await {
            break committed;
        }
    };
    assert!(committed.already || committed.rows == 200_000);
    flaky.fails(0);
    let table = fixture.table().await;
    assert!(table.bytes() > 16 << 20, "{}", table.bytes());
    assert_eq!(ids_of(&table, "where length(name) = 128").await.len(), 200_000);
}

#[tokio::test]
async fn a_name_changes_from_table_to_view_and_back() {
    let store = Arc::new(InMemory::new());
    let fixture = fixture(&store).await;
    let first = fixture.write(WriteMode::Append, &[1]).await.version;
    let view = View {
        name: name(),
        sql: "select 1 as id, 'x' as name".to_string(),
        schema: schema(),
        reads: vec![TableName::new("bronze", "raw")],
        built: built("v"),
    };
    fixture.lake.replace_view(view.clone()).await.unwrap();
    let Some(Relation::View(found)) = fixture.lake.relation(&name()).await.unwrap() else { panic!("no view") };
    assert_eq!(found, view);
    assert_eq!(objects(store.as_ref(), "team/lake/gold").await, Vec::<String>::new(), "the table is gone");
    let again = fixture.write(WriteMode::Replace, &[2]).await.version;
    assert_ne!(again.id, first.id);
    assert_eq!(fixture.ids().await, [2]);
}

#[tokio::test]
async fn a_bucket_that_refuses_says_what_to_do() {
    let of = |source: object_store::Error| {
        LakeError::Store { doing: "write the ledger file", path: "s3://bucket/lake/x".to_string(), source }.diagnostic()
    };
    let path = || "lake/x".to_string();
    let denied = of(object_store::Error::PermissionDenied { path: path(), source: "403 AccessDenied".into() });
    assert_eq!((denied.code, denied.fault, denied.retryable), (Code::StorageDenied, Fault::User, false));
    assert!(denied.help.unwrap().contains("may list, read, write and delete"));
    let missing = of(object_store::Error::NotFound { path: path(), source: "404 NoSuchBucket".into() });
    assert_eq!(missing.code, Code::StorageDenied);
    let down = of(object_store::Error::Generic { store: "S3", source: "503 SlowDown".into() });
    assert_eq!((down.code, down.fault, down.retryable), (Code::StorageUnavailable, Fault::Outside, true));
    assert_eq!(down.message, "cannot write the ledger file `s3://bucket/lake/x`");
    assert!(down.causes.iter().any(|cause| cause.contains("SlowDown")), "{:?}", down.causes);
}

/// Two batches that were planned after the same one: one lands, the other is told.
#[tokio::test]
async fn of_two_batches_after_the_same_one_lands() {
    let store = Arc::new(InMemory::new());
    let fixture = fixture(&store).await;
    let begin = async |batch: i64, follows: i64| {
        let wanted = WriteOptions { follows: Some(follows), ..options(WriteMode::Append, Some(batch)) };
        fixture.lake.begin_write(wanted).await
    };
    write(begin(1, 0).await.unwrap(), &[1]).await.unwrap();
    // Batch 2 is slow, somebody withdraws it and plans batch 3 in its place.
    let slow = begin(2, 1).await.unwrap();
    write(begin(3, 1).await.unwrap(), &[3]).await.unwrap();
    let error = write(slow, &[2]).await.unwrap_err();
    assert!(matches!(error, LakeError::OutOfTurn { batch: 2, follows: 1, found: 3, .. }), "{error}");
    assert!(matches!(begin(2, 1).await, Err(LakeError::OutOfTurn { .. })), "it is told before it loads");
    assert_eq!(error.diagnostic().code, Code::LakeInUse);
    assert!(write(begin(3, 1).await.unwrap(), &[3]).await.unwrap().already);
    assert_eq!(fixture.ids().await, [1, 3]);
    assert_eq!(data_files(store.as_ref()).await.len(), 2);
}

/// A generation that ends others: none of them can add to what replaced it.
#[tokio::test]
async fn a_replacing_batch_ends_the_generations_before() {
    let store = Arc::new(InMemory::new());
    let fixture = fixture(&store).await;
    let app = |app_id: &str, version: i64| headwater_lake::AppTransaction { app_id: app_id.to_string(), version };
    let wanted = |generation: &str, batch: i64, mode: WriteMode| WriteOptions {
        transaction: Some(app(generation, batch)),
        follows: Some(batch - 1),
        ..options(mode, None)
    };
    let first = wanted("one", 1, WriteMode::Replace);
    write(fixture.lake.begin_write(first).await.unwrap(), &[1]).await.unwrap();
    let slow = fixture.lake.begin_write(wanted("one", 2, WriteMode::Append)).await.unwrap();
    let late = WriteOptions { retires: vec![app("one", 0)], ..wanted("two", 1, WriteMode::Replace) };
    let refused = fixture.lake.begin_write(late).await.unwrap_err();
    assert!(matches!(refused, LakeError::OutOfTurn { follows: 0, found: 1, .. }), "{refused}");
    let refresh = WriteOptions { retires: vec![app("one", 1)], ..wanted("two", 1, WriteMode::Replace) };
    write(fixture.lake.begin_write(refresh).await.unwrap(), &[10]).await.unwrap();
    let error = write(slow, &[2]).await.unwrap_err();
    assert!(matches!(error, LakeError::OutOfTurn { .. }), "{error}");
    assert_eq!(fixture.ids().await, [10]);
    let retired = headwater_lake::AppTransaction::RETIRED;
    assert_eq!(fixture.table().await.transaction_version("one").await.unwrap(), Some(retired));
}

#[derive(Debug, Clone)]
struct Race {
    seed: u64,
    rate: u64,
    writers: usize,
    batches: i64,
    /// Of a hundred commits, so many are dropped midway.
    deaths: u64,
}

fn races() -> impl Strategy<Value = Race> {
    (any::<u64>(), 0..150_u64, 2..5_usize, 2..5_i64, 0..30_u64)
        .prop_map(|(seed, rate, writers, batches, deaths)| Race { seed, rate, writers, batches, deaths })
}

fn rows_of(batch: i64) -> Vec<i64> {
    (batch * 10..batch * 10 + 3).collect()
}

/// Loads every batch, whatever fails and whoever else does it too.
async fn load_all(lake: Lake, race: Race, random: Flaky) -> BTreeSet<Uuid> {
    let mut attempts = BTreeSet::new();
    for number in 1..=race.batches {
        loop {
            let attempt = Uuid::new_v4();
            let wanted = WriteOptions {
                follows: Some(number - 1),
                attempt: Some(attempt),
                run_id: RunId(attempt.to_string()),
                at: at(),
                ..options(WriteMode::Append, Some(number))
            };
            let load = async { write(lake.begin_write(wanted).await?, &rows_of(number)).await };
            let ended = match random.one_of(100) < race.deaths {
                // As if the process had died: what it had asked for may still happen.
                true => tokio::time::timeout(std::time::Duration::from_millis(random.one_of(60)), load).await,
                false => Ok(load.await),
            };
            match ended {
                Ok(Ok(committed)) => {
                    if !committed.already {
                        attempts.insert(attempt);
                    }
                    break;
                }
                // Others are further.
                Ok(Err(LakeError::OutOfTurn { found, .. })) if found > number => break,
                Ok(Err(LakeError::OutOfTurn { batch, found, .. })) => panic!("batch {batch}, table at {found}"),
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }
    attempts
}

async fn play(race: Race) {
    let flaky = Flaky::new(race.seed, race.rate);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..race.writers {
        let lake = open(Arc::new(flaky.clone())).await;
        tasks.spawn(load_all(lake, race.clone(), flaky.clone()));
    }
    let own: Vec<BTreeSet<Uuid>> = tasks.join_all().await;
    flaky.fails(0);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let store = flaky.calm();
    let fixture = fixture(&store).await;
    let expected: Vec<i64> = (1..=race.batches).flat_map(rows_of).collect();
    assert_eq!(fixture.ids().await, expected, "each row once, and all files are there");
    let table = fixture.table().await;
    assert_eq!(table.files() as i64, race.batches);
    for path in table.paths() {
        store.head(&Path::from(format!("team/lake/gold/things/{path}"))).await.unwrap();
    }
    let mut named = BTreeSet::new();
    for number in 1..=race.batches {
        named.insert(table.transaction_attempt("app", number).await.unwrap().unwrap());
    }
    assert_eq!(named.len() as i64, race.batches);
    assert_eq!(table.transaction_attempt("app", race.batches + 1).await.unwrap(), None);
    let claimed: BTreeSet<Uuid> = own.into_iter().flatten().collect();
    assert!(claimed.is_subset(&named), "who was told that it committed did");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn each_batch_is_there_exactly_once_however_the_bucket_fails(race in races()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(play(race));
    }
}
