//! `_rescued_data`: the values that no column takes, as a JSON object for each row that has some.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringBuilder};
use serde_json::{Map, Value};

use super::header::{FileColumns, position_name};
use super::token::Cell;
use crate::files::value::column::Chunk;

/// The rescued values of a batch so far.
#[derive(Debug, Default)]
pub(super) struct Rescue {
    objects: StringBuilder,
}

impl Rescue {
    /// Adds the rows of a chunk; `surplus` are the cells beyond the file's columns, of rows that have some.
    pub(super) fn rows(
        &mut self,
        chunk: &Chunk<'_>,
        columns: &FileColumns,
        surplus: &[(usize, Vec<Cell>)],
        rows: usize,
    ) {
        let mut surplus = surplus.iter().peekable();
        let mut scratch = String::new();
        for row in 0..rows {
            let mut object = Map::new();
            for (cell, name) in &columns.rescued {
                let cell = &chunk.cells[row * chunk.width + cell];
                if let Some(text) = chunk.string(cell, &mut scratch) {
                    object.insert(name.clone(), Value::from(text));
                }
            }
            if let Some((_, cells)) = surplus.next_if(|(of, _)| *of == row) {
                for (number, cell) in cells.iter().enumerate() {
                    if let Some(text) = chunk.string(cell, &mut scratch) {
                        object.insert(position_name(chunk.width + number), Value::from(text));
                    }
                }
            }
            self.objects.append_option((!object.is_empty()).then(|| Value::Object(object).to_string()));
        }
    }

    pub(super) fn finish(mut self) -> ArrayRef {
        Arc::new(self.objects.finish())
    }
}
