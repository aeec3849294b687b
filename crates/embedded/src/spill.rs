//! The files of operators that need more memory than they may hold.
//!
//! The risk is a disk that fills up with files that nobody owns. These have no name: the system frees their room when
//! the process ends, however it ends. The folder is made with the first of them.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use datafusion::common::DataFusionError;
use datafusion::execution::{SpillFile, SpillWriter, TempFileFactory};
use futures::{Stream, TryStreamExt};

/// How much is read back at once.
const CHUNK: usize = 256 << 10;

/// Makes spill files in a folder.
pub(crate) struct SpillFolder {
    pub(crate) path: PathBuf,
}

impl TempFileFactory for SpillFolder {
    fn create_temp_file(&self, _description: &str) -> Result<Arc<dyn SpillFile>, DataFusionError> {
        std::fs::create_dir_all(&self.path)?;
        let file = Arc::new(tempfile::tempfile_in(&self.path)?);
        Ok(Arc::new(Spilled { file, written: Arc::default() }))
    }
}

/// A file without a name. Read and written at places, never at a cursor, because readers and the writer share it.
struct Spilled {
    file: Arc<File>,
    written: Arc<AtomicU64>,
}

impl SpillFile for Spilled {
    fn size(&self) -> Option<u64> {
        Some(self.written.load(Ordering::Acquire))
    }

    fn read_stream(
        &self,
    ) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes, DataFusionError>> + Send>>, DataFusionError> {
        let file = Arc::clone(&self.file);
        let chunks = futures::stream::try_unfold(0_u64, move |place| {
            let file = Arc::clone(&file);
            async move {
                let read = tokio::task::spawn_blocking(move || read_chunk(&file, place)).await;
                let chunk = read.map_err(io::Error::other)??;
                let next = place + chunk.len() as u64;
                Ok::<_, io::Error>((!chunk.is_empty()).then_some((chunk, next)))
            }
        });
        Ok(Box::pin(chunks.map_err(DataFusionError::IoError)))
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>, DataFusionError> {
        Ok(Box::new(Writer { file: Arc::clone(&self.file), written: Arc::clone(&self.written) }))
    }
}

struct Writer {
    file: Arc<File>,
    written: Arc<AtomicU64>,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let place = self.written.load(Ordering::Acquire);
        let written = write_at(&self.file, bytes, place)?;
        self.written.store(place + written as u64, Ordering::Release);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SpillWriter for Writer {
    fn finish(&mut self) -> Result<(), DataFusionError> {
        Ok(())
    }
}

fn read_chunk(file: &File, place: u64) -> io::Result<Bytes> {
    let mut chunk = vec![0; CHUNK];
    let read = read_at(file, &mut chunk, place)?;
    chunk.truncate(read);
    Ok(chunk.into())
}

#[cfg(unix)]
pub(crate) fn read_at(file: &File, into: &mut [u8], place: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, place)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], place: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::write_at(file, bytes, place)
}

#[cfg(windows)]
pub(crate) fn read_at(file: &File, into: &mut [u8], place: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, place)
}

#[cfg(windows)]
fn write_at(file: &File, bytes: &[u8], place: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, place)
}
