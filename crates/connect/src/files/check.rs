//! Rules over whole rows, which somebody else evaluates: this crate knows no SQL.

use std::fmt::Debug;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;

/// Says which rows break which rules of a contract.
pub trait RowCheck: Send + Sync + Debug {
    /// Looks at a batch of the contract's columns, in the contract's order. Rows that will be refused for another reason
    /// are still among them, with null for what could not be read. A rule that is null for a row does not refuse it.
    ///
    /// # Errors
    /// The rules cannot be evaluated.
    fn check(&self, batch: &RecordBatch) -> Result<Vec<BrokenRule>, ArrowError>;
}

/// A rule that does not hold for a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BrokenRule {
    /// The row of the batch, from 0.
    pub row: usize,
    /// The index in the contract's constraints.
    pub constraint: usize,
}
