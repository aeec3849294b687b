//! Arrays: which of their elements, in which order. Elements are compared as Spark orders them: null first, NaN last.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, Int64Array, ListArray, UInt64Array};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Int32Type};
use arrow::row::{OwnedRow, Row, RowConverter, Rows, SortField};
use datafusion::common::Result;

use super::each::list_of;
use super::{Kernel, data_error, zero};

/// An array made of the elements of arrays, and of single values beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Rearrange {
    /// All elements of all arrays.
    Concat,
    /// Each element once, as it first comes.
    Distinct,
    /// Without nulls.
    Compact,
    Reverse,
    Sort {
        descending: bool,
    },
    /// The elements of either array, each once.
    Union,
    /// The elements of both arrays, each once.
    Intersect,
    /// The elements of the first array that the second lacks, each once.
    Except,
    /// Without the elements that are equal to a value.
    Remove,
    /// With a value after the others.
    Append,
    /// With a value before the others.
    Prepend,
    /// From a position on (below zero from the end), so many.
    Slice,
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rearranged {
    pub(crate) how: Rearrange,
    pub(crate) element: DataType,
    /// How many arrays there are.
    pub(crate) arrays: usize,
}

impl Kernel for Rearranged {
    fn name(&self) -> &'static str {
        match self.how {
            Rearrange::Concat => "spark_array_concat",
            Rearrange::Distinct => "spark_array_distinct",
            Rearrange::Compact => "spark_array_compact",
            Rearrange::Reverse => "spark_array_reverse",
            Rearrange::Sort { .. } => "spark_sort_array",
            Rearrange::Union => "spark_array_union",
            Rearrange::Intersect => "spark_array_intersect",
            Rearrange::Except => "spark_array_except",
            Rearrange::Remove => "spark_array_remove",
            Rearrange::Append => "spark_array_append",
            Rearrange::Prepend => "spark_array_prepend",
            Rearrange::Slice => "spark_slice",
        }
    }

    fn inputs(&self) -> Vec<DataType> {
        let mut inputs = vec![list_of(&self.element); self.arrays];
        match self.how {
            Rearrange::Remove | Rearrange::Append | Rearrange::Prepend => inputs.push(self.element.clone()),
            Rearrange::Slice => inputs.extend([DataType::Int32, DataType::Int32]),
            _ => {}
        }
        inputs
    }

    fn output(&self) -> DataType {
        list_of(&self.element)
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let pool = Pool::new(
            arguments,
            self.arrays,
            &self.element,
            matches!(self.how, Rearrange::Remove | Rearrange::Append | Rearrange::Prepend),
        )?;
        let (mut places, mut lengths) = (Vec::new(), Vec::new());
        let mut valid = Vec::with_capacity(arguments[0].len());
        for row in 0..arguments[0].len() {
            let chosen = self.row(&pool, arguments, row)?;
            valid.push(chosen.is_some());
            let chosen = chosen.unwrap_or_default();
            lengths.push(chosen.len());
            places.extend(chosen.into_iter().map(|place| place as u64));
        }
        // What compares elements with one another gives equal ones alike, and Spark's sets with them.
        let set = matches!(self.how, Rearrange::Distinct | Rearrange::Union | Rearrange::Intersect | Rearrange::Except);
        let values = take(if set { &pool.alike } else { &pool.values }, &UInt64Array::from(places), None)?;
        super::each::list(values, lengths, Some(valid.into()))
    }
}

