//! Floating numbers that are equal have several forms: two zeros, and many that are no number. One of each is enough.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, make_array};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::common::Result;

use super::Kernel;

/// Floating numbers, equal ones alike.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Alike {
    pub(crate) data_type: DataType,
}

impl Kernel for Alike {
    fn name(&self) -> &'static str {
        "spark_alike"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![self.data_type.clone()]
    }

    fn output(&self) -> DataType {
        self.data_type.clone()
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        alike(&arguments[0])
    }
}

/// The same values, with equal floating numbers alike in all their parts.
pub(super) fn alike(values: &ArrayRef) -> Result<ArrayRef> {
    if !has_floats(values.data_type()) {
        return Ok(Arc::clone(values));
    }
    Ok(match values.data_type() {
        // Adding zero makes one zero of both.
        DataType::Float64 => Arc::new(
            values
                .as_primitive::<Float64Type>()
                .unary::<_, Float64Type>(|value| if value.is_nan() { f64::NAN.abs() } else { value + 0.0 }),
        ),
        DataType::Float32 => Arc::new(
            values
                .as_primitive::<Float32Type>()
                .unary::<_, Float32Type>(|value| if value.is_nan() { f32::NAN.abs() } else { value + 0.0 }),
        ),
        DataType::List(_) | DataType::Struct(_) | DataType::Map(..) => {
            let data = values.to_data();
            let children = data.child_data().iter().map(|child| Ok(alike(&make_array(child.clone()))?.to_data()));
            let children = children.collect::<Result<Vec<_>>>()?;
            make_array(data.into_builder().child_data(children).build()?)
        }
        _ => Arc::clone(values),
    })
}

fn has_floats(data_type: &DataType) -> bool {
    match data_type {
        DataType::Float32 | DataType::Float64 => true,
        DataType::List(element) | DataType::Map(element, _) => has_floats(element.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_floats(field.data_type())),
        _ => false,
    }
}
