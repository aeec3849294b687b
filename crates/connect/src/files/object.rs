//! An object as a file that can be read and sought. It is read in ranges, one ahead of what is asked for, each pinned to
//! the entity tag with which it was listed: a range of another content is never glued to the one before.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use bytes::Bytes;
use object_store::{GetOptions, GetRange};
use tokio::task::JoinHandle;

use super::stores::Object;
use super::{FilesError, SourceFile, list};

/// The bytes of a range: enough that the time to its first byte is small beside the rest.
pub(crate) const RANGE: u64 = 8 << 20;
/// The bytes of the first range when only a file's beginning is looked at.
pub(crate) const LOOK: u64 = 64 << 10;

/// A range on its way. Dropped, it is given up.
#[derive(Debug)]
pub(crate) struct Fetch {
    start: u64,
    length: u64,
    task: JoinHandle<Result<Bytes, FilesError>>,
    runtime: tokio::runtime::Handle,
}

impl Fetch {
    pub(crate) fn start(object: &Object, listed: &SourceFile, start: u64, length: u64) -> Self {
        let length = length.min(listed.size.saturating_sub(start));
        let runtime = object.runtime.clone();
        let (object, listed) = (object.clone(), listed.clone());
        let task = runtime.spawn(async move { get(&object, &listed, start, length).await });
        Self { start, length, task, runtime: runtime.clone() }
    }

    fn wait(mut self) -> Result<Bytes, FilesError> {
        let runtime = self.runtime.clone();
        match runtime.block_on(&mut self.task) {
            Ok(fetched) => fetched,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime is shutting down.
            Err(_) => Err(FilesError::Stopped),
        }
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Gets a range of an object that must still be the one that was listed.
async fn get(object: &Object, listed: &SourceFile, start: u64, length: u64) -> Result<Bytes, FilesError> {
    // A tag that is a time is no entity tag, and a weak one never matches; both are compared with what comes.
    let strong = !listed.tag.starts_with("W/") && chrono::DateTime::parse_from_rfc3339(&listed.tag).is_err();
    let if_match = strong.then(|| listed.tag.clone());
    let fetched = object
        .retried("read", || async {
            let range = Some(GetRange::Bounded(start..start + length));
            let options = GetOptions { range, if_match: if_match.clone(), ..GetOptions::default() };
            let result = object.store.get_opts(&object.path, options).await?;
            let meta = result.meta.clone();
            if list::object_tag(&meta) != listed.tag || meta.size != listed.size {
                return Ok(Err(meta));
            }
            let bytes = result.bytes().await?;
            if bytes.len() as u64 == length {
                return Ok(Ok(bytes));
            }
            let broken = format!("the body broke off: {} of {length} bytes came", bytes.len());
            Err(object_store::Error::Generic { store: "object", source: broken.into() })
        })
        .await;
    match fetched {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(now)) => {
            Err(FilesError::Changed { listed: listed.clone(), size: now.size, tag: Some(list::object_tag(&now)) })
        }
        Err(FilesError::Store { source: object_store::Error::Precondition { .. }, .. }) => {
            let now =
                object.retried("look up", || object_store::ObjectStoreExt::head(&object.store, &object.path)).await?;
            let tag = Some(list::object_tag(&now));
            Err(FilesError::Changed { listed: listed.clone(), size: now.size, tag })
        }
        Err(error) => Err(error),
    }
}

/// Reads an object.
#[derive(Debug)]
pub(crate) struct ObjectReader {
    object: Object,
    listed: Arc<SourceFile>,
    /// What is read next.
    position: u64,
    /// The range that is read from, and where it begins.
    current: Bytes,
    current_start: u64,
    ahead: Option<Fetch>,
    /// The bytes of the first range; the others have [`RANGE`].
    first: u64,
}

impl ObjectReader {
    /// Nothing is asked for before the first read, unless it was already, by `begun`.
    pub(crate) fn new(object: Object, listed: Arc<SourceFile>, first: u64, begun: Option<Fetch>) -> Self {
        let current = Bytes::new();
        Self { object, listed, position: 0, current, current_start: 0, ahead: begun, first }
    }

    /// The bytes from the position on that have come; gets the next range if there are none. Empty only at the end.
    pub(crate) fn fill(&mut self) -> Result<&[u8], FilesError> {
        let end = self.current_start + self.current.len() as u64;
        if !(self.current_start..end).contains(&self.position) && self.position < self.listed.size {
            self.advance()?;
        }
        let from = usize::try_from(self.position.saturating_sub(self.current_start)).unwrap_or(usize::MAX);
        Ok(self.current.get(from..).unwrap_or_default())
    }

    fn advance(&mut self) -> Result<(), FilesError> {
        let position = self.position;
        let begun = self.ahead.take().filter(|fetch| (fetch.start..fetch.start + fetch.length).contains(&position));
        let fetch = begun.unwrap_or_else(|| Fetch::start(&self.object, &self.listed, position, self.first));
        let next = fetch.start + fetch.length;
        // One ahead, but not when only the beginning is looked at.
        if self.first >= RANGE && next < self.listed.size {
            self.ahead = Some(Fetch::start(&self.object, &self.listed, next, RANGE));
        }
        self.first = self.first.saturating_mul(4).min(RANGE);
        self.current_start = fetch.start;
        self.current = Bytes::new();
        self.current = fetch.wait()?;
        Ok(())
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill().map_err(io::Error::other)?;
        let read = bytes.len().min(buffer.len());
        buffer[..read].copy_from_slice(&bytes[..read]);
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for ObjectReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.listed.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position =
            target.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a place before the object"))?;
        Ok(self.position)
    }
}
