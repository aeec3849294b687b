//! A query that the user types. Reads only.

use std::path::PathBuf;

use datafusion::execution::SendableRecordBatchStream;
use headwater_plan::{Diagnostic, Location, Schema};
use headwater_sql::SqlError;

use crate::EmbeddedEngine;
use crate::error::EmbeddedError;
use crate::inputs::Inputs;

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

    pub(crate) async fn answer(&self, sql: &str) -> Result<QueryResult, EmbeddedError> {
        let session = self.session()?;
        let mut inputs = Inputs::default();
        let typed = session.plan(&self.lake, sql, &mut inputs).await?;
        let execution = session.lower(&typed, &inputs).await?;
        let stream = execution.stream().map_err(|source| session.failed(source))?;
        Ok(QueryResult { schema: typed.schema, stream })
    }

    /// The message of a query that failed while its rows came.
    pub fn query_failed(&self, source: datafusion::error::DataFusionError) -> Diagnostic {
        EmbeddedError::Query { source, memory_limit: self.settings.memory_limit }.diagnostic()
    }
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
