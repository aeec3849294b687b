//! The statements before and after a node's own step.
//!
//! Risk: a node whose step was committed and whose statements after it never ran, and that counts as up to date. So its
//! table says, in the commit of the step, that they are owed, and that nothing is owed in a commit of its own once they
//! have run. A run that finds a table to which nothing but that is owed runs the statements alone: the step is not done
//! twice. A statement itself may be done twice if the process dies right after it, as in dbt.

use headwater_lake::{ChangeOptions, Outcome, Relation, Removal};
use headwater_plan::{
    Built, Incremental, Node, RowCounts, Statement, Step, StepContext, StepReport, Strategy, TableName,
};

use crate::error::EmbeddedError;
use crate::incremental::is_due;
use crate::inputs::Inputs;
use crate::{EmbeddedEngine, statement, view};

/// What follows the fingerprint of a node whose statements after its step are owed.
const OWED: &str = " without its post-hooks";
/// How often it is tried to say that nothing is owed any more.
const ATTEMPTS: u32 = 20;

/// The step of a node with what runs before and after it.
pub(crate) async fn execute(
    engine: &EmbeddedEngine,
    node: &Node,
    context: &StepContext,
) -> Result<StepReport, EmbeddedError> {
    if node.hooks.before.is_empty() && node.hooks.after.is_empty() {
        return engine.step(node, context).await;
    }
    let owing = Node { fingerprint: format!("{}{OWED}", node.fingerprint), ..node.clone() };
    let only_owes =
        !node.hooks.after.is_empty() && !context.full_refresh && is_as_built(engine, &owing, context).await?;
    let mut report = if only_owes {
        StepReport::default()
    } else {
        run_all(engine, node, "pre-hook", &node.hooks.before, context).await?;
        let step = if node.hooks.after.is_empty() { node } else { &owing };
        engine.step(step, context).await?
    };
    if node.hooks.after.is_empty() {
        return Ok(report);
    }
    run_all(engine, node, "post-hook", &node.hooks.after, context).await?;
    settle(engine, node, context).await?;
    if let (Some(name), Some(before)) = (&node.relation, &mut report.version)
        && let Some(relation) = engine.lake.relation(name).await?
    {
        *before = relation.version();
    }
    Ok(report)
}

async fn run_all(
    engine: &EmbeddedEngine,
    node: &Node,
    place: &'static str,
    statements: &[Statement],
    context: &StepContext,
) -> Result<(), EmbeddedError> {
    for (position, statement) in statements.iter().enumerate() {
        if context.cancel.is_cancelled() {
            return Err(EmbeddedError::Cancelled);
        }
        match statement::run(engine, statement, context).await {
            Ok(RowCounts { .. }) => {}
            Err(EmbeddedError::Cancelled) => return Err(EmbeddedError::Cancelled),
            Err(source) => {
                let number = (position + 1, statements.len());
                return Err(EmbeddedError::Hook { place, node: node.name.clone(), number, source: Box::new(source) });
            }
        }
    }
    Ok(())
}

/// Whether the node's table was built by this very node, from what it reads as that is now. A step that decides by more
/// than that is done again: it knows what it has done.
async fn is_as_built(engine: &EmbeddedEngine, node: &Node, context: &StepContext) -> Result<bool, EmbeddedError> {
    if !matches!(node.step, Step::Table(_) | Step::Incremental(_) | Step::Seed(_)) {
        return Ok(false);
    }
    let Some(name) = &node.relation else { return Ok(false) };
    let Some(Relation::Table(table)) = engine.lake.relation(name).await? else { return Ok(false) };
    let Some(built) = table.built().filter(|built| built.fingerprint == node.fingerprint) else { return Ok(false) };
    // What was owed when a span began must not stand in the way of that span.
    if let Step::Incremental(Incremental { strategy: Strategy::Microbatch(_), .. }) = &node.step
        && is_due(&table, context.clock.now()).await?
    {
        return Ok(false);
    }
    let now = Inputs::of(&engine.lake, node.step.reads()).await?.versions();
    let is_other = |entry: &(&TableName, &headwater_plan::TableVersion)| entry.0 != name;
    Ok(built.inputs.iter().filter(is_other).eq(now.iter().filter(is_other)))
}

/// Says that nothing is owed any more. No row changes by it, nor does the version that readers of the table record.
async fn settle(engine: &EmbeddedEngine, node: &Node, context: &StepContext) -> Result<(), EmbeddedError> {
    let Some(name) = &node.relation else { return Ok(()) };
    for _ in 0..ATTEMPTS {
        let table = match engine.lake.relation(name).await? {
            None => return Ok(()),
            Some(Relation::View(_)) => {
                if let Step::View(query) = &node.step {
                    view::execute(engine, node, query).await?;
                }
                return Ok(());
            }
            Some(Relation::Table(table)) => table,
        };
        let owed = format!("{}{OWED}", node.fingerprint);
        // Built by another run meanwhile: what that one owes is not ours to settle.
        let Some(built) = table.built().filter(|built| built.fingerprint == owed) else { return Ok(()) };
        let built = Some(Built { fingerprint: node.fingerprint.clone(), inputs: built.inputs.clone() });
        let options = ChangeOptions { built, ..ChangeOptions::new(&table, "HOOKS", context) };
        let change = engine.lake.begin_change(&table, options)?;
        match change.commit(Vec::new(), &Outcome { removal: Removal::Nothing, metrics: Vec::new() }).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_overtaken() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(EmbeddedError::Overtaken { table: name.clone(), attempts: ATTEMPTS })
}
