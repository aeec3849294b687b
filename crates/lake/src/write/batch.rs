//! Fitting a batch to the table: only what changes no value.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Schema, SchemaRef};

/// The batch with the table's types, or in words why it does not fit. Text and bytes may come in any of Arrow's forms,
/// which the Parquet writer takes as they are; a column of nothing but nulls without type; an instant in any unit not
/// finer than the table's. Everything else is the engine's to cast, which knows what Spark's cast does.
pub(super) fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, String> {
    if batch.schema_ref().fields() == schema.fields() {
        return Ok(batch.clone());
    }
    if batch.num_columns() != schema.fields().len() {
        return Err(format!("{} columns instead of {}", batch.num_columns(), schema.fields().len()));
    }
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut columns = Vec::with_capacity(batch.num_columns());
    let given = batch.schema_ref().fields().iter().zip(batch.columns());
    for (wanted, (found, column)) in schema.fields().iter().zip(given) {
        if !wanted.name().eq_ignore_ascii_case(found.name()) {
            return Err(format!("column `{}` where `{}` belongs", found.name(), wanted.name()));
        }
        let column = adapt(column, wanted.data_type()).ok_or_else(|| {
            format!("column `{}` is `{}` instead of `{}`", wanted.name(), found.data_type(), wanted.data_type())
        })?;
        fields.push(wanted.as_ref().clone().with_data_type(column.data_type().clone()));
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|error| error.to_string())
}

fn adapt(column: &ArrayRef, wanted: &DataType) -> Option<ArrayRef> {
    let exact = || {
        let options = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(column, wanted, &options).ok()
    };
    match (column.data_type(), wanted) {
        (found, wanted) if found == wanted => Some(column.clone()),
        (DataType::Null, wanted) => Some(new_null_array(wanted, column.len())),
        (found, DataType::Utf8) if is_text(found) => Some(column.clone()),
        (found, DataType::Binary) if is_bytes(found) => Some(column.clone()),
        (DataType::Timestamp(unit, Some(_)), DataType::Timestamp(finest, Some(_))) if unit <= finest => exact(),
        (found, wanted) if is_same_shape(found, wanted) => exact(),
        _ => None,
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => matches!(values.as_ref(), DataType::Utf8 | DataType::LargeUtf8),
        _ => false,
    }
}

fn is_bytes(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

/// Nested types that differ in the names of what lies between (`item` or `element`) and in forms of text at most.
fn is_same_shape(found: &DataType, wanted: &DataType) -> bool {
    match (found, wanted) {
        (DataType::List(found) | DataType::LargeList(found) | DataType::ListView(found), DataType::List(wanted))
        | (DataType::Map(found, _), DataType::Map(wanted, _)) => is_same_shape(found.data_type(), wanted.data_type()),
        (DataType::Struct(found), DataType::Struct(wanted)) => {
            found.len() == wanted.len()
                && found.iter().zip(wanted).all(|(found, wanted)| is_same_shape(found.data_type(), wanted.data_type()))
        }
        (DataType::Null, _) => true,
        (found, DataType::Utf8) => is_text(found),
        (found, DataType::Binary) => is_bytes(found),
        (found, wanted) => found == wanted,
    }
}

/// Which columns held a NaN. Parquet's footer leaves NaN out of minimum and maximum, but to Spark it is the greatest
/// number of all, so that such a maximum would make a reader skip rows that it needs.
#[derive(Debug)]
pub(super) struct NanColumns(Vec<Option<bool>>);

impl NanColumns {
    pub(super) fn new(schema: &Schema) -> Self {
        let is_float = |data_type: &DataType| matches!(data_type, DataType::Float32 | DataType::Float64);
        Self(schema.fields().iter().map(|field| is_float(field.data_type()).then_some(false)).collect())
    }

    pub(super) fn look_at(&mut self, batch: &RecordBatch) {
        for (seen, column) in self.0.iter_mut().zip(batch.columns()) {
            if *seen == Some(false) {
                *seen = Some(match column.data_type() {
                    DataType::Float32 => column.as_primitive::<Float32Type>().values().iter().any(|v| v.is_nan()),
                    DataType::Float64 => column.as_primitive::<Float64Type>().values().iter().any(|v| v.is_nan()),
                    _ => false,
                });
            }
        }
    }

    pub(super) fn has_nan(&self, column: usize) -> bool {
        self.0.get(column).copied().flatten().unwrap_or(false)
    }
}
