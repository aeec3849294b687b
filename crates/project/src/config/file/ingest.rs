//! `ingest:` of a source's table.

use schemars::JsonSchema;
use serde::Deserialize;

use super::options::OptionsFile;
use super::{Amount, OneOrMany};

/// The files that a table is loaded from. Every good row of every file is in the table exactly once; a run without new
/// files loads nothing.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "an ingest")]
pub(crate) struct IngestFile {
    /// The files: a path, relative to the project's folder, or an `s3://` URL, whose parts may hold `*`, `?`, `[…]` and
    /// `**`, such as `"{{ var('incoming', 'incoming') }}/rentals*.csv"`. A folder `day=2024-05-01` below the fixed part
    /// gives the column `day` its value, if the contract has it and the file has not.
    #[schemars(length(min = 1))]
    pub(crate) files: String,
    /// How the files are written. By default what the pattern ends with says it (`*.json.gz` is `json`), else `csv`.
    pub(crate) format: Option<FormatName>,
    /// How the files are packed. By default each file's first bytes say it.
    #[serde(default)]
    pub(crate) compression: CompressionName,
    /// The options of the format, with Spark's names.
    #[serde(default)]
    pub(crate) options: OptionsFile,
    /// What to do with a column that `columns:` does not have. A column that a file lacks is an error, unless it has a
    /// `default`.
    #[serde(default)]
    pub(crate) on_schema_change: SchemaChange,
    /// What to do with a row that breaks the contract.
    #[serde(default)]
    pub(crate) on_bad_row: BadRow,
    /// How many rows of a batch may break the contract: a number (`100`) or a share (`1%`). Past it the batch fails, and
    /// nothing of it is visible. By default any number.
    #[expect(dead_code, reason = "its text, as it was written, is what counts")]
    pub(crate) max_bad_rows: Option<Amount>,
    /// What to do with a file that was loaded and has other content now.
    #[serde(default)]
    pub(crate) on_file_change: FileChange,
    /// What to do with a file once its rows are committed.
    #[serde(default)]
    pub(crate) after_load: AfterLoadFile,
    /// How long a file must have been left alone before it is loaded, as it may still be growing: `5s` by default; `0s`
    /// where files arrive whole. Objects in a bucket are whole by nature.
    #[expect(dead_code, reason = "its text, as it was written, is what counts")]
    pub(crate) settle: Option<Amount>,
    /// How many files are loaded in one commit at most: 10000 by default.
    #[schemars(range(min = 1))]
    pub(crate) max_files_per_batch: Option<u64>,
    /// How many bytes are loaded in one commit at most, as the files are stored, such as `10GB`: `64GiB` by default. A
    /// larger file is loaded on its own.
    #[expect(dead_code, reason = "its text, as it was written, is what counts")]
    pub(crate) max_bytes_per_batch: Option<Amount>,
    /// The columns whose values are folders of the table: few values each, such as a day.
    pub(crate) partition_by: Option<OneOrMany>,
    /// The columns by which `headwater tables optimize` sorts rows, so that who asks for some values skips most files.
    pub(crate) cluster_by: Option<OneOrMany>,
    /// Once so many small files (below 16 MB) are in a partition, a load compacts them. By default only
    /// `headwater tables optimize` does.
    #[schemars(range(min = 2))]
    pub(crate) compact_after_files: Option<u32>,
}

/// How files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FormatName {
    /// Separated values: RFC 4180 with a header line, unless `options` say otherwise.
    Csv,
    /// JSON: an object on each line, or arrays of objects.
    Json,
    /// Apache Parquet.
    Parquet,
    /// Apache Avro object container files.
    Avro,
}

/// How files are packed.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CompressionName {
    /// By each file's first bytes.
    #[default]
    Auto,
    /// Not at all.
    None,
    /// Gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// Bzip2.
    Bzip2,
    /// Zip archives: every file in one is read.
    Zip,
}

/// What to do with a column that the contract has not.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SchemaChange {
    /// Refuse the file: nothing of the batch is loaded.
    #[default]
    Fail,
    /// Leave the column out.
    Ignore,
    /// Add the column to the table: as `string` from CSV and JSON, with its own type from Parquet and Avro.
    AddColumns,
    /// Keep its values as JSON in the column `_rescued_data`.
    Rescue,
}

/// What to do with a row that breaks the contract.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BadRow {
    /// Set it aside in the table `…_quarantine`, with file, line, raw text and every reason.
    #[default]
    Quarantine,
    /// Refuse the batch and name file, line and reason.
    Fail,
}

/// What to do with a file that was loaded and has other content now.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FileChange {
    /// Load nothing of the source until somebody has decided.
    #[default]
    Fail,
    /// Leave it alone: what was loaded stays.
    Ignore,
    /// Load it as a new file, beside what was loaded from it before.
    LoadAgain,
}

/// What to do with a loaded file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum AfterLoadFile {
    /// Leave it or delete it.
    Name(AfterLoadName),
    /// Move it away.
    Archive(ArchiveFile),
}

impl Default for AfterLoadFile {
    fn default() -> Self {
        Self::Name(AfterLoadName::Keep)
    }
}

/// What to do with a loaded file, in one word.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AfterLoadName {
    /// Leave it where it is.
    Keep,
    /// Delete it.
    Delete,
}

/// Where loaded files are moved to.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "an archive")]
pub(crate) struct ArchiveFile {
    /// The folder: a path, relative to the project's folder, or for files of a bucket a URL of the same bucket. A file
    /// keeps its path below the fixed part of `files`.
    #[schemars(length(min = 1))]
    pub(crate) archive: String,
}
