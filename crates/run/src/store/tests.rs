use std::collections::BTreeMap;

use chrono::{TimeZone, Utc};
use headwater_plan::{NodeKind, StepReport, TableName, TableVersion};

use super::*;

fn report(id: &str, minute: u32) -> RunReport {
    RunReport {
        run_id: RunId(id.into()),
        project: "p".into(),
        environment: "local".into(),
        engine: "embedded".into(),
        command: "run".into(),
        started_at: Utc.with_ymd_and_hms(2024, 5, 1, 12, minute, 0).unwrap(),
        finished_at: None,
        status: RunStatus::Running,
        nodes: Vec::new(),
    }
}

fn node(name: &str, status: NodeStatus) -> NodeReport {
    NodeReport {
        id: NodeId(name.into()),
        name: name.into(),
        kind: NodeKind::Model,
        step: "table".into(),
        relation: Some(TableName::new("gold", name)),
        status,
        reason: "first build".into(),
        started_at: None,
        duration_ms: 5,
        step_report: StepReport { files: 3, ..StepReport::default() },
    }
}

#[test]
fn a_run_reads_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = RunStore::open(folder.path()).unwrap();
    let mut run = report("0198aa", 1);
    store.begin(&run).unwrap();
    store.node_finished(&run.run_id, &node("a", NodeStatus::Success)).unwrap();
    store.node_finished(&run.run_id, &node("b", NodeStatus::Failed)).unwrap();
    assert_eq!(store.show("latest").unwrap().status, RunStatus::Running);
    run.status = RunStatus::Failed;
    run.finished_at = Some(run.started_at);
    run.nodes = vec![node("a", NodeStatus::Success), node("b", NodeStatus::Failed)];
    store.finish(&run).unwrap();
    assert_eq!(RunStore::open(folder.path()).unwrap().show("0198aa").unwrap(), run);
    assert_eq!(fs::read_dir(folder.path().join(".headwater/running")).unwrap().count(), 0);
}

#[test]
fn runs_are_listed_newest_first_and_found_by_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let store = RunStore::open(folder.path()).unwrap();
    assert!(matches!(store.show("latest"), Err(RunError::UnknownRun { any: false, .. })));
    for (id, minute) in [("0198aa", 1), ("0198bb", 3), ("0199cc", 2)] {
        store.begin(&report(id, minute)).unwrap();
        store.node_finished(&RunId(id.into()), &node("a", NodeStatus::UpToDate)).unwrap();
    }
    let listed = store.list(2).unwrap();
    assert_eq!(listed.iter().map(|run| run.run_id.0.as_str()).collect::<Vec<_>>(), ["0198bb", "0199cc"]);
    assert_eq!(listed[0].nodes, BTreeMap::from([("up_to_date".into(), 1)]));
    assert_eq!(store.show("latest").unwrap().run_id.0, "0198bb");
    assert_eq!(store.show("0199").unwrap().run_id.0, "0199cc");
    assert!(matches!(store.show("0198"), Err(RunError::AmbiguousRun { count: 2, .. })));
    assert!(matches!(store.show("%"), Err(RunError::UnknownRun { any: true, .. })));
    assert!(matches!(store.show(""), Err(RunError::AmbiguousRun { .. })));
}

#[test]
fn a_run_whose_process_died_is_failed_without_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let dying = RunStore::open(folder.path()).unwrap();
    dying.begin(&report("0198aa", 1)).unwrap();
    dying.node_finished(&RunId("0198aa".into()), &node("a", NodeStatus::Success)).unwrap();
    let other = RunStore::open(folder.path()).unwrap();
    assert_eq!(other.list(9).unwrap()[0].status, RunStatus::Running);
    drop(dying);
    let after = other.show("latest").unwrap();
    assert_eq!((after.status, after.finished_at, after.nodes.len()), (RunStatus::Failed, None, 1));
}

