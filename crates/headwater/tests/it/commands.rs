//! The commands on a project that is well.

use std::fs;

use serde_json::Value;

use crate::project::{Project, assert_says};

fn built() -> Project {
    let project = Project::shop();
    project.output(&["run"]);
    project
}

#[test]
fn check() {
    assert_says!(Project::shop(), ["check"], @"");
}

#[test]
fn plan_then_run_then_nothing_to_do() {
    let project = Project::shop();
    let before = project.tree();
    assert_says!(project, ["plan"], @"");
    assert_eq!(project.tree(), before, "a plan writes nothing");
    assert_says!(project, ["run", "--threads", "1"], @"");
    assert_says!(project, ["run"], @"");
    assert_says!(project, ["plan"], @"");
}

#[test]
fn a_new_file_builds_what_depends_on_it() {
    let project = built();
    project.write("incoming/orders_2.csv", "order_id,customer_id,ordered_on,amount\n14,2,2024-02-02,1.00\n");
    assert_says!(project, ["plan"], @"");
    assert_says!(project, ["run", "--threads", "1"], @"");
    let rows = project.output(&["query", "select sum(orders) as orders from gold.revenue", "--format", "csv"]);
    assert_eq!(rows, "orders\n5\n");
}

#[test]
fn a_failed_model_leaves_out_what_needs_it() {
    let project = Project::shop();
    project.replace("models/gold/revenue.sql", "sum(amount)", "sum(amount) / cast(min(order_id) - 10 as int)");
    project.write("models/gold/top.sql", "select country from {{ ref('revenue') }} order by revenue desc limit 1\n");
    assert_says!(project, ["run", "--threads", "1"], @"");
}

#[test]
fn failing_tests() {
    let project = Project::shop();
    project.write("incoming/orders.csv", "order_id,customer_id,ordered_on,amount\n10,1,2024-01-05,1\n10,2,2024-01-06,2\n,2,2024-01-06,2\n");
    assert_says!(project, ["run", "--threads", "1"], @"");
    assert_says!(project, ["test", "--threads", "1"], @"");
}

#[test]
fn query_as_table_and_bars() {
    let project = built();
    assert_says!(project, ["query", "select * from gold.revenue order by country"], @"");
    assert_says!(project, ["query", "select name, null as nothing from bronze.customers", "--limit", "2"], @"");
    let bars = "select country, revenue from gold.revenue order by revenue desc";
    assert_says!(project, ["query", bars, "--plot", "bar:country,revenue"], @"");
    assert_says!(project, ["query", bars, "--plot", "bar:country,revnue"], @"");
    assert_says!(project, ["query", "select countri from gold.revenu"], @"");
    assert_says!(project, ["query", "select countri from gold.revenue"], @"");
}

#[test]
fn query_for_programs() {
    let project = built();
    let query = "select customer_id, name, cast(null as int) as age from bronze.customers order by customer_id";
    let csv = "customer_id,name,age\n1,Ada,\n2,Bo,\n3,\"Cy, the third\",\n";
    assert_eq!(project.output(&["query", query, "--format", "csv"]), csv);
    let json: Value = serde_json::from_str(&project.output(&["query", query, "--format", "json"])).unwrap();
    assert_eq!(json[2], serde_json::json!({"customer_id": 3, "name": "Cy, the third", "age": null}));

    let output = project.command(&["query", "-", "--format", "csv"]).write_stdin(query).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), csv);

    assert_says!(project, ["query", query, "--output", "customers.parquet"], @"");
    assert!(fs::read(project.path("customers.parquet")).unwrap().starts_with(b"PAR1"));
    project.output(&["query", query, "--output", "customers.csv"]);
    assert_eq!(fs::read_to_string(project.path("customers.csv")).unwrap(), csv);
    let empty = "select name from bronze.customers where false";
    assert_eq!(project.output(&["query", empty, "--format", "csv"]), "name\n");
    assert_eq!(project.output(&["query", empty, "--format", "json"]), "[]\n");
}

