//! Rows to a table: Parquet files by many threads, then exactly one Delta commit.
//!
//! Risk: rows doubled, lost, or there in part. Nothing is visible before the commit, which holds the files, the
//! transaction number of a batch, and what the table was built from, all in one log entry; creating a table and its
//! first rows are one entry too. The files are on the disk before the entry is. What is not committed is removed when
//! its guard is dropped, in whatever way the write ends; only a killed process leaves files, and no reader sees those.

pub(crate) mod actions;
mod batch;
pub mod change;
pub(crate) mod check;
pub(crate) mod commit;
mod part;
mod partition;
pub(crate) mod rewrite;
mod staged;
mod stats;
mod upload;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use deltalake_core::kernel::{EagerSnapshot, Remove, StructType};
use headwater_plan::{NodeId, RunId, Schema, StepContext, TableName, TableVersion, engine::Built};
use serde_json::Value;
use uuid::Uuid;

use crate::provenance::Provenance;
use crate::types::to_delta;
use crate::{Lake, LakeError};

use actions::{Draft, LogEntry};
use commit::{Ended, Found, Next, Standings, Watch, version_of};
use partition::Partitioning;
use staged::Uncommitted;

pub use part::{FinishedPart, PartWriter};
pub use staged::StagedFile;

/// What happens to the rows that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// They stay. Needs equal columns, or such as can be merged ([`WriteOptions::merge_schema`]).
    Append,
    /// They go, and the columns and partitions become those of the write. The table keeps its id and its history. Takes
    /// the place of a view.
    Replace,
}

/// The number that makes a write happen once, as Delta's `txn` action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppTransaction {
    /// Whose numbers they are.
    pub app_id: String,
    /// The number; each is greater than the one before.
    pub version: i64,
}

impl AppTransaction {
    /// The number of an application that has ended.
    pub const RETIRED: i64 = i64::MAX;

    /// The numbers that a step has for a run ([`AppTransaction::of_step`]), the first of which comes without rows.
    pub const TURN: i64 = 1 << 17;

    /// The transaction by which a node's step puts rows into its table, for a run that began then. Runs that begin later
    /// have greater numbers on whichever engine, so that Delta itself refuses what an earlier one still had to commit. The
    /// number before it says that a run is about to compute; those after it are for steps of several commits.
    pub fn of_step(node: &NodeId, began: DateTime<Utc>) -> Self {
        Self { app_id: format!("headwater:step:{node}"), version: began.timestamp_millis() * Self::TURN + 1 }
    }
}

/// A write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOptions {
    /// The table, created if it is not there.
    pub target: TableName,
    /// Its columns.
    pub schema: Schema,
    /// What happens to the rows that are there.
    pub mode: WriteMode,
    /// The number that makes it happen once; `None` for a write that may happen again.
    pub transaction: Option<AppTransaction>,
    /// The transaction that this one comes after, 0 for none: the write is refused ([`LakeError::OutOfTurn`]) on a table
    /// whose newest is another, unless it is this one. `None`: any that is smaller.
    pub follows: Option<i64>,
    /// Other applications whose numbers end with this commit: each must stand at exactly its version, 0 for none, or the
    /// commit is refused as `follows` refuses it, and stands at [`AppTransaction::RETIRED`] after it.
    pub retires: Vec<AppTransaction>,
    /// Numbers that the table carries from now on, whatever they were before; they decide nothing.
    pub sets: Vec<AppTransaction>,
    /// The attempt that staged the rows: what [`Table::transaction_attempt`](crate::Table::transaction_attempt) finds.
    pub attempt: Option<Uuid>,
    /// Whether an append may bring columns that the table has not, which are null in the rows that are there, and may
    /// lack columns of the table, which are then null in its own. Types must be equal.
    pub merge_schema: bool,
    /// The columns whose values are folders. Those of a table that is there must be these, unless it is replaced.
    pub partition_by: Vec<String>,
    /// From what the rows were built.
    pub built: Option<Built>,
    /// The run.
    pub run_id: RunId,
    /// What is done, for the table's history.
    pub operation: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// How a write ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The table's version after it.
    pub version: TableVersion,
    /// The rows that it put into the table; 0 if it was there already.
    pub rows: u64,
    /// Whether a write of the same transaction had been committed before, or one of a greater number where nothing was
    /// said of what it follows, so that this one changed nothing.
    pub already: bool,
}

