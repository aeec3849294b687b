//! A source beside its table and its ledger: what is there, what is loaded, what waits.
//!
//! Reads only. The table is read before the ledger and the ledger before anything is decided, so that every batch that
//! the table holds is known (see [`headwater_lake::ledger`]).

use std::collections::{HashMap, HashSet};
use std::path::Path;

use headwater_connect::files::{self, Load, LoadOptions, SourceFile};
use headwater_lake::{Arrivals, Batch, FileCount, Ledger, LedgerFile, Relation, Table, Unfinished};
use headwater_plan::{Ingest, OnFileChange, StepContext};

use crate::EmbeddedEngine;
use crate::error::EmbeddedError;
use crate::finish::{Ended, finish};

/// A source beside its table and its ledger.
pub(crate) struct Intake {
    pub(crate) relation: Option<Relation>,
    pub(crate) ledger: Ledger,
    /// The files that are there, by the ledger's names.
    listed: Vec<LedgerFile>,
    /// The same as they were listed, by the ledger's names.
    sources: HashMap<String, SourceFile>,
}

/// The files that are there, by what must happen to them.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// What the ledger says.
    pub(crate) arrivals: Arrivals,
    /// What is to be loaded and in no batch yet: new files, and changed ones where those are loaded again.
    pub(crate) new: Vec<LedgerFile>,
    /// Of those, the changed ones.
    pub(crate) changed: u64,
    /// Changed files that stop the source.
    pub(crate) refused: Vec<LedgerFile>,
    /// Changed files that are left alone.
    pub(crate) ignored: Vec<LedgerFile>,
}

impl Intake {
    /// Looks at a source whose files were listed before.
    pub(crate) async fn look(
        engine: &EmbeddedEngine,
        ingest: &Ingest,
        listed: &[SourceFile],
    ) -> Result<Self, EmbeddedError> {
        let relation = engine.lake.relation(&ingest.target).await?;
        let table = match &relation {
            Some(Relation::Table(table)) => Some(table),
            Some(Relation::View(_)) | None => None,
        };
        let ledger = engine.lake.ledger(&ingest.target, table).await?;
        let mut intake = Self { relation, ledger, listed: Vec::new(), sources: HashMap::new() };
        intake.relist(listed);
        Ok(intake)
    }

    /// Takes another list of the files that are there.
    pub(crate) fn relist(&mut self, listed: &[SourceFile]) {
        self.listed = self.ledger.named(listed.iter().map(to_ledger).collect());
        let names = self.listed.iter().map(|file| file.path.clone());
        self.sources = names.zip(listed.iter().cloned()).collect();
    }

