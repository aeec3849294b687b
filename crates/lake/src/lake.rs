//! A lake: a folder, where things lie in it, and which names it takes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore};
use headwater_plan::TableName;
use object_store::path::Path as StorePath;
use object_store::prefix::PrefixStore;
use object_store::{Error as StoreError, ObjectStore};
use url::Url;

use crate::LakeError;
use crate::durable::DurableStore;

/// The folder inside a lake that is Headwater's own.
const OWN_FOLDER: &str = "_headwater";

/// A lake. Cheap to clone; shared by everything that works on it.
#[derive(Debug, Clone)]
pub struct Lake(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    written: String,
    store: Arc<DurableStore>,
}

impl Lake {
    /// Opens a lake by an absolute path or a `file://` URL. Writes nothing: a folder that is not there yet is an empty
    /// lake, and one that may not be written is found out by [`Lake::lock`], since reading it needs no more than this.
    ///
    /// `written` is the lake as the user wrote it, for messages.
    pub async fn open(uri: &str, written: &str) -> Result<Self, LakeError> {
        let root = local_path(uri, written)?;
        let root = existing_part(&root, written)?;
        if let Some(escape) = escape_in(&root.to_string_lossy()) {
            return Err(LakeError::EscapedPath { written: written.to_string(), escape });
        }
        let written = written.to_string();
        Ok(Self(Arc::new(Inner { root, written, store: Arc::new(DurableStore::default()) })))
    }

    /// The lake's folder.
    pub fn path(&self) -> &Path {
        &self.0.root
    }

    /// The lake as the user wrote it.
    pub fn written(&self) -> &str {
        &self.0.written
    }

    /// The folder of a table, which need not be there.
    pub(crate) fn table_folder(&self, name: &TableName) -> PathBuf {
        self.0.root.join(&name.schema).join(&name.name)
    }

    /// A path inside Headwater's own folder.
    pub(crate) fn own(&self, parts: &[&str]) -> PathBuf {
        parts.iter().fold(self.0.root.join(OWN_FOLDER), |path, part| path.join(part))
    }

    /// The object store of the lake.
    pub(crate) fn store(&self) -> Arc<dyn ObjectStore> {
        self.0.store.clone()
    }

    /// Where a file of the lake lies in its object store.
    pub(crate) fn location(path: &Path) -> Result<StorePath, LakeError> {
        StorePath::from_absolute_path(path).map_err(|source| LakeError::Store {
            doing: "name",
            path: path.display().to_string(),
            source: StoreError::InvalidPath { source },
        })
    }

    /// The Delta log of a table.
    pub(crate) fn log_store(&self, name: &TableName) -> Result<LogStoreRef, LakeError> {
        let folder = self.table_folder(name);
        let url = Url::from_directory_path(&folder)
            .map_err(|()| LakeError::NotAbsolute { written: folder.display().to_string() })?;
        let store = self.store();
        let prefix = Self::location(&folder)?;
        Ok(default_logstore(Arc::new(PrefixStore::new(store.clone(), prefix)), store, &url, &StorageConfig::default()))
    }

    /// Refuses names that could not be a folder on every file system, or would lie in Headwater's own.
    pub(crate) fn check_name(name: &TableName) -> Result<(), LakeError> {
        let reserved = |part: &str| part.starts_with('.') || part.is_empty() || part.len() > 200;
        let foreign = |letter: char| letter.is_control() || "/\\:*?\"<>|#%".contains(letter);
        let wrong = reserved(&name.name)
            || reserved(&name.schema)
            || name.schema.starts_with('_')
            || name.schema.contains('.')
            || name.schema.chars().chain(name.name.chars()).any(foreign);
        if wrong { Err(LakeError::InvalidName { table: name.clone() }) } else { Ok(()) }
    }
}

fn local_path(uri: &str, written: &str) -> Result<PathBuf, LakeError> {
    let written = written.to_string();
    let path = match uri.split_once("://") {
        None => PathBuf::from(uri),
        Some(("file", _)) => match Url::parse(uri).map(|url| url.to_file_path()) {
            Ok(Ok(path)) => path,
            _ => return Err(LakeError::NotAbsolute { written }),
        },
        Some((scheme, _)) => return Err(LakeError::UnsupportedScheme { scheme: scheme.to_string(), written }),
    };
    if path.is_absolute() { Ok(path) } else { Err(LakeError::NotAbsolute { written }) }
}

/// Resolves links and `..` in the part of the path that is there, since Delta's URLs resolve `..` by text alone; refuses
/// a path on which a file lies.
fn existing_part(path: &Path, written: &str) -> Result<PathBuf, LakeError> {
    let unreadable = |source| LakeError::Io { doing: "open the lake", path: path.to_path_buf(), source };
    let mut there = path;
    let mut missing = Vec::new();
    loop {
        match fs::canonicalize(there) {
            Ok(resolved) if resolved.is_dir() => {
                if missing.is_empty() {
                    fs::read_dir(&resolved).map_err(unreadable)?;
                }
                return Ok(missing.into_iter().rev().fold(resolved, |path, part| path.join(part)));
            }
            Ok(file) => return Err(LakeError::LakeIsAFile { written: written.to_string(), path: file }),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                match (there.parent(), there.file_name()) {
                    (Some(parent), Some(name)) => {
                        missing.push(name);
                        there = parent;
                    }
                    _ => return Err(unreadable(error)),
                }
            }
            Err(error) => return Err(unreadable(error)),
        }
    }
}

/// A percent sign with two hexadecimal digits after it, if the path holds one.
fn escape_in(path: &str) -> Option<String> {
    let escaped =
        |three: &&[u8]| matches!(three, [b'%', one, two] if one.is_ascii_hexdigit() && two.is_ascii_hexdigit());
    path.as_bytes().windows(3).find(escaped).map(|escape| String::from_utf8_lossy(escape).into_owned())
}
