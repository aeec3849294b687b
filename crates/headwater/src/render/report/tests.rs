use chrono::DateTime;
use headwater_ops::plan::{Action, Decision};
use headwater_plan::{Code, Fault, Pending, RowCounts, RunId, StepReport};

use super::*;

fn node(step: &str, name: &str, status: NodeStatus, rows: (u64, u64, u64)) -> NodeReport {
    let kind = match step {
        "ingest" => NodeKind::Source,
        "test" => NodeKind::Test,
        _ => NodeKind::Model,
    };
    NodeReport {
        id: NodeId(format!("{step}.{name}")),
        name: name.into(),
        kind,
        step: step.into(),
        relation: (kind != NodeKind::Test).then(|| TableName::try_from(name.to_owned()).unwrap()),
        status,
        reason: "2 new files".into(),
        started_at: None,
        duration_ms: 34,
        step_report: StepReport {
            rows: RowCounts { read: rows.0, written: rows.1, quarantined: rows.2 },
            ..StepReport::default()
        },
    }
}

fn told(mut node: NodeReport, diagnostic: Diagnostic) -> NodeReport {
    node.step_report.diagnostics.push(diagnostic);
    node
}

fn test(name: &str, status: NodeStatus, failures: u64) -> NodeReport {
    let mut node = node("test", name, status, (0, 0, 0));
    node.step_report.failures = Some(failures);
    if failures > 0 {
        let error = Diagnostic::error(Code::TestFailed, format!("`{name}` found {failures} rows")).fault(Fault::Check);
        node = told(node, error);
    }
    node
}

fn nodes() -> Vec<NodeReport> {
    let left_out = Diagnostic::error(Code::UpstreamFailed, "left out, because `daily_metrics` failed");
    let failed = Diagnostic::error(Code::ExecutionFailed, "`daily_metrics` failed while it ran: division by zero");
    vec![
        node("ingest", "bronze.rental_transactions", NodeStatus::Success, (20_080, 20_078, 2)),
        test("not_null_rentals_user_id", NodeStatus::Success, 0),
        test("unique_rentals_rental_id", NodeStatus::Failed, 3),
        node("view", "silver.rentals", NodeStatus::Success, (0, 0, 0)),
        told(node("table", "gold.daily_metrics", NodeStatus::Failed, (0, 0, 0)), failed),
        told(node("table", "gold.top_days", NodeStatus::Skipped, (0, 0, 0)), left_out),
        node("table", "gold.brand_metrics", NodeStatus::UpToDate, (0, 0, 0)),
    ]
}

fn planned(node: &NodeReport) -> PlannedNode {
    PlannedNode {
        estimated_bytes: None,
        name: node.name.clone(),
        kind: node.kind,
        step: node.step.clone(),
        relation: node.relation.clone(),
        tested: (node.kind == NodeKind::Test).then(|| TableName::new("bronze", "rental_transactions")),
        decision: Decision {
            node: node.id.clone(),
            action: Action::Run,
            reason: String::new(),
            pending: Pending::default(),
        },
    }
}

fn report(status: RunStatus) -> RunReport {
    let at = |milliseconds: i64| DateTime::from_timestamp_millis(1_800_000_000_000 + milliseconds).unwrap();
    RunReport {
        run_id: RunId("019a7c3e1b2f7000".into()),
        project: "car_rental".into(),
        environment: "local".into(),
        engine: "embedded".into(),
        command: "run".into(),
        started_at: at(0),
        finished_at: Some(at(1_240)),
        status,
        nodes: nodes(),
    }
}

fn lines(together: bool, style: Style) -> String {
    let nodes = nodes();
    let planned: Vec<PlannedNode> = nodes.iter().map(planned).collect();
    let mut lines = Lines::new(planned.iter(), together, style);
    nodes.iter().fold(lines.heading(), |text, node| text + &lines.line(node).unwrap_or_default())
}

#[test]
fn passed_tests_share_a_line_and_failed_ones_do_not() {
    insta::assert_snapshot!(lines(true, Style::plain()), @r"
      step    table                          rows in    rows out  set aside     time
    ✓ ingest  bronze.rental_transactions      20,080      20,078          2    0.03s
    ✗ test    unique_rentals_rental_id        3 rows                           0.03s
    ✓ tests   bronze.rental_transactions    1 passed                           0.06s
    ✓ view    silver.rentals                                                   0.03s
    ✗ table   gold.daily_metrics              failed                           0.03s
    – table   gold.top_days               left out, because `daily_metrics` failed
    ");
}

#[test]
fn asked_for_tests_have_a_line_each() {
    let style = Style { width: 120, terminal: true, ..Style::plain() };
    insta::assert_snapshot!(lines(false, style), @r"
      step    table                          rows in    rows out  set aside     time
    ✓ ingest  bronze.rental_transactions      20,080      20,078          2    0.03s  2 new files
    ✓ test    not_null_rentals_user_id        passed                           0.03s
    ✗ test    unique_rentals_rental_id        3 rows                           0.03s
    ✓ view    silver.rentals                                                   0.03s  2 new files
    ✗ table   gold.daily_metrics              failed                           0.03s
    – table   gold.top_days               left out, because `daily_metrics` failed
    ");
}

#[test]
fn the_last_lines_add_up() {
    insta::assert_snapshot!(closing(&report(RunStatus::Failed), Style::plain()), @r"
    ✗ failed after 1.24s: 1 loaded, 1 built, 1 failed, 1 left out, 1 test passed, 1 test failed, 1 up to date
      files: 20,080 rows in = 20,078 out + 2 set aside
    ");
    let report = report(RunStatus::Failed);
    let told: Vec<String> = told_of(&report);
    assert_eq!(
        told,
        ["`unique_rentals_rental_id` found 3 rows", "`daily_metrics` failed while it ran: division by zero"]
    );
}

fn told_of(report: &RunReport) -> Vec<String> {
    super::told(report).into_iter().map(|diagnostic| diagnostic.message).collect()
}

#[test]
fn what_was_skipped_is_told_unless_it_is_a_header_for_each_file() {
    let with = |skipped: Skipped| {
        let mut report = report(RunStatus::Success);
        report.nodes.truncate(1);
        report.nodes[0].step_report.files = 2;
        report.nodes[0].step_report.skipped = skipped;
        closing(&report, Style::plain())
    };
    assert!(!with(Skipped { header: 2, ..Skipped::default() }).contains("skipped"));
    assert!(with(Skipped { header: 3, ..Skipped::default() }).ends_with("  skipped: 3 headers\n"));
    let all = Skipped { blank: 1, comment: 2, preamble: 4, header: 2, footer: 1_000 };
    insta::assert_snapshot!(with(all), @r"
    ✓ done in 1.24s: 1 loaded
      files: 20,080 rows in = 20,078 out + 2 set aside
      skipped: 2 headers, 1 blank line, 2 comments, 4 preamble lines, 1,000 footers
    ");
}
