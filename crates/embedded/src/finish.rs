//! What is left to do once a batch is in its table: its quarantined rows, its files, its entry in the books.
//!
//! Every part of it repeats what the committed attempt says, so that whoever comes first after a crash does it, and two
//! at once do no harm.

use futures::{StreamExt, TryStreamExt};
use headwater_connect::files::{self, SourceFile};
use headwater_lake::{AppTransaction, Ledger, QuarantineChange, Unfinished, WriteMode, WriteOptions, fault};
use headwater_plan::{AfterLoad, Ingest, StepContext, TableVersion};

use crate::EmbeddedEngine;
use crate::error::EmbeddedError;
use crate::quarantine;

/// How many files are archived or deleted at once.
const AT_ONCE: usize = 16;

/// A batch that was committed.
pub(crate) struct Ended<'a> {
    pub(crate) batch: &'a Unfinished,
    /// The table that holds it.
    pub(crate) table: &'a TableVersion,
    /// Its files, as the user knows them.
    pub(crate) files: Vec<SourceFile>,
}

/// Finishes a batch that was committed.
pub(crate) async fn finish(
    engine: &EmbeddedEngine,
    ingest: &Ingest,
    context: &StepContext,
    ledger: &mut Ledger,
    Ended { batch: ended, table, files }: Ended<'_>,
) -> Result<(), EmbeddedError> {
    if let Some(change) = &ended.attempt.quarantine {
        let app_id = ledger.quarantine_app_id(ended.generation, &table.id);
        let transaction = AppTransaction { app_id, version: ended.batch.number };
        commit_quarantine(engine, ingest, context, change, transaction).await?;
    }
    fault::point("quarantine-committed");
    after_load(engine, ingest, files).await?;
    fault::point("after-load-done");
    ledger.finish(ended).await?;
    Ok(())
}

/// Once for each batch: the transaction is in the same commit as the rows.
async fn commit_quarantine(
    engine: &EmbeddedEngine,
    ingest: &Ingest,
    context: &StepContext,
    change: &QuarantineChange,
    transaction: AppTransaction,
) -> Result<(), EmbeddedError> {
    // There is a quarantine once there is a row for it.
    if change.add.is_empty() && engine.lake.relation(&ingest.quarantine).await?.is_none() {
        return Ok(());
    }
    let mode = if change.replace { WriteMode::Replace } else { WriteMode::Append };
    let options = quarantine::options(ingest, context, mode);
    let writer = engine.lake.begin_write(WriteOptions { transaction: Some(transaction), ..options }).await?;
    writer.commit_staged(change.add.clone()).await?;
    Ok(())
}

/// Archives or deletes files that are as they were loaded; those that are gone, or are others by now, stay untouched.
async fn after_load(engine: &EmbeddedEngine, ingest: &Ingest, sources: Vec<SourceFile>) -> Result<(), EmbeddedError> {
    if ingest.after_load == AfterLoad::Keep {
        return Ok(());
    }
    let stores = &engine.stores;
    let done = futures::stream::iter(sources).map(async |file| match &ingest.after_load {
        AfterLoad::Keep => Ok(()),
        AfterLoad::Delete => files::delete(&file, stores).await.map(drop),
        AfterLoad::Archive(folder) => {
            if files::copy(&file, &ingest.files, folder, stores).await?.is_some() {
                fault::point("file-copied");
                files::delete(&file, stores).await?;
            }
            Ok(())
        }
    });
    Ok(done.buffer_unordered(AT_ONCE).try_collect().await?)
}
