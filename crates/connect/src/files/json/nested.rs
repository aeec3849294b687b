//! JSON values to arrays, a column of rows at a time, down to the leaves, whose texts go through the parsers of every
//! format. A row with a value of another kind anywhere in it is bad, and null for the time being.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryBuilder, ListArray, MapArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType as ArrowType, FieldRef, Fields};
use arrow::error::ArrowError;

use super::scan::{self, Kind, Span};
use crate::files::base64;
use crate::files::contract::Column;
use crate::files::csv::token::{Cell, Quoting, Writing};
use crate::files::tree::{Node, Tree};
use crate::files::value::column::{Bad, BadRows, Chunk, Values};
use crate::files::value::text::Nulls;

/// The values of one column: places in a text, `None` where the field is not there.
pub(crate) struct Places<'a> {
    pub(crate) text: &'a str,
    pub(crate) spans: Vec<Option<Span>>,
    /// The texts that stand for null.
    pub(crate) nulls: &'a [String],
}

impl<'a> Places<'a> {
    fn with(&self, spans: Vec<Option<Span>>) -> Places<'a> {
        Places { text: self.text, spans, nulls: self.nulls }
    }

    /// The array of a column or a part of one.
    pub(crate) fn array(&self, tree: &Tree, bad: &mut BadRows) -> Result<ArrayRef, ArrowError> {
        match (&tree.node, &tree.data_type) {
            (Node::Text(column), _) => Ok(self.texts(column, None, bad)),
            (Node::Binary, _) => Ok(self.binary(bad)),
            (Node::List(element), ArrowType::List(field)) => self.lists(element, field, bad),
            (Node::Map(key, value), ArrowType::Map(field, _)) => self.maps((key, value), field, bad),
            (Node::Struct(children), ArrowType::Struct(fields)) => self.structs(children, fields, bad),
            (_, other) => Err(ArrowError::SchemaError(format!("no reader for {other}"))),
        }
    }

    /// The texts of a column, parsed. Where the field is not there, `instead` stands for it, if given.
    pub(crate) fn texts(&self, column: &Column, instead: Option<&str>, bad: &mut BadRows) -> ArrayRef {
        let nulls = Nulls { texts: self.nulls, quoted: true, empty: None };
        let mut cells = Vec::with_capacity(self.spans.len());
        // Escapes are undone in a text of their own, and then all cells point into that.
        let rewrite = |span: &Option<Span>| match span {
            Some(span) => span.plain().is_none(),
            None => instead.is_some(),
        };
        let mut rewritten = String::new();
        let text = if self.spans.iter().any(rewrite) {
            for span in &self.spans {
                let value = match span {
                    Some(span) if span.kind == Kind::Null => None,
                    Some(span) => Some(span.text(self.text)),
                    None => instead.map(Into::into),
                };
                let start = rewritten.len() as u32;
                let writing = if value.is_some() { Writing::Quoted } else { Writing::Plain };
                rewritten.push_str(&value.unwrap_or_default());
                cells.push(Cell { start, end: rewritten.len() as u32, writing });
            }
            rewritten.as_str()
        } else {
            for span in &self.spans {
                let place = span.filter(|span| span.kind != Kind::Null).and_then(|span| span.plain());
                let writing = if place.is_some() { Writing::Quoted } else { Writing::Plain };
                let (start, end) = place.unwrap_or_default();
                cells.push(Cell { start: start as u32, end: end as u32, writing });
            }
            self.text
        };
        let mut values = Values::new(&column.parser, cells.len(), cells.len() * 16);
        let chunk = Chunk { text, cells: &cells, width: 1, quoting: Quoting::NONE, nulls };
        values.fill(&chunk, 0, &column.reading, bad);
        values.finish(&column.field())
    }

    /// The values of a kind; what is there and of another is bad.
    fn of_kind(&self, kind: Kind, bad: &mut BadRows) -> Vec<Option<Span>> {
        let checked = self.spans.iter().enumerate().map(|(row, span)| match span {
            Some(span) if span.kind == kind => Some(*span),
            Some(span) if span.kind != Kind::Null => {
                bad.push((row, Bad::NoValue));
                None
            }
            _ => None,
        });
        checked.collect()
    }

    fn binary(&self, bad: &mut BadRows) -> ArrayRef {
        let mut values = BinaryBuilder::new();
        for (row, span) in self.spans.iter().enumerate() {
            let found = match span {
                Some(span) if span.kind != Kind::Null => {
                    let decoded =
                        matches!(span.kind, Kind::String { .. }).then(|| base64::decode(&span.text(self.text)));
                    if !matches!(decoded, Some(Some(_))) {
                        bad.push((row, Bad::NoValue));
                    }
                    decoded.flatten()
                }
                _ => None,
            };
            values.append_option(found);
        }
        Arc::new(values.finish())
    }

    fn lists(&self, element: &Tree, field: &FieldRef, bad: &mut BadRows) -> Result<ArrayRef, ArrowError> {
        let lists = self.of_kind(Kind::Array, bad);
        let mut inner = Vec::new();
        let mut lengths = Vec::with_capacity(lists.len());
        for list in &lists {
            let before = inner.len();
            if let Some(list) = list {
                scan::elements(self.text.as_bytes(), *list, |element| inner.push(Some(element)));
            }
            lengths.push(inner.len() - before);
        }
        let offsets = OffsetBuffer::from_lengths(lengths);
        let mut bad_inside = BadRows::new();
        let values = self.with(inner).array(element, &mut bad_inside)?;
        above(&offsets, &bad_inside, bad);
        let valid = NullBuffer::from_iter(lists.iter().map(Option::is_some));
        Ok(Arc::new(ListArray::try_new(Arc::clone(field), offsets, values, Some(valid))?))
    }

    fn maps(&self, (key, value): (&Tree, &Tree), field: &FieldRef, bad: &mut BadRows) -> Result<ArrayRef, ArrowError> {
        let maps = self.of_kind(Kind::Object, bad);
        let (mut keys, mut values, mut lengths) = (Vec::new(), Vec::new(), Vec::with_capacity(maps.len()));
        for (row, map) in maps.iter().enumerate() {
            let before = keys.len();
            if let Some(map) = map {
                let mut seen = HashSet::new();
                scan::members(self.text.as_bytes(), *map, |member| {
                    if !seen.insert(member.name.text(self.text)) {
                        bad.push((row, Bad::NoValue));
                    }
                    keys.push(Some(member.name));
                    values.push(Some(member.value));
                });
            }
            lengths.push(keys.len() - before);
        }
        let offsets = OffsetBuffer::from_lengths(lengths);
        let (mut bad_keys, mut bad_values) = (BadRows::new(), BadRows::new());
        let keys = self.with(keys).array(key, &mut bad_keys)?;
        let values = self.with(values).array(value, &mut bad_values)?;
        // A key that became null is no key.
        bad_keys.extend((0..keys.len()).filter(|row| keys.is_null(*row)).map(|row| (row, Bad::NoValue)));
        above(&offsets, &bad_keys, bad);
        above(&offsets, &bad_values, bad);
        let valid = NullBuffer::from_iter(maps.iter().map(Option::is_some));
        map_array(field, (keys, values), offsets, valid)
    }

    fn structs(&self, children: &[(String, Tree)], fields: &Fields, bad: &mut BadRows) -> Result<ArrayRef, ArrowError> {
        let structs = self.of_kind(Kind::Object, bad);
        let mut places: Vec<Vec<Option<Span>>> = children.iter().map(|_| vec![None; structs.len()]).collect();
        for (row, object) in structs.iter().enumerate() {
            let Some(object) = object else { continue };
            scan::members(self.text.as_bytes(), *object, |member| {
                let name = member.name.text(self.text);
                let Some(child) = children.iter().position(|(known, _)| known.eq_ignore_ascii_case(&name)) else {
                    return;
                };
                if places[child][row].replace(member.value).is_some() {
                    bad.push((row, Bad::NoValue));
                }
            });
        }
        let mut arrays = Vec::with_capacity(children.len());
        for ((_, tree), spans) in children.iter().zip(places) {
            arrays.push(self.with(spans).array(tree, bad)?);
        }
        let valid = NullBuffer::from_iter(structs.iter().map(Option::is_some));
        Ok(Arc::new(StructArray::try_new(fields.clone(), arrays, Some(valid))?))
    }
}

