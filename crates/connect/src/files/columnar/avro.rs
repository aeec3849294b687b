//! Avro object container files as stretches of whole blocks. The framing is read here, because a file that is cut inside
//! a block must be known as damaged; workers unpack the blocks and decode them.
//!
//! A block whose records take fewer bytes than it has is damaged, too, and the decoder does not tell (arrow-avro 59 looks
//! for more records without end). So a stretch is handed to it as one record: an array of the file's records, and behind
//! it a mark. If the mark is where it must be, every byte before it belonged to a record.

use std::io::{BufRead, BufReader, Cursor, Read};
use std::sync::Arc;

use arrow::array::{Array, AsArray, StructArray};
use arrow::datatypes::{DataType as ArrowType, Schema, SchemaRef};
use arrow_avro::compression::CompressionCodec;
use arrow_avro::reader::{ReaderBuilder, read_header_info};
use serde_json::json;

use super::codec::unpack;
use super::decode::{Decoding, Piece, picked};
use super::mapping::Mapping;
use super::{Failure, guarded};
use crate::files::input::Input;
use crate::files::load::{BATCH_ROWS, BLOCK_SIZE};
use crate::files::open::{Entry, Sources};
use crate::files::shape::{Shape, in_file};
use crate::files::{Decoded, FilesError};

const WHAT: &str = "Avro";
/// A header larger than this is none.
const MAX_HEADER: usize = 64 << 20;
/// A block larger than this is damage.
const MAX_BLOCK: u64 = 1 << 30;
/// More records than this in one block are damage, even if they take no bytes.
const MAX_ROWS: u64 = 1 << 24;
/// What ends a block.
const SYNC: usize = 16;
/// What stands behind the records of a stretch.
const MARK: &[u8; 16] = b"headwater's mark";

/// What stands before the blocks.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) schema: SchemaRef,
    length: usize,
    sync: [u8; SYNC],
    codec: Option<CompressionCodec>,
    /// The header of a file whose only record is a stretch.
    around: Vec<u8>,
}

impl Header {
    /// Reads a file's beginning.
    pub(crate) fn read(mut input: impl Read, entry: &Entry) -> Result<Self, FilesError> {
        let mut bytes = Vec::new();
        let mut wanted = 64 << 10;
        loop {
            let missing = (wanted - bytes.len()) as u64;
            Read::by_ref(&mut input)
                .take(missing)
                .read_to_end(&mut bytes)
                .map_err(|source| FilesError::of_io(&entry.name, source))?;
            let at_end = bytes.len() < wanted;
            match guarded(&entry.name, WHAT, || Self::of(&bytes)) {
                Err(_) if !at_end && wanted < MAX_HEADER => wanted *= 2,
                read => return read,
            }
        }
    }

    fn of(bytes: &[u8]) -> Result<Self, Failure> {
        let header = read_header_info(Cursor::new(bytes))?;
        let records: serde_json::Value = serde_json::from_str(&header.writer_schema()?.json_string)?;
        let around = json!({
            "type": "record",
            "name": "headwater_stretch",
            "fields": [
                { "name": "rows", "type": { "type": "array", "items": records } },
                { "name": "mark", "type": { "type": "fixed", "name": "headwater_mark", "size": MARK.len() } },
            ],
        });
        let around = container(&around.to_string(), &header.sync());
        let schema = ReaderBuilder::new().build(Cursor::new(&around))?.schema();
        let ArrowType::List(rows) = schema.field(0).data_type() else { return Err("it has no records".into()) };
        let ArrowType::Struct(fields) = rows.data_type() else { return Err("its values are no records".into()) };
        Ok(Self {
            schema: Arc::new(Schema::new(fields.clone())),
            length: usize::try_from(header.header_len())?,
            sync: header.sync(),
            codec: header.compression()?,
            around,
        })
    }
}

/// The beginning of a container file that is not packed.
fn container(schema: &str, sync: &[u8; SYNC]) -> Vec<u8> {
    let mut bytes = b"Obj\x01".to_vec();
    push_long(&mut bytes, 1);
    for text in ["avro.schema", schema] {
        push_long(&mut bytes, text.len() as u64);
        bytes.extend_from_slice(text.as_bytes());
    }
    push_long(&mut bytes, 0);
    bytes.extend_from_slice(sync);
    bytes
}

