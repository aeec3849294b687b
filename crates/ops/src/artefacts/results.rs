//! `run_results.json`: how the nodes of a run ended, as dbt's tools read it.

use chrono::{DateTime, Duration, Utc};
use headwater_plan::{NodeReport, NodeStatus, Plan, RunReport, TableName};
use serde_json::{Map, Value, json};

use super::node::compiled;
use super::{Writer, instant};

/// The file.
pub(crate) const RUN_RESULTS: &str = "run_results.json";

/// The results of a run.
pub(crate) fn run_results(plan: &Plan, report: &RunReport, writer: &Writer<'_>) -> Value {
    let end = report.finished_at.unwrap_or(writer.now);
    json!({
        "metadata": writer.metadata("run-results/v6"),
        "results": report.nodes.iter().map(|node| result(plan, node, report.started_at)).collect::<Vec<_>>(),
        "elapsed_time": seconds((end - report.started_at).num_milliseconds()),
        "args": args(writer),
    })
}

/// What was asked for, as dbt names it.
fn args(writer: &Writer<'_>) -> Value {
    let invocation = writer.invocation;
    let mut args = Map::new();
    args.insert("which".to_owned(), json!(invocation.command));
    args.insert("full_refresh".to_owned(), json!(invocation.full_refresh));
    args.insert("store_failures".to_owned(), json!(invocation.store_failures));
    Value::Object(args)
}

fn result(plan: &Plan, report: &NodeReport, run_began: DateTime<Utc>) -> Value {
    let node = plan.nodes.get(&report.id);
    let began = report.started_at.unwrap_or(run_began);
    let ended = began + Duration::milliseconds(i64::try_from(report.duration_ms).unwrap_or(i64::MAX));
    let timing = |name: &str, from: DateTime<Utc>, to: DateTime<Utc>| json!({ "name": name, "started_at": instant(from), "completed_at": instant(to) });
    let timing = match report.started_at {
        Some(_) => json!([timing("compile", began, began), timing("execute", began, ended)]),
        None => json!([]),
    };
    let sql = node.and_then(compiled);
    json!({
        "status": status(report),
        "timing": timing,
        "thread_id": "Thread-1",
        "execution_time": seconds(i64::try_from(report.duration_ms).unwrap_or(i64::MAX)),
        "adapter_response": response(report),
        "message": message(report),
        "failures": report.step_report.failures,
        "unique_id": report.id,
        "compiled": sql.is_some(),
        "compiled_code": sql,
        "relation_name": report.relation.as_ref().map(TableName::quoted),
        "batch_results": null,
    })
}

/// dbt's word for how a node ended: what it makes is a success, what it tests a pass.
pub(crate) fn status(report: &NodeReport) -> &'static str {
    let is_test = matches!(report.step.as_str(), "test" | "unit_test");
    let found_rows = report.step_report.failures.is_some_and(|failures| failures > 0);
    match report.status {
        NodeStatus::Success | NodeStatus::UpToDate if is_test => "pass",
        NodeStatus::Success | NodeStatus::UpToDate => "success",
        NodeStatus::Warned => "warn",
        NodeStatus::Failed if is_test && found_rows => "fail",
        NodeStatus::Failed => "error",
        NodeStatus::Skipped | NodeStatus::Cancelled => "skipped",
    }
}

fn response(report: &NodeReport) -> Value {
    if report.status != NodeStatus::Success || matches!(report.step.as_str(), "test" | "unit_test") {
        return json!({});
    }
    json!({ "_message": "OK", "code": "OK", "rows_affected": report.step_report.rows.written })
}

fn message(report: &NodeReport) -> Option<String> {
    let told = report.step_report.diagnostics.first().map(|diagnostic| diagnostic.message.clone());
    match (told, report.status) {
        (Some(told), _) => Some(told),
        (None, NodeStatus::UpToDate) => Some(report.reason.clone()),
        (None, NodeStatus::Success) if !matches!(report.step.as_str(), "test" | "unit_test") => Some("OK".to_owned()),
        (None, _) => None,
    }
}

fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}
