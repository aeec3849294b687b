//! The ledger's promise under every order of events: a file is in exactly one committed batch.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use proptest::prelude::*;

use super::*;

const AT: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn run() -> RunId {
    RunId("run".to_string())
}

fn target() -> TableName {
    TableName::new("bronze", "events")
}

fn file(number: u32) -> LedgerFile {
    LedgerFile { path: format!("/in/{number}.csv"), size: number.into(), tag: "t".to_string() }
}

async fn open_at(folder: &tempfile::TempDir) -> Lake {
    Lake::open(&folder.path().display().to_string(), "lake").await.unwrap()
}

/// What a process may do next. A process that dies forgets everything but the disk.
#[derive(Debug, Clone)]
enum Event {
    /// Files arrive.
    Arrive(u32),
    /// A run lists the files and plans a batch of what is new, then dies.
    PlanAndDie,
    /// A run lists, plans, and commits so many of the pending batches before it dies or ends.
    Run(usize),
    /// A run loads a batch and dies after the commit, before it could note that.
    CommitUnseen,
    /// A run plans, finds that the last batch cannot be loaded, takes it back, and ends.
    Withdraw,
    /// Two runs plan at once from the same view of the ledger.
    Race,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        3 => (1..4u32).prop_map(Event::Arrive),
        2 => Just(Event::PlanAndDie),
        3 => (0..3usize).prop_map(Event::Run),
        1 => Just(Event::CommitUnseen),
        2 => Just(Event::Withdraw),
        1 => Just(Event::Race),
    ];
    prop::collection::vec(event, 1..14)
}

/// The table, as far as the ledger sees it: rows and transaction number change together or not at all.
#[derive(Default)]
struct Table {
    transaction: i64,
    loaded: BTreeMap<LedgerFile, u32>,
}

impl Table {
    fn commit(&mut self, batch: &Batch) {
        if batch.number <= self.transaction {
            return;
        }
        assert_eq!(batch.number, self.transaction + 1, "batches are loaded in order");
        self.transaction = batch.number;
        for file in &batch.files {
            *self.loaded.entry(file.clone()).or_default() += 1;
        }
    }
}

async fn play(events: Vec<Event>) {
    let folder = tempfile::tempdir().unwrap();
    let lake = open_at(&folder).await;
    let mut there: Vec<LedgerFile> = Vec::new();
    let mut table = Table::default();
    let plan = async |ledger: &mut Ledger, there: &[LedgerFile], loaded: i64| {
        let mut arrivals = ledger.sort_out(there, loaded);
        assert_eq!(arrivals.changed, []);
        assert_eq!(arrivals.missing, []);
        if !arrivals.new.is_empty() {
            arrivals.pending.push(ledger.write_ahead(&run(), AT, arrivals.new).await?);
        }
        Ok::<_, LakeError>(arrivals.pending)
    };
    for event in events.into_iter().chain([Event::Run(usize::MAX)]) {
        let mut ledger = lake.ledger(&target()).await.unwrap();
        match event {
            Event::Arrive(count) => {
                let next = u32::try_from(there.len()).unwrap();
                there.extend((next..next + count).map(file));
            }
            Event::PlanAndDie => drop(plan(&mut ledger, &there, table.transaction).await.unwrap()),
            Event::Run(commits) => {
                let pending = plan(&mut ledger, &there, table.transaction).await.unwrap();
                pending.iter().take(commits).for_each(|batch| table.commit(batch));
            }
            Event::CommitUnseen => {
                // A run that took its view before the commit tries the same batch again.
                let pending = plan(&mut ledger, &there, table.transaction).await.unwrap();
                pending.iter().chain(&pending).take(1).for_each(|batch| table.commit(batch));
                pending.iter().for_each(|batch| table.commit(batch));
            }
            Event::Withdraw => {
                let pending = plan(&mut ledger, &there, table.transaction).await.unwrap();
                if let Some(last) = pending.last() {
                    ledger.withdraw(last.number).await.unwrap();
                }
            }
            Event::Race => {
                let mut other = ledger.clone();
                let first = plan(&mut ledger, &there, table.transaction).await;
                let second = plan(&mut other, &there, table.transaction).await;
                first.unwrap();
                assert!(matches!(second, Ok(_) | Err(LakeError::BatchTaken { .. })));
            }
        }
    }
    let expected: BTreeMap<LedgerFile, u32> = there.into_iter().map(|file| (file, 1)).collect();
    assert_eq!(table.loaded, expected);
    let ledger = lake.ledger(&target()).await.unwrap();
    let planned: Vec<&LedgerFile> = ledger.batches().iter().flat_map(|batch| &batch.files).collect();
    assert_eq!(planned.iter().collect::<BTreeSet<_>>().len(), planned.len(), "a file is in one batch");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn each_file_is_in_exactly_one_committed_batch(events in events()) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(play(events));
    }
}

#[tokio::test]
async fn generations_start_over_and_the_newest_begun_one_counts() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open_at(&folder).await;
    let mut ledger = lake.ledger(&target()).await.unwrap();
    assert_eq!((ledger.generation(), ledger.app_id().as_str()), (1, "headwater:bronze.events:1"));
    assert!(ledger.write_ahead(&run(), AT, vec![file(1)]).await.unwrap().replace);
    assert!(!ledger.write_ahead(&run(), AT, vec![file(2)]).await.unwrap().replace);

    ledger.next_generation();
    assert_eq!(lake.ledger(&target()).await.unwrap().generation(), 1, "nothing is written yet");
    let arrivals = ledger.sort_out(&[file(1), file(2)], 0);
    assert_eq!(arrivals.new, [file(1), file(2)]);
    ledger.write_ahead(&run(), AT, arrivals.new).await.unwrap();

    let again = lake.ledger(&target()).await.unwrap();
    assert_eq!((again.generation(), again.app_id().as_str()), (2, "headwater:bronze.events:2"));
    assert_eq!(again.batches(), ledger.batches());
    assert!(again.batches()[0].replace);
}

