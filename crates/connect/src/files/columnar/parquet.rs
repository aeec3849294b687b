//! Parquet files as batches of rows. A row group is read by one worker at a time, a few batches at once, and handed on: so
//! several groups are read side by side, and no group is ever in memory as a whole.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{RecordBatch, StructArray};
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
    RowSelector,
};
use parquet::basic::Type as PhysicalType;
use parquet::errors::ParquetError;
use parquet::file::metadata::{FooterTail, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, Length};

use super::decode::{Decoding, Piece};
use super::mapping::Mapping;
use super::{Failure, guarded};
use crate::files::load::{BATCH_ROWS, BLOCK_SIZE};
use crate::files::open::{Entry, Sources};
use crate::files::shape::{Shape, in_file};
use crate::files::{Decoded, FilesError};

const WHAT: &str = "Parquet";
/// What stands at the end of every file: the length of its metadata, and `PAR1`.
const TAIL: usize = 8;
/// How many batches a worker reads before it hands the group on.
const BATCHES: usize = 4;

/// Metadata larger than this is damage.
const MAX_METADATA: u64 = 512 << 20;

/// The columns of a file, by its last bytes.
pub(crate) fn schema(sources: &Sources, entry: &Arc<Entry>) -> Result<SchemaRef, FilesError> {
    let metadata = match sources.peek_into(entry)? {
        Some(stored) => metadata(entry, stored)?,
        None => metadata(entry, sources.seekable(entry)?)?,
    };
    Ok(Arc::clone(metadata.schema()))
}

fn metadata(entry: &Entry, mut file: impl Read + Seek) -> Result<ArrowReaderMetadata, FilesError> {
    guarded(&entry.name, WHAT, || {
        let size = file.seek(SeekFrom::End(0))?;
        if size < TAIL as u64 {
            return Err(Failure::from("it is too short"));
        }
        file.seek(SeekFrom::End(-(TAIL as i64)))?;
        let mut tail = [0; TAIL];
        file.read_exact(&mut tail)?;
        let length = FooterTail::try_new(&tail)?.metadata_length() as u64;
        if length + TAIL as u64 > size || length > MAX_METADATA {
            return Err(Failure::from("its metadata is longer than the file"));
        }
        file.seek(SeekFrom::Start(size - TAIL as u64 - length))?;
        let mut bytes = Vec::with_capacity(usize::try_from(length)?);
        file.take(length).read_to_end(&mut bytes)?;
        Ok(arrow_metadata(Arc::new(ParquetMetaDataReader::decode_metadata(&bytes)?))?)
    })
}

