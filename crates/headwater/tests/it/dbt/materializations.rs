//! How models are kept: what a second run makes of what changed.

use super::shop::shop;
use crate::project::{Project, assert_says};

const INCREMENTAL: &str = "\
{{ config(materialized='incremental', unique_key='order_id', incremental_strategy='merge') }}
select id as order_id, status, amount from {{ ref('raw_orders') }}
{% if is_incremental() %}where id > (select max(order_id) - 1 from {{ this }}){% endif %}
";

const SNAPSHOT: &str = "\
snapshots:
  - name: order_history
    relation: ref('raw_orders')
    config: { unique_key: id, strategy: check, check_cols: [status] }
";

fn project() -> Project {
    let project = shop();
    project.write("models/marts/orders.sql", INCREMENTAL);
    project.write("snapshots/orders.yml", SNAPSHOT);
    project
}

#[test]
fn incremental_models_and_snapshots() {
    let project = project();
    let both = ["-s", "raw_orders", "orders", "order_history", "--threads", "1"];
    let build = || [&["build"][..], &both].concat();
    assert_says!(project, build(), @"
    $ headwater build -s raw_orders orders order_history --threads 1
    --- stdout
    run 0123456789ab · jaffle · local · lake ./lake

      step    table                   rows in    rows out  set aside     time
    ✓ seed    main_raw.raw_orders           4           4          0    0.00s
    ✓ incr    main.orders                   4           4               0.00s
    ✓ snap    main.order_history            4           4               0.00s

    ✓ done in 0.00s: 1 loaded, 1 built, 1 snapshotted
    --- exit code 0
    ");
    assert_says!(project, build(), @"
    $ headwater build -s raw_orders orders order_history --threads 1
    --- stdout
    run 0123456789ab · jaffle · local · lake ./lake

      step    table                  rows in    rows out  set aside     time
    ✓ snap    main.order_history           4           0               0.00s

    ✓ done in 0.00s: 1 snapshotted, 2 up to date
    --- exit code 0
    ");
    project.replace(
        "seeds/raw_orders.csv",
        "4,2,2024-01-05,placed,50",
        "4,2,2024-01-05,completed,60\n5,3,2024-01-06,placed,70",
    );
    assert_says!(project, build(), @"
    $ headwater build -s raw_orders orders order_history --threads 1
    --- stdout
    run 0123456789ab · jaffle · local · lake ./lake

      step    table                   rows in    rows out  set aside     time
    ✓ seed    main_raw.raw_orders           5           5          0    0.00s
    ✓ incr    main.orders                   5           2               0.00s
    ✓ snap    main.order_history            5           3               0.00s

    ✓ done in 0.00s: 1 loaded, 1 built, 1 snapshotted
    --- exit code 0
    ");
    assert_says!(project, ["query", "select * from main.orders order by 1"], @"
    $ headwater query select * from main.orders order by 1
    --- stdout
      order_id  status     amount
        bigint  string     bigint
      ────────  ─────────  ──────
             1  returned     1000
             2  completed    2000
             3  completed     100
             4  completed      60
             5  placed         70
    --- stderr
    5 rows
    --- exit code 0
    ");
    let history =
        "select id, status, dbt_valid_to is null as is_now from main.order_history where id >= 4 order by 1, 3";
    assert_says!(project, ["query", history], @"
    $ headwater query select id, status, dbt_valid_to is null as is_now from main.order_history where id >= 4 order by 1, 3
    --- stdout
          id  status     is_now
      bigint  string     boolean
      ──────  ─────────  ───────
           4  placed     false
           4  completed  true
           5  placed     true
    --- stderr
    3 rows
    --- exit code 0
    ");
    assert_says!(project, ["compile", "-s", "orders"], @"
    $ headwater compile -s orders
    --- stdout
    select id as order_id, status, amount from `main_raw`.`raw_orders`
    where id > (select max(order_id) - 1 from `main`.`orders`)
    --- exit code 0
    ");
    assert_says!(project, ["compile", "-s", "orders", "--full-refresh"], @"
    $ headwater compile -s orders --full-refresh
    --- stdout
    select id as order_id, status, amount from `main_raw`.`raw_orders`
    --- exit code 0
    ");
    assert_says!(project, ["run", "-s", "orders", "--full-refresh"], @"
    $ headwater run -s orders --full-refresh
    --- stdout
    run 0123456789ab · jaffle · local · lake ./lake

      step    table            rows in    rows out  set aside     time
    ✓ incr    main.orders            5           5               0.00s

    ✓ done in 0.00s: 1 built
    --- exit code 0
    ");
}

#[test]
fn hooks_run_before_and_after() {
    let project = shop();
    project.replace(
        "dbt_project.yml",
        "model-paths: [models]",
        "model-paths: [models]\non-run-end:\n  - insert into {{ ref('log') }} values ('end')",
    );
    project.write(
        "models/log.sql",
        "{{ config(materialized='incremental', post_hook=\"insert into {{ this }} values ('hook')\") }}\nselect cast('model' as string) as what\n",
    );
    assert_says!(project, ["build", "-s", "log", "--threads", "1"], @"
    $ headwater build -s log --threads 1
    --- stdout
    run 0123456789ab · jaffle · local · lake ./lake

      step    table                   rows in    rows out  set aside     time
    ✓ incr    main.log                      0           1               0.00s
    ✓ hook    jaffle-on-run-end-0                                       0.00s

    ✓ done in 0.00s: 1 built
    --- exit code 0
    ");
    assert_says!(project, ["query", "select what, count(*) as times from main.log group by 1 order by 1"], @"
    $ headwater query select what, count(*) as times from main.log group by 1 order by 1
    --- stdout
      what     times
      string  bigint
      ──────  ──────
      end          1
      hook         1
      model        1
    --- stderr
    3 rows
    --- exit code 0
    ");
}

const MICROBATCH: &str = "\
{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='order_date', batch_size='day', begin='2024-01-01', lookback=1) }}
select id, order_date, amount from {{ ref('raw_orders') }}
";

#[test]
fn microbatch_models_are_built_span_by_span() {
    let project = shop();
    project.write("models/marts/by_day.sql", MICROBATCH);
    project.write("seeds/seeds.yml", "seeds:\n  - name: raw_orders\n    config: { event_time: order_date }\n");
    let span = ["--event-time-start", "2024-01-01", "--event-time-end", "2024-01-05"];
    let build = [&["build", "-s", "raw_orders", "by_day", "--threads", "1"][..], &span].concat();
    assert_says!(project, build, @"
    $ headwater build -s raw_orders by_day --threads 1 --event-time-start 2024-01-01 --event-time-end 2024-01-05
    --- stdout
    run 0123456789ab · jaffle · local · lake ./lake

      step    table                   rows in    rows out  set aside     time
    ✓ seed    main_raw.raw_orders           4           4          0    0.00s
    ✓ incr    main.by_day                   4           3               0.00s
              4 spans, 2024-01-01 to 2024-01-05

    ✓ done in 0.00s: 1 loaded, 1 built
    --- exit code 0
    ");
    assert_says!(project, ["query", "select * from main.by_day order by 1"], @"
    $ headwater query select * from main.by_day order by 1
    --- stdout
          id  order_date  amount
      bigint  date        bigint
      ──────  ──────────  ──────
           1  2024-01-01    1000
           2  2024-01-02    2000
           3  2024-01-04     100
    --- stderr
    3 rows
    --- exit code 0
    ");
}

#[test]
fn a_unit_test_that_fails_stops_its_model() {
    let project = shop();
    project.replace("models/marts/marts.yml", "number_of_orders: 1, total: 7", "number_of_orders: 2, total: 7");
    assert_says!(project, ["build", "-s", "customers", "--threads", "1"], @"
    $ headwater build -s customers --threads 1
    --- stdout
    run 0123456789ab · jaffle · local · lake ./lake

      step    table                       rows in    rows out  set aside     time
    ✗ unit    returned_orders_do_not_count  1 row  0.00s
    – table   main.customers           left out, because `returned_orders_do_not_count` failed
    – test    totals_are_not_negative  left out, because `returned_orders_do_not_count` failed

    ✗ failed after 0.00s: 4 left out, 1 test failed
    --- stderr

    error[test-failed]: unit test `returned_orders_do_not_count` of `customers` failed: 1 row differs
     --> models/marts/marts.yml:7:11
      |
    7 |   - name: returned_orders_do_not_count
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      = cause:    customer_id  number_of_orders  total
               ~  1            2 → 1             7.0
      = help: `-` is expected and missing, `+` was not expected, `~` differs: expected → actual
    --- exit code 3
    ");
}
