//! A dbt project that was never touched for Headwater, in the shape of the shop that dbt's own tutorials use: seeds,
//! staging views, tables, tests, a macro, doc blocks, a snapshot, an analysis. It has no `headwater.yml`.

use std::path::{Path, PathBuf};

use crate::project::{Project, assert_says};

fn corner_shop() -> Project {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/shop");
    let project = Project::nothing();
    copy(&fixture, &project.path("."));
    project
}

/// What tools make in a project's folder.
const MADE: [&str; 5] = [".git", ".headwater", "lake", "target", "dbt_packages"];

/// Copies a project as its user wrote it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let from: PathBuf = entry.unwrap().path();
        let name = from.file_name().unwrap();
        if MADE.iter().any(|made| name == *made) || from.is_symlink() {
            continue;
        }
        let to = to.join(name);
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(from, to).unwrap();
        }
    }
}

#[test]
fn it_runs_unchanged() {
    let project = corner_shop();
    assert_says!(project, ["check"], @"
    $ headwater check
    --- stdout
    ✓ corner_shop is sound: 3 seeds, 5 models, 1 snapshot and 17 tests
    --- exit code 0
    ");
    project.output(&["build"]);
    assert_says!(project, ["build"], @"
    $ headwater build
    --- stdout
    run 0123456789ab · corner_shop · local · lake ./lake

      step    table                         rows in    rows out  set aside     time
    ✓ snap    snapshots.orders_snapshot          30           0               0.00s

    ✓ done in 0.00s: 1 snapshotted, 25 up to date
    --- exit code 0
    ");
    assert_says!(
        project,
        ["query", "select status, count(*) as orders, sum(amount) as amount from main.orders group by status order by status"],
        @"
    $ headwater query select status, count(*) as orders, sum(amount) as amount from main.orders group by status order by status
    --- stdout
      status          orders         amount
      string          bigint  decimal(36,2)
      ──────────────  ──────  ─────────────
      completed           15         421.00
      placed               4         131.00
      return_pending       2          21.00
      returned             4         131.00
      shipped              5          97.00
    --- stderr
    5 rows
    --- exit code 0
    "
    );
    assert_says!(project, ["lineage", "customers"], @"
    $ headwater lineage customers
    --- stdout
    main.customers model
      customer_id              main.stg_customers.customer_id
      first_name               main.stg_customers.first_name
      last_name                main.stg_customers.last_name
      first_order              main.stg_orders.order_date (aggregated)
      most_recent_order        main.stg_orders.order_date (aggregated)
      number_of_orders         main.stg_orders.order_id (aggregated)
      customer_lifetime_value  main.stg_payments.amount (aggregated)
      rows decided by main.stg_customers.customer_id, main.stg_orders.customer_id,
                      main.stg_orders.order_id, main.stg_payments.order_id
    --- exit code 0
    ");
}
