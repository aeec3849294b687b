//! What changed since an earlier state, and what is read from there.

use std::process::Command;

use super::shop::{built, shop};
use crate::project::{Project, assert_says};

fn keep_state(project: &Project) {
    let state = project.path("state");
    std::fs::create_dir_all(&state).unwrap();
    for file in ["manifest.json", "run_results.json"] {
        std::fs::copy(project.path("target").join(file), state.join(file)).unwrap();
    }
}

#[test]
fn state_modified() {
    let project = built();
    keep_state(&project);
    assert_says!(project, ["ls", "-s", "state:modified", "--state", "state"], @"
    $ headwater ls -s state:modified --state state
    --- exit code 0
    ");
    assert_says!(project, ["build", "-s", "state:modified+", "--state", "state"], @"
    $ headwater build -s state:modified+ --state state
    --- stdout
    nothing to do: nothing is selected
    --- exit code 0
    ");
    project.replace("macros/cents.sql", "/ 100", "/ 100.0");
    project.replace("models/marts/top_customers.sql", "> 0", "> 1");
    project.write("models/marts/fresh.sql", "select 1 as one\n");
    let list = |selector: &str| {
        project.output(&["ls", "-s", selector, "--state", "state", "--output", "name", "--indirect-selection", "empty"])
    };
    assert_eq!(list("state:modified"), "fresh\nstg_orders\ntop_customers\n");
    assert_eq!(list("state:modified.macros"), "stg_orders\n");
    assert_eq!(list("state:modified.body"), "top_customers\n");
    assert_eq!(list("state:new"), "fresh\n");
    assert_says!(project, ["plan", "-s", "state:modified+1", "--state", "state"], @"
    $ headwater plan -s state:modified+1 --state state
    --- stdout
    plan · jaffle · local · lake ./lake

      step    table                    why
    + table   main.fresh               first build
    + view    main.stg_orders          changed code
    + table   main.customers           changed code, 1.2 kB
    + test    totals_are_not_negative  `customers` runs before it, 1.2 kB
    + table   main.top_customers       changed code, 1.2 kB
    + test    main.customers           2 tests
    + test    main.stg_orders          3 tests

    4 nodes and 6 tests would run, 1 is up to date; nothing was written
    --- exit code 0
    ");
}

#[test]
fn result_of_an_earlier_run() {
    let project = shop();
    project.replace(
        "models/marts/top_customers.sql",
        "total from",
        "total / (number_of_orders - number_of_orders) as x from",
    );
    assert!(!project.command(&["build"]).output().unwrap().status.success());
    keep_state(&project);
    assert_says!(project, ["ls", "-s", "result:error", "--state", "state"], @"
    $ headwater ls -s result:error --state state
    --- stdout
    jaffle.marts.top_customers
    --- exit code 0
    ");
    assert_says!(project, ["ls", "-s", "result:pass", "--state", "state"], @"
    $ headwater ls -s result:pass --state state
    --- stdout
    jaffle.staging.unique_stg_customers_customer_id
    jaffle.staging.not_null_stg_customers_customer_id
    jaffle.staging.unique_stg_orders_order_id
    jaffle.staging.not_null_stg_orders_order_id
    jaffle.staging.accepted_values_stg_orders_status__placed__completed__returned
    unit_test:jaffle.returned_orders_do_not_count
    jaffle.marts.unique_customers_customer_id
    jaffle.marts.not_null_customers_customer_id
    jaffle.totals_are_not_negative
    --- exit code 0
    ");
}

#[test]
fn defer_reads_what_is_not_selected_from_elsewhere() {
    let project = built();
    keep_state(&project);
    // Another schema of the same lake, with nothing in it yet.
    project.write("headwater.yml", "name: jaffle\nenvironments:\n  local: { lake: ./lake, schema: dev }\n");
    assert_says!(project, ["build", "-s", "top_customers", "--defer", "--state", "state", "--threads", "1"], @"
    $ headwater build -s top_customers --defer --state state --threads 1
    --- stdout
    run 0123456789ab · jaffle · local · lake ./lake

      step    table                 rows in    rows out  set aside     time
    ✓ table   dev.top_customers           3           3               0.00s

    ✓ done in 0.00s: 1 built
    --- exit code 0
    ");
    assert_says!(project, ["query", "select * from dev.top_customers order by 1", "--format", "csv"], @"
    $ headwater query select * from dev.top_customers order by 1 --format csv
    --- stdout
    first_name,total
    Ada,1.00
    Bo,0.50
    Cy,20.00
    --- exit code 0
    ");
    assert_says!(project, ["build", "-s", "top_customers", "--defer"], @"
    $ headwater build -s top_customers --defer
    --- stderr
    error[invalid-argument]: `--defer` needs `--state DIR`
      = help: it names the folder of the `manifest.json` to read the others' places from
    --- exit code 1
    ");
    assert_says!(project, ["build", "-s", "top_customers", "--state", "nowhere"], @"
    $ headwater build -s top_customers --state nowhere
    --- stderr
    error[unreadable-input]: there is no `manifest.json` in `[DIR]/nowhere`
      = help: `--state DIR` names a copy of the `target/` folder of an earlier run
    --- exit code 1
    ");
}

fn git(project: &Project, arguments: &[&str]) {
    let mut git = Command::new("git");
    git.current_dir(project.path("")).args([
        "-c",
        "user.name=Ada",
        "-c",
        "user.email=a@b.c",
        "-c",
        "init.defaultBranch=main",
    ]);
    assert!(git.args(arguments).output().unwrap().status.success(), "git {arguments:?}");
}

#[test]
fn diff_says_which_columns_are_touched() {
    let project = shop();
    assert_says!(project, ["diff", "--base", "main"], @"
    $ headwater diff --base main
    --- stderr
    error[invalid-argument]: the project is in no git repository
      = help: `--base` compares with a revision of git
    --- exit code 1
    ");
    git(&project, &["init", "-q"]);
    git(&project, &["add", "."]);
    git(&project, &["commit", "-q", "-m", "first"]);
    let says = |arguments: &[&str]| {
        let text = project.says(arguments);
        insta::with_settings!({ filters => vec![(r"\([0-9a-f]{8}\)", "(01234567)")] }, { insta::assert_snapshot!(text) });
    };
    says(&["diff", "--base", "main"]);
    project.replace("models/marts/customers.sql", "coalesce(o.number_of_orders, 0)", "coalesce(o.number_of_orders, 1)");
    project.replace("models/staging/stg_customers.sql", "last_name from", "upper(last_name) as surname from");
    project.write("models/marts/fresh.sql", "select total from {{ ref('top_customers') }}\n");
    says(&["diff", "--base", "HEAD"]);
    says(&["diff", "--base", "no-such-branch"]);
}
