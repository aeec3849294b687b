//! Reading a ledger: what is there, beside the table as it was just before.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt};
use headwater_plan::TableName;
use object_store::path::Path as StorePath;
use uuid::Uuid;

use super::paths::Paths;
use super::{Attempt, Batch, Forgotten, Ledger, RETIRED, Withdrawal, app_id, format, sort};
use crate::lake::below;
use crate::{Lake, LakeError, Table};

/// How many files are read at once.
const AT_ONCE: usize = 32;
/// What the messages say was being done.
const READ: &str = "read the ledger file";

/// A batch that the table holds and that is not done: its attempt says what is left to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// Its generation.
    pub generation: u64,
    /// The batch.
    pub batch: Batch,
    /// The attempt that the table's commit was made from.
    pub attempt: Attempt,
}

/// What a ledger asks of its table: a trait so that the tests can play every order of events on one in memory.
pub(super) trait Transactions {
    /// Where an application stands, 0 without a commit.
    async fn version(&self, app_id: &str) -> Result<i64, LakeError>;

    /// The attempt of the commit by which an application came to a version.
    async fn attempt(&self, app_id: &str, version: i64) -> Result<Option<Uuid>, LakeError>;
}

impl Transactions for Option<&Table> {
    async fn version(&self, app_id: &str) -> Result<i64, LakeError> {
        match self {
            Some(table) => Ok(table.transaction_version(app_id).await?.unwrap_or(0)),
            None => Ok(0),
        }
    }

    async fn attempt(&self, app_id: &str, version: i64) -> Result<Option<Uuid>, LakeError> {
        match self {
            Some(table) => table.transaction_attempt(app_id, version).await,
            None => Ok(None),
        }
    }
}

/// What a file of the ledger is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    Batch(i64),
    Withdrawn(i64),
    Attempt(i64, Uuid),
    Done(i64, Uuid),
    Forgotten(Uuid),
}

impl Name {
    fn text(self) -> String {
        match self {
            Self::Batch(batch) => format!("{batch:020}.json"),
            Self::Withdrawn(batch) => format!("{batch:020}.withdrawn.json"),
            Self::Attempt(batch, id) => format!("{batch:020}.{}.attempt.json", id.simple()),
            Self::Done(batch, id) => format!("{batch:020}.{}.done.json", id.simple()),
            Self::Forgotten(id) => format!("forgotten/{}.json", id.simple()),
        }
    }

    /// `None` for a file that is none of ours, such as one that a dead process had staged.
    fn parse(name: &str) -> Option<Self> {
        if let Some(forgotten) = name.strip_prefix("forgotten/") {
            return Uuid::parse_str(forgotten.strip_suffix(".json")?).ok().map(Self::Forgotten);
        }
        let mut parts = name.split('.');
        let batch = parts.next().filter(|digits| digits.len() == 20)?.parse().ok()?;
        let rest: Vec<&str> = parts.collect();
        match rest.as_slice() {
            ["json"] => Some(Self::Batch(batch)),
            ["withdrawn", "json"] => Some(Self::Withdrawn(batch)),
            [id, "attempt", "json"] => Some(Self::Attempt(batch, Uuid::parse_str(id).ok()?)),
            [id, "done", "json"] => Some(Self::Done(batch, Uuid::parse_str(id).ok()?)),
            _ => None,
        }
    }
}

impl Lake {
    /// The ledger of a table, empty if nothing was ever loaded into it. Writes nothing.
    ///
    /// `table` is the table as the caller found it *before*: so every batch that it holds is in the ledger by now.
    pub async fn ledger(&self, target: &TableName, table: Option<&Table>) -> Result<Ledger, LakeError> {
        Ledger::read(self, target, &table).await
    }
}

impl Ledger {
    pub(super) async fn read(lake: &Lake, target: &TableName, table: &impl Transactions) -> Result<Self, LakeError> {
        Lake::check_name(target)?;
        let mut ledger = Self {
            paths: Paths::new(lake.folder()),
            lake: lake.clone(),
            target: target.clone(),
            generation: 1,
            through: BTreeMap::new(),
            batches: Vec::new(),
            committed: BTreeSet::new(),
            withdrawn: BTreeSet::new(),
            forgotten: Vec::new(),
            attempts: BTreeSet::new(),
            done: BTreeSet::new(),
        };
        let names = ledger.list().await?;
        for (generation, _) in &names {
            if !ledger.through.contains_key(generation) {
                let through = table.version(&app_id(target, *generation)).await?;
                ledger.through.insert(*generation, through);
            }
        }
        ledger.generation = ledger.current(&names);
        ledger.fill(&names).await?;
        Ok(ledger)
    }

