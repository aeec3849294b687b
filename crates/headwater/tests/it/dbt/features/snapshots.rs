//! Snapshots: by time, by columns, and what becomes of rows that are gone.

use super::{keep, project, session};

const CARS: &str = "id,plate,changed_at\n1,A,2024-01-01T10:00:00\n2,B,2024-01-01T10:00:00\n3,C,2024-01-01T10:00:00\n";

#[test]
fn by_time_and_by_columns() {
    let project = project(&[
        ("seeds/cars.csv", CARS),
        (
            "snapshots/cars.yml",
            "snapshots:
  - name: by_time
    relation: ref('cars')
    config: { unique_key: id, strategy: timestamp, updated_at: changed_at }
  - name: by_columns
    relation: ref('cars')
    config: { unique_key: id, strategy: check, check_cols: all, schema: history }
",
        ),
        (
            "snapshots/block.sql",
            "{% snapshot in_a_block %}\n{{ config(target_schema='history', unique_key='id', strategy='check', check_cols=['plate']) }}\nselect * from {{ ref('cars') }} where id < 3\n{% endsnapshot %}\n",
        ),
    ]);
    let mut told = session(&project, &[&["build", "-s", "+resource_type:snapshot"]]);
    project.write(
        "seeds/cars.csv",
        "id,plate,changed_at\n1,X,2024-01-02T10:00:00\n2,B,2024-01-01T10:00:00\n4,D,2024-01-02T10:00:00\n",
    );
    told += &session(&project, &[&["seed", "-s", "cars"], &["snapshot"]]);
    for table in ["main.by_time", "main_history.by_columns", "history.in_a_block"] {
        let query = format!("select id, plate, dbt_valid_to is null as is_now from {table} order by id, is_now");
        told += &session(&project, &[&["query", &query]]);
    }
    let times = "select id, dbt_updated_at = changed_at as updated, dbt_valid_from = changed_at as began, dbt_valid_to is null as is_now from main.by_time order by id, is_now";
    told += &session(&project, &[&["query", times]]);
    keep("snapshots_by_time_and_by_columns", &project, &told);
}

#[test]
fn hard_deletes() {
    let project = project(&[("seeds/cars.csv", CARS)]);
    let mut yaml = "snapshots:\n".to_owned();
    for way in ["ignore", "invalidate", "new_record"] {
        yaml += &format!(
            "  - {{ name: {way}, relation: ref('cars'), config: {{ unique_key: id, strategy: check, check_cols: [plate], hard_deletes: {way} }} }}\n"
        );
    }
    yaml += "  - { name: older, relation: ref('cars'), config: { unique_key: id, strategy: check, check_cols: [plate], invalidate_hard_deletes: true } }\n";
    project.write("snapshots/cars.yml", &yaml);
    project.output(&["build"]);
    project.write("seeds/cars.csv", "id,plate,changed_at\n1,A,2024-01-01T10:00:00\n3,C,2024-01-01T10:00:00\n");
    let mut told = session(&project, &[&["build"]]);
    for way in ["ignore", "invalidate", "older"] {
        let query = format!("select id, plate, dbt_valid_to is null as is_now from main.{way} order by id, is_now");
        told += &session(&project, &[&["query", &query]]);
    }
    let query =
        "select id, plate, dbt_is_deleted, dbt_valid_to is null as is_now from main.new_record order by id, is_now";
    told += &session(&project, &[&["query", query]]);
    keep("snapshots_hard_deletes", &project, &told);
}
