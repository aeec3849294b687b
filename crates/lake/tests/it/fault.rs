//! The places where a test kills the process.

use std::process::{Command, Stdio};

use headwater_lake::fault;

/// Runs this very test in a process of its own, with a place to die in.
fn survives(place: &str) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "fault::a_process_dies_at_its_place_and_passing"]).env("HEADWATER_FAULT", place);
    child.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

#[test]
fn a_process_dies_at_its_place_and_passing() {
    if std::env::var_os("HEADWATER_FAULT").is_some() {
        fault::point("rows-staged");
        fault::point("table-committed");
        fault::point("table-committed");
        return;
    }
    for (place, expected) in [
        ("rows-staged", false),
        ("rows-staged:2", true),
        ("table-committed:2", false),
        ("table-committed:3", true),
        ("batch-written", true),
    ] {
        assert_eq!(survives(place), expected, "{place}");
    }
    assert!(fault::POINTS.contains(&"table-committed"));
}
