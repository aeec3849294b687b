//! Data files on their way into a bucket.
//!
//! Risk: an object that appears after it was given up. An upload that is to stop is told so and waited for, and what it
//! had put is removed then. It is tried again as a whole: its name is its own, so that a second put puts the same.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use object_store::path::Path as StorePath;
use object_store::{Error as StoreError, ObjectStoreExt, WriteMultipart};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::staged::Place;
use crate::LakeError;
use crate::durable::blocking;

/// How much of a file is in memory at once, and up to where it is one put.
const CHUNK_BYTES: usize = 8 << 20;
/// How many chunks of a file are on their way at once.
const CHUNKS: usize = 2;
/// How many files of a write are uploaded at once.
pub(super) const UPLOADS: usize = 4;

/// An object of a bucket that a file of the machine becomes.
#[derive(Debug)]
pub(super) struct Object {
    place: Arc<Place>,
    path: StorePath,
    upload: Upload,
}

/// A file's way into a bucket.
#[derive(Debug)]
enum Upload {
    /// It is still written.
    NotBegun,
    Going {
        task: JoinHandle<Result<(), LakeError>>,
        stop: Arc<AtomicBool>,
    },
    Done,
}

impl Object {
    pub(super) fn new(place: Arc<Place>, path: StorePath) -> Self {
        Self { place, path, upload: Upload::NotBegun }
    }

    /// Its URL.
    pub(super) fn shown(&self) -> String {
        self.place.lake.shown(&self.path)
    }

    /// Where its upload goes on; `None` before it, when there is nothing to remove.
    pub(super) fn runtime(&self) -> Option<Handle> {
        (!matches!(self.upload, Upload::NotBegun)).then(|| self.place.runtime.clone())
    }

    /// Begins the upload, beside what the caller does next.
    pub(super) fn send(&mut self, file: File, size: u64) {
        let stop = Arc::new(AtomicBool::new(false));
        let (place, path, stopped) = (self.place.clone(), self.path.clone(), stop.clone());
        let task = self.place.runtime.spawn(async move { place.upload(&path, file, size, &stopped).await });
        self.upload = Upload::Going { task, stop };
    }

    /// Waits for the end of the upload.
    pub(super) async fn settle(&mut self) -> Result<(), LakeError> {
        let Upload::Going { task, .. } = &mut self.upload else { return Ok(()) };
        let ended = task.await;
        self.upload = Upload::Done;
        ended.unwrap_or_else(|source| {
            Err(self.place.lake.failed("upload", &self.path, StoreError::JoinError { source }))
        })
    }

    /// Stops the upload, and removes what it put.
    pub(super) async fn remove(self) {
        match self.upload {
            Upload::NotBegun => return,
            Upload::Done => {}
            Upload::Going { task, stop } => {
                stop.store(true, Ordering::Release);
                // Its end is waited for, lest it puts the object when that has been removed.
                let _ = task.await;
            }
        }
        if let Err(error) = self.place.lake.delete("remove the file", &self.path).await {
            tracing::warn!(path = %self.path, %error, "cannot remove an uncommitted file");
        }
    }
}

impl Place {
    async fn upload(&self, path: &StorePath, file: File, size: u64, stop: &AtomicBool) -> Result<(), LakeError> {
        let failed = |source| self.lake.failed("upload", path, source);
        let file = Arc::new(file);
        let _slot = self.uploads.acquire().await;
        self.lake.retried(|| self.try_upload(path, &file, size, stop)).await.map_err(failed)
    }

    async fn try_upload(
        &self,
        path: &StorePath,
        file: &Arc<File>,
        size: u64,
        stop: &AtomicBool,
    ) -> Result<(), StoreError> {
        let store = self.lake.store();
        if size <= CHUNK_BYTES as u64 {
            let chunk = read(file, 0, size).await?;
            return store.put(path, chunk.into()).await.map(drop);
        }
        let mut upload = WriteMultipart::new_with_chunk_size(store.put_multipart(path).await?, CHUNK_BYTES);
        let mut at = 0;
        let sent = async {
            while at < size && !stop.load(Ordering::Acquire) {
                let chunk = read(file, at, (size - at).min(CHUNK_BYTES as u64)).await?;
                at += chunk.len() as u64;
                upload.wait_for_capacity(CHUNKS).await?;
                upload.put(chunk);
            }
            Ok::<_, StoreError>(at == size)
        }
        .await;
        match sent {
            // It aborts by itself when it fails.
            Ok(true) => upload.finish().await.map(drop),
            Ok(false) => upload.abort().await,
            Err(error) => {
                // What is left of it is no object; a bucket's own rules remove it.
                let _ = upload.abort().await;
                Err(error)
            }
        }
    }
}

/// A part of a file, read off the threads that drive futures.
async fn read(file: &Arc<File>, at: u64, length: u64) -> Result<Bytes, StoreError> {
    let file = file.clone();
    blocking(move || {
        let generic = |source: io::Error| StoreError::Generic { store: "temporary file", source: Box::new(source) };
        let mut file = file.as_ref();
        file.seek(SeekFrom::Start(at)).map_err(generic)?;
        let mut chunk = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        file.take(length).read_to_end(&mut chunk).map_err(generic)?;
        if (chunk.len() as u64) < length {
            return Err(generic(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(chunk.into())
    })
    .await
}
