//! A call of an aggregate or window function whose arguments are typed.

use std::sync::Arc;

use datafusion::logical_expr::expr::{
    AggregateFunction, AggregateFunctionParams, NullTreatment, Sort, WindowFunction, WindowFunctionParams,
};
use datafusion::logical_expr::{AggregateUDF, Expr, WindowFrame, WindowFunctionDefinition, WindowUDF};

use super::call::{Call, Typed};
use super::fallible::kept;
use crate::error::SqlError;

/// The window of a call with OVER.
#[derive(Debug, Clone)]
pub(crate) struct Over {
    pub(crate) partition_by: Vec<Expr>,
    pub(crate) order_by: Vec<Sort>,
    pub(crate) frame: WindowFrame,
}

/// A call, with all that may stand beside its arguments.
#[derive(Debug)]
pub(crate) struct Aggregation<'a> {
    pub(crate) call: Call<'a>,
    pub(crate) distinct: bool,
    pub(crate) filter: Option<Expr>,
    pub(crate) ignore_nulls: Option<bool>,
    /// `None` for an aggregate function of a group.
    pub(crate) over: Option<Over>,
}

impl Aggregation<'_> {
    pub(crate) fn argument(&self, index: usize) -> Result<&Typed, SqlError> {
        self.call.argument(index)
    }

    /// The same call (its DISTINCT, FILTER and OVER) of one of DataFusion's aggregate functions.
    pub(crate) fn aggregate(&self, function: Arc<AggregateUDF>, arguments: Vec<Expr>) -> Expr {
        self.ordered(function, arguments, Vec::new())
    }

    /// The same call of one of DataFusion's aggregate functions, which is given the rows in an order.
    pub(crate) fn ordered(&self, function: Arc<AggregateUDF>, arguments: Vec<Expr>, order_by: Vec<Sort>) -> Expr {
        let arguments = match &self.filter {
            // DataFusion computes the arguments first, and filters then.
            Some(filter) => arguments.into_iter().map(|value| kept(filter, value, self.call.schema)).collect(),
            None => arguments,
        };
        let null_treatment = self.ignore_nulls.map(treatment);
        match &self.over {
            None => Expr::AggregateFunction(AggregateFunction {
                func: function,
                params: AggregateFunctionParams {
                    args: arguments,
                    distinct: self.distinct,
                    filter: self.filter.clone().map(Box::new),
                    order_by,
                    null_treatment,
                },
            }),
            Some(over) => self.over(over, WindowFunctionDefinition::AggregateUDF(function), arguments),
        }
    }

    /// The same call of one of DataFusion's window functions.
    pub(crate) fn window(&self, function: Arc<WindowUDF>, arguments: Vec<Expr>) -> Result<Expr, SqlError> {
        let over = self.over.as_ref().ok_or_else(|| SqlError::internal("a window function without its window"))?;
        Ok(self.over(over, WindowFunctionDefinition::WindowUDF(function), arguments))
    }

    fn over(&self, over: &Over, fun: WindowFunctionDefinition, args: Vec<Expr>) -> Expr {
        Expr::WindowFunction(Box::new(WindowFunction {
            fun,
            params: WindowFunctionParams {
                args,
                partition_by: over.partition_by.clone(),
                order_by: over.order_by.clone(),
                window_frame: over.frame.clone(),
                filter: self.filter.clone().map(Box::new),
                null_treatment: self.ignore_nulls.map(treatment),
                distinct: self.distinct,
            },
        }))
    }

    fn with(&self, distinct: bool, filter: Option<Expr>) -> Aggregation<'_> {
        let call = Call {
            name: self.call.name,
            arguments: self.call.arguments.clone(),
            schema: self.call.schema,
            now: self.call.now,
        };
        Aggregation { call, distinct, filter, ignore_nulls: self.ignore_nulls, over: self.over.clone() }
    }

    /// The same call with another FILTER.
    pub(crate) fn filtered(&self, filter: Expr) -> Aggregation<'_> {
        self.with(self.distinct, Some(filter))
    }

    /// The same call with DISTINCT.
    pub(crate) fn distinct(&self) -> Aggregation<'_> {
        self.with(true, self.filter.clone())
    }

    /// The same call without DISTINCT.
    pub(crate) fn plain(&self) -> Aggregation<'_> {
        self.with(false, self.filter.clone())
    }

    pub(crate) fn refuse_distinct(&self) -> Result<(), SqlError> {
        let name = self.call.name;
        if self.distinct { Err(SqlError::unsupported(format!("`{name}(DISTINCT ...)`"))) } else { Ok(()) }
    }
}

fn treatment(ignore: bool) -> NullTreatment {
    if ignore { NullTreatment::IgnoreNulls } else { NullTreatment::RespectNulls }
}
