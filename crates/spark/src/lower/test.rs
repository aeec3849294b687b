//! Tests: what is counted, and the first rows that fail.

use headwater_plan::{Node, Test, UnitTest};

use super::table::head;
use super::{Lowering, always, quoted};
use crate::bundle::{Action, Build, Purpose, TestRows, UnitTestRows, Work};

/// How many of the rows that a test finds are shown.
const SAMPLE: usize = 5;

pub(super) fn data(lowering: &Lowering<'_>, node: &Node, test: &Test) -> Vec<Action> {
    let failing = match &test.store_failures {
        // What is kept is what is counted.
        Some(kept) => format!("select * from {}", kept.quoted()),
        None => test.limited(),
    };
    let keep = test.store_failures.as_ref().map(|kept| Build {
        head: head(lowering, kept, &[]),
        query: test.limited(),
        columns: Vec::new(),
        transaction: lowering.transaction(node, "failures"),
    });
    let rows = TestRows {
        keep,
        kept: test.store_failures.clone(),
        count: format!("select cast({} as bigint) as failures\nfrom (\n{failing}\n) dbt_internal_test", test.fail_calc),
        sample: format!("select * from (\n{failing}\n) dbt_internal_test limit {SAMPLE}"),
        severity: test.severity,
        error_if: test.error_if,
        warn_if: test.warn_if,
    };
    vec![always(Purpose::Test, Work::Test(rows))]
}

pub(super) fn code(test: &UnitTest) -> Vec<Action> {
    let columns: Vec<String> = test.columns.iter().map(|column| quoted(column)).collect();
    let rows = |sql: &str| format!("select {}\nfrom (\n{sql}\n) dbt_internal_unit_test", columns.join(", "));
    let rows = UnitTestRows { actual: rows(&test.actual.sql), expected: rows(&test.expected.sql) };
    vec![always(Purpose::Test, Work::UnitTest(rows))]
}
