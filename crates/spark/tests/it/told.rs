//! What goes wrong on Spark, in words for the user.

use headwater_plan::{Node, Step, Table, TableLayout};
use headwater_spark::bundle::Purpose;
use headwater_spark::result::{Failure, FailureKind, NodeResult};
use serde_json::json;

use crate::project::{node, query};

fn model() -> Node {
    node("gold.daily", Step::Table(Table { query: query("select 1", &[]), layout: TableLayout::default() }), &[])
}

/// The message of a node's line.
fn told(line: serde_json::Value) -> String {
    let mut whole = json!({"id": "model.shop.daily", "status": "failed", "started_at": null, "duration_ms": 1});
    if let (Some(whole), Some(line)) = (whole.as_object_mut(), line.as_object()) {
        whole.extend(line.clone());
    }
    let result: NodeResult = serde_json::from_value(whole).unwrap();
    let told = *result.report(&model()).unwrap_err();
    let causes: String = told.causes.iter().map(|cause| format!("\n  {}", cause.replace('\n', "\n  "))).collect();
    let help = told.help.map(|help| format!("\n  help: {help}")).unwrap_or_default();
    format!("{} {}: {}{causes}{help}", told.location.unwrap(), told.code, told.message)
}

fn refused(refusal: serde_json::Value) -> String {
    told(
        json!({"failure": {"kind": "refused", "class": null, "message": "refused", "purpose": "check", "statement": null, "refusal": refusal}}),
    )
}

#[test]
fn what_spark_says() {
    let message = "[DIVIDE_BY_ZERO] Division by zero. Use `try_divide` to tolerate divisor being 0 and return NULL instead. \
                   If necessary set \"spark.sql.ansi.enabled\" to \"false\" to bypass this error. SQLSTATE: 22012\n\
                   == SQL (line 5, position 8) ==\nselect id / 0\n       ^^^^^^";
    let failure = json!({"kind": "spark", "class": "DIVIDE_BY_ZERO", "message": message, "purpose": "build", "statement": "CREATE OR REPLACE TABLE `gold`.`daily` AS\nselect id / 0"});
    insta::assert_snapshot!(told(json!({ "failure": failure })));
}

#[test]
fn a_statement_after_the_step() {
    let failure = json!({"kind": "spark", "class": "TABLE_OR_VIEW_NOT_FOUND", "message": "[TABLE_OR_VIEW_NOT_FOUND] The table or view `a` cannot be found.", "purpose": "post_hook", "statement": "select * from a", "number": [2, 3]});
    insta::assert_snapshot!(told(json!({ "failure": failure })));
}

#[test]
fn refusals() {
    let all = [
        json!({"missing_input": {"missing": "silver.orders"}}),
        json!({"missing_table": {"table": "bronze.orders"}}),
        json!({"declared_columns": {"table": "bronze.orders", "differences": ["`id` is missing"]}}),
        json!({"columns_changed": {"differences": ["`id` is `int`, not `bigint`", "`x` is new"]}}),
        json!({"other_partitions": {"table": "gold.daily", "there": [], "wanted": ["day"]}}),
        json!({"overtaken": {"table": "gold.daily"}}),
        json!({"foreign_table": {"table": "gold.daily"}}),
        json!({"increment": {"duplicate_keys": {"key": "`id` = 1", "rows": 3, "keys": 2, "columns": ["id"]}}}),
        json!({"increment": {"outside_span": {"rows": 1, "column": "at", "from": "2024-01-01T00:00:00Z", "to": "2024-01-02T00:00:00Z"}}}),
        json!({"increment": {"no_column": {"setting": "unique_key", "column": "idd", "table": "gold.daily", "meant": "id"}}}),
        json!({"snapshot": {"keys": {"key": "id", "keys": 1, "example": "id = 7"}}}),
        json!({"snapshot": {"stands": {"updated_at": "at", "rows": 2, "example": "id = 7"}}}),
    ];
    insta::assert_snapshot!(all.into_iter().map(refused).collect::<Vec<_>>().join("\n"));
}

#[test]
fn what_else_ends_a_node() {
    let of = |kind: &str, message: &str| {
        told(json!({"failure": {"kind": kind, "class": null, "message": message, "purpose": null, "statement": null}}))
    };
    let all = [
        of("start", "Delta Lake is not there: no such class"),
        of("upstream", "left out, because `orders` failed"),
        of("cancelled", "stopped before it was done"),
        of("runner", "Traceback (most recent call last):\n  KeyError: 'x'"),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn an_outside_failure_may_be_tried_again() {
    let failure = Failure {
        kind: FailureKind::Spark,
        class: Some("ConcurrentAppendException".to_owned()),
        message: "Files were added by a concurrent update".to_owned(),
        purpose: Some(Purpose::Merge),
        statement: None,
        number: None,
        refusal: None,
    };
    let told = failure.diagnostic(&model());
    assert!(told.retryable && told.fault == headwater_plan::Fault::Outside, "{told:?}");
}
