//! The texts of one column to Arrow, a chunk of rows at a time: the type is looked at once for a chunk, not for a cell.
//! No cell is allocated; doubled quotes are undone in one reused buffer.

use std::sync::Arc;

use arrow::array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType,
};
use arrow::array::{ArrayRef, BooleanArray, BooleanBufferBuilder, PrimitiveArray, StringBuilder, new_null_array};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::Field;

use super::pattern::Pattern;
use super::text::{self, Nulls};
use super::{datetime, number};
use crate::files::contract::{Column, Parser, Reading};
use crate::files::csv::token::{Cell, Quoting, Writing};

/// A stretch of a file: whole rows of equal width.
pub(crate) struct Chunk<'a> {
    pub(crate) text: &'a str,
    pub(crate) cells: &'a [Cell],
    /// How many cells a row has.
    pub(crate) width: usize,
    pub(crate) quoting: Quoting,
    pub(crate) nulls: Nulls<'a>,
}

impl<'a> Chunk<'a> {
    /// The text of a cell, as a string column without rules of its own has it.
    pub(crate) fn string<'s>(&'s self, cell: &Cell, scratch: &'s mut String) -> Option<&'s str> {
        let text = cell.text(self.text, self.quoting, scratch);
        text::prepare_string(Reading::PLAIN, self.nulls, text, cell.writing != Writing::Plain)
    }

    /// Adds the cell of that number of so many rows, or nulls.
    pub(crate) fn append_strings(&self, values: &mut StringBuilder, cell: Option<usize>, rows: usize) {
        let Some(cell) = cell else {
            values.append_nulls(rows);
            return;
        };
        let mut scratch = String::new();
        for cell in self.cells.iter().skip(cell).step_by(self.width) {
            values.append_option(self.string(cell, &mut scratch));
        }
    }
}

/// Why a cell gives its row no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bad {
    /// It is no text of the type.
    NoValue,
    /// It is null, and must not be.
    Null,
}

/// The rows of a chunk without a value, and why.
pub(crate) type BadRows = Vec<(usize, Bad)>;

/// The values of a column so far.
pub(crate) enum Values<'a> {
    Boolean(BooleanBufferBuilder, Validity),
    Byte(Fixed<Int8Type>),
    Short(Fixed<Int16Type>),
    Int(Fixed<Int32Type>),
    Long(Fixed<Int64Type>),
    Float(Fixed<Float32Type>),
    Double(Fixed<Float64Type>),
    Decimal {
        values: Fixed<Decimal128Type>,
        precision: u8,
        scale: u8,
    },
    String(StringBuilder),
    Date(Fixed<Date32Type>, &'a [Pattern]),
    Timestamp {
        values: Fixed<TimestampMicrosecondType>,
        patterns: &'a [Pattern],
        zoned: bool,
    },
    /// A type without text: nulls, as many.
    NoText(usize),
}

/// Values of one width.
pub(crate) struct Fixed<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    validity: Validity,
}

/// Which rows hold a value. Nothing is written until the first null comes: most columns have none.
pub(crate) struct Validity {
    length: usize,
    bits: Option<BooleanBufferBuilder>,
}

impl Validity {
    fn new() -> Self {
        Self { length: 0, bits: None }
    }

    #[inline]
    fn push(&mut self, valid: bool) {
        if !valid || self.bits.is_some() {
            self.push_bit(valid);
        }
        self.length += 1;
    }

    fn push_bit(&mut self, valid: bool) {
        let length = self.length;
        let bits = self.bits.get_or_insert_with(|| {
            let mut bits = BooleanBufferBuilder::new(length + 1024);
            bits.append_n(length, true);
            bits
        });
        bits.append(valid);
    }

    fn finish(self) -> Option<NullBuffer> {
        self.bits.map(|mut bits| NullBuffer::new(bits.finish()))
    }
}

/// One column of a chunk, and how its texts are to be read.
struct Cells<'a> {
    chunk: &'a Chunk<'a>,
    cell: usize,
    reading: &'a Reading,
}

