//! The ledger's files. The format is versioned, and every version that was ever written stays readable.

use chrono::{DateTime, Utc};
use headwater_plan::{RunId, Skipped};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::paths::Paths;
use super::{Attempt, Batch, Contents, FileAccount, Forgotten, LedgerFile, QuarantineChange};
use crate::LakeError;

/// The format of batches that is written; the other files have known one format only.
const CURRENT: u64 = 2;
const FIRST: u64 = 1;

#[derive(Deserialize)]
struct AnyVersion {
    version: u64,
}

/// Paths as they were listed; contiguous numbers, each following the one before.
#[derive(Deserialize)]
struct BatchV1 {
    batch: i64,
    run_id: RunId,
    planned_at: DateTime<Utc>,
    #[serde(default)]
    replace: bool,
    files: Vec<LedgerFile>,
}

#[derive(Serialize, Deserialize)]
struct BatchV2 {
    version: u64,
    batch: i64,
    id: String,
    run_id: RunId,
    planned_at: DateTime<Utc>,
    replace: bool,
    follows: i64,
    contents: Contents,
}

#[derive(Serialize, Deserialize)]
struct AttemptV1 {
    version: u64,
    batch: i64,
    attempt: String,
    run_id: RunId,
    at: DateTime<Utc>,
    quarantine: Option<QuarantineChange>,
    account: Vec<AccountV1>,
}

#[derive(Serialize, Deserialize)]
struct DoneV1 {
    version: u64,
    batch: i64,
    attempt: String,
    run_id: RunId,
    at: DateTime<Utc>,
    account: Vec<AccountV1>,
}

#[derive(Serialize, Deserialize)]
struct AccountV1 {
    path: String,
    records: u64,
    loaded: u64,
    quarantined: u64,
    #[serde(default)]
    skipped: Skipped,
}

#[derive(Serialize, Deserialize)]
struct WithdrawnV1 {
    version: u64,
    batch: i64,
    run_id: RunId,
    at: DateTime<Utc>,
    reason: String,
}

#[derive(Serialize, Deserialize)]
struct ForgottenV1 {
    version: u64,
    id: String,
    through: i64,
    run_id: RunId,
    at: DateTime<Utc>,
    files: Vec<LedgerFile>,
}

/// Why a batch was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    /// The run that withdrew it.
    pub run_id: RunId,
    /// When.
    pub at: DateTime<Utc>,
    /// Why, in words.
    pub reason: String,
}

pub(super) fn batch_to_json(batch: &Batch, id: Uuid, paths: &Paths) -> Result<Vec<u8>, LakeError> {
    let contents = match &batch.contents {
        Contents::Files(files) => Contents::Files(files.iter().map(|file| paths.stored_file(file)).collect()),
        other => other.clone(),
    };
    let stored = BatchV2 {
        version: CURRENT,
        batch: batch.number,
        id: id.to_string(),
        run_id: batch.run_id.clone(),
        planned_at: batch.planned_at,
        replace: batch.replace,
        follows: batch.follows,
        contents,
    };
    to_json("a batch", &stored)
}

pub(super) fn batch_from_json(bytes: &[u8], file: &str) -> Result<Batch, LakeError> {
    if version(bytes, file, CURRENT)? == FIRST {
        let stored: BatchV1 = parse(bytes, file)?;
        return Ok(Batch {
            number: stored.batch,
            id: None,
            run_id: stored.run_id,
            planned_at: stored.planned_at,
            replace: stored.replace,
            follows: stored.batch - 1,
            contents: Contents::Files(stored.files),
        });
    }
    let stored: BatchV2 = parse(bytes, file)?;
    Ok(Batch {
        number: stored.batch,
        id: Some(uuid(&stored.id, file)?),
        run_id: stored.run_id,
        planned_at: stored.planned_at,
        replace: stored.replace,
        follows: stored.follows,
        contents: stored.contents,
    })
}

pub(super) fn attempt_to_json(attempt: &Attempt, paths: &Paths) -> Result<Vec<u8>, LakeError> {
    let stored = AttemptV1 {
        version: FIRST,
        batch: attempt.batch,
        attempt: attempt.id.to_string(),
        run_id: attempt.run_id.clone(),
        at: attempt.at,
        quarantine: attempt.quarantine.clone(),
        account: account_to_stored(&attempt.account, paths),
    };
    to_json("an attempt", &stored)
}

