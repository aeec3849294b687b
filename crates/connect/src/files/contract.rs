//! The contract, checked and compiled: for each column the parser of its cells.

use arrow::datatypes::{DataType as ArrowType, Field, TimeUnit};
use headwater_plan::ingest::{INGESTED_AT, RUN_ID, SOURCE_FILE, SOURCE_LINE};
use headwater_plan::{Code, Contract, ContractColumn, DataType, Diagnostic};

use super::pattern::Pattern;

/// A column of the contract, ready to read cells.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) declared: ContractColumn,
    pub(super) parser: Parser,
}

/// How a cell's text becomes a value.
#[derive(Debug)]
pub(super) enum Parser {
    Boolean,
    Byte,
    Short,
    Int,
    Long,
    Float,
    Double,
    Decimal { precision: u8, scale: u8 },
    String,
    Date(Vec<Pattern>),
    Timestamp { patterns: Vec<Pattern>, zoned: bool },
}

/// A column of a contract that no file can meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractProblem {
    /// The column.
    pub column: ContractColumn,
    /// What is wrong.
    pub kind: ContractProblemKind,
}

/// What can be wrong with a column of a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContractProblemKind {
    /// A type that CSV has no text for.
    Type,
    /// A `format` on a type that has none.
    FormatOnType,
    /// A `format` that is not a pattern.
    Format {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Another column of the contract has the name.
    Duplicate,
    /// A stamp column has the name.
    Reserved,
}

/// Checks that every column of a contract can be loaded from CSV: its type, its name, its `format` patterns. The letters
/// of a pattern are those of Spark: `y` (4 digits; `yy`: 2, from 2000), `M` (`MMM`, `MMMM`: English names), `d`, `H`, `h`
/// with `a`, `m`, `s` (once: one or two digits; twice: two), `S` (1 to as many digits as letters), `X`, `x`, `Z` (offset),
/// text in `'` and optional parts in `[ ]`. Letters and names may be in any case.
///
/// # Errors
/// All problems of all columns.
pub fn check_contract(contract: &Contract) -> Result<(), Vec<ContractProblem>> {
    compile(contract, true).map(|_| ())
}

pub(super) fn compile(contract: &Contract, stamp: bool) -> Result<Vec<Column>, Vec<ContractProblem>> {
    let mut columns = Vec::with_capacity(contract.columns.len());
    let mut problems = Vec::new();
    for (number, declared) in contract.columns.iter().enumerate() {
        let mut refuse = |kind| problems.push(ContractProblem { column: declared.clone(), kind });
        if contract.columns[..number].iter().any(|other| other.name.eq_ignore_ascii_case(&declared.name)) {
            refuse(ContractProblemKind::Duplicate);
        }
        let stamps = [SOURCE_FILE, SOURCE_LINE, INGESTED_AT, RUN_ID];
        if stamp && stamps.iter().any(|name| name.eq_ignore_ascii_case(&declared.name)) {
            refuse(ContractProblemKind::Reserved);
        }
        match parser(declared) {
            Ok(parser) => columns.push(Column { declared: declared.clone(), parser }),
            Err(kinds) => kinds.into_iter().for_each(refuse),
        }
    }
    if problems.is_empty() { Ok(columns) } else { Err(problems) }
}

fn parser(column: &ContractColumn) -> Result<Parser, Vec<ContractProblemKind>> {
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
        DataType::Binary | DataType::Array(_) | DataType::Map(..) | DataType::Struct(_) | DataType::Null => {
            return Err(vec![ContractProblemKind::Type]);
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
        let data_type = match &self.parser {
            Parser::Boolean => ArrowType::Boolean,
            Parser::Byte => ArrowType::Int8,
            Parser::Short => ArrowType::Int16,
            Parser::Int => ArrowType::Int32,
            Parser::Long => ArrowType::Int64,
            Parser::Float => ArrowType::Float32,
            Parser::Double => ArrowType::Float64,
            // A scale is at most 38.
            Parser::Decimal { precision, scale } => ArrowType::Decimal128(*precision, *scale as i8),
            Parser::String => ArrowType::Utf8,
            Parser::Date(_) => ArrowType::Date32,
            Parser::Timestamp { zoned: true, .. } => timestamp_type(),
            Parser::Timestamp { zoned: false, .. } => ArrowType::Timestamp(TimeUnit::Microsecond, None),
        };
        Field::new(&self.declared.name, data_type, true)
    }
}

/// Spark's `timestamp`.
pub(super) fn timestamp_type() -> ArrowType {
    ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

impl ContractProblem {
    /// The message to the user.
    pub fn diagnostic(&self) -> Diagnostic {
        let (name, data_type) = (&self.column.name, &self.column.data_type);
        let (code, message, help) = match &self.kind {
            ContractProblemKind::Type => (
                Code::Unsupported,
                format!("column `{name}`: `{data_type}` cannot be loaded from CSV"),
                "declare `string` and convert it in a model",
            ),
            ContractProblemKind::FormatOnType => (
                Code::InvalidValue,
                format!("column `{name}` is `{data_type}` and has a `format`"),
                "only `date`, `timestamp` and `timestamp_ntz` have one",
            ),
            ContractProblemKind::Format { pattern, reason } => (
                Code::InvalidValue,
                format!("column `{name}`: `{pattern}` is not a datetime pattern that can be read: {reason}"),
                "patterns are those of Spark, for example `dd-MM-yyyy` or `yyyy-MM-dd'T'HH:mm:ss`",
            ),
            ContractProblemKind::Duplicate => (
                Code::DuplicateName,
                format!("column `{name}` is declared twice"),
                "names are compared without regard to case",
            ),
            ContractProblemKind::Reserved => (
                Code::DuplicateName,
                format!("column `{name}` has the name of a column that every ingested table gets"),
                "name it otherwise in the file, or leave it out with `on_schema_change: ignore`",
            ),
        };
        Diagnostic::error(code, message).at(self.column.location.clone()).help(help)
    }
}
