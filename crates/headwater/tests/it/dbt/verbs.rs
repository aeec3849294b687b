//! The verbs, as dbt's users type them.

use super::shop::{built, shop};
use crate::project::assert_says;

#[test]
fn build_then_nothing_to_do() {
    let project = shop();
    assert_says!(project, ["check"], @"
    $ headwater check
    --- stdout
    ✓ jaffle is sound: 2 seeds, 4 models, 8 tests and 1 unit test
    --- exit code 0
    ");
    assert_says!(project, ["plan"], @"
    $ headwater plan
    --- stdout
    plan · jaffle · local · lake ./lake

      step    table                    why
    + seed    main_raw.raw_customers   first build
    + seed    main_raw.raw_orders      first build
    + view    main.stg_customers       first build
    + view    main.stg_orders          first build
    + table   main.customers           first build
    + test    totals_are_not_negative  not passed yet
    + table   main.top_customers       first build
    + test    main.customers           3 tests
    + test    main.stg_customers       2 tests
    + test    main.stg_orders          3 tests

    6 nodes and 9 tests would run; nothing was written
    --- exit code 0
    ");
    assert_says!(project, ["build", "--threads", "1"], @"
    $ headwater build --threads 1
    --- stdout
    run 0123456789ab · jaffle · local · lake ./lake

      step    table                       rows in    rows out  set aside     time
    ✓ seed    main_raw.raw_customers            3           3          0    0.00s
    ✓ seed    main_raw.raw_orders               4           4          0    0.00s
    ✓ view    main.stg_customers                                            0.00s
    ✓ tests   main.stg_customers         2 passed                           0.00s
    ✓ view    main.stg_orders                                               0.00s
    ✓ tests   main.stg_orders            3 passed                           0.00s
    ✓ table   main.customers                    7           3               0.00s
    ✓ tests   main.customers             3 passed                           0.00s
    ✓ test    totals_are_not_negative      passed                           0.00s
    ✓ table   main.top_customers                3           3               0.00s

    ✓ done in 0.00s: 2 loaded, 4 built, 9 tests passed
    --- exit code 0
    ");
    assert_says!(project, ["build"], @"
    $ headwater build
    --- stdout
    nothing to do: 2 seeds, 4 models, 8 tests and 1 unit test are up to date
    --- exit code 0
    ");
    assert_says!(project, ["query", "select * from main.customers order by 1"], @"
    $ headwater query select * from main.customers order by 1
    --- stdout
      customer_id  first_name  first_order  number_of_orders          total
           bigint  string      date                   bigint  decimal(26,2)
      ───────────  ──────────  ───────────  ────────────────  ─────────────
                1  Ada         2024-01-04                  1           1.00
                2  Bo          2024-01-05                  1           0.50
                3  Cy          2024-01-02                  1          20.00
    --- stderr
    3 rows
    --- exit code 0
    ");
}

#[test]
fn seed_alone_then_tests() {
    let project = shop();
    assert_says!(project, ["seed", "--threads", "1"], @"
    $ headwater seed --threads 1
    --- stdout
    run 0123456789ab · jaffle · local · lake ./lake

      step    table                      rows in    rows out  set aside     time
    ✓ seed    main_raw.raw_customers           3           3          0    0.00s
    ✓ seed    main_raw.raw_orders              4           4          0    0.00s

    ✓ done in 0.00s: 2 loaded
    --- exit code 0
    ");
    assert_says!(project, ["snapshot"], @"
    $ headwater snapshot
    --- stderr
    error[empty-selection]: there is no snapshot in the selection
      = help: `headwater list --resource-type snapshot` lists what there is
    --- exit code 1
    ");
    project.output(&["run"]);
    assert_says!(project, ["test", "-s", "customers", "--threads", "1"], @"
    $ headwater test -s customers --threads 1
    --- stdout
    run 0123456789ab · jaffle · local · lake ./lake

      step    table                              rows in    rows out  set aside     time
    ✓ unit    returned_orders_do_not_count        passed                           0.00s
    ✓ test    unique_customers_customer_id        passed                           0.00s
    ✓ test    not_null_customers_customer_id      passed                           0.00s
    ✓ test    totals_are_not_negative             passed                           0.00s

    ✓ done in 0.00s: 4 tests passed
    --- exit code 0
    ");
    assert_says!(project, ["test", "-s", "test_type:unit", "--threads", "1"], @"
    $ headwater test -s test_type:unit --threads 1
    --- stdout
    run 0123456789ab · jaffle · local · lake ./lake

      step    table                            rows in    rows out  set aside     time
    ✓ unit    returned_orders_do_not_count      passed                           0.00s

    ✓ done in 0.00s: 1 test passed
    --- exit code 0
    ");
    assert_says!(project, ["test", "-s", "test_type:singular", "--threads", "1"], @"
    $ headwater test -s test_type:singular --threads 1
    --- stdout
    run 0123456789ab · jaffle · local · lake ./lake

      step    table                       rows in    rows out  set aside     time
    ✓ test    totals_are_not_negative      passed                           0.00s

    ✓ done in 0.00s: 1 test passed
    --- exit code 0
    ");
}

#[test]
fn compile() {
    let project = shop();
    assert_says!(project, ["compile"], @"
    $ headwater compile
    --- stdout
    ✓ 13 files written to target/compiled
    --- exit code 0
    ");
    assert_says!(project, ["compile", "-s", "stg_orders", "--indirect-selection", "empty"], @"
    $ headwater compile -s stg_orders --indirect-selection empty
    --- stdout
    select id as order_id, user_id as customer_id, order_date, status, cast(amount / 100 as decimal(16, 2)) as amount
    from `main_raw`.`raw_orders`
    --- exit code 0
    ");
    let compiled =
        std::fs::read_to_string(project.path("target/compiled/jaffle/models/staging/stg_orders.sql")).unwrap();
    assert!(compiled.contains("/ 100 as decimal(16, 2)"), "{compiled}");
    assert_says!(project, ["compile", "--inline", "select {{ cents_to_euros('3') }} as x from {{ ref('customers') }}"], @"
    $ headwater compile --inline select {{ cents_to_euros('3') }} as x from {{ ref('customers') }}
    --- stdout
    select cast(3 / 100 as decimal(16, 2)) as x from `main`.`customers`
    --- exit code 0
    ");
}

#[test]
fn show() {
    let project = built();
    assert_says!(project, ["show", "-s", "top_customers", "--limit", "2"], @"
    $ headwater show -s top_customers --limit 2
    --- stdout
      first_name          total
      string      decimal(26,2)
      ──────────  ─────────────
      Ada                  1.00
      Bo                   0.50
    --- stderr
    2 rows
    --- exit code 0
    ");
    assert_says!(project, ["show", "--inline", "select sum(total) as total from {{ ref('customers') }}", "--format", "csv"], @"
    $ headwater show --inline select sum(total) as total from {{ ref('customers') }} --format csv
    --- stdout
    total
    21.50
    --- exit code 0
    ");
    assert_says!(project, ["show", "-s", "customers", "stg_orders"], @"
    $ headwater show -s customers stg_orders
    --- stderr
    error[invalid-selector]: `show` shows one node, and 2 are selected
      = help: select one of `stg_orders`, `customers`
    --- exit code 1
    ");
    assert_says!(project, ["show", "--inline", "select nope from {{ ref('customers') }}"], @"
    $ headwater show --inline select nope from {{ ref('customers') }}
    --- stderr
    error[unknown-column]: there is no column `nope`
     --> inline:1:8
      |
    1 | select nope from {{ ref('customers') }}
      |        ^^^^
      = help: the columns here are: `customer_id`, `first_name`, `first_order`, `number_of_orders`, `total`
    --- exit code 1
    ");
}

#[test]
fn list() {
    let project = shop();
    assert_says!(project, ["list"], @"
    $ headwater list
    --- stdout
    jaffle.raw_customers
    jaffle.raw_orders
    jaffle.staging.stg_customers
    jaffle.staging.unique_stg_customers_customer_id
    jaffle.staging.not_null_stg_customers_customer_id
    jaffle.staging.stg_orders
    jaffle.staging.unique_stg_orders_order_id
    jaffle.staging.not_null_stg_orders_order_id
    jaffle.staging.accepted_values_stg_orders_status__placed__completed__returned
    unit_test:jaffle.returned_orders_do_not_count
    jaffle.marts.customers
    jaffle.marts.unique_customers_customer_id
    jaffle.marts.not_null_customers_customer_id
    jaffle.totals_are_not_negative
    jaffle.marts.top_customers
    exposure:jaffle.weekly_report
    --- exit code 0
    ");
    assert_says!(project, ["ls", "--resource-type", "model", "--output", "name"], @"
    $ headwater ls --resource-type model --output name
    --- stdout
    stg_customers
    stg_orders
    customers
    top_customers
    --- exit code 0
    ");
    assert_says!(project, ["ls", "-s", "tag:staging", "--output", "path", "--exclude-resource-type", "test"], @"
    $ headwater ls -s tag:staging --output path --exclude-resource-type test
    --- stdout
    models/staging/stg_customers.sql
    models/staging/stg_orders.sql
    --- exit code 0
    ");
    assert_says!(project, ["ls", "-s", "customers", "--resource-type", "model", "--output", "json", "--output-keys", "name tags depends_on"], @r#"
    $ headwater ls -s customers --resource-type model --output json --output-keys name tags depends_on
    --- stdout
    {"name":"customers","tags":[],"depends_on":{"macros":[],"nodes":["model.jaffle.stg_customers","model.jaffle.stg_orders"]}}
    --- exit code 0
    "#);
    assert_says!(project, ["ls", "-s", "+exposure:weekly_report", "--resource-type", "seed"], @"
    $ headwater ls -s +exposure:weekly_report --resource-type seed
    --- stdout
    jaffle.raw_customers
    jaffle.raw_orders
    --- exit code 0
    ");
    assert_says!(project, ["ls", "-s", "config.meta.owner:ada", "--indirect-selection", "empty"], @"
    $ headwater ls -s config.meta.owner:ada --indirect-selection empty
    --- stdout
    jaffle.marts.customers
    jaffle.marts.top_customers
    --- exit code 0
    ");
    assert_says!(project, ["ls", "-s", "custmers"], @"
    $ headwater ls -s custmers
    --- stderr
    error[empty-selection]: `custmers` selects nothing
      = help: did you mean `customers`?
    --- exit code 1
    ");
}

#[test]
fn selectors_yml() {
    let project = shop();
    project
        .write("selectors.yml", "selectors:\n  - name: marts\n    definition: { method: path, value: models/marts }\n");
    assert_says!(project, ["ls", "--selector", "marts", "--resource-type", "model"], @"
    $ headwater ls --selector marts --resource-type model
    --- stdout
    jaffle.marts.customers
    jaffle.marts.top_customers
    --- exit code 0
    ");
    assert_says!(project, ["ls", "--selector", "mart"], @"
    $ headwater ls --selector mart
    --- stderr
    error[invalid-selector]: no selector is named `mart`
      = help: did you mean `marts`?
    --- exit code 1
    ");
}

#[test]
fn clean() {
    let project = built();
    assert!(project.path("target/manifest.json").is_file());
    assert_says!(project, ["clean"], @"
    $ headwater clean
    --- stdout
    ✓ removed target/
    --- exit code 0
    ");
    assert!(!project.path("target").exists());
    assert!(project.path("lake").exists());
    assert_says!(project, ["clean"], @"
    $ headwater clean
    --- stdout
    nothing to take away
    --- exit code 0
    ");
    project.replace(
        "dbt_project.yml",
        "model-paths: [models]",
        "model-paths: [models]\nclean-targets: [target, lake, models, ../x]",
    );
    assert_says!(project, ["clean"], @"
    $ headwater clean
    --- stderr
    error[invalid-value]: `clean-targets` names `lake`, which holds the lake
      = help: name folders that can be made again

    error[invalid-value]: `clean-targets` names `models`, which holds what you wrote
      = help: name folders that can be made again

    error[invalid-value]: `clean-targets` names `../x`, which lies outside of the project
      = help: name folders that can be made again

    error: 3 problems
    --- exit code 1
    ");
}

#[test]
fn fail_fast_and_store_failures() {
    let project = shop();
    project.replace("seeds/raw_orders.csv", "4,2,2024-01-05,placed", "3,2,2024-01-05,lost");
    assert_says!(project, ["build", "--threads", "1"], @"
    $ headwater build --threads 1
    --- stdout
    run 0123456789ab · jaffle · local · lake ./lake

      step    table                       rows in    rows out  set aside     time
    ✓ seed    main_raw.raw_customers            3           3          0    0.00s
    ✓ seed    main_raw.raw_orders               4           4          0    0.00s
    ✓ view    main.stg_customers                                            0.00s
    ✓ tests   main.stg_customers         2 passed                           0.00s
    ✓ view    main.stg_orders                                               0.00s
    ✗ test    unique_stg_orders_order_id  1 row  0.00s
    ✗ test    accepted_values_stg_orders_status__placed__completed__returned  1 row  0.00s
    ✓ tests   main.stg_orders            1 passed                           0.00s
    – table   main.customers           left out, because `unique_stg_orders_order_id` failed
    ✓ tests   main.customers             1 passed                           0.00s
    – test    totals_are_not_negative  left out, because `unique_stg_orders_order_id` failed
    – table   main.top_customers       left out, because `unique_stg_orders_order_id` failed

    ✗ failed after 0.00s: 2 loaded, 2 built, 5 left out, 4 tests passed, 2 tests failed
    --- stderr

    error[test-failed]: test `unique_stg_orders_order_id` found 1 row
     --> models/staging/schema.yml:8:40
      |
    8 |       - { name: order_id, data_tests: [unique, not_null] }
      |                                        ^^^^^^
      = cause: order_id = 3, n = 2

    error[test-failed]: test `accepted_values_stg_orders_status__placed__completed__returned` found 1 row
      --> models/staging/schema.yml:11:13
       |
    11 |           - accepted_values: { values: [placed, completed, returned] }
       |             ^^^^^^^^^^^^^^^
       = cause: status = lost, n = 1

    error: 2 problems in 1 file
    --- exit code 3
    ");
    assert_says!(project, ["build", "--threads", "1", "--fail-fast", "-f"], @"
    $ headwater build --threads 1 --fail-fast -f
    --- stdout
    run 0123456789ab · jaffle · local · lake ./lake

      step    table                       rows in    rows out  set aside     time
    ✓ seed    main_raw.raw_customers            3           3          0    0.00s
    ✓ seed    main_raw.raw_orders               4           4          0    0.00s
    ✓ view    main.stg_customers                                            0.00s
    ✓ tests   main.stg_customers         2 passed                           0.00s
    ✓ view    main.stg_orders                                               0.00s
    ✗ test    unique_stg_orders_order_id  1 row  0.00s
    – table   main.customers           left out, because `unique_stg_orders_order_id` failed
    – test    totals_are_not_negative  left out, because `unique_stg_orders_order_id` failed
    – table   main.top_customers       left out, because `unique_stg_orders_order_id` failed

    ✗ failed after 0.00s: 2 loaded, 2 built, 8 left out, 2 tests passed, 1 test failed
    --- stderr

    error[test-failed]: test `unique_stg_orders_order_id` found 1 row
     --> models/staging/schema.yml:8:40
      |
    8 |       - { name: order_id, data_tests: [unique, not_null] }
      |                                        ^^^^^^
      = cause: order_id = 3, n = 2
    --- exit code 3
    ");
    assert_says!(project, ["test", "-s", "stg_orders", "--threads", "1", "--store-failures"], @r#"
    $ headwater test -s stg_orders --threads 1 --store-failures
    --- stdout
    run 0123456789ab · jaffle · local · lake ./lake

      step    table                                                              rows in    rows out  set aside     time
    ✗ test    unique_stg_orders_order_id                                           1 row                           0.00s
    ✓ test    not_null_stg_orders_order_id                                        passed                           0.00s
    ✗ test    accepted_values_stg_orders_status__placed__completed__returned       1 row                           0.00s

    ✗ failed after 0.00s: 1 test passed, 2 tests failed
    --- stderr

    error[test-failed]: test `unique_stg_orders_order_id` found 1 row
     --> models/staging/schema.yml:8:40
      |
    8 |       - { name: order_id, data_tests: [unique, not_null] }
      |                                        ^^^^^^
      = cause: order_id = 3, n = 2
      = help: all of them are kept: `headwater query "select * from main_dbt_test__audit.unique_stg_orders_order_id"`

    error[test-failed]: test `accepted_values_stg_orders_status__placed__completed__returned` found 1 row
      --> models/staging/schema.yml:11:13
       |
    11 |           - accepted_values: { values: [placed, completed, returned] }
       |             ^^^^^^^^^^^^^^^
       = cause: status = lost, n = 1
       = help: all of them are kept: `headwater query "select * from main_dbt_test__audit.accepted_values_stg_orders_status__placed__completed__returned"`

    error: 2 problems in 1 file
    --- exit code 3
    "#);
    assert_says!(project, ["tables"], @"
    $ headwater tables
    --- stdout
      table                                                                                kind   rows    size  columns  version  written (UTC)
      ───────────────────────────────────────────────────────────────────────────────────  ─────  ────  ──────  ───────  ───────  ───────────────────
      main.stg_customers                                                                   view                       3
      main.stg_orders                                                                      view                       5
      main_dbt_test__audit.accepted_values_stg_orders_status__placed__completed__returned  table     1   495 B        2        0  2026-01-01 00:00:00
      main_dbt_test__audit.not_null_stg_orders_order_id                                    table     0     0 B        5        0  2026-01-01 00:00:00
      main_dbt_test__audit.unique_stg_orders_order_id                                      table     1   524 B        2        0  2026-01-01 00:00:00
      main_raw.raw_customers                                                               table     3   735 B        3        1  2026-01-01 00:00:00
      main_raw.raw_orders                                                                  table     4  1.2 kB        5        1  2026-01-01 00:00:00
    --- exit code 0
    ");
}
