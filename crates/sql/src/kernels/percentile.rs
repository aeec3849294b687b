//! Percentiles between the two nearest values, as exact as doubles are.
//!
//! DataFusion's own cuts the weight of the two values to six digits.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;

use super::Kernel;
use super::each::list_of;

/// The value at a share of an array's values when they are sorted; null of none. Nulls in the array do not count.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Percentile {
    /// The bits of the share, which lies between 0 and 1.
    share: u64,
    descending: bool,
}

impl Percentile {
    pub(crate) fn new(share: f64, descending: bool) -> Self {
        Self { share: share.to_bits(), descending }
    }

    /// `Percentile.getPercentile`.
    fn of(&self, values: &mut [f64]) -> Option<f64> {
        let position = values.len().checked_sub(1)? as f64 * f64::from_bits(self.share);
        let (lower, higher) = (position.floor(), position.ceil());
        // Neither is negative or as large as the number of values.
        let (low, rest) = self.select(values, lower as usize)?;
        if lower == higher {
            return Some(low);
        }
        let (high, _) = self.select(rest, 0)?;
        if low == high {
            return Some(low);
        }
        Some((higher - position) * low + (position - lower) * high)
    }

    /// The value at a place of the sorted values, and those after it.
    fn select<'v>(&self, values: &'v mut [f64], place: usize) -> Option<(f64, &'v mut [f64])> {
        if place >= values.len() {
            return None;
        }
        let (_, found, rest) = values.select_nth_unstable_by(place, |left, right| {
            let order = left.total_cmp(right);
            if self.descending { order.reverse() } else { order }
        });
        Some((*found, rest))
    }
}

/// One zero, and one value that is no number and greater than all others.
fn canonical(value: f64) -> f64 {
    if value.is_nan() { f64::NAN.abs() } else { value + 0.0 }
}

impl Kernel for Percentile {
    fn name(&self) -> &'static str {
        "spark_percentile"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![list_of(&DataType::Float64)]
    }

    fn output(&self) -> DataType {
        DataType::Float64
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let lists = arguments[0].as_list::<i32>();
        let one = |row: usize| {
            if lists.is_null(row) {
                return None;
            }
            let values = lists.value(row);
            let mut values: Vec<f64> = values.as_primitive::<Float64Type>().iter().flatten().map(canonical).collect();
            self.of(&mut values)
        };
        Ok(Arc::new((0..lists.len()).map(one).collect::<Float64Array>()))
    }
}
