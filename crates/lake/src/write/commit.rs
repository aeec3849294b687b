//! The commit: one log entry, put only if no other has its number.
//!
//! delta-rs has a commit loop; it is not used, because when two writers create a table at once its loser commits a
//! second `protocol` and `metaData` on top of the winner's, and because it does not look whether the winner carried the
//! same transaction. Here every attempt begins anew from the newest version: it looks for the transaction, checks the
//! table, and makes the entry for exactly that version.
//!
//! Risk: a put of which nobody can tell whether it happened. A bucket may store the entry and answer with an error, or
//! store it after the answer. So the same bytes are put again under the same number until either they or another's are
//! there: what is there decides, never what was answered. Whoever is left in doubt keeps its files, since a version
//! without its files is a broken table, and files without a version are only litter.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use deltalake_core::checkpoints::create_checkpoint;
use deltalake_core::kernel::EagerSnapshot;
use deltalake_core::kernel::transaction::TransactionError;
use deltalake_core::logstore::{CommitOrBytes, LogStore, LogStoreRef};
use deltalake_core::{DeltaTable, DeltaTableError};
use headwater_plan::{TableName, TableVersion};
use uuid::Uuid;

use super::actions::LogEntry;
use super::staged::Uncommitted;
use crate::relation::delta_error;
use crate::{Lake, LakeError};

/// An attempt fails only when another writer's succeeds, so that this bounds how many may be at it.
const ATTEMPTS: u32 = 100;
/// How long to wait before each further try of a put that failed.
const WAITS: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(500)];
/// Every so many versions a checkpoint saves readers the log before it: Delta's default. The log itself is kept.
const CHECKPOINT_INTERVAL: u64 = 10;

/// The table as an attempt finds it.
pub(crate) struct Found<'a> {
    /// Its newest version; `None` if there is no table.
    pub(crate) snapshot: Option<&'a EagerSnapshot>,
    /// Where the commit's applications stand in it.
    pub(crate) standings: Standings,
    /// The entries after [`Watch::since`], oldest first; `None` for one that is gone.
    pub(crate) since: Vec<Option<Bytes>>,
}

/// What an attempt wants to know of the table.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Watch<'a> {
    /// Where these applications stand in it.
    pub(crate) apps: &'a [&'a str],
    /// What was committed after this version.
    pub(crate) since: Option<u64>,
}

/// Where applications stand in a table: the version of the last transaction of each.
#[derive(Debug, Default)]
pub(crate) struct Standings(HashMap<String, i64>);

impl Standings {
    pub(crate) async fn read(
        log: &dyn LogStore,
        target: &TableName,
        snapshot: Option<&EagerSnapshot>,
        apps: &[&str],
    ) -> Result<Self, LakeError> {
        let mut standings = Self::default();
        let Some(snapshot) = snapshot else { return Ok(standings) };
        for app_id in apps {
            let version = snapshot.transaction_version(log, app_id).await;
            let version = version.map_err(|source| delta_error("read the loaded batches of", target, source))?;
            standings.0.extend(version.map(|version| ((*app_id).to_string(), version)));
        }
        Ok(standings)
    }

    /// The version of an application; 0 without one.
    pub(crate) fn of(&self, app_id: &str) -> i64 {
        self.0.get(app_id).copied().unwrap_or(0)
    }
}

/// What an attempt does.
pub(crate) enum Next {
    /// Puts this entry.
    Put(LogEntry),
    /// Nothing: it is done already.
    Already(TableVersion),
}

/// How a commit ended.
pub(crate) enum Ended {
    Committed(TableVersion),
    Already(TableVersion),
}

/// The version of a snapshot.
pub(crate) fn version_of(snapshot: &EagerSnapshot) -> TableVersion {
    TableVersion { id: snapshot.metadata().id().to_string(), version: snapshot.version() }
}

