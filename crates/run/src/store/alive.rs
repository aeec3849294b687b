//! Whether the process of a run still lives: it holds a lock on `.headwater/running/<run id>`, and the kernel lets go
//! of the lock whatever way the process ends. A process id would not do: another process may have it by now.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use headwater_plan::RunId;

use crate::RunError;

/// A run's sign of life; let go when dropped.
#[derive(Debug)]
pub(super) struct SignOfLife {
    path: PathBuf,
    _locked: File,
}

impl SignOfLife {
    pub(super) fn give(folder: &Path, run_id: &RunId) -> Result<Self, RunError> {
        let failed = |doing, path: &Path, source| RunError::Io { doing, path: path.to_owned(), source };
        fs::create_dir_all(folder).map_err(|source| failed("create", folder, source))?;
        let path = folder.join(&run_id.0);
        let file = File::create(&path).map_err(|source| failed("create", &path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path, _locked: file }),
            Err(TryLockError::WouldBlock) => Err(failed("lock", &path, io::ErrorKind::WouldBlock.into())),
            Err(TryLockError::Error(source)) => Err(failed("lock", &path, source)),
        }
    }
}

impl Drop for SignOfLife {
    fn drop(&mut self) {
        // Best effort: a file that stays behind is unlocked, which is what counts.
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether the run's process lives. Its file is removed if not.
pub(super) fn is_alive(folder: &Path, run_id: &RunId) -> Result<bool, RunError> {
    let path = folder.join(&run_id.0);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(RunError::Io { doing: "open", path, source }),
    };
    match file.try_lock_shared() {
        Ok(()) => {
            let _ = fs::remove_file(&path);
            Ok(false)
        }
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(source)) => Err(RunError::Io { doing: "lock", path, source }),
    }
}
