//! JSON files: one object a line, or arrays of objects; a file's first character tells which. Records are found by a
//! scanner that survives those that are none, and their values go through the parsers of every format.
//!
//! - A field is found by its name, without regard to case; a `source_name` with points goes into objects. A field that is
//!   not there is null, or what the column's `default` or the file's folder says.
//! - A string column takes any value: text without its quotes, all else as it stands. Every other type takes a value by
//!   its text: `"5"` and `5` are one `int`, `1.0` is none.
//! - Arrays, maps and structs take arrays and objects; binary takes base64. What no field of a struct takes is left out.
//! - A field that fills a column twice, a number with a needless zero, half a surrogate: the record is refused.
//! - Which fields there are nobody knows before the file is read. A wrong one is refused when its line comes, at the
//!   latest; to add new ones as columns, the files are read through once beforehand.

mod decode;
pub(crate) mod elements;
mod names;
mod nested;
pub(crate) mod scan;
mod split;

use std::collections::HashSet;
use std::io::Read;
use std::sync::Arc;

use headwater_plan::{Contract, ContractColumn, DataType, Field, FileFormat, JsonOptions, Location, OnSchemaChange};

use self::decode::Decoder;
use self::elements::{Elements, Extent};
use self::names::Names;
use self::split::{Current, Writing};
use super::contract::{self, Column, Parser, is_reserved};
use super::encoding::{self, Encoding, Text};
use super::input::Input;
use super::load::{BLOCK_SIZE, MAX_RECORD};
use super::open::{Entry, Sources};
use super::schema::{self, SchemaProblem, SchemaProblemKind};
use super::shape::Shape;
use super::tree::Tree;
use super::{Decoded, FilesError, LoadOptions, QuarantinedRow};

pub(crate) use self::decode::Decoding;
pub(crate) use self::nested::{above, map_array};
pub(crate) use self::split::{Block, Splitter};

/// How much of a file is looked at before it is loaded.
const HEAD: usize = 64 << 10;

/// A load of JSON files, ready to begin.
pub(crate) struct Planned {
    pub(crate) splitter: Splitter,
    pub(crate) decoding: Decoding,
    pub(crate) added: Vec<Field>,
}

/// Looks at every file.
pub(crate) fn plan(sources: &Arc<Sources>, options: &LoadOptions) -> Result<Planned, FilesError> {
    let FileFormat::Json(json) = &options.format else { return Err(FilesError::Stopped) };
    let encoding = Encoding::of(&json.encoding)?;
    let declared = Names::new(&options.contract, &[]);
    // The contract's own problems come first.
    compiled(options, &[])?;
    let adds = options.on_schema_change == OnSchemaChange::AddColumns;
    let looked = sources.look(|entry, input| look(entry, input, encoding, adds.then_some(&declared)))?;
    let mut unknown = Vec::new();
    let mut problems = Vec::new();
    let mut entries = Vec::with_capacity(looked.len());
    for looked in looked {
        if options.on_schema_change == OnSchemaChange::Fail {
            problems.extend(unexpected(&looked, &declared));
        }
        unknown.extend(looked.names.into_iter().filter(|(name, _)| adds && declared.find(name).is_none()));
        entries.push((looked.entry, looked.writing));
    }
    schema::refuse(problems)?;
    let added = added(unknown.into_iter().map(|(name, _)| name))?;
    let decoding = Decoding { nulls: json.null_values.clone(), encoding, ..compiled(options, &added)? };
    Ok(Planned { splitter: Splitter::new(sources, entries, encoding), decoding, added })
}

fn compiled(options: &LoadOptions, added: &[Field]) -> Result<Decoding, FilesError> {
    let refused = |problems| FilesError::Contract { problems };
    let format = FileFormat::Json(JsonOptions::default());
    let mut columns = contract::compile(&options.contract, &format, options.stamp).map_err(refused)?;
    let declared = columns.len();
    let extra = added
        .iter()
        .map(|field| ContractColumn::new(&field.name, DataType::String, Location::line(std::path::PathBuf::new(), 1)));
    let extra = Contract { columns: extra.collect(), constraints: Vec::new() };
    columns.extend(contract::compile(&extra, &format, false).map_err(refused)?);
    let tree = |column: &Column| match column.parser {
        Parser::NoText => Tree::of((*column.declared).clone(), &format).map(Some).map_err(refused),
        _ => Ok(None),
    };
    Ok(Decoding {
        trees: columns.iter().map(tree).collect::<Result<_, _>>()?,
        columns,
        declared,
        names: Names::new(&options.contract, added),
        nulls: Vec::new(),
        encoding: Encoding::UTF_8,
        on_schema_change: options.on_schema_change,
        replaying: false,
    })
}

/// The columns of fields that the contract has not, each once.
fn added(names: impl Iterator<Item = String>) -> Result<Vec<Field>, FilesError> {
    let mut seen = HashSet::new();
    let unique = names.filter(|name| !name.is_empty() && !is_reserved(name) && seen.insert(name.to_lowercase()));
    Ok(unique.map(|name| Field::new(name, DataType::String)).collect())
}

/// What a look at a file told.
struct Looked {
    entry: Arc<Entry>,
    writing: Writing,
    /// The names of fields, and the line of each one's first record.
    names: Vec<(String, u64)>,
}

