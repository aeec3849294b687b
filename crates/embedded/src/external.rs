//! A table that something else writes: nothing to do but to look that it is there and has what is declared of it.

use headwater_lake::Relation;
use headwater_plan::{Built, Node, NodeState, Schema, StepReport, TableVersion};

use crate::EmbeddedEngine;
use crate::error::EmbeddedError;
use crate::set_aside::{empty_version, is_empty_quarantine};

/// A table that has what is declared counts as built, so that nothing runs for it.
pub(crate) async fn state(engine: &EmbeddedEngine, node: &Node) -> Result<NodeState, EmbeddedError> {
    let built = Built { fingerprint: node.fingerprint.clone(), inputs: Default::default() };
    let Some(relation) = relation(engine, node).await? else {
        if is_bare(node) {
            return Ok(NodeState { built: Some(built), ..NodeState::default() });
        }
        let version = empty(engine, node).await?;
        return Ok(NodeState { built: version.as_ref().map(|_| built), version, ..NodeState::default() });
    };
    let fits = differences(&node.schema, &relation.schema()).is_empty();
    Ok(NodeState { version: Some(relation.version()), built: fits.then_some(built), ..NodeState::default() })
}

pub(crate) async fn execute(engine: &EmbeddedEngine, node: &Node) -> Result<StepReport, EmbeddedError> {
    let Some(table) = node.relation.clone() else { return Ok(StepReport::default()) };
    let Some(relation) = relation(engine, node).await? else {
        if is_bare(node) {
            return Ok(StepReport::default());
        }
        let version = empty(engine, node).await?;
        version.as_ref().ok_or(EmbeddedError::MissingTable { table })?;
        return Ok(StepReport { version, ..StepReport::default() });
    };
    let differences = differences(&node.schema, &relation.schema());
    if !differences.is_empty() {
        return Err(EmbeddedError::DeclaredColumns { table, differences });
    }
    Ok(StepReport { version: Some(relation.version()), ..StepReport::default() })
}

/// Whether nothing is known of the table's columns: then nothing reads it, since that would not have compiled.
fn is_bare(node: &Node) -> bool {
    node.schema.fields.is_empty()
}

async fn relation(engine: &EmbeddedEngine, node: &Node) -> Result<Option<Relation>, EmbeddedError> {
    match &node.relation {
        Some(name) => Ok(engine.lake.relation(name).await?),
        None => Ok(None),
    }
}

/// The version of a quarantine that holds nothing yet; `None` for any other table that is not there.
async fn empty(engine: &EmbeddedEngine, node: &Node) -> Result<Option<TableVersion>, EmbeddedError> {
    match &node.relation {
        Some(name) if is_empty_quarantine(&engine.lake, name).await? => Ok(Some(empty_version())),
        _ => Ok(None),
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
