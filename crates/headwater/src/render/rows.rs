//! The rows of a query as a table or as bars.

use arrow::array::{Array, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use headwater_plan::Schema;

use super::chart::Bar;
use super::table::{Align, Cell, Table};

/// Instants are shown in UTC, as Spark shows them in a session of that time zone.
const INSTANT: &str = "%Y-%m-%d %H:%M:%S%.f";

/// A table of these rows.
pub(crate) fn table(schema: &Schema, batches: &[RecordBatch]) -> Table {
    let mut table = Table::default();
    for field in &schema.fields {
        let align = if field.data_type.is_numeric() { Align::Right } else { Align::Left };
        table.typed_column(&field.name, field.data_type.to_string(), align);
    }
    for batch in batches {
        let columns: Vec<_> = batch.columns().iter().map(|column| Texts::of(column.as_ref())).collect();
        for row in 0..batch.num_rows() {
            table.row(columns.iter().map(|column| column.cell(row)).collect());
        }
    }
    table
}

/// Bars of two columns of these rows, named by their position.
pub(crate) fn bars(batches: &[RecordBatch], (labels, values): (usize, usize)) -> Vec<Bar> {
    let mut bars = Vec::new();
    for batch in batches {
        let (labels, values) = (Texts::of(batch.column(labels).as_ref()), Texts::of(batch.column(values).as_ref()));
        for row in 0..batch.num_rows() {
            let text = values.text(row);
            bars.push(Bar {
                label: labels.text(row).unwrap_or_else(|| "null".to_owned()),
                value: text.as_deref().and_then(|text| text.parse().ok()),
                text: text.unwrap_or_else(|| "null".to_owned()),
            });
        }
    }
    bars
}

/// A column's values as text.
struct Texts<'a> {
    nulls: Option<NullBuffer>,
    formatter: Option<ArrayFormatter<'a>>,
}

impl<'a> Texts<'a> {
    fn of(column: &'a dyn Array) -> Self {
        const OPTIONS: FormatOptions<'static> =
            FormatOptions::new().with_timestamp_format(Some(INSTANT)).with_timestamp_tz_format(Some(INSTANT));
        // All of Spark's types have a text; one that has none is shown as such rather than not at all.
        Self { nulls: column.logical_nulls(), formatter: ArrayFormatter::try_new(column, &OPTIONS).ok() }
    }

    fn text(&self, row: usize) -> Option<String> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        let text = self.formatter.as_ref().and_then(|formatter| formatter.value(row).try_to_string().ok());
        Some(text.unwrap_or_else(|| "?".to_owned()))
    }

    fn cell(&self, row: usize) -> Cell {
        self.text(row).map_or(Cell::Null, Cell::text)
    }
}
