//! GROUP BY and OVER: Spark's function may be an expression around several of DataFusion's, so each such node becomes
//! one that computes those and a projection that puts them together under the old names.

use std::sync::Arc;

use arrow::datatypes::DataType as ArrowType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchemaRef};
use datafusion::logical_expr::expr::GroupingSet;
use datafusion::logical_expr::logical_plan::{Aggregate, Window};
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, LogicalPlanBuilder, Operator, Projection, cast, lit};
use headwater_plan::Code;

use super::expression::column_of;
use super::{Stop, Typing, named};
use crate::error::SqlError;

impl Typing {
    pub(super) fn aggregate(&mut self, node: Aggregate) -> Result<LogicalPlan, Stop> {
        let input = self.input(node.input)?;
        let group = self.groups(node.group_expr, input.schema());
        let exprs = self.all(node.aggr_expr, input.schema());
        let (group, exprs) = (group?, exprs?);
        let keys: Vec<Expr> = match group.as_slice() {
            [Expr::GroupingSet(set)] => set.distinct_expr().into_iter().cloned().collect(),
            _ => Vec::new(),
        };
        let exprs = exprs.into_iter().map(|expr| self.grouping(expr, &keys)).collect::<Result<Vec<_>, _>>()?;
        let mut inner = Inner::default();
        let outer = exprs.into_iter().map(|expr| inner.take(expr, |part| matches!(part, Expr::AggregateFunction(_))));
        let outer = self.planned(outer.collect::<datafusion::common::Result<Vec<Expr>>>())?;
        let aggregate = self.planned(Aggregate::try_new(input, group, inner.exprs))?;
        let plan = LogicalPlan::Aggregate(aggregate);
        // The columns that are grouped by come first, and with grouping sets DataFusion's own id column.
        let kept = node.schema.fields().len() - outer.len();
        let columns = (0..kept).map(|index| column_of(plan.schema(), index)).chain(outer);
        let columns = columns.enumerate().map(|(index, expr)| named(expr, &node.schema, index)).collect();
        let projection = self.planned(Projection::try_new(columns, Arc::new(plan)))?;
        Ok(LogicalPlan::Projection(projection))
    }

    /// `grouping(key)`: a bit of the column that says which set a row belongs to.
    fn grouping(&mut self, expr: Expr, keys: &[Expr]) -> Result<Expr, Stop> {
        let mut wrong = false;
        let replaced = expr.transform_down(|part| match &part {
            Expr::AggregateFunction(call) if call.func.name() == "grouping" => {
                let bits = bits(&call.params.args, keys);
                wrong |= bits.is_none();
                Ok(Transformed::new(bits.unwrap_or_else(|| lit(0_i64)), true, TreeNodeRecursion::Jump))
            }
            _ => Ok(Transformed::no(part)),
        });
        let replaced = self.planned(replaced)?.data;
        if wrong {
            let message = "`grouping` and `grouping_id` take what `ROLLUP`, `CUBE` or `GROUPING SETS` group by";
            return self.told(Err(SqlError::new(Code::SqlSyntax, message)), None);
        }
        Ok(replaced)
    }

    fn groups(&mut self, exprs: Vec<Expr>, schema: &DFSchemaRef) -> Result<Vec<Expr>, Stop> {
        let mut typed = Vec::with_capacity(exprs.len());
        for expr in exprs {
            typed.push(match expr {
                Expr::GroupingSet(GroupingSet::Rollup(keys)) => {
                    Expr::GroupingSet(GroupingSet::Rollup(self.all(keys, schema)?))
                }
                Expr::GroupingSet(GroupingSet::Cube(keys)) => {
                    Expr::GroupingSet(GroupingSet::Cube(self.all(keys, schema)?))
                }
                Expr::GroupingSet(GroupingSet::GroupingSets(sets)) => {
                    let sets = sets.into_iter().map(|keys| self.all(keys, schema)).collect::<Result<_, _>>()?;
                    Expr::GroupingSet(GroupingSet::GroupingSets(sets))
                }
                key => self.expression(key, schema)?,
            });
        }
        Ok(typed)
    }

    pub(super) fn window(&mut self, node: Window) -> Result<LogicalPlan, Stop> {
        let input = self.input(node.input)?;
        let exprs = self.all(node.window_expr, input.schema())?;
        let kept = input.schema().fields().len();
        let mut inner = Inner::default();
        let outer = exprs.into_iter().map(|expr| inner.take(expr, |part| matches!(part, Expr::WindowFunction(_))));
        let outer = self.planned(outer.collect::<datafusion::common::Result<Vec<Expr>>>())?;
        let columns: Vec<Expr> = (0..kept).map(|index| column_of(input.schema(), index)).collect();
        let plan = LogicalPlanBuilder::window_plan(Arc::unwrap_or_clone(input), inner.exprs);
        let plan = self.planned(plan)?;
        let columns = columns.into_iter().chain(outer);
        let columns: Vec<Expr> = columns.enumerate().map(|(index, expr)| named(expr, &node.schema, index)).collect();
        if columns.len() != node.schema.fields().len() {
            return self.told(Err(SqlError::internal("a window lost a column")), None);
        }
        let projection = self.planned(Projection::try_new(columns, Arc::new(plan)))?;
        Ok(LogicalPlan::Projection(projection))
    }
}

/// The bits of some keys in DataFusion's column of grouping sets, in which the first key has the highest bit.
fn bits(wanted: &[Expr], keys: &[Expr]) -> Option<Expr> {
    let id = cast(Expr::Column(Column::new_unqualified(Aggregate::INTERNAL_GROUPING_ID)), ArrowType::Int64);
    let binary = |left: Expr, operator: Operator, right: i64| {
        Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(lit(right))))
    };
    let mut bits: Option<Expr> = None;
    for key in wanted {
        let place = keys.iter().position(|known| known == key)?;
        let shift = i64::try_from(keys.len() - 1 - place).ok()?;
        let bit = binary(binary(id.clone(), Operator::BitwiseShiftRight, shift), Operator::BitwiseAnd, 1);
        bits = Some(match bits {
            None => bit,
            Some(earlier) => {
                let earlier = binary(earlier, Operator::BitwiseShiftLeft, 1);
                Expr::BinaryExpr(BinaryExpr::new(Box::new(earlier), Operator::BitwiseOr, Box::new(bit)))
            }
        });
    }
    bits
}

/// DataFusion's functions inside Spark's, each once.
#[derive(Default)]
struct Inner {
    exprs: Vec<Expr>,
}

impl Inner {
    /// Takes out the functions and puts references to their columns in their places.
    fn take(&mut self, expr: Expr, is_inner: fn(&Expr) -> bool) -> datafusion::common::Result<Expr> {
        let taken = expr.transform_down(|part| {
            if !is_inner(&part) {
                return Ok(Transformed::no(part));
            }
            let column = Expr::Column(Column::new_unqualified(part.schema_name().to_string()));
            if !self.exprs.contains(&part) {
                self.exprs.push(part);
            }
            Ok(Transformed::new(column, true, TreeNodeRecursion::Jump))
        })?;
        Ok(taken.data)
    }
}