    /// The highest generation that has begun: the table holds a batch of it, or one waits to be loaded. One whose
    /// batches were all withdrawn has not.
    fn current(&self, names: &BTreeSet<(u64, Name)>) -> u64 {
        let is_live = |generation: u64| {
            names.iter().any(|(of, name)| match name {
                Name::Batch(batch) => *of == generation && !names.contains(&(generation, Name::Withdrawn(*batch))),
                _ => false,
            })
        };
        let open = || self.through.iter().rev().filter(|(_, through)| **through != RETIRED);
        let begun = open().find(|(generation, through)| **through > 0 || is_live(**generation));
        begun.or_else(|| open().next()).map_or(1, |(generation, _)| *generation)
    }

    /// Reads the current generation.
    async fn fill(&mut self, names: &BTreeSet<(u64, Name)>) -> Result<(), LakeError> {
        let (mut batches, mut forgotten) = (Vec::new(), Vec::new());
        for (generation, name) in names {
            match name {
                Name::Attempt(batch, id) => drop(self.attempts.insert((*generation, *batch, *id))),
                Name::Done(batch, id) => drop(self.done.insert((*generation, *batch, *id))),
                _ if *generation != self.generation => {}
                Name::Batch(batch) => batches.push(*batch),
                Name::Withdrawn(batch) => drop(self.withdrawn.insert(*batch)),
                Name::Forgotten(id) => forgotten.push(*id),
            }
        }
        let generation = self.generation;
        let shown = |batch| self.path(generation, Name::Batch(batch)).map(|path| self.lake.shown(&path));
        sort::check_numbers(&batches, |batch| shown(batch).unwrap_or_default())?;
        let reads = batches.into_iter().map(|batch| self.read_batch(generation, batch));
        self.batches = futures::stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        let reads = forgotten.into_iter().map(|id| self.read_forgotten(id));
        self.forgotten = futures::stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        self.forgotten.sort_by_key(|act| (act.through, act.at));
        let committed = sort::committed(&self.batches, self.through());
        self.committed = match committed {
            Ok(committed) => committed,
            Err(batch) => {
                let file = self.path(generation, Name::Batch(batch)).map(|path| self.lake.shown(&path))?;
                let why = "the table holds this batch, and the ledger does not say what it loaded".to_string();
                return Err(LakeError::DamagedLedger { file, why });
            }
        };
        Ok(())
    }

    /// What was committed and not finished, the oldest first: at most the last batch of the current generation and,
    /// before a batch that replaces the table, of those that it ends.
    pub async fn unfinished(&self, table: Option<&Table>) -> Result<Vec<Unfinished>, LakeError> {
        self.unfinished_in(&table).await
    }

    pub(super) async fn unfinished_in(&self, table: &impl Transactions) -> Result<Vec<Unfinished>, LakeError> {
        let mut unfinished = Vec::new();
        for (generation, through) in &self.through {
            if *through == RETIRED || *through == 0 || (*generation != self.generation && self.through() > 0) {
                continue;
            }
            unfinished.extend(self.unfinished_at(table, *generation, *through).await?);
        }
        Ok(unfinished)
    }

    async fn unfinished_at(
        &self,
        table: &impl Transactions,
        generation: u64,
        through: i64,
    ) -> Result<Option<Unfinished>, LakeError> {
        let batch = match self.batch(through).filter(|_| generation == self.generation) {
            Some(batch) => batch.clone(),
            None => self.read_batch(generation, through).await?,
        };
        // The first format knew no quarantine and left all files where they were: nothing is left to do.
        if batch.id.is_none() {
            return Ok(None);
        }
        let of_batch = (generation, through, Uuid::nil())..=(generation, through, Uuid::max());
        let Some(id) = table.attempt(&app_id(&self.target, generation), through).await? else {
            if self.done.range(of_batch).next().is_some() {
                return Ok(None);
            }
            let file = self.lake.shown(&self.path(generation, Name::Batch(through))?);
            let why = "the table holds this batch, and its log does not say any more from which attempt".to_string();
            return Err(LakeError::DamagedLedger { file, why });
        };
        if self.done.contains(&(generation, through, id)) {
            return Ok(None);
        }
        let attempt = Name::Attempt(through, id);
        let path = self.path(generation, attempt)?;
        if let Some(bytes) = self.lake.get(READ, &path).await? {
            let attempt = format::attempt_from_json(&bytes, &self.lake.shown(&path))?;
            return Ok(Some(Unfinished { generation, batch, attempt }));
        }
        // Another process finished it since the ledger was listed.
        if self.lake.get(READ, &self.path(generation, Name::Done(through, id))?).await?.is_some() {
            return Ok(None);
        }
        let why = "the table holds this attempt, and the file is gone".to_string();
        Err(LakeError::DamagedLedger { file: self.lake.shown(&path), why })
    }

