//! What of a source has arrived, is loaded, waits; and the explicit acts of forgetting a file, so that it is loaded again.

mod forget;
mod line;

use std::collections::{BTreeMap, BTreeSet};

use headwater_connect::files::{self, SourceFile};
use headwater_lake::{Attempt, Batch, Contents, FileAccount, FileCount, LedgerFile, Relation, Withdrawal};
use headwater_plan::{Diagnostic, Ingest, Node, OnFileChange, Step};

use crate::EmbeddedEngine;
use crate::error::EmbeddedError;
use crate::intake::{Intake, Waiting};
use crate::settle::{changed_at, young_for};

pub use forget::Forget;
pub use line::{
    Account, BatchKind, BatchLine, BatchState, FileLine, FileStatus, ForgottenLine, SourceHistory, SourceState,
};

impl EmbeddedEngine {
    /// What of a source has arrived, is loaded, waits. What stands in the way of that is in `problem`.
    pub async fn source(&self, node: &Node) -> SourceState {
        let Step::Ingest(ingest) = &node.step else { return SourceState::default() };
        match history(self, node, ingest, false).await {
            Ok(history) => history.state,
            Err(error) => SourceState { problem: Some(error.of(node)), ..SourceState::default() },
        }
    }

    /// The same with its files and batches.
    ///
    /// # Errors
    /// Files that cannot be listed, an unusable lake.
    pub async fn source_history(&self, node: &Node) -> Result<SourceHistory, Diagnostic> {
        let Step::Ingest(ingest) = &node.step else { return Ok(SourceHistory::default()) };
        history(self, node, ingest, true).await.map_err(|error| error.of(node))
    }
}

/// Looks at a source; the accounts of its batches are read only for the whole history.
async fn history(
    engine: &EmbeddedEngine,
    node: &Node,
    ingest: &Ingest,
    whole: bool,
) -> Result<SourceHistory, EmbeddedError> {
    let listed = files::list(&ingest.files, &engine.stores).await?;
    let intake = Intake::look(engine, ingest, &listed).await?;
    let unfinished: BTreeSet<i64> = intake
        .unfinished()
        .await?
        .iter()
        .filter(|ended| ended.generation == intake.ledger.generation())
        .map(|ended| ended.batch.number)
        .collect();
    let waiting = intake.waiting(ingest);
    let (accounts, withdrawals) = match whole {
        true => (intake.ledger.accounts().await?, intake.ledger.withdrawals().await?),
        false => Default::default(),
    };
    let look = Look { engine, ingest, intake: &intake, waiting: &waiting, accounts: &accounts };
    let files = look.files(&listed);
    let mut state = look.state(&files);
    state.arrived = FileCount { files: listed.len() as u64, bytes: listed.iter().map(|file| file.size).sum() };
    state.resumed += unfinished.len() as u64;
    state.quarantined = match engine.lake.relation(&ingest.quarantine).await? {
        Some(Relation::Table(table)) => table.rows().unwrap_or(0),
        _ => 0,
    };
    state.problem = look.problem().map(|problem| problem.of(node));
    let batches = intake.ledger.batches().iter().rev();
    let batches = batches.map(|batch| look.batch(batch, &unfinished, withdrawals.get(&batch.number))).collect();
    let acts = intake.ledger.forgotten().iter().rev();
    let forgotten = acts.flat_map(|act| {
        act.files.iter().map(|file| ForgottenLine {
            path: intake.source(file).path,
            size: file.size,
            at: act.at,
            run_id: act.run_id.clone(),
        })
    });
    Ok(SourceHistory { state, files, batches, forgotten: forgotten.collect() })
}

/// Everything that a source's lines are made of.
struct Look<'a> {
    engine: &'a EmbeddedEngine,
    ingest: &'a Ingest,
    intake: &'a Intake,
    waiting: &'a Waiting,
    accounts: &'a BTreeMap<i64, Attempt>,
}

