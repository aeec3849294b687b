//! The ledger: which files were loaded into a table, in which batch, and what became of every record.
//!
//! Risk: a file loaded twice or never, by processes that run at once and die anywhere, without a lock (a bucket has
//! none). Everything hangs on two puts that succeed for one process only: that of a batch's file here, and that of the
//! entry in the table's log.
//!
//! 1. **Write ahead.** A batch, the exact list of its files, is written under the next number that nobody took
//!    ([`Ledger::write_ahead`]). It *follows* the batch that the table held when the list was made.
//! 2. **Stage.** Its rows and its quarantined rows become Parquet files that no table names yet, then an *attempt* says
//!    what the quarantine is to get and counts every file's records ([`Ledger::stage`]).
//! 3. **Commit.** One entry in the table's log holds the rows, the batch's number as a Delta transaction (`txn`) of
//!    [`Ledger::app_id`], and the attempt. It is made only while the table stands at exactly the batch that this one
//!    follows. This entry decides everything; what comes after repeats what it says until it is done.
//! 4. **Finish.** The quarantine gets the attempt's rows, under a transaction of its own; files are archived or deleted;
//!    a *done* file keeps the account ([`Ledger::finish`]). Whoever comes first finishes what another had committed, and
//!    nothing new begins before ([`Ledger::unfinished`]).
//!
//! Why no file is loaded twice: the batches that a table holds are the chain from the one that its transaction names,
//! through the one that each follows, to the first. A batch's list of files was made from the chain of the batch that it
//! follows, without any file of that chain; and it is committed on top of exactly that chain or never. Nothing else that
//! the ledger says (pending, withdrawn, done) matters for that, so that it may be read a moment too early or too late.
//! Why none is lost: a file in no batch of the chain is new, or waits in a pending batch, which is loaded first.
//!
//! A *pending* batch follows what the table holds, and is loaded exactly as written by the next run. One whose files
//! cannot be loaded is *withdrawn*: its files are free again, to be mended, replaced or removed. If another process
//! commits it all the same, it is in the chain, and the withdrawal means nothing.
//!
//! A *generation* starts over: its first batch replaces the table (`--full-refresh`, and the very first load), and ends
//! all earlier generations in the same commit ([`Ledger::retires`]), so that a slow process of one of those cannot add
//! to what replaced it. If the table is lost, its transactions are too: all batches are pending again, and it is rebuilt
//! as it was, its quarantine with it.
//!
//! A file may be *forgotten* ([`Ledger::forget`]): it counts as never loaded up to a batch.

mod format;
mod paths;
mod read;
mod sort;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use headwater_plan::{RunId, Skipped, TableName};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Lake;
use crate::write::{AppTransaction, StagedFile};

pub use format::Withdrawal;
use paths::Paths;
pub use read::Unfinished;
pub use sort::{Arrivals, FileCount};

/// The number at which a generation stands once a later one has begun.
const RETIRED: i64 = i64::MAX;

/// A file as the ledger knows it. Its identity is all three: a file that changes is another file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LedgerFile {
    /// Where it lies: an absolute path without links in its folders, or a URL.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// What changes when its content does: a modification time or an `ETag`.
    pub tag: String,
}

/// What is loaded together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its number in its generation, from 1: the version of its transaction.
    pub number: i64,
    /// What tells it from one that another process wrote under the same number; `None` in the first format.
    pub id: Option<Uuid>,
    /// The run that planned it.
    pub run_id: RunId,
    /// When.
    pub planned_at: DateTime<Utc>,
    /// Whether its rows replace the table instead of adding to it.
    pub replace: bool,
    /// The batch that the table must hold last when this one is committed; 0: none.
    pub follows: i64,
    /// What is loaded.
    pub contents: Contents,
}

/// What a batch loads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contents {
    /// Files.
    Files(Vec<LedgerFile>),
    /// The records in quarantine, once more.
    Replay,
    /// Nothing: records leave the quarantine. A batch all the same, so that it comes before or after a load or a
    /// replay, and never in between.
    Drop,
}

impl Batch {
    /// Its files; none of a replay.
    pub fn files(&self) -> &[LedgerFile] {
        match &self.contents {
            Contents::Files(files) => files,
            Contents::Replay | Contents::Drop => &[],
        }
    }
}

/// A try to load a batch: what was staged for it. The commit of the batch names the try that it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its name.
    pub id: Uuid,
    /// The batch.
    pub batch: i64,
    /// The run that tried.
    pub run_id: RunId,
    /// When.
    pub at: DateTime<Utc>,
    /// What happens to the quarantine; `None`: nothing.
    pub quarantine: Option<QuarantineChange>,
    /// What became of every record of each file.
    pub account: Vec<FileAccount>,
}

/// What a batch does to the quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineChange {
    /// Whether the rows that are there go.
    pub replace: bool,
    /// The rows that come.
    pub add: Vec<StagedFile>,
}

