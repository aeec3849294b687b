//! The values of a column: all of them while they are few, their bounds when not.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt64Array};
use arrow::compute::{concat, filter, is_not_null, take};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use headwater_lake::KeyValues;

/// How many values of a column are told one by one.
const HELD_VALUES: usize = 1 << 18;

/// The values of a column, as they come.
#[derive(Default)]
pub(super) struct Values {
    held: Vec<ArrayRef>,
    count: usize,
    /// Whether only the bounds are held.
    is_range: bool,
}

impl Values {
    pub(super) fn add(&mut self, column: &ArrayRef) -> Result<(), ArrowError> {
        let column = filter(column, &is_not_null(column)?)?;
        if column.is_empty() {
            return Ok(());
        }
        self.count += column.len();
        self.held.push(if self.is_range { bounds(&column)? } else { column });
        if self.is_range || self.count > HELD_VALUES {
            self.is_range = true;
            let all = self.concat()?;
            self.held = vec![bounds(&all)?];
        }
        Ok(())
    }

    fn concat(&self) -> Result<ArrayRef, ArrowError> {
        concat(&self.held.iter().map(AsRef::as_ref).collect::<Vec<_>>())
    }

    pub(super) fn finish(self) -> Result<Option<KeyValues>, ArrowError> {
        if self.held.is_empty() {
            return Ok(None);
        }
        let all = self.concat()?;
        if !self.is_range {
            return Ok(Some(KeyValues::All(all)));
        }
        Ok(Some(KeyValues::Between(all.slice(0, 1), all.slice(all.len() - 1, 1))))
    }
}

/// The least and the greatest of values that are not null.
fn bounds(values: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let converter = RowConverter::new(vec![SortField::new(values.data_type().clone())])?;
    let rows = converter.convert_columns(&[Arc::clone(values)])?;
    let least = (0..values.len()).min_by_key(|value| rows.row(*value)).unwrap_or(0);
    let greatest = (0..values.len()).max_by_key(|value| rows.row(*value)).unwrap_or(0);
    let both: UInt64Array = [least, greatest].into_iter().map(|value| value as u64).collect();
    take(values, &both, None)
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::Int64Type;

    use super::*;

    fn told(batches: Vec<Vec<Option<i64>>>) -> Option<KeyValues> {
        let mut values = Values::default();
        for batch in batches {
            let column: ArrayRef = Arc::new(Int64Array::from(batch));
            values.add(&column).unwrap();
        }
        values.finish().unwrap()
    }

    #[test]
    fn few_values_are_told_one_by_one_and_many_by_their_bounds() {
        assert!(told(vec![vec![None, None], vec![]]).is_none());
        let Some(KeyValues::All(all)) = told(vec![vec![Some(3), None], vec![Some(-1)]]) else { panic!("not all") };
        assert_eq!(all.as_primitive::<Int64Type>().values().to_vec(), [3, -1]);
        let batch = |from: i64| (from..from + 100_000).map(Some).collect::<Vec<_>>();
        let many = vec![batch(500_000), batch(-100), batch(700_000), vec![Some(-7_000), None, Some(9)]];
        let Some(KeyValues::Between(least, greatest)) = told(many) else { panic!("not the bounds") };
        let one = |value: &ArrayRef| value.as_primitive::<Int64Type>().value(0);
        assert_eq!((one(&least), one(&greatest)), (-7_000, 799_999));
    }
}
