//! The ledger's files. The format is versioned, and every version that was ever written stays readable.

use chrono::{DateTime, Utc};
use headwater_plan::RunId;
use serde::{Deserialize, Serialize};

use super::{Batch, LedgerFile};
use crate::LakeError;

/// The format that is written.
const CURRENT: u64 = 1;

#[derive(Deserialize)]
struct AnyVersion {
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct V1 {
    version: u64,
    batch: i64,
    run_id: RunId,
    planned_at: DateTime<Utc>,
    #[serde(default)]
    replace: bool,
    files: Vec<LedgerFile>,
}

pub(super) fn to_json(batch: &Batch) -> Result<Vec<u8>, LakeError> {
    let stored = V1 {
        version: CURRENT,
        batch: batch.number,
        run_id: batch.run_id.clone(),
        planned_at: batch.planned_at,
        replace: batch.replace,
        files: batch.files.clone(),
    };
    serde_json::to_vec(&stored).map_err(|source| LakeError::Json { what: "a batch", source })
}

pub(super) fn from_json(bytes: &[u8], file: &str) -> Result<Batch, LakeError> {
    let damaged =
        |error: serde_json::Error| LakeError::DamagedLedger { file: file.to_string(), why: error.to_string() };
    let AnyVersion { version } = serde_json::from_slice(bytes).map_err(damaged)?;
    if version != CURRENT {
        return Err(LakeError::NewerLedger { file: file.to_string(), version, known: CURRENT });
    }
    let stored: V1 = serde_json::from_slice(bytes).map_err(damaged)?;
    Ok(Batch {
        number: stored.batch,
        run_id: stored.run_id,
        planned_at: stored.planned_at,
        replace: stored.replace,
        files: stored.files,
    })
}
