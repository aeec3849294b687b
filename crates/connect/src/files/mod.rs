//! CSV files, typed by a contract: the way in for every row, so the first rule is that no record is lost or changed
//! unseen. Each record becomes a row or a [`Rejected`] with all its reasons, and `records` counts both.
//!
//! | file | owns |
//! |---|---|
//! | `list` | files by pattern |
//! | `header` | the header of a file against the contract |
//! | `token` | where cells and records end |
//! | `split` | a file as blocks of whole records, in bounded memory |
//! | `load` | [`Load`]: what worker threads share |
//! | `decode` | a block to record batches |
//! | `column` | the cells of a column to Arrow |
//! | `number`, `datetime`, `pattern` | text to values |
//! | `contract` | the contract, checked and compiled to parsers |
//! | `reject` | why a record was refused |
//! | `infer` | a contract from a seed file |
//! | `error` | [`FilesError`] |
//!
//! # How a file is read
//! As Spark's CSV reader with `header`, `multiLine`, `mode FAILFAST` and `escape '"'` reads it. Where Spark would guess
//! or lose something, the value is refused instead, and never given another meaning. (Looked up in Spark's sources and
//! tried with PySpark 4.2.1.)
//!
//! Records
//! - UTF-8, with or without byte order mark. Other bytes are refused record by record.
//! - A line ends with `\n`, `\r\n` or a lone `\r`; each is one line in the line numbers, inside quotes too.
//! - A quote means something only as a cell's first character; inside, a doubled quote is one quote. Blanks after the
//!   closing quote are dropped; any other text there is refused (Spark takes the whole cell as it stands).
//! - An empty line is no record; `blank_lines` counts them. A line of blanks is a record.
//! - A record with too few or too many cells is refused.
//!
//! Null
//! - An empty cell without quotes is null, in every type; so is the text of `null_value`.
//! - In a string column, quotes make text: `""` is the empty string, and the quoted `null_value` is that text. (Spark
//!   by default makes null of both.) In other types quotes make no difference.
//!
//! Values
//! - Strings keep their blanks.
//! - Integers: an optional sign and digits. No blanks, point or exponent.
//! - Decimals: an optional sign, digits, point, exponent. Digits beyond the scale round half up, as in Spark; what then
//!   needs more digits than the precision is refused. `1,5` is refused: Spark would drop the comma and read 15.
//! - Float and double: the nearest value; blanks around are dropped; `NaN`, `Inf`, `-Inf`, `Infinity`, `-Infinity`. Text
//!   too large for the type is refused (Spark: infinity), so are Java's `1d` and `0x1p3`.
//! - Boolean: `true` and `false` in any case.
//! - Dates without `format`: `yyyy-M-d`. With a time behind it it is refused (Spark drops the time).
//! - Timestamps without `format`: `yyyy-M-d`, then after a blank or `T` `H:m`, `:s`, a fraction of 1 to 9 digits (cut to
//!   microseconds), and `Z`, `UTC`, `GMT` or an offset; UTC without one. Blanks around are dropped, here and for dates.
//! - With `format`: Spark's patterns, tried in order, strictly: nothing before, behind or missing. See [`check_contract`]
//!   for the letters.

mod column;
mod contract;
mod datetime;
mod decode;
mod error;
mod header;
mod infer;
mod list;
mod load;
mod number;
mod pattern;
mod reject;
mod split;
mod token;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use headwater_plan::ingest::OnSchemaChange;
use headwater_plan::{Contract, FileFormat};
use serde::{Deserialize, Serialize};

pub use contract::{ContractProblem, ContractProblemKind, check_contract};
pub use decode::Decoded;
pub use error::FilesError;
pub use header::{HeaderProblem, HeaderProblemKind, read_header};
pub use infer::infer_contract;
pub use list::list;
pub use load::Load;
pub use reject::{Reason, Rejected};
pub use split::Block;

/// A file as it was listed: loading it later checks that it is still the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceFile {
    /// The absolute path.
    pub path: String,
    /// The size in bytes.
    pub size: u64,
    /// The time of the last change, RFC 3339 with nanoseconds.
    pub tag: String,
}

/// How files are loaded.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// How the files are written.
    pub format: FileFormat,
    /// What their columns must be.
    pub contract: Contract,
    /// What to do with a column that the contract has not.
    pub on_schema_change: OnSchemaChange,
    /// The instant that `_ingested_at` gets.
    pub ingested_at: DateTime<Utc>,
    /// The run that `_run_id` gets.
    pub run_id: String,
    /// Whether rows carry `_source_file`, `_source_line`, `_ingested_at` and `_run_id`; seeds do not.
    pub stamp: bool,
}
