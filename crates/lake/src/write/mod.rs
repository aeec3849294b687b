//! Rows to a table: Parquet files by many threads, then exactly one Delta commit.
//!
//! Risk: rows doubled, lost, or there in part. Nothing is visible before the commit, which holds the files, the
//! transaction number of a batch, and what the table was built from, all in one log entry; creating a table and its
//! first rows are one entry too. The files are on the disk before the entry is. What is not committed is removed when
//! its guard is dropped, in whatever way the write ends; only a killed process leaves files, and no reader sees those.

mod actions;
mod batch;
mod commit;
mod part;
mod stats;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use deltalake_core::kernel::{EagerSnapshot, StructType};
use headwater_plan::{RunId, Schema, TableName, TableVersion, engine::Built};

use crate::relation::has_commits;
use crate::types::{from_delta, to_arrow, to_delta};
use crate::{Lake, LakeError};

pub use part::{FinishedPart, PartWriter};

/// What happens to the rows that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// They stay. Needs equal columns.
    Append,
    /// They go, and the columns become those of the write. The table keeps its id and its history. Takes the place of
    /// a view.
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
    /// Whether a write of the same transaction had been committed before, so that this one changed nothing.
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
    pub async fn begin_write(&self, options: WriteOptions) -> Result<TableWriter, LakeError> {
        let target = &options.target;
        Self::check_name(target)?;
        let delta_schema =
            to_delta(&options.schema).map_err(|source| LakeError::InvalidSchema { table: target.clone(), source })?;
        match self.snapshot(target).await? {
            Some((_, snapshot)) => check_table(&options, &delta_schema, &snapshot)?,
            None => check_folder(target, &self.table_folder(target))?,
        }
        if options.mode == WriteMode::Append && self.view(target).await?.is_some() {
            return Err(LakeError::IsAView { table: target.clone() });
        }
        let part = Arc::new(part::PartOptions {
            table: target.clone(),
            folder: self.table_folder(target),
            arrow_schema: to_arrow(&options.schema),
            schema: options.schema.clone(),
        });
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
        let committed = commit::commit(&self, parts).await?;
        if self.options.mode == WriteMode::Replace {
            self.lake.drop_view(&self.options.target)?;
        }
        Ok(committed)
    }

    /// Gives up: removes the files, as dropping them does.
    pub async fn abort(self, parts: Vec<FinishedPart>) {
        drop(parts);
    }
}

/// Whether the table as it is can take the write.
fn check_table(options: &WriteOptions, schema: &StructType, snapshot: &EagerSnapshot) -> Result<(), LakeError> {
    let table = &options.target;
    let refuse = |why: String| Err(LakeError::UnsupportedTable { table: table.clone(), why });
    let protocol = snapshot.protocol();
    let (reader, writer) = (protocol.min_reader_version(), protocol.min_writer_version());
    if reader > 1 || writer > 2 {
        return refuse(format!("it needs Delta reader {reader} and writer {writer}, headwater writes 1 and 2"));
    }
    let partitions = snapshot.metadata().partition_columns();
    if !partitions.is_empty() {
        return refuse(format!("it is partitioned by `{}`", partitions.join("`, `")));
    }
    match options.mode {
        WriteMode::Replace if snapshot.table_properties().append_only == Some(true) => {
            refuse("it is append-only (`delta.appendOnly`)".to_string())
        }
        WriteMode::Append if snapshot.schema().as_ref() != schema => Err(LakeError::SchemaMismatch {
            table: table.clone(),
            differences: match from_delta(snapshot.schema().as_ref()) {
                Ok(there) => differences(&there, &options.schema),
                Err(source) => vec![source.to_string()],
            },
        }),
        _ => Ok(()),
    }
}

/// What is different, in words; order, nullability or metadata if it is nothing else.
fn differences(there: &Schema, wanted: &Schema) -> Vec<String> {
    let mut found = Vec::new();
    for field in &wanted.fields {
        match there.field(&field.name) {
            None => found.push(format!("`{}` is not in the table", field.name)),
            Some(old) if old.data_type != field.data_type => {
                found.push(format!("`{}` is `{}` in the table, not `{}`", field.name, old.data_type, field.data_type));
            }
            Some(_) => {}
        }
    }
    for field in there.fields.iter().filter(|field| wanted.field(&field.name).is_none()) {
        found.push(format!("`{}` is only in the table", field.name));
    }
    if found.is_empty() {
        found.push("they differ in order, in the case of a name or in what may be null".to_string());
    }
    found
}

/// Refuses a folder that is not a table and holds something that a dead write of ours did not leave.
fn check_folder(table: &TableName, folder: &Path) -> Result<(), LakeError> {
    let failed = |source| LakeError::Io { doing: "list the folder", path: folder.to_path_buf(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(LakeError::ForeignFiles { table: table.clone(), file: folder.to_path_buf() });
        }
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let file = entry.map_err(failed)?.path();
        let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        if !part::is_part_name(&name) && name != "_delta_log" {
            // A table that another task is just creating is no stranger either.
            return if has_commits(folder)? {
                Ok(())
            } else {
                Err(LakeError::ForeignFiles { table: table.clone(), file: file.clone() })
            };
        }
    }
    Ok(())
}
