//! One element of an array, and arrays of positions and of numbers and days in steps.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, Int64Array, PrimitiveArray, StringArray, UInt64Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type, IntervalMonthDayNano, TimestampMicrosecondType};
use datafusion::common::Result;

use super::calendar::instant;
use super::each::{list, list_of};
use super::moving::{shift_day, shift_instant};
use super::time_text::beyond;
use super::{Kernel, data_error};

/// How an element is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Counting {
    /// From 0; a position that is not there is an error.
    Index,
    /// From 0; null where there is none.
    IndexOrNull,
    /// From 1, and from the end below zero; a position that is not there is an error.
    Ordinal,
    /// From 1, and from the end below zero; null where there is none.
    OrdinalOrNull,
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Element {
    pub(crate) counting: Counting,
    pub(crate) element: DataType,
}

impl Element {
    fn place(&self, index: i32, length: i32) -> Result<Option<i32>> {
        let place = match self.counting {
            Counting::Index | Counting::IndexOrNull => index,
            Counting::Ordinal | Counting::OrdinalOrNull if index == 0 => {
                return Err(data_error("positions in an array begin at 1, and `element_at` was given 0"));
            }
            _ if index > 0 => index - 1,
            _ => length + index,
        };
        if (0..length).contains(&place) {
            return Ok(Some(place));
        }
        match self.counting {
            Counting::Index | Counting::Ordinal => {
                Err(data_error(format!("the array has {length} elements, and the one at {index} is asked for")))
            }
            _ => Ok(None),
        }
    }
}

impl Kernel for Element {
    fn name(&self) -> &'static str {
        match self.counting {
            Counting::Index => "spark_element",
            Counting::Ordinal => "spark_element_at",
            _ => "spark_try_element",
        }
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![list_of(&self.element), DataType::Int32]
    }

    fn output(&self) -> DataType {
        self.element.clone()
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let (lists, indexes) = (arguments[0].as_list::<i32>(), arguments[1].as_primitive::<Int32Type>());
        let mut places = Vec::with_capacity(lists.len());
        for row in 0..lists.len() {
            if lists.is_null(row) || indexes.is_null(row) {
                places.push(None);
                continue;
            }
            let place = self.place(indexes.value(row), lists.value_length(row))?;
            places.push(place.map(|place| u64::from((lists.value_offsets()[row] + place).cast_unsigned())));
        }
        Ok(take(lists.values(), &UInt64Array::from(places), None)?)
    }
}

/// The positions of an array's elements, from 0.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Positions {
    pub(crate) element: DataType,
}

impl Kernel for Positions {
    fn name(&self) -> &'static str {
        "spark_positions"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![list_of(&self.element)]
    }

    fn output(&self) -> DataType {
        list_of(&DataType::Int32)
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let lists = arguments[0].as_list::<i32>();
        let length = |row: usize| if lists.is_null(row) { 0 } else { lists.value_length(row) };
        let positions: Int32Array = (0..lists.len()).flat_map(|row| 0..length(row)).collect::<Vec<i32>>().into();
        let lengths = (0..lists.len()).map(|row| length(row).cast_unsigned() as usize).collect();
        list(Arc::new(positions), lengths, lists.nulls().cloned())
    }
}

/// The texts of an array in one, with a separator between them.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Joined {
    /// Whether there is a third argument, which stands for nulls.
    pub(crate) replaces: bool,
}

impl Kernel for Joined {
    fn name(&self) -> &'static str {
        "spark_array_join"
    }

    fn inputs(&self) -> Vec<DataType> {
        let mut inputs = vec![list_of(&DataType::Utf8), DataType::Utf8];
        inputs.extend(self.replaces.then_some(DataType::Utf8));
        inputs
    }

    fn output(&self) -> DataType {
        DataType::Utf8
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let (lists, separators) = (arguments[0].as_list::<i32>(), arguments[1].as_string::<i32>());
        let replacement = arguments.get(2).map(|array| array.as_string::<i32>());
        let one = |row: usize| {
            if lists.is_null(row) || separators.is_null(row) || replacement.is_some_and(|texts| texts.is_null(row)) {
                return None;
            }
            let values = lists.value(row);
            let texts = values.as_string::<i32>().iter();
            let texts = texts.filter_map(|text| text.or(replacement.map(|texts| texts.value(row))));
            Some(texts.collect::<Vec<&str>>().join(separators.value(row)))
        };
        Ok(Arc::new((0..lists.len()).map(one).collect::<StringArray>()))
    }
}

/// An array from one value to another, both included, in steps.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum Sequence {
    /// Of bigints, with their step.
    Numbers,
    /// Of bigints, with their step, without the end.
    Range,
    Days(IntervalMonthDayNano),
    Instants(IntervalMonthDayNano),
}

/// More than this does not fit in an array of Spark's either.
const LONGEST: usize = 2_147_483_632;

