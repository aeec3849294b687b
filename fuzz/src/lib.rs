//! What the fuzz targets share: bytes to choices, and a file to load.

use std::io::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use headwater_connect::files::{FilesError, Load, LoadOptions, SourceFile, Stores};
use headwater_plan::{Compression, Contract, FileFormat, OnSchemaChange};
use tempfile::NamedTempFile;

/// Takes choices from the front of a fuzzer's bytes; when they are used up, everything is the first choice.
#[derive(Debug)]
pub struct Choices<'a> {
    rest: &'a [u8],
}

impl<'a> Choices<'a> {
    /// Of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first
    }

    /// One of several.
    pub fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[usize::from(self.byte()) % of.len()].clone()
    }

    /// Yes or no.
    pub fn flag(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    /// A short text, of so many bytes as the next one says.
    pub fn text(&mut self) -> String {
        let length = usize::from(self.byte() % 32).min(self.rest.len());
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        String::from_utf8_lossy(text).into_owned()
    }

    /// What is left.
    pub fn rest(self) -> &'a [u8] {
        self.rest
    }
}

/// Options of a load that keeps nothing back.
pub fn options(format: FileFormat, contract: Contract, on_schema_change: OnSchemaChange) -> LoadOptions {
    LoadOptions {
        format,
        compression: Compression::None,
        contract,
        on_schema_change,
        ingested_at: DateTime::UNIX_EPOCH,
        run_id: "fuzz".to_owned(),
        stamp: true,
        rescue: true,
        root: None,
        check: None,
    }
}

/// A file of these bytes, as it would be listed; it is gone when the first value is dropped.
pub fn file(content: &[u8]) -> (NamedTempFile, SourceFile) {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(content).expect("room for it");
    let metadata = file.as_file().metadata().expect("its metadata");
    let changed = DateTime::<Utc>::from(metadata.modified().expect("a time of change"));
    let path = file.path().to_str().expect("a path of text").to_owned();
    let tag = changed.to_rfc3339_opts(SecondsFormat::Nanos, true);
    (file, SourceFile { path, size: metadata.len(), tag })
}

/// What a load gave: rows, refused records with their lines, bytes.
#[derive(Debug, Default, PartialEq)]
pub struct Loaded {
    /// Each row as its cells, written out.
    pub rows: Vec<String>,
    /// The lines and texts of the refused records.
    pub rejected: Vec<(u64, String, usize)>,
    /// What was passed over.
    pub skipped: headwater_plan::Skipped,
    /// The bytes that were accounted for.
    pub bytes: u64,
}

/// Loads a file in blocks of that size, and holds its records against its rows.
///
/// # Panics
/// A record got lost or doubled.
pub fn load(
    file: SourceFile,
    options: LoadOptions,
    block_size: usize,
    max_record: usize,
) -> Result<Loaded, FilesError> {
    let load = Load::new(vec![file], options, &Stores::local())?.with_limits(block_size, max_record);
    let mut loaded = Loaded::default();
    while let Some(block) = load.next_block()? {
        let decoded = load.decode(block)?;
        let rows: usize = decoded.batches.iter().map(|batch| batch.num_rows()).sum();
        assert_eq!(decoded.records, (rows + decoded.rejected.len()) as u64, "records in are rows and refused ones out");
        loaded.rows.extend(decoded.batches.iter().flat_map(|batch| {
            (0..batch.num_rows()).map(|row| format!("{:?}", batch.slice(row, 1).columns())).collect::<Vec<_>>()
        }));
        loaded.rejected.extend(decoded.rejected.into_iter().map(|record| {
            assert!(!record.reasons.is_empty(), "a record is refused for a reason");
            let told = record.diagnostic();
            (record.line, record.raw, told.message.len())
        }));
        loaded.skipped += decoded.skipped;
        loaded.bytes += decoded.bytes;
    }
    Ok(loaded)
}
