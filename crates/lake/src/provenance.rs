//! What Headwater writes into a commit beside the rows: which run, and from what the table was built.
//!
//! It is the key `headwater` of the commit's `commitInfo`, a versioned enum on disk, in the same commit as the rows so
//! that the two cannot drift apart. Spark lets nobody write such a key; there it is the same key of the JSON that stands as
//! text in `userMetadata`. It is read from the newest commit that has it. A commit by another engine
//! (`OPTIMIZE`, say) does not hide it, until the log's entry is cleaned away: Headwater itself never cleans a log, Spark
//! does after `delta.logRetentionDuration` (30 days) when a checkpoint follows. What was built so long ago and touched
//! by others since counts as built by something else, and is built again.

use bytes::Bytes;
use deltalake_core::kernel::{Action, CommitInfo, Transaction};
use deltalake_core::logstore::{LogStore, get_actions};
use headwater_plan::{RunId, engine::Built};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

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
    /// The attempt that staged the commit's rows, for a batch of files.
    pub attempt: Option<Uuid>,
    /// How far a table is that Spark builds span by span of event time. (Here, transactions say it: a commit of Spark's can
    /// hold one only.)
    pub spans: Option<SpansDone>,
}

/// Spans of event time that were computed, as instants in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpansDone {
    /// The end of the newest span that was ever computed.
    pub newest: i64,
    /// Where the run began that wrote last.
    pub from: i64,
    /// The end of what that run has done.
    pub done: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "version")]
enum Stored {
    #[serde(rename = "1")]
    V1 {
        run_id: RunId,
        built: Option<Built>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        spans: Option<SpansDone>,
    },
}

impl Provenance {
    pub(crate) fn to_json(&self) -> serde_json::Result<Value> {
        let attempt = self.attempt.map(|attempt| attempt.to_string());
        serde_json::to_value(Stored::V1 {
            run_id: self.run_id.clone(),
            built: self.built.clone(),
            attempt,
            spans: self.spans,
        })
    }

    /// What a `commitInfo` says; `None` if it is not ours, or by a Headwater so new that this one cannot read it, which
    /// then counts as built by something else.
    pub(crate) fn from_commit_info(info: &CommitInfo) -> Option<Self> {
        let stored = match info.info.get(KEY) {
            Some(own) => serde_json::from_value(own.clone()).ok()?,
            None => from_user_metadata(info)?,
        };
        let Stored::V1 { run_id, built, attempt, spans } = stored;
        Some(Self { run_id, built, attempt: attempt.and_then(|attempt| attempt.parse().ok()), spans })
    }
}

/// What Spark was told to write beside the rows.
fn from_user_metadata(info: &CommitInfo) -> Option<Stored> {
    #[derive(Deserialize)]
    struct UserMetadata {
        headwater: Stored,
    }
    let text = match &info.user_metadata {
        Some(text) => text.as_str(),
        None => info.info.get("userMetadata")?.as_str()?,
    };
    serde_json::from_str::<UserMetadata>(text).ok().map(|metadata| metadata.headwater)
}

/// What the commits up to a version tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Past {
    /// Of the newest commit of ours.
    pub(crate) provenance: Option<Provenance>,
    /// The newest version that is not only an earlier one's rows in other files.
    pub(crate) content: u64,
}

impl Past {
    pub(crate) async fn of(log: &dyn LogStore, version: u64) -> deltalake_core::DeltaResult<Self> {
        let (mut provenance, mut content) = (None, None);
        for before in (version.saturating_sub(LOOK_BACK - 1)..=version).rev() {
            let Some(entry) = log.read_commit_entry(before).await? else { break };
            let info = commit_info(&entry);
            if provenance.is_none() {
                provenance = info.as_ref().and_then(Provenance::from_commit_info);
            }
            if content.is_none() && !changes_nothing(&entry) {
                content = Some(before);
            }
            if provenance.is_some() && content.is_some() {
                break;
            }
        }
        Ok(Self { provenance, content: content.unwrap_or(version) })
    }
}

/// Whether a commit, by any engine, left every row and column as it was. Actions are looked for only in lines that begin
/// as one does, so that a large commit costs little.
pub(crate) fn changes_nothing(entry: &Bytes) -> bool {
    const CHANGES: [&[u8]; 5] = [b"{\"add\":", b"{\"remove\":", b"{\"metaData\":", b"{\"protocol\":", b"{\"cdc\":"];
    let is_change = |line: &[u8]| CHANGES.iter().any(|change| line.starts_with(change));
    if !entry.split(|byte| *byte == b'\n').any(is_change) {
        return true;
    }
    is_rearrangement(0, commit_info(entry).as_ref(), entry).unwrap_or(false)
}

/// Whether a commit, by any engine, only put the rows into other files.
fn is_rearrangement(version: u64, info: Option<&CommitInfo>, entry: &Bytes) -> deltalake_core::DeltaResult<bool> {
    if info.and_then(|info| info.operation.as_deref()) != Some("OPTIMIZE") {
        return Ok(false);
    }
    Ok(get_actions(version, entry)?.iter().all(|action| match action {
        Action::Add(add) => !add.data_change,
        Action::Remove(remove) => !remove.data_change,
        Action::Metadata(_) | Action::Protocol(_) => false,
        _ => true,
    }))
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

/// The transaction of an application that a log entry carries. Only lines that look like one are parsed.
pub(crate) fn transaction(entry: &Bytes, app_id: &str) -> Option<i64> {
    #[derive(Deserialize)]
    struct Line {
        txn: Option<Transaction>,
    }
    let lines = entry.split(|byte| *byte == b'\n').filter(|line| line.iter().take(8).eq(b"{\"txn\":{"));
    let mut transactions = lines.filter_map(|line| serde_json::from_slice::<Line>(line).ok()?.txn);
    transactions.find(|transaction| transaction.app_id == app_id).map(|transaction| transaction.version)
}
