//! `generate:` of a table and of a column.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Plain;

/// How `headwater generate` fills a table.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a generated table")]
pub(crate) struct GenerateTableFile {
    /// The rows: 1000 by default.
    #[schemars(range(min = 0))]
    pub(crate) rows: Option<u64>,
    /// Whether `headwater generate --rows N` scales this table: the one with the most rows gets N, the others in
    /// proportion. Tables without it keep their rows.
    #[serde(default)]
    pub(crate) scale: bool,
}

/// What `headwater generate` fills a column with: one kind of value, and the share of empty cells.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a generated column")]
pub(crate) struct HintFile {
    /// Numbers in a row, with a text before each: `L1`, `L2`, …
    pub(crate) sequence: Option<SequenceFile>,
    /// A unique hexadecimal id of that many digits.
    #[schemars(range(min = 1, max = 16))]
    pub(crate) hex: Option<u8>,
    /// Whole numbers.
    pub(crate) integer: Option<IntegerFile>,
    /// Exact decimals.
    pub(crate) decimal: Option<DecimalFile>,
    /// One of these values: a list, or a mapping of each value to its weight.
    pub(crate) choice: Option<ChoiceFile>,
    /// First names.
    pub(crate) first_name: Option<bool>,
    /// Family names.
    pub(crate) last_name: Option<bool>,
    /// First and family names.
    pub(crate) full_name: Option<bool>,
    /// Names of companies.
    pub(crate) company: Option<bool>,
    /// E-mail addresses, of the row's own names if the table has them.
    pub(crate) email: Option<bool>,
    /// Phone numbers.
    pub(crate) phone: Option<bool>,
    /// Streets with a number.
    pub(crate) street: Option<bool>,
    /// Cities.
    pub(crate) city: Option<bool>,
    /// States.
    pub(crate) state: Option<bool>,
    /// Postal codes.
    pub(crate) zip: Option<bool>,
    /// A text in which `?` becomes a letter and `#` a digit: `"??-####"`.
    #[schemars(length(min = 1))]
    pub(crate) pattern: Option<String>,
    /// Days.
    pub(crate) date: Option<DateFile>,
    /// Instants.
    pub(crate) timestamp: Option<TimestampFile>,
    /// The date or timestamp of another column of the row, and some time later.
    pub(crate) after: Option<AfterFile>,
    /// A value of a column of another table of the same source. A `relationships` test implies it.
    pub(crate) reference: Option<ReferenceFile>,
    /// A text with cells of the same row: `"{first_name} {last_name}"`.
    #[schemars(length(min = 1))]
    pub(crate) template: Option<String>,
    /// The share of empty cells: 0 (the default) to 1.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) null: Option<f64>,
}

/// Numbers in a row.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a `sequence`")]
pub(crate) struct SequenceFile {
    /// The first number: 1 by default.
    pub(crate) start: Option<i64>,
    /// What is added for each row: 1 by default.
    pub(crate) step: Option<i64>,
    /// What stands before the number.
    #[serde(default)]
    pub(crate) prefix: String,
}

/// Whole numbers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "an `integer`")]
pub(crate) struct IntegerFile {
    /// The least.
    pub(crate) min: i64,
    /// The greatest.
    pub(crate) max: i64,
    /// How the values spread.
    #[serde(default)]
    pub(crate) distribution: DistributionName,
}

/// Exact decimals.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a `decimal`")]
pub(crate) struct DecimalFile {
    /// The least.
    #[expect(dead_code, reason = "read as it is written, so that no digit is lost")]
    pub(crate) min: f64,
    /// The greatest.
    #[expect(dead_code, reason = "read as it is written, so that no digit is lost")]
    pub(crate) max: f64,
    /// Digits after the point: those of the column's type by default, else 2.
    #[schemars(range(min = 0, max = 18))]
    pub(crate) scale: Option<u8>,
    /// What the values are apart, from `min`: the last digit by default.
    #[expect(dead_code, reason = "read as it is written, so that no digit is lost")]
    pub(crate) step: Option<f64>,
}

/// Values to choose from.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum ChoiceFile {
    /// All as likely.
    List(#[expect(dead_code, reason = "read as it is written, so that `1.10` stays `1.10`")] Vec<Plain>),
    /// Each with its weight.
    Weights(IndexMap<String, f64>),
}

/// Days.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a `date`")]
pub(crate) struct DateFile {
    /// The first: `2024-01-01`.
    pub(crate) from: String,
    /// The last: `2024-12-31`.
    pub(crate) to: String,
}

/// Instants.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a `timestamp`")]
pub(crate) struct TimestampFile {
    /// The first: `2024-01-01` or `2024-01-01 08:30:00`, in UTC.
    pub(crate) from: String,
    /// The last.
    pub(crate) to: String,
    /// What the values are apart, from `from`, such as `60s`, `15m`, `1h`, `1d`: one second by default.
    pub(crate) step: Option<String>,
}

/// Some time after another column.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "an `after`")]
pub(crate) struct AfterFile {
    /// The other column of the row: a date or a timestamp.
    pub(crate) column: String,
    /// The least time after it, such as `1h`: none by default.
    pub(crate) min: Option<String>,
    /// The most time after it, such as `72h`.
    pub(crate) max: String,
    /// What the times are apart: one second by default, one day for dates.
    pub(crate) step: Option<String>,
}

/// A value of another table.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a `reference`")]
pub(crate) struct ReferenceFile {
    /// The table of the same source.
    pub(crate) table: String,
    /// Its column.
    pub(crate) column: String,
    /// How the values spread.
    #[serde(default)]
    pub(crate) distribution: DistributionName,
}

/// How values spread.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DistributionName {
    /// Every value is as likely as any other.
    #[default]
    Uniform,
    /// A few values are frequent, most are rare.
    Zipf,
}
