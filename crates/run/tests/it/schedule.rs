use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use headwater_plan::{Code, NodeId, NodeStatus, RunStatus, Severity};
use headwater_run::{Event, RunStore};
use proptest::prelude::*;

use crate::script::{Does, Script, ends};

#[tokio::test]
async fn nodes_begin_in_plan_order_and_at_most_so_many_at_once() {
    let script = Script::new()
        .model("a", &[], Does::Well)
        .model("b", &[], Does::Well)
        .model("c", &["a"], Does::Well)
        .model("d", &["b", "c"], Does::Well);
    let report = script.run().await;
    assert_eq!(script.log(), ["+a", "-a", "+b", "-b", "+c", "-c", "+d", "-d"]);
    assert_eq!((report.status, report.exit_code()), (RunStatus::Success, 0));
    assert_eq!(report.nodes[0].reason, "because");
}

#[tokio::test]
async fn an_engine_hears_what_is_ahead_of_it() {
    let script = Script::new()
        .statement("first", "on-run-start", Does::Well)
        .model("a", &[], Does::Well)
        .test("a_is_unique", &["a"], Severity::Error, Does::Well)
        .model("b", &["a"], Does::Well)
        .up_to_date("b")
        .model("c", &["b"], Does::Well)
        .late("d", &["c"], Does::Well)
        .statement("last", "on-run-end", Does::Well);
    script.run_in_stages().await;
    let heard = script.agendas.lock().unwrap().clone();
    assert_eq!(
        heard,
        ["first; a after first; a_is_unique after first, a; c after first, a, a_is_unique", "d; last after d always"]
    );
}

#[tokio::test]
async fn an_engine_is_not_told_of_what_is_blocked() {
    let script = Script::new()
        .model("x", &[], Does::Fail)
        .late("y", &["x"], Does::Well)
        .model("a", &[], Does::Well)
        .late("b", &["a"], Does::Well)
        .late("c", &["b", "y"], Does::Well);
    script.run_in_stages().await;
    assert_eq!(script.agendas.lock().unwrap().clone(), ["x; a", "b"]);
}

#[tokio::test]
async fn what_needs_a_failed_node_is_skipped_and_the_rest_is_finished() {
    let script = Script::new()
        .model("a", &[], Does::Fail)
        .model("b", &["a"], Does::Well)
        .model("c", &["b"], Does::Well)
        .model("d", &[], Does::Well);
    let report = script.run().await;
    assert_eq!(ends(&report), ["a Failed", "b Skipped", "c Skipped", "d Success"]);
    let skipped = &report.nodes[2].step_report.diagnostics[0];
    assert_eq!((skipped.code, skipped.message.as_str()), (Code::UpstreamFailed, "left out, because `a` failed"));
    assert_eq!((report.status, report.exit_code()), (RunStatus::Failed, 1));
}

#[tokio::test]
async fn a_failed_test_stops_what_reads_the_tested_node() {
    let script = Script::new()
        .model("a", &[], Does::Well)
        .test("a_is_unique", &["a"], Severity::Error, Does::Find)
        .model("b", &["a"], Does::Well)
        .model("c", &[], Does::Well);
    let report = script.threads(4).run().await;
    let ends: BTreeSet<String> = ends(&report).into_iter().collect();
    assert_eq!(
        ends.iter().map(String::as_str).collect::<Vec<_>>(),
        ["a Success", "a_is_unique Failed", "b Skipped", "c Success"]
    );
    assert_eq!(report.exit_code(), 3);
}

#[tokio::test]
async fn a_warning_test_stops_nothing() {
    let script = Script::new()
        .model("a", &[], Does::Well)
        .test("a_is_unique", &["a"], Severity::Warning, Does::Find)
        .model("b", &["a"], Does::Well);
    let report = script.run().await;
    assert_eq!(ends(&report), ["a Success", "a_is_unique Warned", "b Success"]);
    assert_eq!((report.status, report.exit_code()), (RunStatus::Success, 0));
}

