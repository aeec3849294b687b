//! Spark's answers where DataFusion's own functions give others, as functions over Arrow arrays.
//!
//! | module | owns |
//! |---|---|
//! | `arithmetic` | whole and floating numbers: overflow and division by zero are errors |
//! | `assert` | failing on purpose |
//! | `decimal` | decimal arithmetic with Spark's rounding |
//! | `distinct` | `DISTINCT` in an aggregate function, for all groups together |
//! | `round` | round, bround, ceil, floor to a scale |
//! | `number_text` | numbers to and from text, as Java writes and reads them |
//! | `time_text` | days and instants to and from text |
//! | `format` | `format_string` |
//! | `pattern` | date_format and to_timestamp with a pattern |
//! | `base64` | bytes as texts, as Java's MIME coder has them |
//! | `calendar` | parts and beginnings of days and instants |
//! | `moving` | days and instants moved and measured |
//! | `text` | texts |
//! | `regex` | Java's patterns in Rust's words |
//! | `json` | parts of JSON texts, and values as JSON texts |
//! | `json_text` | JSON read and written |
//! | `hash` | Spark's `hash` |
//! | `zone` | instants in other time zones and as numbers |
//! | `search` | patterns found in texts |
//! | `each` | expressions over the elements of arrays: lambda functions |
//! | `fold` | what the elements of an array become, one after the other |
//! | `percentile` | percentiles between the two nearest values |
//! | `zero` | floating numbers in the form in which equal ones are alike |
//! | `list` | the elements of arrays, chosen and asked about |
//! | `element` | one element of an array; arrays in steps |

pub(crate) mod arithmetic;
pub(crate) mod assert;
pub(crate) mod base64;
pub(crate) mod calendar;
pub(crate) mod decimal;
pub(crate) mod distinct;
pub(crate) mod each;
pub(crate) mod element;
pub(crate) mod fold;
pub(crate) mod format;
pub(crate) mod hash;
pub(crate) mod json;
mod json_text;
pub(crate) mod list;
pub(crate) mod moving;
pub(crate) mod number_text;
pub(crate) mod pattern;
pub(crate) mod percentile;
pub(crate) mod regex;
pub(crate) mod round;
pub(crate) mod search;
pub(crate) mod text;
pub(crate) mod time_text;
pub(crate) mod zero;
pub(crate) mod zone;

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

/// A function over arrays of fixed types. Its fields are its settings: two kernels with equal settings are one function.
pub(crate) trait Kernel: Debug + PartialEq + Eq + Hash + Send + Sync + 'static {
    /// Its name in plans.
    fn name(&self) -> &'static str;

    /// The types of its arguments.
    fn inputs(&self) -> Vec<DataType>;

    /// The type of its result.
    fn output(&self) -> DataType;

    /// The result for each row. All arrays are of one length.
    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef>;
}

/// A call of a kernel.
pub(crate) fn call<K: Kernel>(kernel: K, arguments: Vec<Expr>) -> Expr {
    let inputs = kernel.inputs();
    let types = if inputs.is_empty() { TypeSignature::Nullary } else { TypeSignature::Exact(inputs) };
    let function = Function { kernel, signature: Signature::new(types, Volatility::Immutable) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::from(function)), arguments))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Function<K: Kernel> {
    kernel: K,
    signature: Signature,
}

impl<K: Kernel> ScalarUDFImpl for Function<K> {
    fn name(&self) -> &str {
        self.kernel.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.kernel.output())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let all_scalar = arguments.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let length = if all_scalar { 1 } else { rows };
        let arrays = arguments.args.iter().map(|argument| argument.to_array(length)).collect::<Result<Vec<_>>>()?;
        let result = self.kernel.run(&arrays)?;
        if all_scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}

/// A value that a row's data makes impossible; the text is the user's to read.
pub(crate) fn data_error(message: impl Into<String>) -> DataFusionError {
    DataFusionError::Execution(message.into())
}
