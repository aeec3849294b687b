//! The values of groups, each once: a number for every value, and a set of pairs of group and number.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, StructArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{ArrowPrimitiveType, DataType, Field, Fields, Float32Type, Float64Type, Schema};
use datafusion::common::{DataFusionError, Result, exec_err};
use datafusion::logical_expr::EmitTo;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;

use super::seen::Seen;

/// Below so many values it is not worth looking for those that no group has any more.
const FEW: usize = 8192;
/// The values of groups.
pub(super) struct Pairs {
    data_type: DataType,
    /// A value's number is its place. A value of several columns is a struct outside, and its columns here.
    values: Box<dyn GroupValues>,
    seen: Seen,
    /// The numbers of a batch, kept for their memory.
    numbers: Vec<usize>,
}

impl Pairs {
    pub(super) fn new(data_type: &DataType) -> Result<Self> {
        let fields = match data_type {
            DataType::Struct(fields) if !fields.is_empty() => fields.clone(),
            other => Fields::from(vec![Field::new("value", other.clone(), true)]),
        };
        let values = new_group_values(Arc::new(Schema::new(fields)), &GroupOrdering::None)?;
        Ok(Self { data_type: data_type.clone(), values, seen: Seen::default(), numbers: Vec::new() })
    }

    pub(super) fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// Takes in values without nulls. Gives the rows that are new to their groups.
    pub(super) fn add(&mut self, values: &ArrayRef, groups: &[usize], total: usize) -> Result<Vec<usize>> {
        self.number(values)?;
        if u32::try_from(total).is_err() || u32::try_from(self.values.len()).is_err() {
            return exec_err!("more than 4,294,967,295 groups or distinct values in a part of an aggregation");
        }
        self.seen.make_room(total, self.values.len());
        let mut fresh = Vec::new();
        for (row, (group, number)) in groups.iter().zip(&self.numbers).enumerate() {
            if self.seen.insert(*group, *number as u32) {
                fresh.push(row);
            }
        }
        Ok(fresh)
    }

    /// Puts the numbers of values into `numbers`.
    fn number(&mut self, values: &ArrayRef) -> Result<()> {
        let columns = match values.as_struct_opt() {
            Some(values) if values.num_columns() > 0 => values.columns().iter().map(canonical).collect(),
            _ => vec![canonical(values)],
        };
        self.values.intern(&columns, &mut self.numbers)
    }

    /// Gives up the pairs of the first groups.
    pub(super) fn forget(&mut self, emit_to: EmitTo) -> Result<()> {
        let EmitTo::First(count) = emit_to else {
            self.clear();
            return Ok(());
        };
        self.shift(count);
        // Without this the values of an input that comes in the order of its groups would stay forever.
        if self.values.len() > FEW.max(2 * self.seen.len()) {
            let values = self.take_values()?;
            self.renumber(&values)?;
        }
        Ok(())
    }

    /// Gives the values of the first groups, group after group, and how many each has; there are `groups` of them.
    pub(super) fn give(&mut self, emit_to: EmitTo, groups: usize) -> Result<(ArrayRef, Vec<usize>)> {
        let values = self.take_values()?;
        let (numbers, lengths) = self.seen.lists(groups);
        let given = take(&values, &UInt32Array::from(numbers), None)?;
        match emit_to {
            EmitTo::All => self.clear(),
            EmitTo::First(count) => {
                self.shift(count);
                self.renumber(&values)?;
            }
        }
        Ok((given, lengths))
    }

    /// Gives up the pairs of so many groups, and counts the others from zero.
    fn shift(&mut self, gone: usize) {
        let left = self.seen.pairs().filter_map(|(group, number)| Some((group.checked_sub(gone)?, number)));
        self.seen = left.collect();
    }

    fn clear(&mut self) {
        self.seen = Seen::default();
        self.values.clear_shrink(0);
        self.numbers = Vec::new();
    }

    /// All values by their numbers; the table of values is empty then.
    fn take_values(&mut self) -> Result<ArrayRef> {
        let mut columns = self.values.emit(EmitTo::All)?;
        self.values.clear_shrink(0);
        if let DataType::Struct(fields) = &self.data_type
            && !fields.is_empty()
        {
            return Ok(Arc::new(StructArray::try_new(fields.clone(), columns, None)?));
        }
        columns.pop().ok_or_else(|| DataFusionError::Internal("a table of values has no column".to_owned()))
    }

    /// Takes back those of all values that are in a pair, under new numbers.
    fn renumber(&mut self, values: &ArrayRef) -> Result<()> {
        let mut old: Vec<u32> = self.seen.pairs().map(|(_, number)| number).collect();
        old.sort_unstable();
        old.dedup();
        self.number(&take(values, &UInt32Array::from(old.clone()), None)?)?;
        let mut new = vec![0; values.len()];
        for (old, number) in old.iter().zip(&self.numbers) {
            new[*old as usize] = *number as u32;
        }
        self.seen = self.seen.pairs().map(|(group, old)| (group, new[old as usize])).collect();
        Ok(())
    }

    pub(super) fn size(&self) -> usize {
        self.values.size() + self.seen.size() + self.numbers.capacity() * size_of::<usize>()
    }
}

/// To Spark, all forms of "not a number" are one value, and zero has no sign.
fn canonical(values: &ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Float32 => floats::<Float32Type>(values, |value| if value.is_nan() { f32::NAN } else { value + 0.0 }),
        DataType::Float64 => floats::<Float64Type>(values, |value| if value.is_nan() { f64::NAN } else { value + 0.0 }),
        _ => Arc::clone(values),
    }
}

fn floats<T: ArrowPrimitiveType>(values: &ArrayRef, form: impl Fn(T::Native) -> T::Native) -> ArrayRef {
    let values: PrimitiveArray<T> = values.as_primitive::<T>().unary(form);
    Arc::new(values)
}
