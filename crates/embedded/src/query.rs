//! A query that the user types. Reads only.

use std::path::PathBuf;

use arrow::array::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use headwater_plan::{Diagnostic, Location, Schema};
use headwater_sql::SqlError;
use serde_json::Value;

use crate::EmbeddedEngine;
use crate::error::EmbeddedError;
use crate::inputs::Inputs;
use crate::json;

/// The most rows that a template may ask for: they are held in memory, each cell by itself.
const MOST_ROWS: usize = 100_000;

/// The file that the places in a typed query are said to lie in.
const TYPED: &str = "<query>";

/// An answer whose rows come as they are computed.
pub struct QueryResult {
    /// The columns.
    pub schema: Schema,
    /// The rows. What fails while they come is told by [`EmbeddedEngine::query_failed`].
    pub stream: SendableRecordBatchStream,
}

impl EmbeddedEngine {
    /// Answers a query on the lake's tables and views.
    ///
    /// # Errors
    /// All that is wrong with the query, each at its place in `<query>`.
    pub async fn query(&self, sql: &str) -> Result<QueryResult, Vec<Diagnostic>> {
        self.answer(sql).await.map_err(|error| match error {
            EmbeddedError::Sql { errors } => errors.iter().map(|error| located(error, sql)).collect(),
            other => vec![other.diagnostic()],
        })
    }

    /// Answers a query with all of its rows, for a template that asks for them: a value for each column of each row.
    ///
    /// # Errors
    /// What is wrong with the query, or that it gives more than 100,000 rows.
    pub async fn rows(&self, sql: &str) -> Result<(Schema, Vec<Vec<Value>>), Diagnostic> {
        collect(self, sql, &mut Inputs::default(), MOST_ROWS).await.map_err(|error| match error {
            EmbeddedError::Sql { errors } => {
                let mut told = errors.iter().map(|error| located(error, sql));
                let Some(mut first) = told.next() else { return Diagnostic::internal("a query was refused silently") };
                first.causes.extend(told.map(|other| other.message));
                first
            }
            other => other.diagnostic(),
        })
    }

    pub(crate) async fn answer(&self, sql: &str) -> Result<QueryResult, EmbeddedError> {
        answer(self, sql, &mut Inputs::default()).await
    }

    /// The message of a query that failed while its rows came.
    pub fn query_failed(&self, source: DataFusionError) -> Diagnostic {
        self.failed(source).diagnostic()
    }

    fn failed(&self, source: DataFusionError) -> EmbeddedError {
        EmbeddedError::Query { source, memory_limit: self.settings.memory_limit }
    }
}

async fn answer(engine: &EmbeddedEngine, sql: &str, inputs: &mut Inputs) -> Result<QueryResult, EmbeddedError> {
    let session = engine.session()?;
    let typed = session.plan(&engine.lake, sql, inputs).await?;
    let execution = session.lower(&typed, inputs).await?;
    let stream = execution.stream().map_err(|source| session.failed(source))?;
    Ok(QueryResult { schema: typed.schema, stream })
}

/// The rows of a small query; an error if there are more than `most`.
pub(crate) async fn batches(
    engine: &EmbeddedEngine,
    sql: &str,
    inputs: &mut Inputs,
    most: usize,
) -> Result<(Schema, Vec<RecordBatch>), EmbeddedError> {
    let QueryResult { schema, mut stream } = answer(engine, sql, inputs).await?;
    let (mut batches, mut rows) = (Vec::new(), 0);
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(|source| engine.failed(source))?;
        rows += batch.num_rows();
        if rows > most {
            return Err(EmbeddedError::TooManyRows { most });
        }
        batches.push(batch);
    }
    Ok((schema, batches))
}

/// The rows of a small query, a value for each cell; an error if there are more than `most`.
pub(crate) async fn collect(
    engine: &EmbeddedEngine,
    sql: &str,
    inputs: &mut Inputs,
    most: usize,
) -> Result<(Schema, Vec<Vec<Value>>), EmbeddedError> {
    let (schema, batches) = batches(engine, sql, inputs, most).await?;
    let mut rows = Vec::new();
    for batch in &batches {
        rows.extend(json::rows(batch).map_err(|source| engine.failed(source.into()))?);
    }
    Ok((schema, rows))
}

fn located(error: &SqlError, sql: &str) -> Diagnostic {
    let mut diagnostic = error.diagnostic();
    if let Some(position) = error.position {
        let line = usize::try_from(position.line).unwrap_or(1).saturating_sub(1);
        diagnostic.location = Some(Location {
            file: PathBuf::from(TYPED),
            line: position.line,
            column: position.column,
            length: position.length,
            text: sql.lines().nth(line).map(str::to_owned),
        });
    }
    diagnostic
}