#[tokio::test]
async fn a_test_that_needs_a_later_model_does_not_gate_it() {
    // b reads a; the relationships test of a reads b, so it can gate c but never b.
    let script = Script::new()
        .model("a", &[], Does::Well)
        .model("b", &["a"], Does::Well)
        .test("a_in_b", &["a", "b"], Severity::Error, Does::Find)
        .model("c", &["a"], Does::Well);
    assert_eq!(ends(&script.run().await), ["a Success", "b Success", "a_in_b Failed", "c Skipped"]);
}

#[tokio::test]
async fn what_failed_above_a_node_that_is_up_to_date_blocks_what_is_below_it() {
    let script = Script::new()
        .model("a", &[], Does::Well)
        .up_to_date("a")
        .test("a_is_unique", &["a"], Severity::Error, Does::Find)
        .model("b", &["a"], Does::Well)
        .up_to_date("b")
        .model("c", &["b"], Does::Well);
    assert_eq!(ends(&script.run().await), ["a UpToDate", "a_is_unique Failed", "b UpToDate", "c Skipped"]);
}

#[tokio::test]
async fn order_holds_through_nodes_that_are_not_selected() {
    let script = Script::new().model("a", &[], Does::Fail).model("b", &["a"], Does::Well).not_selected("b").model(
        "c",
        &["b"],
        Does::Well,
    );
    assert_eq!(ends(&script.run().await), ["a Failed", "c Skipped"]);
}

#[tokio::test]
async fn a_panic_is_a_failed_node_of_ours() {
    let script = Script::new().model("a", &[], Does::Panic).model("b", &["a"], Does::Well).model("c", &[], Does::Well);
    let report = script.run().await;
    assert_eq!(ends(&report), ["a Failed", "b Skipped", "c Success"]);
    let told = &report.nodes[0].step_report.diagnostics[0];
    assert_eq!((told.code, told.causes.as_slice()), (Code::Internal, ["a planted panic".to_owned()].as_slice()));
    assert_eq!(told.node, Some(NodeId("a".into())));
    assert_eq!(report.exit_code(), 2);
}

#[tokio::test]
async fn a_stop_waits_for_what_runs_and_begins_nothing() {
    let script = Script::new()
        .model("a", &[], Does::Wait)
        .model("b", &[], Does::Well)
        .up_to_date("b")
        .model("c", &["a"], Does::Well)
        .model("d", &["b"], Does::Well)
        .model("e", &[], Does::Fail);
    let cancel = script.cancel.clone();
    let (report, ()) = tokio::join!(script.run(), async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        cancel.cancel();
    });
    assert_eq!(script.log(), ["+a", "-a"]);
    assert_eq!(ends(&report), ["b UpToDate", "a Cancelled", "c Cancelled", "d Cancelled", "e Cancelled"]);
    assert_eq!((report.status, report.exit_code()), (RunStatus::Cancelled, 130));
}

#[tokio::test]
async fn the_store_has_each_node_as_it_ended_and_the_passes_of_tests() {
    let folder = tempfile::tempdir().unwrap();
    let mut script = Script::new()
        .model("a", &[], Does::Well)
        .test("passes", &["a"], Severity::Error, Does::Well)
        .test("finds", &["a"], Severity::Warning, Does::Find)
        .model("b", &["a"], Does::Fail);
    let store = Arc::new(RunStore::open(folder.path()).unwrap());
    script.store = Some(Arc::clone(&store));
    let report = script.run().await;
    assert_eq!(store.show("latest").unwrap(), report);
    assert_eq!(store.passed("local").unwrap().into_keys().collect::<Vec<_>>(), [NodeId("passes".into())]);
}

#[tokio::test]
async fn a_store_that_fails_is_told_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut script = Script::new().model("a", &[], Does::Well);
    script.store = Some(Arc::new(RunStore::open(folder.path()).unwrap()));
    // A second run of the same name cannot be kept.
    script.run().await;
    let report = script.run().await;
    assert_eq!(report.status, RunStatus::Success);
    let told = &report.nodes[0].step_report.diagnostics[0];
    assert_eq!((told.code, told.severity), (Code::RunStoreUnavailable, Severity::Warning));
}

