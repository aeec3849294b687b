//! A model's query over rows that the user wrote, beside the rows that should come out. Nothing of the lake is read.
//!
//! Rows are compared as bags: their order means nothing, and how often a row is there does. Risk: rows that differ and
//! look the same. A cell is compared by its value as [`json`] writes it, so a null is no text `null`.

use std::collections::BTreeMap;

use headwater_plan::{Code, Diagnostic, Fault, Node, RowCounts, StepContext, StepReport, UnitTest};
use serde_json::Value;

use crate::error::EmbeddedError;
use crate::inputs::Inputs;
use crate::{EmbeddedEngine, query};

mod difference;

use difference::Difference;

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
        report.diagnostics.push(told(node, test, &difference));
    }
    Ok(report)
}

/// The rows of one side, with the columns that are compared.
async fn rows(engine: &EmbeddedEngine, sql: &str, test: &UnitTest) -> Result<Vec<Vec<Value>>, EmbeddedError> {
    let columns: Vec<String> = test.columns.iter().map(|column| format!("`{}`", column.replace('`', "``"))).collect();
    let sql = format!("select {}\nfrom (\n{sql}\n) dbt_internal_unit_test", columns.join(", "));
    Ok(query::collect(engine, &sql, &mut Inputs::default(), MOST_ROWS).await?.1)
}

fn told(node: &Node, test: &UnitTest, difference: &Difference) -> Diagnostic {
    let model = test.tested.0.rsplit('.').next().unwrap_or_default();
    let message = format!("unit test `{}` of `{model}` failed: {}", node.name, difference.words());
    let mut diagnostic = Diagnostic::error(Code::TestFailed, message)
        .fault(Fault::Check)
        .at(node.location.clone())
        .node(node.id.clone())
        .help("`-` is expected and missing, `+` was not expected, `~` differs: expected → actual");
    diagnostic.causes.push(difference.table(&test.columns));
    diagnostic
}

/// How often each row is there.
fn bag(rows: Vec<Vec<Value>>) -> BTreeMap<String, (Vec<Value>, i64)> {
    let mut bag: BTreeMap<String, (Vec<Value>, i64)> = BTreeMap::new();
    for row in rows {
        let key = serde_json::to_string(&row).unwrap_or_default();
        bag.entry(key).or_insert((row, 0)).1 += 1;
    }
    bag
}
