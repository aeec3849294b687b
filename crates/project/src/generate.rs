//! What `headwater generate` is asked for: the hints of the YAML, checked, and the tables that they add up to.
//!
//! The generator itself is not here; it reads these types and writes files.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use headwater_plan::{ContractColumn, DataType, FileFormat, FileSet, TableName};

/// The rows of a source's table when its `generate:` names none.
pub const DEFAULT_ROWS: u64 = 1000;

/// How many rows a table gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GenerateRows {
    /// The rows.
    pub rows: u64,
    /// Whether `--rows` scales this table; the others keep their rows.
    pub scale: bool,
}

impl Default for GenerateRows {
    fn default() -> Self {
        Self { rows: DEFAULT_ROWS, scale: false }
    }
}

/// What fills a column.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnHint {
    /// The kind of value.
    pub kind: HintKind,
    /// The share of empty cells, 0 to 1.
    pub null: f64,
}

/// How numbers and references spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Distribution {
    /// Every value is as likely as any other.
    #[default]
    Uniform,
    /// A few values are frequent, most are rare: the value of rank n is as likely as 1/n.
    Zipf,
}

/// A kind of generated value.
#[derive(Debug, Clone, PartialEq)]
pub enum HintKind {
    /// `prefix` then `start`, `start + step`, …
    Sequence {
        /// The first number.
        start: i64,
        /// What is added for each row; not 0.
        step: i64,
        /// What stands before the number.
        prefix: String,
    },
    /// A unique hexadecimal id of that many digits, 1 to 16.
    Hex(u8),
    /// A whole number, both ends included.
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
        /// How the values spread.
        distribution: Distribution,
    },
    /// An exact decimal, both ends included. `min`, `max` and `step` count units of 10^-`scale`.
    Decimal {
        /// The least.
        min: i128,
        /// The greatest.
        max: i128,
        /// What the values are multiples of, from `min`; at least 1.
        step: i128,
        /// Digits after the point.
        scale: u8,
    },
    /// One of these texts, each with its weight: above 0, in the order written.
    Choice(Vec<(String, f64)>),
    /// A first name.
    FirstName,
    /// A family name.
    LastName,
    /// First and family name.
    FullName,
    /// A company's name.
    Company,
    /// An e-mail address, of the row's own names if the table has them.
    Email,
    /// A phone number.
    Phone,
    /// A street and number.
    Street,
    /// A city.
    City,
    /// A state.
    State,
    /// A postal code.
    Zip,
    /// `?` is a capital letter, `#` a digit, every other character itself.
    Pattern(String),
    /// A day, both ends included.
    Date {
        /// The first.
        from: NaiveDate,
        /// The last.
        to: NaiveDate,
    },
    /// An instant, both ends included.
    Timestamp {
        /// The first.
        from: DateTime<Utc>,
        /// The last.
        to: DateTime<Utc>,
        /// What the values are apart, counted from `from`; above 0.
        step: TimeDelta,
    },
    /// The date or timestamp of another column of the row, and some time later.
    After {
        /// The other column.
        column: String,
        /// The least that is added.
        min: TimeDelta,
        /// The most that is added.
        max: TimeDelta,
        /// What the added times are apart; above 0.
        step: TimeDelta,
    },
    /// A value of a column of another table of the same source.
    Reference {
        /// The other table.
        table: String,
        /// Its column.
        column: String,
        /// How the values spread.
        distribution: Distribution,
    },
    /// A text with `{column}` for the cells of the same row.
    Template(String),
}

impl ColumnHint {
    /// What fills a column of that type when its declaration says nothing.
    pub fn default_for(data_type: &DataType) -> Self {
        let whole = |max| HintKind::Integer { min: 0, max, distribution: Distribution::Uniform };
        let kind = match data_type {
            DataType::Boolean => HintKind::Choice(vec![("true".into(), 1.0), ("false".into(), 1.0)]),
            DataType::Byte => whole(100),
            DataType::Short | DataType::Int | DataType::Long => whole(1000),
            DataType::Float | DataType::Double => HintKind::Decimal { min: 0, max: 100_000, step: 1, scale: 2 },
            DataType::Decimal { precision, scale } => {
                // At most three digits before the point, or as many as the type holds.
                let digits = u32::from(*scale) + u32::from(precision - scale).min(3);
                HintKind::Decimal { min: 0, max: 10_i128.pow(digits) - 1, step: 1, scale: *scale }
            }
            DataType::Date => HintKind::Date { from: day(2024, 1, 1), to: day(2024, 12, 31) },
            DataType::Timestamp | DataType::TimestampNtz => HintKind::Timestamp {
                from: day(2024, 1, 1).and_time(chrono::NaiveTime::MIN).and_utc(),
                to: day(2024, 12, 31).and_time(chrono::NaiveTime::MIN).and_utc(),
                step: TimeDelta::seconds(1),
            },
            _ => HintKind::Pattern("????####".into()),
        };
        Self { kind, null: 0.0 }
    }
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
}

/// A table that can be generated: its files, its columns and what they refer to.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateTable {
    /// The source's name.
    pub source: String,
    /// The table's name within the source.
    pub table: String,
    /// The bronze table.
    pub relation: TableName,
    /// The files that are to be written, as the pattern that reads them.
    pub files: FileSet,
    /// How they are written.
    pub format: FileFormat,
    /// The rows.
    pub rows: GenerateRows,
    /// The columns, in the order of the file.
    pub columns: Vec<GenerateColumn>,
}

/// A column of a generated table.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateColumn {
    /// Its name, type and formats.
    pub column: ContractColumn,
    /// What fills it: the user's hint, or that of its type.
    pub hint: ColumnHint,
    /// Whether it has a `unique` test.
    pub unique: bool,
    /// Whether it has a `not_null` test.
    pub not_null: bool,
    /// The values of its `accepted_values` test.
    pub accepted: Option<Vec<String>>,
    /// The bronze table and column that its values come from.
    pub references: Option<(TableName, String)>,
}
