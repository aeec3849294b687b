//! What dbt has and Headwater has not is refused by name.

use super::shop::shop;
use crate::project::assert_says;

#[test]
fn verbs() {
    let project = shop();
    assert_says!(project, ["run-operation", "grant", "--args", "{a: 1}"], @"
    $ headwater run-operation grant --args {a: 1}
    --- stderr
    error[unsupported]: `headwater run-operation` is not supported
      = help: put the statement into a hook: `on-run-start`, `pre_hook` or `post_hook`
    --- exit code 1
    ");
    assert_says!(project, ["source", "freshness"], @"
    $ headwater source freshness
    --- stderr
    error[unsupported]: `headwater source freshness` is not supported
      = help: `headwater sources` says what of each source has arrived, is loaded and waits
    --- exit code 1
    ");
    assert_says!(project, ["retry"], @"
    $ headwater retry
    --- stderr
    error[unsupported]: `headwater retry` is not supported
      = help: `headwater run` goes on where the last run stopped: what is built stays built
    --- exit code 1
    ");
    assert_says!(project, ["clone", "--state", "x"], @"
    $ headwater clone --state x
    --- stderr
    error[unsupported]: `headwater clone` is not supported
      = help: tables of one lake are read in place: `--defer --state DIR`
    --- exit code 1
    ");
}

#[test]
fn flags() {
    let project = shop();
    assert_says!(project, ["build", "--empty"], @"
    $ headwater build --empty
    --- stderr
    error[unsupported]: `--empty` is not supported: a table without rows would take the place of the one that is there
      = help: `headwater check` finds every mistake without touching data
    --- exit code 1
    ");
    assert_says!(project, ["build", "--event-time-start", "2024-01-01"], @"
    $ headwater build --event-time-start 2024-01-01
    --- stderr
    error[invalid-argument]: `--event-time-start` goes with `--event-time-end`
      = help: the spans from the first to the last before the second are built anew
    --- exit code 1
    ");
    assert_says!(project, ["ls", "-s", "state:modified"], @"
    $ headwater ls -s state:modified
    --- stderr
    error[invalid-selector]: `state:` compares with an earlier state, and none is given
      = help: `--state DIR` names the folder of an earlier `manifest.json`, such as a copy of `target/`
    --- exit code 1
    ");
    assert_says!(project, ["ls", "-s", "source_status:fresher"], @"
    $ headwater ls -s source_status:fresher
    --- stderr
    error[invalid-selector]: the selector method `source_status:` is not supported: source freshness is not measured
      = help: the methods are `fqn`, `path`, `file`, `tag`, `source`, `package`, `resource_type`, `test_type`, `test_name`, `unit_test`, `exposure`, `group`, `access`, `state`, `result`, `selector`, `config.materialized`
    --- exit code 1
    ");
    assert_says!(project, ["ls", "--resource-type", "modle"], @"
    $ headwater ls --resource-type modle
    --- stderr
    error[invalid-selector]: `modle` is no resource type
      = help: did you mean `model`?
    --- exit code 1
    ");
    assert_says!(project, ["ls", "--indirect-selection", "eagr"], @"
    $ headwater ls --indirect-selection eagr
    --- stderr
    error[invalid-selector]: `eagr` is no way to select tests
      = help: did you mean `eager`?
    --- exit code 1
    ");
}
