//! A change of a table: some of its files give way to others, in one commit.
//!
//! Risk: a change that was made from rows that are not the table's any more, so that it undoes what another run did or
//! does it twice. A change begins from one version of the table, and is committed only if no row was added, changed or
//! taken out since, nor a column; who comes second is told ([`LakeError::is_overtaken`]), and begins anew from the newest
//! version. Files that an `OPTIMIZE` meanwhile put into other files do not matter, unless the change takes them out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use deltalake_core::kernel::{EagerSnapshot, Remove, StructField, StructType};
use headwater_plan::{Built, RunId, Schema, StepContext, TableName};
use serde_json::Value;

use super::actions::{Draft, LogEntry};
use super::commit::{Ended, Found, Next, Watch, commit};
use super::part::{self, FinishedPart, PartOptions, PartWriter};
use super::partition::Partitioning;
use super::rewrite::removals;
use super::{AppTransaction, Committed, StagedFile, check};
use crate::provenance::{Provenance, changes_nothing};
use crate::types::to_delta;
use crate::{Lake, LakeError, Table, fault};

/// What a change is.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeOptions {
    /// The table's columns after it, in any spelling: those that it has keep theirs, further ones are added after them.
    /// Without one that the table has, the change must be of all of its files.
    pub schema: Schema,
    /// Numbers that the table carries from now on, whatever they were before.
    pub transactions: Vec<AppTransaction>,
    /// The step's own, if it is one of those that may meet themselves on another engine ([`AppTransaction::of_step`]).
    pub turn: Option<AppTransaction>,
    /// From what the table is built then; `None`: as before.
    pub built: Option<Built>,
    /// The run.
    pub run_id: RunId,
    /// What is done, for the table's history: `MERGE`, `DELETE`, `UPDATE`, `WRITE`.
    pub operation: &'static str,
    /// How, in Spark's words.
    pub parameters: Vec<(&'static str, Value)>,
    /// When.
    pub at: DateTime<Utc>,
}

impl ChangeOptions {
    /// A change by a step, of a table's rows and not of its columns.
    pub fn new(table: &Table, operation: &'static str, context: &StepContext) -> Self {
        Self {
            schema: table.schema().clone(),
            transactions: Vec::new(),
            turn: None,
            built: table.built().cloned(),
            run_id: context.run_id.clone(),
            operation,
            parameters: Vec::new(),
            at: context.clock.now(),
        }
    }
}

/// Which files go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// None.
    Nothing,
    /// Those of these paths.
    Files(Vec<String>),
    /// Those of the partitions that the new files belong to; without partition columns, all.
    Partitions,
    /// All.
    Everything,
}

/// What a change comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The files that go.
    pub removal: Removal,
    /// Delta's metrics of the operation, beside those of files.
    pub metrics: Vec<(&'static str, u64)>,
}

/// A change that has begun. Nothing of it is visible before [`TableChange::commit`]; dropping its parts removes what was
/// written.
#[derive(Debug)]
pub struct TableChange {
    lake: Lake,
    base: Table,
    options: ChangeOptions,
    columns: StructType,
    part: Arc<PartOptions>,
}

impl Lake {
    /// Begins a change of a table as it was opened: checks all that can be checked before there are rows. Writes nothing.
    pub fn begin_change(&self, table: &Table, mut options: ChangeOptions) -> Result<TableChange, LakeError> {
        let target = table.name();
        check::check_protocol(target, &table.snapshot)?;
        let columns = columns_after(target, &mut options.schema, &table.snapshot)?;
        let partitioning = Partitioning::of(target, &options.schema, table.partition_by())?;
        let part = Arc::new(PartOptions::new(self, target, &options.schema, partitioning)?);
        Ok(TableChange { lake: self.clone(), base: table.clone(), options, columns, part })
    }
}

impl TableChange {
    /// The table as it was when the change began.
    pub fn base(&self) -> &Table {
        &self.base
    }

