//! Zip archives: which files are inside, and each as the bytes that it was made of, its length and checksum held against
//! what the archive says.

use std::io::{self, BufReader, Read, Seek};

use flate2::Crc;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::{FilesError, SourceFile};

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// Where its packed bytes begin in the archive, and how many they are.
    pub(crate) start: u64,
    pub(crate) packed: u64,
    size: u64,
    crc: u32,
    deflated: bool,
}

/// The files of an archive, in its own order. Folders are none, nor are hidden files and what macOS adds.
pub(crate) fn members(archive: impl Read + Seek, listed: &SourceFile) -> Result<Vec<Member>, FilesError> {
    let path = listed.path.as_str();
    let damaged = |source| FilesError::of_zip(path, source);
    // Its directory is read in small steps.
    let mut archive = ZipArchive::new(BufReader::with_capacity(64 << 10, archive)).map_err(damaged)?;
    let mut members = Vec::new();
    for number in 0..archive.len() {
        let file = archive.by_index_raw(number).map_err(damaged)?;
        let name = file.name().map_err(damaged)?.replace('\\', "/");
        let hidden = name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX");
        if !file.is_file() || hidden {
            continue;
        }
        let refused = |what: String| FilesError::Archive { path: path.to_owned(), member: name.clone(), what };
        let deflated = match file.compression() {
            _ if file.encrypted() => return Err(refused("it is encrypted".to_owned())),
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            other => return Err(refused(format!("it is packed by the method `{other}`"))),
        };
        let start = file.data_start().ok_or_else(|| refused("its place is not told".to_owned()))?;
        let (packed, size, crc) = (file.compressed_size(), file.size(), file.crc32());
        if start.checked_add(packed).is_none_or(|end| end > listed.size) {
            return Err(damaged(ZipError::InvalidArchive("a file in it is longer than the archive".into())));
        }
        members.push(Member { start, packed, size, crc, deflated, name });
    }
    Ok(members)
}

impl Member {
    pub(crate) fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// The member's bytes, out of the archive's from `start` to as many as are packed.
    pub(crate) fn unpack<R: io::BufRead + Send + 'static>(&self, stored: R) -> Box<dyn Read + Send> {
        let (size, crc) = (self.size, self.crc);
        if self.deflated {
            Box::new(Checked {
                inner: flate2::bufread::DeflateDecoder::new(stored),
                seen: Crc::new(),
                read: 0,
                size,
                crc,
            })
        } else {
            Box::new(Checked { inner: stored, seen: Crc::new(), read: 0, size, crc })
        }
    }
}

/// Holds what is read against the length and the checksum that it must have.
struct Checked<R> {
    inner: R,
    seen: Crc,
    read: u64,
    size: u64,
    crc: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.seen.update(&buffer[..read]);
        self.read += read as u64;
        let ended = read == 0 && !buffer.is_empty();
        if self.read > self.size || ended && self.read < self.size {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("it has {} bytes, the archive says {}", self.read, self.size),
            ));
        }
        if ended && self.seen.sum() != self.crc {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum is not that of the archive"));
        }
        Ok(read)
    }
}
