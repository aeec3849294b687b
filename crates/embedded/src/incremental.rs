//! A query whose rows go into what earlier runs built: one commit for each increment, or for each span of event time.
//!
//! Risk: rows twice, or lost. An increment is computed from one version of the model's own table, and its commit is
//! refused if the table holds other rows by then; the step then begins anew from the newest version. The commit carries
//! what the increment was built from, so that a run that died before it changed nothing, and one that died after it is
//! seen to be done.
//!
//! | module | owns |
//! |---|---|
//! | `columns` | the query's columns beside the table's: what is new, gone, or of another type |
//! | `keyed` | merge, delete+insert |
//! | `unkeyed` | append, insert_overwrite |
//! | `microbatch`, `spans` | spans of event time |
//! | `subqueries` | what a filter asks of a table before it looks at rows |

mod columns;
mod keyed;
mod microbatch;
mod spans;
mod subqueries;
mod unkeyed;

use datafusion::logical_expr::LogicalPlan;
use headwater_lake::{AppTransaction, ChangeOptions, Committed, Relation, Table, TableChange};
use headwater_plan::{
    Built, Diagnostic, Incremental, Node, Query, RowCounts, Schema, StepContext, StepReport, Strategy, TableName,
};
use headwater_sql::RelationSource;

use self::columns::Fitted;
pub(crate) use self::microbatch::is_due;
use crate::compact::compact;
use crate::error::EmbeddedError;
use crate::inputs::Inputs;
use crate::{EmbeddedEngine, table};
use headwater_plan::refusal::IncrementalError;

/// How often a step begins anew because others changed its table meanwhile.
const ATTEMPTS: u32 = 10;

/// What all parts of a step share.
#[derive(Clone, Copy)]
pub(crate) struct Step<'a> {
    pub(crate) engine: &'a EmbeddedEngine,
    pub(crate) node: &'a Node,
    pub(crate) incremental: &'a Incremental,
    pub(crate) target: &'a TableName,
    pub(crate) context: &'a StepContext,
}

/// Builds the table anew, or puts an increment into it. `rows.read` and `bytes` of the report are those of the tables
/// that the query reads, the model's own left out; `rows.written` are the rows that were added or changed.
pub(crate) async fn execute(
    engine: &EmbeddedEngine,
    node: &Node,
    incremental: &Incremental,
    context: &StepContext,
) -> Result<StepReport, EmbeddedError> {
    let Some(target) = &node.relation else { return Ok(StepReport::default()) };
    let step = Step { engine, node, incremental, target, context };
    if let Strategy::Microbatch(microbatch) = &incremental.strategy {
        return microbatch::execute(step, microbatch).await;
    }
    let mut told = Vec::new();
    for _ in 0..ATTEMPTS {
        let Some(base) = step.base().await? else {
            return table::build(engine, node, &incremental.full, &incremental.layout, context).await;
        };
        match step.increment(&base, &mut told).await {
            Err(EmbeddedError::Lake(error)) if error.is_overtaken() && !context.cancel.is_cancelled() => {}
            Err(error) => return Err(error),
            Ok(Some(mut report)) => {
                report.diagnostics.extend(told);
                report.diagnostics.extend(compact(engine, target, &incremental.layout, context).await);
                return Ok(report);
            }
            // Columns were dropped: the increment goes into what is there now.
            Ok(None) => {}
        }
    }
    Err(EmbeddedError::Overtaken { table: target.clone(), attempts: ATTEMPTS })
}

