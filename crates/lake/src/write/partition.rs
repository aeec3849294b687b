//! Partitions: which rows go into which folder, and how the log writes a partition's values.
//!
//! Source: the Delta protocol, 'Partition Value Serialization'. The log's values are what counts; the folder's name only
//! shows them, as Hive and Spark write it.

use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{SortColumn, cast, lexsort_to_indices, partition, take_record_batch};
use arrow::datatypes::{DataType as ArrowType, Date32Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::util::display::array_value_to_string;
use chrono::DateTime;
use headwater_plan::{DataType, Schema, TableName};

use crate::LakeError;

/// The folder's value of a null, as Hive names it.
const NULL_FOLDER: &str = "__HIVE_DEFAULT_PARTITION__";
/// How much of a value a folder's name shows: file systems take 255 bytes.
const FOLDER_BYTES: usize = 120;
/// Runs of equal values in a batch of which each is worth its own slice; with more of them the batch is sorted.
const RUNS: usize = 16;

/// A partition: the values of the partition columns, in their order.
pub(super) type Values = Vec<Option<String>>;

/// The partition columns of a write, and where they are in its batches.
#[derive(Debug, Clone, Default)]
pub(super) struct Partitioning {
    columns: Vec<(String, usize)>,
}

impl Partitioning {
    /// Looks the columns up; refuses those that cannot be folders.
    pub(super) fn of(table: &TableName, schema: &Schema, columns: &[String]) -> Result<Self, LakeError> {
        let refuse = |column: &str, why: &str| {
            Err(LakeError::PartitionColumn { table: table.clone(), column: column.to_string(), why: why.to_string() })
        };
        let mut found = Vec::with_capacity(columns.len());
        for column in columns {
            let position = schema.fields.iter().position(|field| field.name.eq_ignore_ascii_case(column));
            let Some(field) = position.and_then(|position| schema.fields.get(position)) else {
                return refuse(column, "the table has no such column");
            };
            match field.data_type {
                DataType::Boolean
                | DataType::Byte
                | DataType::Short
                | DataType::Int
                | DataType::Long
                | DataType::Decimal { .. }
                | DataType::String
                | DataType::Date
                | DataType::Timestamp => {}
                _ => return refuse(column, &format!("a value of type `{}` cannot be a folder", field.data_type)),
            }
            if found.iter().any(|(name, _)| *name == field.name) {
                return refuse(column, "it is named twice");
            }
            found.push((field.name.clone(), position.unwrap_or(0)));
        }
        if !found.is_empty() && found.len() == schema.fields.len() {
            return refuse(&columns.join(", "), "the files would have no column left");
        }
        Ok(Self { columns: found })
    }

    /// The names of the columns, as the table spells them.
    pub(super) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The positions of the columns that are in the files.
    pub(super) fn kept(&self, columns: usize) -> Vec<usize> {
        (0..columns).filter(|position| self.columns.iter().all(|(_, other)| other != position)).collect()
    }

    /// A batch's rows by partition, without the partition columns. Rows of a partition keep their order.
    pub(super) fn split(&self, batch: &RecordBatch) -> Result<Vec<(Values, RecordBatch)>, ArrowError> {
        if self.columns.is_empty() {
            return Ok(vec![(Values::new(), batch.clone())]);
        }
        let mut ranges = partition(&self.keys(batch)?)?.ranges();
        let mut batch = batch.clone();
        if ranges.len() > RUNS {
            batch = self.sorted(&batch)?;
            ranges = partition(&self.keys(&batch)?)?.ranges();
        }
        let keys = self.keys(&batch)?;
        let rest = batch.project(&self.kept(batch.num_columns()))?;
        let part = |Range { start, end }| {
            let values = keys.iter().map(|key| value(key, start)).collect::<Result<Values, _>>()?;
            Ok((values, rest.slice(start, end - start)))
        };
        ranges.into_iter().map(part).collect()
    }

    /// The partition columns, text in its one form.
    fn keys(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>, ArrowError> {
        let key = |position: usize| {
            let column = batch.columns().get(position).ok_or_else(|| {
                ArrowError::InvalidArgumentError(format!("a batch of {} columns only", batch.num_columns()))
            })?;
            match column.data_type() {
                ArrowType::LargeUtf8 | ArrowType::Utf8View | ArrowType::Dictionary(..) => {
                    cast(column, &ArrowType::Utf8)
                }
                _ => Ok(column.clone()),
            }
        };
        self.columns.iter().map(|(_, position)| key(*position)).collect()
    }

    fn sorted(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let mut by: Vec<SortColumn> =
            self.keys(batch)?.into_iter().map(|values| SortColumn { values, options: None }).collect();
        // The sort is not stable by itself.
        let position: UInt32Array = (0..u32::try_from(batch.num_rows()).unwrap_or(u32::MAX)).collect();
        by.push(SortColumn { values: Arc::new(position), options: None });
        take_record_batch(batch, &lexsort_to_indices(&by, None)?)
    }

    /// The folder of a partition, with a slash at its end; empty without partition columns.
    pub(super) fn folder(&self, values: &Values) -> String {
        let mut folder = String::new();
        for ((name, _), value) in self.columns.iter().zip(values) {
            escape(name, &mut folder);
            folder.push('=');
            match value {
                Some(value) => escape(value, &mut folder),
                None => folder.push_str(NULL_FOLDER),
            }
            folder.push('/');
        }
        folder
    }
}

/// A value as the log writes it. As in Spark, an empty text is null: the log has one form for both.
fn value(column: &ArrayRef, row: usize) -> Result<Option<String>, ArrowError> {
    if column.is_null(row) {
        return Ok(None);
    }
    let text = match column.data_type() {
        ArrowType::Date32 => {
            let date = column.as_primitive::<Date32Type>().value_as_date(row);
            date.map(|date| date.format("%Y-%m-%d").to_string()).ok_or_else(|| out_of_range("date"))?
        }
        ArrowType::Timestamp(..) => {
            // In UTC and saying so, since readers take the form without a zone for one of their own.
            let instant = DateTime::from_timestamp_micros(column.as_primitive::<TimestampMicrosecondType>().value(row));
            let instant = instant.ok_or_else(|| out_of_range("timestamp"))?;
            instant.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
        }
        _ => array_value_to_string(column, row)?,
    };
    Ok((!text.is_empty()).then_some(text))
}

fn out_of_range(what: &str) -> ArrowError {
    ArrowError::ComputeError(format!("a {what} of a year that no folder can be named by"))
}

/// A part of a folder's name: what a file system, a URL or a shell reads otherwise is escaped.
fn escape(text: &str, out: &mut String) {
    let end = out.len() + FOLDER_BYTES;
    for letter in text.chars() {
        if out.len() >= end {
            break;
        }
        if letter.is_ascii_alphanumeric()
            || "-_. ,".contains(letter)
            || (!letter.is_ascii() && letter.is_alphanumeric())
        {
            out.push(letter);
        } else {
            for byte in letter.to_string().bytes() {
                // Writing to a string does not fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
#[path = "partition_tests.rs"]
mod tests;
