//! An object store over local files whose writes survive a power cut.
//!
//! Risk: without it a commit can be lost or, worse, half there. `object_store`'s local files are atomic (a staged file,
//! then `link` for put-if-absent or `rename` for overwrite) and so safe when a process is killed, but nothing is ever
//! flushed to the disk: after a power cut a Delta log entry may be there with zero bytes, which makes the table
//! unreadable, and delta-rs adds nothing. Here a file is flushed before its name appears, and its folder after.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use uuid::Uuid;

/// Local files from the root of the file system, with durable puts. Reads and listings are `object_store`'s own.
///
/// Multipart uploads are not flushed: nothing in a lake is written that way (checkpoints and log entries are puts, data
/// files are written by [`crate::write`], which flushes them itself).
#[derive(Debug, Clone)]
pub struct DurableStore {
    inner: LocalFileSystem,
}

impl Default for DurableStore {
    fn default() -> Self {
        Self { inner: LocalFileSystem::new() }
    }
}

impl fmt::Display for DurableStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DurableStore(file:///)")
    }
}

#[async_trait]
impl ObjectStore for DurableStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        if matches!(options.mode, PutMode::Update(_)) {
            return self.inner.put_opts(location, payload, options).await;
        }
        let path = self.inner.path_to_filesystem(location)?;
        let only_if_absent = matches!(options.mode, PutMode::Create);
        blocking(move || put(&path, &payload, only_if_absent)).await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// Writes a file so that its name appears only when its bytes are on the disk.
fn put(path: &FilePath, payload: &PutPayload, only_if_absent: bool) -> Result<()> {
    let generic = |source: io::Error| Error::Generic { store: "DurableStore", source: Box::new(source) };
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(generic(io::Error::from(io::ErrorKind::InvalidFilename)));
    };
    create_folder(folder).map_err(generic)?;
    // A leading point hides the staged file from listings of every Delta reader, should this process die here.
    let staged = Staged(folder.join(format!(".{}.{}.tmp", name.to_string_lossy(), Uuid::new_v4().simple())));
    let mut file = File::create_new(&staged.0).map_err(generic)?;
    for chunk in payload {
        file.write_all(chunk).map_err(generic)?;
    }
    file.sync_all().map_err(generic)?;
    drop(file);
    if only_if_absent {
        fs::hard_link(&staged.0, path).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => {
                Error::AlreadyExists { path: path.display().to_string(), source: Box::new(source) }
            }
            _ => generic(source),
        })?;
    } else {
        fs::rename(&staged.0, path).map_err(generic)?;
    }
    drop(staged);
    sync_folder(folder).map_err(generic)
}

/// A staged file, removed when it is done with or when its writer failed.
struct Staged(PathBuf);

impl Drop for Staged {
    fn drop(&mut self) {
        // After a rename it is gone already; after a failure there is nothing better to do than to leave it.
        let _ = fs::remove_file(&self.0);
    }
}

/// Creates a folder and those above it, each durably.
pub(crate) fn create_folder(folder: &FilePath) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let Some(parent) = folder.parent() else { return Ok(()) };
    create_folder(parent)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Err(_) if !folder.is_dir() => Err(io::Error::from(io::ErrorKind::NotADirectory)),
        _ => sync_folder(parent),
    }
}

/// Makes the names in a folder durable. Windows has no such call and needs none: NTFS journals names.
pub(crate) fn sync_folder(folder: &FilePath) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Runs file work off the threads that drive futures.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(source) => Err(Error::JoinError { source }),
    }
}
