//! Writing: append, replace, transactions, several writers at once, giving up.

use std::fs;

use deltalake_core::DeltaTableBuilder;
use headwater_lake::ledger::{Contents, Withdrawal};
use headwater_lake::{LakeError, WriteMode};
use headwater_plan::{DataType, Field, RunId, Schema};
use url::Url;

use crate::fixture::{Fixture, at, batch, built, ids_of, name, names_in, options, schema, text, write};

#[tokio::test]
async fn append_and_replace_are_one_commit_each() {
    let fixture = Fixture::new().await;
    let created = fixture.write(WriteMode::Append, &[1, 2]).await;
    assert_eq!((created.version.version, created.rows, created.already), (0, 2, false));
    assert_eq!(fixture.write(WriteMode::Append, &[3]).await.version.version, 1);
    assert_eq!(fixture.ids().await, [1, 2, 3]);
    let table = fixture.table().await;
    assert_eq!((table.rows(), table.files(), table.version().version), (Some(3), 2, 1));
    assert_eq!(table.schema(), &schema());
    assert_eq!(table.built(), Some(&built("f1")));
    assert!(table.bytes() > 0);

    let replaced = fixture.write(WriteMode::Replace, &[7]).await;
    assert_eq!(replaced.version.id, created.version.id, "it is the same table");
    assert_eq!(fixture.ids().await, [7]);
    assert_eq!(ids_of(&table, "").await, [1, 2, 3], "a table that was opened does not change");

    let history = fixture.lake.history(&name()).await.unwrap();
    let lines: Vec<_> =
        history.iter().map(|entry| (entry.version, entry.rows_added, entry.files_added, entry.files_removed)).collect();
    assert_eq!(lines, [(2, Some(1), 1, 2), (1, Some(1), 1, 0), (0, Some(2), 1, 0)]);
    assert_eq!(history[0].run_id, Some(RunId("run-1".to_string())));
    assert_eq!(history[0].timestamp.timestamp_millis(), at().timestamp_millis());
    assert_eq!(history[0].operation, "WRITE");
}

