//! The parts of the runner that need no Spark, tested in its own language.

use std::path::Path;
use std::process::Command;

#[test]
fn the_runner_by_itself() {
    let python = std::env::var_os("HEADWATER_TEST_PYTHON");
    let Some(python) = python else {
        let message = "HEADWATER_TEST_PYTHON is not set: `cargo xtask test` sets up the Python that it names";
        assert!(std::env::var_os("CI").is_none(), "{message}");
        eprintln!("SKIPPED the runner by itself: {message}");
        return;
    };
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(python);
    command.arg("-B").arg(here.join("tests/runner_test.py")).arg(here.join("src/runner/runner.py"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
