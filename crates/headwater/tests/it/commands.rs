//! The commands on a project that is well.

use serde_json::Value;

use crate::project::{Project, assert_says};

fn built() -> Project {
    let project = Project::shop();
    project.output(&["run"]);
    project
}

#[test]
fn check() {
    assert_says!(Project::shop(), ["check"], @r"
    $ headwater check
    --- stdout
    ✓ shop is sound: 2 sources, 2 models and 6 tests
    --- exit code 0
    ");
}

#[test]
fn plan_then_run_then_nothing_to_do() {
    let project = Project::shop();
    let before = project.tree();
    assert_says!(project, ["plan"], @r"
    $ headwater plan
    --- stdout
    plan · shop · local · lake ./lake

      step    table             why
    + ingest  bronze.customers  1 new file, 63 B
    + ingest  bronze.orders     1 new file, 127 B
    + view    silver.sales      first build
    + table   gold.revenue      first build
    + test    bronze.customers  2 tests
    + test    bronze.orders     2 tests
    + test    gold.revenue      2 tests

    4 nodes and 6 tests would run; nothing was written
    --- exit code 0
    ");
    assert_eq!(project.tree(), before, "a plan writes nothing");
    assert_says!(project, ["run", "--threads", "1"], @r"
    $ headwater run --threads 1
    --- stdout
    run 0123456789ab · shop · local · lake ./lake

      step    table                rows in    rows out  set aside     time
    ✓ ingest  bronze.customers           3           3          0    0.00s
    ✓ tests   bronze.customers    2 passed                           0.00s
    ✓ ingest  bronze.orders              4           4          0    0.00s
    ✓ tests   bronze.orders       2 passed                           0.00s
    ✓ view    silver.sales                                           0.00s
    ✓ table   gold.revenue               7           2               0.00s
    ✓ tests   gold.revenue        2 passed                           0.00s

    ✓ done in 0.00s: 2 loaded, 2 built, 6 tests passed
      files: 7 rows in = 7 out + 0 set aside
    --- exit code 0
    ");
    assert_says!(project, ["run"], @r"
    $ headwater run
    --- stdout
    nothing to do: 2 sources, 2 models and 6 tests are up to date
    --- exit code 0
    ");
    assert_says!(project, ["plan"], @r"
    $ headwater plan
    --- stdout
    nothing to do: 2 sources, 2 models and 6 tests are up to date
    --- exit code 0
    ");
}

#[test]
fn a_new_file_builds_what_depends_on_it() {
    let project = built();
    project.write("incoming/orders_2.csv", "order_id,customer_id,ordered_on,amount\n14,2,2024-02-02,1.00\n");
    assert_says!(project, ["plan"], @"
    $ headwater plan
    --- stdout
    plan · shop · local · lake ./lake

      step    table          why
    + ingest  bronze.orders  1 new file, 60 B
    + table   gold.revenue   `shop.orders` runs before it, 1.2 kB
    + test    bronze.orders  2 tests
    + test    gold.revenue   2 tests

    2 nodes and 4 tests would run, 4 are up to date; nothing was written
    --- exit code 0
    ");
    assert_says!(project, ["run", "--threads", "1"], @r"
    $ headwater run --threads 1
    --- stdout
    run 0123456789ab · shop · local · lake ./lake

      step    table             rows in    rows out  set aside     time
    ✓ ingest  bronze.orders           1           1          0    0.00s
    ✓ tests   bronze.orders    2 passed                           0.00s
    ✓ table   gold.revenue            8           2               0.00s
    ✓ tests   gold.revenue     2 passed                           0.00s

    ✓ done in 0.00s: 1 loaded, 1 built, 4 tests passed, 4 up to date
      files: 1 row in = 1 out + 0 set aside
    --- exit code 0
    ");
    let rows = project.output(&["query", "select sum(orders) as orders from gold.revenue", "--format", "csv"]);
    assert_eq!(rows, "orders\n5\n");
}

#[test]
fn a_failed_model_leaves_out_what_needs_it() {
    let project = Project::shop();
    project.replace("models/gold/revenue.sql", "sum(amount)", "sum(amount) / cast(min(order_id) - 10 as int)");
    project.write("models/gold/top.sql", "select country from {{ ref('revenue') }} order by revenue desc limit 1\n");
    assert_says!(project, ["run", "--threads", "1"], @r"
    $ headwater run --threads 1
    --- stdout
    run 0123456789ab · shop · local · lake ./lake

      step    table                rows in    rows out  set aside     time
    ✓ ingest  bronze.customers           3           3          0    0.00s
    ✓ tests   bronze.customers    2 passed                           0.00s
    ✓ ingest  bronze.orders              4           4          0    0.00s
    ✓ tests   bronze.orders       2 passed                           0.00s
    ✓ view    silver.sales                                           0.00s
    ✗ table   gold.revenue          failed                           0.00s
    – view    gold.top          left out, because `revenue` failed

    ✗ failed after 0.00s: 2 loaded, 1 built, 1 failed, 3 left out, 4 tests passed
      files: 7 rows in = 7 out + 0 set aside
    --- stderr

    error[execution-failed]: `revenue` failed while it ran: division by zero: `try_divide` gives null instead, and `nullif(x, 0)` turns a zero into null
     --> models/gold/revenue.sql:1:1
    --- exit code 1
    ");
}

#[test]
fn failing_tests() {
    let project = Project::shop();
    project.write(
        "incoming/orders.csv",
        "order_id,customer_id,ordered_on,amount\n10,1,2024-01-05,1\n10,2,2024-01-06,2\n,2,2024-01-06,2\n",
    );
    assert_says!(project, ["run", "--threads", "1"], @r"
    $ headwater run --threads 1
    --- stdout
    run 0123456789ab · shop · local · lake ./lake

      step    table                rows in    rows out  set aside     time
    ✓ ingest  bronze.customers           3           3          0    0.00s
    ✓ tests   bronze.customers    2 passed                           0.00s
    ✓ ingest  bronze.orders              3           3          0    0.00s
    ✗ test    source_not_null_shop_orders_order_id  1 row  0.00s
    ✗ test    source_unique_shop_orders_order_id  1 row  0.00s
    – view    silver.sales      left out, because `source_not_null_shop_orders_order_id` failed
    – table   gold.revenue      left out, because `source_not_null_shop_orders_order_id` failed

    ✗ failed after 0.00s: 2 loaded, 4 left out, 2 tests passed, 2 tests failed
      files: 6 rows in = 6 out + 0 set aside
    --- stderr

    error[test-failed]: test `source_not_null_shop_orders_order_id` found 1 row
      --> models/bronze/sources.yml:13:55
       |
    13 |           - { name: order_id, data_type: int, tests: [not_null, unique] }
       |                                                       ^^^^^^^^
       = cause: order_id = null, customer_id = 2, ordered_on = 2024-01-06, amount = 2.00, _source_file = [DIR]/incoming/orders.csv, _source_line = 4, _ingested_at = 2026-01-01T00:00:00.000000Z, _run_id = 0123456789abcdef0123456789abcdef

    error[test-failed]: test `source_unique_shop_orders_order_id` found 1 row
      --> models/bronze/sources.yml:13:65
       |
    13 |           - { name: order_id, data_type: int, tests: [not_null, unique] }
       |                                                                 ^^^^^^
       = cause: order_id = 10, n = 2

    error: 2 problems in 1 file
    --- exit code 3
    ");
    assert_says!(project, ["test", "--threads", "1"], @r"
    $ headwater test --threads 1
    --- stdout
    run 0123456789ab · shop · local · lake ./lake

      step    table                                          rows in    rows out  set aside     time
    ✓ test    source_not_null_shop_customers_customer_id      passed                           0.00s
    ✓ test    source_unique_shop_customers_customer_id        passed                           0.00s
    ✗ test    source_not_null_shop_orders_order_id             1 row                           0.00s
    ✗ test    source_unique_shop_orders_order_id               1 row                           0.00s
    ✗ test    not_null_revenue_country                        failed                           0.00s
    ✗ test    unique_revenue_country                          failed                           0.00s

    ✗ failed after 0.00s: 2 tests passed, 4 tests failed
    --- stderr

    error[test-failed]: test `source_not_null_shop_orders_order_id` found 1 row
      --> models/bronze/sources.yml:13:55
       |
    13 |           - { name: order_id, data_type: int, tests: [not_null, unique] }
       |                                                       ^^^^^^^^
       = cause: order_id = null, customer_id = 2, ordered_on = 2024-01-06, amount = 2.00, _source_file = [DIR]/incoming/orders.csv, _source_line = 4, _ingested_at = 2026-01-01T00:00:00.000000Z, _run_id = 0123456789abcdef0123456789abcdef

    error[test-failed]: test `source_unique_shop_orders_order_id` found 1 row
      --> models/bronze/sources.yml:13:65
       |
    13 |           - { name: order_id, data_type: int, tests: [not_null, unique] }
       |                                                                 ^^^^^^
       = cause: order_id = 10, n = 2

    error[unknown-table]: `not_null_revenue_country` reads `gold.revenue`, which is not in the lake
     --> models/gold/gold.yml:4:34
      |
    4 |       - { name: country, tests: [not_null, unique] }
      |                                  ^^^^^^^^
      = help: build what it reads first: `headwater run --select +not_null_revenue_country`

    error[unknown-table]: `unique_revenue_country` reads `gold.revenue`, which is not in the lake
     --> models/gold/gold.yml:4:44
      |
    4 |       - { name: country, tests: [not_null, unique] }
      |                                            ^^^^^^
      = help: build what it reads first: `headwater run --select +unique_revenue_country`

    error: 4 problems in 2 files
    --- exit code 1
    ");
}

#[test]
fn tables() {
    let project = built();
    assert_says!(project, ["tables"], @r"
    $ headwater tables
    --- stdout
      table             kind   rows    size  columns  version  written (UTC)
      ────────────────  ─────  ────  ──────  ───────  ───────  ───────────────────
      bronze.customers  table     3  1.2 kB        7        0  2026-01-01 00:00:00
      bronze.orders     table     4  1.2 kB        8        0  2026-01-01 00:00:00
      gold.revenue      table     2   741 B        3        0  2026-01-01 00:00:00
      silver.sales      view                       4
    --- exit code 0
    ");
    assert_says!(project, ["tables", "show", "gold.revenue"], @r"
    $ headwater tables show gold.revenue
    --- stdout
    gold.revenue · table

      rows        2
      size        741 B in 1 file
      version     0
      path        [DIR]/lake/gold/revenue
      built from  bronze.customers, bronze.orders, silver.sales

      column   type
      ───────  ─────────────
      country  string
      orders   bigint
      revenue  decimal(20,2)
    --- exit code 0
    ");
    assert_says!(project, ["tables", "show", "sales"], @r"
    $ headwater tables show sales
    --- stdout
    silver.sales · view

      reads  bronze.customers, bronze.orders

      column      type
      ──────────  ─────────────
      order_id    int
      ordered_on  date
      amount      decimal(10,2)
      country     string

      select o.order_id, o.ordered_on, o.amount, c.country
      from `bronze`.`orders` o
      join `bronze`.`customers` c on c.customer_id = o.customer_id
    --- exit code 0
    ");
    assert_says!(project, ["tables", "history", "gold.revenue"], @r"
    $ headwater tables history gold.revenue
    --- stdout
    gold.revenue

      version  written (UTC)        operation  rows added  files  run
      ───────  ───────────────────  ─────────  ──────────  ─────  ────────────
            0  2026-01-01 00:00:00  TABLE               2     +1  0123456789ab
    --- exit code 0
    ");
    assert_says!(project, ["tables", "history", "silver.sales"], @r"
    $ headwater tables history silver.sales
    --- stderr
    error[unknown-table]: `silver.sales` is a view: it holds no rows and has no versions
      = help: `headwater tables show silver.sales` says what it reads
    --- exit code 1
    ");
    assert_says!(project, ["tables", "show", "gold.revenu"], @r"
    $ headwater tables show gold.revenu
    --- stderr
    error[unknown-table]: there is no table or view `gold.revenu` in the lake `./lake`
      = help: did you mean `gold.revenue`?
    --- exit code 1
    ");
    assert_says!(Project::shop(), ["tables"], @r"
    $ headwater tables
    --- stdout
    the lake ./lake is empty: `headwater run` fills it
    --- exit code 0
    ");
}

#[test]
fn runs() {
    let project = Project::shop();
    assert_says!(project, ["runs"], @r"
    $ headwater runs
    --- stdout
    nothing has run here yet: `headwater run` makes the first run
    --- exit code 0
    ");
    project.output(&["run", "--threads", "1"]);
    assert_says!(project, ["runs"], @r"
    $ headwater runs
    --- stdout
      run           started (UTC)        status   took  done  failed  command
      ────────────  ───────────────────  ──────  ─────  ────  ──────  ───────
      0123456789ab  2026-01-01 00:00:00  done    0.00s    10       0  run
    --- exit code 0
    ");
    assert_says!(project, ["runs", "show"], @r"
    $ headwater runs show
    --- stdout
    run 0123456789ab · shop · local · 2026-01-01 00:00:00 UTC
    headwater run

      step    table                                          rows in    rows out  set aside     time
    ✓ ingest  bronze.customers                                     3           3          0    0.00s
    ✓ test    source_not_null_shop_customers_customer_id      passed                           0.00s
    ✓ test    source_unique_shop_customers_customer_id        passed                           0.00s
    ✓ ingest  bronze.orders                                        4           4          0    0.00s
    ✓ test    source_not_null_shop_orders_order_id            passed                           0.00s
    ✓ test    source_unique_shop_orders_order_id              passed                           0.00s
    ✓ view    silver.sales                                                                     0.00s
    ✓ table   gold.revenue                                         7           2               0.00s
    ✓ test    not_null_revenue_country                        passed                           0.00s
    ✓ test    unique_revenue_country                          passed                           0.00s

    ✓ done in 0.00s: 2 loaded, 2 built, 6 tests passed
      files: 7 rows in = 7 out + 0 set aside
    --- exit code 0
    ");
    assert_says!(project, ["runs", "show", "ffff"], @r"
    $ headwater runs show ffff
    --- stderr
    error[unknown-run]: there is no run `ffff`
      = help: `headwater runs list` shows the runs; the first digits are enough
    --- exit code 1
    ");
}

#[test]
fn init() {
    let project = Project::nothing();
    assert_says!(project, ["init", "my-shop"], @r"
    $ headwater init my-shop
    --- stdout
    ✓ made 7 files from the template `empty` in my-shop
    --- stderr

    next
      cd my-shop
      headwater run     build the tables
      headwater tables  see them
    --- exit code 0
    ");
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
