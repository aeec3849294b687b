//! Each kind of wrong input: a located error with a hint, exit code 1, and nothing written.

use std::fs;
use std::time::{Duration, Instant};

use crate::project::{Project, assert_says};

/// Snapshots what a command says and holds it to leaving no trace.
macro_rules! assert_refused {
    ($project:expr, $arguments:expr, @$snapshot:literal) => {{
        let before = $project.tree();
        assert_says!($project, $arguments, @$snapshot);
        assert_eq!($project.tree(), before, "something was written");
    }};
}

#[test]
fn no_project_here() {
    let project = Project::nothing();
    assert_refused!(project, ["run"], @"
    $ headwater run
    --- stderr
    error[no-project]: no project here: neither `[DIR]` nor a folder above it has a `headwater.yml` or a `dbt_project.yml`
      = help: `headwater init` makes a project; `--project-dir` names the folder of one
    --- exit code 1
    ");
    assert_refused!(project, ["run", "--project-dir", "nowhere"], @r"
    $ headwater run --project-dir nowhere
    --- stderr
    error[no-project]: there is no folder `nowhere`
      = cause: No such file or directory (os error 2)
      = help: `--project-dir` names the folder of a project
    --- exit code 1
    ");
}

#[test]
fn unknown_environment() {
    let project = Project::shop();
    assert_refused!(project, ["run", "--env", "locl"], @r"
    $ headwater run --env locl
    --- stderr
    error[unknown-environment]: no environment is called `locl`
     --> headwater.yml:2:1
      |
    2 | environments:
      | ^^^^^^^^^^^^
      = help: did you mean `local`?
    --- exit code 1
    ");
}

#[test]
fn missing_folder_of_files() {
    let project = Project::shop();
    fs::remove_dir_all(project.path("incoming")).unwrap();
    assert_refused!(project, ["run"], @r"
    $ headwater run
    --- stderr
    error[no-files]: no file matches `incoming/customers*.csv`: the folder `incoming` does not exist
     --> models/bronze/sources.yml:5:26
      |
    5 |         ingest: { files: 'incoming/customers*.csv', settle: 0s }
      |                          ^^^^^^^^^^^^^^^^^^^^^^^^^
      = help: looked for `[DIR]/incoming/customers*.csv`: make the folder, or change `files:`

    error[no-files]: no file matches `incoming/orders*.csv`: the folder `incoming` does not exist
      --> models/bronze/sources.yml:11:26
       |
    11 |         ingest: { files: 'incoming/orders*.csv', settle: 0s }
       |                          ^^^^^^^^^^^^^^^^^^^^^^
       = help: looked for `[DIR]/incoming/orders*.csv`: make the folder, or change `files:`

    error: 2 problems in 1 file
    --- exit code 1
    ");
}

#[test]
fn an_empty_match() {
    let project = Project::shop();
    fs::rename(project.path("incoming/orders.csv"), project.path("incoming/order.csv")).unwrap();
    assert_refused!(project, ["run"], @r"
    $ headwater run
    --- stderr
    error[no-files]: no file matches `incoming/orders*.csv`, and `bronze.orders` was never loaded
      --> models/bronze/sources.yml:11:26
       |
    11 |         ingest: { files: 'incoming/orders*.csv', settle: 0s }
       |                          ^^^^^^^^^^^^^^^^^^^^^^
       = help: looked for `[DIR]/incoming/orders*.csv`: put the files there, or change `files:`
    --- exit code 1
    ");
}

#[test]
fn a_header_that_lacks_a_column() {
    let project = Project::shop();
    project.replace("incoming/orders.csv", "ordered_on", "order_date");
    assert_refused!(project, ["run"], @r"
    $ headwater run
    --- stderr
    error[missing-column]: `incoming/orders.csv` has no column `ordered_on`, which the contract requires
     --> incoming/orders.csv:1:1
      |
    1 | order_id,customer_id,order_date,amount
      | ^
      = cause: `incoming/orders.csv` has a column `order_date`, which the contract has not
      = help: its columns are `order_id`, `customer_id`, `order_date`, `amount`; a `default` stands in where a file lacks it
    --- exit code 1
    ");
}

#[test]
fn a_wrong_delimiter() {
    let project = Project::shop();
    let orders = fs::read_to_string(project.path("incoming/orders.csv")).unwrap();
    project.write("incoming/orders.csv", &orders.replace(',', ";"));
    assert_refused!(project, ["run"], @r#"
    $ headwater run
    --- stderr
    error[wrong-delimiter]: the header of `incoming/orders.csv` names no column of the contract: it seems to be separated by `;`, not `,`
     --> incoming/orders.csv:1:1
      |
    1 | order_id;customer_id;ordered_on;amount
      | ^
      = help: set `sep: ";"`
    --- exit code 1
    "#);
}

/// Not by permissions, which do not hold for root: by a link that leads to itself.
#[cfg(unix)]
#[test]
fn an_unreadable_folder() {
    let project = Project::shop();
    fs::rename(project.path("incoming"), project.path("files")).unwrap();
    std::os::unix::fs::symlink("incoming", project.path("incoming")).unwrap();
    assert_refused!(project, ["run"], @r"
    $ headwater run
    --- stderr
    error[unreadable-input]: cannot list `incoming/customers*.csv`: cannot read `incoming`
     --> models/bronze/sources.yml:5:26
      |
    5 |         ingest: { files: 'incoming/customers*.csv', settle: 0s }
      |                          ^^^^^^^^^^^^^^^^^^^^^^^^^
      = cause: Too many levels of symbolic links (os error 40)
      = help: check that it is what the pattern takes it for, and that this user may read it

    error[unreadable-input]: cannot list `incoming/orders*.csv`: cannot read `incoming`
      --> models/bronze/sources.yml:11:26
       |
    11 |         ingest: { files: 'incoming/orders*.csv', settle: 0s }
       |                          ^^^^^^^^^^^^^^^^^^^^^^
       = cause: Too many levels of symbolic links (os error 40)
       = help: check that it is what the pattern takes it for, and that this user may read it

    error: 2 problems in 1 file
    --- exit code 1
    ");
}

#[test]
fn a_folder_of_files_that_is_a_file() {
    let project = Project::shop();
    fs::remove_dir_all(project.path("incoming")).unwrap();
    project.write("incoming", "no folder\n");
    assert_refused!(project, ["run"], @r"
    $ headwater run
    --- stderr
    error[unreadable-input]: cannot list `incoming/customers*.csv`: cannot read `incoming`
     --> models/bronze/sources.yml:5:26
      |
    5 |         ingest: { files: 'incoming/customers*.csv', settle: 0s }
      |                          ^^^^^^^^^^^^^^^^^^^^^^^^^
      = cause: Not a directory (os error 20)
      = help: check that it is what the pattern takes it for, and that this user may read it

    error[unreadable-input]: cannot list `incoming/orders*.csv`: cannot read `incoming`
      --> models/bronze/sources.yml:11:26
       |
    11 |         ingest: { files: 'incoming/orders*.csv', settle: 0s }
       |                          ^^^^^^^^^^^^^^^^^^^^^^
       = cause: Not a directory (os error 20)
       = help: check that it is what the pattern takes it for, and that this user may read it

    error: 2 problems in 1 file
    --- exit code 1
    ");
}

#[test]
fn a_lake_that_is_a_file() {
    let project = Project::shop();
    project.write("lake", "no lake\n");
    assert_refused!(project, ["run"], @r"
    $ headwater run
    --- stderr
    error[invalid-lake]: the lake `./lake` cannot be a folder: `[DIR]/lake` is a file
     --> headwater.yml:3:18
      |
    3 |   local: { lake: ./lake }
      |                  ^^^^^^
      = help: set `lake:` of this environment in headwater.yml to a folder; it need not be there yet
    --- exit code 1
    ");
}

#[test]
fn a_value_that_does_not_parse() {
    let project = Project::shop();
    project.replace("incoming/orders.csv", "40.00", "forty");
    assert_says!(project, ["run", "--threads", "1"], @r"
    $ headwater run --threads 1
    --- stdout
    run 0123456789ab · shop · local · lake ./lake

      step    table                rows in    rows out  set aside     time
    ✓ ingest  bronze.customers           3           3          0    0.00s
    ✓ tests   bronze.customers    2 passed                           0.00s
    ✓ ingest  bronze.orders              4           3          1    0.00s
    ✓ tests   bronze.orders       2 passed                           0.00s
    ✓ view    silver.sales                                           0.00s
    ✓ table   gold.revenue               6           1               0.00s
    ✓ tests   gold.revenue        2 passed                           0.00s

    ✓ done in 0.00s: 2 loaded, 2 built, 6 tests passed
      files: 7 rows in = 6 out + 1 set aside
    --- stderr

    warning[invalid-cell]: line 3 of `incoming/orders.csv` cannot be loaded: column `amount`: `forty` is not a valid `decimal(10,2)`; 1 of 4 records was set aside in `bronze.orders_quarantine`
     --> incoming/orders.csv:3:17
      |
    3 | 11,2,2024-01-06,forty
      |                 ^^^^^
      = help: correct the value, or declare `string`; `headwater quarantine replay shop.orders` loads what fits then
    --- exit code 0
    ");
    let rows = project.output(&["query", "select count(*) as n from bronze.orders_quarantine", "--format", "csv"]);
    assert_eq!(rows, "n\n1\n");
}

#[test]
fn a_value_that_does_not_parse_where_no_row_may_be_set_aside() {
    let project = Project::shop();
    project.replace("incoming/orders.csv", "40.00", "forty");
    project.replace("models/bronze/sources.yml", "settle: 0s }", "settle: 0s, on_bad_row: fail }");
    assert_says!(project, ["run", "--threads", "1"], @r"
    $ headwater run --threads 1
    --- stdout
    run 0123456789ab · shop · local · lake ./lake

      step    table                rows in    rows out  set aside     time
    ✓ ingest  bronze.customers           3           3          0    0.00s
    ✓ tests   bronze.customers    2 passed                           0.00s
    ✗ ingest  bronze.orders         failed                           0.00s
    – view    silver.sales      left out, because `shop.orders` failed
    – table   gold.revenue      left out, because `shop.orders` failed

    ✗ failed after 0.00s: 1 loaded, 1 failed, 6 left out, 2 tests passed
      files: 3 rows in = 3 out + 0 set aside
    --- stderr

    error[invalid-cell]: line 3 of `incoming/orders.csv` cannot be loaded: column `amount`: `forty` is not a valid `decimal(10,2)`; 1 of 4 records do not fit, and nothing was loaded into `bronze.orders`
     --> incoming/orders.csv:3:17
      |
    3 | 11,2,2024-01-06,forty
      |                 ^^^^^
      = help: correct the value, or declare `string`
    --- exit code 1
    ");
    let tables = project.output(&["tables"]);
    assert!(!tables.contains("orders") && !tables.contains("revenue"), "{tables}");
}

#[test]
fn more_bad_rows_than_allowed() {
    let project = Project::shop();
    project.replace("incoming/orders.csv", "40.00", "forty");
    project.replace("incoming/orders.csv", "2024-02-01", "1 February");
    project.replace("models/bronze/sources.yml", "settle: 0s }", "settle: 0s, max_bad_rows: 25% }");
    assert_says!(project, ["run", "source:shop.orders", "--threads", "1"], @r"
    $ headwater run source:shop.orders --threads 1
    --- stdout
    run 0123456789ab · shop · local · lake ./lake

      step    table             rows in    rows out  set aside     time
    ✗ ingest  bronze.orders      failed                           0.00s

    ✗ failed after 0.00s: 1 failed, 2 left out
    --- stderr

    error[too-many-bad-rows]: line 3 of `incoming/orders.csv` cannot be loaded: column `amount`: `forty` is not a valid `decimal(10,2)`; 2 of 4 records do not fit, more than the 25 % of `max_bad_rows`, and nothing was loaded into `bronze.orders`
     --> incoming/orders.csv:3:17
      |
    3 | 11,2,2024-01-06,forty
      |                 ^^^^^
      = cause: line 5 of `incoming/orders.csv` cannot be loaded: column `ordered_on`: `1 February` is not a valid `date`
      = help: correct the value, or declare `string`
    --- exit code 1
    ");
    assert!(!project.output(&["tables"]).contains("orders"));
    // One bad row of four is as many as may be.
    project.replace("incoming/orders.csv", "1 February", "2024-02-01");
    assert!(project.output(&["run", "source:shop.orders"]).contains("4 rows in = 3 out + 1 set aside"));
}

#[test]
fn a_run_beside_another() {
    let project = Project::shop();
    project.output(&["run"]);
    project.write("incoming/orders_2.csv", "order_id,customer_id,ordered_on,amount\n14,2,2024-02-02,1.00\n");
    // What a run holds for as long as it goes on.
    let lock = fs::File::options().read(true).write(true).open(project.path("lake/_headwater/lock")).unwrap();
    lock.lock().unwrap();
    let holder = r#"{"run_id":"019a","pid":4321,"host":"here","command":"run gold","since":"2026-01-01T00:00:00Z"}"#;
    fs::write(project.path("lake/_headwater/lock"), holder).unwrap();
    assert_refused!(project, ["run"], @r"
    $ headwater run
    --- stderr
    error[lake-in-use]: the lake `./lake` is in use by `headwater run gold` (process 1234 on here, since 2026-01-01T00:00:00Z)
      = help: wait until it has ended, then try again
    --- exit code 1
    ");
    lock.unlock().unwrap();
    project.output(&["run"]);
}

#[test]
fn several_mistakes_at_once() {
    let project = Project::shop();
    project.replace("models/gold/revenue.sql", "sum(amount)", "sum(amout)");
    project.replace("models/silver/sales.sql", "source('shop', 'customers')", "source('shop', 'costumers')");
    project.replace("models/gold/gold.yml", "columns:", "colums:");
    project.write("models/gold/top.sql", "select * from {{ ref('revenu') }}\n");
    assert_refused!(project, ["check"], @r"
    $ headwater check
    --- stderr
    error[unknown-key]: there is no key `colums` in a model
     --> models/gold/gold.yml:3:5
      |
    3 |     colums:
      |     ^^^^^^
      = help: did you mean `columns`?

    error[unknown-model]: no model or seed is named `revenu`
     --> models/gold/top.sql:1:18
      |
    1 | select * from {{ ref('revenu') }}
      |                  ^^^^^^^^^^^^^
      = help: did you mean `revenue`?

    error[unknown-source]: the source `shop` has no table `costumers`
     --> models/silver/sales.sql:4:9
      |
    4 | join {{ source('shop', 'costumers') }} c on c.customer_id = o.customer_id
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^
      = help: did you mean `customers`?

    error: 3 problems in 3 files
    --- exit code 1
    ");
}

#[test]
fn vars_that_are_no_map() {
    let project = Project::shop();
    assert_refused!(project, ["run", "--vars", "incoming"], @r"
    $ headwater run --vars incoming
    --- stderr
    error[invalid-argument]: `--vars` is not a map: found `incoming`
      = help: write it as YAML or JSON: `--vars '{incoming: /data, days: 7}'`
    --- exit code 1
    ");
}

#[test]
fn a_selection_of_nothing() {
    let project = Project::shop();
    assert_refused!(project, ["run", "revenu"], @r"
    $ headwater run revenu
    --- stderr
    error[empty-selection]: `revenu` selects nothing
      = help: did you mean `revenue`?
    --- exit code 1
    ");
}

#[test]
fn a_folder_that_is_not_empty() {
    let project = Project::shop();
    assert_refused!(project, ["init"], @r"
    $ headwater init
    --- stderr
    error[folder-not-empty]: `[DIR]` is not empty
      = help: name a new folder: `headwater init DIR`
    --- exit code 1
    ");
    assert_refused!(project, ["demo", "."], @r"
    $ headwater demo .
    --- stderr
    error[folder-not-empty]: `[DIR]` is not empty
      = help: name a new folder: `headwater demo DIR`
    --- exit code 1
    ");
    assert_refused!(project, ["init", "new", "--template", "car-rentl"], @r"
    $ headwater init new --template car-rentl
    --- stderr
    error[unknown-template]: there is no template `car-rentl`
      = help: did you mean `car-rental`? there are `empty`, `car-rental`
    --- exit code 1
    ");
}

/// A command that says no should say it at once.
#[test]
fn a_refusal_is_quick() {
    let start = Instant::now();
    Project::nothing().says(&["run"]);
    assert!(start.elapsed() < Duration::from_secs(5));
}
