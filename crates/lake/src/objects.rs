//! Small files of Headwater's own, in a folder or a bucket alike.
//!
//! Risk: a put of which nobody can tell whether it happened. A bucket may answer with an error and have stored the
//! object all the same; a client that then tries again is told that it exists already. So whoever puts only if absent
//! puts something that nobody else would write, and what is there is compared with it.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path as StorePath;
use object_store::{Error as StoreError, ObjectMeta, ObjectStoreExt, PutMode, PutOptions, PutPayload, PutResult};

use crate::durable::sync_folder;
use crate::{Lake, LakeError};

/// How long to wait before each further try. The client of a bucket has tried for a while by then.
const WAITS: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(250), Duration::from_millis(1000)];

/// How many files are removed at once.
const DELETIONS: usize = 16;

/// How a put of what must be absent ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is there, by this call.
    Done,
    /// Something else is there: this.
    Taken(Bytes),
}

impl Lake {
    /// Puts a file in place of what is there, durably.
    pub(crate) async fn put(&self, doing: &'static str, path: &StorePath, bytes: Vec<u8>) -> Result<(), LakeError> {
        let payload = PutPayload::from(bytes);
        let put = self.retried(|| self.store_ref().put_opts(path, payload.clone(), PutOptions::default())).await;
        put.map(drop).map_err(|source| self.failed(doing, path, source))
    }

    /// Puts a file, durably, if none is there. `bytes` must hold something that nobody else would write there.
    pub(crate) async fn put_new(
        &self,
        doing: &'static str,
        path: &StorePath,
        bytes: Vec<u8>,
    ) -> Result<Put, LakeError> {
        let bytes = Bytes::from(bytes);
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        // After a failed try that did put it, the next one is told that it exists.
        let put: Result<PutResult, StoreError> =
            self.retried(|| self.store_ref().put_opts(path, bytes.clone().into(), options.clone())).await;
        let Err(source) = put else { return Ok(Put::Done) };
        match (self.get(doing, path).await, source) {
            (Ok(Some(there)), _) if there == bytes => Ok(Put::Done),
            (Ok(Some(there)), StoreError::AlreadyExists { .. }) => Ok(Put::Taken(there)),
            (_, source) => Err(self.failed(doing, path, source)),
        }
    }

    /// What is in a file; `None` if it is not there.
    pub(crate) async fn get(&self, doing: &'static str, path: &StorePath) -> Result<Option<Bytes>, LakeError> {
        match self.retried(|| async { self.store_ref().get(path).await?.bytes().await }).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(source) => Err(self.failed(doing, path, source)),
        }
    }

    /// The files below a folder, in folders below it too; none if it is not there. What a dead process had staged and
    /// not put in place is left out.
    pub(crate) async fn list(&self, doing: &'static str, folder: &StorePath) -> Result<Vec<ObjectMeta>, LakeError> {
        let found = self.retried(|| self.store_ref().list(Some(folder)).try_collect::<Vec<_>>()).await;
        let mut files = match found {
            Ok(files) => files,
            Err(source) if is_no_folder(&source) => Vec::new(),
            Err(source) => return Err(self.failed(doing, folder, source)),
        };
        files.retain(|file| file.location.filename().is_some_and(|name| !name.starts_with('.')));
        Ok(files)
    }

    /// The folders in a folder, by name; none if it is not there.
    pub(crate) async fn folders(&self, folder: &StorePath) -> Result<Vec<String>, LakeError> {
        let prefix = (!folder.as_ref().is_empty()).then_some(folder);
        let found = match self.retried(|| self.store_ref().list_with_delimiter(prefix)).await {
            Ok(found) => found,
            Err(source) if is_no_folder(&source) => return Ok(Vec::new()),
            Err(source) => return Err(self.failed("list the folder", folder, source)),
        };
        Ok(found.common_prefixes.iter().filter_map(|path| path.filename()).map(str::to_string).collect())
    }

    /// Removes a file, durably; one that is gone already is fine.
    pub(crate) async fn delete(&self, doing: &'static str, path: &StorePath) -> Result<(), LakeError> {
        match self.retried(|| self.store_ref().delete(path)).await {
            Ok(()) => {}
            Err(StoreError::NotFound { .. }) => return Ok(()),
            Err(source) => return Err(self.failed(doing, path, source)),
        }
        match self.local(path) {
            Some(file) => file.parent().map_or(Ok(()), sync_folder).map_err(|source| LakeError::Io {
                doing,
                path: file.clone(),
                source,
            }),
            None => Ok(()),
        }
    }

    /// Removes many files, one after another, those that are gone already passed over.
    pub(crate) async fn delete_all(&self, doing: &'static str, paths: Vec<StorePath>) -> Result<(), LakeError> {
        let mut deletions = futures::stream::iter(paths)
            .map(|path| async move {
                match self.retried(|| self.store_ref().delete(&path)).await {
                    Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
                    Err(source) => Err(self.failed(doing, &path, source)),
                }
            })
            .buffer_unordered(DELETIONS);
        while let Some(deleted) = deletions.next().await {
            deleted?;
        }
        Ok(())
    }

    /// Does it again after a failure that may pass. A folder's failures do not.
    pub(crate) async fn retried<T, F>(&self, mut act: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let waits: &[Duration] = if self.folder().is_some() { &[] } else { &WAITS };
        for wait in waits {
            match act().await {
                Err(error) if may_pass(&error) => {
                    tracing::debug!(%error, "the store failed, trying again");
                    tokio::time::sleep(*wait).await;
                }
                ended => return ended,
            }
        }
        act().await
    }

    pub(crate) fn failed(&self, doing: &'static str, path: &StorePath, source: StoreError) -> LakeError {
        LakeError::Store { doing, path: self.shown(path), source }
    }
}

/// Whether the same request may succeed a moment later.
pub(crate) fn may_pass(error: &StoreError) -> bool {
    matches!(error, StoreError::Generic { .. } | StoreError::JoinError { .. })
}

/// Whether a local listing failed because what should be a folder is a file, or lies below one.
pub(crate) fn is_no_folder(error: &StoreError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return matches!(io.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        }
        cause = error.source();
    }
    false
}
