//! No litter: files that no version names, or only versions from before the retention.
//!
//! Risk: a file removed that somebody needs: a reader of an older version, a writer that has not committed yet, or a
//! batch that is committed and whose quarantined rows still have to follow. So a file goes only if
//!
//! - it is a data file, not in the newest version, and in no version that was the newest within the retention,
//! - no attempt of the ledger has staged it, however old that is,
//! - and, where the log never said that it was taken out, it is as old as the retention, a day at the least: it may be
//!   another process's that is just writing it.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use deltalake_core::kernel::{Action, CommitInfo};
use deltalake_core::logstore::get_actions;
use headwater_plan::TableName;
use serde::{Deserialize, Serialize};

use crate::lake::below;
use crate::relation::delta_error;
use crate::{Lake, LakeError, Table};

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VacuumOptions {
    /// For how long versions that are not the newest any more can still be read.
    pub retention: TimeDelta,
    /// Whether to say only what would be removed.
    pub dry_run: bool,
    /// The present instant.
    pub at: DateTime<Utc>,
}

impl VacuumOptions {
    /// The retention where nothing is said: Delta's default, 7 days.
    pub const RETENTION: TimeDelta = TimeDelta::days(7);
}

/// The least age of a file of which the log says nothing.
const UNKNOWN_AGE: TimeDelta = TimeDelta::days(1);

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vacuumed {
    /// The files that were removed, or would be.
    pub files: Vec<VacuumedFile>,
    /// Their size in bytes.
    pub bytes: u64,
    /// Whether they were only named.
    pub dry_run: bool,
}

/// A file that nobody needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VacuumedFile {
    /// Where it lies below the table's folder.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written.
    pub modified: DateTime<Utc>,
}

/// What the log says of files that are not in the newest version.
#[derive(Default)]
struct Removed {
    /// Taken out within the retention.
    lately: HashSet<String>,
    /// Taken out before it.
    before: HashSet<String>,
}

impl Lake {
    /// Removes the files of a table that nobody needs.
    pub async fn vacuum(&self, name: &TableName, options: &VacuumOptions) -> Result<Vacuumed, LakeError> {
        let folder = self.table_path(name)?;
        // Listed first: what is committed after that was not there, or is in the newest version.
        let listed = self.list("list the folder", &folder).await?;
        let staged = self.staged_by_attempts().await?;
        let table = self.maintained(name).await?;
        let mut needed: HashSet<String> = table.paths().into_iter().collect();
        let removed = table.removed_since(options).await?;
        needed.extend(removed.lately);
        needed.extend(staged);
        let newest_unknown = options.at - options.retention.max(UNKNOWN_AGE);
        let mut files = Vec::new();
        for file in listed {
            let path = file.location.as_ref().strip_prefix(folder.as_ref()).unwrap_or_default().trim_start_matches('/');
            let expired = removed.before.contains(path) || file.last_modified < newest_unknown;
            if is_data_file(path) && !needed.contains(path) && expired {
                files.push(VacuumedFile { path: path.to_string(), size: file.size, modified: file.last_modified });
            }
        }
        files.sort_by(|one, other| one.path.cmp(&other.path));
        if !options.dry_run {
            let paths = files.iter().map(|file| below(&folder, &file.path)).collect::<Result<Vec<_>, _>>()?;
            self.delete_all("remove the file", paths).await?;
        }
        let bytes = files.iter().map(|file| file.size).sum();
        Ok(Vacuumed { files, bytes, dry_run: options.dry_run })
    }

    /// The files that attempts of the ledger have staged: each will be a table's, or is removed with its attempt.
    async fn staged_by_attempts(&self) -> Result<HashSet<String>, LakeError> {
        #[derive(Deserialize)]
        struct Attempt {
            quarantine: Option<Change>,
        }
        #[derive(Deserialize)]
        struct Change {
            add: Vec<File>,
        }
        #[derive(Deserialize)]
        struct File {
            path: String,
        }
        let mut staged = HashSet::new();
        for file in self.list("list the ledger", &self.own(&["ledger"])?).await? {
            if !file.location.as_ref().ends_with(".attempt.json") {
                continue;
            }
            // One that is gone by now has ended: what it staged is a table's, or litter.
            let Some(bytes) = self.get("read the ledger file", &file.location).await? else { continue };
            let attempt: Attempt = serde_json::from_slice(&bytes)
                .map_err(|why| LakeError::DamagedLedger { file: self.shown(&file.location), why: why.to_string() })?;
            staged.extend(attempt.quarantine.into_iter().flat_map(|change| change.add).map(|file| file.path));
        }
        Ok(staged)
    }
}

impl Table {
    /// The files that the log says were taken out, as far back as it matters.
    async fn removed_since(&self, options: &VacuumOptions) -> Result<Removed, LakeError> {
        let failed = |source| delta_error("read the history of", self.name(), source);
        let retained = (options.at - options.retention).timestamp_millis();
        let horizon = (options.at - options.retention.max(UNKNOWN_AGE)).timestamp_millis();
        let mut removed = Removed::default();
        for version in (0..=self.version().version).rev() {
            let entry = self.log.read_commit_entry(version).await.map_err(failed)?;
            let Some(entry) = entry else { break };
            let mut info = CommitInfo::default();
            let mut removes = Vec::new();
            for action in get_actions(version, &entry).map_err(failed)? {
                match action {
                    Action::CommitInfo(found) => info = found,
                    Action::Remove(remove) => removes.push(remove),
                    _ => {}
                }
            }
            let committed = info.in_commit_timestamp.or(info.timestamp);
            for remove in removes {
                // Without any instant it may have been now.
                let at = remove.deletion_timestamp.or(committed).unwrap_or(i64::MAX);
                if at > retained { &mut removed.lately } else { &mut removed.before }.insert(remove.path);
            }
            if committed.is_some_and(|committed| committed < horizon) {
                break;
            }
        }
        Ok(removed)
    }
}

/// Whether a file below a table's folder is a data file: no log, no index, nothing that an engine hides.
fn is_data_file(path: &str) -> bool {
    let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
    let hidden = |folder: &str| folder.starts_with('.') || folder.starts_with('_') && !folder.contains('=');
    file.ends_with(".parquet") && !file.starts_with(['_', '.']) && !folders.split('/').any(hidden)
}
