//! The contract, checked and compiled: for each column the type and how text becomes a value of it.

mod problem;

use std::sync::Arc;

use arrow::datatypes::{DataType as ArrowType, Field, Fields, TimeUnit};
use headwater_plan::ingest::{INGESTED_AT, RESCUED_DATA, RUN_ID, SOURCE_FILE, SOURCE_LINE};
use headwater_plan::{Contract, ContractColumn, DataType, FileFormat};

pub use problem::{ContractProblem, ContractProblemKind};

use super::value::column::is_value;
use super::value::pattern::Pattern;

/// A column of the contract, ready to read text.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) declared: Arc<ContractColumn>,
    pub(super) parser: Parser,
    pub(super) reading: Reading,
}

/// How a text becomes a value.
#[derive(Debug)]
pub(super) enum Parser {
    Boolean,
    Byte,
    Short,
    Int,
    Long,
    Float,
    Double,
    Decimal {
        precision: u8,
        scale: u8,
    },
    String,
    Date(Vec<Pattern>),
    Timestamp {
        patterns: Vec<Pattern>,
        zoned: bool,
    },
    /// Bytes and nested types: no text stands for them.
    NoText,
}

/// What is done with a text before it is parsed.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) trim: bool,
    pub(super) nulls: Vec<String>,
    pub(super) default: Option<String>,
    /// For numbers that are not written as `1234.5`: what stands before the fraction and between groups of digits.
    pub(super) signs: Option<(char, Option<char>)>,
    pub(super) nullable: bool,
}

impl Reading {
    /// As the text stands.
    pub(super) const PLAIN: &'static Self =
        &Self { trim: false, nulls: Vec::new(), default: None, signs: None, nullable: true };

    fn of(column: &ContractColumn) -> Self {
        let plain = column.decimal_sep == '.' && column.group_sep.is_none();
        Self {
            trim: column.trim,
            nulls: column.null_values.clone(),
            default: column.default.clone(),
            signs: (!plain).then_some((column.decimal_sep, column.group_sep)),
            nullable: column.nullable,
        }
    }

    /// Whether the text is parsed as it stands.
    pub(super) fn is_plain(&self) -> bool {
        !self.trim && self.nulls.is_empty() && self.default.is_none() && self.signs.is_none()
    }
}

/// Checks that every column of a contract can be loaded from files of that format: its type, its name, its `format`
/// patterns, its default. The letters of a pattern are those of Spark: `y` (4 digits; `yy`: 2, from 2000), `M` (`MMM`,
/// `MMMM`: English names), `d`, `H`, `h` with `a`, `m`, `s` (once: one or two digits; twice: two), `S` (1 to as many
/// digits as letters), `X`, `x`, `Z` (offset), text in `'` and optional parts in `[ ]`. Letters and names may be in any
/// case.
///
/// # Errors
/// All problems of all columns.
pub fn check_contract(contract: &Contract, format: &FileFormat) -> Result<(), Vec<ContractProblem>> {
    compile(contract, format, true).map(|_| ())
}

pub(super) fn compile(
    contract: &Contract,
    format: &FileFormat,
    stamp: bool,
) -> Result<Vec<Column>, Vec<ContractProblem>> {
    let mut columns = Vec::with_capacity(contract.columns.len());
    let mut problems = Vec::new();
    for (number, declared) in contract.columns.iter().enumerate() {
        let mut refuse = |kind| problems.push(ContractProblem { column: declared.clone(), kind });
        let before = &contract.columns[..number];
        if before.iter().any(|other| other.name.eq_ignore_ascii_case(&declared.name)) {
            refuse(ContractProblemKind::Duplicate);
        } else if before.iter().any(|other| other.name_in_file().eq_ignore_ascii_case(declared.name_in_file())) {
            refuse(ContractProblemKind::SourceTwice);
        }
        if stamp && is_reserved(&declared.name) {
            refuse(ContractProblemKind::Reserved);
        }
        match column(declared, format) {
            Ok(column) => columns.push(column),
            Err(kinds) => kinds.into_iter().for_each(refuse),
        }
    }
    if problems.is_empty() { Ok(columns) } else { Err(problems) }
}

/// Whether a column of this name is one that every ingested table gets.
pub(super) fn is_reserved(name: &str) -> bool {
    let reserved = [SOURCE_FILE, SOURCE_LINE, INGESTED_AT, RUN_ID, RESCUED_DATA];
    reserved.iter().any(|reserved| reserved.eq_ignore_ascii_case(name))
}

