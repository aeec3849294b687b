//! A query kept as a view: nothing is executed, the lake remembers the query by its name.

use headwater_lake::View;
use headwater_plan::{Built, Node, Query, StepReport};

use crate::EmbeddedEngine;
use crate::error::EmbeddedError;

pub(crate) async fn execute(engine: &EmbeddedEngine, node: &Node, query: &Query) -> Result<StepReport, EmbeddedError> {
    let Some(name) = node.relation.clone() else { return Ok(StepReport::default()) };
    let view = View {
        name,
        sql: query.sql.clone(),
        schema: node.schema.clone(),
        reads: query.reads.clone(),
        built: Built { fingerprint: node.fingerprint.clone(), inputs: Default::default() },
    };
    let version = engine.lake.replace_view(view).await?;
    Ok(StepReport { version: Some(version), ..StepReport::default() })
}
