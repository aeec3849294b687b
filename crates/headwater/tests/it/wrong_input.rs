//! Each kind of wrong input: a located error with a hint, exit code 1, and nothing written.

use std::fs;
use std::time::{Duration, Instant};

use crate::project::{Project, assert_says};

/// Snapshots what a command says and holds it to leaving no trace.
macro_rules! assert_refused {
    ($project:expr, $arguments:expr, @$snapshot:literal) => {{
        let before = $project.tree();
        assert_says!($project, $arguments, @$snapshot);
        assert_eq!($project.tree(), before, "something was written");
    }};
}

#[test]
fn no_project_here() {
    let project = Project::nothing();
    assert_refused!(project, ["run"], @"");
    assert_refused!(project, ["run", "--project-dir", "nowhere"], @"");
}

#[test]
fn unknown_environment() {
    let project = Project::shop();
    assert_refused!(project, ["run", "--env", "locl"], @"");
}

#[test]
fn missing_folder_of_files() {
    let project = Project::shop();
    fs::remove_dir_all(project.path("incoming")).unwrap();
    assert_refused!(project, ["run"], @"");
}

#[test]
fn an_empty_match() {
    let project = Project::shop();
    fs::rename(project.path("incoming/orders.csv"), project.path("incoming/order.csv")).unwrap();
    assert_refused!(project, ["run"], @"");
}

#[test]
fn a_header_that_lacks_a_column() {
    let project = Project::shop();
    project.replace("incoming/orders.csv", "ordered_on", "order_date");
    assert_refused!(project, ["run"], @"");
}

#[test]
fn a_wrong_delimiter() {
    let project = Project::shop();
    let orders = fs::read_to_string(project.path("incoming/orders.csv")).unwrap();
    project.write("incoming/orders.csv", &orders.replace(',', ";"));
    assert_refused!(project, ["run"], @"");
}

/// Not by permissions, which do not hold for root: by a link that leads to itself.
#[cfg(unix)]
#[test]
fn an_unreadable_folder() {
    let project = Project::shop();
    fs::rename(project.path("incoming"), project.path("files")).unwrap();
    std::os::unix::fs::symlink("incoming", project.path("incoming")).unwrap();
    assert_refused!(project, ["run"], @"");
}

#[test]
fn a_folder_of_files_that_is_a_file() {
    let project = Project::shop();
    fs::remove_dir_all(project.path("incoming")).unwrap();
    project.write("incoming", "no folder\n");
    assert_refused!(project, ["run"], @"");
}

#[test]
fn a_lake_that_is_a_file() {
    let project = Project::shop();
    project.write("lake", "no lake\n");
    assert_refused!(project, ["run"], @"");
}

#[test]
fn a_value_that_does_not_parse() {
    let project = Project::shop();
    project.replace("incoming/orders.csv", "40.00", "forty");
    assert_says!(project, ["run", "--threads", "1"], @"");
    let tables = project.output(&["tables"]);
    assert!(!tables.contains("orders") && !tables.contains("revenue"), "{tables}");
}

#[test]
fn a_run_beside_another() {
    let project = Project::shop();
    project.output(&["run"]);
    project.write("incoming/orders_2.csv", "order_id,customer_id,ordered_on,amount\n14,2,2024-02-02,1.00\n");
    // What a run holds for as long as it goes on.
    let lock = fs::File::options().read(true).write(true).open(project.path("lake/_headwater/lock")).unwrap();
    lock.lock().unwrap();
    let holder = r#"{"run_id":"019a","pid":4321,"host":"here","command":"run gold","since":"2026-01-01T00:00:00Z"}"#;
    fs::write(project.path("lake/_headwater/lock"), holder).unwrap();
    assert_says!(project, ["run"], @"");
    lock.unlock().unwrap();
    project.output(&["run"]);
}

#[test]
fn several_mistakes_at_once() {
    let project = Project::shop();
    project.replace("models/gold/revenue.sql", "sum(amount)", "sum(amout)");
    project.replace("models/silver/sales.sql", "source('shop', 'customers')", "source('shop', 'costumers')");
    project.replace("models/gold/gold.yml", "columns:", "colums:");
    project.write("models/gold/top.sql", "select * from {{ ref('revenu') }}\n");
    assert_refused!(project, ["check"], @"");
}

#[test]
fn vars_that_are_no_map() {
    assert_refused!(Project::shop(), ["run", "--vars", "incoming"], @"");
}

#[test]
fn a_selection_of_nothing() {
    assert_refused!(Project::shop(), ["run", "revenu"], @"");
}

#[test]
fn a_folder_that_is_not_empty() {
    let project = Project::shop();
    assert_refused!(project, ["init"], @"");
    assert_refused!(project, ["demo", "."], @"");
    assert_refused!(project, ["init", "new", "--template", "car-rentl"], @"");
}

/// A command that says no should say it at once.
#[test]
fn a_refusal_is_quick() {
    let start = Instant::now();
    Project::nothing().says(&["run"]);
    assert!(start.elapsed() < Duration::from_secs(5));
}
