//! Letting files count as never loaded.
//!
//! Risk: rows that are there twice because a name meant more than somebody thought. A name must mean one file; what it
//! means can be asked before.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use headwater_lake::{LedgerFile, Withdrawal};
use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Diagnostic, Ingest, Node, RunId, Step, TableName};

use crate::EmbeddedEngine;
use crate::error::EmbeddedError;
use crate::intake::Intake;
use crate::replay::is_file;

/// Which files to forget.
#[derive(Debug, Clone, Copy)]
pub enum Forget<'a> {
    /// A file, by its whole path or by the last parts of it.
    File(&'a str),
    /// All files of batches that were planned at or after an instant.
    Since(DateTime<Utc>),
}

impl EmbeddedEngine {
    /// The files that [`EmbeddedEngine::forget`] would let count as never loaded.
    ///
    /// # Errors
    /// No such file, or several; an unusable lake.
    pub async fn find_loaded(&self, node: &Node, what: Forget<'_>) -> Result<Vec<LedgerFile>, Diagnostic> {
        let Step::Ingest(ingest) = &node.step else { return Ok(Vec::new()) };
        let find = async {
            let intake = Intake::look(self, ingest, &[]).await?;
            Ok(Found::of(&intake, ingest, what)?.files())
        };
        find.await.map_err(|error: EmbeddedError| error.of(node))
    }

    /// Lets files count as never loaded: the next run loads those that are still there once more, beside the rows that
    /// are in the table. A file of a batch that waits is let go: the batch is withdrawn.
    ///
    /// # Errors
    /// As [`EmbeddedEngine::find_loaded`].
    pub async fn forget(
        &self,
        node: &Node,
        what: Forget<'_>,
        run_id: &RunId,
        at: DateTime<Utc>,
    ) -> Result<Vec<LedgerFile>, Diagnostic> {
        let Step::Ingest(ingest) = &node.step else { return Ok(Vec::new()) };
        let forget = async {
            let mut intake = Intake::look(self, ingest, &[]).await?;
            let found = Found::of(&intake, ingest, what)?;
            for (file, batch) in &found.waiting {
                let reason = format!("`{}` was forgotten", file.path);
                intake.ledger.withdraw(*batch, Withdrawal { run_id: run_id.clone(), at, reason }).await?;
            }
            if !found.loaded.is_empty() {
                intake.ledger.forget(run_id, at, found.loaded.clone()).await?;
            }
            Ok(found.files())
        };
        forget.await.map_err(|error: EmbeddedError| error.of(node))
    }
}

/// The files that are meant.
#[derive(Default)]
struct Found {
    /// Those that the table holds.
    loaded: Vec<LedgerFile>,
    /// Those of batches that wait, with their batch.
    waiting: Vec<(LedgerFile, i64)>,
}

impl Found {
    fn of(intake: &Intake, ingest: &Ingest, what: Forget<'_>) -> Result<Self, EmbeddedError> {
        let ledger = &intake.ledger;
        let loaded = ledger.loaded();
        match what {
            Forget::Since(since) => {
                let is_since = |batch: i64| ledger.batch(batch).is_some_and(|batch| batch.planned_at >= since);
                let loaded = loaded.into_iter().filter(|(_, batch)| is_since(*batch)).map(|(file, _)| file.clone());
                Ok(Self { loaded: loaded.collect(), waiting: Vec::new() })
            }
            Forget::File(asked) => {
                let pending = ledger.pending();
                let batches = pending.iter().filter_map(|number| ledger.batch(*number));
                let waiting: Vec<(&LedgerFile, i64)> =
                    batches.flat_map(|batch| batch.files().iter().map(|file| (file, batch.number))).collect();
                let all = loaded.iter().chain(&waiting).map(|(file, _)| file.path.as_str()).collect();
                let path = one_path(&all, asked, &ingest.target)?;
                let of_path = |files: Vec<(&LedgerFile, i64)>| -> Vec<(LedgerFile, i64)> {
                    let here = files.into_iter().filter(|(file, _)| file.path == path);
                    here.map(|(file, batch)| (file.clone(), batch)).collect()
                };
                let loaded = of_path(loaded.clone()).into_iter().map(|(file, _)| file).collect();
                Ok(Self { loaded, waiting: of_path(waiting.clone()) })
            }
        }
    }

    fn files(&self) -> Vec<LedgerFile> {
        self.loaded.iter().chain(self.waiting.iter().map(|(file, _)| file)).cloned().collect()
    }
}

/// The one path that is meant.
fn one_path<'a>(paths: &BTreeSet<&'a str>, asked: &str, target: &TableName) -> Result<&'a str, EmbeddedError> {
    if let Some(path) = paths.get(asked) {
        return Ok(path);
    }
    let matching: Vec<&str> = paths.iter().copied().filter(|path| is_file(path, asked)).collect();
    match matching.as_slice() {
        [path] => Ok(path),
        [] => {
            let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
            let names: Vec<String> = paths.iter().map(|path| name(path)).collect();
            let meant = did_you_mean(&name(asked), names.iter().map(String::as_str)).map(str::to_owned);
            Err(EmbeddedError::NeverLoaded { file: asked.to_owned(), meant, target: target.clone() })
        }
        several => Err(EmbeddedError::SeveralFiles {
            file: asked.to_owned(),
            files: several.iter().map(|path| (*path).to_owned()).collect(),
            target: target.clone(),
        }),
    }
}
