//! Every example on both engines: the same tables row for row, the same quarantine, views and reports.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::Spark;
use crate::car_rental::python::interpreter;
use crate::dbt::copy;
use crate::project::Project;

/// What tells of the run rather than of the data: when and by which run a row came.
const OF_THE_RUN: [&str; 7] =
    ["_ingested_at", "_run_id", "run_id", "quarantined_at", "pipeline_run_id", "loaded_at", "ingestion_timestamp"];

/// A copy of an example with generated files, some rows of which break their contracts.
fn example(name: &str, rows: &str) -> Project {
    let project = Project::nothing();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name), &project.path("."));
    project.output(&["generate", "--rows", rows, "--dirty", "0.02"]);
    project
}

/// Runs the project in an environment; its exit code and the report's lines by node.
fn run(project: &Project, environment: &str) -> (i32, BTreeMap<String, Value>) {
    let output = project.command(&["run", "--env", environment, "--format", "json"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let outcome: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    let engine = if environment == "local" { "embedded" } else { "spark" };
    assert_eq!(outcome["report"]["engine"], engine, "{said}");
    let nodes = outcome["report"]["nodes"].as_array().unwrap_or_else(|| panic!("{outcome}: {said}"));
    let line = |node: &Value| {
        // Bytes are those of the files, which each engine writes in its own way.
        let kept = ["step", "status", "reason", "rows", "skipped", "files", "failures"];
        let kept = kept.iter().map(|key| ((*key).to_owned(), node[*key].clone()));
        (node["id"].as_str().unwrap().to_owned(), Value::Object(kept.collect()))
    };
    (output.status.code().unwrap(), nodes.iter().map(line).collect())
}

fn same_on_both(test: &str, spark: &Spark, name: &str, rows: &str) {
    let Some(python) = interpreter(test) else { return };
    let project = example(name, rows);
    spark.environment(&project, "./lake-spark");
    let (embedded, on_spark) = (run(&project, "local"), run(&project, "spark"));
    assert_eq!(embedded.0, on_spark.0, "{test}: exit codes");
    for (id, line) in &embedded.1 {
        assert_eq!(Some(line), on_spark.1.get(id), "{test}: {id}");
    }
    assert_eq!(embedded.1.len(), on_spark.1.len(), "{test}");

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/spark/compare.py");
    let lakes = ["lake", "lake-spark"].map(|lake| project.path(lake));
    let compared = Command::new(python).arg(script).args(lakes).args(OF_THE_RUN).output().unwrap();
    let said = String::from_utf8_lossy(&compared.stderr);
    assert!(compared.status.success(), "{test}: {said}");
    let counts: BTreeMap<String, u64> = serde_json::from_slice(&compared.stdout).unwrap();
    assert!(counts.values().any(|rows| *rows > 100), "{test}: {counts:?}");
    assert!(counts.iter().any(|(table, rows)| table.ends_with("_quarantine") && *rows > 0), "{test}: {counts:?}");
    same_views(test, &project);
}

/// The lake's list of views is the same, and each has rows of the same columns and number.
fn same_views(test: &str, project: &Project) {
    let list = |environment: &str| -> Vec<String> {
        let tables = project.output(&["tables", "--env", environment, "--format", "json"]);
        let tables: Value = serde_json::from_str(&tables).unwrap();
        let views = tables["tables"].as_array().unwrap().iter().filter(|table| table["kind"] == "view");
        views.map(|view| view["name"].as_str().unwrap().to_owned()).collect()
    };
    let views = list("local");
    assert_eq!(views, list("spark"), "{test}");
    for view in views {
        let sql = format!("select count(*) as n from {view}");
        let rows = |environment| project.output(&["query", &sql, "--env", environment, "--format", "csv"]);
        assert_eq!(rows("local"), rows("spark"), "{test}: {view}");
    }
}

#[test]
fn car_rental_is_the_same_on_spark() {
    let test = "car_rental_is_the_same_on_spark";
    let Some(spark) = Spark::newest(test) else { return };
    same_on_both(test, &spark, "car-rental", "2000");
}

#[test]
fn olist_is_the_same_on_spark() {
    let test = "olist_is_the_same_on_spark";
    let Some(spark) = Spark::newest(test) else { return };
    same_on_both(test, &spark, "olist", "500");
}

#[test]
fn car_rental_is_the_same_on_spark_3_5() {
    let test = "car_rental_is_the_same_on_spark_3_5";
    let Some(spark) = Spark::of_3_5(test) else { return };
    same_on_both(test, &spark, "car-rental", "500");
}

#[test]
fn olist_is_the_same_on_spark_3_5() {
    let test = "olist_is_the_same_on_spark_3_5";
    let Some(spark) = Spark::of_3_5(test) else { return };
    same_on_both(test, &spark, "olist", "300");
}
