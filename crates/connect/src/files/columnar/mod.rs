//! Parquet and Avro: files that say what their columns are. Their columns are held against the contract before a row is
//! read; a row that the contract does not hold is refused like a record of text, and kept as JSON.
//!
//! | file | owns |
//! |---|---|
//! | `parquet`, `avro` | files as batches, in bounded memory |
//! | `codec` | the packings of Avro's blocks |
//! | `mapping` | which column fills which |
//! | `convert`, `types` | the types of files to those of tables |
//! | `decode` | batches of a file to those of the table |
//! | `record` | a row as JSON |

mod avro;
mod codec;
mod convert;
mod decode;
mod mapping;
mod parquet;
mod record;
mod types;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use headwater_plan::{Field, FileFormat, OnSchemaChange};

use self::mapping::{Mapping, Wanted, added, shared};
use super::open::{Entry, Sources};
use super::schema::{self, SchemaProblem};
use super::{Decoded, FilesError, LoadOptions};
use crate::files::shape::Shape;

pub(crate) use self::decode::Decoding;

/// A load of Parquet or Avro files, ready to begin.
pub(crate) struct Planned {
    pub(crate) reader: Reader,
    pub(crate) decoding: Arc<Decoding>,
    pub(crate) added: Vec<Field>,
}

/// Reads files one after another.
#[derive(Debug)]
pub(crate) enum Reader {
    Parquet(parquet::Reader),
    Avro(Box<avro::Reader>),
}

/// A stretch of one file.
#[derive(Debug)]
pub(crate) enum Block {
    Parquet(parquet::Lease),
    Avro(avro::Blocks),
}

impl Reader {
    pub(crate) fn next(&mut self) -> Result<Option<Block>, FilesError> {
        match self {
            Self::Parquet(reader) => reader.next().map(|block| block.map(Block::Parquet)),
            Self::Avro(reader) => reader.next().map(|block| block.map(Block::Avro)),
        }
    }

    pub(crate) fn limits(&mut self, block_size: usize) {
        match self {
            Self::Parquet(reader) => reader.limits(block_size),
            Self::Avro(reader) => reader.limits(block_size),
        }
    }
}

/// Looks at every file's columns.
pub(crate) fn plan(sources: &Arc<Sources>, options: &LoadOptions) -> Result<Planned, FilesError> {
    let format = &options.format;
    let parquet = *format == FileFormat::Parquet;
    let mut wanted = Wanted::new(&options.contract, format, options.stamp)?;
    wanted.on_schema_change = options.on_schema_change;
    let looked: Vec<(Arc<Entry>, Option<SchemaRef>)> = sources.look(|entry, input| {
        // Not a byte is no rows, of every format.
        let schema = match entry.is_empty() {
            true => None,
            false if parquet => Some(parquet::schema(sources, entry)?),
            false => Some(avro::Header::read(input, entry)?.schema),
        };
        Ok((Arc::clone(entry), schema))
    })?;
    let mut problems: Vec<SchemaProblem> = Vec::new();
    let mut entries: Vec<(Arc<Entry>, Option<Arc<Mapping>>)> = Vec::with_capacity(looked.len());
    let mut last: Option<(Arc<Entry>, Arc<Mapping>)> = None;
    for (entry, schema) in looked {
        let Some(schema) = schema else {
            entries.push((entry, None));
            continue;
        };
        // Thousands of files that are alike share one mapping.
        let before = last.as_ref().and_then(|(other, mapping)| shared(mapping, &schema, (&entry, other)));
        let mapping = match before {
            Some(mapping) => mapping,
            None => match Mapping::new(schema, &entry, &wanted) {
                Ok(mapping) => Arc::new(mapping),
                Err(found) => {
                    problems.extend(found);
                    continue;
                }
            },
        };
        last = Some((Arc::clone(&entry), Arc::clone(&mapping)));
        entries.push((entry, Some(mapping)));
    }
    schema::refuse(problems)?;
    let mut columns = Vec::new();
    if options.on_schema_change == OnSchemaChange::AddColumns {
        let mapped = entries.iter().filter_map(|(entry, mapping)| Some((&**entry, &**mapping.as_ref()?)));
        match added(mapped, format) {
            Ok(found) => columns = found,
            Err(found) => schema::refuse(found)?,
        }
    }
    let fields = columns.iter().map(|(field, _)| field.clone()).collect();
    let decoding = Arc::new(Decoding::new(wanted, columns, options.rescue));
    let reader = if parquet {
        Reader::Parquet(parquet::Reader::new(sources, entries, &decoding))
    } else {
        Reader::Avro(Box::new(avro::Reader::new(sources, entries)))
    };
    Ok(Planned { reader, decoding, added: fields })
}

impl Decoding {
    pub(crate) fn decode(&self, shape: &Shape, block: Block) -> Result<Decoded, FilesError> {
        match block {
            Block::Parquet(lease) => lease.decode(self, shape),
            Block::Avro(blocks) => blocks.decode(self, shape),
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs a reader of somebody else's, which damaged bytes may make panic: then the file is damaged, and not we.
fn guarded<T>(path: &str, what: &'static str, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, FilesError> {
    let damaged = |source| FilesError::Damaged { path: path.to_owned(), what, source };
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| ours(path, error).unwrap_or_else(damaged)),
        Err(_) => Err(damaged("its bytes make no sense to the reader".into())),
    }
}

/// What one of our own inputs said inside of a reader's error.
fn ours(path: &str, error: Failure) -> Result<FilesError, Failure> {
    match error.downcast::<std::io::Error>() {
        Ok(error) if FilesError::is_in(&error) => Ok(FilesError::of_io(path, *error)),
        Ok(error) => Err(error),
        Err(other) => other.downcast::<FilesError>().map(|inner| *inner),
    }
}
