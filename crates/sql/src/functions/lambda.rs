//! Functions that take a function (`x -> x + 1`), and how one travels: as a call of `lambda` with the body and the names of
//! its parameters, in which each use of a parameter is a call of `lambda_variable`.

use arrow::datatypes::DataType as ArrowType;
use datafusion::common::Column;
use datafusion::logical_expr::Expr;

use super::{Answer, Function, Kind, MANY, special};
use crate::error::SqlError;
use crate::kernels;
use crate::kernels::each::{Each, EachElement};
use crate::typing::call::Call;

/// The name under which a function travels.
pub(crate) const LAMBDA: &str = "lambda";
/// The name under which the use of a parameter travels.
pub(crate) const VARIABLE: &str = "lambda_variable";

/// What is done with a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lambda {
    /// It is called for each element of an array.
    Each(Each),
    /// It is called with what became of the elements before, and an element.
    Fold,
}

pub(super) const FUNCTIONS: &[Function] = &[
    of("transform", 2, 2, Lambda::Each(Each::Transform)),
    of("filter", 2, 2, Lambda::Each(Each::Filter)),
    of("exists", 2, 2, Lambda::Each(Each::Exists)),
    of("forall", 2, 2, Lambda::Each(Each::ForAll)),
    of("aggregate", 3, 4, Lambda::Fold),
    of("reduce", 3, 4, Lambda::Fold),
    special(LAMBDA, 2..=MANY, misplaced),
    special(VARIABLE, 1..=1, misplaced),
];

const fn of(name: &'static str, least: usize, most: usize, lambda: Lambda) -> Function {
    Function { name, arguments: least..=most, kind: Kind::Lambda(lambda), form: false }
}

fn misplaced(_: &Call<'_>) -> Answer {
    Err(SqlError::unsupported("a lambda function here")
        .help("it is an argument of `transform`, `filter`, `exists`, `forall` or `aggregate`"))
}

/// The nulls of an array, as an array.
pub(super) fn nulls(array: Expr, element: &ArrowType) -> Expr {
    let body = Expr::IsNull(Box::new(Expr::Column(Column::new_unqualified("element"))));
    let each = EachElement {
        each: Each::Filter,
        body,
        element: element.clone(),
        captured: Vec::new(),
        value: ArrowType::Boolean,
    };
    kernels::call(each, vec![array])
}
