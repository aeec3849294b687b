//! CSV files: text records whose cells are separated, by default as RFC 4180 says.
//!
//! | file | owns |
//! |---|---|
//! | `dialect` | the options, checked, and which tokenizer suits them |
//! | `token` | where cells and records end: the common case |
//! | `general` | the same whatever the options |
//! | `scan` | where the last whole record of some bytes ends |
//! | `header` | the header of a file against the contract |
//! | `split` | a file as blocks of whole records, in bounded memory |
//! | `decode` | a block to record batches |
//! | `rescue` | `_rescued_data` |
//! | `replay` | records from quarantine to record batches |
//!
//! # How a file is read
//! As Spark's CSV reader with `header`, `multiLine`, `mode FAILFAST` and `escape '"'` reads it. Where Spark would guess
//! or lose something, the value is refused instead, and never given another meaning. (Looked up in Spark's sources and
//! tried with PySpark 4.2.1.)
//!
//! Records
//! - A byte order mark says the encoding, else `encoding` does, UTF-8 by default. What is no text in it costs its record.
//! - A line ends with `\n`, `\r\n` or a lone `\r`, or with `lineSep` alone; each is one line in the line numbers, inside
//!   quotes too.
//! - A quote means something only as a cell's first character; inside, a doubled quote is one quote, or `escape` makes it
//!   one. Blanks after the closing quote are dropped; any other text there is refused (Spark takes the whole cell as it
//!   stands). See `token` for quotes that do not close, and `general` for lenient ones.
//! - Passed over, and counted: empty lines, comments, lines before the header, headers (one that is repeated inside the
//!   file included), the footer. A line of blanks is a record, unless blanks around cells are ignored.
//! - A record with too few or too many cells is refused, or as `ragged` says. A record of more than 64 MB is refused.
//! - A file without a record, or without a byte, has no rows.
//!
//! Null
//! - An empty cell without quotes is null, in every type; so is a text of `nullValue`.
//! - In a string column, quotes make text: `""` is the empty string (or `emptyValue`), and a quoted text of `nullValue`
//!   is that text. (Spark by default makes null of both.) In other types quotes make no difference. The `null_values` of
//!   a column are null in quotes, too.

mod decode;
pub(crate) mod dialect;
pub(crate) mod general;
pub(crate) mod header;
mod replay;
mod rescue;
mod scan;
mod split;
pub(crate) mod token;

use std::sync::Arc;

use headwater_plan::ingest::Ragged;
use headwater_plan::{CsvOptions, Field, FileFormat};

pub(crate) use replay::replay;
pub(crate) use split::{Block, Splitter};

use super::contract::{self, Column};
use super::open::Sources;
use super::value::text::Nulls;
use super::{FilesError, LoadOptions};
use dialect::Dialect;
use header::Mapping;

/// What decoding needs to know; nothing in it changes.
#[derive(Debug)]
pub(crate) struct Decoding {
    dialect: Arc<Dialect>,
    columns: Vec<Column>,
    null_values: Vec<String>,
    empty_value: Option<String>,
    ragged: Ragged,
}

impl Decoding {
    fn new(csv: &CsvOptions, options: &LoadOptions) -> Result<Self, FilesError> {
        let columns = contract::compile(&options.contract, &options.format, options.stamp)
            .map_err(|problems| FilesError::Contract { problems })?;
        Ok(Self {
            dialect: Arc::new(Dialect::new(csv)?),
            columns,
            null_values: csv.null_values.clone(),
            empty_value: csv.empty_value.clone(),
            ragged: csv.ragged,
        })
    }

    fn nulls(&self) -> Nulls<'_> {
        Nulls { texts: &self.null_values, quoted: false, empty: self.empty_value.as_deref() }
    }

    fn mapping<'a>(&'a self, options: &'a LoadOptions) -> Mapping<'a> {
        Mapping {
            contract: &options.contract,
            columns: &self.columns,
            on_schema_change: options.on_schema_change,
            sep: self.dialect.sep(),
            quote: self.dialect.general.quote.map(char::from),
            header: self.dialect.header,
        }
    }
}

/// CSV files, ready to be read.
pub(crate) struct Planned {
    pub(crate) splitter: Splitter,
    pub(crate) decoding: Decoding,
    /// The columns that the files have beside the contract's, if such are added.
    pub(crate) added: Vec<Field>,
}

/// Checks the options, the contract, and every file's header against it. Blocking: opens every file.
pub(crate) fn plan(sources: &Arc<Sources>, options: &LoadOptions) -> Result<Planned, FilesError> {
    let FileFormat::Csv(csv) = &options.format else { return Err(FilesError::Stopped) };
    let decoding = Decoding::new(csv, options)?;
    let (files, added) = header::plan_files(sources, &decoding.dialect, &decoding.mapping(options))?;
    let splitter = Splitter::new(Arc::clone(sources), files, Arc::clone(&decoding.dialect));
    Ok(Planned { splitter, decoding, added })
}
