//! The cells of one column to Arrow, a chunk of rows at a time: the type is looked at once for a chunk, not for a cell.
//! No cell is allocated; doubled quotes are undone in one reused buffer.

use std::sync::Arc;

use arrow::array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType,
};
use arrow::array::{ArrayRef, BooleanArray, BooleanBufferBuilder, PrimitiveArray, StringBuilder};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::Field;

use super::contract::Parser;
use super::pattern::Pattern;
use super::token::{Cell, Writing};
use super::{datetime, number};

/// A stretch of a block: whole rows of equal width.
pub(super) struct Chunk<'a> {
    pub(super) text: &'a str,
    pub(super) cells: &'a [Cell],
    /// How many cells a row has.
    pub(super) width: usize,
    pub(super) quote: u8,
    pub(super) null_value: &'a str,
}

/// The values of a column so far.
pub(super) enum Values<'a> {
    Boolean(BooleanBufferBuilder, Validity),
    Byte(Fixed<Int8Type>),
    Short(Fixed<Int16Type>),
    Int(Fixed<Int32Type>),
    Long(Fixed<Int64Type>),
    Float(Fixed<Float32Type>),
    Double(Fixed<Float64Type>),
    Decimal { values: Fixed<Decimal128Type>, precision: u8, scale: u8 },
    String(StringBuilder),
    Date(Fixed<Date32Type>, &'a [Pattern]),
    Timestamp { values: Fixed<TimestampMicrosecondType>, patterns: &'a [Pattern], zoned: bool },
}

/// Values of one width.
pub(super) struct Fixed<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    validity: Validity,
}

/// Which rows hold a value. Nothing is written until the first null comes: most columns have none.
pub(super) struct Validity {
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

impl<T: ArrowPrimitiveType> Fixed<T> {
    fn new(capacity: usize) -> Self {
        Self { values: Vec::with_capacity(capacity), validity: Validity::new() }
    }

    /// Parses one cell of each row; rows whose cell is none of the type go to `bad`, and keep a null for the time being.
    #[inline]
    fn fill(
        &mut self,
        chunk: &Chunk<'_>,
        cell: usize,
        bad: &mut Vec<usize>,
        parse: impl Fn(&[u8]) -> Option<T::Native>,
    ) {
        for_each(chunk, cell, |row, text| {
            let value = text.and_then(&parse);
            if value.is_none() && text.is_some() {
                bad.push(row);
            }
            self.validity.push(value.is_some());
            self.values.push(value.unwrap_or_default());
        });
    }

    fn finish(self) -> PrimitiveArray<T> {
        PrimitiveArray::new(ScalarBuffer::from(self.values), self.validity.finish())
    }
}

/// Hands each row's cell to `take`, `None` for null, by the rule of every type but string: quotes make no difference, but
/// that an empty cell without them is null whatever `null_value` is.
#[inline]
fn for_each(chunk: &Chunk<'_>, cell: usize, mut take: impl FnMut(usize, Option<&[u8]>)) {
    let bytes = chunk.text.as_bytes();
    let null = chunk.null_value.as_bytes();
    let mut scratch = String::new();
    for (row, cell) in chunk.cells.iter().skip(cell).step_by(chunk.width).enumerate() {
        let text = match cell.writing {
            Writing::Doubled => cell.text(chunk.text, chunk.quote, &mut scratch).as_bytes(),
            Writing::Plain | Writing::Quoted => cell.bytes(bytes),
        };
        let empty = text.is_empty() && cell.writing == Writing::Plain;
        take(row, if empty || text == null { None } else { Some(text) });
    }
}

impl<'a> Values<'a> {
    pub(super) fn new(parser: &'a Parser, rows: usize, bytes: usize) -> Self {
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
        }
    }

    /// Adds one cell of each row of a chunk. Rows whose cell does not parse go to `bad`.
    pub(super) fn fill(&mut self, chunk: &Chunk<'_>, cell: usize, bad: &mut Vec<usize>) {
        match self {
            Self::String(values) => fill_strings(values, chunk, cell),
            Self::Boolean(values, validity) => for_each(chunk, cell, |row, text| {
                let value = text.and_then(number::boolean);
                if value.is_none() && text.is_some() {
                    bad.push(row);
                }
                validity.push(value.is_some());
                values.append(value.unwrap_or_default());
            }),
            Self::Byte(values) => values.fill(chunk, cell, bad, |text| number::integer(text)?.try_into().ok()),
            Self::Short(values) => values.fill(chunk, cell, bad, |text| number::integer(text)?.try_into().ok()),
            Self::Int(values) => values.fill(chunk, cell, bad, |text| number::integer(text)?.try_into().ok()),
            Self::Long(values) => values.fill(chunk, cell, bad, number::integer),
            Self::Float(values) => values.fill(chunk, cell, bad, number::float),
            Self::Double(values) => values.fill(chunk, cell, bad, number::double),
            Self::Decimal { values, precision, scale } => {
                values.fill(chunk, cell, bad, |text| number::decimal(text, *precision, *scale));
            }
            Self::Date(values, []) => values.fill(chunk, cell, bad, datetime::iso_date),
            Self::Date(values, patterns) => {
                values.fill(chunk, cell, bad, |text| patterns.iter().find_map(|pattern| pattern.date(text)));
            }
            Self::Timestamp { values, patterns: [], zoned } => {
                values.fill(chunk, cell, bad, |text| datetime::iso_timestamp(text, *zoned));
            }
            Self::Timestamp { values, patterns, .. } => {
                values.fill(chunk, cell, bad, |text| patterns.iter().find_map(|pattern| pattern.timestamp(text)));
            }
        }
    }

    /// The array, of the field's type.
    pub(super) fn finish(self, field: &Field) -> ArrayRef {
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
        }
    }
}

/// Strings: what is written without quotes can be null, what is in quotes is text.
fn fill_strings(values: &mut StringBuilder, chunk: &Chunk<'_>, cell: usize) {
    let mut scratch = String::new();
    for cell in chunk.cells.iter().skip(cell).step_by(chunk.width) {
        let text = cell.text(chunk.text, chunk.quote, &mut scratch);
        if cell.writing == Writing::Plain && (text.is_empty() || text == chunk.null_value) {
            values.append_null();
        } else {
            values.append_value(text);
        }
    }
}
