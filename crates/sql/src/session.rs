//! Planning: Spark SQL's text to a typed plan.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::SessionState;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::prelude::SessionConfig;
use headwater_plan::{Lineage, Schema, TableName};

use crate::error::SqlError;
use crate::planner::Planner;
use crate::relation::Relations;
use crate::single_distinct;
use crate::statement::{self, TypedStatement};

/// Stack for planning, in bytes: a query of some thousand terms nests as deep. A thread that has too
/// little left for a query gets as much for it, which costs some microseconds.
pub const STACK: usize = 64 * 1024 * 1024;

/// Plans Spark SQL. Cheap to clone.
#[derive(Clone)]
pub struct SparkSql {
    state: Arc<SessionState>,
    now: Option<DateTime<Utc>>,
}

impl fmt::Debug for SparkSql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SparkSql").finish_non_exhaustive()
    }
}

/// A query that is planned and typed.
#[derive(Debug, Clone)]
pub struct TypedQuery {
    /// The plan. Its columns have the Arrow forms of the Spark types in `schema`, and their names.
    pub plan: LogicalPlan,
    /// The columns, in the user's case.
    pub schema: Schema,
    /// The relations that it names, sorted; those behind a view are not among them.
    pub reads: Vec<TableName>,
    /// The columns of these relations, in the user's case.
    pub(crate) relations: BTreeMap<TableName, Arc<[String]>>,
}

impl TypedQuery {
    /// Which columns of the relations that it names each of its columns is made of, and which decide its rows. A view
    /// that it names counts as a relation of its own.
    pub fn lineage(&self) -> Lineage {
        stacker::maybe_grow(STACK / 2, STACK, || crate::lineage::of(self))
    }
}

impl SparkSql {
    /// Plans for execution under a configuration and with the memory and disk of an environment.
    pub fn new(config: SessionConfig, runtime: Arc<RuntimeEnv>) -> Self {
        let mut config = config;
        let options = config.options_mut();
        options.execution.time_zone = Some("UTC".into());
        options.sql_parser.default_null_ordering = "nulls_min".into();
        // It puts a struct's field beside the columns of a scan without the table's name, and the plan falls apart over
        // scans whose columns are given their Spark forms.
        options.optimizer.enable_leaf_expression_pushdown = false;
        // DataFusion's own functions are never found by name; its optimizer needs some of them.
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_default_features()
            .with_optimizer_rules(single_distinct::rules());
        Self { state: Arc::new(state.build()), now: None }
    }

    /// Plans queries in which `current_timestamp()` is this instant; without it, it is the instant of planning.
    #[must_use]
    pub fn at(&self, now: DateTime<Utc>) -> Self {
        Self { now: Some(now), ..self.clone() }
    }

    /// Plans for checking only: what comes out is never executed.
    pub fn for_checking() -> Self {
        Self::new(SessionConfig::new(), Arc::new(RuntimeEnv::default()))
    }

    /// The DataFusion session, which optimizes and executes the plans.
    pub fn state(&self) -> &SessionState {
        &self.state
    }

    /// Plans one query. All that is wrong with its names comes at once; then all that is wrong with its types.
    pub fn plan(&self, sql: &str, relations: &dyn Relations) -> Result<TypedQuery, Vec<SqlError>> {
        self.planner(relations).plan(sql)
    }

    /// Plans one statement: a query, or one that changes a table. Everything in it is checked as in a query.
    ///
    /// # Errors
    /// All that is wrong with its names, else with its types; a statement of another kind is refused by name.
    pub fn statement(&self, sql: &str, relations: &dyn Relations) -> Result<TypedStatement, Vec<SqlError>> {
        on_large_stack(sql, || statement::plan(sql, &self.planner(relations)))
    }

    pub(crate) fn planner<'a>(&'a self, relations: &'a dyn Relations) -> Planner<'a> {
        let now = self.now.or_else(|| {
            let mut execution = ExecutionProps::new();
            execution.mark_start_execution(Arc::clone(self.state.config_options())).query_execution_start_time
        });
        Planner::new(&self.state, relations, now.unwrap_or_default().timestamp_micros())
    }
}

/// What a short text may need; without optimization, functions take more.
const LEAST_STACK: usize = if cfg!(debug_assertions) { 4 * 1024 * 1024 } else { 1024 * 1024 };

/// Does work on a text that nests no deeper than it is long.
pub(crate) fn on_large_stack<T>(text: &str, work: impl FnOnce() -> T) -> T {
    let needed = LEAST_STACK.saturating_add(text.len().saturating_mul(2048));
    stacker::maybe_grow(needed.min(STACK / 2), STACK, work)
}
