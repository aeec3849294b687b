//! The lines in which a source is told of.

use chrono::{DateTime, Utc};
use headwater_lake::{FileAccount, FileCount};
use headwater_plan::{Diagnostic, RunId, Skipped};
use serde::Serialize;

/// A source beside what is loaded of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct SourceState {
    /// The files that are there.
    pub arrived: FileCount,
    /// The files whose rows are in the table, there or not.
    pub loaded: FileCount,
    /// The files that the next run loads.
    pub waiting: FileCount,
    /// Of those, the files of batches that an earlier run did not finish.
    pub resumed: u64,
    /// Of those, the files that were loaded and have changed since.
    pub changed: u64,
    /// Of those, the files that changed a moment ago and may still be growing.
    pub settling: u64,
    /// Files that have changed since they were loaded, and are left alone.
    pub ignored: u64,
    /// The rows of the table now.
    pub rows: u64,
    /// The rows of its quarantine now.
    pub quarantined: u64,
    /// When the last batch of files was planned that is loaded.
    pub loaded_at: Option<DateTime<Utc>>,
    /// When the oldest of the waiting files changed last; objects do not tell.
    pub waiting_since: Option<DateTime<Utc>>,
    /// What stands in the way of the next run.
    pub problem: Option<Diagnostic>,
}

/// A source with its files and its history.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct SourceHistory {
    /// What is there, loaded, waiting.
    #[serde(flatten)]
    pub state: SourceState,
    /// The files, by path.
    pub files: Vec<FileLine>,
    /// The batches of the current generation, the newest first.
    pub batches: Vec<BatchLine>,
    /// The files that were forgotten, the newest act first.
    pub forgotten: Vec<ForgottenLine>,
}

/// A file of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileLine {
    /// Where it is, or was.
    pub path: String,
    /// Its size.
    pub size: u64,
    /// When it changed last; objects do not tell.
    pub changed_at: Option<DateTime<Utc>>,
    /// What became of it.
    pub status: FileStatus,
    /// The batch that loaded it, or waits to.
    pub batch: Option<i64>,
    /// What became of its records in that batch.
    pub account: Option<Account>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    /// The next run loads it.
    Waiting,
    /// It changed a moment ago and may still be growing.
    Settling,
    /// It belongs to a batch that an earlier run did not finish.
    Resumed,
    /// It was loaded and has changed since.
    Changed,
    /// It was loaded and has changed since, and is left alone.
    Ignored,
    /// Its rows are in the table.
    Loaded,
    /// Its rows are in the table, and it is not there any more.
    Gone,
    /// It belongs to a batch that waits, and is not there any more.
    Vanished,
}

/// What became of records: `records` is the sum of `loaded` and `quarantined`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Account {
    /// All of them.
    pub records: u64,
    /// Those that are in the table.
    pub loaded: u64,
    /// Those that were set aside.
    pub quarantined: u64,
    /// What was no record.
    pub skipped: Skipped,
}

/// A batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BatchLine {
    /// Its generation: a full refresh begins another.
    pub generation: u64,
    /// Its number in it.
    pub number: i64,
    /// What it loads.
    pub kind: BatchKind,
    /// How far it is.
    pub state: BatchState,
    /// Why it was withdrawn.
    pub reason: Option<String>,
    /// The run that planned it.
    pub run_id: RunId,
    /// When.
    pub planned_at: DateTime<Utc>,
    /// Its files.
    pub files: FileCount,
    /// What became of its records, once it is finished.
    pub account: Option<Account>,
}

/// What a batch loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchKind {
    /// Files.
    Files,
    /// The quarantine, once more.
    Replay,
    /// Nothing: records left the quarantine.
    Drop,
}

/// How far a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchState {
    /// Its rows are in the table, and all is done.
    Loaded,
    /// Its rows are in the table, and the next run does what is left.
    Unfinished,
    /// The next run loads it.
    Pending,
    /// It was given up, and its files are free.
    Withdrawn,
    /// Another batch was faster, and its files are free.
    Overtaken,
}

/// A file that was forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForgottenLine {
    /// Where it is, or was.
    pub path: String,
    /// Its size when it was loaded.
    pub size: u64,
    /// When it was forgotten.
    pub at: DateTime<Utc>,
    /// The command that did it.
    pub run_id: RunId,
}

impl Account {
    pub(super) fn of(file: &FileAccount) -> Self {
        let FileAccount { records, loaded, quarantined, skipped, .. } = *file;
        Self { records, loaded, quarantined, skipped }
    }

    pub(super) fn plus(mut self, other: Self) -> Self {
        self.records += other.records;
        self.loaded += other.loaded;
        self.quarantined += other.quarantined;
        self.skipped += other.skipped;
        self
    }
}