#[tokio::test]
async fn the_log_says_what_the_protocol_asks_for() {
    let fixture = Fixture::new().await;
    let writer = fixture.lake.begin_write(options(WriteMode::Append, Some(1))).await.unwrap();
    write(writer, &[1]).await.unwrap();
    let log = fs::read_to_string(fixture.table_folder().join("_delta_log/00000000000000000000.json")).unwrap();
    let mut settings = insta::Settings::clone_current();
    settings.add_filter("[0-9a-f]{8}-[0-9a-f-]{27}", "[uuid]");
    settings.add_filter(r#""(size|modificationTime)":\d+"#, "\"$1\":[number]");
    settings.add_filter(r#""numOutputBytes":"\d+""#, r#""numOutputBytes":"[number]""#);
    // Maps of the log have no order; a line a key shows what is there.
    let lines: Vec<String> = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(line).unwrap())
        .flat_map(|line| {
            line.into_iter().map(|(action, value)| {
                let mut keys: Vec<_> = value.as_object().unwrap().clone().into_iter().collect();
                keys.sort_by(|one, other| one.0.cmp(&other.0));
                let keys: Vec<String> = keys.iter().map(|(key, value)| format!("  \"{key}\":{value}")).collect();
                format!("{action}\n{}", keys.join("\n"))
            })
        })
        .collect();
    settings.bind(|| insta::assert_snapshot!(lines.join("\n")));
    assert_eq!(names_in(&fixture.table_folder().join("_delta_log")), ["00000000000000000000.json"]);
}

#[tokio::test]
async fn a_transaction_happens_once() {
    let fixture = Fixture::new().await;
    let begin = async || fixture.lake.begin_write(options(WriteMode::Append, Some(5))).await.unwrap();
    assert!(!write(begin().await, &[1]).await.unwrap().already);
    let again = write(begin().await, &[1]).await.unwrap();
    assert_eq!((again.already, again.rows, again.version.version), (true, 0, 0));
    let older = fixture.lake.begin_write(options(WriteMode::Append, Some(4))).await.unwrap();
    assert!(write(older, &[2]).await.unwrap().already);
    assert_eq!(fixture.ids().await, [1]);
    assert_eq!(fixture.data_files().len(), 1, "what was written again is removed");
    assert_eq!(fixture.table().await.transaction_version("app").await.unwrap(), Some(5));
    assert_eq!(fixture.table().await.transaction_version("other").await.unwrap(), None);
}

#[tokio::test]
async fn a_loaded_batch_stays_loaded_whoever_withdraws_it() {
    let fixture = Fixture::new().await;
    let run_id = RunId("run-1".to_string());
    let mut ledger = fixture.lake.ledger(&name(), None).await.unwrap();
    let batch = ledger.write_ahead(&run_id, at(), Contents::Files(Vec::new())).await.unwrap();
    let mut load = options(WriteMode::Replace, Some(batch.number));
    load.transaction.as_mut().unwrap().app_id = ledger.app_id();
    load.follows = Some(batch.follows);
    write(fixture.lake.begin_write(load).await.unwrap(), &[1]).await.unwrap();
    let reason = "its files cannot be loaded".to_string();
    ledger.withdraw(batch.number, Withdrawal { run_id, at: at(), reason }).await.unwrap();
    let table = fixture.table().await;
    let ledger = fixture.lake.ledger(&name(), Some(&table)).await.unwrap();
    assert!(ledger.is_committed(batch.number));
    assert_eq!(ledger.pending(), Vec::<i64>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_eight_equal_transactions_one_lands() {
    for existing in [false, true] {
        let fixture = Fixture::new().await;
        if existing {
            fixture.write(WriteMode::Append, &[]).await;
        }
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let writer = fixture.lake.begin_write(options(WriteMode::Append, Some(1))).await.unwrap();
            tasks.spawn(async move { write(writer, &[1, 2, 3]).await.unwrap() });
        }
        let committed = tasks.join_all().await;
        assert_eq!(committed.iter().filter(|committed| !committed.already).count(), 1);
        assert_eq!(fixture.ids().await, [1, 2, 3]);
        assert_eq!(fixture.data_files().len(), 1);
        let id = &committed[0].version.id;
        assert!(committed.iter().all(|committed| &committed.version.id == id), "all of them saw one table");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_at_once_all_land() {
    let fixture = Fixture::new().await;
    let mut tasks = tokio::task::JoinSet::new();
    for id in 0..8 {
        let writer = fixture.lake.begin_write(options(WriteMode::Append, None)).await.unwrap();
        tasks.spawn(async move { write(writer, &[id]).await.unwrap() });
    }
    let mut versions: Vec<u64> = tasks.join_all().await.iter().map(|committed| committed.version.version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (0..8).collect::<Vec<_>>());
    assert_eq!(fixture.ids().await, (0..8).collect::<Vec<_>>());
    let log = fixture.table_folder().join("_delta_log");
    let creations = names_in(&log)
        .iter()
        .filter(|file| fs::read_to_string(log.join(file)).unwrap().contains("\"protocol\""))
        .count();
    assert_eq!(creations, 1, "the table is created once");
}

#[tokio::test]
async fn what_is_given_up_leaves_no_files() {
    let fixture = Fixture::new().await;
    let begin = async || fixture.lake.begin_write(options(WriteMode::Append, None)).await.unwrap();

    let writer = begin().await;
    let mut part = writer.part();
    part.write(&batch(&[1])).unwrap();
    assert_eq!((part.rows(), fixture.data_files().len()), (1, 1));
    let part = part.finish().unwrap();
    assert_eq!(part.rows(), 1);
    writer.abort(vec![part]).await;
    assert_eq!(fixture.data_files(), Vec::<String>::new());

    let writer = begin().await;
    let mut part = writer.part();
    part.write(&batch(&[1])).unwrap();
    drop(part);
    assert_eq!(fixture.data_files(), Vec::<String>::new());
    drop(writer);
    assert!(fixture.lake.relation(&name()).await.unwrap().is_none());
    assert_eq!(fixture.lake.relations().await.unwrap(), []);
    assert_eq!(fixture.lake.history(&name()).await.unwrap(), []);
}

#[tokio::test]
async fn what_a_killed_process_leaves_is_no_table_and_in_nobodys_way() {
    let fixture = Fixture::new().await;
    let log = fixture.table_folder().join("_delta_log");
    fs::create_dir_all(&log).unwrap();
    fs::write(fixture.table_folder().join("part-dead.snappy.parquet"), "PAR1").unwrap();
    fs::write(log.join(".00000000000000000000.json.0af3.tmp"), "{").unwrap();
    assert!(fixture.lake.relation(&name()).await.unwrap().is_none());
    fixture.write(WriteMode::Append, &[1]).await;
    fs::write(log.join(".00000000000000000001.json.0af3.tmp"), "{").unwrap();
    fixture.write(WriteMode::Append, &[2]).await;
    assert_eq!(fixture.ids().await, [1, 2]);
    assert_eq!(fixture.lake.history(&name()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_table_without_rows_is_read() {
    let fixture = Fixture::new().await;
    let writer = fixture.lake.begin_write(options(WriteMode::Replace, None)).await.unwrap();
    let part = writer.part().finish().unwrap();
    assert_eq!(writer.commit(vec![part]).await.unwrap().rows, 0);
    assert_eq!(fixture.ids().await, Vec::<i64>::new());
    let table = fixture.table().await;
    assert_eq!((table.rows(), table.files(), table.bytes()), (Some(0), 0, 0));
    assert_eq!(fixture.data_files(), Vec::<String>::new());
}

#[tokio::test]
async fn replace_may_change_the_columns_and_keeps_history_and_id() {
    let fixture = Fixture::new().await;
    let before = fixture.write(WriteMode::Append, &[1, 2]).await.version;
    let mut wider = options(WriteMode::Replace, None);
    wider.schema.fields[0].name = "number".to_string();
    wider.schema.fields.truncate(1);
    wider.built = Some(built("f2"));
    let writer = fixture.lake.begin_write(wider).await.unwrap();
    let mut part = writer.part();
    let renamed = batch(&[3]).project(&[0]).unwrap();
    assert!(matches!(part.write(&renamed), Err(LakeError::BatchMismatch { .. })), "columns go by name");
    let renamed = arrow::array::RecordBatch::try_new(writer.arrow_schema(), renamed.columns().to_vec()).unwrap();
    part.write(&renamed).unwrap();
    let part = part.finish().unwrap();
    let after = writer.commit(vec![part]).await.unwrap().version;
    assert_eq!((&after.id, after.version), (&before.id, 1));
    let table = fixture.table().await;
    assert_eq!(table.schema(), &Schema::new(vec![Field::new("number", DataType::Long)]));
    assert_eq!(table.built(), Some(&built("f2")));
    assert_eq!(text(&table, "select * from t").await.lines().nth(3), Some("| 3      |"));

    let url = Url::from_directory_path(fixture.table_folder()).unwrap();
    let old = DeltaTableBuilder::from_url(url).unwrap().with_version(0).load().await.unwrap();
    assert_eq!(old.snapshot().unwrap().schema().fields().len(), 2);
    assert_eq!(old.get_file_uris().unwrap().count(), 1, "time travel still finds the rows");
}

#[tokio::test]
async fn many_files_and_row_groups_are_one_commit() {
    let fixture = Fixture::new().await;
    let writer = fixture.lake.begin_write(options(WriteMode::Append, None)).await.unwrap();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let mut part = writer.part();
            std::thread::spawn(move || {
                for block in 0..10 {
                    let start = (thread * 10 + block) * 1000;
                    part.write(&batch(&(start..start + 1000).collect::<Vec<_>>())).unwrap();
                }
                part.finish().unwrap()
            })
        })
        .collect();
    let parts = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let committed = writer.commit(parts).await.unwrap();
    assert_eq!(committed.rows, 40_000);
    let table = fixture.table().await;
    assert_eq!((table.files(), table.rows()), (4, Some(40_000)));
    assert_eq!(fixture.ids().await, (0..40_000).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tenth_version_is_a_checkpoint_and_nothing_is_cleaned() {
    let fixture = Fixture::new().await;
    for version in 1..=22 {
        let writer = fixture.lake.begin_write(options(WriteMode::Append, Some(version))).await.unwrap();
        let ids: &[i64] = if version == 1 { &[1] } else { &[] };
        write(writer, ids).await.unwrap();
    }
    let log = names_in(&fixture.table_folder().join("_delta_log"));
    assert_eq!(log.iter().filter(|file| file.ends_with(".json")).count(), 22);
    let checkpoints: Vec<&str> =
        log.iter().filter_map(|file| file.strip_suffix(".checkpoint.parquet")).map(|version| &version[18..]).collect();
    assert_eq!(checkpoints, ["09", "19"]);
    let table = fixture.table().await;
    assert_eq!(table.version().version, 21);
    assert_eq!(table.transaction_version("app").await.unwrap(), Some(22), "it outlives the checkpoint");
    assert_eq!(table.built(), Some(&built("f1")));
    assert_eq!(fixture.ids().await, [1]);
}

#[tokio::test]
async fn a_commit_by_another_engine_does_not_hide_what_was_built() {
    let fixture = Fixture::new().await;
    fixture.write(WriteMode::Append, &[1]).await;
    let foreign = r#"{"commitInfo":{"timestamp":1700000000000,"operation":"OPTIMIZE"}}"#;
    fs::write(fixture.table_folder().join("_delta_log/00000000000000000001.json"), foreign).unwrap();
    let table = fixture.table().await;
    assert_eq!((table.version().version, table.built()), (1, Some(&built("f1"))));
    let history = fixture.lake.history(&name()).await.unwrap();
    assert_eq!((history[0].operation.as_str(), &history[0].run_id), ("OPTIMIZE", &None));
}

/// Never change this text: it is how the first Headwater wrote a commit.
#[tokio::test]
async fn the_oldest_provenance_is_read() {
    let fixture = Fixture::new().await;
    fixture.write(WriteMode::Append, &[1]).await;
    let oldest = r#"{"commitInfo":{"timestamp":1700000000000,"operation":"x","headwater":{"version":"1","run_id":"r","built":{"fingerprint":"f","inputs":{"bronze.a":{"id":"i","version":3}}}}}}"#;
    fs::write(fixture.table_folder().join("_delta_log/00000000000000000001.json"), oldest).unwrap();
    let table = fixture.table().await;
    assert_eq!(table.run_id(), Some(&RunId("r".to_string())));
    let input = &table.built().unwrap().inputs[&headwater_plan::TableName::new("bronze", "a")];
    assert_eq!((input.id.as_str(), input.version), ("i", 3));
}

/// Never change this text: it is how the first runner on Spark wrote a commit.
#[tokio::test]
async fn what_spark_wrote_is_read_too() {
    let fixture = Fixture::new().await;
    fixture.write(WriteMode::Append, &[1]).await;
    let told = r#"{\"headwater\":{\"built\":{\"fingerprint\":\"f\",\"inputs\":{\"bronze.a\":{\"id\":\"i\",\"version\":3}}},\"run_id\":\"r\",\"spans\":{\"done\":3,\"from\":1,\"newest\":9},\"version\":\"1\"}}"#;
    let entry =
        format!(r#"{{"commitInfo":{{"timestamp":1700000000000,"operation":"MERGE","userMetadata":"{told}"}}}}"#);
    fs::write(fixture.table_folder().join("_delta_log/00000000000000000001.json"), entry).unwrap();
    let table = fixture.table().await;
    assert_eq!(table.run_id(), Some(&RunId("r".to_string())));
    let built = table.built().unwrap();
    let input = &built.inputs[&headwater_plan::TableName::new("bronze", "a")];
    assert_eq!((built.fingerprint.as_str(), input.id.as_str(), input.version), ("f", "i", 3));
    assert_eq!(table.spans_done().map(|done| (done.newest, done.from, done.done)), Some((9, 1, 3)));
}

#[tokio::test]
async fn metadata_of_another_user_of_spark_is_nobodys() {
    let fixture = Fixture::new().await;
    fixture.write(WriteMode::Append, &[1]).await;
    let entry = r#"{"commitInfo":{"timestamp":1700000000000,"operation":"WRITE","userMetadata":"nightly"}}"#;
    fs::write(fixture.table_folder().join("_delta_log/00000000000000000001.json"), entry).unwrap();
    assert_eq!(fixture.table().await.built(), Some(&built("f1")), "that of the commit before");
}
