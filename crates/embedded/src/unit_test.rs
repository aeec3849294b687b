//! A model's query over rows that the user wrote, beside the rows that should come out. Nothing of the lake is read.
//!
//! Rows are compared as bags: their order means nothing, and how often a row is there does. Risk: rows that differ and
//! look the same. A cell is compared by its value as [`json`] writes it, so a null is no text `null`.

use headwater_plan::found::Difference;
use headwater_plan::{Node, RowCounts, StepContext, StepReport, UnitTest};
use serde_json::Value;

use crate::error::EmbeddedError;
use crate::inputs::Inputs;
use crate::{EmbeddedEngine, query};

/// The most rows that either side may have: fixtures are written by hand.
const MOST_ROWS: usize = 100_000;

pub(crate) async fn execute(
    engine: &EmbeddedEngine,
    node: &Node,
    test: &UnitTest,
    context: &StepContext,
) -> Result<StepReport, EmbeddedError> {
    let actual = rows(engine, &test.actual.sql, test).await?;
    if context.cancel.is_cancelled() {
        return Err(EmbeddedError::Cancelled);
    }
    let expected = rows(engine, &test.expected.sql, test).await?;
    let read = actual.len() as u64;
    let difference = Difference::between(expected, actual);
    let failures = difference.rows();
    let mut report = StepReport {
        rows: RowCounts { read, ..RowCounts::default() },
        failures: Some(failures),
        ..StepReport::default()
    };
    if failures > 0 {
        report.diagnostics.push(test.told(node, &difference));
    }
    Ok(report)
}

/// The rows of one side, with the columns that are compared.
async fn rows(engine: &EmbeddedEngine, sql: &str, test: &UnitTest) -> Result<Vec<Vec<Value>>, EmbeddedError> {
    let columns: Vec<String> = test.columns.iter().map(|column| format!("`{}`", column.replace('`', "``"))).collect();
    let sql = format!("select {}\nfrom (\n{sql}\n) dbt_internal_unit_test", columns.join(", "));
    Ok(query::collect(engine, &sql, &mut Inputs::default(), MOST_ROWS).await?.1)
}
