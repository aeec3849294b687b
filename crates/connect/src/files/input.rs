//! The bytes of an entry: as stored, counted and held against what was listed, and unpacked.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use headwater_plan::Compression;

use super::compression::{self, MAGIC};
use super::object::ObjectReader;
use super::open::{Entry, open_unchanged};
use super::stores::Address;
use super::{FilesError, SourceFile, list};

/// What an unpacker reads at once.
pub(crate) const UNPACKING: usize = 256 << 10;

#[derive(Debug)]
enum Raw {
    Local(File),
    Object(Box<ObjectReader>),
}

impl Seek for Raw {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::Local(file) => file.seek(to),
            Self::Object(object) => object.seek(to),
        }
    }
}

/// A file as it is stored. Read through from its beginning, it has as many bytes as it was listed with, or fails.
#[derive(Debug)]
pub(crate) struct Stored {
    raw: Raw,
    listed: Arc<SourceFile>,
    read: u64,
    /// Whether somebody sought in it: then how much was read does not tell where its end is.
    sought: bool,
    counter: Arc<AtomicU64>,
}

impl Stored {
    pub(crate) fn local(file: File, listed: Arc<SourceFile>) -> Self {
        Self { raw: Raw::Local(file), listed, read: 0, sought: false, counter: Arc::default() }
    }

    pub(crate) fn object(reader: ObjectReader, listed: Arc<SourceFile>) -> Self {
        Self { raw: Raw::Object(Box::new(reader)), listed, read: 0, sought: false, counter: Arc::default() }
    }

    /// The first bytes; they are still read.
    pub(crate) fn peek(&mut self) -> Result<Vec<u8>, FilesError> {
        let mut first = Vec::with_capacity(MAGIC);
        let path = Arc::clone(&self.listed);
        let failed = |source| FilesError::of_io(&path.path, source);
        self.raw_take(MAGIC as u64).read_to_end(&mut first).map_err(failed)?;
        self.raw.seek(SeekFrom::Start(0)).map_err(failed)?;
        Ok(first)
    }

    fn raw_take(&mut self, bytes: u64) -> Box<dyn Read + '_> {
        match &mut self.raw {
            Raw::Local(file) => Box::new(file.take(bytes)),
            Raw::Object(object) => Box::new(object.take(bytes)),
        }
    }

    fn raw_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.raw {
            Raw::Local(file) => loop {
                match file.read(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => break other?,
                }
            },
            Raw::Object(object) => object.read(buffer)?,
        };
        self.read += read as u64;
        self.counter.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }

    /// It gave more or fewer bytes than it was listed with.
    fn changed(&self) -> FilesError {
        let metadata = match &self.raw {
            Raw::Local(file) => file.metadata().ok(),
            Raw::Object(_) => None,
        };
        FilesError::Changed {
            listed: (*self.listed).clone(),
            size: metadata.as_ref().map_or(self.read, std::fs::Metadata::len),
            tag: metadata.and_then(|metadata| list::tag(&metadata).ok()),
        }
    }
}

impl Read for Stored {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.raw_read(buffer)?;
        let ended = read == 0 && !buffer.is_empty();
        let wrong = self.read > self.listed.size || ended && self.read < self.listed.size;
        if wrong && !self.sought {
            return Err(io::Error::other(self.changed()));
        }
        Ok(read)
    }
}

impl Seek for Stored {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.sought = true;
        self.raw.seek(to)
    }
}

/// A stretch of a file.
struct Part {
    stored: Stored,
    left: u64,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.stored.raw_read(&mut buffer[..most])?;
        self.left -= read as u64;
        Ok(read)
    }
}

enum Bytes {
    Plain(Box<Stored>),
    Packed(Box<dyn Read + Send>),
}

/// The bytes of an entry, unpacked. Its errors are [`FilesError`]s inside `io::Error`s.
pub(crate) struct Input {
    bytes: Bytes,
    entry: Arc<Entry>,
    packing: Compression,
    /// Stored bytes read so far.
    counter: Arc<AtomicU64>,
    /// Of those, the ones that were accounted for.
    told: u64,
    overhead: u64,
    at_end: bool,
}

impl Input {
    /// The bytes of an entry out of its file, which is packed so.
    pub(crate) fn new(entry: &Arc<Entry>, mut stored: Stored, packing: Compression) -> Result<Self, FilesError> {
        let counter = Arc::clone(&stored.counter);
        let failed = |source| FilesError::of_io(&entry.name, source);
        let bytes = match (packing, entry.member()) {
            (_, Some(member)) => {
                stored.raw.seek(SeekFrom::Start(member.start)).map_err(failed)?;
                let packed = BufReader::with_capacity(UNPACKING, Part { stored, left: member.packed });
                Bytes::Packed(member.unpack(packed))
            }
            (Compression::Gzip | Compression::Zstd | Compression::Bzip2, None) => {
                let packed = BufReader::with_capacity(UNPACKING, stored);
                Bytes::Packed(compression::unpack(packed, packing).map_err(failed)?)
            }
            (Compression::Auto | Compression::None | Compression::Zip, None) => Bytes::Plain(Box::new(stored)),
        };
        let overhead = entry.overhead();
        Ok(Self { bytes, entry: Arc::clone(entry), packing, counter, told: 0, overhead, at_end: false })
    }

    /// The stored bytes read since this was asked last. Over all entries of a file that are read to their ends, its size.
    pub(crate) fn stored(&mut self) -> u64 {
        let read = self.counter.load(Ordering::Relaxed);
        let since = read - self.told;
        self.told = read;
        since + std::mem::take(&mut self.overhead)
    }

    /// How many bytes are still to come, if that is known.
    pub(crate) fn left(&self) -> Option<u64> {
        match &self.bytes {
            Bytes::Plain(stored) => Some(stored.listed.size.saturating_sub(stored.read)),
            Bytes::Packed(_) => None,
        }
    }

    pub(crate) fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    /// What is wrong with a packed file that cannot be unpacked: perhaps it is another by now.
    fn unpacked(&self, error: io::Error) -> io::Error {
        if FilesError::is_in(&error) {
            return error;
        }
        let listed = &self.entry.listed;
        if Address::parse(&listed.path).is_none()
            && let Err(changed @ FilesError::Changed { .. }) = open_unchanged(listed)
        {
            return io::Error::other(changed);
        }
        let what = compression::word(self.packing);
        io::Error::other(FilesError::Damaged { path: self.entry.name.clone(), what, source: Box::new(error) })
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.bytes {
            Bytes::Plain(stored) => stored.read(buffer),
            Bytes::Packed(unpacked) => loop {
                match unpacked.read(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(self.unpacked(error)),
                    Ok(0) if !buffer.is_empty() => return self.ended(),
                    Ok(read) => return Ok(read),
                }
            },
        }
    }
}

impl Input {
    /// A packed file has ended. If stored bytes are left, its end was only that of its first part; in an archive, they
    /// belong to it all the same.
    fn ended(&mut self) -> io::Result<usize> {
        let read = self.counter.load(Ordering::Relaxed);
        if let Some(member) = self.entry.member() {
            if !std::mem::replace(&mut self.at_end, true) {
                self.overhead += member.packed.saturating_sub(read);
            }
        } else if read < self.entry.listed.size {
            let error = io::Error::new(io::ErrorKind::InvalidData, "bytes follow behind its end");
            return Err(self.unpacked(error));
        }
        Ok(0)
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").field("entry", &self.entry.name).field("packing", &self.packing).finish_non_exhaustive()
    }
}
