//! Rows spoiled on request, each in one named way, and counted.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::random::{below, hit};
use super::slots::{Draw, Slots};

/// A way in which a row is spoiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Defect {
    /// A number, date, timestamp or boolean that does not parse.
    UnparsableValue,
    /// An empty cell in a column that must not be null.
    MissingValue,
    /// A row without its last cell.
    MissingCell,
    /// A row with a cell too many.
    ExtraCell,
    /// A reference to a row that is not there.
    UnknownReference,
    /// A row that comes twice.
    DuplicateRow,
    /// A quoted cell with text after its closing quote.
    TextAfterQuote,
}

/// How many rows were spoiled in which way.
pub type DefectCounts = BTreeMap<Defect, u64>;

/// How the rows of a table are spoiled.
#[derive(Debug, Clone)]
pub(super) struct Dirt {
    /// The share of spoiled rows, as a threshold.
    pub(super) share: u64,
    /// Whether there is more than one column, so that one can be missing.
    pub(super) wide: bool,
    /// Columns with a type that text can fail, with a text that fails it.
    pub(super) typed: Vec<(usize, &'static str)>,
    /// Columns that must not be null.
    pub(super) required: Vec<usize>,
    /// Columns that refer to another table: its keys, and its rows.
    pub(super) references: Vec<(usize, Slots, Draw, u64)>,
}

/// A spoiled row: in which way, and where.
#[derive(Debug)]
pub(super) struct Spoiled {
    pub(super) defect: Defect,
    /// The column that it is about; 0 where it is about the whole row.
    pub(super) column: usize,
    /// The text that stands in the column instead.
    pub(super) text: Vec<u8>,
}

impl Dirt {
    /// Whether and how the next row is spoiled.
    pub(super) fn spoil(&self, random: &mut ChaCha8Rng) -> Option<Spoiled> {
        if !hit(random, self.share) {
            return None;
        }
        let mut defects = vec![Defect::ExtraCell, Defect::DuplicateRow, Defect::TextAfterQuote];
        if self.wide {
            defects.push(Defect::MissingCell);
        }
        if !self.typed.is_empty() {
            defects.push(Defect::UnparsableValue);
        }
        if !self.required.is_empty() {
            defects.push(Defect::MissingValue);
        }
        if !self.references.is_empty() {
            defects.push(Defect::UnknownReference);
        }
        let defect = defects[below(random, defects.len() as u64) as usize];
        let mut spoiled = Spoiled { defect, column: 0, text: Vec::new() };
        match defect {
            Defect::UnparsableValue => {
                let (column, text) = self.typed[below(random, self.typed.len() as u64) as usize];
                spoiled.column = column;
                spoiled.text.extend_from_slice(text.as_bytes());
            }
            Defect::MissingValue => {
                spoiled.column = self.required[below(random, self.required.len() as u64) as usize];
            }
            Defect::UnknownReference => {
                let (column, slots, key, rows) = &self.references[below(random, self.references.len() as u64) as usize];
                // A row past the table's last: its key is one that no row has.
                let beyond = rows + below(random, 1000);
                spoiled.column = *column;
                slots.write(key.number(beyond, slots.count, random), &mut spoiled.text);
            }
            Defect::MissingCell | Defect::ExtraCell | Defect::DuplicateRow | Defect::TextAfterQuote => {}
        }
        Some(spoiled)
    }
}
