//! SIGKILL at twenty random moments, and the run again: the tables are those of one clean run, no row lost or doubled.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::project::{Project, TABLES, VIEWS, few};
use crate::moments::Random;

/// Runs that are killed while they are going.
const MOMENTS: usize = 20;

/// Runs that are started to that end: one that ends before its moment is not counted.
const STARTS: usize = 80;

/// Every table's rows in an order of their own, without what differs from run to run.
fn tables(project: &Project) -> BTreeMap<&'static str, Vec<String>> {
    let mut tables = BTreeMap::new();
    for table in TABLES.into_iter().chain(VIEWS) {
        let json = project.headwater(&["query", &format!("SELECT * FROM {table}"), "--format", "json"]);
        let rows: Vec<serde_json::Map<String, Value>> = serde_json::from_slice(&json).unwrap();
        let mut rows: Vec<String> = rows
            .into_iter()
            .map(|mut row| {
                row.remove("_ingested_at");
                row.remove("_run_id");
                Value::Object(row).to_string()
            })
            .collect();
        rows.sort_unstable();
        tables.insert(table, rows);
    }
    tables
}

fn start(project: &Project) -> Child {
    project.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Starts a run and kills it (SIGKILL on Unix) after a while; how long it took if it ended before that.
fn run_and_kill(project: &Project, after: Duration) -> Option<Duration> {
    let began = Instant::now();
    let mut child = start(project);
    while began.elapsed() < after {
        if child.try_wait().unwrap().is_some() {
            return Some(began.elapsed());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

#[test]
fn a_killed_run_that_is_run_again_makes_the_tables_of_a_clean_one() {
    let clean = Project::reading(few());
    let began = Instant::now();
    clean.headwater(&["run"]);
    let mut duration = began.elapsed();
    let expected = tables(&clean);

    let seed = Random::seed();
    let mut moments = Random::new(seed);
    println!("a clean run takes {duration:?}; seed of the moments {seed}");
    let mut killed = 0;
    for _ in 0..STARTS {
        if killed == MOMENTS {
            return;
        }
        let project = Project::reading(few());
        let after = moments.moment(duration);
        if let Some(took) = run_and_kill(&project, after) {
            // The clean run was slower, as the other tests ran beside it.
            duration = duration.min(took);
            continue;
        }
        killed += 1;
        // Every third is killed again while it makes good what the first kill left.
        let again = (killed % 3 == 0).then(|| moments.moment(duration));
        if let Some(after) = again {
            run_and_kill(&project, after);
        }
        let told = format!("kill {killed}, seed {seed}, after {after:?}, again {again:?}");
        println!("{told}");
        let output = project.command(&["run"]).output().unwrap();
        assert!(output.status.success(), "{told}: {}", String::from_utf8_lossy(&output.stderr));
        for (table, rows) in tables(&project) {
            let (found, wanted) = (rows.len(), expected[table].len());
            assert!(rows == expected[table], "{told}: {table} differs: {found} rows, expected {wanted}");
        }
    }
    panic!("only {killed} of {STARTS} runs were still going when they were to be killed");
}
