//! Batches of a file to batches of the table. Every row becomes one of these or a [`Rejected`].

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, StringArray, StructArray, new_null_array};
use arrow::error::ArrowError;
use headwater_plan::Field;

use super::convert::{self, Convert, Extra};
use super::mapping::{Mapping, Wanted};
use super::record;
use crate::files::open::Entry;
use crate::files::reject::{self, Reason, Rejected};
use crate::files::shape::{Rows, Shape, in_file};
use crate::files::tree::Tree;
use crate::files::value::column::{Bad, BadRows};
use crate::files::{Decoded, FilesError};

/// What decoding needs to know; nothing in it changes.
#[derive(Debug)]
pub(crate) struct Decoding {
    pub(crate) wanted: Wanted,
    added: Vec<(Field, Tree)>,
    rescue: bool,
}

/// Rows of a file.
pub(crate) struct Piece<'a> {
    pub(crate) entry: &'a Entry,
    pub(crate) mapping: &'a Mapping,
    /// The columns that were read, and for each of the file's where it is among them.
    pub(crate) rows: StructArray,
    pub(crate) places: &'a [Option<usize>],
    /// The number of the first row in the file, from 1.
    pub(crate) first: u64,
}

/// The rows with all columns of the file, for those that are refused.
pub(crate) type Whole<'a> = &'a mut dyn FnMut(&[usize]) -> Result<StructArray, FilesError>;

impl Decoding {
    pub(crate) fn new(wanted: Wanted, added: Vec<(Field, Tree)>, rescue: bool) -> Self {
        Self { wanted, added, rescue }
    }

    /// Whether rows hold more than the contract's columns.
    pub(crate) fn needs_extra(&self) -> bool {
        self.rescue || !self.added.is_empty()
    }

    /// Adds the rows of a piece to what was decoded. `whole` reads the rows of these numbers, from 0 in the piece, again
    /// with all their columns.
    pub(crate) fn piece(
        &self,
        shape: &Shape,
        piece: &Piece<'_>,
        whole: Whole<'_>,
        decoded: &mut Decoded,
    ) -> Result<(), FilesError> {
        let name = piece.entry.name.as_str();
        let length = piece.rows.len();
        decoded.records += length as u64;
        let mut bad: BTreeMap<usize, Vec<(usize, Bad)>> = BTreeMap::new();
        let mut arrays = Vec::with_capacity(self.wanted.columns.len());
        for number in 0..self.wanted.columns.len() {
            let mut found = BadRows::new();
            let rows = (piece.entry, &piece.rows, piece.places);
            let array = piece.mapping.column(number, &self.wanted, rows, &mut found).map_err(in_file(name))?;
            found.sort_unstable_by_key(|(row, _)| *row);
            found.dedup_by_key(|(row, _)| *row);
            found.into_iter().for_each(|(row, why)| bad.entry(row).or_default().push((number, why)));
            arrays.push(array);
        }
        let mut broken: BTreeMap<usize, Vec<Reason>> = BTreeMap::new();
        if shape.has_check() {
            for rule in shape.broken(&arrays).map_err(in_file(name))? {
                broken.entry(rule.row).or_default().push(shape.broken_reason(&rule));
                bad.entry(rule.row).or_default();
            }
        }
        let keep =
            (!bad.is_empty()).then(|| BooleanArray::from_iter((0..length).map(|row| Some(!bad.contains_key(&row)))));
        if !bad.is_empty() {
            let numbers: Vec<usize> = bad.keys().copied().collect();
            let records = whole(&numbers)?;
            for (position, (row, columns)) in bad.iter().enumerate() {
                let mut reasons: Vec<Reason> =
                    columns.iter().map(|(number, why)| self.explain(piece, *row, *number, *why)).collect();
                reasons.extend(broken.remove(row).unwrap_or_default());
                decoded.rejected.push(Rejected {
                    file: piece.entry.name.clone(),
                    line: piece.first + *row as u64,
                    raw: record::row(&records, position),
                    raw_bytes: None,
                    reasons,
                    file_columns: None,
                });
            }
        }
        let first = piece.first.cast_signed();
        let lines = Int64Array::from_iter_values(first..first + length as i64);
        let rescued = shape.rescues.then(|| self.rescued(piece));
        let added = self.added.iter().map(|added| self.added(piece, added)).collect::<Result<Vec<_>, _>>();
        let rows = Rows { columns: arrays, rescued, lines, added: added.map_err(in_file(name))? };
        let batch = shape.batch(piece.entry, rows, keep.as_ref()).map_err(in_file(name))?;
        decoded.batches.extend(batch);
        Ok(())
    }

    fn rescued(&self, piece: &Piece<'_>) -> ArrayRef {
        let extra: Vec<usize> =
            piece.mapping.extra.iter().filter_map(|number| piece.places.get(*number).copied().flatten()).collect();
        let rows = 0..piece.rows.len();
        Arc::new(StringArray::from_iter(rows.map(|row| record::some(&piece.rows, &extra, row))))
    }

    /// A column that the contract has not; null where this file has it not either.
    fn added(&self, piece: &Piece<'_>, (field, tree): &(Field, Tree)) -> Result<ArrayRef, ArrowError> {
        let absent = || new_null_array(&tree.data_type, piece.rows.len());
        let Some(number) = piece.mapping.added(field) else { return Ok(absent()) };
        let Some(place) = piece.places.get(number).copied().flatten() else { return Ok(absent()) };
        let how = convert::plan(piece.mapping.schema.field(number), tree, &field.name, Extra::LeftOut)
            .unwrap_or(Convert::Nothing);
        let mut bad = BadRows::new();
        how.apply(piece.rows.column(place), tree, &mut bad)
    }

    /// Why a value is none of its column.
    fn explain(&self, piece: &Piece<'_>, row: usize, number: usize, why: Bad) -> Reason {
        let column = &self.wanted.columns[number];
        let name = column.declared.name_in_file();
        let in_file = piece.mapping.schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name));
        let place = in_file.and_then(|number| piece.places.get(number).copied().flatten());
        let mut reason = match (why, place) {
            (Bad::Null, _) => reject::null_value(&column.declared, None),
            (Bad::NoValue, Some(place)) => {
                let text = match record::value(piece.rows.column(place), row) {
                    serde_json::Value::String(text) => text,
                    other => other.to_string(),
                };
                reject::not_a_value(&column.declared, 0, &text, (0, 1))
            }
            (Bad::NoValue, None) => {
                let folder = piece.entry.partition(name).and_then(Option::as_deref);
                reject::not_a_value(&column.declared, 0, folder.unwrap_or_default(), (0, 1))
            }
        };
        reason.column_number = in_file.map_or(0, |number| number as u32 + 1);
        reason
    }
}

/// The rows of these numbers.
pub(crate) fn picked(rows: &StructArray, numbers: &[usize]) -> Result<StructArray, ArrowError> {
    let numbers = arrow::array::UInt64Array::from_iter_values(numbers.iter().map(|row| *row as u64));
    arrow::compute::take(rows, &numbers, None).map(|taken| taken.as_struct().clone())
}
