//! Data files between their last byte and the commit that names them.
//!
//! Risk: a file that a version names and that is not there, which breaks the table. A file is removed only by whoever is
//! certain that no version names it. In a folder it is written in its place; in a bucket it is written to a temporary
//! file of the machine and uploaded from there while the next one is written.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use deltalake_core::kernel::Add;
use headwater_plan::TableName;
use object_store::path::Path as StorePath;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::upload::{Object, UPLOADS};
use crate::durable::create_folder;
use crate::lake::below;
use crate::{Lake, LakeError};

/// A data file that is durably in place and that no version of its table names yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedFile {
    /// Where it lies below the table's folder.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its rows.
    pub rows: u64,
    /// When it was written.
    pub modified: DateTime<Utc>,
    /// Its statistics, as Delta writes them.
    pub stats: String,
    /// The values of the table's partition columns in it, as Delta writes them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub partition: BTreeMap<String, Option<String>>,
}

impl StagedFile {
    /// The log's action that makes it the table's.
    pub(crate) fn add(&self, data_change: bool) -> Add {
        Add {
            path: self.path.clone(),
            partition_values: self.partition.clone().into_iter().collect(),
            size: i64::try_from(self.size).unwrap_or(i64::MAX),
            modification_time: self.modified.timestamp_millis(),
            data_change,
            stats: Some(self.stats.clone()),
            tags: None,
            deletion_vector: None,
            base_row_id: None,
            default_row_commit_version: None,
            clustering_provider: None,
        }
    }
}

impl Lake {
    /// Removes staged files that no version names and none ever will: those of an attempt that was given up.
    pub async fn discard(&self, table: &TableName, files: &[StagedFile]) -> Result<(), LakeError> {
        let folder = self.table_path(table)?;
        let paths = files.iter().map(|file| below(&folder, &file.path)).collect::<Result<Vec<_>, _>>()?;
        self.delete_all("remove the file", paths).await
    }
}

/// Where a write puts its files.
#[derive(Debug)]
pub(crate) struct Place {
    pub(super) lake: Lake,
    table: StorePath,
    pub(super) runtime: Handle,
    pub(super) uploads: Semaphore,
}

impl Place {
    /// That of a table. Called where a runtime is, since uploads go on beside the threads that write.
    pub(crate) fn of(lake: &Lake, table: &TableName) -> Result<Self, LakeError> {
        let table = lake.table_path(table)?;
        Ok(Self { lake: lake.clone(), table, runtime: Handle::current(), uploads: Semaphore::new(UPLOADS) })
    }

    /// The table's folder; `None` in a bucket.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        self.lake.local(&self.table)
    }

    /// Begins a file at a path below the table's folder: the file to write into, and the guard that removes it.
    pub(super) fn create(self: &Arc<Self>, path: &str) -> Result<(File, Uncommitted), LakeError> {
        let path = below(&self.table, path)?;
        let Some(local) = self.lake.local(&path) else {
            let failed =
                |source| LakeError::Io { doing: "create a temporary file in", path: std::env::temp_dir(), source };
            let file = tempfile::tempfile().map_err(failed)?;
            let object = Where::Bucket(Object::new(self.clone(), path));
            return Ok((file, Uncommitted { file: Some(object), kept: false }));
        };
        let failed = |source| LakeError::Io { doing: "create the file", path: local.clone(), source };
        create_folder(local.parent().unwrap_or(&local)).map_err(failed)?;
        let file = File::create_new(&local).map_err(failed)?;
        Ok((file, Uncommitted { file: Some(Where::Folder(local)), kept: false }))
    }
}

#[derive(Debug)]
enum Where {
    Folder(PathBuf),
    Bucket(Object),
}

/// A file of the table's folder that no version of the table names yet; removed when dropped, unless it was kept.
#[derive(Debug)]
pub(crate) struct Uncommitted {
    /// `None` once removed.
    file: Option<Where>,
    kept: bool,
}

impl Uncommitted {
    /// The file has become the table's, or may have.
    pub(super) fn keep(&mut self) {
        self.kept = true;
    }

    /// The file has surely not become the table's.
    pub(super) fn give_up(&mut self) {
        self.kept = false;
    }

    /// Where it is, for messages.
    pub(super) fn shown(&self) -> PathBuf {
        match &self.file {
            None => PathBuf::new(),
            Some(Where::Folder(path)) => path.clone(),
            Some(Where::Bucket(object)) => object.shown().into(),
        }
    }

    /// The file is whole: flushes it to the disk, or sends it on its way into the bucket.
    pub(super) fn finish(&mut self, file: File, size: u64) -> Result<(), LakeError> {
        match &mut self.file {
            None => {}
            Some(Where::Folder(path)) => {
                file.sync_all().map_err(|source| LakeError::Io { doing: "flush", path: path.clone(), source })?;
            }
            Some(Where::Bucket(object)) => object.send(file, size),
        }
        Ok(())
    }

    /// Waits until it is durably in its place.
    pub(super) async fn settle(&mut self) -> Result<(), LakeError> {
        match &mut self.file {
            Some(Where::Bucket(object)) => object.settle().await,
            _ => Ok(()),
        }
    }

    /// Removes it now, and waits until it is gone.
    pub(super) async fn remove(mut self) {
        if self.kept {
            return;
        }
        match self.file.take() {
            Some(Where::Bucket(object)) => object.remove().await,
            Some(Where::Folder(path)) => remove_file(&path),
            None => {}
        }
    }
}

impl Drop for Uncommitted {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        match self.file.take() {
            Some(Where::Folder(path)) => remove_file(&path),
            Some(Where::Bucket(object)) => {
                if let Some(runtime) = object.runtime() {
                    drop(runtime.spawn(object.remove()));
                }
            }
            None => {}
        }
    }
}

fn remove_file(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        // Nobody reads it; it only takes room until the table is vacuumed.
        tracing::warn!(path = %path.display(), %error, "cannot remove an uncommitted file");
    }
}
