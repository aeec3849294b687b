//! How the ledger names files: those beside the lake relative to the folder that the lake lies in, so that a project
//! which is moved as a whole knows them again; others by their absolute path, objects by their URL.
//!
//! The risk is one file under two names, which would be loaded twice. So links in folders are resolved before a path is
//! written or compared: the lake's own path is resolved too, and a file that is listed through a link must not seem to
//! lie elsewhere than when it was listed without.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::LedgerFile;

/// Names files for one lake.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    /// The folder that the lake's folder lies in; `None` in a bucket.
    beside: Option<PathBuf>,
    /// Folders that were resolved: a source has few folders and many files.
    resolved: Arc<Mutex<HashMap<String, String>>>,
}

impl Paths {
    pub(super) fn new(lake: Option<&Path>) -> Self {
        Self { beside: lake.and_then(Path::parent).map(Path::to_path_buf), resolved: Arc::default() }
    }

    /// The one name of a file while it is in memory: absolute, without links in its folders. Reads the disk.
    pub(super) fn resolve(&self, path: &str) -> String {
        if path.contains("://") {
            return path.to_string();
        }
        let absolute = match &self.beside {
            Some(beside) if Path::new(path).is_relative() => beside.join(path).to_string_lossy().into_owned(),
            _ => path.to_string(),
        };
        match absolute.rsplit_once('/') {
            Some((folder, name)) if !folder.is_empty() => format!("{}/{name}", self.folder(folder)),
            _ => absolute,
        }
    }

    pub(super) fn resolve_file(&self, file: LedgerFile) -> LedgerFile {
        LedgerFile { path: self.resolve(&file.path), ..file }
    }

    /// A resolved path as the ledger's files hold it.
    pub(super) fn stored(&self, path: &str) -> String {
        let beside = self.beside.as_deref().filter(|_| !path.contains("://"));
        match beside.and_then(|beside| Path::new(path).strip_prefix(beside).ok()).and_then(Path::to_str) {
            Some(relative) if !relative.is_empty() => relative.to_string(),
            _ => path.to_string(),
        }
    }

    pub(super) fn stored_file(&self, file: &LedgerFile) -> LedgerFile {
        LedgerFile { path: self.stored(&file.path), ..file.clone() }
    }

    fn folder(&self, folder: &str) -> String {
        let mut known = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(resolved) = known.get(folder) {
            return resolved.clone();
        }
        let resolved = without_links(Path::new(folder)).to_string_lossy().into_owned();
        known.insert(folder.to_string(), resolved.clone());
        resolved
    }
}

/// Resolves the part of a folder's path that is there; what is gone, or cannot be looked at, keeps its name.
fn without_links(folder: &Path) -> PathBuf {
    let mut there = folder;
    let mut missing = Vec::new();
    loop {
        if let Ok(resolved) = fs::canonicalize(there) {
            return missing.into_iter().rev().fold(resolved, |path: PathBuf, part| path.join(part));
        }
        match (there.parent(), there.file_name()) {
            (Some(parent), Some(name)) => {
                missing.push(name);
                there = parent;
            }
            _ => return folder.to_path_buf(),
        }
    }
}
