//! Which files of a table a MERGE may touch, as far as the log tells: those in which a key of its source can lie.
//!
//! Risk: a file that is left out although a row of it matches, so that the row is added again. Only what must hold for
//! every match counts, `t.a = s.b` among conditions that are joined by AND; and only columns that are compared as they
//! are, or as whole numbers of more digits.

use arrow::datatypes::{DataType as ArrowType, Schema as ArrowSchema};
use datafusion::common::Column;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Join, LogicalPlan, Operator};
use headwater_lake::{DataFile, KeyValues};

use super::rewriting::Rewriting;
use crate::error::EmbeddedError;
use crate::spool::Spool;

/// The files that may hold a row that a query's join matches with one of the source. The query joins the source, first,
/// with the table, and nothing else.
pub(super) async fn candidates(
    rewriting: &Rewriting<'_>,
    spool: &Spool,
    query: &str,
) -> Result<Vec<DataFile>, EmbeddedError> {
    let mut files = rewriting.base.data_files();
    let mut values: Vec<(String, KeyValues)> = Vec::new();
    for (target, source) in keys(&rewriting.plan(query).await?) {
        // The names of the target's columns are the table's, those of the source's the spool's.
        if rewriting.base.schema().field(&target).is_none() {
            continue;
        }
        match spool.values(&source).map_err(|source| EmbeddedError::Rows { source })? {
            Some(found) => values.push((target, found)),
            // A null equals nothing.
            None => return Ok(Vec::new()),
        }
    }
    let may_match: std::collections::HashSet<String> = rewriting.base.files_with(&values)?.into_iter().collect();
    files.retain(|file| may_match.contains(&file.path));
    Ok(files)
}

/// The columns of both sides of a join that are equal in every match: of its right, and of its left.
fn keys(plan: &LogicalPlan) -> Vec<(String, String)> {
    let mut found = Vec::new();
    // The walk itself never fails.
    let _ = plan.apply(|node| {
        Ok(match node {
            LogicalPlan::Join(join) => {
                found = keys_of(join);
                TreeNodeRecursion::Stop
            }
            _ => TreeNodeRecursion::Continue,
        })
    });
    found
}

fn keys_of(join: &Join) -> Vec<(String, String)> {
    let (left, right) = (join.left.schema(), join.right.schema());
    let side = |expression: &Expr| {
        let (column, compared) = compared(expression)?;
        let schemas = [left, right].map(|schema| schema.index_of_column(column).ok());
        let (position, is_right) = match schemas {
            [Some(position), None] => (position, false),
            [None, Some(position)] => (position, true),
            _ => return None,
        };
        let schema: &ArrowSchema = if is_right { right.as_arrow() } else { left.as_arrow() };
        let own = schema.field(position).data_type().clone();
        is_as_it_is(&own, compared).then(|| (column.name.clone(), own, is_right))
    };
    let mut keys = Vec::new();
    for term in join.filter.iter().flat_map(split_conjunction) {
        let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = term else { continue };
        let (Some(one), Some(other)) = (side(left), side(right)) else { continue };
        let (target, source) = match (one.2, other.2) {
            (true, false) => (one, other),
            (false, true) => (other, one),
            _ => continue,
        };
        if is_same_kind(&target.1, &source.1) {
            keys.push((target.0, source.0));
        }
    }
    keys
}

/// A column that is compared, and the type as which it is, if that is another than its own.
fn compared(expression: &Expr) -> Option<(&Column, Option<&ArrowType>)> {
    match expression {
        Expr::Column(column) => Some((column, None)),
        Expr::Cast(cast) => match cast.expr.as_ref() {
            Expr::Column(column) => Some((column, Some(cast.field.data_type()))),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a column of a type is compared with all of its value.
fn is_as_it_is(own: &ArrowType, compared: Option<&ArrowType>) -> bool {
    let width = |data_type: &ArrowType| data_type.primitive_width();
    match compared {
        None => true,
        Some(wider) => {
            own == wider || own.is_signed_integer() && wider.is_signed_integer() && width(own) <= width(wider)
        }
    }
}

/// Whether equal values of two types are the same in either.
fn is_same_kind(one: &ArrowType, other: &ArrowType) -> bool {
    one == other || one.is_signed_integer() && other.is_signed_integer() || one.is_string() && other.is_string()
}
