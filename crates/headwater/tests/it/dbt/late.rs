//! A model whose template asks for rows is compiled when they are there, in the same run.

use super::shop::shop;
use crate::project::{Project, assert_says};

/// A column for each status that there is.
const PIVOT: &str = "\
{% set statuses = run_query('select distinct status from ' ~ ref('stg_orders') ~ ' order by 1') %}
select customer_id
{%- if execute %}{% for row in statuses.rows %}
  , sum(case when status = '{{ row[0] }}' then 1 else 0 end) as {{ row[0] }}_orders
{%- endfor %}{% endif %}
from {{ ref('stg_orders') }}
group by customer_id
";

fn pivot() -> Project {
    let project = shop();
    project.write("models/marts/by_status.sql", PIVOT);
    project.write("models/marts/reads_it.sql", "select * from {{ ref('by_status') }}\n");
    project
}

#[test]
fn compiled_after_what_it_asks_for() {
    let project = pivot();
    assert_says!(project, ["check"], @"
    $ headwater check
    --- stdout
    ✓ jaffle is sound: 2 seeds, 6 models, 8 tests and 1 unit test
    --- exit code 0
    ");
    assert_says!(project, ["plan", "-s", "+reads_it", "--resource-type", "model", "seed"], @"
    $ headwater plan -s +reads_it --resource-type model seed
    --- stdout
    plan · jaffle · local · lake ./lake

      step    table                why
    + seed    main_raw.raw_orders  first build
    + view    main.stg_orders      first build
    + table   main.by_status       waits for the rows of `main.stg_orders`
    + table   main.reads_it        waits for the rows of `main.by_status`

    4 nodes would run; nothing was written
    --- exit code 0
    ");
    assert_says!(project, ["show", "-s", "by_status"], @"
    $ headwater show -s by_status
    --- stderr
    error[unknown-table]: `by_status` is compiled after `main.stg_orders`
     --> models/marts/by_status.sql:1:1
      = help: build what it reads first: `headwater run --select +by_status`
    --- exit code 1
    ");
    assert_says!(project, ["build", "-s", "+reads_it", "--resource-type", "model", "seed", "--threads", "1"], @"
    $ headwater build -s +reads_it --resource-type model seed --threads 1
    --- stdout
    run 0123456789ab · jaffle · local · lake ./lake

      step    table                   rows in    rows out  set aside     time
    ✓ seed    main_raw.raw_orders           4           4          0    0.00s
    ✓ view    main.stg_orders                                           0.00s
    ✓ table   main.by_status                4           3               0.00s
    ✓ table   main.reads_it                 3           3               0.00s

    ✓ done in 0.00s: 1 loaded, 3 built
    --- exit code 0
    ");
    assert_says!(project, ["query", "select * from main.reads_it order by 1"], @"
    $ headwater query select * from main.reads_it order by 1
    --- stdout
      customer_id  completed_orders  placed_orders  returned_orders
           bigint            bigint         bigint           bigint
      ───────────  ────────────────  ─────────────  ───────────────
                1                 1              0                1
                2                 0              1                0
                3                 1              0                0
    --- stderr
    3 rows
    --- exit code 0
    ");
    assert_says!(project, ["build", "-s", "+reads_it", "--resource-type", "model", "seed"], @"
    $ headwater build -s +reads_it --resource-type model seed
    --- stdout
    nothing to do: 1 seed and 3 models are up to date
    --- exit code 0
    ");
    project.replace("seeds/raw_orders.csv", "4,2,2024-01-05,placed", "4,2,2024-01-05,shipped");
    assert_says!(project, ["plan", "-s", "+reads_it", "--resource-type", "model", "seed"], @"
    $ headwater plan -s +reads_it --resource-type model seed
    --- stdout
    plan · jaffle · local · lake ./lake

      step    table                why
    + seed    main_raw.raw_orders  changed file
    + table   main.by_status       compiled after `raw_orders`, 1.2 kB
    + table   main.reads_it        waits for `by_status`, 1.2 kB

    3 nodes would run, 1 is up to date; nothing was written
    --- exit code 0
    ");
    project.output(&["build", "-s", "+reads_it", "--resource-type", "model", "seed"]);
    assert_says!(project, ["query", "select * from main.reads_it order by 1"], @"
    $ headwater query select * from main.reads_it order by 1
    --- stdout
      customer_id  completed_orders  returned_orders  shipped_orders
           bigint            bigint           bigint          bigint
      ───────────  ────────────────  ───────────────  ──────────────
                1                 1                1               0
                2                 0                0               1
                3                 1                0               0
    --- stderr
    3 rows
    --- exit code 0
    ");
}

#[test]
fn rows_that_never_come_are_told() {
    let project = pivot();
    assert_says!(project, ["build", "-s", "by_status"], @"
    $ headwater build -s by_status
    --- stdout
    run 0123456789ab · jaffle · local · lake ./lake

      step    table              rows in    rows out  set aside     time
    ✗ late    main.by_status      failed                           0.00s

    ✗ failed after 0.00s: 1 failed
    --- stderr

    error[unknown-table]: `by_status` asks for the rows of `main.stg_orders`, which this run did not build
     --> models/marts/by_status.sql:1:1
      = help: build what it reads with it: `headwater run --select +by_status`
    --- exit code 1
    ");
}
