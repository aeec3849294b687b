//! Ctrl-C, and a reader that has seen enough.
#![cfg(unix)]

use std::fmt::Write;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::project::Project;

/// A shop with many orders, and a model that takes longer than anybody waits.
fn busy() -> Project {
    let project = Project::shop();
    let mut orders = String::from("order_id,customer_id,ordered_on,amount\n");
    for order in 0..20_000 {
        writeln!(orders, "{order},{},2024-01-05,1.00", order % 3 + 1).unwrap();
    }
    project.write("incoming/orders.csv", &orders);
    project.write(
        "models/gold/heavy.sql",
        "\
{{ config(materialized='table') }}
select count(*) as n
from {{ ref('sales') }} a cross join {{ ref('sales') }} b cross join {{ ref('sales') }} c
where a.order_id + b.order_id > c.order_id
",
    );
    project
}

fn start(project: &Project, arguments: &[&str]) -> std::process::Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
    command.current_dir(project.path("")).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn ctrl_c_stops_cleanly_and_the_next_run_goes_on() {
    let project = busy();
    let mut run = start(&project, &["run", "+heavy", "--threads", "1"]);
    let mut lines = BufReader::new(run.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut said: Vec<String> = Vec::new();
    for line in lines.by_ref() {
        said.push(line);
        if said.last().unwrap().contains("silver.sales") {
            break;
        }
    }
    // The model begins now; the signal may come a moment before or after, and must be heard either way.
    std::thread::sleep(Duration::from_millis(1500));
    let start = Instant::now();
    let signalled = Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap();
    assert!(signalled.success());
    said.extend(lines);
    let status = run.wait().unwrap();
    let said = said.join("\n");
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    assert!(said.contains("stopped after"), "{said}");
    let mut told = String::new();
    run.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(told.trim(), "stopping: the running nodes clean up; press Ctrl-C again to stop at once");
    assert!(project.output(&["runs"]).contains("stopped"));
    // The lake is free again, and what was done stays done.
    let next = project.output(&["run", "revenue"]);
    assert!(next.contains("gold.revenue") && !next.contains("bronze.orders"), "{next}");
}

#[test]
fn a_closed_pipe_is_no_error() {
    let project = busy();
    project.output(&["run", "shop.orders"]);
    for format in ["csv", "json"] {
        let mut query = start(&project, &["query", "select * from bronze.orders", "--format", format]);
        let mut first = [0; 16];
        query.stdout.take().unwrap().read_exact(&mut first).unwrap();
        assert_eq!(query.wait().unwrap().code(), Some(0), "{format}");
        let mut told = String::new();
        query.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        assert_eq!(told, "", "{format}");
    }
}
