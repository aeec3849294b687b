//! Where files are: on this machine, or in buckets that another crate opens.

use std::collections::HashMap;
use std::fmt::Debug;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headwater_plan::Diagnostic;
use object_store::ObjectStore;
use object_store::path::Path as ObjectPath;
use tokio::runtime::Handle;
use url::Url;

use super::FilesError;

/// Opens buckets. Implemented by the crate that knows their protocol and its credentials.
pub trait Buckets: Send + Sync + Debug {
    /// The store of a bucket, whose paths are those of URLs without the leading slash. Called once for a bucket.
    ///
    /// # Errors
    /// A scheme that this implementation has not, or a bucket that it is not set up for.
    fn bucket(&self, url: &Url) -> Result<Arc<dyn ObjectStore>, Diagnostic>;
}

/// Where files may be. A clone shares what its original has opened.
#[derive(Clone, Debug)]
pub struct Stores {
    remote: Option<Arc<Remote>>,
    retry: Retry,
}

#[derive(Debug)]
struct Remote {
    buckets: Arc<dyn Buckets>,
    runtime: Handle,
    opened: Mutex<HashMap<String, Arc<dyn ObjectStore>>>,
}

/// How often and after what time a failed call is made again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retry {
    pub(crate) attempts: u32,
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
}

/// An object of a bucket.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) path: ObjectPath,
    /// The URL, for messages.
    pub(crate) url: String,
    pub(crate) runtime: Handle,
    pub(crate) retry: Retry,
}

/// A URL in its parts; the key stands as it is in the bucket, nothing in it is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) bucket: &'a str,
    pub(crate) key: &'a str,
}

impl<'a> Address<'a> {
    /// `None` for what is a path on this machine.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        Some(Self { scheme, bucket, key })
    }

    /// The URL of a key of the same bucket.
    pub(crate) fn url(&self, key: &str) -> String {
        format!("{}://{}/{key}", self.scheme, self.bucket)
    }
}

impl Stores {
    /// This machine's files and no buckets.
    pub fn local() -> Self {
        Self { remote: None, retry: Retry::DEFAULT }
    }

    /// This machine's files and these buckets. What reads objects does so on the runtime, which must have a thread of its
    /// own for that: blocking calls wait for it.
    pub fn new(buckets: Arc<dyn Buckets>, runtime: Handle) -> Self {
        let remote = Remote { buckets, runtime, opened: Mutex::default() };
        Self { remote: Some(Arc::new(remote)), retry: Retry::DEFAULT }
    }

    /// Other times between attempts: tests do not wait.
    #[cfg(test)]
    pub(crate) fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// An object by its address.
    pub(crate) fn object(&self, address: Address<'_>) -> Result<Object, FilesError> {
        let url = address.url(address.key);
        let Some(remote) = &self.remote else {
            return Err(FilesError::NoBuckets { url, scheme: address.scheme.to_owned() });
        };
        let path = ObjectPath::parse(address.key)
            .map_err(|source| FilesError::InvalidKey { url: url.clone(), source: Box::new(source) })?;
        let bucket = address.url("");
        let mut opened = remote.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let store = match opened.get(&bucket) {
            Some(store) => Arc::clone(store),
            None => {
                let parsed = Url::parse(&bucket)
                    .map_err(|source| FilesError::InvalidKey { url: url.clone(), source: Box::new(source) })?;
                let store = remote.buckets.bucket(&parsed).map_err(|found| FilesError::Bucket(Box::new(found)))?;
                opened.insert(bucket, Arc::clone(&store));
                store
            }
        };
        Ok(Object { store, path, url, runtime: remote.runtime.clone(), retry: self.retry })
    }
}

impl Object {
    /// Another object of the same bucket.
    pub(crate) fn sibling(&self, address: Address<'_>) -> Result<Self, FilesError> {
        let url = address.url(address.key);
        let path = ObjectPath::parse(address.key)
            .map_err(|source| FilesError::InvalidKey { url: url.clone(), source: Box::new(source) })?;
        Ok(Self { path, url, ..self.clone() })
    }

    /// Makes a call until it succeeds or cannot; waits longer each time. `doing` goes into the message: `read`.
    pub(crate) async fn retried<T, F>(&self, doing: &'static str, mut call: impl FnMut() -> F) -> Result<T, FilesError>
    where
        F: Future<Output = Result<T, object_store::Error>>,
    {
        let mut attempt = 1;
        loop {
            match call().await {
                Ok(value) => return Ok(value),
                Err(source) if attempt >= self.retry.attempts || !can_help(&source) => {
                    return Err(FilesError::Store { doing, url: self.url.clone(), attempts: attempt, source });
                }
                Err(_) => tokio::time::sleep(self.retry.wait(attempt, &self.url)).await,
            }
            attempt += 1;
        }
    }
}

/// Whether the same call can succeed later.
fn can_help(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::Generic { .. } | object_store::Error::JoinError { .. })
}

impl Retry {
    /// The client of a store retries too, whole requests; what it cannot are bodies that break off. Together 20 s.
    pub(crate) const DEFAULT: Self =
        Self { attempts: 8, first: Duration::from_millis(200), longest: Duration::from_secs(8) };

    /// Twice as long each time, less up to a half, so that many readers do not come back at once.
    fn wait(&self, attempt: u32, url: &str) -> Duration {
        let full = self.first.saturating_mul(1 << attempt.min(16).saturating_sub(1)).min(self.longest);
        // No randomness is needed for readers to differ: their objects do.
        let spread = url.bytes().fold(attempt, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % 512;
        full - full * spread / 1024
    }
}
