//! The ledger by itself: what it writes is what it reads. Every order of events is in `model`.

mod formats;
mod model;

use std::path::PathBuf;

use super::*;
use crate::LakeError;
use crate::ledger::read::{Name, Transactions};

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

fn withdrawal(reason: &str) -> Withdrawal {
    Withdrawal { run_id: run(), at: AT, reason: reason.to_string() }
}

fn attempt(batch: i64) -> Attempt {
    Attempt { id: Uuid::new_v4(), batch, run_id: run(), at: AT, quarantine: None, account: Vec::new() }
}

async fn open_at(folder: &tempfile::TempDir) -> Lake {
    Lake::open(&folder.path().display().to_string(), "lake", None).await.unwrap()
}

/// A table of which only the transactions are known: each application's version and attempt.
#[derive(Debug, Clone, Default)]
struct Stands(BTreeMap<String, (i64, Option<Uuid>)>);

impl Stands {
    fn at(generation: u64, through: i64, attempt: Option<Uuid>) -> Self {
        Self(BTreeMap::from([(app_id(&target(), generation), (through, attempt))]))
    }
}

impl Transactions for Stands {
    async fn version(&self, app_id: &str) -> Result<i64, LakeError> {
        Ok(self.0.get(app_id).map_or(0, |(version, _)| *version))
    }

    async fn attempt(&self, app_id: &str, version: i64) -> Result<Option<Uuid>, LakeError> {
        Ok(self.0.get(app_id).filter(|(at, _)| *at == version).and_then(|(_, attempt)| *attempt))
    }
}

async fn read(lake: &Lake, stands: &Stands) -> Ledger {
    Ledger::read(lake, &target(), stands).await.unwrap()
}

fn files(numbers: &[u32]) -> Contents {
    Contents::Files(numbers.iter().copied().map(file).collect())
}

#[tokio::test]
async fn a_batch_follows_what_the_table_holds_and_numbers_are_never_used_twice() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open_at(&folder).await;
    let mut ledger = read(&lake, &Stands::default()).await;
    let first = ledger.write_ahead(&run(), AT, files(&[1])).await.unwrap();
    assert_eq!((first.number, first.follows, first.replace), (1, 0, true));
    ledger.withdraw(1, withdrawal("bad")).await.unwrap();
    let second = ledger.write_ahead(&run(), AT, files(&[1])).await.unwrap();
    assert_eq!((second.number, second.follows, second.replace), (2, 0, true));

    let mut ledger = read(&lake, &Stands::at(1, 2, None)).await;
    assert!(!ledger.is_committed(1) && ledger.is_committed(2) && ledger.is_withdrawn(1));
    let third = ledger.write_ahead(&run(), AT, files(&[2])).await.unwrap();
    assert_eq!((third.number, third.follows, third.replace), (3, 2, false));
    assert_eq!(ledger.pending(), [3]);
    assert_eq!(ledger.withdrawals().await.unwrap()[&1].reason, "bad");
}

#[tokio::test]
async fn files_are_sorted_out() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open_at(&folder).await;
    let mut ledger = read(&lake, &Stands::default()).await;
    ledger.write_ahead(&run(), AT, files(&[1, 2])).await.unwrap();
    let mut ledger = read(&lake, &Stands::at(1, 1, None)).await;
    ledger.write_ahead(&run(), AT, files(&[3, 4, 7])).await.unwrap();
    let changed = LedgerFile { tag: "other".to_string(), ..file(2) };
    let replaced = LedgerFile { size: 9, ..file(7) };
    let listed = [file(1), changed.clone(), file(3), file(5), file(5), replaced.clone()];
    let arrivals = ledger.sort_out(&listed);
    assert_eq!(arrivals.loaded, FileCount { files: 2, bytes: 3 });
    assert_eq!(arrivals.changed, [changed]);
    assert_eq!(arrivals.new, [file(5)]);
    assert_eq!(arrivals.pending, [2]);
    assert_eq!(arrivals.vanished, [file(4)]);
    assert_eq!(arrivals.replaced, std::slice::from_ref(&replaced));

    ledger.withdraw(2, withdrawal("a file changed")).await.unwrap();
    let arrivals = ledger.sort_out(&listed);
    assert_eq!(arrivals.new, [file(3), file(5), replaced]);
    assert_eq!((arrivals.pending, arrivals.vanished, arrivals.replaced), Default::default());
}