/// A number that is not negative as Avro writes it.
fn push_long(bytes: &mut Vec<u8>, number: u64) {
    let mut bits = number << 1;
    while bits >= 0x80 {
        bytes.push(bits.to_le_bytes()[0] | 0x80);
        bits >>= 7;
    }
    bytes.push(bits.to_le_bytes()[0]);
}

/// Reads files one after another.
#[derive(Debug)]
pub(crate) struct Reader {
    sources: Arc<Sources>,
    entries: std::vec::IntoIter<(Arc<Entry>, Option<Arc<Mapping>>)>,
    current: Option<Open>,
    block_size: usize,
}

struct Open {
    entry: Arc<Entry>,
    mapping: Arc<Mapping>,
    header: Arc<Header>,
    input: BufReader<Input>,
    next_row: u64,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open").field("entry", &self.entry.name).finish_non_exhaustive()
    }
}

/// Whole blocks of a file.
#[derive(Debug)]
pub(crate) struct Blocks {
    entry: Arc<Entry>,
    /// `None` for a file without a byte.
    inside: Option<Inside>,
    stored: u64,
}

#[derive(Debug)]
struct Inside {
    mapping: Arc<Mapping>,
    header: Arc<Header>,
    /// The blocks, packed, each with the number of its records.
    blocks: Vec<(u64, Vec<u8>)>,
    first: u64,
}

impl Reader {
    pub(crate) fn new(sources: &Arc<Sources>, entries: Vec<(Arc<Entry>, Option<Arc<Mapping>>)>) -> Self {
        Self { sources: Arc::clone(sources), entries: entries.into_iter(), current: None, block_size: BLOCK_SIZE }
    }

    pub(crate) fn limits(&mut self, block_size: usize) {
        self.block_size = block_size;
    }

    pub(crate) fn next(&mut self) -> Result<Option<Blocks>, FilesError> {
        loop {
            let Some(open) = &mut self.current else {
                let Some((entry, mapping)) = self.entries.next() else { return Ok(None) };
                let Some(mapping) = mapping else {
                    return Ok(Some(Blocks { stored: entry.stored_size(), entry, inside: None }));
                };
                self.current = Some(Open::new(&self.sources, entry, mapping)?);
                continue;
            };
            match open.blocks(self.block_size)? {
                Some(blocks) => return Ok(Some(blocks)),
                None => self.current = None,
            }
        }
    }
}

impl Open {
    fn new(sources: &Sources, entry: Arc<Entry>, mapping: Arc<Mapping>) -> Result<Self, FilesError> {
        // The header is read on its own: how long it is only its end tells.
        let header = Arc::new(Header::read(sources.open(&entry)?, &entry)?);
        let mut input = BufReader::with_capacity(256 << 10, sources.open(&entry)?);
        let mut left = header.length;
        while left > 0 {
            let read = input.fill_buf().map_err(|source| FilesError::of_io(&entry.name, source))?.len().min(left);
            if read == 0 {
                return Err(damaged(&entry, "it ends inside its header"));
            }
            input.consume(read);
            left -= read;
        }
        Ok(Self { entry, mapping, header, input, next_row: 1 })
    }

    /// As many blocks as fill a stretch; `None` at the end of the file.
    fn blocks(&mut self, block_size: usize) -> Result<Option<Blocks>, FilesError> {
        let (mut blocks, mut rows, mut size) = (Vec::new(), 0_u64, 0);
        while size < block_size && rows < MAX_ROWS {
            let failed = |source| FilesError::of_io(&self.entry.name, source);
            if self.input.fill_buf().map_err(failed)?.is_empty() {
                break;
            }
            let (count, bytes) = self.block()?;
            (rows, size) = (rows + count, size + bytes.len() + SYNC);
            blocks.push((count, bytes));
        }
        let stored = self.input.get_mut().stored();
        if blocks.is_empty() && stored == 0 {
            return Ok(None);
        }
        let first = self.next_row;
        self.next_row += rows;
        let (mapping, header) = (Arc::clone(&self.mapping), Arc::clone(&self.header));
        let inside = Some(Inside { mapping, header, blocks, first });
        Ok(Some(Blocks { entry: Arc::clone(&self.entry), inside, stored }))
    }

