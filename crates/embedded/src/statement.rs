//! A statement that changes the rows of a table: hooks, and what runs before or after everything else.
//!
//! Risk: rows that are changed twice, or by what was read from another version than the one that is changed. A statement
//! is one commit. It is made from one version of the table, on which the commit insists; when others come first, it
//! begins anew. An `INSERT` that does not read its table is not in anybody's way, and waits for nobody.
//!
//! | module | owns |
//! |---|---|
//! | `rewriting` | the parts that all changes have in common |
//! | `change` | DELETE, UPDATE |
//! | `merge` | MERGE |
//! | `pruning` | the files that a MERGE may touch |
//! | `naming` | what the texts of a statement call the table |

mod change;
mod merge;
mod naming;
mod pruning;
pub(crate) mod rewriting;

use headwater_lake::{ChangeOptions, Outcome, Relation, Removal, Table, WriteMode, WriteOptions};
use headwater_plan::{RowCounts, Statement, StepContext, StepReport, TableName};
use headwater_sql::{RelationSource, TypedQuery, TypedStatement};

use self::naming::Naming;
use self::rewriting::Rewriting;
use crate::EmbeddedEngine;
use crate::error::EmbeddedError;
use crate::inputs::Inputs;
use crate::rows::{self, next, side_by_side};
use crate::session::Session;

/// How often a statement begins anew because others changed its table meanwhile.
const ATTEMPTS: u32 = 20;

pub(crate) async fn execute(
    engine: &EmbeddedEngine,
    statement: &Statement,
    context: &StepContext,
) -> Result<StepReport, EmbeddedError> {
    let rows = run(engine, statement, context).await?;
    Ok(StepReport { rows, ..StepReport::default() })
}

/// Runs a statement. `written` are the rows that were added, changed or taken out.
pub(crate) async fn run(
    engine: &EmbeddedEngine,
    statement: &Statement,
    context: &StepContext,
) -> Result<RowCounts, EmbeddedError> {
    let mut attempts = 1;
    loop {
        match attempt(engine, statement, context).await {
            Err(EmbeddedError::Lake(error)) if error.is_overtaken() && attempts < ATTEMPTS => {}
            ended => return ended,
        }
        if context.cancel.is_cancelled() {
            return Err(EmbeddedError::Cancelled);
        }
        attempts += 1;
    }
}

async fn attempt(
    engine: &EmbeddedEngine,
    statement: &Statement,
    context: &StepContext,
) -> Result<RowCounts, EmbeddedError> {
    let session = engine.session()?;
    if let Some(target) = dropped(session, statement) {
        engine.lake.drop_relation(&target).await?;
        return Ok(RowCounts::default());
    }
    let mut target = statement.writes.clone();
    let (typed, base, inputs) = loop {
        let reads: Vec<TableName> =
            statement.reads.iter().filter(|name| Some(*name) != target.as_ref()).cloned().collect();
        let mut inputs = Inputs::of(&engine.lake, &reads).await?;
        // What is read of the table is the very version that is changed.
        let base = match &target {
            Some(target) => base(engine, target, &mut inputs).await?,
            None => None,
        };
        let typed = session.statement(&engine.lake, &statement.sql, &mut inputs).await?;
        if typed.target() == target.as_ref() {
            break (typed, base, inputs);
        }
        target = typed.target().cloned();
    };
    let base = match (base, target) {
        (Some(base), _) => base,
        (None, Some(table)) => return Err(EmbeddedError::MissingTable { table }),
        (None, None) => return drain(engine, typed, &inputs, context).await,
    };
    let read = inputs.rows();
    let rewriting = Rewriting { engine, base: &base, inputs, hash_joins: true, only: None, context };
    let written = match typed {
        TypedStatement::Query(_) | TypedStatement::Drop { .. } => 0,
        TypedStatement::Insert { query, overwrite, .. } => insert(&rewriting, &query, overwrite).await?,
        TypedStatement::Delete { target, alias, condition, .. } => {
            change::delete(&rewriting, &Naming::of(&target, alias.as_deref()), condition.as_deref()).await?
        }
        TypedStatement::Update { target, alias, assignments, condition, reads } => {
            let update = change::Update { assignments: &assignments, condition: condition.as_deref(), reads: &reads };
            change::update(&rewriting, &Naming::of(&target, alias.as_deref()), update).await?
        }
        TypedStatement::Merge(statement) => merge::merge(rewriting, &statement).await?,
    };
    Ok(RowCounts { read, written, quarantined: 0 })
}

/// The relation that a statement removes, if that is what it does: nothing needs to be there for it.
fn dropped(session: &Session, statement: &Statement) -> Option<TableName> {
    match session.alone(&statement.sql) {
        Some(TypedStatement::Drop { target }) => Some(target),
        _ => None,
    }
}

/// The table as it is now; the inputs have this version of it.
async fn base(
    engine: &EmbeddedEngine,
    target: &TableName,
    inputs: &mut Inputs,
) -> Result<Option<Table>, EmbeddedError> {
    let Some(Relation::Table(table)) = engine.lake.relation(target).await? else { return Ok(None) };
    inputs.place(target.clone(), RelationSource::Provider(table.provider().await?));
    Ok(Some(table))
}

/// Executes a query for nothing but that it can be: its rows are dropped.
async fn drain(
    engine: &EmbeddedEngine,
    typed: TypedStatement,
    inputs: &Inputs,
    context: &StepContext,
) -> Result<RowCounts, EmbeddedError> {
    let TypedStatement::Query(query) = typed else { return Ok(RowCounts::default()) };
    let session = engine.session()?;
    let execution = session.lower(&query, inputs).await?;
    let (cancel, memory_limit) = (context.cancel.clone(), session.memory_limit);
    side_by_side(session, execution, |mut stream| {
        let cancel = cancel.clone();
        async move {
            while next(&mut stream, &cancel, memory_limit).await?.is_some() {}
            Ok(())
        }
    })
    .await?;
    Ok(RowCounts { read: inputs.rows(), ..RowCounts::default() })
}

async fn insert(rewriting: &Rewriting<'_>, query: &TypedQuery, overwrite: bool) -> Result<u64, EmbeddedError> {
    let (engine, base, context) = (rewriting.engine, rewriting.base, rewriting.context);
    let session = engine.session()?;
    let execution = session.lower(query, &rewriting.inputs).await?;
    // How far spans are is said by each commit, and known of a table that was looked at.
    if !overwrite && !query.reads.contains(base.name()) && base.spans_done().is_none() {
        let options =
            WriteOptions::new(base.name().clone(), base.schema().clone(), WriteMode::Append, "WRITE", context);
        let partition_by = base.partition_by().to_vec();
        let options = WriteOptions { built: base.built().cloned(), partition_by, ..options };
        let writer = engine.lake.begin_write(options).await?;
        let parts = rows::write(session, execution, &|| writer.part(), context).await?;
        return Ok(writer.commit(parts).await?.rows);
    }
    let change = engine.lake.begin_change(base, ChangeOptions::new(base, "WRITE", context))?;
    let (parts, rows) = rewriting.write(&change, execution).await?;
    let removal = if overwrite { Removal::Everything } else { Removal::Nothing };
    let outcome = Outcome { removal, metrics: vec![("numOutputRows", rows)] };
    change.commit(parts, &outcome).await?;
    Ok(rows)
}