impl Kernel for Sequence {
    fn name(&self) -> &'static str {
        "spark_sequence"
    }

    fn inputs(&self) -> Vec<DataType> {
        match self {
            Self::Numbers | Self::Range => vec![DataType::Int64; 3],
            Self::Days(_) => vec![DataType::Date32; 2],
            Self::Instants(_) => vec![instant(); 2],
        }
    }

    fn output(&self) -> DataType {
        list_of(&match self {
            Self::Numbers | Self::Range => DataType::Int64,
            Self::Days(_) => DataType::Date32,
            Self::Instants(_) => instant(),
        })
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        match self {
            Self::Numbers => numbers(arguments),
            Self::Range => range(arguments),
            Self::Days(step) => {
                let (from, to) = (arguments[0].as_primitive::<Date32Type>(), arguments[1].as_primitive::<Date32Type>());
                let valid = |row: usize| from.is_valid(row) && to.is_valid(row);
                let row = |row: usize| {
                    let start = from.value(row);
                    let steps = stepped(i64::from(start), i64::from(to.value(row)), |count| {
                        shift_day(start, times(*step, count)?).map(i64::from)
                    })?;
                    steps.into_iter().map(|day| i32::try_from(day).map_err(|_| beyond())).collect()
                };
                let (values, lengths, nulls) = rows(from.len(), valid, row)?;
                list(Arc::new(PrimitiveArray::<Date32Type>::from(values)), lengths, Some(nulls.into()))
            }
            Self::Instants(step) => {
                let from = arguments[0].as_primitive::<TimestampMicrosecondType>();
                let to = arguments[1].as_primitive::<TimestampMicrosecondType>();
                let valid = |row: usize| from.is_valid(row) && to.is_valid(row);
                let row = |row: usize| {
                    let start = from.value(row);
                    stepped(start, to.value(row), |count| shift_instant(start, times(*step, count)?))
                };
                let (values, lengths, nulls) = rows(from.len(), valid, row)?;
                let values = PrimitiveArray::<TimestampMicrosecondType>::from(values).with_data_type(instant());
                list(Arc::new(values), lengths, Some(nulls.into()))
            }
        }
    }
}

fn numbers(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let [from, to, step] = [0, 1, 2].map(|index: usize| arguments[index].as_primitive::<Int64Type>());
    let valid = |row: usize| from.is_valid(row) && to.is_valid(row) && step.is_valid(row);
    let row = |row: usize| {
        let (start, end, step) = (from.value(row), to.value(row), step.value(row));
        // A step of zero is no step, and leads to the start itself alone.
        if step == 0 && start != end {
            return Err(boundaries(&start, &end, &step));
        }
        stepped(start, end, |count| {
            i64::try_from(count).ok().and_then(|count| start.checked_add(step.checked_mul(count)?)).ok_or_else(beyond)
        })
        .map_err(|_| boundaries(&start, &end, &step))
    };
    let (values, lengths, nulls) = rows(from.len(), valid, row)?;
    list(Arc::new(Int64Array::from(values)), lengths, Some(nulls.into()))
}

fn range(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let [from, to, step] = [0, 1, 2].map(|index: usize| arguments[index].as_primitive::<Int64Type>());
    let valid = |row: usize| from.is_valid(row) && to.is_valid(row) && step.is_valid(row);
    let row = |row: usize| {
        let (mut next, end, step) = (from.value(row), to.value(row), step.value(row));
        if step == 0 {
            return Err(data_error("a `range` in steps of 0 has no end"));
        }
        let mut values = Vec::new();
        while (step > 0 && next < end) || (step < 0 && next > end) {
            values.push(next);
            let Some(more) = next.checked_add(step) else { break };
            next = more;
        }
        Ok(values)
    };
    let (values, lengths, nulls) = rows(from.len(), valid, row)?;
    list(Arc::new(Int64Array::from(values)), lengths, Some(nulls.into()))
}

fn boundaries(start: &i64, end: &i64, step: &i64) -> datafusion::common::DataFusionError {
    data_error(format!("steps of {step} do not lead from {start} to {end}"))
}

fn times(step: IntervalMonthDayNano, count: usize) -> Result<IntervalMonthDayNano> {
    let wide = i64::try_from(count).map_err(|_| beyond())?;
    let narrow = i32::try_from(count).map_err(|_| beyond())?;
    let months = step.months.checked_mul(narrow).ok_or_else(beyond)?;
    let days = step.days.checked_mul(narrow).ok_or_else(beyond)?;
    let nanoseconds = step.nanoseconds.checked_mul(wide).ok_or_else(beyond)?;
    Ok(IntervalMonthDayNano::new(months, days, nanoseconds))
}

/// The values from a start to an end, the value after so many steps being known.
fn stepped(start: i64, end: i64, after: impl Fn(usize) -> Result<i64>) -> Result<Vec<i64>> {
    if start == end {
        return Ok(vec![start]);
    }
    let (mut values, rises) = (vec![start], end > start);
    for count in 1..LONGEST {
        // One that no calendar has lies beyond any end.
        let Ok(value) = after(count) else { break };
        if (count == 1 && (value > start) != rises) || value == start {
            return Err(data_error("the steps of a `sequence` lead away from its end"));
        }
        if if rises { value > end } else { value < end } {
            break;
        }
        values.push(value);
    }
    Ok(values)
}

/// The values of all rows, how many each has, and which rows have any.
fn rows<T>(
    count: usize,
    valid: impl Fn(usize) -> bool,
    row: impl Fn(usize) -> Result<Vec<T>>,
) -> Result<(Vec<T>, Vec<usize>, Vec<bool>)> {
    let (mut values, mut lengths, mut nulls) = (Vec::new(), Vec::with_capacity(count), Vec::with_capacity(count));
    for index in 0..count {
        let more = if valid(index) { row(index)? } else { Vec::new() };
        nulls.push(valid(index));
        lengths.push(more.len());
        values.extend(more);
    }
    Ok((values, lengths, nulls))
}