    /// The next block: how many records it says it has, and its bytes.
    fn block(&mut self) -> Result<(u64, Vec<u8>), FilesError> {
        let rows = u64::try_from(self.long()?).ok().filter(|rows| *rows <= MAX_ROWS);
        let size = u64::try_from(self.long()?).ok().filter(|size| *size <= MAX_BLOCK);
        let (Some(rows), Some(size)) = (rows, size) else { return Err(damaged(&self.entry, "a block has no length")) };
        let mut bytes = Vec::new();
        let whole = size + SYNC as u64;
        let failed = |source| FilesError::of_io(&self.entry.name, source);
        Read::by_ref(&mut self.input).take(whole).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 != whole {
            return Err(damaged(&self.entry, "it ends inside a block"));
        }
        if !bytes.ends_with(&self.header.sync) {
            return Err(damaged(&self.entry, "a block does not end as the header says"));
        }
        bytes.truncate(bytes.len() - SYNC);
        Ok((rows, bytes))
    }

    /// A number as Avro writes it: seven bits a byte, the lowest first, zigzag.
    fn long(&mut self) -> Result<i64, FilesError> {
        let mut bits = 0_u64;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            let failed = |source| FilesError::of_io(&self.entry.name, source);
            if self.input.read(&mut byte).map_err(failed)? == 0 {
                return Err(damaged(&self.entry, "it ends inside a block"));
            }
            bits |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] < 0x80 {
                return Ok((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed());
            }
        }
        Err(damaged(&self.entry, "a block has no length"))
    }
}

fn damaged(entry: &Entry, why: &str) -> FilesError {
    FilesError::Damaged { path: entry.name.clone(), what: WHAT, source: why.into() }
}

impl Blocks {
    pub(crate) fn decode(self, decoding: &Decoding, shape: &Shape) -> Result<Decoded, FilesError> {
        let mut decoded = Decoded { bytes: self.stored, file: self.entry.file, ..Decoded::default() };
        let Some(inside) = self.inside else { return Ok(decoded) };
        let name = &self.entry.name;
        let rows = guarded(name, WHAT, || inside.rows())?;
        let places: Vec<Option<usize>> = (0..rows.num_columns()).map(Some).collect();
        let mut read = 0;
        while read < rows.len() {
            let some = rows.slice(read, BATCH_ROWS.min(rows.len() - read));
            let first = inside.first + read as u64;
            read += some.len();
            let mut whole = |numbers: &[usize]| picked(&some, numbers).map_err(in_file(name));
            let rows = some.clone();
            let piece = Piece { entry: &self.entry, mapping: &inside.mapping, rows, places: &places, first };
            decoding.piece(shape, &piece, &mut whole, &mut decoded)?;
        }
        Ok(decoded)
    }
}

impl Inside {
    /// The records of all blocks.
    fn rows(&self) -> Result<StructArray, Failure> {
        let mut stretch = Vec::new();
        let mut expected = 0;
        for (rows, packed) in &self.blocks {
            let bytes = unpack(packed, self.header.codec)?;
            expected += rows;
            // An array comes in blocks, as a file does; the one of no records ends it.
            if *rows > 0 {
                push_long(&mut stretch, *rows);
                stretch.extend_from_slice(&bytes);
            } else if !bytes.is_empty() {
                return Err("a block of no records has bytes".into());
            }
        }
        push_long(&mut stretch, 0);
        stretch.extend_from_slice(MARK);
        let mut file = self.header.around.clone();
        push_long(&mut file, 1);
        push_long(&mut file, stretch.len() as u64);
        file.extend_from_slice(&stretch);
        file.extend_from_slice(&self.header.sync);
        let mut reader = ReaderBuilder::new().with_batch_size(1).build(Cursor::new(file))?;
        let record = reader.next().transpose()?.ok_or("it has no records")?;
        let in_place = record.column(1).as_fixed_size_binary_opt().is_some_and(|mark| mark.value(0) == MARK);
        let lists = record.column(0).as_list_opt::<i32>().ok_or("it has no records")?;
        let rows = lists.value(0).as_struct_opt().ok_or("it has no records")?.clone();
        if !in_place || rows.len() as u64 != expected {
            return Err("the records of a block do not take the bytes that it has".into());
        }
        Ok(rows)
    }
}
