//! `query`: asks the lake something in Spark SQL.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::StreamExt;
use futures::stream::BoxStream;
use headwater_plan::{Diagnostic, Diagnostics, Environment, Schema};
use headwater_project::Request;

use crate::{Context, wiring};

/// The rows of a query, as they come.
pub struct Rows {
    /// The columns, in Spark's types.
    pub schema: Schema,
    /// The columns, in Arrow's.
    pub arrow_schema: SchemaRef,
    /// The rows.
    pub stream: BoxStream<'static, Result<RecordBatch, Diagnostic>>,
}

/// Begins a query. Only `headwater.yml` is read: a mistake in a model does not stand in the way of a question.
///
/// # Errors
/// No project, an unusable lake, or what is wrong in the query.
pub async fn query(context: &Context, sql: &str) -> Result<Rows, Diagnostics> {
    let request = context.request()?;
    let environment = headwater_project::environment(&request)?;
    answer(context, &request, &environment, sql).await
}

/// Begins a query on an environment's lake.
pub(crate) async fn answer(
    context: &Context,
    request: &Request,
    environment: &Environment,
    sql: &str,
) -> Result<Rows, Diagnostics> {
    let lake = wiring::lake(environment, &request.environ).await?;
    let engine = wiring::embedded(environment, lake, request, &context.clock);
    let answer = engine.query(sql).await.map_err(Diagnostics)?;
    let arrow_schema = answer.stream.schema();
    let stream = answer.stream.map(move |batch| batch.map_err(|error| engine.query_failed(error)));
    Ok(Rows { schema: answer.schema, arrow_schema, stream: stream.boxed() })
}