#[tokio::test]
async fn a_withdrawal_that_came_too_late_means_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open_at(&folder).await;
    let mut ledger = read(&lake, &Stands::default()).await;
    ledger.write_ahead(&run(), AT, files(&[1])).await.unwrap();
    ledger.withdraw(1, withdrawal("it seemed stuck")).await.unwrap();
    // Planned by the one who withdrew; the other committed batch 1 meanwhile.
    ledger.write_ahead(&run(), AT, files(&[1, 2])).await.unwrap();
    let ledger = read(&lake, &Stands::at(1, 1, None)).await;
    let arrivals = ledger.sort_out(&[file(1), file(2)]);
    assert_eq!((arrivals.loaded.files, arrivals.new), (1, vec![file(2)]), "batch 2 follows nothing and is void");
    assert!(arrivals.pending.is_empty());
    // And the other way round: batch 2 was committed, so that batch 1 never can be.
    let ledger = read(&lake, &Stands::at(1, 2, None)).await;
    assert!(!ledger.is_committed(1));
    assert_eq!(ledger.sort_out(&[file(1), file(2)]).loaded.files, 2);
}

#[tokio::test]
async fn two_processes_cannot_plan_one_batch() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open_at(&folder).await;
    let mut one = read(&lake, &Stands::default()).await;
    let mut other = one.clone();
    one.write_ahead(&run(), AT, files(&[1])).await.unwrap();
    let lost = other.write_ahead(&run(), AT, files(&[1])).await.unwrap_err();
    assert!(matches!(lost, LakeError::BatchTaken { batch: 1, .. }), "{lost}");
    assert_eq!(read(&lake, &Stands::default()).await.batches().len(), 1);
}

#[tokio::test]
async fn a_generation_ends_those_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open_at(&folder).await;
    let mut ledger = read(&lake, &Stands::default()).await;
    ledger.next_generation();
    assert_eq!(ledger.generation(), 1, "the first is empty");
    ledger.write_ahead(&run(), AT, files(&[1])).await.unwrap();
    assert_eq!(ledger.retires(&ledger.batches()[0]), []);

    let stands = Stands::at(1, 1, None);
    let mut ledger = read(&lake, &stands).await;
    ledger.next_generation();
    assert_eq!(read(&lake, &stands).await.generation(), 1, "nothing is written yet");
    assert_eq!(ledger.sort_out(&[file(1), file(2)]).new, [file(1), file(2)]);
    let first = ledger.write_ahead(&run(), AT, files(&[1, 2])).await.unwrap();
    let retired = AppTransaction { app_id: "headwater:bronze.events:1".to_string(), version: 1 };
    assert_eq!(ledger.retires(&first), std::slice::from_ref(&retired));

    // Another process finds it, and would do the same.
    let mut again = read(&lake, &stands).await;
    assert_eq!((again.generation(), again.app_id().as_str()), (2, "headwater:bronze.events:2"));
    assert_eq!(again.retires(&first), [retired]);
    assert_eq!(again.pending(), [1]);
    // Withdrawn, the generation before counts again; its number is not used again.
    again.withdraw(1, withdrawal("bad")).await.unwrap();
    let mut back = read(&lake, &stands).await;
    assert_eq!((back.generation(), back.through()), (1, 1));
    back.next_generation();
    assert_eq!(back.generation(), 3);
    // Committed all the same, it has begun.
    let ended = Stands([stands.0, Stands::at(2, 1, None).0].into_iter().flatten().collect());
    assert_eq!(read(&lake, &ended).await.generation(), 2);
}

