//! A table that something else writes: nothing to do but to look that it is there and has what is declared of it.

use headwater_lake::Relation;
use headwater_plan::{Built, Node, NodeState, Schema, StepReport};

use crate::EmbeddedEngine;
use crate::error::EmbeddedError;

/// A table that has what is declared counts as built, so that nothing runs for it.
pub(crate) async fn state(engine: &EmbeddedEngine, node: &Node) -> Result<NodeState, EmbeddedError> {
    let Some(relation) = relation(engine, node).await? else { return Ok(NodeState::default()) };
    let fits = differences(&node.schema, &relation.schema()).is_empty();
    let built = Built { fingerprint: node.fingerprint.clone(), inputs: Default::default() };
    Ok(NodeState { version: Some(relation.version()), built: fits.then_some(built), ..NodeState::default() })
}

pub(crate) async fn execute(engine: &EmbeddedEngine, node: &Node) -> Result<StepReport, EmbeddedError> {
    let Some(table) = node.relation.clone() else { return Ok(StepReport::default()) };
    let Some(relation) = relation(engine, node).await? else { return Err(EmbeddedError::MissingTable { table }) };
    let differences = differences(&node.schema, &relation.schema());
    if !differences.is_empty() {
        return Err(EmbeddedError::DeclaredColumns { table, differences });
    }
    Ok(StepReport { version: Some(relation.version()), ..StepReport::default() })
}

async fn relation(engine: &EmbeddedEngine, node: &Node) -> Result<Option<Relation>, EmbeddedError> {
    match &node.relation {
        Some(name) => Ok(engine.lake.relation(name).await?),
        None => Ok(None),
    }
}

/// What is declared and not so, in words. Columns beyond the declared ones are nobody's business.
pub(crate) fn differences(declared: &Schema, found: &Schema) -> Vec<String> {
    let difference = |field: &headwater_plan::Field| match found.field(&field.name) {
        None => Some(format!("`{}` is missing", field.name)),
        Some(other) if other.data_type != field.data_type => {
            Some(format!("`{}` is `{}`, not `{}`", field.name, other.data_type, field.data_type))
        }
        Some(_) => None,
    };
    declared.fields.iter().filter_map(difference).collect()
}
