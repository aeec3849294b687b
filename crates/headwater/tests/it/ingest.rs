//! `sources`, `quarantine` and `infer`, as a user sees them.

use serde_json::Value;

use crate::project::{Project, assert_says};

const ORDERS: &str = "order_id,customer_id,ordered_on,amount\n";

/// The shop, with an amount that is no number and a day that is none.
fn spoiled() -> Project {
    let project = Project::shop();
    project.replace("incoming/orders.csv", "40.00", "40 EUR");
    project.replace("incoming/orders.csv", "2024-02-01", "1.2.2024");
    project.output(&["run", "--threads", "1"]);
    project
}

#[test]
fn sources_tell_what_is_loaded_and_what_waits() {
    let project = Project::shop();
    assert_says!(project, ["sources"], @r"
    $ headwater sources
    --- stdout
      source          arrived  loaded  waits    lag  set aside  last load (UTC)
      ──────────────  ───────  ──────  ─────  ─────  ─────────  ───────────────
      shop.customers        1       0      1   63 B          0
      shop.orders           1       0      1  127 B          0

    shop.customers: the oldest waits since 2026-01-01 00:00:00
    shop.orders: the oldest waits since 2026-01-01 00:00:00
    --- exit code 0
    ");
    project.output(&["run"]);
    project.write("incoming/orders_2.csv", &format!("{ORDERS}14,2,2024-02-02,1.00\n"));
    assert_says!(project, ["sources"], @r"
    $ headwater sources
    --- stdout
      source          arrived  loaded  waits   lag  set aside  last load (UTC)
      ──────────────  ───────  ──────  ─────  ────  ─────────  ───────────────────
      shop.customers        1       1      0                0  2026-01-01 00:00:00
      shop.orders           2       1      1  60 B          0  2026-01-01 00:00:00

    shop.orders: the oldest waits since 2026-01-01 00:00:00
    --- exit code 0
    ");
    assert_says!(project, ["sources", "show", "shop.orders"], @r"
    $ headwater sources show shop.orders
    --- stdout
    shop.orders · bronze.orders · incoming/orders*.csv

      arrived    2 files, 187 B
      loaded     1 file, 127 B
      waits      1 file, 60 B
      rows       4
      set aside  0

      the oldest waits since 2026-01-01 00:00:00

      batch  state   planned (UTC)        files  rows in  rows out  set aside
      ─────  ──────  ───────────────────  ─────  ───────  ────────  ─────────
          1  loaded  2026-01-01 00:00:00      1        4         4          0

      file                   state    size  batch  rows in  rows out  set aside  skipped
      ─────────────────────  ──────  ─────  ─────  ───────  ────────  ─────────  ───────
      incoming/orders_2.csv  waits    60 B
      incoming/orders.csv    loaded  127 B      1        4         4          0        1
    --- exit code 0
    ");
    assert_says!(project, ["sources", "show", "shop.order"], @r"
    $ headwater sources show shop.order
    --- stderr
    error[unknown-source]: the project loads no source `shop.order`
      = help: did you mean `shop.orders`?
    --- exit code 1
    ");
}

#[test]
fn a_changed_file_is_told() {
    let project = Project::shop();
    project.output(&["run"]);
    project.write("incoming/orders.csv", &format!("{ORDERS}15,2,2024-02-02,1.00\n"));
    assert_says!(project, ["sources"], @r"
    $ headwater sources
    --- stdout
      source          arrived  loaded  waits   lag  set aside  last load (UTC)
      ──────────────  ───────  ──────  ─────  ────  ─────────  ───────────────────
      shop.customers        1       1      0                0  2026-01-01 00:00:00
      shop.orders           1       1      1  60 B          0  2026-01-01 00:00:00

    shop.orders: 1 file changed after loading, the oldest waits since 2026-01-01 00:00:00
    --- stderr
    error[file-changed]: `incoming/orders.csv` changed after it was loaded into `bronze.orders`
      --> models/bronze/sources.yml:10:15
       |
    10 |       - name: orders
       |               ^^^^^^
       = help: files are loaded once: give new content a new name, or say what to do with it: `on_file_change: ignore` or `load_again`; `--full-refresh` loads everything again
    --- exit code 0
    ");
    project.replace("models/bronze/sources.yml", "orders*.csv', ", "orders*.csv', on_file_change: ignore, ");
    assert_says!(project, ["sources", "list"], @r"
    $ headwater sources list
    --- stdout
      source          arrived  loaded  waits  lag  set aside  last load (UTC)
      ──────────────  ───────  ──────  ─────  ───  ─────────  ───────────────────
      shop.customers        1       1      0               0  2026-01-01 00:00:00
      shop.orders           1       1      0               0  2026-01-01 00:00:00

    shop.orders: 1 file changed after loading and left alone
    --- exit code 0
    ");
    project.replace("models/bronze/sources.yml", "on_file_change: ignore", "on_file_change: load_again");
    assert_says!(project, ["run", "source:shop.orders", "--threads", "1"], @r"
    $ headwater run source:shop.orders --threads 1
    --- stdout
    run 0123456789ab · shop · local · lake ./lake

      step    table             rows in    rows out  set aside     time
    ✓ ingest  bronze.orders           1           1          0    0.00s
    ✓ tests   bronze.orders    2 passed                           0.00s

    ✓ done in 0.00s: 1 loaded, 2 tests passed
      files: 1 row in = 1 out + 0 set aside
    --- exit code 0
    ");
}

#[test]
fn forgotten_files_are_loaded_again() {
    let project = Project::shop();
    project.output(&["run"]);
    assert_says!(project, ["sources", "forget", "incoming/order.csv"], @r"
    $ headwater sources forget incoming/order.csv
    --- stderr
    error[unknown-file]: no source has loaded `incoming/order.csv`
      = help: did you mean `orders.csv`?
    --- exit code 1
    ");
    assert_says!(project, ["sources", "forget", "incoming/orders.csv"], @r"
    $ headwater sources forget incoming/orders.csv
    --- stdout
      source       file                  size
      ───────────  ───────────────────  ─────
      shop.orders  incoming/orders.csv  127 B

    ✓ 1 file counts as never loaded
      the next run loads what is still there once more, beside the rows that are in the table
    --- exit code 0
    ");
    assert_says!(project, ["sources", "show", "shop.orders"], @r"
    $ headwater sources show shop.orders
    --- stdout
    shop.orders · bronze.orders · incoming/orders*.csv

      arrived    1 file, 127 B
      loaded     0 files, 0 B
      waits      1 file, 127 B
      rows       4
      set aside  0

      the oldest waits since 2026-01-01 00:00:00

      batch  state   planned (UTC)        files  rows in  rows out  set aside
      ─────  ──────  ───────────────────  ─────  ───────  ────────  ─────────
          1  loaded  2026-01-01 00:00:00      1        4         4          0

      file                 state   size  batch  rows in  rows out  set aside  skipped
      ───────────────────  ─────  ─────  ─────  ───────  ────────  ─────────  ───────
      incoming/orders.csv  waits  127 B

    forgotten
      2026-01-01 00:00:00  incoming/orders.csv
    --- exit code 0
    ");
    project.output(&["run", "source:shop.orders", "--exclude", "test_type:generic"]);
    let count = |table: &str| {
        project.output(&["query", &format!("select count(*) as n from bronze.{table}"), "--format", "csv"])
    };
    assert_eq!(count("orders"), "n\n8\n");
    assert_says!(project, ["sources", "reload", "shop.customers", "--since", "2001-01-01"], @r"
    $ headwater sources reload shop.customers --since 2001-01-01
    --- stdout
      source          file                    size
      ──────────────  ──────────────────────  ────
      shop.customers  incoming/customers.csv  63 B

    ✓ 1 file counts as never loaded
      the next run loads what is still there once more, beside the rows that are in the table
    --- exit code 0
    ");
    assert_says!(project, ["sources", "reload", "shop.customers", "--since", "2999-01-01"], @r"
    $ headwater sources reload shop.customers --since 2999-01-01
    --- stderr
    error[unknown-file]: no file of `shop.customers` was loaded since 2026-01-01 00:00:00 UTC
      = help: `headwater sources show` says when each batch was loaded
    --- exit code 1
    ");
    project.output(&["run", "source:shop.customers", "--exclude", "test_type:generic"]);
    assert_eq!(count("customers"), "n\n6\n");
}

#[test]
fn rows_that_were_set_aside_are_loaded_once_the_contract_fits() {
    let project = spoiled();
    assert_says!(project, ["quarantine"], @r"
    $ headwater quarantine
    --- stdout
      source       rows  files  first (UTC)          last (UTC)
      ───────────  ────  ─────  ───────────────────  ───────────────────
      shop.orders     2      1  2026-01-01 00:00:00  2026-01-01 00:00:00

    shop.orders · bronze.orders_quarantine
      rows  reason        for example
      ────  ────────────  ────────────────────────────────────────────────────────
         1  invalid-cell  column `amount`: `40 EUR` is not a valid `decimal(10,2)`
         1  invalid-cell  column `ordered_on`: `1.2.2024` is not a valid `date`
    --- exit code 0
    ");
    assert_says!(project, ["quarantine", "show", "shop.orders"], @r"
    $ headwater quarantine show shop.orders
    --- stdout
    shop.orders · 2 rows in bronze.orders_quarantine

    incoming/orders.csv:3
      11,2,2024-01-06,40 EUR
      invalid-cell: column `amount`: `40 EUR` is not a valid `decimal(10,2)`

    incoming/orders.csv:5
      13,1,1.2.2024,100.00
      invalid-cell: column `ordered_on`: `1.2.2024` is not a valid `date`
    --- exit code 0
    ");
    assert_says!(project, ["quarantine", "replay", "shop.orders"], @r"
    $ headwater quarantine replay shop.orders
    --- stdout
    ! 2 rows replayed = 0 loaded into bronze.orders + 2 that are still set aside
      `headwater quarantine show shop.orders` says why
    --- exit code 0
    ");
    project.replace(
        "models/bronze/sources.yml",
        "data_type: date }",
        "data_type: date, format: [yyyy-MM-dd, d.M.yyyy] }",
    );
    assert_says!(project, ["quarantine", "replay", "shop.orders"], @r"
    $ headwater quarantine replay shop.orders
    --- stdout
    ✓ 2 rows replayed = 1 loaded into bronze.orders + 1 that is still set aside
      `headwater quarantine show shop.orders` says why
    --- exit code 0
    ");
    assert_says!(project, ["quarantine", "drop", "shop.orders"], @r"
    $ headwater quarantine drop shop.orders
    --- stdout
    ✓ 1 row dropped from bronze.orders_quarantine, 0 left
    --- exit code 0
    ");
    assert_says!(project, ["quarantine", "replay", "shop.orders"], @r"
    $ headwater quarantine replay shop.orders
    --- stdout
    nothing to do: nothing of shop.orders is set aside
    --- exit code 0
    ");
    assert_says!(project, ["quarantine"], @r"
    $ headwater quarantine
    --- stdout
    nothing is set aside
    --- exit code 0
    ");
    let days = "select ordered_on from bronze.orders where ordered_on > '2024-01-31'";
    assert_eq!(project.output(&["query", days, "--format", "csv"]), "ordered_on\n2024-02-01\n");
}

#[test]
fn what_is_set_aside_can_be_read_before_anything_is() {
    let project = Project::shop();
    project.write(
        "models/gold/bad_orders.sql",
        "{{ config(materialized='table') }}\nselect _source_file, count(*) as n from {{ source('shop', 'orders_quarantine') }} group by 1\n",
    );
    assert_says!(project, ["run", "--threads", "1", "--select", "+bad_orders"], @r"
    $ headwater run --threads 1 --select +bad_orders
    --- stdout
    run 0123456789ab · shop · local · lake ./lake

      step    table                        rows in    rows out  set aside     time
    ✓ ingest  bronze.orders                      4           4          0    0.00s
    ✓ tests   bronze.orders               2 passed                           0.00s
    ✓ table   gold.bad_orders                    0           0               0.00s

    ✓ done in 0.00s: 1 loaded, 1 built, 2 tests passed
      files: 4 rows in = 4 out + 0 set aside
    --- exit code 0
    ");
    assert_says!(project, ["run", "--select", "+bad_orders"], @r"
    $ headwater run --select +bad_orders
    --- stdout
    nothing to do: 2 sources, 1 model and 2 tests are up to date
    --- exit code 0
    ");
    project.write("incoming/orders_2.csv", &format!("{ORDERS}x,2,2024-02-02,1.00\n"));
    assert_says!(project, ["run", "--threads", "1", "--select", "+bad_orders"], @r"
    $ headwater run --threads 1 --select +bad_orders
    --- stdout
    run 0123456789ab · shop · local · lake ./lake

      step    table                        rows in    rows out  set aside     time
    ✓ ingest  bronze.orders                      1           0          1    0.00s
    ✓ tests   bronze.orders               2 passed                           0.00s
    ✓ table   gold.bad_orders                    1           1               0.00s

    ✓ done in 0.00s: 1 loaded, 1 built, 2 tests passed
      files: 1 row in = 0 out + 1 set aside
    --- stderr

    warning[invalid-cell]: line 2 of `incoming/orders_2.csv` cannot be loaded: column `order_id`: `x` is not a valid `int`; 1 of 1 records was set aside in `bronze.orders_quarantine`
     --> incoming/orders_2.csv:2:1
      |
    2 | x,2,2024-02-02,1.00
      | ^
      = help: correct the value, or declare `string`; `headwater quarantine replay shop.orders` loads what fits then
    --- exit code 0
    ");
    let rows = project.output(&["query", "select sum(n) as n from gold.bad_orders", "--format", "csv"]);
    assert_eq!(rows, "n\n1\n");
}

#[test]
fn rules_of_the_contract_set_rows_aside() {
    let project = Project::shop();
    project.replace(
        "models/bronze/sources.yml",
        "data_type: 'decimal(10,2)' }",
        "data_type: 'decimal(10,2)', constraints: [{ between: [0, 50] }] }\n        constraints: [{ type: check, expression: \"ordered_on > date'2024-01-05'\", name: new orders }]",
    );
    project.output(&["run", "source:shop.orders"]);
    assert_says!(project, ["quarantine", "show", "shop.orders"], @r"
    $ headwater quarantine show shop.orders
    --- stdout
    shop.orders · 2 rows in bronze.orders_quarantine

    incoming/orders.csv:2
      10,1,2024-01-05,12.50
      constraint-violated: it breaks the rule `new orders (ordered_on > date'2024-01-05')`

    incoming/orders.csv:5
      13,1,2024-02-01,100.00
      constraint-violated: column `amount` breaks the rule `between 0 and 50`
    --- exit code 0
    ");
}

#[test]
fn every_answer_has_a_form_for_programs() {
    let project = spoiled();
    let json = |arguments: &[&str]| -> Value {
        let output = project.command(&[arguments, &["--format", "json"]].concat()).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
    };
    let sources = json(&["sources"]);
    assert_eq!(sources["sources"][1]["name"], "shop.orders");
    assert_eq!(sources["sources"][1]["loaded"], serde_json::json!({ "files": 1, "bytes": 126 }));
    assert_eq!(sources["sources"][1]["quarantined"], 2);
    assert_eq!(json(&["sources", "show", "shop.orders"])["files"][0]["account"]["records"], 4);
    assert_eq!(json(&["quarantine"])["sources"][0]["rows"], 2);
    assert_eq!(json(&["quarantine", "show", "shop.orders", "--limit", "1"])["shown"][0]["line"], 3);
    assert_eq!(json(&["quarantine", "replay", "shop.orders"])["still_quarantined"], 2);
    assert_eq!(json(&["sources", "forget", "orders.csv"])["files"][0]["path"], "incoming/orders.csv");
    assert_eq!(json(&["quarantine", "drop", "shop.orders"])["dropped"], 2);
    assert_eq!(json(&["tables", "optimize"])["dry_run"], false);
    assert_eq!(json(&["tables", "vacuum", "--dry-run"])["tables"][0]["name"], "bronze.customers");
    assert_eq!(json(&["tables", "restore", "orders", "--to-version", "0"])["to"], 0);
    assert_eq!(json(&["sources", "show", "nothing"])["diagnostics"][0]["code"], "unknown-source");
}

#[test]
fn a_contract_is_proposed_that_works() {
    let project = Project::shop();
    std::fs::remove_dir_all(project.path("models")).unwrap();
    project.write(
        "incoming/sales_2024-05.csv",
        "Monthly report\n\nSale ID;Sold at;Net Amount;Zip;Paid\nA1;3.5.2024 8:30;1.234,50;01234;true\nA2;13.5.2024 18:30;7,00;99999;false\nA3;14.5.2024 09:05;;10115;true\n",
    );
    assert_says!(project, ["infer", "incoming/sales_2024-05.csv"], @r#"
    $ headwater infer incoming/sales_2024-05.csv
    --- stdout
    sources:
      - name: incoming
        tables:
          - name: sales
            ingest:
              files: "incoming/sales*.csv"
              format: csv
              options: { sep: ";", skip_rows: 2 }
            columns:
              - { name: sale_id, data_type: string, source_name: Sale ID }
              - { name: sold_at, data_type: string, source_name: Sold at }
              - { name: net_amount, data_type: "decimal(10,2)", source_name: Net Amount, decimal_sep: ",", group_sep: "." }
              - { name: zip, data_type: string }
              - { name: paid, data_type: boolean }
    --- stderr
    looked at 3 records of 1 file; keep it as `models/bronze/incoming.yml`
    --- exit code 0
    "#);
    let yaml = project.output(&["infer", "incoming/sales_2024-05.csv"]);
    project.write("models/bronze/sales.yml", &yaml.replace("format: csv\n", "format: csv\n          settle: 0s\n"));
    assert!(project.output(&["run"]).contains("3 rows in = 3 out + 0 set aside"));
    assert_says!(project, ["infer", "incoming/orders.csv", "--source", "crm", "--table", "sales"], @r#"
    $ headwater infer incoming/orders.csv --source crm --table sales
    --- stdout
    sources:
      - name: crm
        tables:
          - name: sales
            ingest:
              files: incoming/orders.csv
              format: csv
            columns:
              - { name: order_id, data_type: bigint }
              - { name: customer_id, data_type: bigint }
              - { name: ordered_on, data_type: date }
              - { name: amount, data_type: "decimal(10,2)" }
    --- stderr
    looked at 4 records of 1 file; keep it as `models/bronze/crm.yml`
    --- exit code 0
    "#);
    assert_says!(project, ["infer", "incoming/nothing*.csv"], @r"
    $ headwater infer incoming/nothing*.csv
    --- stderr
    error[no-files]: no file matches `incoming/nothing*.csv`
      = help: name files, folders, patterns or `s3://` URLs
    --- exit code 1
    ");
}
