//! Expressions that fail on some values, and their guards.
//!
//! Spark computes `x <> 0 and 1 / x > 2` from left to right and stops at the first term that decides, row by row.
//! DataFusion computes each term for all rows, and would divide by zero. So a term that can fail, after others, becomes
//! the last branch of a CASE, which DataFusion computes for the rows that get there.

use arrow::datatypes::DataType as ArrowType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, cast, lit};

/// The kernels that have no answer for some values other than very large ones.
const FALLIBLE: &[&str] = &[
    "spark_assert_true",
    "spark_make_timestamp",
    "spark_next_day",
    "spark_ascii",
    "spark_element",
    "spark_element_at",
    "spark_exists",
    "spark_filter",
    "spark_from_base64",
    "spark_fold",
    "spark_forall",
    "spark_sequence",
    "spark_slice",
    "spark_transform",
    "spark_decimal",
    "spark_decimal_divide",
    "spark_decimal_remainder",
    "spark_divide",
    "spark_make_date",
    "spark_parse",
    "spark_parse_time",
    "spark_pmod",
    "spark_remainder",
    "spark_split_part",
    "spark_to_timestamp",
];

/// Whether an expression fails on some values.
pub(crate) fn can_fail(expr: &Expr, schema: &DFSchema) -> bool {
    let mut fallible = false;
    // The walk itself never fails.
    let _ = expr.apply(|part| {
        fallible |= match part {
            Expr::ScalarFunction(call) => FALLIBLE.contains(&call.name()),
            Expr::Cast(cast) => cast.expr.get_type(schema).is_ok_and(|from| narrows(&from, cast.field.data_type())),
            _ => false,
        };
        Ok(if fallible { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    fallible
}

/// Whether a cast of numbers meets values that do not fit.
fn narrows(from: &ArrowType, to: &ArrowType) -> bool {
    let width = |data_type: &ArrowType| match data_type {
        ArrowType::Int8 => Some(1),
        ArrowType::Int16 => Some(2),
        ArrowType::Int32 => Some(3),
        ArrowType::Int64 => Some(4),
        ArrowType::Decimal128(..) | ArrowType::Float32 | ArrowType::Float64 => Some(5),
        _ => None,
    };
    match (width(from), width(to)) {
        (Some(from), Some(to)) => from > to,
        _ => false,
    }
}

/// The conjunction or disjunction of terms in their order, none of them computed where an earlier one decides, if that
/// could fail.
pub(crate) fn chain(mut terms: Vec<Expr>, operator: Operator, schema: &DFSchema) -> Option<Expr> {
    let guarded = terms.iter().skip(1).position(|term| can_fail(term, schema)).map(|index| index + 1);
    let Some(guarded) = guarded else { return flat(terms, operator) };
    let rest = terms.split_off(guarded);
    let before = flat(terms, operator)?;
    let rest = chain(rest, operator, schema)?;
    // What decides without looking further: false for AND, true for OR.
    let decides = operator == Operator::Or;
    let decided = if decides { before.clone() } else { Expr::Not(Box::new(before.clone())) };
    let last = lazily(vec![lit(decides), rest], &[], schema, |mut values| {
        let rest = values.pop().map(Box::new);
        let decided = values.pop().map(|value| (Box::new(decided), Box::new(value)));
        Expr::Case(Case::new(None, decided.into_iter().collect(), rest))
    });
    Some(binary(before, operator, last))
}

/// Chooses among values, of which only the chosen one is computed for a row. DataFusion's optimizer makes ANDs and ORs
/// of a CASE among booleans, and computes all of them; among numbers it leaves the CASE as it is.
pub(crate) fn lazily(
    values: Vec<Expr>,
    conditions: &[Expr],
    schema: &DFSchema,
    choose: impl FnOnce(Vec<Expr>) -> Expr,
) -> Expr {
    let booleans = values.iter().all(|value| matches!(value.get_type(schema), Ok(ArrowType::Boolean)));
    // The first condition is computed for every row in any case.
    let mut later = values.iter().chain(conditions.iter().skip(1));
    if !booleans || !later.any(|value| can_fail(value, schema)) {
        return choose(values);
    }
    let numbers = values.into_iter().map(|value| cast(value, ArrowType::Int8)).collect();
    // Not `= 1`, which the optimizer would move into the branches.
    binary(choose(numbers), Operator::Gt, lit(0_i8))
}

/// A tree as flat as it can be: thousands of terms must not nest as deep.
fn flat(mut terms: Vec<Expr>, operator: Operator) -> Option<Expr> {
    while terms.len() > 1 {
        let mut halved = Vec::with_capacity(terms.len().div_ceil(2));
        let mut rest = terms.into_iter();
        while let Some(left) = rest.next() {
            halved.push(match rest.next() {
                Some(right) => binary(left, operator, right),
                None => left,
            });
        }
        terms = halved;
    }
    terms.pop()
}

fn binary(left: Expr, operator: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right)))
}

/// A value for the rows alone that a filter keeps, null for the others.
pub(crate) fn kept(filter: &Expr, value: Expr, schema: &DFSchema) -> Expr {
    if !can_fail(&value, schema) {
        return value;
    }
    Expr::Case(Case::new(None, vec![(Box::new(filter.clone()), Box::new(value))], None))
}