impl Step<'_> {
    /// The table that increments go into; `None` if it is to be built anew.
    pub(crate) async fn base(&self) -> Result<Option<Table>, EmbeddedError> {
        if self.context.full_refresh && !self.incremental.keep_on_full_refresh {
            return Ok(None);
        }
        let relation = self.engine.lake.relation(self.target).await?;
        let Some(Relation::Table(table)) = relation else { return Ok(None) };
        let wanted = &self.incremental.layout.partition_by;
        let is_same = table.partition_by().len() == wanted.len()
            && table.partition_by().iter().zip(wanted).all(|(one, other)| one.eq_ignore_ascii_case(other));
        if !is_same {
            let (there, wanted) = (table.partition_by().to_vec(), wanted.clone());
            let table = self.target.clone();
            return Err(headwater_lake::LakeError::OtherPartitions { table, there, wanted }.into());
        }
        Ok(Some(table))
    }

    /// One attempt; `None` if all that it did was to drop columns.
    async fn increment(&self, base: &Table, told: &mut Vec<Diagnostic>) -> Result<Option<StepReport>, EmbeddedError> {
        let mut inputs = Inputs::of(&self.engine.lake, &self.incremental.reads).await?;
        inputs.place(self.target.clone(), RelationSource::Provider(base.provider().await?));
        let planned = self.plan(base, &self.incremental.increment, &mut inputs).await?;
        if !planned.fitted.dropped.is_empty() {
            told.push(columns::drop(self, base, &planned.fitted, &inputs).await?);
            return Ok(None);
        }
        let increment = Increment { step: *self, base, inputs, planned };
        let written = match &self.incremental.strategy {
            Strategy::Merge { unique_key, update_columns, exclude_columns, predicates } if !unique_key.is_empty() => {
                let updates = keyed::Updates { only: update_columns.as_deref(), except: exclude_columns };
                keyed::merge(&increment, unique_key, updates, predicates).await?
            }
            Strategy::DeleteInsert { unique_key, predicates } if !unique_key.is_empty() => {
                keyed::delete_insert(&increment, unique_key, predicates).await?
            }
            Strategy::InsertOverwrite => unkeyed::insert_overwrite(&increment).await?,
            // Without a key nothing matches.
            _ => unkeyed::append(&increment).await?,
        };
        let mut report = increment.report(&written);
        report.diagnostics.extend(columns::ignored(self, &increment.planned.fitted));
        Ok(Some(report))
    }

    /// Plans a query whose rows go into a table.
    async fn plan(&self, base: &Table, query: &Query, inputs: &mut Inputs) -> Result<Planned, EmbeddedError> {
        let session = self.engine.session()?;
        let typed = session.plan(&self.engine.lake, &query.sql, inputs).await?;
        let fitted = columns::fit(self.target, base.schema(), &typed.schema, self.incremental.on_schema_change)?;
        if let Some(column) = base.partition_by().iter().find(|column| fitted.dropped.contains(column)) {
            let error = IncrementalError::PartitionGone { table: self.target.clone(), column: column.clone() };
            return Err(error.into());
        }
        let rows = columns::shape(&typed, &fitted.schema).map_err(|source| session.failed(source))?;
        let rows = subqueries::answered(session, rows, session.manner(inputs), self.context).await?;
        Ok(Planned { rows, fitted })
    }
}

/// The rows of an increment, in the table's columns.
struct Planned {
    rows: LogicalPlan,
    fitted: Fitted,
}

/// Rows that go into a version of a table.
struct Increment<'a> {
    step: Step<'a>,
    base: &'a Table,
    inputs: Inputs,
    planned: Planned,
}

/// What an increment came to.
struct Written {
    committed: Committed,
    /// The rows that were added or changed.
    rows: u64,
}

impl Increment<'_> {
    /// The table's columns after it.
    fn schema(&self) -> &Schema {
        &self.planned.fitted.schema
    }

    fn begin(&self, operation: &'static str) -> Result<TableChange, EmbeddedError> {
        let built = Built { fingerprint: self.step.node.fingerprint.clone(), inputs: self.inputs.versions() };
        let options = ChangeOptions {
            schema: self.schema().clone(),
            built: Some(built),
            turn: Some(AppTransaction::of_step(&self.step.node.id, self.step.context.clock.now())),
            ..ChangeOptions::new(self.base, operation, self.step.context)
        };
        Ok(self.step.engine.lake.begin_change(self.base, options)?)
    }

    fn report(&self, written: &Written) -> StepReport {
        StepReport {
            rows: RowCounts { read: self.inputs.rows(), written: written.rows, quarantined: 0 },
            bytes: self.inputs.bytes(),
            version: Some(written.committed.version.clone()),
            inputs: self.inputs.versions(),
            ..StepReport::default()
        }
    }
}

/// A name as Spark SQL takes any.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