fn column(declared: &ContractColumn, format: &FileFormat) -> Result<Column, Vec<ContractProblemKind>> {
    let parser = parser(declared, format)?;
    let mut problems = Vec::new();
    let number = matches!(
        parser,
        Parser::Byte
            | Parser::Short
            | Parser::Int
            | Parser::Long
            | Parser::Float
            | Parser::Double
            | Parser::Decimal { .. }
    );
    let reading = Reading::of(declared);
    if let Some((decimal, group)) = reading.signs {
        if !number {
            problems.push(ContractProblemKind::SignsOnType);
        }
        if group == Some(decimal) || [Some(decimal), group].into_iter().flatten().any(is_part_of_a_number) {
            problems.push(ContractProblemKind::Signs { decimal, group });
        }
    }
    let column = Column { declared: Arc::new(declared.clone()), parser, reading };
    if let Some(default) = &declared.default
        && problems.is_empty()
        && !is_value(&column, default)
    {
        problems.push(ContractProblemKind::Default { text: default.clone() });
    }
    if problems.is_empty() { Ok(column) } else { Err(problems) }
}

fn is_part_of_a_number(sign: char) -> bool {
    sign.is_alphanumeric() || matches!(sign, '+' | '-' | '\n' | '\r')
}

fn parser(column: &ContractColumn, format: &FileFormat) -> Result<Parser, Vec<ContractProblemKind>> {
    let parser = match &column.data_type {
        DataType::Date => return Ok(Parser::Date(patterns(column)?)),
        DataType::Timestamp => return Ok(Parser::Timestamp { patterns: patterns(column)?, zoned: true }),
        DataType::TimestampNtz => {
            let patterns = patterns(column)?;
            let offsets = column.format.iter().zip(&patterns).filter(|(_, pattern)| pattern.has_offset());
            let reason = "`timestamp_ntz` has no offset: declare `timestamp`";
            let refused: Vec<_> = offsets
                .map(|(text, _)| ContractProblemKind::Format { pattern: text.clone(), reason: reason.into() })
                .collect();
            return if refused.is_empty() { Ok(Parser::Timestamp { patterns, zoned: false }) } else { Err(refused) };
        }
        DataType::Boolean => Parser::Boolean,
        DataType::Byte => Parser::Byte,
        DataType::Short => Parser::Short,
        DataType::Int => Parser::Int,
        DataType::Long => Parser::Long,
        DataType::Float => Parser::Float,
        DataType::Double => Parser::Double,
        DataType::Decimal { precision, scale } => Parser::Decimal { precision: *precision, scale: *scale },
        DataType::String => Parser::String,
        DataType::Binary | DataType::Array(_) | DataType::Map(..) | DataType::Struct(_)
            if !matches!(format, FileFormat::Csv(_)) =>
        {
            Parser::NoText
        }
        DataType::Binary | DataType::Array(_) | DataType::Map(..) | DataType::Struct(_) | DataType::Null => {
            return Err(vec![ContractProblemKind::Type { format: format.word() }]);
        }
    };
    if column.format.is_empty() { Ok(parser) } else { Err(vec![ContractProblemKind::FormatOnType]) }
}

fn patterns(column: &ContractColumn) -> Result<Vec<Pattern>, Vec<ContractProblemKind>> {
    let (mut patterns, mut problems) = (Vec::new(), Vec::new());
    for pattern in &column.format {
        match Pattern::compile(pattern) {
            Ok(compiled) => patterns.push(compiled),
            Err(reason) => problems.push(ContractProblemKind::Format { pattern: pattern.clone(), reason }),
        }
    }
    if problems.is_empty() { Ok(patterns) } else { Err(problems) }
}

impl Column {
    pub(super) fn field(&self) -> Field {
        Field::new(&self.declared.name, arrow_type(&self.declared.data_type), true)
    }
}

/// The Arrow type of a Spark type, as the lake writes it.
pub(super) fn arrow_type(data_type: &DataType) -> ArrowType {
    match data_type {
        DataType::Boolean => ArrowType::Boolean,
        DataType::Byte => ArrowType::Int8,
        DataType::Short => ArrowType::Int16,
        DataType::Int => ArrowType::Int32,
        DataType::Long => ArrowType::Int64,
        DataType::Float => ArrowType::Float32,
        DataType::Double => ArrowType::Float64,
        // A scale is at most 38.
        DataType::Decimal { precision, scale } => ArrowType::Decimal128(*precision, scale.cast_signed()),
        DataType::String => ArrowType::Utf8,
        DataType::Binary => ArrowType::Binary,
        DataType::Date => ArrowType::Date32,
        DataType::Timestamp => timestamp_type(),
        DataType::TimestampNtz => ArrowType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Array(element) => ArrowType::List(Arc::new(Field::new("element", arrow_type(element), true))),
        DataType::Map(key, value) => {
            let entries = Fields::from(vec![
                Field::new("key", arrow_type(key), false),
                Field::new("value", arrow_type(value), true),
            ]);
            ArrowType::Map(Arc::new(Field::new("key_value", ArrowType::Struct(entries), false)), false)
        }
        DataType::Struct(fields) => ArrowType::Struct(
            fields.iter().map(|field| Field::new(&field.name, arrow_type(&field.data_type), true)).collect(),
        ),
        DataType::Null => ArrowType::Null,
    }
}

/// Spark's `timestamp`.
pub(super) fn timestamp_type() -> ArrowType {
    ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}