/// The file's types as Arrow's, by the Parquet schema alone: what writers note beside it may say otherwise.
fn arrow_metadata(metadata: Arc<ParquetMetaData>) -> Result<ArrowReaderMetadata, parquet::errors::ParquetError> {
    let plain =
        ArrowReaderMetadata::try_new(Arc::clone(&metadata), ArrowReaderOptions::new().with_skip_arrow_metadata(true))?;
    // The old 96-bit instants hold days that nanoseconds do not.
    let descriptor = metadata.file_metadata().schema_descr();
    let old = |number: usize| {
        let leaf =
            descriptor.columns().iter().enumerate().find(|(leaf, _)| descriptor.get_column_root_idx(*leaf) == number);
        leaf.is_some_and(|(_, leaf)| leaf.path().parts().len() == 1 && leaf.physical_type() == PhysicalType::INT96)
    };
    if !(0..plain.schema().fields().len()).any(old) {
        return Ok(plain);
    }
    let fields = plain.schema().fields().iter().enumerate().map(|(number, field)| {
        let micros = ArrowType::Timestamp(TimeUnit::Microsecond, None);
        if old(number) { Arc::new(Field::new(field.name(), micros, field.is_nullable())) } else { Arc::clone(field) }
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    ArrowReaderMetadata::try_new(metadata, ArrowReaderOptions::new().with_schema(schema))
}

/// Hands out the row groups of files.
#[derive(Debug)]
pub(crate) struct Reader {
    sources: Arc<Sources>,
    entries: std::vec::IntoIter<(Arc<Entry>, Option<Arc<Mapping>>)>,
    current: Option<Open>,
    /// Groups that were read in part.
    returned: Arc<Mutex<Vec<Lease>>>,
    with_extra: bool,
    batch_bytes: usize,
}

/// A file whose groups are handed out.
#[derive(Debug)]
struct Open {
    opened: Arc<Opened>,
    next_group: usize,
    next_row: u64,
    /// The file's stored bytes that no group has accounted for.
    bytes: u64,
}

/// What the groups of a file share.
#[derive(Debug)]
struct Opened {
    entry: Arc<Entry>,
    mapping: Arc<Mapping>,
    file: Positioned,
    metadata: ArrowReaderMetadata,
    /// The columns that are read, by their numbers, and for each of the file's where it is among them.
    used: Vec<usize>,
    places: Vec<Option<usize>>,
    batch_rows: usize,
}

/// A row group that somebody reads.
pub(crate) struct Lease {
    entry: Arc<Entry>,
    /// `None` for a file without a byte.
    reading: Option<Reading>,
    /// The stored bytes that the next stretch accounts for.
    bytes: u64,
    returned: Arc<Mutex<Vec<Lease>>>,
}

struct Reading {
    opened: Arc<Opened>,
    group: usize,
    reader: ParquetRecordBatchReader,
    /// The number of the group's first row in the file, from 1.
    group_row: u64,
    /// How many of its rows were read.
    read: u64,
    rows: u64,
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").field("entry", &self.entry.name).finish_non_exhaustive()
    }
}

impl Reader {
    pub(crate) fn new(
        sources: &Arc<Sources>,
        entries: Vec<(Arc<Entry>, Option<Arc<Mapping>>)>,
        decoding: &Decoding,
    ) -> Self {
        Self {
            sources: Arc::clone(sources),
            entries: entries.into_iter(),
            current: None,
            returned: Arc::default(),
            with_extra: decoding.needs_extra(),
            batch_bytes: BLOCK_SIZE,
        }
    }

    pub(crate) fn limits(&mut self, block_size: usize) {
        self.batch_bytes = block_size;
    }

    /// A group that nobody reads; `None` when there are none. Those that somebody reads he will come back for.
    pub(crate) fn next(&mut self) -> Result<Option<Lease>, FilesError> {
        if let Some(lease) = self.returned.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(Some(lease));
        }
        loop {
            if let Some(open) = &mut self.current
                && let Some(lease) = open.next(&self.returned)?
            {
                return Ok(Some(lease));
            }
            self.current = None;
            let Some((entry, mapping)) = self.entries.next() else { return Ok(None) };
            let Some(mapping) = mapping else {
                return Ok(Some(Lease {
                    bytes: entry.stored_size(),
                    entry,
                    reading: None,
                    returned: Arc::clone(&self.returned),
                }));
            };
            let file = self.sources.seekable(&entry)?;
            let used = mapping.used(self.with_extra);
            self.current = Some(Open::new(entry, mapping, file, (used, self.batch_bytes))?);
        }
    }
}

impl Open {
    fn new(
        entry: Arc<Entry>,
        mapping: Arc<Mapping>,
        file: File,
        (used, batch_bytes): (Vec<usize>, usize),
    ) -> Result<Self, FilesError> {
        let metadata = metadata(&entry, &file)?;
        if metadata.schema() != &mapping.schema {
            return Err(FilesError::Changed { listed: (*entry.listed).clone(), size: entry.listed.size, tag: None });
        }
        let places = (0..mapping.schema.fields().len()).map(|number| used.binary_search(&number).ok()).collect();
        let groups = metadata.metadata().row_groups();
        let rows: i64 = groups.iter().map(|group| group.num_rows()).sum();
        let bytes: i64 = groups.iter().map(|group| group.total_byte_size()).sum();
        let row_bytes = usize::try_from(bytes / rows.max(1)).unwrap_or(usize::MAX).max(1);
        let batch_rows = (batch_bytes / row_bytes).clamp(1, BATCH_ROWS);
        let bytes = entry.stored_size();
        let file =
            Positioned::new(file).map_err(|source| FilesError::Unreadable { path: entry.name.clone(), source })?;
        let opened = Arc::new(Opened { entry, mapping, file, metadata, used, places, batch_rows });
        Ok(Self { opened, next_group: 0, next_row: 1, bytes })
    }

    fn next(&mut self, returned: &Arc<Mutex<Vec<Lease>>>) -> Result<Option<Lease>, FilesError> {
        let opened = &self.opened;
        let entry = Arc::clone(&opened.entry);
        let groups = opened.metadata.metadata().row_groups();
        let Some(group) = groups.get(self.next_group) else {
            // A file without groups is accounted for all the same.
            let bytes = std::mem::take(&mut self.bytes);
            let rest = (bytes > 0).then(|| Lease { entry, reading: None, bytes, returned: Arc::clone(returned) });
            return Ok(rest);
        };
        let last = self.next_group + 1 == groups.len();
        let stored = u64::try_from(group.compressed_size()).unwrap_or_default().min(self.bytes);
        let bytes = if last { self.bytes } else { stored };
        self.bytes -= bytes;
        let rows = u64::try_from(group.num_rows()).unwrap_or_default();
        let reader = opened.reader(self.next_group, &opened.used, None)?;
        let reading = Reading {
            opened: Arc::clone(opened),
            group: self.next_group,
            reader,
            group_row: self.next_row,
            read: 0,
            rows,
        };
        self.next_group += 1;
        self.next_row += rows;
        Ok(Some(Lease { entry, reading: Some(reading), bytes, returned: Arc::clone(returned) }))
    }
}

