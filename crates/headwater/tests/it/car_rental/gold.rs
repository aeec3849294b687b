//! The gold tables, row for row and figure for figure, against values that PySpark computes straight from the CSV files
//! with its DataFrame API: other code, another engine, none of our SQL.

use std::collections::BTreeMap;
use std::path::Path;

use super::project::{Project, built};
use super::python;

/// Compares all seven tables; how many rows each has.
fn compare(project: &Project, interpreter: &Path) -> BTreeMap<String, u64> {
    let lake = project.lake();
    let arguments = [project.incoming().as_os_str(), lake.as_os_str()];
    serde_json::from_slice(&python::run(interpreter, "expected.py", &arguments)).unwrap()
}

#[test]
fn figures_of_generated_files_are_those_of_pyspark() {
    let Some(interpreter) = python::interpreter("figures_of_generated_files_are_those_of_pyspark") else { return };
    let rows = compare(built(), &interpreter);
    assert_eq!(rows.len(), 7, "{rows:?}");
    assert_eq!((rows["vehicle_type_metrics"], rows["hourly_metrics"], rows["day_of_week_metrics"]), (3, 24, 7));
}

#[test]
fn figures_of_the_real_files_are_those_of_pyspark() {
    let test = "figures_of_the_real_files_are_those_of_pyspark";
    let (Some(interpreter), Some(folder)) = (python::interpreter(test), python::real_data(test)) else { return };
    let project = Project::reading(&folder);
    project.headwater(&["run"]);
    let expected = [
        ("brand_metrics", 10),
        ("daily_metrics", 152),
        ("day_of_week_metrics", 7),
        ("hourly_metrics", 24),
        ("location_metrics", 300),
        ("user_metrics", 10_000),
        ("vehicle_type_metrics", 3),
    ];
    let expected = expected.map(|(table, rows)| (table.to_owned(), rows)).into();
    assert_eq!(compare(&project, &interpreter), expected);
}
