//! What the elements of an array become, one after the other.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt64Array};
use arrow::compute::{interleave, take};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::Result;
use datafusion::logical_expr::Expr;

use super::Kernel;
use super::each::{evaluate, list_of};

/// An expression over `element`, `state` and the values `captured 0`, ... of the row around it; it gives the next state.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fold {
    pub(crate) body: Expr,
    pub(crate) element: DataType,
    pub(crate) state: DataType,
    pub(crate) captured: Vec<DataType>,
}

impl Kernel for Fold {
    fn name(&self) -> &'static str {
        "spark_fold"
    }

    fn inputs(&self) -> Vec<DataType> {
        let own = [list_of(&self.element), self.state.clone()];
        own.into_iter().chain(self.captured.iter().cloned()).collect()
    }

    fn output(&self) -> DataType {
        self.state.clone()
    }

    /// All rows take a step together, as long as they have elements.
    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let lists = arguments[0].as_list::<i32>();
        let length = |row: usize| if lists.is_null(row) { 0 } else { lists.value_length(row) };
        let longest = (0..lists.len()).map(length).max().unwrap_or(0);
        let mut states = Arc::clone(&arguments[1]);
        for step in 0..longest {
            let rows: Vec<usize> = (0..lists.len()).filter(|row| length(*row) > step).collect();
            let next = self.step(arguments, &states, &rows, step)?;
            let mut choice: Vec<(usize, usize)> = (0..lists.len()).map(|row| (0, row)).collect();
            for (place, row) in rows.iter().enumerate() {
                choice[*row] = (1, place);
            }
            states = interleave(&[states.as_ref(), next.as_ref()], &choice)?;
        }
        // Of no array there is no end.
        let kept = (0..lists.len()).map(|row| lists.is_valid(row).then_some(row as u64));
        Ok(take(&states, &kept.collect::<UInt64Array>(), None)?)
    }
}

impl Fold {
    fn step(&self, arguments: &[ArrayRef], states: &ArrayRef, rows: &[usize], step: i32) -> Result<ArrayRef> {
        let lists = arguments[0].as_list::<i32>();
        let element = |row: &usize| u64::from((lists.value_offsets()[*row] + step).cast_unsigned());
        let elements: UInt64Array = rows.iter().map(element).collect();
        let rows: UInt64Array = rows.iter().map(|row| *row as u64).collect();
        let mut fields =
            vec![Field::new("element", self.element.clone(), true), Field::new("state", self.state.clone(), true)];
        let mut columns = vec![take(lists.values(), &elements, None)?, take(states, &rows, None)?];
        for (index, array) in arguments[2..].iter().enumerate() {
            fields.push(Field::new(format!("captured {index}"), array.data_type().clone(), true));
            columns.push(take(array, &rows, None)?);
        }
        evaluate(&self.body, &RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
    }
}