impl Opened {
    /// Reads some columns of a group, of some of its rows.
    fn reader(
        &self,
        group: usize,
        columns: &[usize],
        selection: Option<RowSelection>,
    ) -> Result<ParquetRecordBatchReader, FilesError> {
        guarded(&self.entry.name, WHAT, || {
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), self.metadata.clone());
            let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
            let builder = builder.with_projection(mask).with_row_groups(vec![group]).with_batch_size(self.batch_rows);
            let builder = match selection {
                Some(selection) => builder.with_row_selection(selection),
                None => builder,
            };
            Ok(builder.build()?)
        })
    }
}

impl Lease {
    /// Reads a few batches, and gives the group back if there is more of it.
    pub(crate) fn decode(mut self, decoding: &Decoding, shape: &Shape) -> Result<Decoded, FilesError> {
        let mut decoded =
            Decoded { bytes: std::mem::take(&mut self.bytes), file: self.entry.file, ..Decoded::default() };
        let Some(reading) = &mut self.reading else { return Ok(decoded) };
        for _ in 0..BATCHES {
            let name = &reading.opened.entry.name;
            let Some(batch) = guarded(name, WHAT, || Ok(reading.reader.next().transpose()?))? else {
                if reading.read != reading.rows {
                    let told = format!("a row group has {} rows, its metadata says {}", reading.read, reading.rows);
                    return Err(FilesError::Damaged { path: name.clone(), what: WHAT, source: told.into() });
                }
                return Ok(decoded);
            };
            reading.batch(batch, (decoding, shape), &mut decoded)?;
        }
        let returned = Arc::clone(&self.returned);
        returned.lock().unwrap_or_else(PoisonError::into_inner).push(self);
        Ok(decoded)
    }
}

impl Reading {
    fn batch(
        &mut self,
        batch: RecordBatch,
        (decoding, shape): (&Decoding, &Shape),
        decoded: &mut Decoded,
    ) -> Result<(), FilesError> {
        let opened = Arc::clone(&self.opened);
        let (before, rows) = (self.read, batch.num_rows());
        self.read += rows as u64;
        let group = self.group;
        let piece = Piece {
            entry: &opened.entry,
            mapping: &opened.mapping,
            rows: StructArray::from(batch),
            places: &opened.places,
            first: self.group_row + before,
        };
        let mut whole = |numbers: &[usize]| opened.whole(group, before, numbers);
        decoding.piece(shape, &piece, &mut whole, decoded)
    }
}

impl Opened {
    /// These rows, counted from `before` on, with all their columns.
    fn whole(&self, group: usize, before: u64, numbers: &[usize]) -> Result<StructArray, FilesError> {
        let mut selectors = Vec::with_capacity(numbers.len() * 2);
        let mut next = 0;
        for number in numbers {
            let row = usize::try_from(before).unwrap_or(usize::MAX).saturating_add(*number);
            selectors.push(RowSelector::skip(row - next));
            selectors.push(RowSelector::select(1));
            next = row + 1;
        }
        let all: Vec<usize> = (0..self.mapping.schema.fields().len()).collect();
        let reader = self.reader(group, &all, Some(RowSelection::from(selectors)))?;
        let schema = arrow::record_batch::RecordBatchReader::schema(&reader);
        let batches = guarded(&self.entry.name, WHAT, || Ok(reader.collect::<Result<Vec<_>, _>>()?))?;
        let all = arrow::compute::concat_batches(&schema, &batches).map_err(in_file(&self.entry.name))?;
        Ok(StructArray::from(all))
    }
}

/// A file that is read by place: the handles of a file share one position, and its workers do not.
#[derive(Debug, Clone)]
struct Positioned {
    file: Arc<Mutex<File>>,
    size: u64,
}

/// Reads on from a place.
struct From {
    file: Positioned,
    at: u64,
}

impl Positioned {
    fn new(file: File) -> std::io::Result<Self> {
        let size = file.metadata()?.len();
        Ok(Self { file: Arc::new(Mutex::new(file)), size })
    }

    fn read(&self, at: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(at))?;
        file.read(buffer)
    }
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(self.at, buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Length for Positioned {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for Positioned {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(BufReader::new(From { file: self.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        // A length out of damaged metadata must not be believed before the bytes are there.
        if start.checked_add(length as u64).is_none_or(|end| end > self.size) {
            return Err(ParquetError::EOF(format!("{length} bytes from {start} on are more than the file has")));
        }
        let mut bytes = Vec::with_capacity(length);
        From { file: self.clone(), at: start }.take(length as u64).read_to_end(&mut bytes)?;
        if bytes.len() < length {
            return Err(ParquetError::EOF(format!("{length} bytes from {start} on are more than the file has")));
        }
        Ok(bytes.into())
    }
}
