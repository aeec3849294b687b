//! A Spark that is not there or lacks Delta Lake, and a statement that fails inside one.

use super::Spark;
use crate::project::{Project, assert_says};

fn on(engine: &str) -> Project {
    let project = Project::shop();
    let text = format!("name: shop\nenvironments:\n  local:\n    lake: ./lake\n    engine: {engine}\n");
    project.write("headwater.yml", &text);
    project
}

#[test]
fn a_spark_that_is_not_there_is_told_before_anything_is_written() {
    let project = on("{ kind: spark, spark_home: spark }");
    assert_says!(project, ["run"], @r"
    $ headwater run
    --- stderr
    error[engine-missing]: `[DIR]/spark` is no Spark: it has no `bin/spark-submit` with its `jars/`
     --> headwater.yml:5:28
      |
    5 |     engine: { kind: spark, spark_home: spark }
      |                            ^^^^^^^^^^
      = help: it was named by `spark_home:`; a Spark is the folder that `spark-submit` lies below
    --- exit code 1
    ");
    assert!(!project.path("lake").exists());
    assert!(!project.path(".headwater").exists());
}

#[test]
fn a_small_run_of_auto_needs_no_spark() {
    let project = on("{ kind: auto, above: 1GB, spark_home: spark }");
    let planned = project.output(&["plan"]);
    assert!(planned.contains("engine embedded: reads about"), "{planned}");
    assert!(planned.contains("no more than 1.0 GB"), "{planned}");
    project.output(&["run"]);
    let larger = on("{ kind: auto, above: 1B, spark_home: spark }");
    let output = larger.command(&["run"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("error[engine-missing]"));
}

#[test]
fn a_spark_without_delta_is_told_by_doctor_and_by_run() {
    let Some(spark) = Spark::newest("a_spark_without_delta_is_told_by_doctor_and_by_run") else { return };
    let project = on(&format!("{{ kind: spark, python: {}, master: 'local[1]' }}", spark.python.display()));
    for verb in ["doctor", "run"] {
        let output = project.command(&[verb]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("error[engine-missing]: Spark 4.2.1 has no Delta Lake on its class path"), "{said}");
        assert!(said.contains("headwater.yml:5:"), "{said}");
        assert!(said.contains("io.delta:delta-spark_4.2_2.13:4.4.0"), "{said}");
    }
    assert!(!project.path("lake").exists());
}

#[test]
fn a_statement_that_fails_is_told_with_its_model_and_spark_s_words() {
    let Some(spark) = Spark::newest("a_statement_that_fails_is_told_with_its_model_and_spark_s_words") else { return };
    let project = Project::shop();
    spark.environment(&project, "./lake");
    project.write("models/gold/broken.sql", "select cast(name as int) as n from {{ source('shop', 'customers') }}\n");
    project.write("models/gold/below.sql", "select n from {{ ref('broken') }}\n");
    for model in ["broken", "below"] {
        let path = format!("models/gold/{model}.sql");
        let sql = std::fs::read_to_string(project.path(&path)).unwrap();
        project.write(&path, &format!("{{{{ config(materialized='table') }}}}\n{sql}"));
    }
    let output = project.command(&["run", "--env", "spark"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for expected in ["models/gold/broken.sql:", "CAST_INVALID_INPUT", "spark.log"] {
        assert!(said.contains(expected), "no `{expected}`: {said}");
    }
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("1 failed") || said.contains("1 failed"), "{told}{said}");
    let tables = project.output(&["tables"]);
    assert!(!tables.contains("gold.broken") && !tables.contains("gold.below"), "{tables}");
    assert!(tables.contains("gold.revenue"), "{tables}");
}

#[test]
fn a_job_that_takes_too_long_is_ended() {
    let Some(spark) = Spark::newest("a_job_that_takes_too_long_is_ended") else { return };
    let project = Project::shop();
    spark.environment(&project, "./lake");
    let settings = std::fs::read_to_string(project.path("headwater.yml")).unwrap();
    project.write("headwater.yml", &format!("{settings}      timeout: 20s\n"));
    project.write(
        "models/gold/slow.sql",
        "{{ config(materialized='table') }}\n\
         select count(*) as n from range(100000) as a cross join range(100000) as b cross join range(100000) as c\n",
    );
    let output = project.command(&["run", "--env", "spark"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("timeout"), "{said}");
    let jobs: Vec<_> = std::fs::read_dir(project.path(".headwater/spark")).unwrap().collect();
    let job = jobs[0].as_ref().unwrap().path().join("1");
    assert!(std::fs::File::open(job.join("alive")).unwrap().try_lock_shared().is_ok(), "the job goes on: {said}");
    assert!(!project.path("lake/gold/slow").join("_delta_log").exists());
}