impl Cells<'_> {
    /// Hands each row's text to `take`, `None` for null, by the rule of every type but string: quotes make no difference.
    #[inline]
    fn for_each(&self, mut take: impl FnMut(usize, Option<&[u8]>)) {
        let (chunk, bytes) = (self.chunk, self.chunk.text.as_bytes());
        let cells = chunk.cells.iter().skip(self.cell).step_by(chunk.width).enumerate();
        let mut scratch = String::new();
        if self.reading.is_plain() && chunk.nulls.texts.is_empty() {
            for (row, cell) in cells {
                let text = match cell.writing {
                    Writing::Escaped => cell.text(chunk.text, chunk.quoting, &mut scratch).as_bytes(),
                    Writing::Plain | Writing::Quoted => cell.bytes(bytes),
                };
                take(row, if text.is_empty() { None } else { Some(text) });
            }
            return;
        }
        let mut canonical = String::new();
        for (row, cell) in cells {
            let text = cell.text(chunk.text, chunk.quoting, &mut scratch);
            let text = text::prepare(self.reading, chunk.nulls, text, &mut canonical);
            take(row, text.map(str::as_bytes));
        }
    }

    /// Parses each row's text; rows without a value keep a null for the time being.
    #[inline]
    fn parse<T>(&self, bad: &mut BadRows, parse: impl Fn(&[u8]) -> Option<T>, mut take: impl FnMut(Option<T>)) {
        let nullable = self.reading.nullable;
        self.for_each(|row, text| {
            let value = text.and_then(&parse);
            if value.is_none() {
                match text {
                    Some(_) => bad.push((row, Bad::NoValue)),
                    None if !nullable => bad.push((row, Bad::Null)),
                    None => {}
                }
            }
            take(value);
        });
    }

    /// Strings: what is written without quotes can be null, what is in quotes is text.
    fn strings(&self, values: &mut StringBuilder, bad: &mut BadRows) {
        let chunk = self.chunk;
        let plain = self.reading.is_plain() && chunk.nulls.are_default();
        let mut scratch = String::new();
        for (row, cell) in chunk.cells.iter().skip(self.cell).step_by(chunk.width).enumerate() {
            let text = cell.text(chunk.text, chunk.quoting, &mut scratch);
            let quoted = cell.writing != Writing::Plain;
            let text = if plain {
                (quoted || !text.is_empty()).then_some(text)
            } else {
                text::prepare_string(self.reading, chunk.nulls, text, quoted)
            };
            match text {
                Some(text) => values.append_value(text),
                None => {
                    if !self.reading.nullable {
                        bad.push((row, Bad::Null));
                    }
                    values.append_null();
                }
            }
        }
    }
}

impl<T: ArrowPrimitiveType> Fixed<T> {
    fn new(capacity: usize) -> Self {
        Self { values: Vec::with_capacity(capacity), validity: Validity::new() }
    }

    #[inline]
    fn fill(&mut self, cells: &Cells<'_>, bad: &mut BadRows, parse: impl Fn(&[u8]) -> Option<T::Native>) {
        cells.parse(bad, parse, |value| {
            self.validity.push(value.is_some());
            self.values.push(value.unwrap_or_default());
        });
    }

    fn finish(self) -> PrimitiveArray<T> {
        PrimitiveArray::new(ScalarBuffer::from(self.values), self.validity.finish())
    }
}

impl<'a> Values<'a> {
    pub(crate) fn new(parser: &'a Parser, rows: usize, bytes: usize) -> Self {
        match parser {
            Parser::Boolean => Self::Boolean(BooleanBufferBuilder::new(rows), Validity::new()),
            Parser::Byte => Self::Byte(Fixed::new(rows)),
            Parser::Short => Self::Short(Fixed::new(rows)),
            Parser::Int => Self::Int(Fixed::new(rows)),
            Parser::Long => Self::Long(Fixed::new(rows)),
            Parser::Float => Self::Float(Fixed::new(rows)),
            Parser::Double => Self::Double(Fixed::new(rows)),
            Parser::Decimal { precision, scale } => {
                Self::Decimal { values: Fixed::new(rows), precision: *precision, scale: *scale }
            }
            Parser::String => Self::String(StringBuilder::with_capacity(rows, bytes)),
            Parser::Date(patterns) => Self::Date(Fixed::new(rows), patterns),
            Parser::Timestamp { patterns, zoned } => {
                Self::Timestamp { values: Fixed::new(rows), patterns, zoned: *zoned }
            }
            Parser::NoText => Self::NoText(0),
        }
    }