    pub(crate) fn table(&self) -> Option<&Table> {
        match &self.relation {
            Some(Relation::Table(table)) => Some(table),
            Some(Relation::View(_)) | None => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// What an earlier run committed and did not finish.
    pub(crate) async fn unfinished(&self) -> Result<Vec<Unfinished>, EmbeddedError> {
        Ok(self.ledger.unfinished(self.table()).await?)
    }

    /// Finishes such a batch.
    pub(crate) async fn finish(
        &mut self,
        engine: &EmbeddedEngine,
        ingest: &Ingest,
        context: &StepContext,
        batch: &Unfinished,
    ) -> Result<(), EmbeddedError> {
        let Some(table) = self.table().map(Table::version) else { return Ok(()) };
        let files = self.sources(batch.batch.files());
        finish(engine, ingest, context, &mut self.ledger, Ended { batch, table: &table, files }).await
    }

    /// Sorts the files out, by the ledger and by what the source wants done with changed ones.
    pub(crate) fn waiting(&self, ingest: &Ingest) -> Waiting {
        let mut arrivals = self.ledger.sort_out(&self.listed);
        let mut waiting = Waiting { new: std::mem::take(&mut arrivals.new), ..Waiting::default() };
        let changed = std::mem::take(&mut arrivals.changed);
        match ingest.on_file_change {
            OnFileChange::Fail => waiting.refused = changed,
            OnFileChange::Ignore => waiting.ignored = changed,
            OnFileChange::LoadAgain => {
                waiting.changed = changed.len() as u64;
                waiting.new.extend(changed);
                waiting.new.sort();
            }
        }
        waiting.arrivals = arrivals;
        waiting
    }

    /// The files that are loaded and not there any more.
    pub(crate) fn gone(&self) -> Vec<&LedgerFile> {
        let there: HashSet<&str> = self.listed.iter().map(|file| file.path.as_str()).collect();
        let loaded = self.ledger.loaded().into_iter().map(|(file, _)| file);
        loaded.filter(|file| !there.contains(file.path.as_str())).collect()
    }

    /// A file of the ledger as the user knows it; as the ledger names it, if it is not there any more.
    pub(crate) fn source(&self, file: &LedgerFile) -> SourceFile {
        let path = self.sources.get(&file.path).map_or(&file.path, |source| &source.path);
        SourceFile { path: path.clone(), size: file.size, tag: file.tag.clone() }
    }

    pub(crate) fn sources(&self, files: &[LedgerFile]) -> Vec<SourceFile> {
        files.iter().map(|file| self.source(file)).collect()
    }

    /// The same files under the names that the user knows them by, for messages.
    pub(crate) fn shown(&self, files: &[LedgerFile]) -> Vec<LedgerFile> {
        self.sources(files).iter().map(to_ledger).collect()
    }

    /// The batch that is to be finished first, if one is pending; an error if its files are gone.
    pub(crate) fn first_pending(&self, waiting: &Waiting, ingest: &Ingest) -> Result<Option<Pending>, EmbeddedError> {
        let first = waiting.arrivals.pending.first().and_then(|number| self.ledger.batch(*number));
        let Some(batch) = first else { return Ok(None) };
        let paths: HashSet<&str> = batch.files().iter().map(|file| file.path.as_str()).collect();
        let of_batch = |files: &[LedgerFile]| -> Vec<LedgerFile> {
            files.iter().filter(|file| paths.contains(file.path.as_str())).cloned().collect()
        };
        let vanished = of_batch(&waiting.arrivals.vanished);
        if !vanished.is_empty() {
            return Err(EmbeddedError::FileVanished { files: vanished, target: ingest.target.clone() });
        }
        let replaced = self.shown(&of_batch(&waiting.arrivals.replaced));
        Ok(Some(Pending { batch: batch.clone(), replaced }))
    }

    /// No files are no news for a table that is there. For one that never was, and where the folder itself is missing,
    /// they are a mistake.
    pub(crate) fn refuse_nothing(&self, ingest: &Ingest) -> Result<(), EmbeddedError> {
        if !self.listed.is_empty() {
            return Ok(());
        }
        let folder = files::fixed_folder(&ingest.files.pattern);
        if !folder.contains("://") && !Path::new(&folder).is_dir() {
            return Err(EmbeddedError::NoFolder { set: Box::new(ingest.files.clone()), folder: folder.into() });
        }
        if self.table().is_none() && self.ledger.batches().is_empty() {
            return Err(no_files(ingest));
        }
        Ok(())
    }
}

/// A batch that an earlier run had planned.
pub(crate) struct Pending {
    pub(crate) batch: Batch,
    /// Its files that have other content now.
    pub(crate) replaced: Vec<LedgerFile>,
}

pub(crate) fn no_files(ingest: &Ingest) -> EmbeddedError {
    EmbeddedError::NoFiles { set: Box::new(ingest.files.clone()), target: ingest.target.clone() }
}

/// The first of the files that make a batch: as many as it may hold, and at least one.
pub(crate) fn one_batch(ingest: &Ingest, files: &[LedgerFile]) -> Vec<LedgerFile> {
    let mut batch = FileCount::default();
    let fits = |file: &&LedgerFile| {
        let next = FileCount { files: batch.files + 1, bytes: batch.bytes.saturating_add(file.size) };
        let fits = batch.files == 0 || (next.files <= ingest.batch.max_files && next.bytes <= ingest.batch.max_bytes);
        batch = next;
        fits
    };
    files.iter().take_while(fits).cloned().collect()
}

/// Of files that were listed, those that are there now.
pub(crate) async fn still_there(
    engine: &EmbeddedEngine,
    ingest: &Ingest,
    mut files: Vec<SourceFile>,
) -> Result<Vec<SourceFile>, EmbeddedError> {
    let listed = files::list(&ingest.files, &engine.stores).await?;
    let there: HashSet<&str> = listed.iter().map(|file| file.path.as_str()).collect();
    files.retain(|file| there.contains(file.path.as_str()));
    Ok(files)
}

/// Checks the headers of files against the contract.
pub(crate) async fn open(
    engine: &EmbeddedEngine,
    files: Vec<SourceFile>,
    options: LoadOptions,
) -> Result<Load, EmbeddedError> {
    let stores = engine.stores.clone();
    let opened = tokio::task::spawn_blocking(move || Load::new(files, options, &stores));
    match opened.await {
        Ok(load) => Ok(load?),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn to_ledger(file: &SourceFile) -> LedgerFile {
    LedgerFile { path: file.path.clone(), size: file.size, tag: file.tag.clone() }
}
