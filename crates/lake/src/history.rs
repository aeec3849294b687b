//! The versions of a table, as its log tells them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use deltalake_core::kernel::{Action, CommitInfo};
use deltalake_core::logstore::{LogStore, get_actions};
use futures::TryStreamExt;
use headwater_plan::{RunId, TableName};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::provenance::Provenance;
use crate::relation::delta_error;
use crate::{Lake, LakeError};

/// A version of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The Delta version.
    pub version: u64,
    /// When it was committed, by the writer's clock.
    pub timestamp: DateTime<Utc>,
    /// What was done, in the writer's words.
    pub operation: String,
    /// The run, if it was Headwater's.
    pub run_id: Option<RunId>,
    /// Rows in the files that were added; `None` if one does not say.
    pub rows_added: Option<u64>,
    /// Files added.
    pub files_added: u64,
    /// Files removed.
    pub files_removed: u64,
}

impl Lake {
    /// The versions of a table, newest first, as far back as its log reaches; empty for a view or without a table.
    pub async fn history(&self, name: &TableName) -> Result<Vec<HistoryEntry>, LakeError> {
        Self::check_name(name)?;
        if self.view(name).await?.is_some() || !self.has_commits(name).await? {
            return Ok(Vec::new());
        }
        let log = self.log_store(name)?;
        let failed = |source| delta_error("read the history of", name, source);
        let mut listing = log.object_store(None).list(Some(log.log_path()));
        let mut versions: Vec<u64> = Vec::new();
        while let Some(file) = listing.try_next().await.map_err(|source| failed(source.into()))? {
            let number = file.location.filename().and_then(|file| file.strip_suffix(".json")).unwrap_or_default();
            if number.len() == 20
                && let Ok(version) = number.parse()
            {
                versions.push(version);
            }
        }
        versions.sort_unstable_by(|one, other| other.cmp(one));
        let mut entries = Vec::with_capacity(versions.len());
        for version in versions {
            entries.extend(read_entry(log.as_ref(), version).await.map_err(failed)?);
        }
        Ok(entries)
    }

    /// One version of a table; `None` if the log holds it no longer.
    pub(crate) async fn entry(&self, name: &TableName, version: u64) -> Result<Option<HistoryEntry>, LakeError> {
        let log = self.log_store(name)?;
        let entry = read_entry(log.as_ref(), version).await;
        entry.map_err(|source| delta_error("read the history of", name, source))
    }
}

async fn read_entry(log: &dyn LogStore, version: u64) -> deltalake_core::DeltaResult<Option<HistoryEntry>> {
    let Some(bytes) = log.read_commit_entry(version).await? else { return Ok(None) };
    let mut info = CommitInfo::default();
    let (mut rows, mut added, mut removed) = (Some(0), 0, 0);
    for action in get_actions(version, &bytes)? {
        match action {
            Action::CommitInfo(found) => info = found,
            Action::Add(add) => {
                added += 1;
                rows = rows.zip(add.stats.as_deref().and_then(records)).map(|(sum, rows)| sum + rows);
            }
            Action::Remove(_) => removed += 1,
            _ => {}
        }
    }
    let timestamp = info.in_commit_timestamp.or(info.timestamp).and_then(DateTime::from_timestamp_millis);
    Ok(Some(HistoryEntry {
        version,
        timestamp: timestamp.unwrap_or_default(),
        run_id: Provenance::from_commit_info(&info).map(|provenance| provenance.run_id),
        operation: info.operation.unwrap_or_default(),
        rows_added: rows,
        files_added: added,
        files_removed: removed,
    }))
}

fn records(stats: &str) -> Option<u64> {
    serde_json::from_str::<HashMap<String, Value>>(stats).ok()?.get("numRecords")?.as_u64()
}