#[tokio::test]
async fn files_are_sorted_out() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open_at(&folder).await;
    let mut ledger = lake.ledger(&target()).await.unwrap();
    ledger.write_ahead(&run(), AT, vec![file(1), file(2)]).await.unwrap();
    ledger.write_ahead(&run(), AT, vec![file(3), file(4)]).await.unwrap();
    let changed = LedgerFile { tag: "other".to_string(), ..file(2) };
    let arrivals = ledger.sort_out(&[file(1), changed.clone(), file(3), file(5), file(5)], 1);
    assert_eq!(arrivals.loaded, 2);
    assert_eq!(arrivals.changed, [changed]);
    assert_eq!(arrivals.new, [file(5)]);
    assert_eq!(arrivals.pending, ledger.batches()[1..]);
    assert_eq!(arrivals.missing, [file(4)]);
}

#[tokio::test]
async fn a_generation_goes_with_its_only_batch() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open_at(&folder).await;
    let mut ledger = lake.ledger(&target()).await.unwrap();
    ledger.write_ahead(&run(), AT, vec![file(1)]).await.unwrap();
    ledger.write_ahead(&run(), AT, vec![file(2)]).await.unwrap();
    ledger.next_generation();
    ledger.write_ahead(&run(), AT, vec![file(4)]).await.unwrap();
    ledger.withdraw(1).await.unwrap();
    let back = lake.ledger(&target()).await.unwrap();
    assert_eq!((back.generation(), back.batches().len()), (1, 2), "the generation before counts again");
}

#[tokio::test]
async fn two_processes_cannot_plan_one_batch() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open_at(&folder).await;
    let mut one = lake.ledger(&target()).await.unwrap();
    let mut other = one.clone();
    one.write_ahead(&run(), AT, vec![file(1)]).await.unwrap();
    let lost = other.write_ahead(&run(), AT, vec![file(1)]).await.unwrap_err();
    assert!(matches!(lost, LakeError::BatchTaken { batch: 1, .. }), "{lost}");
    assert_eq!(lake.ledger(&target()).await.unwrap().batches().len(), 1);
}

#[tokio::test]
async fn only_the_last_batch_is_withdrawn_and_its_files_are_new_again() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open_at(&folder).await;
    let mut ledger = lake.ledger(&target()).await.unwrap();
    ledger.write_ahead(&run(), AT, vec![file(1)]).await.unwrap();
    ledger.write_ahead(&run(), AT, vec![file(2)]).await.unwrap();
    assert!(matches!(ledger.withdraw(1).await, Err(LakeError::BatchLoaded { batch: 1, .. })));
    ledger.withdraw(2).await.unwrap();
    let mut ledger = lake.ledger(&target()).await.unwrap();
    assert_eq!(ledger.sort_out(&[file(1), file(2)], 1).new, [file(2)]);
    assert_eq!(ledger.write_ahead(&run(), AT, vec![file(3)]).await.unwrap().number, 2);
}

/// Never change this text: it is what the first Headwater wrote.
const OLDEST: &str = r#"{"version":1,"batch":1,"run_id":"01890a5d","planned_at":"2024-05-06T07:08:09Z","replace":true,"files":[{"path":"/in/a.csv","size":12,"tag":"2024-05-06T07:00:00.000000001Z"}]}"#;

#[tokio::test]
async fn the_oldest_ledger_file_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open_at(&folder).await;
    let path = lake.ledger(&target()).await.unwrap().file(1);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, OLDEST).unwrap();
    // What a process leaves that dies while it stages the next batch.
    fs::write(path.with_file_name(".00000000000000000002.json.0af3.tmp"), "{").unwrap();
    let ledger = lake.ledger(&target()).await.unwrap();
    let batch = Batch {
        number: 1,
        run_id: RunId("01890a5d".to_string()),
        planned_at: "2024-05-06T07:08:09Z".parse().unwrap(),
        replace: true,
        files: vec![LedgerFile {
            path: "/in/a.csv".to_string(),
            size: 12,
            tag: "2024-05-06T07:00:00.000000001Z".to_string(),
        }],
    };
    assert_eq!(ledger.batches(), std::slice::from_ref(&batch));
    assert_eq!(String::from_utf8(format::to_json(&batch).unwrap()).unwrap(), OLDEST, "and it is what is written today");
}

#[tokio::test]
async fn a_damaged_newer_or_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open_at(&folder).await;
    let path = lake.ledger(&target()).await.unwrap().file(1);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let names = |error: &LakeError| error.to_string().contains(&path.display().to_string());
    for (text, newer) in [
        ("", false),
        ("{\"version\":1}", false),
        (&OLDEST.replace("\"batch\":1", "\"batch\":7"), false),
        (&OLDEST.replace("\"version\":1", "\"version\":2"), true),
    ] {
        fs::write(&path, text).unwrap();
        let error = lake.ledger(&target()).await.unwrap_err();
        assert!(names(&error), "{error}");
        assert_eq!(matches!(error, LakeError::NewerLedger { version: 2, .. }), newer, "{error}");
        assert_eq!(error.diagnostic().code, headwater_plan::Code::InvalidLedger);
    }
    fs::write(&path, OLDEST).unwrap();
    fs::write(path.with_file_name("00000000000000000003.json"), OLDEST).unwrap();
    let error = lake.ledger(&target()).await.unwrap_err();
    assert!(matches!(&error, LakeError::DamagedLedger { why, .. } if why.contains("batch 2")), "{error}");
}
