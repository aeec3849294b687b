//! Sources of dbt projects: many are declared and never read, some are seeds of the project itself.

use super::{project, tell};

#[test]
fn sources() {
    let project = project(&[
        (
            "models/sources.yml",
            "sources:
  - name: raw
    schema: main
    tables: [{ name: orders }]
  - name: raw_again
    schema: main
    tables: [{ name: orders }]
  - name: elsewhere
    tables: [{ name: never_read }, { name: read }]
",
        ),
        ("models/m.sql", "select id from {{ source('raw', 'orders') }}\n"),
        ("models/n.sql", "select count(*) as n from {{ source('raw_again', 'orders') }}\n"),
    ]);
    tell(
        "sources_that_are_seeds",
        &project,
        &[&["build"], &["show", "-s", "n"], &["ls", "-s", "+m", "--output", "name"]],
    );
    project.write("models/o.sql", "select * from {{ source('elsewhere', 'read') }}\n");
    tell("a_source_that_is_not_there", &project, &[&["check"]]);
}

#[test]
fn the_semantic_layer_is_left_out() {
    let project = project(&[
        ("models/m.sql", "select id, ordered_on from {{ ref('orders') }}\n"),
        (
            "models/m.yml",
            "models: [{ name: m, time_spine: { standard_granularity_column: ordered_on } }]
semantic_models: [{ name: orders, model: ref('m') }]
metrics: [{ name: number_of_orders, type: simple }]
",
        ),
    ]);
    tell("the_semantic_layer_is_left_out", &project, &[&["build"]]);
}
