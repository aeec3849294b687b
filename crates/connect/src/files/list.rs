//! Files by pattern. What is listed here is what the ledger promises to load once, so an unreadable folder is an error
//! and never an empty answer.
//!
//! A pattern that names a folder, or ends with `/`, means every file in it, at any depth. Names that begin with `.` are
//! left out unless the pattern names them, as in a shell; in a folder that is taken whole, so are those that begin with
//! `_`, as Spark does.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};
use futures::TryStreamExt;
use glob::{MatchOptions, Pattern};
use headwater_plan::FileSet;
use object_store::{ObjectMeta, ObjectStoreExt};

use super::stores::{Address, Object};
use super::{FilesError, SourceFile, Stores};

pub(crate) const MATCHING: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// The files that match, sorted by path. No match is an empty list. Blocking calls run on tokio's blocking threads.
///
/// # Errors
/// A pattern that is none, a folder or file that cannot be read, a bucket that cannot be listed.
pub async fn list(set: &FileSet, stores: &Stores) -> Result<Vec<SourceFile>, FilesError> {
    if let Some(address) = Address::parse(&set.pattern) {
        return list_objects(set, address, stores).await;
    }
    let set = set.clone();
    tokio::task::spawn_blocking(move || list_blocking(&set)).await.map_err(FilesError::ListingDied)?
}

fn pattern(text: &str, set: &FileSet) -> Result<Pattern, FilesError> {
    Pattern::new(text).map_err(|source| FilesError::InvalidPattern { set: Box::new(set.clone()), source })
}

fn list_blocking(set: &FileSet) -> Result<Vec<SourceFile>, FilesError> {
    pattern(&set.pattern, set)?;
    // The glob crate takes a folder that it may not enter for one that is not there; only asking for it tells.
    readable(Path::new(&fixed_folder(&set.pattern)), set)?;
    let whole = (!has_wildcard(&set.pattern)).then(|| set.pattern.trim_end_matches('/'));
    if let Some(folder) = whole.filter(|folder| Path::new(folder).is_dir()) {
        let mut files = Vec::new();
        list_folder(Path::new(folder), set, &mut files)?;
        files.sort();
        return Ok(files);
    }
    let paths = glob::glob_with(&set.pattern, MATCHING)
        .map_err(|source| FilesError::InvalidPattern { set: Box::new(set.clone()), source })?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.map_err(|error| {
            let path = error.path().to_owned();
            unlisted(&path, set, error.into())
        })?;
        if let Some(metadata) = metadata(&path, set)?
            && !metadata.is_dir()
        {
            files.push(source_file(path, &metadata, set)?);
        }
    }
    files.sort();
    Ok(files)
}

fn list_folder(folder: &Path, set: &FileSet, files: &mut Vec<SourceFile>) -> Result<(), FilesError> {
    for entry in std::fs::read_dir(folder).map_err(|source| unlisted(folder, set, source))? {
        let path = entry.map_err(|source| unlisted(folder, set, source))?.path();
        if path.file_name().is_some_and(|name| is_hidden(&name.to_string_lossy())) {
            continue;
        }
        let Some(metadata) = metadata(&path, set)? else { continue };
        if metadata.is_dir() {
            list_folder(&path, set, files)?;
        } else {
            files.push(source_file(path, &metadata, set)?);
        }
    }
    Ok(())
}

/// What the system says of a file; `None` if it is gone since its folder was read: another run archives what it loaded.
fn metadata(path: &Path, set: &FileSet) -> Result<Option<std::fs::Metadata>, FilesError> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        // A link that leads nowhere is still there.
        Err(_) if std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) => {
            Ok(None)
        }
        Err(source) => Err(unlisted(path, set, source)),
    }
}

fn source_file(path: PathBuf, metadata: &std::fs::Metadata, set: &FileSet) -> Result<SourceFile, FilesError> {
    let tag = tag(metadata).map_err(|source| unlisted(&path, set, source))?;
    let path = path.into_os_string().into_string().map_err(|path| FilesError::PathNotText { path: path.into() })?;
    Ok(SourceFile { path, size: metadata.len(), tag })
}

