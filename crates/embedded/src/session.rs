//! The DataFusion session that all queries share: one pool of memory, one folder to spill to.
//!
//! The risk is memory: what one query holds, another cannot. The pool gives every operator that can spill an even
//! share, and joins, which cannot spill when they hash, are planned as sorts where the inputs are too large to hash.
//!
//! | module | what DataFusion's plan is given in addition |
//! |---|---|
//! | `ranks` | numbers of sorted rows without a state for each partition |
//! | `texts` | texts that leave a join hold on to no others |

mod ranks;
mod texts;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream, execute_stream_partitioned};
use datafusion::prelude::SessionConfig;
use headwater_lake::Lake;
use headwater_sql::{SparkSql, TypedQuery, TypedStatement};

use crate::Settings;
use crate::error::EmbeddedError;
use crate::inputs::Inputs;
use crate::memory::SharedMemory;
use crate::session::texts::GatheredExec;
use crate::spill::SpillFolder;

/// How many bytes a stored byte becomes in memory: Snappy and Parquet's dictionaries undone, with the hash table.
const UNPACKED: u64 = 8;
/// The memory with which each of several streams of a sorted join does well.
const SORT_BYTES: u64 = 128 << 20;
/// What a sort sets aside to merge its spilled runs, at most: DataFusion's own default.
const MERGE_RESERVE: u64 = 10 << 20;

/// Plans and executes Spark SQL.
pub(crate) struct Session {
    sql: SparkSql,
    pub(crate) memory_limit: u64,
}

impl Session {
    pub(crate) fn new(settings: &Settings) -> Result<Self, EmbeddedError> {
        let memory_limit = settings.memory_limit;
        let bytes = usize::try_from(memory_limit).unwrap_or(usize::MAX);
        let spill = Arc::new(SpillFolder { path: settings.spill_dir.clone() });
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(SharedMemory::new(bytes)))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Custom(spill)))
            // How much is spilled is for the disk to limit.
            .with_max_temp_directory_size(u64::MAX)
            .build_arc()
            .map_err(|source| EmbeddedError::Query { source, memory_limit })?;
        let partitions = settings.threads as u64;
        // Several sorts at once must be able to set their reserve aside, however small the limit.
        let reserve = (memory_limit / (8 * partitions)).min(MERGE_RESERVE);
        let config = SessionConfig::new()
            .with_target_partitions(settings.threads)
            .with_sort_spill_reservation_bytes(usize::try_from(reserve).unwrap_or(usize::MAX));
        Ok(Self { sql: SparkSql::new(config, runtime), memory_limit })
    }

    /// Plans a query. What it reads beyond `inputs` is looked up in the lake and added to them.
    pub(crate) async fn plan(&self, lake: &Lake, sql: &str, inputs: &mut Inputs) -> Result<TypedQuery, EmbeddedError> {
        loop {
            match self.sql.plan(sql, &*inputs) {
                Ok(query) => return Ok(query),
                Err(errors) => {
                    if !inputs.look_up_what_was_asked_for(lake).await? {
                        return Err(EmbeddedError::Sql { errors });
                    }
                }
            }
        }
    }

    /// Plans a statement that names nothing that must be there.
    pub(crate) fn alone(&self, sql: &str) -> Option<TypedStatement> {
        self.sql.statement(sql, &Inputs::default()).ok()
    }

    /// Plans a statement. What it reads beyond `inputs` is looked up in the lake and added to them.
    pub(crate) async fn statement(
        &self,
        lake: &Lake,
        sql: &str,
        inputs: &mut Inputs,
    ) -> Result<TypedStatement, EmbeddedError> {
        loop {
            match self.sql.statement(sql, &*inputs) {
                Ok(statement) => return Ok(statement),
                Err(errors) => {
                    if !inputs.look_up_what_was_asked_for(lake).await? {
                        return Err(EmbeddedError::Sql { errors });
                    }
                }
            }
        }
    }

    /// The memory that all queries share.
    pub(crate) fn memory_pool(&self) -> &Arc<dyn MemoryPool> {
        &self.sql.state().runtime_env().memory_pool
    }

    /// Plans a query's execution.
    pub(crate) async fn lower(&self, query: &TypedQuery, inputs: &Inputs) -> Result<Execution, EmbeddedError> {
        self.lower_so(&query.plan, self.manner(inputs)).await
    }

    /// How a query is executed of whose joins it is known whether what they hash fits. Sorting in several streams at once
    /// needs room for several batches of each.
    pub(crate) fn manner_of(&self, hash_joins: bool) -> Manner {
        let partitions = self.sql.state().config().target_partitions() as u64;
        Manner { hash_joins, one_stream: !hash_joins && self.memory_limit < SORT_BYTES.saturating_mul(partitions) }
    }

    /// How a query over some inputs is executed.
    pub(crate) fn manner(&self, inputs: &Inputs) -> Manner {
        // Of two tables the smaller is hashed. So the second largest is the largest that could be, self-joins aside.
        let hashed = inputs.second_largest_bytes().saturating_mul(UNPACKED);
        Manner { hash_joins: hashed <= self.memory_limit / 2, one_stream: false }
    }

    /// Plans the execution of a plan in a given manner.
    pub(crate) async fn lower_so(&self, plan: &LogicalPlan, manner: Manner) -> Result<Execution, EmbeddedError> {
        let mut state = self.sql.state().clone();
        let options = state.config_mut().options_mut();
        options.optimizer.prefer_hash_join = manner.hash_joins;
        if manner.one_stream {
            options.execution.target_partitions = 1;
        }
        let plan = state.create_physical_plan(plan).await.map_err(|source| self.failed(source))?;
        let plan = adapted(plan).map_err(|source| self.failed(source))?;
        Ok(Execution { plan, context: state.task_ctx() })
    }

    pub(crate) fn failed(&self, source: DataFusionError) -> EmbeddedError {
        EmbeddedError::Query { source, memory_limit: self.memory_limit }
    }
}

/// How a query is executed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// Whether joins hash one side, which must fit into memory; if not, they sort both.
    pub(crate) hash_joins: bool,
    /// Whether the rows come in one stream.
    pub(crate) one_stream: bool,
}

/// Lets every join give way now and then and gathers its texts, and numbers sorted rows in a way of its own. DataFusion's
/// own rule for giving way does so where rows are read; a join can make millions of rows out of few, and a task that never
/// gives way cannot be stopped.
fn adapted(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
    let adapted = plan.transform_up(|plan| {
        let is_join = plan.name().ends_with("JoinExec");
        if is_join {
            let gathered = Arc::new(GatheredExec::new(plan));
            return Ok(Transformed::yes(Arc::new(CooperativeExec::new(gathered)) as _));
        }
        let numbered = ranks::numbered(Arc::clone(&plan));
        Ok(Transformed::new_transformed(Arc::clone(&numbered), !Arc::ptr_eq(&plan, &numbered)))
    })?;
    Ok(adapted.data)
}

/// A query ready to be executed.
pub(crate) struct Execution {
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<datafusion::execution::TaskContext>,
}

impl Execution {
    /// The columns.
    pub(crate) fn schema(&self) -> SchemaRef {
        self.plan.schema()
    }

    /// The rows, a stream for each partition.
    pub(crate) fn partitions(self) -> Result<Vec<SendableRecordBatchStream>, DataFusionError> {
        execute_stream_partitioned(self.plan, self.context)
    }

    /// The rows, in one stream.
    pub(crate) fn stream(self) -> Result<SendableRecordBatchStream, DataFusionError> {
        execute_stream(self.plan, self.context)
    }
}
