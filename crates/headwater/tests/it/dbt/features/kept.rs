//! How a model is kept: view, table, ephemeral; hooks; materializations that are not there.

use super::{project, tell};

#[test]
fn view_table_and_ephemeral() {
    let project = project(&[
        (
            "models/base.sql",
            "{{ config(materialized='ephemeral') }}\nselect id, customer, amount from {{ ref('orders') }}\n",
        ),
        ("models/by_customer.sql", "select customer, sum(amount) as amount from {{ ref('base') }} group by customer\n"),
        (
            "models/top.sql",
            "{{ config(materialized='table') }}\nselect * from {{ ref('by_customer') }} where amount > 10\n",
        ),
    ]);
    tell(
        "view_table_and_ephemeral",
        &project,
        &[&["build"], &["compile", "-s", "by_customer"], &["query", "select * from main.top"], &["tables"]],
    );
    project.replace("seeds/orders.csv", "3,8,new,5.25", "3,8,new,50.25");
    tell(
        "a_view_follows_and_a_table_is_built_anew",
        &project,
        &[&["plan"], &["build"], &["query", "select * from main.top order by 1"]],
    );
}

#[test]
fn hooks() {
    let project = project(&[
        (
            "dbt_project.yml",
            "name: shop\nversion: '1.0'\nprofile: shop\non-run-start: \"drop table if exists {{ target.schema }}.scratch\"\non-run-end: [\"insert into {{ ref('log') }} values ('end of the run')\"]\nmodels:\n  shop:\n    paid:\n      +post-hook: \"insert into {{ ref('log') }} values ('after {{ this.identifier }}')\"\n",
        ),
        ("models/log.sql", "{{ config(materialized='incremental') }}\nselect 'built' as what\n"),
        (
            "models/paid/paid.sql",
            "{{ config(materialized='table', pre_hook=\"delete from {{ ref('log') }} where what = 'built'\", post_hook=[\"update {{ this }} set amount = amount * 2 where id = 2\"]) }}\nselect id, amount from {{ ref('orders') }} where status = 'paid'\n",
        ),
    ]);
    tell(
        "hooks",
        &project,
        &[
            &["build", "-s", "log", "--indirect-selection", "empty"],
            &["build"],
            &["query", "select what, count(*) as times from main.log group by 1 order by 1"],
            &["query", "select * from main.paid"],
        ],
    );
}

#[test]
fn materializations_of_the_users_own_are_refused() {
    let project = project(&[
        (
            "macros/mine.sql",
            "{% materialization mine, default %}\n  {{ return({'relations': []}) }}\n{% endmaterialization %}\n",
        ),
        ("models/a.sql", "{{ config(materialized='mine') }}\nselect 1 as x\n"),
        ("models/b.sql", "{{ config(materialized='materialized_view') }}\nselect 1 as x\n"),
        ("models/c.sql", "{{ config(materialized='incremental', incremental_strategy='mine') }}\nselect 1 as x\n"),
        ("models/d.sql", "select 1 as x\n"),
        ("models/d.yml", "models: [{ name: d, config: { materialized: tabel } }]\n"),
    ]);
    tell("materializations_of_the_users_own_are_refused", &project, &[&["check"]]);
}
