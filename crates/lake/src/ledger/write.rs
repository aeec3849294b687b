//! Writing a ledger: each act is one put, and repeats itself without harm.

use chrono::{DateTime, Utc};
use headwater_plan::RunId;
use uuid::Uuid;

use super::read::Name;
use super::{Attempt, Batch, Contents, Forgotten, Ledger, LedgerFile, RETIRED, Unfinished, Withdrawal, format};
use crate::objects::Put;
use crate::{LakeError, fault};

impl Ledger {
    /// Writes the next batch, durably, before its rows are loaded. It follows what the table holds, and replaces the
    /// table if that is nothing. [`LakeError::BatchTaken`] if another process was faster: read the ledger again then.
    pub async fn write_ahead(
        &mut self,
        run_id: &RunId,
        at: DateTime<Utc>,
        contents: Contents,
    ) -> Result<Batch, LakeError> {
        let number = self.batches.last().map_or(1, |last| last.number + 1);
        let contents = match contents {
            Contents::Files(files) => Contents::Files(self.named(files)),
            other => other,
        };
        let (id, follows) = (Uuid::new_v4(), self.through());
        let run_id = run_id.clone();
        let batch = Batch { number, id: Some(id), run_id, planned_at: at, replace: follows == 0, follows, contents };
        let json = format::batch_to_json(&batch, id, &self.paths)?;
        let path = self.path(self.generation, Name::Batch(number))?;
        match self.lake.put_new("write the ledger file", &path, json).await? {
            Put::Done => {}
            Put::Taken(_) => return Err(LakeError::BatchTaken { table: self.target.clone(), batch: number }),
        }
        fault::point("batch-written");
        self.through.entry(self.generation).or_default();
        self.batches.push(batch.clone());
        Ok(batch)
    }

    /// Takes a batch back: its files are free again, to be mended, replaced or removed. Should another process commit
    /// it all the same, the table holds it, and this means nothing.
    pub async fn withdraw(&mut self, batch: i64, withdrawal: Withdrawal) -> Result<(), LakeError> {
        let path = self.path(self.generation, Name::Withdrawn(batch))?;
        let json = format::withdrawal_to_json(batch, &withdrawal)?;
        // Whoever withdrew it first said why.
        self.lake.put_new("withdraw the batch with the ledger file", &path, json).await?;
        fault::point("batch-withdrawn");
        self.withdrawn.insert(batch);
        Ok(())
    }

    /// Writes down what was staged for a batch, before the commit that names the attempt.
    pub async fn stage(&self, attempt: &Attempt) -> Result<(), LakeError> {
        let path = self.path(self.generation, Name::Attempt(attempt.batch, attempt.id))?;
        let json = format::attempt_to_json(attempt, &self.paths)?;
        self.lake.put("write the ledger file", &path, json).await?;
        fault::point("attempt-staged");
        Ok(())
    }

    /// Removes an attempt that surely became no commit.
    pub async fn discard(&self, attempt: &Attempt) -> Result<(), LakeError> {
        let path = self.path(self.generation, Name::Attempt(attempt.batch, attempt.id))?;
        self.lake.delete("remove the ledger file", &path).await
    }

    /// Notes that the table now holds a batch, by this process's commit.
    pub fn note_committed(&mut self, batch: &Batch) {
        if batch.replace {
            self.through.range_mut(..self.generation).for_each(|(_, through)| *through = RETIRED);
        }
        self.through.insert(self.generation, batch.number);
        self.committed.insert(batch.number);
    }

    /// Ends a batch that was committed and for which everything is done: keeps its account, and removes what was staged
    /// for it and for those before it.
    pub async fn finish(&mut self, ended: &Unfinished) -> Result<(), LakeError> {
        let Unfinished { generation, batch, attempt } = ended;
        let done = self.path(*generation, Name::Done(batch.number, attempt.id))?;
        let json = format::done_to_json(attempt, &self.paths)?;
        self.lake.put("write the ledger file", &done, json).await?;
        self.done.insert((*generation, batch.number, attempt.id));
        self.attempts.insert((*generation, batch.number, attempt.id));
        let through = (*generation, 0, Uuid::nil())..=(*generation, batch.number, Uuid::max());
        for (generation, batch, id) in self.attempts.range(through).copied().collect::<Vec<_>>() {
            self.lake.delete("remove the ledger file", &self.path(generation, Name::Attempt(batch, id))?).await?;
            self.attempts.remove(&(generation, batch, id));
        }
        fault::point("batch-finished");
        Ok(())
    }

    /// Lets files count as never loaded, up to the last batch that the table holds now.
    pub async fn forget(&mut self, run_id: &RunId, at: DateTime<Utc>, files: Vec<LedgerFile>) -> Result<(), LakeError> {
        let forgotten = Forgotten { through: self.through(), run_id: run_id.clone(), at, files };
        let id = Uuid::new_v4();
        let path = self.path(self.generation, Name::Forgotten(id))?;
        let json = format::forgotten_to_json(&forgotten, id, &self.paths)?;
        self.lake.put("write the ledger file", &path, json).await?;
        self.forgotten.push(forgotten);
        Ok(())
    }
}
