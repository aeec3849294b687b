//! What gives null where it would fail, and what fails on purpose.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use headwater_plan::DataType;

use super::{Answer, Function, scalar};
use crate::error::SqlError;
use crate::kernels;
use crate::kernels::arithmetic::{Checked, Operation};
use crate::kernels::assert::Assert;
use crate::types::arrow_type;
use crate::typing::call::Call;
use crate::typing::common::common_type;

pub(super) const FUNCTIONS: &[Function] = &[
    scalar("try_add", 2..=2, |call| arithmetic(call, Operation::Add)),
    scalar("try_subtract", 2..=2, |call| arithmetic(call, Operation::Subtract)),
    scalar("try_multiply", 2..=2, |call| arithmetic(call, Operation::Multiply)),
    scalar("try_mod", 2..=2, |call| arithmetic(call, Operation::Remainder)),
    scalar("assert_true", 1..=2, assert_true),
    scalar("raise_error", 1..=1, raise_error),
];

fn arithmetic(call: &Call<'_>, operation: Operation) -> Answer {
    let (left, right) = (call.argument(0)?, call.argument(1)?);
    match common_type(&left.data_type, &right.data_type) {
        Some(common) if common.is_integral() || matches!(common, DataType::Float | DataType::Double) => {
            let checked = Checked { operation, data_type: arrow_type(&common), lenient: true };
            Ok(kernels::call(checked, vec![left.cast(&common)?, right.cast(&common)?]))
        }
        Some(DataType::Decimal { .. }) => Err(SqlError::unsupported(format!("`{}` of decimals", call.name))),
        _ => Err(call.wrong_types()),
    }
}

/// Null, unless the condition does not hold.
fn assert_true(call: &Call<'_>) -> Answer {
    let message = match call.len() {
        2 => call.text(1)?,
        _ => Expr::Literal(ScalarValue::Utf8(Some("a condition that was asserted does not hold".into())), None),
    };
    Ok(kernels::call(Assert, vec![call.expect(0, &DataType::Boolean)?, message]))
}

fn raise_error(call: &Call<'_>) -> Answer {
    let fails = Expr::Literal(ScalarValue::Boolean(Some(false)), None);
    Ok(kernels::call(Assert, vec![fails, call.text(0)?]))
}
