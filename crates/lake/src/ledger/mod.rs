//! The ledger: which files were loaded into a table, in which batch.
//!
//! Risk: a file loaded twice or never. The protocol is that of Spark Structured Streaming's file source. A batch, the
//! exact list of its files, is written here, durably and only if nobody wrote that batch, *before* its rows are loaded.
//! The commit of its rows carries the batch's number as a Delta transaction (`txn`) of the ledger's [`Ledger::app_id`],
//! so that rows and number are visible together. Hence whatever dies when:
//!
//! - a batch up to the table's transaction version is loaded; its files are never loaded again;
//! - a batch after it is *pending*: written, not loaded, and loaded again exactly as written by the next run;
//! - a file in no batch is new.
//!
//! A pending batch whose files themselves are bad is *withdrawn*: the table says that none of its rows are there, and
//! the lake is locked, so that its number is free for another.
//!
//! A *generation* starts over: its first batch replaces the table (`--full-refresh`, and the very first load). The
//! ledger's generation is the highest that has a first batch; older ones stay as history. If the table is lost, its
//! transaction version is too, all batches are pending, and the table is rebuilt as it was.

mod format;
mod sort;

use std::fs;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use headwater_plan::{RunId, TableName};
use object_store::path::Path as StorePath;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use serde::{Deserialize, Serialize};

use crate::durable::sync_folder;
use crate::{Lake, LakeError};

pub use sort::Arrivals;

/// How many batches are read at once.
const AT_ONCE: usize = 16;

/// A file as the ledger knows it. Its identity is all three: a file that changes is another file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LedgerFile {
    /// Where it lies.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// What changes when its content does: a modification time or an `ETag`.
    pub tag: String,
}

/// Files that are loaded together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its number in its generation, from 1: the version of its transaction.
    pub number: i64,
    /// The run that planned it.
    pub run_id: RunId,
    /// When.
    pub planned_at: DateTime<Utc>,
    /// Whether its rows replace the table instead of adding to it.
    pub replace: bool,
    /// Its files.
    pub files: Vec<LedgerFile>,
}

/// The batches of a table.
#[derive(Debug, Clone)]
pub struct Ledger {
    lake: Lake,
    target: TableName,
    generation: u64,
    batches: Vec<Batch>,
}

impl Lake {
    /// The ledger of a table, empty if nothing was ever loaded into it. Writes nothing.
    pub async fn ledger(&self, target: &TableName) -> Result<Ledger, LakeError> {
        Self::check_name(target)?;
        let mut ledger = Ledger { lake: self.clone(), target: target.clone(), generation: 1, batches: Vec::new() };
        let mut numbers: Vec<(u64, i64)> = ledger.list().await?;
        ledger.generation =
            numbers.iter().filter(|(_, batch)| *batch == 1).map(|(generation, _)| *generation).max().unwrap_or(1);
        numbers.retain(|(generation, _)| *generation == ledger.generation);
        numbers.sort_unstable();
        for (expected, (_, number)) in (1..).zip(&numbers) {
            if *number != expected {
                let why = format!("batch {expected} before it is missing");
                return Err(LakeError::DamagedLedger { file: ledger.file(*number).display().to_string(), why });
            }
        }
        let reads = futures::stream::iter(numbers).map(|(_, number)| ledger.read(number)).buffered(AT_ONCE);
        ledger.batches = reads.try_collect().await?;
        Ok(ledger)
    }
}

impl Ledger {
    /// The current generation, from 1.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The application whose Delta transactions are this generation's batches.
    pub fn app_id(&self) -> String {
        format!("headwater:{}:{}", self.target, self.generation)
    }

    /// The batches of the current generation, in order.
    pub fn batches(&self) -> &[Batch] {
        &self.batches
    }

    /// Sorts the files that are there into loaded, pending, new and changed. `loaded_through` is the table's
    /// transaction version for [`Ledger::app_id`], 0 without one.
    pub fn sort_out(&self, listed: &[LedgerFile], loaded_through: i64) -> Arrivals {
        sort::sort_out(&self.batches, listed, loaded_through)
    }