#[test]
fn the_last_pass_of_a_test_is_kept_by_environment() {
    let folder = tempfile::tempdir().unwrap();
    let store = RunStore::open(folder.path()).unwrap();
    let test = NodeId("test.p.not_null".into());
    let built = |version| Built {
        fingerprint: "f".into(),
        inputs: BTreeMap::from([(TableName::new("gold", "a"), TableVersion { id: "t".into(), version })]),
    };
    store.record_pass("local", &test, &built(1)).unwrap();
    store.record_pass("local", &test, &built(2)).unwrap();
    assert_eq!(store.passed("local").unwrap(), BTreeMap::from([(test, built(2))]));
    assert_eq!(store.passed("prod").unwrap(), BTreeMap::new());
}

#[test]
fn looking_makes_no_store() {
    let folder = tempfile::tempdir().unwrap();
    assert!(RunStore::open_existing(folder.path()).unwrap().is_none());
    assert!(!folder.path().join(".headwater").exists());
    RunStore::open(folder.path()).unwrap();
    assert!(RunStore::open_existing(folder.path()).unwrap().is_some());
}

#[test]
fn a_newer_and_a_damaged_store_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(RunStore::open(folder.path()).unwrap());
    let path = folder.path().join(".headwater/runs.db");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let newer = RunStore::open(folder.path()).err().unwrap().diagnostic();
    assert!(newer.message.contains("has format 99, and this headwater knows formats up to 1"), "{newer}");
    fs::write(
        &path,
        "this is not a database, but it is long enough to have a header of one hundred bytes, or so it seems",
    )
    .unwrap();
    let damaged = RunStore::open(folder.path()).err().unwrap().diagnostic();
    assert!(damaged.help.unwrap().starts_with("the file is damaged"));
}

/// A store as the first release wrote it. This text is never edited: it is what lies on users' disks.
const FORMAT_1: &str = r#"
    CREATE TABLE runs (run_id TEXT PRIMARY KEY, started_at TEXT NOT NULL, status TEXT NOT NULL, report TEXT NOT NULL) STRICT;
    CREATE INDEX runs_by_start ON runs (started_at);
    CREATE TABLE nodes (run_id TEXT NOT NULL REFERENCES runs (run_id), position INTEGER NOT NULL, status TEXT NOT NULL,
        report TEXT NOT NULL, PRIMARY KEY (run_id, position)) STRICT, WITHOUT ROWID;
    CREATE TABLE test_passes (environment TEXT NOT NULL, node TEXT NOT NULL, built TEXT NOT NULL,
        PRIMARY KEY (environment, node)) STRICT, WITHOUT ROWID;
    INSERT INTO runs VALUES ('0198aa', '2024-05-01T12:00:00.000000000Z', 'success',
        '{"run_id":"0198aa","project":"p","environment":"local","engine":"embedded","command":"run",
          "started_at":"2024-05-01T12:00:00Z","finished_at":"2024-05-01T12:00:09Z","status":"success","nodes":[]}');
    INSERT INTO nodes VALUES ('0198aa', 0, 'success',
        '{"id":"model.p.a","name":"a","kind":"model","step":"table","relation":"gold.a","status":"success",
          "reason":"first build","started_at":"2024-05-01T12:00:01Z","duration_ms":12,
          "rows":{"read":3,"written":2,"quarantined":0},"files":0,"bytes":100,"failures":null,
          "version":{"id":"t","version":4},"inputs":{"bronze.x":{"id":"u","version":1}},"diagnostics":[]}');
    INSERT INTO test_passes VALUES ('local', 'test.p.t', '{"fingerprint":"f","inputs":{"gold.a":{"id":"t","version":4}}}');
    PRAGMA user_version = 1;
"#;

#[test]
fn the_oldest_format_reads() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(".headwater")).unwrap();
    Connection::open(folder.path().join(".headwater/runs.db")).unwrap().execute_batch(FORMAT_1).unwrap();
    let store = RunStore::open(folder.path()).unwrap();
    let run = store.show("latest").unwrap();
    assert_eq!(run.nodes[0].step_report.rows.written, 2);
    assert_eq!(run.nodes[0].step_report.version, Some(TableVersion { id: "t".into(), version: 4 }));
    assert_eq!(store.passed("local").unwrap().len(), 1);
}