#[test]
fn query_output_that_cannot_be_written() {
    let project = built();
    assert_says!(project, ["query", "select 1 as one", "--output", "nowhere/one.csv"], @"");
    assert_says!(project, ["query", "select 1 as one", "--output", "one.txt"], @"");
    assert_says!(project, ["query", "select 1 as one", "--output", "incoming/orders.csv/one.csv"], @"");
    // A query that fails on its way leaves no half of a file.
    let failing = "select 1 / cast(order_id - 10 as int) as x from bronze.orders";
    let output = project.command(&["query", failing, "--output", "half.csv"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let left = fs::read_dir(project.path("")).unwrap().filter(|entry| {
        entry.as_ref().unwrap().file_name().to_string_lossy().contains("half")
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn tables() {
    let project = built();
    assert_says!(project, ["tables"], @"");
    assert_says!(project, ["tables", "show", "gold.revenue"], @"");
    assert_says!(project, ["tables", "show", "sales"], @"");
    assert_says!(project, ["tables", "history", "gold.revenue"], @"");
    assert_says!(project, ["tables", "history", "silver.sales"], @"");
    assert_says!(project, ["tables", "show", "gold.revenu"], @"");
    assert_says!(Project::shop(), ["tables"], @"");
}

#[test]
fn runs() {
    let project = Project::shop();
    assert_says!(project, ["runs"], @"");
    project.output(&["run", "--threads", "1"]);
    assert_says!(project, ["runs"], @"");
    assert_says!(project, ["runs", "show"], @"");
    assert_says!(project, ["runs", "show", "ffff"], @"");
}

#[test]
fn init() {
    let project = Project::nothing();
    assert_says!(project, ["init", "my-shop"], @"");
    for path in ["headwater.yml", ".headwater/schemas/headwater.schema.json", ".gitignore"] {
        assert!(project.path("my-shop").join(path).is_file(), "{path}");
    }
    project.output(&["run", "--project-dir", "my-shop"]);
    assert!(project.output(&["runs", "show", "--project-dir", "my-shop"]).contains("my_shop"));
}

#[test]
fn everything_in_json() {
    let project = Project::shop();
    let json = |arguments: &[&str]| -> Value {
        let output = project.command(&[arguments, &["--format", "json"]].concat()).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
    };
    assert_eq!(json(&["check"])["counts"]["models"], 2);
    assert_eq!(json(&["plan"])["nodes"][0]["action"], "run");
    let run = json(&["run"]);
    assert_eq!(run["report"]["status"], "success");
    let orders = run["report"]["nodes"].as_array().unwrap().iter().find(|node| node["name"] == "shop.orders").unwrap();
    assert_eq!(orders["rows"], serde_json::json!({"read": 4, "written": 4, "quarantined": 0}));
    assert_eq!(json(&["run"])["nothing_to_do"], true);
    assert_eq!(json(&["test"])["report"]["nodes"].as_array().unwrap().len(), 6);
    assert_eq!(json(&["tables"])["tables"].as_array().unwrap().len(), 4);
    assert_eq!(json(&["tables", "show", "gold.revenue"])["rows"], 2);
    assert_eq!(json(&["tables", "history", "gold.revenue"])["versions"][0]["version"], 0);
    assert_eq!(json(&["runs"])[1]["status"], "success");
    assert_eq!(json(&["runs", "show", "latest"])["command"], "test");
    let refused = json(&["tables", "show", "gold.nothing"]);
    assert_eq!(refused["diagnostics"][0]["code"], "unknown-table");
}

#[test]
fn colour_is_for_those_who_ask() {
    let project = Project::shop();
    let coloured = |name: &str, value: &str| {
        let output = project.command(&["check"]).env(name, value).output().unwrap();
        output.stdout.contains(&0x1b)
    };
    assert!(coloured("CLICOLOR_FORCE", "1"));
    assert!(!coloured("NO_COLOR", "1"));
    assert!(!coloured("TERM", "xterm"));
}
