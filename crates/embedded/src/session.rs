//! The DataFusion session that all queries share: one pool of memory, one folder to spill to.
//!
//! The risk is memory: what one query holds, another cannot. The pool gives every operator that can spill an even
//! share, and joins, which cannot spill when they hash, are planned as sorts where the inputs are too large to hash.

use std::sync::Arc;

use datafusion::common::DataFusionError;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream, execute_stream_partitioned};
use datafusion::prelude::SessionConfig;
use headwater_lake::Lake;
use headwater_sql::{SparkSql, TypedQuery};

use crate::Settings;
use crate::error::EmbeddedError;
use crate::inputs::Inputs;
use crate::memory::SharedMemory;
use crate::spill::SpillFolder;

/// How many bytes a stored byte becomes in memory: Snappy and Parquet's dictionaries undone, with the hash table.
const UNPACKED: u64 = 8;
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

    /// Plans a query's execution.
    pub(crate) async fn lower(&self, query: &TypedQuery, inputs: &Inputs) -> Result<Execution, EmbeddedError> {
        let mut state = self.sql.state().clone();
        // Of two tables the smaller is hashed. So the second largest is the largest that could be, self-joins aside.
        let hashed = inputs.second_largest_bytes().saturating_mul(UNPACKED);
        if hashed > self.memory_limit / 2 {
            state.config_mut().options_mut().optimizer.prefer_hash_join = false;
        }
        let plan = state.create_physical_plan(&query.plan).await.map_err(|source| self.failed(source))?;
        let plan = stoppable(plan).map_err(|source| self.failed(source))?;
        Ok(Execution { plan, context: state.task_ctx() })
    }

    pub(crate) fn failed(&self, source: DataFusionError) -> EmbeddedError {
        EmbeddedError::Query { source, memory_limit: self.memory_limit }
    }
}

/// Lets every join give way now and then. DataFusion's own rule does so where rows are read; a join can make millions
/// of rows out of few, and a task that never gives way cannot be stopped.
fn stoppable(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
    let wrapped = plan.transform_up(|plan| {
        let is_join = plan.name().ends_with("JoinExec");
        Ok(if is_join { Transformed::yes(Arc::new(CooperativeExec::new(plan)) as _) } else { Transformed::no(plan) })
    })?;
    Ok(wrapped.data)
}

/// A query ready to be executed.
pub(crate) struct Execution {
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<datafusion::execution::TaskContext>,
}

impl Execution {
    /// The rows, a stream for each partition.
    pub(crate) fn partitions(self) -> Result<Vec<SendableRecordBatchStream>, DataFusionError> {
        execute_stream_partitioned(self.plan, self.context)
    }

    /// The rows, in one stream.
    pub(crate) fn stream(self) -> Result<SendableRecordBatchStream, DataFusionError> {
        execute_stream(self.plan, self.context)
    }
}
