//! Files by pattern. What is listed here is what the ledger promises to load once, so an unreadable folder is an error
//! and never an empty answer.

use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};
use glob::MatchOptions;
use headwater_plan::FileSet;

use super::{FilesError, SourceFile};

/// The files that match, sorted by path; folders and, as in a shell, names that begin with a point are left out unless
/// the pattern names them. No match is an empty list. Blocking calls run on tokio's blocking threads.
///
/// # Errors
/// A pattern that is none, a URL, a folder or file that cannot be read.
pub async fn list(set: &FileSet) -> Result<Vec<SourceFile>, FilesError> {
    if let Some((scheme, _)) = set.pattern.split_once("://") {
        return Err(FilesError::UnsupportedScheme { scheme: scheme.into(), set: Box::new(set.clone()) });
    }
    let set = set.clone();
    tokio::task::spawn_blocking(move || list_blocking(&set)).await.map_err(FilesError::ListingDied)?
}

fn list_blocking(set: &FileSet) -> Result<Vec<SourceFile>, FilesError> {
    let options =
        MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };
    let paths = glob::glob_with(&set.pattern, options)
        .map_err(|source| FilesError::InvalidPattern { set: Box::new(set.clone()), source })?;
    // The glob crate takes a folder that it may not enter for one that is not there; only asking for it tells.
    readable(&fixed_folder(&set.pattern), set)?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.map_err(|error| {
            let path = error.path().to_owned();
            unlisted(&path, set, error.into())
        })?;
        let metadata = std::fs::metadata(&path).map_err(|source| unlisted(&path, set, source))?;
        if metadata.is_dir() {
            continue;
        }
        let tag = tag(&metadata).map_err(|source| unlisted(&path, set, source))?;
        let path = path.into_os_string().into_string().map_err(|path| FilesError::PathNotText { path: path.into() })?;
        files.push(SourceFile { path, size: metadata.len(), tag });
    }
    files.sort();
    Ok(files)
}

/// The part of a pattern before its first wildcard, up to the folder.
fn fixed_folder(pattern: &str) -> PathBuf {
    let fixed = pattern.find(['*', '?', '[']).map_or(pattern, |first| &pattern[..first]);
    match fixed.rfind('/') {
        Some(0) => PathBuf::from("/"),
        Some(slash) => PathBuf::from(&fixed[..slash]),
        None => PathBuf::from("."),
    }
}

fn readable(folder: &Path, set: &FileSet) -> Result<(), FilesError> {
    match std::fs::read_dir(folder) {
        Ok(_) => Ok(()),
        // A folder that is not there holds no match; the caller says so with the pattern.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(unlisted(folder, set, source)),
    }
}

fn unlisted(path: &Path, set: &FileSet, source: std::io::Error) -> FilesError {
    FilesError::Unlisted { path: path.display().to_string(), set: Box::new(set.clone()), source }
}

/// The time of a file's last change, as the ledger keeps it.
pub(super) fn tag(metadata: &std::fs::Metadata) -> std::io::Result<String> {
    Ok(DateTime::<Utc>::from(metadata.modified()?).to_rfc3339_opts(SecondsFormat::Nanos, true))
}
