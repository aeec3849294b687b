//! Increments whose rows replace none by a key: append, and insert_overwrite.
//!
//! Risk: an increment that is added twice. It was computed from one version of the table, on which the commit insists.

use headwater_lake::{Outcome, Removal, fault};
use serde_json::Value;

use super::{Increment, Written};
use crate::error::EmbeddedError;
use crate::rows;

/// The rows are added.
pub(super) async fn append(increment: &Increment<'_>) -> Result<Written, EmbeddedError> {
    write(increment, "Append", &Removal::Nothing).await
}

/// The partitions that the rows belong to are replaced; without partitions, all of the table is.
pub(super) async fn insert_overwrite(increment: &Increment<'_>) -> Result<Written, EmbeddedError> {
    write(increment, "Overwrite", &Removal::Partitions).await
}

async fn write(increment: &Increment<'_>, mode: &str, removal: &Removal) -> Result<Written, EmbeddedError> {
    let step = increment.step;
    let session = step.engine.session()?;
    let change = increment.begin("WRITE")?;
    let execution = session.lower_so(&increment.planned.rows, session.manner(&increment.inputs)).await?;
    let parts = rows::write(session, execution, &|| change.part(), step.context).await?;
    fault::point("increment-computed");
    if step.context.cancel.is_cancelled() {
        change.abort(parts).await;
        return Err(EmbeddedError::Cancelled);
    }
    let rows = parts.iter().map(headwater_lake::FinishedPart::rows).sum();
    let outcome = Outcome { removal: removal.clone(), metrics: vec![("numOutputRows", rows)] };
    let change = change.with_parameters(vec![("mode", Value::from(mode))]);
    let committed = change.commit(parts, &outcome).await?;
    Ok(Written { committed, rows })
}
