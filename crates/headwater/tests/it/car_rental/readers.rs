//! The tables in other readers: the `deltalake` package, and DuckDB on the Parquet files that Delta's log names.
//!
//! DuckDB's own `delta_scan` is an extension that it downloads when it is first used, which a test must not do; that the
//! log is right is therefore shown by `deltalake`, that the files are, by both.

use super::project::{TABLES, built};
use super::python;

#[test]
fn other_readers_see_the_rows_that_headwater_sees() {
    let Some(interpreter) = python::interpreter("other_readers_see_the_rows_that_headwater_sees") else { return };
    let project = built();
    let seen = tempfile::tempdir().unwrap();
    for table in TABLES {
        let file = seen.path().join(format!("{table}.csv"));
        let csv = project.headwater(&["query", &format!("SELECT * FROM {table}"), "--format", "csv"]);
        std::fs::write(file, csv).unwrap();
    }
    let lake = project.lake();
    let rows: std::collections::BTreeMap<String, u64> =
        serde_json::from_slice(&python::run(&interpreter, "readers.py", &[lake.as_os_str(), seen.path().as_os_str()]))
            .unwrap();
    assert_eq!(rows.keys().map(String::as_str).collect::<Vec<_>>(), TABLES);
    assert_eq!(rows["bronze.rental_transactions"], 4000);
    assert_eq!(rows["silver.rentals"], 4000);
}
