//! `tables optimize|vacuum|restore`, as a user sees them.

use crate::project::{Project, assert_says};

const ORDERS: &str = "order_id,customer_id,ordered_on,amount\n";

#[test]
fn small_files_become_one() {
    let project = Project::shop();
    for day in 1..=3 {
        let order = format!("{ORDERS}{day}00,1,2024-03-0{day},1.00\n");
        project.write(&format!("incoming/orders_{day}.csv"), &order);
        project.output(&["run", "source:shop.orders", "--threads", "1"]);
    }
    assert_says!(project, ["tables", "optimize", "--dry-run"], @r"
    $ headwater tables optimize --dry-run
    --- stdout
      table          files    size
      ─────────────  ─────  ──────
      bronze.orders      3  1.2 kB

    1 table would be rewritten; nothing was written
    --- exit code 0
    ");
    assert_says!(project, ["tables", "optimize", "bronze.orders"], @r"
    $ headwater tables optimize bronze.orders
    --- stdout
      table          files    size  files after  size after
      ─────────────  ─────  ──────  ───────────  ──────────
      bronze.orders      3  1.2 kB            1      1.2 kB

    ✓ 1 table rewritten; no row changed
    --- exit code 0
    ");
    assert_says!(project, ["tables", "optimize"], @r"
    $ headwater tables optimize
    --- stdout
    nothing to do: the files of 1 table are as they should be
    --- exit code 0
    ");
    assert_says!(project, ["tables", "vacuum", "--dry-run"], @r"
    $ headwater tables vacuum --dry-run
    --- stdout
    nothing to do: every file of 1 table is needed
    --- exit code 0
    ");
    let before = project.tree();
    assert!(
        project.output(&["tables", "vacuum", "orders", "--retain", "0s", "--dry-run"]).contains("would be removed")
    );
    assert_eq!(project.tree(), before);
    assert!(project.output(&["tables", "vacuum", "orders", "--retain", "0s"]).contains("3 files"));
    assert_says!(project, ["tables", "history", "bronze.orders"], @r"
    $ headwater tables history bronze.orders
    --- stdout
    bronze.orders

      version  written (UTC)        operation  rows added  files  run
      ───────  ───────────────────  ─────────  ──────────  ─────  ────────────
            3  2026-01-01 00:00:00  OPTIMIZE            7  +1 -3  0123456789ab
            2  2026-01-01 00:00:00  INGEST              1     +1  0123456789ab
            1  2026-01-01 00:00:00  INGEST              1     +1  0123456789ab
            0  2026-01-01 00:00:00  INGEST              5     +1  0123456789ab
    --- exit code 0
    ");
    // Its files are gone with the vacuum.
    assert!(project.says(&["tables", "restore", "orders", "--to-version", "0"]).contains("cannot be restored"));
    assert_says!(project, ["tables", "optimize", "bronze.order"], @r"
    $ headwater tables optimize bronze.order
    --- stderr
    error[unknown-table]: there is no table or view `bronze.order` in the lake `./lake`
      = help: did you mean `bronze.orders`?
    --- exit code 1
    ");
}

#[test]
fn an_earlier_version_comes_back() {
    let project = Project::shop();
    project.output(&["run", "source:shop.orders"]);
    project.write("incoming/orders_2.csv", &format!("{ORDERS}14,2,2024-02-02,1.00\n"));
    project.output(&["run", "source:shop.orders"]);
    assert_says!(project, ["tables", "restore", "bronze.orders"], @r"
    $ headwater tables restore bronze.orders
    --- stderr
    error: the following required arguments were not provided:
      <--to-version <N>|--to-timestamp <TIME>>

    Usage: headwater tables restore <--to-version <N>|--to-timestamp <TIME>> <NAME>

    For more information, try '--help'.
    --- exit code 1
    ");
    assert_says!(project, ["tables", "restore", "bronze.orders", "--to-version", "9"], @r"
    $ headwater tables restore bronze.orders --to-version 9
    --- stderr
    error[invalid-argument]: table `bronze.orders` has no version 9: its newest version is 1
      = help: `headwater tables history` lists the versions; choose a later one
    --- exit code 1
    ");
    assert_says!(project, ["tables", "restore", "bronze.orders", "--to-version", "0", "--dry-run"], @r"
    $ headwater tables restore bronze.orders --to-version 0 --dry-run
    --- stdout
    bronze.orders would be as it was in version 0: 0 files back, 1 taken out; nothing was written
    --- exit code 0
    ");
    assert_says!(project, ["tables", "restore", "bronze.orders", "--to-version", "0"], @r"
    $ headwater tables restore bronze.orders --to-version 0
    --- stdout
    ✓ bronze.orders is as it was in version 0: 0 files back, 1 taken out; this is version 2
      files that were loaded since then are not loaded again: `headwater sources forget FILE` lets them
    --- exit code 0
    ");
    let rows = project.output(&["query", "select count(*) as n from bronze.orders", "--format", "csv"]);
    assert_eq!(rows, "n\n4\n");
    // What was taken out is not loaded again by itself.
    assert!(project.output(&["run", "source:shop.orders"]).contains("up to date"));
}
