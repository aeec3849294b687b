//! `options:` of an ingest: how files are written, in Spark's names where Spark has one.

use schemars::JsonSchema;
use serde::Deserialize;

use super::OneOrMany;

/// The options of the files' format. All are for CSV; JSON has `encoding` and `nullValue`, Parquet and Avro have none.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "the options of the files")]
pub(crate) struct OptionsFile {
    /// The separator: one or several characters, `,` by default; `"\t"` is the tab.
    #[schemars(length(min = 1))]
    pub(crate) sep: Option<String>,
    /// The quote: one ASCII character, `"` by default. The empty text: quotes mean nothing.
    pub(crate) quote: Option<String>,
    /// What makes a quote within quotes text: one ASCII character. By default the quote itself, twice.
    pub(crate) escape: Option<String>,
    /// Whether each file names its columns: `true` by default. Without, they are those of `columns:`, in order.
    pub(crate) header: Option<bool>,
    /// The encoding: `UTF-8` by default; `UTF-16LE`, `ISO-8859-1`, `windows-1252` and every other that browsers know. A
    /// byte order mark takes precedence.
    #[schemars(length(min = 1))]
    pub(crate) encoding: Option<String>,
    /// What ends a line: by default `"\n"`, `"\r\n"` and `"\r"` all do.
    #[serde(rename = "lineSep")]
    #[schemars(length(min = 1))]
    pub(crate) line_sep: Option<String>,
    /// A line that begins with this character is skipped.
    pub(crate) comment: Option<String>,
    /// Whether a quoted cell may go on over several lines: `true` by default.
    #[serde(rename = "multiLine")]
    pub(crate) multi_line: Option<bool>,
    /// The text or texts that stand for null where they are not quoted; the empty text always does.
    #[serde(rename = "nullValue")]
    pub(crate) null_value: Option<OneOrMany>,
    /// What a quoted empty cell of a `string` column becomes: the empty text by default.
    #[serde(rename = "emptyValue")]
    pub(crate) empty_value: Option<String>,
    /// Whether blanks before a value are dropped: `false` by default.
    #[serde(rename = "ignoreLeadingWhiteSpace")]
    pub(crate) ignore_leading_white_space: Option<bool>,
    /// Whether blanks behind a value are dropped: `false` by default.
    #[serde(rename = "ignoreTrailingWhiteSpace")]
    pub(crate) ignore_trailing_white_space: Option<bool>,
    /// How many lines to skip before the header.
    pub(crate) skip_rows: Option<u64>,
    /// Over how many lines the header goes: 1 by default. The names of a column are joined by a blank.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) header_rows: Option<u32>,
    /// How many records to skip at the end.
    pub(crate) footer_rows: Option<u64>,
    /// What to do with a record of too few or too many cells.
    pub(crate) ragged: Option<RaggedName>,
    /// What a quote in the wrong place means.
    pub(crate) quotes: Option<QuotesName>,
}

/// What to do with a record of too few or too many cells.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RaggedName {
    /// It is a bad row: the default.
    Quarantine,
    /// Missing cells are null; too many are still a bad row.
    Pad,
    /// Missing cells are null; cells too many go to `_rescued_data`.
    Rescue,
}

/// What a quote in the wrong place means.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum QuotesName {
    /// Text behind a closing quote makes a bad row, and so does a quote that never closes: the default.
    Strict,
    /// A stray quote inside a cell is text, and a cell that never closes ends with its line.
    Lenient,
}
