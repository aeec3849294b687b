//! A lake: a folder or the part of a bucket below a prefix, where things lie in it, and which names it takes.

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
    /// The lake's folder; `None` in a bucket.
    folder: Option<PathBuf>,
    /// An absolute path or a URL, for messages.
    uri: String,
    /// Where the lake lies, as Delta names it; ends with a slash.
    url: Url,
    /// Where the lake lies in its store.
    prefix: StorePath,
    store: Arc<dyn ObjectStore>,
    written: String,
}

impl Lake {
    /// Opens a lake by an absolute path or a `file://` URL, or by the URL of a bucket (`s3://bucket/prefix`) with that
    /// bucket's store, whose paths are the URL's path without the slash it begins with. Writes nothing: what is not there
    /// yet is an empty lake, and one that may not be written is found out by the first write, since reading it needs no
    /// more than this. Reads once, so that a lake that cannot be read is one error, and not one for each table.
    ///
    /// `written` is the lake as the user wrote it, for messages.
    pub async fn open(uri: &str, written: &str, store: Option<Arc<dyn ObjectStore>>) -> Result<Self, LakeError> {
        let inner = match (uri.split_once("://"), store) {
            (Some((scheme, _)), Some(store)) if scheme != "file" => in_bucket(uri, written, store)?,
            (Some((scheme, _)), None) if scheme != "file" => {
                let (scheme, written) = (scheme.to_string(), written.to_string());
                return Err(LakeError::UnsupportedScheme { scheme, written });
            }
            _ => in_folder(uri, written)?,
        };
        // delta-kernel unescapes the names of what it lists a second time.
        if let Some(escape) = escape_in(inner.prefix.as_ref()) {
            return Err(LakeError::EscapedPath { written: written.to_string(), escape });
        }
        let lake = Self(Arc::new(inner));
        if lake.folder().is_none() {
            lake.reach().await?;
        }
        Ok(lake)
    }

    /// Asks the bucket of the lake for something, whatever it answers.
    async fn reach(&self) -> Result<(), LakeError> {
        let own = self.own(&[])?;
        let listed = self.retried(|| self.store_ref().list_with_delimiter(Some(&own))).await;
        listed.map(drop).map_err(|source| LakeError::Unreachable { written: self.written().to_string(), source })
    }

    /// The lake's folder; `None` for a lake in a bucket.
    pub fn folder(&self) -> Option<&Path> {
        self.0.folder.as_deref()
    }

    /// Where the lake is: an absolute path, or a URL. Without a slash at the end.
    pub fn uri(&self) -> &str {
        &self.0.uri
    }

    /// The lake as the user wrote it.
    pub fn written(&self) -> &str {
        &self.0.written
    }

    /// Where a table is, or would be: an absolute path, or a URL.
    pub fn table_uri(&self, name: &TableName) -> String {
        format!("{}/{}/{}", self.0.uri, name.schema, name.name)
    }

    /// The object store of the lake.
    pub(crate) fn store(&self) -> Arc<dyn ObjectStore> {
        self.0.store.clone()
    }

    pub(crate) fn store_ref(&self) -> &dyn ObjectStore {
        self.0.store.as_ref()
    }

    /// Where the lake begins in its store.
    pub(crate) fn root(&self) -> &StorePath {
        &self.0.prefix
    }

    /// Where a table begins in the lake's store. It need not be there.
    pub(crate) fn table_path(&self, name: &TableName) -> Result<StorePath, LakeError> {
        self.path(&[&name.schema, &name.name])
    }

    /// A path inside Headwater's own folder.
    pub(crate) fn own(&self, parts: &[&str]) -> Result<StorePath, LakeError> {
        let parts: Vec<&str> = [OWN_FOLDER].iter().chain(parts).copied().collect();
        self.path(&parts)
    }

    fn path(&self, parts: &[&str]) -> Result<StorePath, LakeError> {
        below(&self.0.prefix, &parts.join("/"))
    }

    /// A path of the store for messages: an absolute path, or a URL.
    pub(crate) fn shown(&self, path: &StorePath) -> String {
        match self.local(path) {
            Some(path) => path.display().to_string(),
            None => format!("{}://{}/{path}", self.0.url.scheme(), self.0.url.host_str().unwrap_or_default()),
        }
    }

    /// Where a path of the store lies on the disk; `None` in a bucket.
    pub(crate) fn local(&self, path: &StorePath) -> Option<PathBuf> {
        let folder = self.0.folder.as_ref()?;
        let parts = path.prefix_match(&self.0.prefix)?;
        Some(parts.fold(folder.clone(), |path, part| path.join(part.as_ref())))
    }

    /// The Delta log of a table.
    pub(crate) fn log_store(&self, name: &TableName) -> Result<LogStoreRef, LakeError> {
        let mut url = self.0.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend([&name.schema, &name.name, ""]);
        }
        let store = self.store();
        let table = Arc::new(PrefixStore::new(store.clone(), self.table_path(name)?));
        Ok(default_logstore(table, store, &url, &StorageConfig::default()))
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

/// A path below another. [`StorePath::join`] would escape letters that a name may well have.
pub(crate) fn below(folder: &StorePath, path: &str) -> Result<StorePath, LakeError> {
    let path = format!("{folder}/{path}");
    StorePath::parse(&path).map_err(|source| LakeError::Store {
        doing: "name",
        path,
        source: StoreError::InvalidPath { source },
    })
}

fn in_bucket(uri: &str, written: &str, store: Arc<dyn ObjectStore>) -> Result<Inner, LakeError> {
    let not_one = || LakeError::NotAbsolute { written: written.to_string() };
    let mut url = Url::parse(uri).map_err(|_| not_one())?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(not_one());
    }
    let prefix = StorePath::from_url_path(url.path()).map_err(|_| not_one())?;
    url.set_path(&format!("{}/", url.path().trim_end_matches('/')));
    let uri = uri.trim_end_matches('/').to_string();
    Ok(Inner { folder: None, uri, url, prefix, store, written: written.to_string() })
}

fn in_folder(uri: &str, written: &str) -> Result<Inner, LakeError> {
    let folder = existing_part(&local_path(uri, written)?, written)?;
    let not_absolute = || LakeError::NotAbsolute { written: written.to_string() };
    let url = Url::from_directory_path(&folder).map_err(|()| not_absolute())?;
    let prefix = StorePath::from_absolute_path(&folder).map_err(|_| not_absolute())?;
    let uri = folder.display().to_string();
    Ok(Inner {
        folder: Some(folder),
        uri,
        url,
        prefix,
        store: Arc::new(DurableStore::default()),
        written: written.to_string(),
    })
}

fn local_path(uri: &str, written: &str) -> Result<PathBuf, LakeError> {
    let written = written.to_string();
    let path = match uri.split_once("://") {
        None => PathBuf::from(uri),
        Some(_) => match Url::parse(uri).map(|url| url.to_file_path()) {
            Ok(Ok(path)) => path,
            _ => return Err(LakeError::NotAbsolute { written }),
        },
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