    /// Adds the cell of that number of each row of a chunk. Rows that it gives no value go to `bad`.
    pub(crate) fn fill(&mut self, chunk: &Chunk<'_>, cell: usize, reading: &Reading, bad: &mut BadRows) {
        let cells = Cells { chunk, cell, reading };
        match self {
            Self::String(values) => cells.strings(values, bad),
            Self::Boolean(values, validity) => cells.parse(bad, number::boolean, |value| {
                validity.push(value.is_some());
                values.append(value.unwrap_or_default());
            }),
            Self::Byte(values) => values.fill(&cells, bad, |text| number::integer(text)?.try_into().ok()),
            Self::Short(values) => values.fill(&cells, bad, |text| number::integer(text)?.try_into().ok()),
            Self::Int(values) => values.fill(&cells, bad, |text| number::integer(text)?.try_into().ok()),
            Self::Long(values) => values.fill(&cells, bad, number::integer),
            Self::Float(values) => values.fill(&cells, bad, number::float),
            Self::Double(values) => values.fill(&cells, bad, number::double),
            Self::Decimal { values, precision, scale } => {
                values.fill(&cells, bad, |text| number::decimal(text, *precision, *scale));
            }
            Self::Date(values, []) => values.fill(&cells, bad, datetime::iso_date),
            Self::Date(values, patterns) => {
                values.fill(&cells, bad, |text| patterns.iter().find_map(|pattern| pattern.date(text)));
            }
            Self::Timestamp { values, patterns: [], zoned } => {
                values.fill(&cells, bad, |text| datetime::iso_timestamp(text, *zoned));
            }
            Self::Timestamp { values, patterns, .. } => {
                values.fill(&cells, bad, |text| patterns.iter().find_map(|pattern| pattern.timestamp(text)));
            }
            Self::NoText(length) => cells.for_each(|_, _| *length += 1),
        }
    }

    /// Adds one text, `None` for null.
    pub(crate) fn push(&mut self, text: Option<&str>, nulls: Nulls<'_>, reading: &Reading) -> Result<(), Bad> {
        let writing = if text.is_some() { Writing::Quoted } else { Writing::Plain };
        let text = text.unwrap_or_default();
        let cells = [Cell { start: 0, end: text.len() as u32, writing }];
        let mut bad = BadRows::new();
        self.fill(&Chunk { text, cells: &cells, width: 1, quoting: Quoting::NONE, nulls }, 0, reading, &mut bad);
        bad.pop().map_or(Ok(()), |(_, bad)| Err(bad))
    }

    /// The array, of the field's type.
    pub(crate) fn finish(self, field: &Field) -> ArrayRef {
        match self {
            Self::Boolean(mut values, validity) => Arc::new(BooleanArray::new(values.finish(), validity.finish())),
            Self::Byte(values) => Arc::new(values.finish()),
            Self::Short(values) => Arc::new(values.finish()),
            Self::Int(values) => Arc::new(values.finish()),
            Self::Long(values) => Arc::new(values.finish()),
            Self::Float(values) => Arc::new(values.finish()),
            Self::Double(values) => Arc::new(values.finish()),
            Self::Decimal { values, .. } => Arc::new(values.finish().with_data_type(field.data_type().clone())),
            Self::String(mut values) => Arc::new(values.finish()),
            Self::Date(values, _) => Arc::new(values.finish()),
            Self::Timestamp { values, .. } => Arc::new(values.finish().with_data_type(field.data_type().clone())),
            Self::NoText(length) => new_null_array(field.data_type(), length),
        }
    }
}

/// Whether a text is a value of a column.
pub(crate) fn is_value(column: &Column, text: &str) -> bool {
    let reading = Reading { signs: column.reading.signs, nullable: true, ..Reading::default() };
    Values::new(&column.parser, 1, 0).push(Some(text), Nulls::DEFAULT, &reading).is_ok()
}