#[tokio::test]
async fn what_was_committed_is_finished_once() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open_at(&folder).await;
    let mut ledger = read(&lake, &Stands::default()).await;
    let batch = ledger.write_ahead(&run(), AT, files(&[1])).await.unwrap();
    let account = FileAccount { path: file(1).path, records: 3, loaded: 2, quarantined: 1, ..FileAccount::default() };
    let tried = Attempt { account: vec![account.clone()], ..attempt(1) };
    let lost = attempt(1);
    ledger.stage(&tried).await.unwrap();
    ledger.stage(&lost).await.unwrap();

    let stands = Stands::at(1, 1, Some(tried.id));
    let mut ledger = read(&lake, &stands).await;
    let unfinished = ledger.unfinished_in(&stands).await.unwrap();
    assert_eq!(unfinished, [Unfinished { generation: 1, batch, attempt: tried.clone() }]);
    let mut slow = ledger.clone();
    ledger.finish(&unfinished[0]).await.unwrap();
    assert_eq!(slow.unfinished_in(&stands).await.unwrap(), [], "another process was faster");
    slow.finish(&unfinished[0]).await.unwrap();
    let ledger = read(&lake, &stands).await;
    assert_eq!(ledger.unfinished_in(&stands).await.unwrap(), []);
    assert_eq!(ledger.accounts().await.unwrap()[&1].account, [account]);
    assert!(ledger.attempts.is_empty(), "what was staged is gone, that of others too");

    // The table was lost and is rebuilt: what is done is the old attempt, not the new one.
    let rebuilt = attempt(1);
    ledger.stage(&rebuilt).await.unwrap();
    let stands = Stands::at(1, 1, Some(rebuilt.id));
    assert_eq!(read(&lake, &stands).await.unfinished_in(&stands).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_forgotten_file_is_new_until_it_is_loaded_again() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open_at(&folder).await;
    let mut ledger = read(&lake, &Stands::default()).await;
    ledger.write_ahead(&run(), AT, files(&[1, 2])).await.unwrap();
    let mut ledger = read(&lake, &Stands::at(1, 1, None)).await;
    ledger.forget(&run(), AT, vec![file(1)]).await.unwrap();
    let mut ledger = read(&lake, &Stands::at(1, 1, None)).await;
    assert_eq!(ledger.forgotten().len(), 1);
    assert_eq!(ledger.sort_out(&[file(1), file(2)]).new, [file(1)]);
    ledger.write_ahead(&run(), AT, files(&[1])).await.unwrap();
    let ledger = read(&lake, &Stands::at(1, 2, None)).await;
    assert_eq!(ledger.sort_out(&[file(1), file(2)]).new, []);
    assert_eq!(ledger.loaded(), [(&file(2), 1), (&file(1), 2)]);
}

#[tokio::test]
async fn a_project_that_moves_as_a_whole_knows_its_files_again() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().canonicalize().unwrap();
    let at = |project: &str| home.join(project);
    let files_at = |project: &str| {
        let path = at(project).join("incoming/a.csv").display().to_string();
        let inside = LedgerFile { path, ..file(1) };
        vec![inside, LedgerFile { path: "s3://in/b.csv".to_string(), ..file(2) }, file(3)]
    };
    let lake_at = async |project: &str| {
        let lake: PathBuf = at(project).join("lake");
        Lake::open(&lake.display().to_string(), "lake", None).await.unwrap()
    };
    std::fs::create_dir_all(at("old/incoming")).unwrap();
    let lake = lake_at("old").await;
    let mut ledger = read(&lake, &Stands::default()).await;
    ledger.write_ahead(&run(), AT, Contents::Files(files_at("old"))).await.unwrap();
    std::fs::rename(at("old"), at("new")).unwrap();
    let ledger = read(&lake_at("new").await, &Stands::at(1, 1, None)).await;
    assert_eq!(ledger.sort_out(&ledger.named(files_at("new"))).loaded.files, 3);
    assert_eq!(ledger.sort_out(&ledger.named(files_at("new"))).new, []);

    // A link to the project leads to the same files.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(at("new"), at("link")).unwrap();
        let ledger = read(&lake_at("link").await, &Stands::at(1, 1, None)).await;
        assert_eq!(ledger.sort_out(&ledger.named(files_at("link"))).new, []);
        assert_eq!(ledger.sort_out(&ledger.named(files_at("new"))).new, []);
    }
}

/// Where a file of the ledger lies on the disk.
fn on_disk(lake: &Lake, ledger: &Ledger, name: Name) -> PathBuf {
    lake.local(&ledger.path(ledger.generation(), name).unwrap()).unwrap()
}