impl Look<'_> {
    fn files(&self, listed: &[SourceFile]) -> Vec<FileLine> {
        let ledger = &self.intake.ledger;
        let mut by_file: BTreeMap<(i64, &str), &FileAccount> = BTreeMap::new();
        for (batch, attempt) in self.accounts {
            by_file.extend(attempt.account.iter().map(|file| ((*batch, file.path.as_str()), file)));
        }
        let account =
            |batch: i64, file: &LedgerFile| by_file.get(&(batch, file.path.as_str())).map(|file| Account::of(file));
        let there: BTreeSet<&str> = listed.iter().map(|file| file.path.as_str()).collect();
        let mut lines = Vec::new();
        for (file, batch) in ledger.loaded() {
            let is_there = there.contains(self.intake.source(file).path.as_str());
            let status = if is_there { FileStatus::Loaded } else { FileStatus::Gone };
            lines.push(FileLine { account: account(batch, file), ..self.line(file, status, Some(batch)) });
        }
        for number in &self.waiting.arrivals.pending {
            for file in ledger.batch(*number).map(Batch::files).unwrap_or_default() {
                let is_gone = self.waiting.arrivals.vanished.contains(file);
                let status = if is_gone { FileStatus::Vanished } else { FileStatus::Resumed };
                lines.push(self.line(file, status, Some(*number)));
            }
        }
        let now = self.engine.settings.clock.now();
        let loaded: BTreeSet<&str> = ledger.loaded().iter().map(|(file, _)| file.path.as_str()).collect();
        for file in &self.waiting.new {
            let status = if young_for(self.ingest, &file.path, &file.tag, now).is_some() {
                FileStatus::Settling
            } else if loaded.contains(file.path.as_str()) {
                FileStatus::Changed
            } else {
                FileStatus::Waiting
            };
            lines.push(self.line(file, status, None));
        }
        let stopped = match self.ingest.on_file_change {
            OnFileChange::Ignore => FileStatus::Ignored,
            OnFileChange::Fail | OnFileChange::LoadAgain => FileStatus::Changed,
        };
        let changed = self.waiting.refused.iter().chain(&self.waiting.ignored);
        lines.extend(changed.map(|file| self.line(file, stopped, None)));
        lines.sort_by(|one, other| (&one.path, one.batch).cmp(&(&other.path, other.batch)));
        lines
    }

    fn line(&self, file: &LedgerFile, status: FileStatus, batch: Option<i64>) -> FileLine {
        FileLine {
            path: self.intake.source(file).path,
            size: file.size,
            changed_at: changed_at(&file.tag, &file.path),
            status,
            batch,
            account: None,
        }
    }

    fn state(&self, files: &[FileLine]) -> SourceState {
        let ledger = &self.intake.ledger;
        let count = |status: FileStatus| files.iter().filter(|file| file.status == status).count() as u64;
        let waits = |file: &&FileLine| {
            use FileStatus::{Changed, Resumed, Settling, Vanished, Waiting};
            matches!(file.status, Waiting | Settling | Resumed | Changed | Vanished)
        };
        let waiting = || files.iter().filter(waits);
        let loaded = ledger.batches().iter().filter(|batch| ledger.is_committed(batch.number));
        SourceState {
            loaded: self.waiting.arrivals.loaded,
            waiting: FileCount { files: waiting().count() as u64, bytes: waiting().map(|file| file.size).sum() },
            resumed: count(FileStatus::Resumed) + count(FileStatus::Vanished),
            changed: count(FileStatus::Changed),
            settling: count(FileStatus::Settling),
            ignored: count(FileStatus::Ignored),
            rows: self.intake.table().and_then(|table| table.rows()).unwrap_or(0),
            loaded_at: loaded.filter(|batch| !batch.files().is_empty()).map(|batch| batch.planned_at).max(),
            waiting_since: waiting().filter_map(|file| file.changed_at).min(),
            ..SourceState::default()
        }
    }

    /// What stops the next run.
    fn problem(&self) -> Option<EmbeddedError> {
        if let Err(error) = self.intake.refuse_nothing(self.ingest) {
            return Some(error);
        }
        if !self.waiting.refused.is_empty() {
            let (files, target) = (self.intake.shown(&self.waiting.refused), self.ingest.target.clone());
            return Some(EmbeddedError::FileChanged { files, target });
        }
        self.intake.first_pending(self.waiting, self.ingest).err()
    }

    fn batch(&self, batch: &Batch, unfinished: &BTreeSet<i64>, withdrawal: Option<&Withdrawal>) -> BatchLine {
        let state = if unfinished.contains(&batch.number) {
            BatchState::Unfinished
        } else if self.intake.ledger.is_committed(batch.number) {
            BatchState::Loaded
        } else if self.waiting.arrivals.pending.contains(&batch.number) {
            BatchState::Pending
        } else if withdrawal.is_some() {
            BatchState::Withdrawn
        } else {
            BatchState::Overtaken
        };
        let account = self.accounts.get(&batch.number);
        BatchLine {
            generation: self.intake.ledger.generation(),
            number: batch.number,
            kind: match &batch.contents {
                Contents::Files(_) => BatchKind::Files,
                Contents::Replay => BatchKind::Replay,
                Contents::Drop => BatchKind::Drop,
            },
            reason: withdrawal.filter(|_| state == BatchState::Withdrawn).map(|withdrawal| withdrawal.reason.clone()),
            state,
            run_id: batch.run_id.clone(),
            planned_at: batch.planned_at,
            files: FileCount::of(batch.files()),
            account: account.map(|done| done.account.iter().map(Account::of).fold(Account::default(), Account::plus)),
        }
    }
}
