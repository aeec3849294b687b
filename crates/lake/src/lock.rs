//! One run at a time on a lake in a folder.
//!
//! Nothing needs the lock to be right: what must happen once is decided by the log's and the ledger's own put-if-absent.
//! It is there so that a second run is told at once whom it would have worked against. A bucket has no such lock.
//!
//! Risk: a lock that outlives its holder. This one is the operating system's advisory lock on an open file, so that the
//! kernel frees it when the process ends in any way, `SIGKILL` included; the text in the file only names the holder.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use headwater_plan::RunId;
use serde::{Deserialize, Serialize};

use crate::durable::create_folder;
use crate::{Lake, LakeError};

/// The folder, in Headwater's own, of tables on their way out.
pub(crate) const DROPPED: &str = "dropped";

/// Who holds a lake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHolder {
    /// The run.
    pub run_id: RunId,
    /// Its process.
    pub pid: u32,
    /// The machine it runs on.
    pub host: String,
    /// The command, as typed after `headwater`.
    pub command: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.since.to_rfc3339_opts(SecondsFormat::Secs, true);
        write!(f, "`headwater {}` (process {} on {}, since {since})", self.command, self.pid, self.host)
    }
}

/// A held lake; let go when dropped, or by the kernel when the process ends. A lake in a bucket is not held by it.
#[derive(Debug)]
pub struct LakeLock {
    file: Option<File>,
}

impl Drop for LakeLock {
    fn drop(&mut self) {
        let Some(file) = &self.file else { return };
        // The name goes first, so that nobody reads a holder that holds no longer. If either fails, the kernel still
        // frees the lock when the file closes, and a left name is only shown while a lock is held.
        let _ = file.set_len(0);
        let _ = file.unlock();
    }
}

impl Lake {
    /// Takes the lake, creating its folder if it is not there; [`LakeError::InUse`] names who has it. Does not wait.
    /// Removes what a dead process left of dropped tables. In a bucket it does nothing.
    pub fn lock(&self, holder: &LockHolder) -> Result<LakeLock, LakeError> {
        let Some(path) = self.local(&self.own(&["lock"])?) else { return Ok(LakeLock { file: None }) };
        try_lock(&path, holder).map_err(|error| match error {
            Refused::Held(holder) => LakeError::InUse { written: self.written().to_string(), holder },
            Refused::Failed(source) => LakeError::Io { doing: "lock the lake with", path, source },
        })
    }
}

fn try_lock(path: &Path, holder: &LockHolder) -> Result<LakeLock, Refused> {
    let own = path.parent().ok_or(io::ErrorKind::InvalidFilename)?;
    create_folder(own)?;
    let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(Refused::Held(read_holder(&mut file)?)),
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    match fs::remove_dir_all(own.join(DROPPED)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    // Not flushed to the disk: after a power cut nobody holds the lake.
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&serde_json::to_vec(holder).map_err(io::Error::from)?)?;
    Ok(LakeLock { file: Some(file) })
}

enum Refused {
    Held(Option<Box<LockHolder>>),
    Failed(io::Error),
}

impl From<io::ErrorKind> for Refused {
    fn from(kind: io::ErrorKind) -> Self {
        Self::Failed(kind.into())
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// The holder as the file names it; `None` in the moment between taking the lock and writing the name, or letting go.
fn read_holder(file: &mut File) -> io::Result<Option<Box<LockHolder>>> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(serde_json::from_str(&text).ok())
}