/// A write that has begun. Nothing of it is visible before [`TableWriter::commit`]; dropping it removes what it wrote.
#[derive(Debug)]
pub struct TableWriter {
    lake: Lake,
    options: WriteOptions,
    delta_schema: StructType,
    part: Arc<part::PartOptions>,
}

impl Lake {
    /// Begins a write: checks all that can be checked before there are rows. Writes nothing.
    pub async fn begin_write(&self, mut options: WriteOptions) -> Result<TableWriter, LakeError> {
        let target = options.target.clone();
        Self::check_name(&target)?;
        let snapshot = self.snapshot(&target).await?.map(|(_, snapshot)| snapshot);
        options.schema = check::spelled(&options, snapshot.as_ref());
        let delta_schema =
            to_delta(&options.schema).map_err(|source| LakeError::InvalidSchema { table: target.clone(), source })?;
        let partitioning = Partitioning::of(&target, &options.schema, &options.partition_by)?;
        options.partition_by = partitioning.names();
        match &snapshot {
            Some(snapshot) => drop(check::columns_after(&options, &delta_schema, snapshot)?),
            None => check::check_folder(self, &target).await?,
        }
        let log = self.log_store(&target)?;
        let standings = Standings::read(log.as_ref(), &target, snapshot.as_ref(), &options.apps()).await?;
        options.is_done(&standings)?;
        if options.mode == WriteMode::Append && self.view(&target).await?.is_some() {
            return Err(LakeError::IsAView { table: target });
        }
        let part = Arc::new(part::PartOptions::new(self, &target, &options.schema, partitioning)?);
        Ok(TableWriter { lake: self.clone(), options, delta_schema, part })
    }
}

impl TableWriter {
    /// The schema that batches must have; text may also come as views, large strings or dictionaries.
    pub fn arrow_schema(&self) -> SchemaRef {
        self.part.arrow_schema.clone()
    }

    /// A writer for one thread. Without rows it makes no file.
    pub fn part(&self) -> PartWriter {
        PartWriter::new(self.part.clone())
    }

    /// Makes the rows visible, all at once and durably. Others that commit at the same time are let by and the commit
    /// is tried again on top of theirs; if one of them was the same transaction, this one's files are removed and
    /// nothing changes.
    pub async fn commit(self, parts: Vec<FinishedPart>) -> Result<Committed, LakeError> {
        let (files, mut guards) = part::settle(parts).await?;
        if let Some(table) = self.part.place.folder() {
            part::sync(&table, &files)?;
        }
        let committed = self.put(&files, &mut guards).await?;
        if committed.already {
            part::remove(guards).await;
        }
        Ok(committed)
    }

    /// Commits files that were staged ([`FinishedPart::into_staged`]), by whatever process. Never removes them: whoever
    /// was the first to commit the transaction may have committed these very files.
    pub async fn commit_staged(self, files: Vec<StagedFile>) -> Result<Committed, LakeError> {
        self.put(&files, &mut []).await
    }

    fn provenance(&self) -> Provenance {
        Provenance {
            run_id: self.options.run_id.clone(),
            built: self.options.built.clone(),
            attempt: self.options.attempt,
            spans: None,
        }
    }

    /// Gives up: removes the files, as dropping them does.
    pub async fn abort(self, parts: Vec<FinishedPart>) {
        let guards = parts.into_iter().flat_map(|part| part.files).map(|file| file.guard).collect();
        part::remove(guards).await;
    }

    async fn put(&self, files: &[StagedFile], guards: &mut [Uncommitted]) -> Result<Committed, LakeError> {
        let target = &self.options.target;
        let mut next = |found: Found<'_>| self.next(&found, files);
        let ended =
            commit::commit(&self.lake, target, Watch { apps: &self.options.apps(), since: None }, guards, &mut next)
                .await?;
        if self.options.mode == WriteMode::Replace {
            self.lake.drop_view(target).await?;
        }
        let rows = files.iter().map(|file| file.rows).sum();
        Ok(match ended {
            Ended::Committed(version) => Committed { version, rows, already: false },
            Ended::Already(version) => Committed { version, rows: 0, already: true },
        })
    }

