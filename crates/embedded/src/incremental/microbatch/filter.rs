//! Rows of a span: as a condition in Spark SQL, and as values.

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, NaiveTime, Utc};
use headwater_lake::{Lake, LakeError};
use headwater_plan::{DataType, Microbatch, Schema, TableName};
use headwater_sql::RelationSource;

use super::super::quoted;
use super::super::spans::Span;
use crate::inputs::Inputs;
use headwater_plan::refusal::IncrementalError;

/// The column by which a row belongs to a span.
#[derive(Debug, Clone)]
pub(super) struct EventTime {
    /// Its name, as the rows have it.
    pub(super) column: String,
    is_date: bool,
}

impl EventTime {
    pub(super) fn of(microbatch: &Microbatch, schema: &Schema) -> Result<Self, IncrementalError> {
        let written = &microbatch.event_time;
        let Some(field) = schema.field(written) else {
            let column = written.clone();
            return Err(IncrementalError::NotATime { column, found: "no column of the query".to_owned() });
        };
        match field.data_type {
            DataType::Timestamp | DataType::Date => {
                Ok(Self { column: field.name.clone(), is_date: field.data_type == DataType::Date })
            }
            ref other => Err(IncrementalError::NotATime { column: written.clone(), found: other.to_string() }),
        }
    }

    /// The condition that a row of the table belongs to a span.
    pub(super) fn within(&self, span: Span) -> String {
        let data_type = if self.is_date { DataType::Date } else { DataType::Timestamp };
        condition(&quoted(&self.column), Some(&data_type), span)
    }
}

/// The condition that a column lies in a span. Its own type is compared where that is a time, so that files are skipped.
fn condition(column: &str, data_type: Option<&DataType>, span: Span) -> String {
    let is_midnight = |at: DateTime<Utc>| at.time() == NaiveTime::MIN;
    let instant = |at: DateTime<Utc>| format!("TIMESTAMP '{}'", at.format("%Y-%m-%d %H:%M:%S"));
    let day = |at: DateTime<Utc>| format!("DATE '{}'", at.format("%Y-%m-%d"));
    let (column, from, to) = match data_type {
        Some(DataType::Date) if is_midnight(span.from) && is_midnight(span.to) => {
            (column.to_owned(), day(span.from), day(span.to))
        }
        Some(DataType::Timestamp) => (column.to_owned(), instant(span.from), instant(span.to)),
        _ => (format!("CAST({column} AS timestamp)"), instant(span.from), instant(span.to)),
    };
    format!("({column} >= {from} AND {column} < {to})")
}

/// An input of which only the rows of a span are read.
#[derive(Debug)]
pub(super) struct Filter {
    name: TableName,
    /// The name under which all of its rows are read.
    whole: TableName,
    column: String,
    data_type: Option<DataType>,
}

impl Filter {
    pub(super) async fn all(lake: &Lake, microbatch: &Microbatch) -> Result<Vec<Self>, LakeError> {
        let mut filters = Vec::with_capacity(microbatch.filtered.len());
        for (position, (name, column)) in microbatch.filtered.iter().enumerate() {
            let schema = lake.relation(name).await?.map(|relation| relation.schema());
            let field = schema.as_ref().and_then(|schema| schema.field(column));
            filters.push(Self {
                name: name.clone(),
                whole: TableName::new("_headwater", format!("input_{position}")),
                column: column.clone(),
                data_type: field.map(|field| field.data_type.clone()),
            });
        }
        Ok(filters)
    }

    /// Lets the input give the rows of a span only.
    pub(super) fn place(&self, inputs: &mut Inputs, span: Span) {
        let Some(source) = inputs.source(&self.name).cloned() else { return };
        let condition = condition(&quoted(&self.column), self.data_type.as_ref(), span);
        let whole = format!("{}.{}", quoted(&self.whole.schema), quoted(&self.whole.name));
        inputs.place(self.whole.clone(), source);
        inputs
            .place(self.name.clone(), RelationSource::View { sql: format!("SELECT * FROM {whole} WHERE {condition}") });
    }
}

/// How many rows of a batch belong to a span.
pub(super) fn belongs(batch: &RecordBatch, column: &str, span: Span) -> Result<usize, ArrowError> {
    let Some(times) = batch.column_by_name(column) else { return Ok(0) };
    let times = cast(times, &ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))?;
    let (from, to) = (span.from.timestamp_micros(), span.to.timestamp_micros());
    let times = times.as_primitive::<TimestampMicrosecondType>();
    Ok(times.iter().flatten().filter(|time| (from..to).contains(time)).count())
}
