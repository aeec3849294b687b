//! What DataFusion's planner asks while it turns a resolved syntax tree into a plan.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, TableReference, plan_err};
use datafusion::logical_expr::planner::ContextProvider;
use datafusion::logical_expr::{AggregateUDF, HigherOrderUDF, LogicalPlan, ScalarUDF, TableSource, WindowUDF};
use headwater_plan::TableName;

use crate::functions::{Kind, find};
use crate::marker::{Marker, unmarked};

/// The relations of one query, planned, and the functions as markers.
pub(crate) struct Context<'a> {
    pub(crate) plans: &'a HashMap<TableName, Arc<LogicalPlan>>,
    pub(crate) options: &'a ConfigOptions,
}

/// A relation that is a plan already.
struct Planned {
    plan: Arc<LogicalPlan>,
    schema: SchemaRef,
}

impl TableSource for Planned {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        Some(Cow::Borrowed(&self.plan))
    }
}

fn is(kind: fn(Kind) -> bool, name: &str) -> bool {
    find(unmarked(name).0).is_some_and(|function| kind(function.kind))
}

impl ContextProvider for Context<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        let plan = name.schema().and_then(|schema| self.plans.get(&TableName::new(schema, name.table())));
        match plan {
            Some(plan) => {
                let schema = Arc::new(plan.schema().as_arrow().clone());
                Ok(Arc::new(Planned { plan: Arc::clone(plan), schema }))
            }
            None => plan_err!("table `{name}` was not resolved"),
        }
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        is(|kind| matches!(kind, Kind::Scalar(_) | Kind::Lambda(_)), name)
            .then(|| Arc::new(ScalarUDF::from(Marker::new(name))))
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        is(|kind| matches!(kind, Kind::Aggregate(_)), name).then(|| Arc::new(AggregateUDF::from(Marker::new(name))))
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        is(|kind| matches!(kind, Kind::Window(_)), name).then(|| Arc::new(WindowUDF::from(Marker::new(name))))
    }

    fn get_higher_order_meta(&self, _: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_variable_type(&self, _: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.options
    }

    fn udf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}