/// Looks at a file's beginning, or through all of it if fields may be `added` that these names are not.
fn look(entry: &Arc<Entry>, input: Input, encoding: Encoding, added: Option<&Names>) -> Result<Looked, FilesError> {
    let mut text = Text::new(input, encoding)?;
    let mut head = Vec::new();
    let failed = |error| FilesError::of_io(&entry.name, error);
    Read::by_ref(&mut text).take(HEAD as u64).read_to_end(&mut head).map_err(failed)?;
    let at_end = head.len() < HEAD;
    let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
    let writing = if first == Some(&b'[') { Writing::Array } else { Writing::Lines };
    let mut names = Fields::default();
    match added {
        None => {
            let (extents, _) = match writing {
                Writing::Array => Elements::default().scan(&head, at_end),
                Writing::Lines => (lines(&head, at_end), 0),
            };
            let mut line = 1;
            let mut from = 0;
            for extent in extents {
                line += memchr::memchr_iter(b'\n', &head[from..extent.start]).count() as u64;
                from = extent.start;
                names.see(&head, extent, line);
            }
        }
        Some(declared) => {
            let mut current = Current::of_text(Arc::clone(entry), text, head, writing);
            while let Some(block) = current.block(Vec::new(), (BLOCK_SIZE, MAX_RECORD))? {
                for (extent, line) in block.records(&mut 0) {
                    names.see(&block.buffer, extent, line);
                }
                names.seen.retain(|(name, _)| declared.find(name).is_none());
            }
        }
    }
    Ok(Looked { entry: Arc::clone(entry), writing, names: names.seen })
}

/// The whole lines of a file's beginning.
fn lines(head: &[u8], at_end: bool) -> Vec<Extent> {
    let mut found = Vec::new();
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', head).chain(at_end.then_some(head.len())) {
        found.push(Extent { start, end, problem: None });
        start = end + 1;
    }
    found
}

/// The names of fields that were seen.
#[derive(Default)]
struct Fields {
    seen: Vec<(String, u64)>,
    /// The same, as they are written in the file.
    written: HashSet<Vec<u8>>,
}

impl Fields {
    fn see(&mut self, bytes: &[u8], extent: Extent, line: u64) {
        let mut members = Vec::new();
        if extent.start >= extent.end || scan::object(bytes, extent.start, extent.end, &mut members).is_err() {
            return;
        }
        for member in members {
            let written = &bytes[member.name.start..member.name.end];
            if self.written.contains(written) {
                continue;
            }
            self.written.insert(written.to_vec());
            if let Ok(text) = std::str::from_utf8(written) {
                let whole = scan::Span { start: 0, end: text.len(), ..member.name };
                self.seen.push((whole.text(text).into_owned(), line));
            }
        }
    }
}

/// The fields that the contract has not.
fn unexpected(looked: &Looked, declared: &Names) -> Vec<SchemaProblem> {
    let mut seen = HashSet::new();
    let unknown = looked.names.iter().filter(|(name, _)| declared.find(name).is_none());
    let once = unknown.filter(|(name, _)| seen.insert(name.to_ascii_lowercase()));
    let problems = once.map(|(name, line)| SchemaProblem {
        path: looked.entry.name.clone(),
        line: *line,
        kind: SchemaProblemKind::Unexpected { column: name.clone() },
    });
    problems.collect()
}

/// Reads quarantined records of JSON, and those of Parquet and Avro, which are kept as JSON.
pub(crate) fn replay(rows: Vec<QuarantinedRow>, options: &LoadOptions) -> Result<Decoded, FilesError> {
    let json = match &options.format {
        FileFormat::Json(json) => json.clone(),
        _ => JsonOptions::default(),
    };
    let encoding = Encoding::of(&json.encoding)?;
    let mut names = Fields::default();
    if options.on_schema_change == OnSchemaChange::AddColumns {
        for row in &rows {
            names.see(row.raw.as_bytes(), Extent { start: 0, end: row.raw.len(), problem: None }, row.line);
        }
    }
    let declared = Names::new(&options.contract, &[]);
    let unknown = names.seen.into_iter().map(|(name, _)| name).filter(|name| declared.find(name).is_none());
    let added = added(unknown)?;
    let decoding = Decoding { nulls: json.null_values, encoding, replaying: true, ..compiled(options, &added)? };
    let shape = Shape::new(options, added);
    let mut all = Decoded::default();
    for rows in rows.chunk_by(|one, next| one.file == next.file) {
        let Some(first) = rows.first() else { continue };
        let entry = Entry::named(&first.file, options.root.as_deref());
        let mut decoder = Decoder::new(&decoding, &shape, &entry, encoding);
        let mut bytes = Vec::new();
        let mut records = Vec::with_capacity(rows.len());
        for row in rows {
            let start = bytes.len();
            match &row.raw_bytes {
                Some(original) => {
                    let (encoding, mark) = encoding.marked(original);
                    bytes.extend(encoding::decoded(&original[mark..], encoding));
                }
                None => bytes.extend_from_slice(row.raw.as_bytes()),
            }
            records.push((Extent { start, end: bytes.len(), problem: None }, row.line));
            bytes.push(b'\n');
        }
        decoder.bytes(&bytes, records, usize::MAX)?;
        let decoded = decoder.finish();
        all.records += decoded.records;
        all.batches.extend(decoded.batches);
        all.rejected.extend(decoded.rejected);
    }
    Ok(all)
}
