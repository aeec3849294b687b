//! Which files of a table may hold rows of given keys, by the log alone: partition values and statistics.
//!
//! Risk: a file that is left out and holds such a row, so that a merge adds the row again. A file without bounds is
//! never left out, nor is one for a key of a type whose bounds are not exact in Spark's order.
//!
//! A file is left out when none of the keys lies between its bounds. That is more than comparing the least and the
//! greatest key: a thousand keys from all over a table touch few of its files, though they span them all.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, TimestampMicrosecondArray};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType as ArrowType, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use datafusion::common::Column;
use datafusion::common::pruning::PruningStatistics;
use headwater_plan::DataType;

use crate::relation::delta_error;
use crate::types::arrow_type;
use crate::{LakeError, Table};

/// What the log cuts off an instant, less one: a bound may lie so many microseconds below the greatest value.
const CUT_OFF: i64 = 999;

/// The values of a key column, of its type or, for whole numbers, of another such. A row whose value is null has no key.
#[derive(Debug, Clone)]
pub enum KeyValues {
    /// All of them, in any order.
    All(ArrayRef),
    /// The least and the greatest.
    Between(ArrayRef, ArrayRef),
}

impl Table {
    /// The paths of the files that may hold a row that has, in each of the columns, one of its values.
    pub fn files_with(&self, keys: &[(String, KeyValues)]) -> Result<Vec<String>, LakeError> {
        let failed = |source: ArrowError| delta_error("look through the files of", self.name(), source.into());
        let paths = self.paths();
        let mut may = vec![true; paths.len()];
        for (column, values) in keys {
            let Some(field) = self.schema().field(column) else {
                return Err(LakeError::NoColumn { table: self.name().clone(), column: column.clone() });
            };
            if !is_exact(&field.data_type) {
                continue;
            }
            let data = self.snapshot.log_data();
            let column = Column::new_unqualified(&field.name);
            let (Some(least), Some(greatest)) = (data.min_values(&column), data.max_values(&column)) else { continue };
            if least.len() != paths.len() || greatest.len() != paths.len() {
                continue;
            }
            let bounds = Bounds::of(&least, &greatest, &field.data_type).map_err(failed)?;
            let Some(wanted) = Wanted::of(values, &bounds).map_err(failed)? else { continue };
            for (file, may) in may.iter_mut().enumerate() {
                *may = *may && wanted.may_lie_in(&bounds, file);
            }
        }
        Ok(paths.into_iter().zip(may).filter(|(_, may)| *may).map(|(path, _)| path).collect())
    }
}

/// Types whose bounds Arrow orders as Spark does, and of which equal values have one form.
fn is_exact(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Byte
            | DataType::Short
            | DataType::Int
            | DataType::Long
            | DataType::Decimal { .. }
            | DataType::String
            | DataType::Date
            | DataType::Timestamp
    )
}

/// The bounds of every file, in a form whose bytes compare as the values do.
struct Bounds {
    form: ArrowType,
    converter: RowConverter,
    least: Rows,
    greatest: Rows,
    /// Whether a file has both.
    known: Vec<bool>,
}

impl Bounds {
    fn of(least: &ArrayRef, greatest: &ArrayRef, data_type: &DataType) -> Result<Self, ArrowError> {
        let form = arrow_type(data_type);
        let (least, mut greatest) = (cast(least, &form)?, cast(greatest, &form)?);
        if form == ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())) {
            let widened: TimestampMicrosecondArray =
                greatest.as_primitive::<TimestampMicrosecondType>().unary(|instant| instant.saturating_add(CUT_OFF));
            greatest = Arc::new(widened.with_timezone("UTC"));
        }
        let known = (0..least.len()).map(|file| least.is_valid(file) && greatest.is_valid(file)).collect();
        let converter = RowConverter::new(vec![SortField::new(form.clone())])?;
        let least = converter.convert_columns(&[least])?;
        let greatest = converter.convert_columns(&[greatest])?;
        Ok(Self { form, converter, least, greatest, known })
    }

    fn convert(&self, values: &[&ArrayRef]) -> Result<Rows, ArrowError> {
        let values = values.iter().map(|values| cast(values, &self.form)).collect::<Result<Vec<_>, _>>()?;
        let values = concat(&values.iter().map(AsRef::as_ref).collect::<Vec<_>>())?;
        let valid = arrow::compute::is_not_null(&values)?;
        self.converter.convert_columns(&[arrow::compute::filter(&values, &valid)?])
    }
}

/// Keys in the same form.
struct Wanted {
    rows: Rows,
    /// The positions of `rows` in the order of the values.
    order: Vec<usize>,
    /// Whether only the first and the last are there of many.
    is_range: bool,
}

impl Wanted {
    /// `None` if they are a range that the column's type does not hold.
    fn of(values: &KeyValues, bounds: &Bounds) -> Result<Option<Self>, ArrowError> {
        let (rows, is_range) = match values {
            // What the type does not hold equals nothing in the column.
            KeyValues::All(values) => (bounds.convert(&[values])?, false),
            KeyValues::Between(least, greatest) => (bounds.convert(&[least, greatest])?, true),
        };
        if is_range && rows.num_rows() < 2 {
            return Ok(None);
        }
        let mut order: Vec<usize> = (0..rows.num_rows()).collect();
        order.sort_unstable_by(|one, other| rows.row(*one).cmp(&rows.row(*other)));
        Ok(Some(Self { rows, order, is_range }))
    }

    fn may_lie_in(&self, bounds: &Bounds, file: usize) -> bool {
        if !bounds.known.get(file).copied().unwrap_or(false) {
            // A file of nothing but nulls in the column says so by having no bounds: it is read.
            return !self.order.is_empty();
        }
        let (least, greatest) = (bounds.least.row(file), bounds.greatest.row(file));
        let first = self.order.partition_point(|key| self.rows.row(*key) < least);
        if self.is_range && first > 0 && first < self.order.len() {
            return true;
        }
        self.order.get(first).is_some_and(|key| self.rows.row(*key) <= greatest)
    }
}
