//! The commit: one log entry, put only if no other has its number.
//!
//! delta-rs has a commit loop; it is not used, because when two writers create a table at once its loser commits a
//! second `protocol` and `metaData` on top of the winner's, and because it does not look whether the winner carried the
//! same transaction. Here every attempt begins anew from the newest version: it looks for the transaction, checks the
//! table, and makes the entry for exactly that version.

use deltalake_core::DeltaTable;
use deltalake_core::checkpoints::create_checkpoint;
use deltalake_core::kernel::transaction::TransactionError;
use deltalake_core::logstore::{CommitOrBytes, LogStore, LogStoreRef};
use headwater_plan::TableVersion;
use uuid::Uuid;

use super::actions::{LogEntry, log_entry};
use super::part::{DataFile, FinishedPart};
use super::{Committed, TableWriter, check_table};
use crate::LakeError;
use crate::durable::sync_folder;
use crate::relation::delta_error;

/// An attempt fails only when another writer's succeeds, so that this bounds how many may be at it.
const ATTEMPTS: u32 = 100;
/// Every so many versions a checkpoint saves readers the log before it: Delta's default. The log itself is kept.
const CHECKPOINT_INTERVAL: u64 = 10;

pub(super) async fn commit(writer: &TableWriter, parts: Vec<FinishedPart>) -> Result<Committed, LakeError> {
    let target = &writer.options.target;
    let mut files: Vec<DataFile> = parts.into_iter().flat_map(|part| part.files).collect();
    let log = writer.lake.log_store(target)?;
    if !files.is_empty() {
        let folder = &writer.part.folder;
        sync_folder(folder).map_err(|source| LakeError::Io { doing: "flush", path: folder.clone(), source })?;
    }
    for _ in 0..ATTEMPTS {
        let snapshot = writer.lake.snapshot(target).await?.map(|(_, snapshot)| snapshot);
        if let Some(snapshot) = &snapshot {
            if let Some(transaction) = &writer.options.transaction {
                let committed = snapshot.transaction_version(log.as_ref(), &transaction.app_id).await;
                let committed = committed.map_err(|source| delta_error("commit to", target, source))?;
                if committed.is_some_and(|version| version >= transaction.version) {
                    let id = snapshot.metadata().id().to_string();
                    let version = TableVersion { id, version: snapshot.version() };
                    return Ok(Committed { version, rows: 0, already: true });
                }
            }
            check_table(&writer.options, &writer.delta_schema, snapshot)?;
        }
        let entry = log_entry(&writer.options, &writer.delta_schema, snapshot.as_ref(), &files)?;
        if put(writer, log.as_ref(), &entry, &mut files).await? {
            checkpoint(writer, log, entry.version).await;
            let version = TableVersion { id: entry.table_id, version: entry.version };
            return Ok(Committed { version, rows: files.iter().map(|file| file.rows).sum(), already: false });
        }
    }
    Err(LakeError::Contended { table: target.clone(), attempts: ATTEMPTS })
}

/// Puts the entry; `false` if another writer's has its number.
///
/// While nobody can tell whether the entry is there, its files must stay: a version without its files is a broken
/// table, files without a version are only garbage. So they are kept first, and given back to their guards when it is
/// certain that the entry is not there. That holds too when this future is dropped midway, since the put goes on.
async fn put(
    writer: &TableWriter,
    log: &dyn LogStore,
    entry: &LogEntry,
    files: &mut [DataFile],
) -> Result<bool, LakeError> {
    let target = &writer.options.target;
    files.iter_mut().for_each(|file| file.guard.keep());
    let bytes = CommitOrBytes::LogBytes(entry.bytes.clone());
    let refused = match log.write_commit_entry(entry.version, bytes, Uuid::new_v4()).await {
        Ok(()) => return Ok(true),
        Err(TransactionError::VersionAlreadyExists(_)) => None,
        Err(error) => Some(error),
    };
    if let Some(error) = refused {
        return match log.read_commit_entry(entry.version).await {
            Ok(Some(there)) if there == entry.bytes => {
                tracing::warn!(table = %target, version = entry.version, %error, "committed, not surely to the disk");
                Ok(true)
            }
            there => {
                if there.is_ok() {
                    files.iter_mut().for_each(|file| file.guard.give_up());
                }
                Err(delta_error("commit to", target, error.into()))
            }
        };
    }
    files.iter_mut().for_each(|file| file.guard.give_up());
    Ok(false)
}

/// Writes a checkpoint when it is time. The commit stands without it, and readers read the log instead, so that a
/// failure is only logged.
async fn checkpoint(writer: &TableWriter, log: LogStoreRef, version: u64) {
    if !(version + 1).is_multiple_of(CHECKPOINT_INTERVAL) {
        return;
    }
    let mut table = DeltaTable::new(log);
    let done = match table.load_version(version).await {
        Ok(()) => create_checkpoint(&table, None).await,
        Err(error) => Err(error),
    };
    if let Err(error) = done {
        tracing::warn!(table = %writer.options.target, version, %error, "cannot write a checkpoint");
    }
}