#[tokio::test]
async fn events_tell_the_run_from_begin_to_end_and_have_a_json_form() {
    let script = Script::new().model("a", &[], Does::Well).model("b", &["a"], Does::Fail);
    let report = script.run().await;
    let events = script.events.lock().unwrap();
    let kinds: Vec<String> =
        events.iter().map(|event| serde_json::to_value(event).unwrap()["event"].as_str().unwrap().to_owned()).collect();
    let expected = ["run_started", "node_started", "node_finished", "node_started", "node_finished", "run_finished"];
    assert_eq!(kinds, expected);
    assert!(matches!(events.last(), Some(Event::RunFinished { report: told }) if *told == report));
}

#[tokio::test]
async fn code_is_tested_before_its_model_runs_and_stops_it() {
    let passes = Script::new().model("a", &[], Does::Well).unit_test("a_code", "a", Does::Well);
    passes.run().await;
    assert_eq!(passes.log(), ["+a_code", "-a_code", "+a", "-a"]);
    let fails = Script::new()
        .model("a", &[], Does::Well)
        .unit_test("a_code", "a", Does::Fail)
        .model("b", &["a"], Does::Well)
        .model("c", &[], Does::Well);
    assert_eq!(ends(&fails.run().await), ["a_code Failed", "a Skipped", "b Skipped", "c Success"]);
    let through = fails.not_selected("a");
    let ends: BTreeSet<String> = ends(&through.run().await).into_iter().collect();
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), ["a_code Failed", "b Skipped", "c Success"]);
}

#[tokio::test]
async fn statements_stand_around_everything_and_the_last_ones_run_after_a_failure() {
    let script = |start| {
        Script::new()
            .statement("end", "on-run-end", Does::Well)
            .model("a", &[], Does::Fail)
            .statement("start", "on-run-start", start)
            .statement("second", "on-run-start", Does::Well)
            .model("b", &["a"], Does::Well)
            .threads(4)
    };
    let report = script(Does::Well).run().await;
    assert_eq!(ends(&report), ["start Success", "second Success", "a Failed", "b Skipped", "end Success"]);
    let report = script(Does::Fail).run().await;
    assert_eq!(ends(&report), ["start Failed", "second Skipped", "a Skipped", "b Skipped", "end Success"]);
}

#[tokio::test]
async fn after_the_first_failure_nothing_begins_if_that_was_asked_for() {
    let mut script = Script::new().model("a", &[], Does::Fail).model("b", &[], Does::Well).statement(
        "end",
        "on-run-end",
        Does::Well,
    );
    script.fail_fast = true;
    let report = script.run().await;
    assert_eq!(ends(&report), ["a Failed", "b Skipped", "end Success"]);
    assert_eq!(report.nodes[1].step_report.diagnostics[0].message, "left out, because `a` failed");
}

#[tokio::test]
async fn what_is_late_runs_in_a_stage_of_its_own() {
    let script = Script::new()
        .model("a", &[], Does::Well)
        .late("b", &["a"], Does::Well)
        .model("c", &["b"], Does::Well)
        .statement("start", "on-run-start", Does::Well)
        .statement("end", "on-run-end", Does::Well);
    let report = script.run_in_stages().await;
    assert_eq!(ends(&report), ["start Success", "a Success", "b Success", "c Success", "end Success"]);
    assert_eq!(report.status, RunStatus::Success);
}

#[tokio::test]
async fn what_failed_in_an_earlier_stage_blocks_a_later_one() {
    let script = Script::new()
        .model("a", &[], Does::Well)
        .test("a_is_unique", &["a"], Severity::Error, Does::Find)
        .model("x", &[], Does::Well)
        .late("y", &["x"], Does::Well)
        .late("b", &["a"], Does::Well)
        .late("z", &["y"], Does::Fail)
        .model("w", &["b", "z"], Does::Well);
    let report = script.run_in_stages().await;
    let expected = ["a Success", "a_is_unique Failed", "b Skipped", "x Success", "y Success", "z Failed", "w Skipped"];
    let ends: BTreeSet<String> = ends(&report).into_iter().collect();
    assert_eq!(ends, expected.into_iter().map(str::to_owned).collect());
}