/// What became of the records of a file: `records` is the sum of `loaded` and `quarantined`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileAccount {
    /// The file.
    pub path: String,
    /// Its records.
    pub records: u64,
    /// Those that are in the table.
    pub loaded: u64,
    /// Those that were set aside.
    pub quarantined: u64,
    /// What was no record.
    pub skipped: Skipped,
}

/// Files that count as never loaded, by an explicit act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// Up to which batch.
    pub through: i64,
    /// The command that did it.
    pub run_id: RunId,
    /// When.
    pub at: DateTime<Utc>,
    /// The files.
    pub files: Vec<LedgerFile>,
}

/// The batches of a table, as they were at one moment beside the table as it was just before.
#[derive(Debug, Clone)]
pub struct Ledger {
    lake: Lake,
    target: TableName,
    paths: Paths,
    generation: u64,
    /// Where the table stands in every generation of which there is a file.
    through: BTreeMap<u64, i64>,
    /// Those of the current generation, in order.
    batches: Vec<Batch>,
    committed: BTreeSet<i64>,
    withdrawn: BTreeSet<i64>,
    forgotten: Vec<Forgotten>,
    /// The attempts that are there, of all generations, and those that are done.
    attempts: BTreeSet<(u64, i64, Uuid)>,
    done: BTreeSet<(u64, i64, Uuid)>,
}

impl Ledger {
    /// The current generation, from 1.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The application whose Delta transactions are this generation's batches.
    pub fn app_id(&self) -> String {
        app_id(&self.target, self.generation)
    }

    /// The application whose transactions in the quarantine's log are a generation's batches, as they were loaded into
    /// the table of an id: if that table is lost and rebuilt, so is its quarantine.
    pub fn quarantine_app_id(&self, generation: u64, table_id: &str) -> String {
        format!("{}:quarantine:{table_id}", app_id(&self.target, generation))
    }

    /// The last batch that the table holds; 0: none.
    pub fn through(&self) -> i64 {
        self.through.get(&self.generation).copied().unwrap_or(0)
    }

    /// The batches of the current generation, in order, whatever became of them.
    pub fn batches(&self) -> &[Batch] {
        &self.batches
    }

    /// The batch of a number.
    pub fn batch(&self, number: i64) -> Option<&Batch> {
        sort::find(&self.batches, number)
    }

    /// Whether the table holds a batch.
    pub fn is_committed(&self, number: i64) -> bool {
        self.committed.contains(&number)
    }

    /// Whether somebody withdrew a batch. If the table holds it nevertheless, that means nothing.
    pub fn is_withdrawn(&self, number: i64) -> bool {
        self.withdrawn.contains(&number)
    }

    /// The batches that wait to be loaded, in order.
    pub fn pending(&self) -> Vec<i64> {
        sort::pending(&self.batches, &self.withdrawn, self.through())
    }

    /// What was forgotten, in the order of the batches.
    pub fn forgotten(&self) -> &[Forgotten] {
        &self.forgotten
    }

    /// Sorts the files that are there into loaded, pending, new and changed. Their paths are as [`Ledger::named`] gives
    /// them.
    pub fn sort_out(&self, listed: &[LedgerFile]) -> Arrivals {
        self.known().sort_out(listed)
    }

    /// The files that the table holds and that were not forgotten, each with the batch that loaded it.
    pub fn loaded(&self) -> Vec<(&LedgerFile, i64)> {
        self.known().loaded()
    }

    fn known(&self) -> sort::Known<'_> {
        sort::Known {
            batches: &self.batches,
            committed: &self.committed,
            pending: self.pending(),
            forgotten: &self.forgotten,
        }
    }

    /// Files by the names that the ledger knows them by: without links in their folders. Reads the disk.
    pub fn named(&self, files: Vec<LedgerFile>) -> Vec<LedgerFile> {
        files.into_iter().map(|file| self.paths.resolve_file(file)).collect()
    }

    /// The generations that end with a batch that replaces the table, each at the batch up to which this ledger knows
    /// what it loaded: if it stands elsewhere by then, the batch is out of turn.
    pub fn retires(&self, batch: &Batch) -> Vec<AppTransaction> {
        if !batch.replace {
            return Vec::new();
        }
        let earlier = self.through.range(..self.generation).filter(|(_, through)| **through != RETIRED);
        earlier
            .map(|(generation, through)| AppTransaction {
                app_id: app_id(&self.target, *generation),
                version: *through,
            })
            .collect()
    }

    /// Starts over with an empty generation, whose first batch will replace the table. Writes nothing: the generation
    /// is there once its first batch is.
    pub fn next_generation(&mut self) {
        // One that holds no file yet is as empty as any other.
        self.generation = self.through.keys().next_back().map_or(self.generation, |last| last + 1);
        self.batches.clear();
        self.committed.clear();
        self.withdrawn.clear();
        self.forgotten.clear();
    }
}

fn app_id(target: &TableName, generation: u64) -> String {
    format!("headwater:{target}:{generation}")
}

#[cfg(test)]
mod tests;
