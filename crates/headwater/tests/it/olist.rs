//! The Olist example, as its README says: generated, loaded, built, tested; then the next delivery.

use std::fs;
use std::path::Path;

use crate::dbt::copy;
use crate::project::Project;

fn example() -> Project {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/olist");
    let project = Project::nothing();
    copy(&example, &project.path("."));
    project.output(&["generate", "--rows", "500"]);
    project
}

fn count(project: &Project, sql: &str) -> u64 {
    let rows = project.output(&["query", sql, "--format", "csv"]);
    rows.lines().nth(1).unwrap().parse().unwrap()
}

#[test]
fn the_next_delivery_is_loaded_alone() {
    let project = example();
    project.output(&["run"]);
    let again = project.output(&["run"]);
    assert!(again.contains("nothing to do"), "{again}");
    let orders = count(&project, "select count(*) as n from staging.stg_orders");

    // One order of the first file in a new state, and one that is new.
    let first = fs::read_dir(project.path("incoming")).unwrap().map(|entry| entry.unwrap().path());
    let first = first.into_iter().find(|path| path.to_string_lossy().contains("olist_orders_dataset")).unwrap();
    let text = fs::read_to_string(&first).unwrap();
    let mut lines = text.lines();
    let (header, order) = (lines.next().unwrap(), lines.next().unwrap());
    let id = order.split(',').next().unwrap();
    let status = header.split(',').position(|name| name == "order_status").unwrap();
    let cancelled = |id: &str| {
        let mut cells: Vec<&str> = order.split(',').collect();
        (cells[0], cells[status]) = (id, "canceled");
        cells.join(",")
    };
    let new = id.replace(|c: char| c.is_ascii_digit(), "0");
    let next = format!("{header}\n{}\n{}\n", cancelled(id), cancelled(&new));
    project.write("incoming/olist_orders_dataset_next.csv", &next);

    let planned = project.output(&["plan"]);
    assert!(planned.contains("1 new file"), "{planned}");
    project.output(&["run"]);
    assert_eq!(count(&project, "select count(*) as n from staging.stg_orders"), orders + 1);
    let state =
        format!("select count(*) as n from staging.stg_orders where order_id = '{id}' and order_status = 'canceled'");
    assert_eq!(count(&project, &state), 1, "{id}");
    let runs = "select count(distinct pipeline_run_id) as n from raw.v_ingestion_monitoring";
    assert_eq!(count(&project, runs), 2);
}
