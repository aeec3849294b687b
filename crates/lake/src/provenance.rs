//! What Headwater writes into a commit beside the rows: which run, and from what the table was built.
//!
//! It is the key `headwater` of the commit's `commitInfo`, a versioned enum on disk, in the same commit as the rows so
//! that the two cannot drift apart. It is read from the newest commit that has it. A commit by another engine
//! (`OPTIMIZE`, say) does not hide it, until the log's entry is cleaned away: Headwater itself never cleans a log, Spark
//! does after `delta.logRetentionDuration` (30 days) when a checkpoint follows. What was built so long ago and touched
//! by others since counts as built by something else, and is built again.

use bytes::Bytes;
use deltalake_core::kernel::CommitInfo;
use deltalake_core::logstore::LogStore;
use headwater_plan::{RunId, engine::Built};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The key in `commitInfo`.
pub(crate) const KEY: &str = "headwater";

/// How many commits of others are looked through for one of ours. Bounds the reads of a long history.
const LOOK_BACK: u64 = 100;

/// What Headwater knows of a commit that it made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The run.
    pub run_id: RunId,
    /// From what the table was built, if that was said.
    pub built: Option<Built>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "version")]
enum Stored {
    #[serde(rename = "1")]
    V1 { run_id: RunId, built: Option<Built> },
}

impl Provenance {
    pub(crate) fn to_json(&self) -> serde_json::Result<Value> {
        serde_json::to_value(Stored::V1 { run_id: self.run_id.clone(), built: self.built.clone() })
    }

    /// What a `commitInfo` says; `None` if it is not ours, or by a Headwater so new that this one cannot read it, which
    /// then counts as built by something else.
    pub(crate) fn from_commit_info(info: &CommitInfo) -> Option<Self> {
        let stored = serde_json::from_value(info.info.get(KEY)?.clone()).ok()?;
        let Stored::V1 { run_id, built } = stored;
        Some(Self { run_id, built })
    }

    /// That of the newest commit up to `version` that has one.
    pub(crate) async fn newest(log: &dyn LogStore, version: u64) -> deltalake_core::DeltaResult<Option<Self>> {
        for version in (version.saturating_sub(LOOK_BACK - 1)..=version).rev() {
            let Some(entry) = log.read_commit_entry(version).await? else { break };
            if let Some(found) = commit_info(&entry).as_ref().and_then(Self::from_commit_info) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// The `commitInfo` of a log entry: its first line when we or Spark wrote it, so the rest is not parsed.
pub(crate) fn commit_info(entry: &Bytes) -> Option<CommitInfo> {
    #[derive(Deserialize)]
    struct Line {
        #[serde(rename = "commitInfo")]
        commit_info: Option<CommitInfo>,
    }
    entry.split(|byte| *byte == b'\n').find_map(|line| serde_json::from_slice::<Line>(line).ok()?.commit_info)
}
