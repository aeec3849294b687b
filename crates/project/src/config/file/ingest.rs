//! `ingest:` of a source's table.

use schemars::JsonSchema;
use serde::Deserialize;

/// The files that a table is loaded from. Every file is loaded exactly once; a run without new files loads nothing.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "an ingest")]
pub(crate) struct IngestFile {
    /// The files: a path, relative to the project's folder, whose parts may hold `*`, `?`, `[…]` and `**`, such as
    /// `"{{ var('incoming', 'incoming') }}/rentals*.csv"`.
    #[schemars(length(min = 1))]
    pub(crate) files: String,
    /// How the files are written: `csv`.
    #[serde(default)]
    pub(crate) format: FormatName,
    /// The options of the format, with Spark's names.
    #[serde(default)]
    pub(crate) options: CsvOptionsFile,
    /// What to do with a column that `columns:` does not have. A column that a file lacks is always an error.
    #[serde(default)]
    pub(crate) on_schema_change: SchemaChange,
    /// What to do with a row that breaks the contract.
    #[serde(default)]
    #[expect(dead_code, reason = "there is one answer yet; the others are refused by name")]
    pub(crate) on_bad_row: BadRow,
    /// What to do with a file once it is loaded.
    #[serde(default)]
    #[expect(dead_code, reason = "there is one answer yet; the others are refused by name")]
    pub(crate) after_load: AfterLoad,
}

/// How files are written.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FormatName {
    /// Comma-separated values (RFC 4180) in UTF-8, with a header line.
    #[default]
    Csv,
}

/// The options of CSV files.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "the options of CSV files")]
pub(crate) struct CsvOptionsFile {
    /// The separator: one ASCII character, `,` by default; `"\t"` is the tab.
    pub(crate) sep: Option<String>,
    /// The quote: one ASCII character, `"` by default. Two of them within quotes are one.
    pub(crate) quote: Option<String>,
    /// The text that stands for null where it is not quoted: the empty text by default.
    #[serde(rename = "nullValue")]
    pub(crate) null_value: Option<String>,
    /// Whether the first line names the columns: always `true`.
    pub(crate) header: Option<bool>,
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
}

/// What to do with a row that breaks the contract.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BadRow {
    /// Refuse the batch and name file, line and reason.
    #[default]
    Fail,
}

/// What to do with a loaded file.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AfterLoad {
    /// Leave it where it is.
    #[default]
    Keep,
}