/// Asks `next` at every newest version what to put, until an entry is there. `files` are those that the entry names.
pub(crate) async fn commit(
    lake: &Lake,
    target: &TableName,
    watch: Watch<'_>,
    files: &mut [Uncommitted],
    next: &mut (dyn FnMut(Found<'_>) -> Result<Next, LakeError> + Send),
) -> Result<Ended, LakeError> {
    let log = lake.log_store(target)?;
    let mut waits = WAITS.iter();
    // An entry that may be there.
    let mut doubtful: Option<LogEntry> = None;
    for _ in 0..ATTEMPTS {
        let snapshot = lake.snapshot(target).await?.map(|(_, snapshot)| snapshot);
        let entry = match doubtful.take() {
            Some(entry) if snapshot.as_ref().is_none_or(|snapshot| snapshot.version() < entry.version) => entry,
            Some(entry) => {
                if is_there(lake, target, log.as_ref(), &entry).await? {
                    return committed(target, log, entry).await;
                }
                files.iter_mut().for_each(Uncommitted::give_up);
                continue;
            }
            None => {
                let standings = Standings::read(log.as_ref(), target, snapshot.as_ref(), watch.apps).await?;
                let newest = snapshot.as_ref().map_or(0, EagerSnapshot::version);
                let since = entries(log.as_ref(), target, watch.since.unwrap_or(newest), newest).await?;
                match next(Found { snapshot: snapshot.as_ref(), standings, since })? {
                    Next::Already(version) => return Ok(Ended::Already(version)),
                    Next::Put(entry) => entry,
                }
            }
        };
        // Before the put, since it goes on when this future is dropped midway.
        files.iter_mut().for_each(Uncommitted::keep);
        let bytes = CommitOrBytes::LogBytes(entry.bytes.clone());
        match log.write_commit_entry(entry.version, bytes, Uuid::new_v4()).await {
            Ok(()) => return committed(target, log, entry).await,
            // Perhaps by ourselves: the store's client tries again by itself.
            Err(TransactionError::VersionAlreadyExists(_)) => {
                if is_there(lake, target, log.as_ref(), &entry).await? {
                    return committed(target, log, entry).await;
                }
                files.iter_mut().for_each(Uncommitted::give_up);
            }
            Err(error) => match waits.next() {
                Some(wait) => {
                    tracing::warn!(table = %target, version = entry.version, %error, "cannot tell whether it is committed");
                    tokio::time::sleep(*wait).await;
                    doubtful = Some(entry);
                }
                None => return Err(delta_error("commit to", target, error.into())),
            },
        }
    }
    Err(LakeError::Contended { table: target.clone(), attempts: ATTEMPTS })
}

/// The entries after one version up to another.
async fn entries(
    log: &dyn LogStore,
    target: &TableName,
    after: u64,
    newest: u64,
) -> Result<Vec<Option<Bytes>>, LakeError> {
    let mut entries = Vec::new();
    for version in after + 1..=newest {
        let entry = log.read_commit_entry(version).await;
        entries.push(entry.map_err(|source| delta_error("read the history of", target, source))?);
    }
    Ok(entries)
}

/// Whether the entry of that number is this one. Certain, once there is one.
async fn is_there(lake: &Lake, target: &TableName, log: &dyn LogStore, entry: &LogEntry) -> Result<bool, LakeError> {
    let mut waits = WAITS.iter();
    loop {
        match log.read_commit_entry(entry.version).await {
            Ok(there) => return Ok(there.is_some_and(|there| there == entry.bytes)),
            // What a folder cannot read now it cannot read later: a folder of that name, say, which is no entry of ours.
            Err(_) if lake.folder().is_some() => return Ok(false),
            Err(error) => match waits.next() {
                Some(wait) => tokio::time::sleep(*wait).await,
                None => return Err(delta_error("commit to", target, error)),
            },
        }
    }
}

async fn committed(target: &TableName, log: LogStoreRef, entry: LogEntry) -> Result<Ended, LakeError> {
    if (entry.version + 1).is_multiple_of(CHECKPOINT_INTERVAL)
        && let Err(error) = checkpoint(log, entry.version).await
    {
        // The commit stands without it, and readers read the log instead.
        tracing::warn!(table = %target, version = entry.version, %error, "cannot write a checkpoint");
    }
    Ok(Ended::Committed(TableVersion { id: entry.table_id, version: entry.version }))
}

async fn checkpoint(log: LogStoreRef, version: u64) -> Result<(), DeltaTableError> {
    let mut table = DeltaTable::new(log);
    table.load_version(version).await?;
    create_checkpoint(&table, None).await
}
