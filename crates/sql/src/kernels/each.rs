//! An expression computed for every element of an array: what a lambda function is applied by.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, ListArray, RecordBatch, UInt64Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{ColumnarValue, Expr};
use datafusion::physical_expr::create_physical_expr;

use super::Kernel;

/// What becomes of the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Each {
    /// An array of them.
    Transform,
    /// The elements for which they are true.
    Filter,
    /// Whether one of them is true.
    Exists,
    /// Whether all of them are true.
    ForAll,
}

/// An expression over `element`, `index` and the values `captured 0`, `captured 1`, ... of the row around it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct EachElement {
    pub(crate) each: Each,
    pub(crate) body: Expr,
    pub(crate) element: DataType,
    pub(crate) captured: Vec<DataType>,
    /// The type of the expression.
    pub(crate) value: DataType,
}

/// The Arrow form of an array of a type.
pub(crate) fn list_of(element: &DataType) -> DataType {
    DataType::List(list_field(element))
}

fn list_field(element: &DataType) -> FieldRef {
    Arc::new(Field::new("element", element.clone(), true))
}

impl EachElement {
    /// The columns that the expression sees.
    pub(crate) fn schema(element: &DataType, captured: &[DataType]) -> Schema {
        let mut fields =
            vec![Field::new("element", element.clone(), true), Field::new("index", DataType::Int32, false)];
        for (index, data_type) in captured.iter().enumerate() {
            fields.push(Field::new(format!("captured {index}"), data_type.clone(), true));
        }
        Schema::new(fields)
    }

    fn values(&self, elements: &Elements, captured: &[ArrayRef]) -> Result<ArrayRef> {
        let schema = Arc::new(Self::schema(&self.element, &self.captured));
        let mut columns = vec![Arc::clone(&elements.values), Arc::clone(&elements.indexes) as ArrayRef];
        for array in captured {
            columns.push(take(array, &elements.rows, None)?);
        }
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
        evaluate(&self.body, &batch)
    }
}

/// Computes an expression over a batch.
pub(super) fn evaluate(body: &Expr, batch: &RecordBatch) -> Result<ArrayRef> {
    let schema = DFSchema::try_from(batch.schema())?;
    let physical = create_physical_expr(body, &schema, &ExecutionProps::new(), &PhysicalPlanningContext::default())?;
    match physical.evaluate(batch)? {
        ColumnarValue::Array(array) => Ok(array),
        ColumnarValue::Scalar(value) => value.to_array_of_size(batch.num_rows()),
    }
}

/// The elements of the arrays that are not null, one after the other.
pub(super) struct Elements {
    pub(super) values: ArrayRef,
    /// The row that each belongs to.
    pub(super) rows: UInt64Array,
    /// Its place in its array, from 0.
    pub(super) indexes: Arc<Int32Array>,
    /// How many each row has.
    pub(super) lengths: Vec<usize>,
}

impl Elements {
    pub(super) fn of(list: &ListArray) -> Result<Self> {
        let (mut places, mut rows, mut indexes) = (Vec::new(), Vec::new(), Vec::new());
        let mut lengths = Vec::with_capacity(list.len());
        for row in 0..list.len() {
            let length = if list.is_null(row) { 0 } else { list.value_length(row) };
            let start = list.value_offsets()[row];
            for index in 0..length {
                places.push(u64::from((start + index).cast_unsigned()));
                rows.push(row as u64);
                indexes.push(index);
            }
            lengths.push(length.cast_unsigned() as usize);
        }
        let values = take(list.values(), &UInt64Array::from(places), None)?;
        Ok(Self { values, rows: UInt64Array::from(rows), indexes: Arc::new(Int32Array::from(indexes)), lengths })
    }
}

/// An array of so many values for each row.
pub(super) fn list(values: ArrayRef, lengths: Vec<usize>, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    let field = list_field(values.data_type());
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), values, nulls)?))
}

impl Kernel for EachElement {
    fn name(&self) -> &'static str {
        match self.each {
            Each::Transform => "spark_transform",
            Each::Filter => "spark_filter",
            Each::Exists => "spark_exists",
            Each::ForAll => "spark_forall",
        }
    }

    fn inputs(&self) -> Vec<DataType> {
        std::iter::once(list_of(&self.element)).chain(self.captured.iter().cloned()).collect()
    }

    fn output(&self) -> DataType {
        match self.each {
            Each::Transform => list_of(&self.value),
            Each::Filter => list_of(&self.element),
            Each::Exists | Each::ForAll => DataType::Boolean,
        }
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let lists = arguments[0].as_list::<i32>();
        let elements = Elements::of(lists)?;
        let values = self.values(&elements, &arguments[1..])?;
        match self.each {
            Each::Transform => list(values, elements.lengths, lists.nulls().cloned()),
            Each::Filter => filtered(&elements, values.as_boolean(), lists.nulls().cloned()),
            Each::Exists => Ok(Arc::new(decided(lists, &elements.lengths, values.as_boolean(), true))),
            Each::ForAll => Ok(Arc::new(decided(lists, &elements.lengths, values.as_boolean(), false))),
        }
    }
}

fn filtered(elements: &Elements, kept: &BooleanArray, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    let mut lengths = vec![0; elements.lengths.len()];
    let mut places = Vec::new();
    for (place, row) in elements.rows.values().iter().enumerate() {
        if kept.is_valid(place) && kept.value(place) {
            places.push(place as u64);
            if let Some(length) = usize::try_from(*row).ok().and_then(|row| lengths.get_mut(row)) {
                *length += 1;
            }
        }
    }
    list(take(&elements.values, &UInt64Array::from(places), None)?, lengths, nulls)
}

/// One value that decides is enough; otherwise one that is unknown makes the whole unknown.
fn decided(lists: &ListArray, lengths: &[usize], values: &BooleanArray, decides: bool) -> BooleanArray {
    let mut start = 0;
    let one = |(row, length): (usize, &usize)| {
        let range = start..start + length;
        start += length;
        if lists.is_null(row) {
            return None;
        }
        if range.clone().any(|place| values.is_valid(place) && values.value(place) == decides) {
            return Some(decides);
        }
        if range.clone().any(|place| values.is_null(place)) { None } else { Some(!decides) }
    };
    lengths.iter().enumerate().map(one).collect()
}

/// The elements of an array's arrays in one; null when one of these is null.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Flatten {
    pub(crate) element: DataType,
}

impl Kernel for Flatten {
    fn name(&self) -> &'static str {
        "spark_flatten"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![list_of(&list_of(&self.element))]
    }

    fn output(&self) -> DataType {
        list_of(&self.element)
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let outer = arguments[0].as_list::<i32>();
        let inner = outer.values().as_list::<i32>();
        let (mut places, mut lengths, mut valid) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..outer.len() {
            let arrays = outer.value_offsets()[row] as usize..outer.value_offsets()[row + 1] as usize;
            let complete = outer.is_valid(row) && arrays.clone().all(|array| inner.is_valid(array));
            let before = places.len();
            for array in arrays.filter(|_| complete) {
                places.extend((inner.value_offsets()[array]..inner.value_offsets()[array + 1]).map(|at| at as u64));
            }
            lengths.push(places.len() - before);
            valid.push(complete);
        }
        list(take(inner.values(), &UInt64Array::from(places), None)?, lengths, Some(valid.into()))
    }
}