impl Rearranged {
    /// The places of a row's elements among all values; none for null.
    fn row(&self, pool: &Pool<'_>, arguments: &[ArrayRef], row: usize) -> Result<Option<Vec<usize>>> {
        let Some(arrays) = pool.arrays(row) else { return Ok(None) };
        let first = arrays.first().cloned().unwrap_or_default();
        let value = pool.single(row);
        Ok(Some(match self.how {
            Rearrange::Concat => arrays.concat(),
            Rearrange::Distinct => pool.distinct(first),
            Rearrange::Compact => first.into_iter().filter(|place| pool.is_valid(*place)).collect(),
            Rearrange::Reverse => first.into_iter().rev().collect(),
            Rearrange::Sort { descending } => {
                let mut sorted = first;
                // Equal ones stay as they come, both ways.
                sorted.sort_by(|left, right| {
                    let order = pool.rows.row(*left).cmp(&pool.rows.row(*right));
                    if descending { order.reverse() } else { order }
                });
                sorted
            }
            Rearrange::Union => pool.distinct(arrays.concat()),
            Rearrange::Intersect | Rearrange::Except => {
                let second = arrays.get(1).cloned().unwrap_or_default();
                let known: HashSet<Row<'_>> = second.into_iter().map(|place| pool.rows.row(place)).collect();
                let wanted = self.how == Rearrange::Intersect;
                pool.distinct(
                    first.into_iter().filter(|place| known.contains(&pool.rows.row(*place)) == wanted).collect(),
                )
            }
            Rearrange::Remove if !pool.is_valid(value) => return Ok(None),
            Rearrange::Remove => {
                first.into_iter().filter(|place| pool.rows.row(*place) != pool.rows.row(value)).collect()
            }
            Rearrange::Append => first.into_iter().chain([value]).collect(),
            Rearrange::Prepend => std::iter::once(value).chain(first).collect(),
            Rearrange::Slice => return slice(first, &arguments[1], &arguments[2], row),
        }))
    }
}

fn slice(elements: Vec<usize>, starts: &ArrayRef, counts: &ArrayRef, row: usize) -> Result<Option<Vec<usize>>> {
    let (starts, counts) = (starts.as_primitive::<Int32Type>(), counts.as_primitive::<Int32Type>());
    if starts.is_null(row) || counts.is_null(row) {
        return Ok(None);
    }
    let (start, count) = (starts.value(row), counts.value(row));
    let Ok(count) = usize::try_from(count) else {
        return Err(data_error(format!("the length of a slice is at least 0, and this one is {count}")));
    };
    let start = match start {
        0 => return Err(data_error("positions in an array begin at 1, and `slice` was given 0")),
        start if start > 0 => usize::try_from(start - 1).ok(),
        start => elements.len().checked_sub(start.unsigned_abs() as usize),
    };
    let Some(start) = start else { return Ok(Some(Vec::new())) };
    Ok(Some(elements.into_iter().skip(start).take(count).collect()))
}

/// The elements of all arrays, and the single values, in one array.
struct Pool<'a> {
    lists: Vec<&'a ListArray>,
    /// Where the elements of each array begin.
    bases: Vec<usize>,
    values: ArrayRef,
    /// The values, equal ones alike.
    alike: ArrayRef,
    /// The values in a form that compares.
    rows: Rows,
    /// Where the single values begin.
    singles: usize,
}

impl<'a> Pool<'a> {
    fn new(arguments: &'a [ArrayRef], arrays: usize, element: &DataType, single: bool) -> Result<Self> {
        let lists: Vec<&ListArray> = arguments.iter().take(arrays).map(|array| array.as_list::<i32>()).collect();
        let (mut parts, mut bases, mut next): (Vec<&dyn Array>, Vec<usize>, usize) = Default::default();
        for list in &lists {
            bases.push(next);
            next += list.values().len();
            parts.push(list.values().as_ref());
        }
        if single && let Some(values) = arguments.get(arrays) {
            parts.push(values.as_ref());
        }
        let values = if parts.is_empty() { arrow::array::new_empty_array(element) } else { concat(&parts)? };
        let alike = zero::alike(&values)?;
        let rows = RowConverter::new(vec![SortField::new(element.clone())])?.convert_columns(&[Arc::clone(&alike)])?;
        Ok(Self { lists, bases, values, alike, rows, singles: next })
    }

    /// The places of each array's elements; none when an array is null.
    fn arrays(&self, row: usize) -> Option<Vec<Vec<usize>>> {
        let place = |(list, base): (&&ListArray, &usize)| {
            if list.is_null(row) {
                return None;
            }
            let offsets = list.value_offsets();
            let at = |offset: i32| base + offset.cast_unsigned() as usize;
            Some((at(offsets[row])..at(offsets[row + 1])).collect())
        };
        self.lists.iter().zip(&self.bases).map(place).collect()
    }