    /// What an attempt puts on top of the table as it is.
    fn next(&self, found: &Found<'_>, files: &[StagedFile]) -> Result<Next, LakeError> {
        if let (true, Some(snapshot)) = (self.options.is_done(&found.standings)?, found.snapshot) {
            return Ok(Next::Already(version_of(snapshot)));
        }
        let columns = match found.snapshot {
            Some(snapshot) => check::columns_after(&self.options, &self.delta_schema, snapshot)?,
            None => self.delta_schema.clone(),
        };
        self.entry(found.snapshot, &columns, files).map(Next::Put)
    }

    fn entry(
        &self,
        snapshot: Option<&EagerSnapshot>,
        columns: &StructType,
        files: &[StagedFile],
    ) -> Result<LogEntry, LakeError> {
        let options = &self.options;
        let removes: Vec<Remove> = match (options.mode, snapshot) {
            (WriteMode::Replace, Some(snapshot)) => {
                snapshot.log_data().iter().map(|file| file.remove_action(true)).collect()
            }
            _ => Vec::new(),
        };
        let retired = options
            .retires
            .iter()
            .map(|app| AppTransaction { app_id: app.app_id.clone(), version: AppTransaction::RETIRED });
        let draft = Draft {
            schema: columns,
            partition_by: &options.partition_by,
            configuration: None,
            transactions: retired.chain(options.transaction.clone()).chain(options.sets.iter().cloned()).collect(),
            blind: options.mode == WriteMode::Append,
            removes,
            adds: files.iter().map(|file| file.add(true)).collect(),
            operation: &options.operation,
            parameters: vec![("mode", Value::from(options.mode.word()))],
            metrics: vec![
                ("numFiles", files.len() as u64),
                ("numOutputRows", files.iter().map(|file| file.rows).sum()),
                ("numOutputBytes", files.iter().map(|file| file.size).sum()),
            ],
            provenance: self.provenance(),
            at: options.at,
        };
        draft.entry(snapshot)
    }
}

impl WriteMode {
    /// Spark's word.
    fn word(self) -> &'static str {
        match self {
            Self::Append => "Append",
            Self::Replace => "Overwrite",
        }
    }
}

impl WriteOptions {
    /// A write by a step, of which nothing depends on what was written before.
    pub fn new(target: TableName, schema: Schema, mode: WriteMode, operation: &str, context: &StepContext) -> Self {
        Self {
            target,
            schema,
            mode,
            transaction: None,
            follows: None,
            retires: Vec::new(),
            sets: Vec::new(),
            attempt: None,
            merge_schema: false,
            partition_by: Vec::new(),
            built: None,
            run_id: context.run_id.clone(),
            operation: operation.to_owned(),
            at: context.clock.now(),
        }
    }

    /// The applications by which it is decided whether the write may happen.
    fn apps(&self) -> Vec<&str> {
        self.transaction.iter().chain(&self.retires).map(|transaction| transaction.app_id.as_str()).collect()
    }

    /// Whether the write has happened already; refused if it must not happen on a table that stands so.
    fn is_done(&self, standings: &Standings) -> Result<bool, LakeError> {
        let Some(AppTransaction { app_id, version }) = &self.transaction else { return Ok(false) };
        let found = standings.of(app_id);
        let out_of_turn = |follows: i64, found: i64| {
            Err(LakeError::OutOfTurn { table: self.target.clone(), batch: *version, follows, found })
        };
        match self.follows {
            _ if found == *version => return Ok(true),
            None if found > *version => return Ok(true),
            Some(follows) if found != follows => return out_of_turn(follows, found),
            _ => {}
        }
        match self.retires.iter().find(|app| standings.of(&app.app_id) != app.version) {
            Some(app) => out_of_turn(app.version, standings.of(&app.app_id)),
            None => Ok(false),
        }
    }
}