#[tokio::test]
async fn what_waits_for_rows_that_never_come_fails_by_name() {
    let script = Script::new()
        .model("a", &[], Does::Well)
        .late("b", &["a"], Does::Well)
        .model("c", &["b"], Does::Well)
        .statement("end", "on-run-end", Does::Well);
    let report = script.run().await;
    assert_eq!(ends(&report), ["a Success", "b Failed", "c Skipped", "end Success"]);
    let told = &report.nodes[1].step_report.diagnostics[0];
    assert_eq!(told.message, "`b` asks for the rows of `s.a`, which this run did not build");
    assert_eq!(told.help.as_deref(), Some("build what it reads with it: `headwater run --select +b`"));
}

/// A node: what it reads, whether it is a test, what it does, whether it is up to date.
type Made = (Vec<usize>, bool, Does, bool);

fn projects() -> impl Strategy<Value = Vec<Made>> {
    let does = prop_oneof![6 => Just(Does::Well), 1 => Just(Does::Fail), 1 => Just(Does::Panic)];
    let node = (any::<[prop::sample::Index; 2]>(), prop::bool::weighted(0.3), does, prop::bool::weighted(0.2));
    prop::collection::vec(node, 1..16).prop_map(|nodes| {
        let mut made: Vec<Made> = Vec::new();
        for (reads, is_test, does, up_to_date) in nodes {
            let models: Vec<usize> = (0..made.len()).filter(|at| !made[*at].1).collect();
            let is_test = is_test && !models.is_empty();
            let reads: BTreeSet<usize> =
                if models.is_empty() { BTreeSet::new() } else { reads.iter().map(|it| *it.get(&models)).collect() };
            made.push((reads.into_iter().collect(), is_test, does, up_to_date));
        }
        made
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn every_run_ends_with_each_node_told_once_and_in_order(made in projects(), threads in 1_usize..5) {
        let name = |at: usize| format!("n{at:02}");
        let mut script = Script::new().threads(threads);
        for (at, (reads, is_test, does, up_to_date)) in made.iter().enumerate() {
            let reads: Vec<String> = reads.iter().map(|read| name(*read)).collect();
            let reads: Vec<&str> = reads.iter().map(String::as_str).collect();
            script = if *is_test {
                script.test(&name(at), &reads, Severity::Error, *does)
            } else {
                script.model(&name(at), &reads, *does)
            };
            if *up_to_date {
                script = script.up_to_date(&name(at));
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let report = runtime.block_on(script.run());

        let ended: BTreeMap<&str, NodeStatus> =
            report.nodes.iter().map(|node| (node.name.as_str(), node.status)).collect();
        prop_assert_eq!(ended.len(), made.len());
        prop_assert_eq!(report.nodes.len(), made.len());
        for (at, (reads, _, does, up_to_date)) in made.iter().enumerate() {
            let status = ended[name(at).as_str()];
            let all_well = reads.iter().all(|read| {
                matches!(ended[name(*read).as_str()], NodeStatus::Success | NodeStatus::UpToDate)
            });
            match status {
                NodeStatus::UpToDate => prop_assert!(up_to_date),
                NodeStatus::Success => prop_assert!(all_well && *does == Does::Well),
                NodeStatus::Failed => prop_assert!(all_well && *does != Does::Well),
                NodeStatus::Skipped => prop_assert!(ended.values().any(|other| *other == NodeStatus::Failed)),
                NodeStatus::Warned | NodeStatus::Cancelled => prop_assert!(false, "nobody asked for {status:?}"),
            }
        }
        let mut running = 0_usize;
        let mut done = BTreeSet::new();
        for entry in script.log() {
            let (sign, node) = entry.split_at(1);
            if sign == "+" {
                running += 1;
                let at: usize = node[1..].parse().unwrap();
                prop_assert!(made[at].0.iter().all(|read| made[*read].3 || done.contains(&name(*read))));
            } else {
                done.insert(node.to_owned());
            }
            // A step that panics logs no end.
            running -= usize::from(sign == "-");
            let panicked = made.iter().filter(|node| node.2 == Does::Panic).count();
            prop_assert!(running <= threads + panicked);
        }
    }
}