/// A map of these entries. A null key cannot stand in one: an empty map stands for a row that has one, which is bad.
pub(crate) fn map_array(
    field: &FieldRef,
    (keys, values): (ArrayRef, ArrayRef),
    offsets: OffsetBuffer<i32>,
    valid: NullBuffer,
) -> Result<ArrayRef, ArrowError> {
    let ArrowType::Struct(fields) = field.data_type() else {
        return Err(ArrowError::SchemaError("the entries of a map are no struct".to_owned()));
    };
    let (keys, values, offsets) = if keys.null_count() == 0 {
        (keys, values, offsets)
    } else {
        let whole: Vec<bool> =
            offsets.windows(2).map(|ends| (ends[0]..ends[1]).all(|row| keys.is_valid(row as usize))).collect();
        let lengths = offsets.lengths().zip(&whole).map(|(length, whole)| if *whole { length } else { 0 });
        let kept: arrow::array::BooleanArray = offsets
            .windows(2)
            .zip(&whole)
            .flat_map(|(ends, whole)| std::iter::repeat_n(Some(*whole), (ends[1] - ends[0]) as usize))
            .collect();
        let new = OffsetBuffer::from_lengths(lengths);
        (arrow::compute::filter(&keys, &kept)?, arrow::compute::filter(&values, &kept)?, new)
    };
    let entries = StructArray::try_new(fields.clone(), vec![keys, values], None)?;
    Ok(Arc::new(MapArray::try_new(Arc::clone(field), offsets, entries, Some(valid), false)?))
}

/// The rows in whose lists something is bad.
pub(crate) fn above(offsets: &OffsetBuffer<i32>, inside: &BadRows, bad: &mut BadRows) {
    for (position, why) in inside {
        let row = offsets.partition_point(|offset| *offset as usize <= *position).saturating_sub(1);
        bad.push((row, *why));
    }
}
