//! `DISTINCT` in an aggregate function, for all groups together.
//!
//! DataFusion keeps an accumulator with a hash set of its own for each group, which at a hundred thousand groups is
//! gigabytes and seconds. Here one table gives every value a number, one set holds the pairs of group and number that
//! were seen, and only a new pair reaches the function itself.
//!
//! The risk is a pair that is lost or counted twice when groups leave, or when the parts of two threads meet: the state
//! between them is the list of a group's values, which is also that of DataFusion's own accumulators.

mod pairs;
mod seen;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, Int64Array, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{cast, filter, is_not_null, prep_null_mask_filter};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_err, internal_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, Signature,
};

use self::pairs::Pairs;

/// A function of one argument, whose calls with `DISTINCT` look at all groups together.
pub(crate) fn distinct(function: Arc<AggregateUDF>) -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::from(Distinct { function }))
}

/// In all but the accumulator of groups the function itself.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Distinct {
    function: Arc<AggregateUDF>,
}

impl AggregateUDFImpl for Distinct {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn signature(&self) -> &Signature {
        self.function.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.function.return_type(arguments)
    }

    fn is_nullable(&self) -> bool {
        self.function.is_nullable()
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.function.default_value(data_type)
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.function.accumulator(arguments)
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.function.state_fields(arguments)
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs) -> bool {
        let one = !arguments.is_distinct || arguments.exprs.len() == 1;
        one && self.function.groups_accumulator_supported(AccumulatorArgs { is_distinct: false, ..arguments })
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        if !arguments.is_distinct {
            return self.function.create_groups_accumulator(arguments);
        }
        let state = self.function.state_fields(StateFieldsArgs {
            name: arguments.name,
            input_fields: arguments.expr_fields,
            return_field: Arc::clone(&arguments.return_field),
            ordering_fields: &[],
            is_distinct: true,
        })?;
        let (Some(value), [state]) = (arguments.expr_fields.first(), state.as_slice()) else {
            return internal_err!("`{}(DISTINCT ...)` has another argument or state than one", self.name());
        };
        let DataType::List(item) = state.data_type() else {
            return internal_err!("the state of `{}(DISTINCT ...)` is no list", self.name());
        };
        let pairs = Pairs::new(value.data_type())?;
        let answers = match self.name() {
            "count" => Answers::Counts(Vec::new()),
            _ => Answers::Of(
                self.function.create_groups_accumulator(AccumulatorArgs { is_distinct: false, ..arguments })?,
            ),
        };
        Ok(Box::new(DistinctGroups { pairs, answers, item: Arc::clone(item) }))
    }
}

/// What the function says of the values of each group.
enum Answers {
    /// A count needs no values.
    Counts(Vec<i64>),
    Of(Box<dyn GroupsAccumulator>),
}

impl Answers {
    /// Takes in the rows of a batch whose values are new to their groups.
    fn add(&mut self, values: &ArrayRef, groups: &[usize], fresh: &[usize], total: usize) -> Result<()> {
        match self {
            Self::Counts(counts) => {
                counts.resize(total, 0);
                fresh.iter().for_each(|row| counts[groups[*row]] += 1);
                Ok(())
            }
            Self::Of(accumulator) => {
                let mut taken = BooleanBufferBuilder::new(values.len());
                taken.append_n(values.len(), false);
                fresh.iter().for_each(|row| taken.set_bit(*row, true));
                // Also where it takes every row: without a condition, functions believe that every group has a value.
                let taken = BooleanArray::from(taken.finish());
                accumulator.update_batch(std::slice::from_ref(values), groups, Some(&taken), total)
            }
        }
    }

    fn give(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        match self {
            Self::Counts(counts) => Ok(Arc::new(Int64Array::from(emit_to.take_needed(counts)))),
            Self::Of(accumulator) => accumulator.evaluate(emit_to),
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Counts(counts) => counts.capacity() * size_of::<i64>(),
            Self::Of(accumulator) => accumulator.size(),
        }
    }
}

/// The accumulator of all groups.
struct DistinctGroups {
    pairs: Pairs,
    answers: Answers,
    /// An element of the state.
    item: FieldRef,
}

impl DistinctGroups {
    /// Lists of values, each of the length that stands for it.
    fn lists(&self, values: ArrayRef, lengths: impl IntoIterator<Item = usize>) -> Result<Vec<ArrayRef>> {
        if i32::try_from(values.len()).is_err() {
            return exec_err!("more than 2,147,483,647 distinct values in a part of an aggregation");
        }
        let values = if values.data_type() == self.item.data_type() {
            values
        } else {
            // A sum's state is as wide as its result.
            cast(&values, self.item.data_type())?
        };
        let offsets = OffsetBuffer::from_lengths(lengths);
        Ok(vec![Arc::new(ListArray::try_new(Arc::clone(&self.item), offsets, values, None)?)])
    }
}

impl GroupsAccumulator for DistinctGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        condition: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        let values = only(values)?;
        let fresh = match kept(values, condition)? {
            None => self.pairs.add(values, groups, total)?,
            Some(kept) => {
                let rows: Vec<usize> = kept.values().set_indices().collect();
                let owners: Vec<usize> = rows.iter().map(|row| groups[*row]).collect();
                let fresh = self.pairs.add(&filter(values, &kept)?, &owners, total)?;
                fresh.into_iter().map(|row| rows[row]).collect()
            }
        };
        self.answers.add(values, groups, &fresh, total)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.pairs.forget(emit_to)?;
        self.answers.give(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = self.answers.give(emit_to)?.len();
        let (values, lengths) = self.pairs.give(emit_to, groups)?;
        self.lists(values, lengths)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        let lists = only(values)?.as_list::<i32>();
        let (Some(first), Some(last)) = (lists.offsets().first(), lists.offsets().last()) else { return Ok(()) };
        let elements = lists.values().slice(*first as usize, (last - first) as usize);
        let lengths = lists.offsets().lengths();
        let owners: Vec<usize> =
            groups.iter().zip(lengths).flat_map(|(group, length)| std::iter::repeat_n(*group, length)).collect();
        let values = if elements.data_type() == self.pairs.data_type() {
            elements
        } else {
            cast(&elements, self.pairs.data_type())?
        };
        self.update_batch(&[values], &owners, None, total)
    }

    fn convert_to_state(&self, values: &[ArrayRef], condition: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let values = only(values)?;
        match kept(values, condition)? {
            None => self.lists(Arc::clone(values), std::iter::repeat_n(1, values.len())),
            Some(kept) => self.lists(filter(values, &kept)?, kept.values().iter().map(usize::from)),
        }
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.pairs.size() + self.answers.size()
    }
}

fn only(values: &[ArrayRef]) -> Result<&ArrayRef> {
    values.first().ok_or_else(|| DataFusionError::Internal("an aggregate function lost its argument".to_owned()))
}

/// The rows that count: those with a value that meet the condition. `None` if all do.
fn kept(values: &ArrayRef, condition: Option<&BooleanArray>) -> Result<Option<BooleanArray>> {
    let known = if values.logical_null_count() == 0 { None } else { Some(is_not_null(values)?) };
    let holds = condition.map(|condition| match condition.null_count() {
        0 => condition.clone(),
        _ => prep_null_mask_filter(condition),
    });
    let kept = match (known, holds) {
        (Some(known), Some(holds)) => Some(arrow::compute::and(&known, &holds)?),
        (known, holds) => known.or(holds),
    };
    Ok(kept.filter(|kept| kept.true_count() < values.len()))
}
