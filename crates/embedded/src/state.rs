//! What the lake holds for a node, and what waits for it. Metadata only.

use headwater_lake::Relation;
use headwater_plan::{Incremental, Node, NodeState, Step, Strategy};

use crate::EmbeddedEngine;
use crate::error::EmbeddedError;
use crate::incremental::is_due;
use crate::{external, ingest};

pub(crate) async fn state(engine: &EmbeddedEngine, node: &Node) -> Result<NodeState, EmbeddedError> {
    match &node.step {
        Step::Ingest(ingest) => return ingest::state(engine, node, ingest).await,
        Step::External => return external::state(engine, node).await,
        Step::Test(_) | Step::UnitTest(_) | Step::Ephemeral(_) | Step::Statement(_) | Step::Late(_) => {
            return Ok(NodeState::default());
        }
        Step::Seed(_) | Step::Table(_) | Step::View(_) | Step::Incremental(_) | Step::Snapshot(_) => {}
    }
    let Some(name) = &node.relation else { return Ok(NodeState::default()) };
    let Some(relation) = engine.lake.relation(name).await? else { return Ok(NodeState::default()) };
    // A view where a table should be, or the other way round, was built by another step than this one.
    let is_view = matches!(relation, Relation::View(_));
    let built = if is_view == matches!(node.step, Step::View(_)) { relation.built() } else { None };
    let due = match (&relation, &node.step) {
        (Relation::Table(table), Step::Incremental(Incremental { strategy: Strategy::Microbatch(_), .. })) => {
            is_due(table, engine.settings.clock.now()).await?
        }
        _ => false,
    };
    Ok(NodeState { version: Some(relation.version()), built, due, ..NodeState::default() })
}