/// Left out of a folder that is taken whole.
fn is_hidden(name: &str) -> bool {
    name.starts_with(['.', '_'])
}

async fn list_objects(set: &FileSet, address: Address<'_>, stores: &Stores) -> Result<Vec<SourceFile>, FilesError> {
    let text = address.key.trim_end_matches('/');
    let wild = has_wildcard(text);
    let named = pattern(text, set)?;
    // Listing goes by whole folders, so the fixed part is cut at one.
    let prefix = if wild { fixed_folder(text) } else { text.to_owned() };
    let prefix = if prefix == "." { "" } else { prefix.as_str() };
    let folder = stores.object(Address { key: prefix, ..address })?;
    let mut found: Vec<ObjectMeta> = listed(&folder, prefix).await?;
    if !wild && !address.key.ends_with('/') {
        // The pattern names one object, unless it names a folder.
        match folder.retried("look up", || folder.store.head(&folder.path)).await {
            Ok(object) => found.push(object),
            Err(FilesError::Store { source: object_store::Error::NotFound { .. }, .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let markers = folder_markers(&found);
    let matching = found.iter().filter(|object| {
        let key = object.location.as_ref();
        let below = key.strip_prefix(prefix).unwrap_or(key).trim_start_matches('/');
        let hit = if wild { named.matches_with(key, MATCHING) } else { !below.split('/').any(is_hidden) };
        hit && !markers.contains(key)
    });
    let mut files: Vec<SourceFile> = matching
        .map(|object| SourceFile {
            path: address.url(object.location.as_ref()),
            size: object.size,
            tag: object_tag(object),
        })
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// Every object below a folder, page by page; a listing that breaks off begins anew.
async fn listed(folder: &Object, prefix: &str) -> Result<Vec<ObjectMeta>, FilesError> {
    let below = (!prefix.is_empty()).then_some(&folder.path);
    folder.retried("list", || folder.store.list(below).try_collect()).await
}

/// Objects that only say that a folder is there, as the consoles of stores make them: empty, and named as a folder of
/// others is.
fn folder_markers(objects: &[ObjectMeta]) -> HashSet<&str> {
    let empty: HashSet<&str> =
        objects.iter().filter(|object| object.size == 0).map(|object| object.location.as_ref()).collect();
    let mut markers = HashSet::new();
    for object in objects {
        let mut key = object.location.as_ref();
        while let Some((folder, _)) = key.rsplit_once('/') {
            markers.extend(empty.get(folder));
            key = folder;
        }
    }
    markers
}

/// What tells one content of an object from another.
pub(crate) fn object_tag(object: &ObjectMeta) -> String {
    let changed = || object.last_modified.to_rfc3339_opts(SecondsFormat::Nanos, true);
    object.e_tag.clone().unwrap_or_else(changed)
}

fn has_wildcard(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

/// The part of a pattern before its first wildcard, up to the folder, without the slash behind it: the folder below
/// which partitions and an archive's paths begin. A pattern that is a folder is its own.
pub fn fixed_folder(pattern: &str) -> String {
    let wildcard = pattern.find(['*', '?', '[']);
    let fixed = wildcard.map_or(pattern, |first| pattern.get(..first).unwrap_or(pattern));
    // The bucket of a URL is never cut.
    let shortest = pattern.find("://").map(|at| {
        let bucket = pattern.get(at + 3..).unwrap_or_default();
        at + 3 + bucket.find('/').unwrap_or(bucket.len())
    });
    match (fixed.rfind('/'), shortest) {
        (Some(slash), Some(shortest)) => fixed.get(..slash.max(shortest)).unwrap_or(fixed).to_owned(),
        (Some(0), None) => "/".to_owned(),
        (Some(slash), None) => fixed.get(..slash).unwrap_or(fixed).to_owned(),
        (None, _) => ".".to_owned(),
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