    /// Writes the next batch, durably, before its rows are loaded. [`LakeError::BatchTaken`] if another process was
    /// faster: read the ledger again then.
    pub async fn write_ahead(
        &mut self,
        run_id: &RunId,
        at: DateTime<Utc>,
        files: Vec<LedgerFile>,
    ) -> Result<Batch, LakeError> {
        let number = self.batches.last().map_or(1, |last| last.number + 1);
        let batch = Batch { number, run_id: run_id.clone(), planned_at: at, replace: number == 1, files };
        let path = self.file(number);
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let payload = PutPayload::from(format::to_json(&batch)?);
        match self.lake.store().put_opts(&Lake::location(&path)?, payload, options).await {
            Ok(_) => {}
            Err(StoreError::AlreadyExists { .. }) => {
                return Err(LakeError::BatchTaken { table: self.target.clone(), batch: number });
            }
            Err(source) => {
                let path = path.display().to_string();
                return Err(LakeError::Store { doing: "write the ledger file", path, source });
            }
        }
        self.batches.push(batch.clone());
        Ok(batch)
    }

    /// Takes the last batch back, because what is in its files cannot be loaded: they are free again, to be mended,
    /// replaced or removed. Refused with [`LakeError::BatchLoaded`] when the table holds the batch, or another followed
    /// it. The caller holds the lake ([`Lake::lock`]), so that nobody else is just loading it.
    pub async fn withdraw(&mut self, batch: i64) -> Result<(), LakeError> {
        let table = self.lake.table(&self.target).await?;
        let loaded_through = match &table {
            Some(table) => table.transaction_version(&self.app_id()).await?.unwrap_or(0),
            None => 0,
        };
        let is_last = self.batches.last().is_some_and(|last| last.number == batch);
        if !is_last || batch <= loaded_through {
            return Err(LakeError::BatchLoaded { table: self.target.clone(), batch });
        }
        let path = self.file(batch);
        let failed = |source| LakeError::Io { doing: "withdraw the ledger file", path: path.clone(), source };
        fs::remove_file(&path).map_err(failed)?;
        path.parent().map_or(Ok(()), sync_folder).map_err(failed)?;
        self.batches.pop();
        Ok(())
    }

    /// Starts over with an empty generation, whose first batch will replace the table. Writes nothing: the generation
    /// is there once its first batch is.
    pub fn next_generation(&mut self) {
        self.generation += 1;
        self.batches.clear();
    }

    fn folder(&self) -> PathBuf {
        self.lake.own(&["ledger", &self.target.to_string()])
    }

    fn file(&self, batch: i64) -> PathBuf {
        self.folder().join(self.generation.to_string()).join(format!("{batch:020}.json"))
    }

    /// All batches of all generations, by number.
    async fn list(&self) -> Result<Vec<(u64, i64)>, LakeError> {
        let folder = Lake::location(&self.folder())?;
        let failed = |source| LakeError::Store { doing: "list the ledger", path: folder.to_string(), source };
        let files: Vec<_> = self.lake.store().list(Some(&folder)).try_collect().await.map_err(failed)?;
        Ok(files.iter().filter_map(|file| numbers(&folder, &file.location)).collect())
    }

    async fn read(&self, number: i64) -> Result<Batch, LakeError> {
        let path = self.file(number);
        let file = path.display().to_string();
        let failed = |source| LakeError::Store { doing: "read the ledger file", path: file.clone(), source };
        let found = self.lake.store().get(&Lake::location(&path)?).await.map_err(failed)?;
        let bytes = found.bytes().await.map_err(failed)?;
        let batch = format::from_json(&bytes, &file)?;
        if batch.number != number {
            let why = format!("it says that it is batch {}", batch.number);
            return Err(LakeError::DamagedLedger { file, why });
        }
        Ok(batch)
    }
}

/// Generation and batch of a ledger file; `None` for any other file, such as one that a dead process had staged.
fn numbers(folder: &StorePath, file: &StorePath) -> Option<(u64, i64)> {
    let mut parts = file.prefix_match(folder)?;
    let generation = parts.next()?.as_ref().parse().ok()?;
    let batch = parts.next()?;
    let batch = batch.as_ref().strip_suffix(".json").filter(|digits| digits.len() == 20)?.parse().ok()?;
    parts.next().is_none().then_some((generation, batch))
}

#[cfg(test)]
mod tests;