    /// An array of nulls has no marks of its own.
    fn is_valid(&self, place: usize) -> bool {
        *self.values.data_type() != DataType::Null && self.values.is_valid(place)
    }

    fn single(&self, row: usize) -> usize {
        self.singles + row
    }

    fn distinct(&self, places: Vec<usize>) -> Vec<usize> {
        let mut known = HashSet::new();
        places.into_iter().filter(|place| known.insert(self.rows.row(*place))).collect()
    }
}

/// One answer about an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Ask {
    /// The number of elements.
    Size,
    /// Whether a value is among them; unknown when it is not and there are nulls.
    Contains,
    /// The place of a value among them, from 1; 0 when it is not there.
    Position,
    /// Whether two arrays share an element that is not null.
    Overlap,
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    pub(crate) what: Ask,
    pub(crate) element: DataType,
}

impl Kernel for Asked {
    fn name(&self) -> &'static str {
        match self.what {
            Ask::Size => "spark_size",
            Ask::Contains => "spark_array_contains",
            Ask::Position => "spark_array_position",
            Ask::Overlap => "spark_arrays_overlap",
        }
    }

    fn inputs(&self) -> Vec<DataType> {
        let list = list_of(&self.element);
        match self.what {
            Ask::Size => vec![list],
            Ask::Contains | Ask::Position => vec![list, self.element.clone()],
            Ask::Overlap => vec![list.clone(), list],
        }
    }

    fn output(&self) -> DataType {
        match self.what {
            Ask::Size => DataType::Int32,
            Ask::Position => DataType::Int64,
            Ask::Contains | Ask::Overlap => DataType::Boolean,
        }
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let count = if self.what == Ask::Overlap { 2 } else { 1 };
        if self.what == Ask::Size {
            let lists = arguments[0].as_list::<i32>();
            let sizes = (0..lists.len()).map(|row| lists.is_valid(row).then(|| lists.value_length(row)));
            return Ok(Arc::new(sizes.collect::<Int32Array>()));
        }
        let pool = Pool::new(arguments, count, &self.element, count == 1)?;
        let rows = 0..arguments[0].len();
        Ok(match self.what {
            Ask::Position => Arc::new(rows.map(|row| position(&pool, row)).collect::<Int64Array>()),
            Ask::Overlap => Arc::new(rows.map(|row| overlap(&pool, row)).collect::<BooleanArray>()),
            _ => Arc::new(rows.map(|row| contains(&pool, row)).collect::<BooleanArray>()),
        })
    }
}

/// A row's array and value, when neither is null.
fn pair(pool: &Pool<'_>, row: usize) -> Option<(Vec<usize>, usize)> {
    let value = pool.single(row);
    let array = pool.arrays(row)?.pop()?;
    pool.is_valid(value).then_some((array, value))
}

fn contains(pool: &Pool<'_>, row: usize) -> Option<bool> {
    let (array, value) = pair(pool, row)?;
    let found = array.iter().any(|place| pool.rows.row(*place) == pool.rows.row(value));
    if !found && array.iter().any(|place| !pool.is_valid(*place)) { None } else { Some(found) }
}

fn position(pool: &Pool<'_>, row: usize) -> Option<i64> {
    let (array, value) = pair(pool, row)?;
    let found = array.iter().position(|place| pool.rows.row(*place) == pool.rows.row(value));
    Some(found.and_then(|index| i64::try_from(index + 1).ok()).unwrap_or(0))
}

fn overlap(pool: &Pool<'_>, row: usize) -> Option<bool> {
    let [left, right] = <[Vec<usize>; 2]>::try_from(pool.arrays(row)?).ok()?;
    let valid = |places: &[usize]| -> HashSet<OwnedRow> {
        let valid = places.iter().filter(|place| pool.is_valid(**place));
        valid.map(|place| pool.rows.row(*place).owned()).collect()
    };
    if !valid(&left).is_disjoint(&valid(&right)) {
        return Some(true);
    }
    let has_null = |places: &[usize]| places.iter().any(|place| !pool.is_valid(*place));
    let unknown = !left.is_empty() && !right.is_empty() && (has_null(&left) || has_null(&right));
    if unknown { None } else { Some(false) }
}
