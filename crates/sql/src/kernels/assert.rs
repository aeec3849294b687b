//! Failing on purpose.

use arrow::array::{Array, ArrayRef, AsArray, new_null_array};
use arrow::datatypes::DataType;
use datafusion::common::Result;

use super::{Kernel, data_error};

/// Nothing, unless a condition does not hold in a row: then its text is the error.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Assert;

impl Kernel for Assert {
    fn name(&self) -> &'static str {
        "spark_assert_true"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Boolean, DataType::Utf8]
    }

    fn output(&self) -> DataType {
        DataType::Null
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let (conditions, messages) = (arguments[0].as_boolean(), arguments[1].as_string::<i32>());
        let fails = |row: &usize| conditions.is_null(*row) || !conditions.value(*row);
        match (0..conditions.len()).find(fails) {
            None => Ok(new_null_array(&DataType::Null, conditions.len())),
            Some(row) if messages.is_null(row) => Err(data_error("a condition that was asserted does not hold")),
            Some(row) => Err(data_error(messages.value(row))),
        }
    }
}
