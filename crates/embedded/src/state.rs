//! What the lake holds for a node, and what waits for it. Metadata only.

use headwater_lake::Relation;
use headwater_plan::{Node, NodeState, Step};

use crate::EmbeddedEngine;
use crate::error::EmbeddedError;
use crate::{external, ingest};

pub(crate) async fn state(engine: &EmbeddedEngine, node: &Node) -> Result<NodeState, EmbeddedError> {
    match &node.step {
        Step::Ingest(ingest) => return ingest::state(engine, node, ingest).await,
        Step::External => return external::state(engine, node).await,
        Step::Test(_) => return Ok(NodeState::default()),
        Step::Seed(_) | Step::Table(_) | Step::View(_) => {}
    }
    let Some(name) = &node.relation else { return Ok(NodeState::default()) };
    let Some(relation) = engine.lake.relation(name).await? else { return Ok(NodeState::default()) };
    // A view where a table should be, or the other way round, was built by another step than this one.
    let is_view = matches!(relation, Relation::View(_));
    let built = if is_view == matches!(node.step, Step::View(_)) { relation.built() } else { None };
    Ok(NodeState { version: Some(relation.version()), built, ..NodeState::default() })
}