    /// Says how it is done, in Spark's words, for the table's history.
    #[must_use]
    pub fn with_parameters(mut self, parameters: Vec<(&'static str, Value)>) -> Self {
        self.options.parameters = parameters;
        self
    }

    /// The schema that batches must have; text may also come as views, large strings or dictionaries.
    pub fn arrow_schema(&self) -> SchemaRef {
        self.part.arrow_schema.clone()
    }

    /// The table's columns after the change, in their spelling and order.
    pub fn schema(&self) -> &Schema {
        &self.options.schema
    }

    /// A writer for one thread. Without rows it makes no file.
    pub fn part(&self) -> PartWriter {
        PartWriter::new(self.part.clone())
    }

    /// Makes the change visible, all at once and durably; refused ([`LakeError::is_overtaken`]) if the table is not what
    /// the change was made from.
    pub async fn commit(self, parts: Vec<FinishedPart>, outcome: &Outcome) -> Result<Committed, LakeError> {
        let (files, mut guards) = part::settle(parts).await?;
        if let Some(table) = self.part.place.folder() {
            part::sync(&table, &files)?;
        }
        fault::point("change-staged");
        let target = self.base.name();
        let mut next = |found: Found<'_>| self.entry(&found, &files, outcome).map(Next::Put);
        let watch = Watch { apps: &[], since: Some(self.base.version().version) };
        match commit(&self.lake, target, watch, &mut guards, &mut next).await {
            Ok(Ended::Committed(version) | Ended::Already(version)) => {
                fault::point("change-committed");
                Ok(Committed { version, rows: files.iter().map(|file| file.rows).sum(), already: false })
            }
            Err(error) => {
                part::remove(guards).await;
                Err(error)
            }
        }
    }

    /// Gives up: removes the files, as dropping them does.
    pub async fn abort(self, parts: Vec<FinishedPart>) {
        let guards = parts.into_iter().flat_map(|part| part.files).map(|file| file.guard).collect();
        part::remove(guards).await;
    }

    /// The entry on top of the table as an attempt finds it.
    fn entry(&self, found: &Found<'_>, files: &[StagedFile], outcome: &Outcome) -> Result<LogEntry, LakeError> {
        let snapshot = self.unchanged(found)?;
        let target = self.base.name();
        let removes = removed(target, snapshot, files, &outcome.removal)?;
        if !removes.is_empty() && snapshot.table_properties().append_only == Some(true) {
            let why = "it is append-only (`delta.appendOnly`)".to_string();
            return Err(LakeError::UnsupportedTable { table: target.clone(), why });
        }
        let there = snapshot.schema();
        let dropped = there.fields().find(|field| self.columns.field(field.name()).is_none());
        if let Some(dropped) = dropped
            && removes.len() < snapshot.log_data().num_files()
        {
            let differences = vec![format!("`{}` is in files that stay", dropped.name())];
            return Err(LakeError::SchemaMismatch { table: target.clone(), differences });
        }
        let options = &self.options;
        // Delta names the same counts in three ways.
        let names = match options.operation {
            "MERGE" => ["numTargetFilesAdded", "numTargetFilesRemoved", "numTargetBytesAdded"],
            "WRITE" => ["numFiles", "numRemovedFiles", "numOutputBytes"],
            _ => ["numAddedFiles", "numRemovedFiles", "numAddedBytes"],
        };
        let bytes = files.iter().map(|file| file.size).sum();
        let own = names.into_iter().zip([files.len() as u64, removes.len() as u64, bytes]);
        let draft = Draft {
            schema: &self.columns,
            partition_by: snapshot.metadata().partition_columns(),
            configuration: None,
            transactions: options.transactions.iter().chain(&options.turn).cloned().collect(),
            removes,
            adds: files.iter().map(|file| file.add(true)).collect(),
            operation: options.operation,
            parameters: options.parameters.clone(),
            metrics: own.chain(outcome.metrics.iter().copied()).collect(),
            provenance: Provenance {
                run_id: options.run_id.clone(),
                built: options.built.clone(),
                attempt: None,
                // What says by transactions how far the table is leaves nothing to say here.
                spans: self.base.spans_done().filter(|_| options.transactions.is_empty()),
            },
            blind: false,
            at: options.at,
        };
        draft.entry(Some(snapshot))
    }

    /// The table as it is found, if it holds the rows that the change was made from.
    fn unchanged<'a>(&self, found: &Found<'a>) -> Result<&'a EagerSnapshot, LakeError> {
        let base = self.base.version();
        let overtaken = || LakeError::Overtaken { table: self.base.name().clone(), version: base.version };
        let snapshot = found.snapshot.ok_or_else(overtaken)?;
        let is_same_table = snapshot.metadata().id() == base.id;
        if !is_same_table || !found.since.iter().all(|entry| entry.as_ref().is_some_and(changes_nothing)) {
            return Err(overtaken());
        }
        Ok(snapshot)
    }
}

/// The table's columns after a change; gives the columns of the change the table's spelling.
fn columns_after(target: &TableName, wanted: &mut Schema, table: &EagerSnapshot) -> Result<StructType, LakeError> {
    let there = table.schema();
    let known: BTreeMap<String, &StructField> =
        there.fields().map(|field| (field.name().to_lowercase(), field)).collect();
    for field in &mut wanted.fields {
        if let Some(known) = known.get(&field.name.to_lowercase()) {
            field.name.clone_from(known.name());
        }
    }
    let delta = to_delta(wanted).map_err(|source| LakeError::InvalidSchema { table: target.clone(), source })?;
    let found = check::conflicts(there.as_ref(), &delta);
    if !found.is_empty() {
        return Err(LakeError::SchemaMismatch { table: target.clone(), differences: found });
    }
    let columns = delta.fields().map(|field| there.field(field.name()).unwrap_or(field).clone());
    StructType::try_new(columns)
        .map_err(|error| LakeError::SchemaMismatch { table: target.clone(), differences: vec![error.to_string()] })
}

/// The actions that take out what is to go.
fn removed(
    table: &TableName,
    snapshot: &EagerSnapshot,
    added: &[StagedFile],
    removal: &Removal,
) -> Result<Vec<Remove>, LakeError> {
    let all = || snapshot.log_data().iter().map(|file| file.remove_action(true)).collect();
    Ok(match removal {
        Removal::Nothing => Vec::new(),
        Removal::Files(paths) => removals(table, snapshot, paths, true)?,
        Removal::Partitions if snapshot.metadata().partition_columns().is_empty() => all(),
        Removal::Partitions => {
            let partitions: BTreeSet<_> = added.iter().map(|file| &file.partition).collect();
            let is_replaced = |file: &deltalake_core::kernel::LogicalFileView| {
                partitions.contains(&file.partition_values_map().into_iter().collect::<BTreeMap<_, _>>())
            };
            snapshot.log_data().iter().filter(is_replaced).map(|file| file.remove_action(true)).collect()
        }
        Removal::Everything => all(),
    })
}
