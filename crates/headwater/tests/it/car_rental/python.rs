//! The Python of the test set-up, and what of the outside is missing.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

#[expect(clippy::disallowed_methods, reason = "what a test may use is told by the environment of the test command")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The interpreter with `deltalake`, `duckdb` and `pyspark`, beside SeaweedFS's `weed`. `cargo xtask test` makes it. Without it a test on a
/// developer's machine says what it left out; in CI it fails.
pub(crate) fn interpreter(test: &str) -> Option<PathBuf> {
    let python = variable("HEADWATER_TEST_PYTHON").map(PathBuf::from);
    if python.is_none() {
        let message = "HEADWATER_TEST_PYTHON is not set: `cargo xtask test` sets up the Python packages that it names";
        assert!(variable("CI").is_none(), "{test}: {message}");
        eprintln!("SKIPPED {test}: {message}");
    }
    python
}

/// The folder of the real files. They are not ours to publish, so a clone elsewhere has none: the test then says that it
/// was left out, and the same figures are held on generated files.
pub(super) fn real_data(test: &str) -> Option<PathBuf> {
    let folder = variable("HEADWATER_REAL_DATA").map(PathBuf::from);
    match &folder {
        Some(folder) => assert!(folder.is_dir(), "HEADWATER_REAL_DATA is not a folder: {}", folder.display()),
        None => eprintln!("SKIPPED {test}: HEADWATER_REAL_DATA names no folder with the real car-rental files"),
    }
    folder
}

/// Runs a script beside this file; its standard output. What it complains of is the test's failure.
pub(super) fn run(interpreter: &Path, script: &str, arguments: &[&OsStr]) -> Vec<u8> {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/car_rental").join(script);
    let output = Command::new(interpreter).arg(&script).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{}: {}\n{}\n{}",
        script.display(),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}
