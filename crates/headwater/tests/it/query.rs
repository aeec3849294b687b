//! `headwater query`, as table, as bars and for programs.

use std::fs;

use serde_json::Value;

use crate::project::{Project, assert_says};

fn built() -> Project {
    let project = Project::shop();
    project.output(&["run"]);
    project
}

#[test]
fn query_as_table_and_bars() {
    let project = built();
    assert_says!(project, ["query", "select * from gold.revenue order by country"], @r"
    $ headwater query select * from gold.revenue order by country
    --- stdout
      country  orders        revenue
      string   bigint  decimal(20,2)
      ───────  ──────  ─────────────
      DK            1          40.00
      NO            3         119.75
    --- stderr
    2 rows
    --- exit code 0
    ");
    assert_says!(project, ["query", "select name, null as nothing from bronze.customers", "--limit", "2"], @r"
    $ headwater query select name, null as nothing from bronze.customers --limit 2
    --- stdout
      name    nothing
      string  void
      ──────  ───────
      Ada     null
      Bo      null
    --- stderr
    first 2 rows; `--limit 0` shows all
    --- exit code 0
    ");
    let bars = "select country, revenue from gold.revenue order by revenue desc";
    assert_says!(project, ["query", bars, "--plot", "bar:country,revenue"], @r"
    $ headwater query select country, revenue from gold.revenue order by revenue desc --plot bar:country,revenue
    --- stdout
      revenue by country

      NO  ██████████████████████████████████████████████████████████████████  119.75
      DK  ██████████████████████                                               40.00
    --- exit code 0
    ");
    assert_says!(project, ["query", bars, "--plot", "bar:country,revnue"], @r"
    $ headwater query select country, revenue from gold.revenue order by revenue desc --plot bar:country,revnue
    --- stderr
    error[unknown-column]: the query has no column `revnue` to plot
      = help: did you mean `revenue`?
    --- exit code 1
    ");
    assert_says!(project, ["query", "select countri from gold.revenu"], @r"
    $ headwater query select countri from gold.revenu
    --- stderr
    error[unknown-column]: there is no column `countri`
     --> <query>:1:8
      |
    1 | select countri from gold.revenu
      |        ^^^^^^^

    error[unknown-table]: there is no table `gold.revenu`
     --> <query>:1:21
      |
    1 | select countri from gold.revenu
      |                     ^^^^^^^^^^^
      = help: did you mean `gold.revenue`?

    error: 2 problems
    --- exit code 1
    ");
    assert_says!(project, ["query", "select countri from gold.revenue"], @r"
    $ headwater query select countri from gold.revenue
    --- stderr
    error[unknown-column]: there is no column `countri`
     --> <query>:1:8
      |
    1 | select countri from gold.revenue
      |        ^^^^^^^
      = help: did you mean `country`?
    --- exit code 1
    ");
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

    assert_says!(project, ["query", query, "--output", "customers.parquet"], @r"
    $ headwater query select customer_id, name, cast(null as int) as age from bronze.customers order by customer_id --output customers.parquet
    --- stderr
    3 rows written to customers.parquet
    --- exit code 0
    ");
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
    assert_says!(project, ["query", "select 1 as one", "--output", "nowhere/one.csv"], @r"
    $ headwater query select 1 as one --output nowhere/one.csv
    --- stderr
    error[unwritable-output]: cannot write `[DIR]/nowhere/one.csv`
      = cause: No such file or directory (os error 2)
      = help: the folder must be there, be writable and have room
    --- exit code 1
    ");
    assert_says!(project, ["query", "select 1 as one", "--output", "one.txt"], @r"
    $ headwater query select 1 as one --output one.txt
    --- stderr
    error[invalid-argument]: the form of `one.txt` is not clear
      = help: end its name in `.csv`, `.json` or `.parquet`, or say `--format`
    --- exit code 1
    ");
    assert_says!(project, ["query", "select 1 as one", "--output", "incoming/orders.csv/one.csv"], @r"
    $ headwater query select 1 as one --output incoming/orders.csv/one.csv
    --- stderr
    error[unwritable-output]: cannot write `[DIR]/incoming/orders.csv/one.csv`
      = cause: Not a directory (os error 20)
      = help: the folder must be there, be writable and have room
    --- exit code 1
    ");
    // A query that fails on its way leaves no half of a file.
    let failing = "select 1 / cast(order_id - 10 as int) as x from bronze.orders";
    let output = project.command(&["query", failing, "--output", "half.csv"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let left = fs::read_dir(project.path(""))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("half"));
    assert_eq!(left.count(), 0);
}
