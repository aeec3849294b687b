//! Incremental models: each strategy, each way to meet other columns, and the spans of microbatches.

use super::{project, session, tell};
use crate::project::Project;

/// A model of each strategy over the same orders.
fn strategies() -> Project {
    let model = |config: &str| {
        format!(
            "{{{{ config(materialized='incremental', {config}) }}}}\nselect id, customer, status, amount from {{{{ ref('orders') }}}}\n{{% if is_incremental() %}}where id >= (select max(id) from {{{{ this }}}}){{% endif %}}\n"
        )
    };
    let project = project(&[]);
    for (name, config) in [
        ("appended", "incremental_strategy='append'"),
        ("merged", "incremental_strategy='merge', unique_key='id'"),
        ("merged_by_two", "incremental_strategy='merge', unique_key=['id', 'status']"),
        ("merged_in_part", "incremental_strategy='merge', unique_key='id', merge_update_columns=['status']"),
        ("deleted_and_inserted", "incremental_strategy='delete+insert', unique_key='customer'"),
        ("overwritten", "incremental_strategy='insert_overwrite', partition_by='customer'"),
    ] {
        project.write(&format!("models/{name}.sql"), &model(config));
    }
    project
}

const STRATEGIES: [&str; 6] =
    ["appended", "merged", "merged_by_two", "merged_in_part", "deleted_and_inserted", "overwritten"];

#[test]
fn each_strategy() {
    let project = strategies();
    let mut told = session(&project, &[&["build"]]);
    project.replace("seeds/orders.csv", "3,8,new,5.25,2024-01-03", "3,8,paid,6.00,2024-01-03\n4,7,new,1.00,2024-01-04");
    told += &session(&project, &[&["compile", "-s", "merged"], &["build"]]);
    for table in STRATEGIES {
        told += &session(&project, &[&["query", &format!("select * from main.{table} order by id, status")]]);
    }
    told += &session(
        &project,
        &[&["run", "-s", "appended", "--full-refresh"], &["query", "select count(*) as rows from main.appended"]],
    );
    super::keep("each_strategy", &project, &told);
}

#[test]
fn on_schema_change() {
    let project = project(&[]);
    let write = |columns: &str| {
        for change in ["ignore", "fail", "append_new_columns", "sync_all_columns"] {
            let text = format!(
                "{{{{ config(materialized='incremental', unique_key='id', on_schema_change='{change}') }}}}\nselect {columns} from {{{{ ref('orders') }}}}\n"
            );
            project.write(&format!("models/on_{change}.sql"), &text);
        }
    };
    write("id, customer, status");
    let mut told = session(&project, &[&["build"]]);
    write("id, status, amount");
    told += &session(&project, &[&["build"]]);
    for change in ["ignore", "fail", "append_new_columns", "sync_all_columns"] {
        told += &session(&project, &[&["query", &format!("select * from main.on_{change} order by id")]]);
    }
    super::keep("on_schema_change", &project, &told);
}

#[test]
fn microbatch() {
    let project = project(&[
        (
            "models/daily.sql",
            "{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='ordered_on', batch_size='day', lookback=1, begin='2024-01-02') }}\nselect id, status, ordered_on from {{ ref('orders') }}\n",
        ),
        (
            "models/monthly.sql",
            "{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='ordered_on', batch_size='month', begin='2024-01-01') }}\nselect id, status, ordered_on from {{ ref('orders') }}\n",
        ),
        (
            "seeds/seeds.yml",
            "seeds:\n  - name: orders\n    config: { event_time: ordered_on, column_types: { ordered_on: date } }\n",
        ),
    ]);
    let until = |end: &str| {
        let span = ["--event-time-start", "2024-01-02", "--event-time-end", end];
        let daily = [&["build", "-s", "+daily"][..], &span].concat();
        session(&project, &[&daily, &["query", "select * from main.daily order by id"]])
    };
    let mut told = until("2024-01-04");
    project.replace("seeds/orders.csv", "3,8,new,5.25,2024-01-03", "3,8,paid,5.25,2024-01-03\n4,7,new,1.00,2024-01-04");
    told += &until("2024-01-05");
    let monthly = ["build", "-s", "monthly", "--event-time-start", "2024-01-01", "--event-time-end", "2024-02-01"];
    told += &session(
        &project,
        &[&monthly, &["query", "select * from main.monthly order by id"], &["compile", "-s", "daily"]],
    );
    super::keep("microbatch", &project, &told);
}

#[test]
fn settings_that_a_strategy_lacks() {
    let project = project(&[
        (
            "models/a.sql",
            "{{ config(materialized='incremental', incremental_strategy='delete+insert') }}\nselect id from {{ ref('orders') }}\n",
        ),
        (
            "models/b.sql",
            "{{ config(materialized='incremental', unique_key=['id', 'idd']) }}\nselect id from {{ ref('orders') }}\n",
        ),
        (
            "models/c.sql",
            "{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='ordered_on', batch_size='week', begin='2024-01-01') }}\nselect id, ordered_on from {{ ref('orders') }}\n",
        ),
        (
            "models/d.sql",
            "{{ config(materialized='incremental', on_schema_change='append') }}\nselect id from {{ ref('orders') }}\n",
        ),
    ]);
    tell("settings_that_a_strategy_lacks", &project, &[&["check"]]);
}
