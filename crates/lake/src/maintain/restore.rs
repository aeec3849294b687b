//! An earlier version back, as a new version.
//!
//! Risk: a version that names files which are gone. They are looked for first, and the restore is refused if one is
//! missing. Nothing of the history is lost: the versions in between stay, and a restore can be undone by another.
//!
//! The transactions of the table stay as they are now. So a batch whose rows a restore takes away is not loaded again by
//! the next run: its rows stay away until its files are forgotten (`headwater sources forget`) or the table is built
//! anew (`--full-refresh`).

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use deltalake_core::kernel::{Add, EagerSnapshot, Remove};
use futures::{StreamExt, TryStreamExt};
use headwater_plan::{RunId, TableName, TableVersion};
use object_store::{Error as StoreError, ObjectStoreExt};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::lake::below;
use crate::provenance::{Past, Provenance};
use crate::relation::delta_error;
use crate::write::actions::Draft;
use crate::write::check::check_protocol;
use crate::write::commit::{Ended, Found, Next, Watch, commit};
use crate::{Lake, LakeError, Table};

/// How many files are looked for at once.
const AT_ONCE: usize = 32;
/// How many missing files a message names.
const EXAMPLES: usize = 3;

/// Which version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreTo {
    /// By its number.
    Version(u64),
    /// The one that was the newest at an instant.
    Timestamp(DateTime<Utc>),
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreOptions {
    /// Which version.
    pub to: RestoreTo,
    /// Whether to say only what would change.
    pub dry_run: bool,
    /// The run.
    pub run_id: RunId,
    /// When.
    pub at: DateTime<Utc>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The table's version after it; that before it if nothing was done.
    pub version: TableVersion,
    /// The version before it.
    pub from: u64,
    /// The version that is back.
    pub to: u64,
    /// Files that are in the table again.
    pub files_added: u64,
    /// Files that are not in the table any more.
    pub files_removed: u64,
    /// Whether it was only said what would change.
    pub dry_run: bool,
}

impl Lake {
    /// Makes an earlier version the newest again: rows, columns, partitions and properties. Transactions stay.
    pub async fn restore(&self, name: &TableName, options: &RestoreOptions) -> Result<Restored, LakeError> {
        let now = self.maintained(name).await?;
        let failed = |source| delta_error("restore", name, source);
        let newest = now.version().version;
        let to = match options.to {
            RestoreTo::Version(version) => version,
            RestoreTo::Timestamp(at) => self.version_at(&now, at).await?,
        };
        if to > newest {
            return Err(LakeError::NoVersion { table: name.clone(), wanted: format!("version {to}"), newest });
        }
        let back = EagerSnapshot::try_new(now.log.as_ref(), Some(to)).await.map_err(failed)?;
        check_protocol(name, &back)?;
        let (adds, removes) = difference(&now.snapshot, &back);
        let mut report = Restored {
            version: now.version(),
            from: newest,
            to,
            files_added: adds.len() as u64,
            files_removed: removes.len() as u64,
            dry_run: options.dry_run,
        };
        self.look_for(name, to, &adds).await?;
        if options.dry_run || to == newest {
            return Ok(report);
        }
        let past = Past::of(now.log.as_ref(), to).await.map_err(failed)?;
        let mut next = |found: Found<'_>| {
            let Some(snapshot) = found.snapshot else { return Err(LakeError::NoTable { table: name.clone() }) };
            check_protocol(name, snapshot)?;
            let (adds, removes) = difference(snapshot, &back);
            let columns = back.schema();
            let draft = Draft {
                schema: columns.as_ref(),
                partition_by: back.metadata().partition_columns(),
                configuration: Some(back.metadata().configuration().clone()),
                transactions: Vec::new(),
                metrics: vec![("numRestoredFiles", adds.len() as u64), ("numRemovedFiles", removes.len() as u64)],
                removes,
                adds,
                operation: "RESTORE",
                parameters: vec![("version", Value::from(to))],
                provenance: Provenance {
                    run_id: options.run_id.clone(),
                    // What the rows are made from that are there now.
                    built: past.provenance.as_ref().and_then(|provenance| provenance.built.clone()),
                    attempt: None,
                    spans: past.provenance.as_ref().and_then(|provenance| provenance.spans),
                },
                blind: false,
                at: options.at,
            };
            draft.entry(Some(snapshot)).map(Next::Put)
        };
        let (Ended::Committed(version) | Ended::Already(version)) =
            commit(self, name, Watch::default(), &mut [], &mut next).await?;
        report.version = version;
        Ok(report)
    }

    /// The version that was the newest at an instant, as far back as the log reaches.
    async fn version_at(&self, table: &Table, at: DateTime<Utc>) -> Result<u64, LakeError> {
        let newest = table.version().version;
        for version in (0..=newest).rev() {
            match self.entry(table.name(), version).await? {
                Some(entry) if entry.timestamp <= at => return Ok(version),
                Some(_) => {}
                None => break,
            }
        }
        let wanted = format!("version of {} or before", at.format("%Y-%m-%d %H:%M:%S UTC"));
        Err(LakeError::NoVersion { table: table.name().clone(), wanted, newest })
    }

    /// Refuses if one of the files is not there.
    async fn look_for(&self, name: &TableName, version: u64, files: &[Add]) -> Result<(), LakeError> {
        let folder = self.table_path(name)?;
        // Owned, because a stream that borrows its items cannot be awaited on another thread.
        let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
        let looks = futures::stream::iter(paths).map(|file| {
            let path = below(&folder, &file);
            async move {
                let path = path?;
                match self.retried(|| self.store_ref().head(&path)).await {
                    Ok(_) => Ok(None),
                    Err(StoreError::NotFound { .. }) => Ok(Some(file)),
                    Err(source) => Err(self.failed("look for", &path, source)),
                }
            }
        });
        let missing: Vec<String> =
            looks.buffered(AT_ONCE).try_filter_map(|missing| async move { Ok(missing) }).try_collect().await?;
        if missing.is_empty() {
            return Ok(());
        }
        let (table, count) = (name.clone(), missing.len());
        Err(LakeError::FilesGone { table, version, count, files: missing.into_iter().take(EXAMPLES).collect() })
    }
}

/// What to put in and what to take out, so that a table is as it was.
fn difference(now: &EagerSnapshot, back: &EagerSnapshot) -> (Vec<Add>, Vec<Remove>) {
    let before: HashMap<String, Add> = back
        .log_data()
        .iter()
        .map(|file| {
            #[expect(deprecated, reason = "nothing else of delta-rs gives a file as an action")]
            let add = file.add_action();
            (add.path.clone(), Add { data_change: true, ..add })
        })
        .collect();
    let mut there = HashSet::new();
    let mut removes = Vec::new();
    for file in now.log_data().iter() {
        let path = file.path().into_owned();
        if !before.contains_key(&path) {
            removes.push(file.remove_action(true));
        }
        there.insert(path);
    }
    let mut adds: Vec<Add> = before.into_values().filter(|add| !there.contains(&add.path)).collect();
    adds.sort_by(|one, other| one.path.cmp(&other.path));
    (adds, removes)
}