    /// What became of the records of the files of the batches that are done, by batch. Those of the first format, and
    /// those that are not done, are not among them.
    pub async fn accounts(&self) -> Result<BTreeMap<i64, Attempt>, LakeError> {
        let is_current = |generation: u64, batch: &i64| generation == self.generation && self.committed.contains(batch);
        // Owned, because a stream that borrows its items cannot be awaited on another thread.
        let done: Vec<_> =
            self.done.iter().copied().filter(|(generation, batch, _)| is_current(*generation, batch)).collect();
        let reads = done.into_iter().map(|(generation, batch, id)| async move {
            let path = self.path(generation, Name::Done(batch, id))?;
            let Some(bytes) = self.lake.get(READ, &path).await? else { return Ok(None) };
            let mut attempt = format::done_from_json(&bytes, &self.lake.shown(&path))?;
            for file in &mut attempt.account {
                file.path = self.paths.resolve(&file.path);
            }
            Ok::<_, LakeError>(Some((batch, attempt)))
        });
        let read: Vec<_> = futures::stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        Ok(read.into_iter().flatten().collect())
    }

    /// Why the batches of the current generation that are withdrawn were.
    pub async fn withdrawals(&self) -> Result<BTreeMap<i64, Withdrawal>, LakeError> {
        // Owned, because a stream that borrows its items cannot be awaited on another thread.
        let withdrawn: Vec<i64> = self.withdrawn.iter().copied().collect();
        let reads = withdrawn.into_iter().map(|batch| async move {
            let path = self.path(self.generation, Name::Withdrawn(batch))?;
            let Some(bytes) = self.lake.get(READ, &path).await? else { return Ok(None) };
            Ok::<_, LakeError>(Some((batch, format::withdrawal_from_json(&bytes, &self.lake.shown(&path))?)))
        });
        let read: Vec<_> = futures::stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        Ok(read.into_iter().flatten().collect())
    }

    fn folder(&self) -> Result<StorePath, LakeError> {
        self.lake.own(&["ledger", &self.target.to_string()])
    }

    pub(super) fn path(&self, generation: u64, name: Name) -> Result<StorePath, LakeError> {
        below(&self.folder()?, &format!("{generation}/{}", name.text()))
    }

    /// All files of all generations, by name.
    async fn list(&self) -> Result<BTreeSet<(u64, Name)>, LakeError> {
        let folder = self.folder()?;
        let files = self.lake.list("list the ledger", &folder).await?;
        let name = |location: &StorePath| {
            let parts: Vec<String> = location.prefix_match(&folder)?.map(|part| part.as_ref().to_string()).collect();
            let (generation, name) = parts.split_first()?;
            Some((generation.parse().ok()?, Name::parse(&name.join("/"))?))
        };
        Ok(files.iter().filter_map(|file| name(&file.location)).collect())
    }

    async fn read_batch(&self, generation: u64, number: i64) -> Result<Batch, LakeError> {
        let (bytes, file) = self.read_file(generation, Name::Batch(number)).await?;
        let mut batch = format::batch_from_json(&bytes, &file)?;
        if batch.number != number {
            let why = format!("it says that it is batch {}", batch.number);
            return Err(LakeError::DamagedLedger { file, why });
        }
        if let super::Contents::Files(files) = &mut batch.contents {
            *files = self.named(std::mem::take(files));
        }
        Ok(batch)
    }

    async fn read_forgotten(&self, id: Uuid) -> Result<Forgotten, LakeError> {
        let (bytes, file) = self.read_file(self.generation, Name::Forgotten(id)).await?;
        let mut forgotten = format::forgotten_from_json(&bytes, &file)?;
        forgotten.files = self.named(std::mem::take(&mut forgotten.files));
        Ok(forgotten)
    }

    async fn read_file(&self, generation: u64, name: Name) -> Result<(bytes::Bytes, String), LakeError> {
        let path = self.path(generation, name)?;
        let file = self.lake.shown(&path);
        match self.lake.get(READ, &path).await? {
            Some(bytes) => Ok((bytes, file)),
            None => Err(LakeError::DamagedLedger { file, why: "it is gone".to_string() }),
        }
    }
}