pub(super) fn attempt_from_json(bytes: &[u8], file: &str) -> Result<Attempt, LakeError> {
    version(bytes, file, FIRST)?;
    let stored: AttemptV1 = parse(bytes, file)?;
    Ok(Attempt {
        id: uuid(&stored.attempt, file)?,
        batch: stored.batch,
        run_id: stored.run_id,
        at: stored.at,
        quarantine: stored.quarantine,
        account: account_from_stored(stored.account),
    })
}

/// What stays of an attempt when its batch is done: the account of its files.
pub(super) fn done_to_json(attempt: &Attempt, paths: &Paths) -> Result<Vec<u8>, LakeError> {
    let stored = DoneV1 {
        version: FIRST,
        batch: attempt.batch,
        attempt: attempt.id.to_string(),
        run_id: attempt.run_id.clone(),
        at: attempt.at,
        account: account_to_stored(&attempt.account, paths),
    };
    to_json("a finished batch", &stored)
}

pub(super) fn done_from_json(bytes: &[u8], file: &str) -> Result<Attempt, LakeError> {
    version(bytes, file, FIRST)?;
    let stored: DoneV1 = parse(bytes, file)?;
    Ok(Attempt {
        id: uuid(&stored.attempt, file)?,
        batch: stored.batch,
        run_id: stored.run_id,
        at: stored.at,
        quarantine: None,
        account: account_from_stored(stored.account),
    })
}

pub(super) fn withdrawal_to_json(batch: i64, withdrawal: &Withdrawal) -> Result<Vec<u8>, LakeError> {
    let Withdrawal { run_id, at, reason } = withdrawal.clone();
    to_json("a withdrawn batch", &WithdrawnV1 { version: FIRST, batch, run_id, at, reason })
}

pub(super) fn withdrawal_from_json(bytes: &[u8], file: &str) -> Result<Withdrawal, LakeError> {
    version(bytes, file, FIRST)?;
    let WithdrawnV1 { run_id, at, reason, .. } = parse(bytes, file)?;
    Ok(Withdrawal { run_id, at, reason })
}

pub(super) fn forgotten_to_json(forgotten: &Forgotten, id: Uuid, paths: &Paths) -> Result<Vec<u8>, LakeError> {
    let stored = ForgottenV1 {
        version: FIRST,
        id: id.to_string(),
        through: forgotten.through,
        run_id: forgotten.run_id.clone(),
        at: forgotten.at,
        files: forgotten.files.iter().map(|file| paths.stored_file(file)).collect(),
    };
    to_json("forgotten files", &stored)
}

pub(super) fn forgotten_from_json(bytes: &[u8], file: &str) -> Result<Forgotten, LakeError> {
    version(bytes, file, FIRST)?;
    let ForgottenV1 { through, run_id, at, files, .. } = parse(bytes, file)?;
    Ok(Forgotten { through, run_id, at, files })
}

fn account_to_stored(account: &[FileAccount], paths: &Paths) -> Vec<AccountV1> {
    let stored = |file: &FileAccount| AccountV1 {
        path: paths.stored(&file.path),
        records: file.records,
        loaded: file.loaded,
        quarantined: file.quarantined,
        skipped: file.skipped,
    };
    account.iter().map(stored).collect()
}

fn account_from_stored(account: Vec<AccountV1>) -> Vec<FileAccount> {
    let read = |file: AccountV1| FileAccount {
        path: file.path,
        records: file.records,
        loaded: file.loaded,
        quarantined: file.quarantined,
        skipped: file.skipped,
    };
    account.into_iter().map(read).collect()
}

fn to_json<T: Serialize>(what: &'static str, stored: &T) -> Result<Vec<u8>, LakeError> {
    serde_json::to_vec(stored).map_err(|source| LakeError::Json { what, source })
}

/// The version of a file, if it is a known one.
fn version(bytes: &[u8], file: &str, known: u64) -> Result<u64, LakeError> {
    let AnyVersion { version } = parse(bytes, file)?;
    if (FIRST..=known).contains(&version) {
        Ok(version)
    } else {
        Err(LakeError::NewerLedger { file: file.to_string(), version, known })
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8], file: &str) -> Result<T, LakeError> {
    let damaged =
        |error: serde_json::Error| LakeError::DamagedLedger { file: file.to_string(), why: error.to_string() };
    serde_json::from_slice(bytes).map_err(damaged)
}

fn uuid(text: &str, file: &str) -> Result<Uuid, LakeError> {
    let why = |_| format!("`{text}` is no UUID");
    Uuid::parse_str(text).map_err(|error| LakeError::DamagedLedger { file: file.to_string(), why: why(error) })
}
