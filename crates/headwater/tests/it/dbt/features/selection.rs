//! dbt's selection syntax.

use super::{project, session};
use crate::project::Project;

fn graph() -> Project {
    project(&[
        (
            "models/sources.yml",
            "sources:
  - name: crm
    tags: [outside]
    tables:
      - { name: people, columns: [{ name: id, data_type: int }] }
      - { name: places, columns: [{ name: id, data_type: int }] }
",
        ),
        ("models/staging/people.sql", "{{ config(tags=['pii']) }}\nselect id from {{ source('crm', 'people') }}\n"),
        ("models/staging/places.sql", "select id from {{ source('crm', 'places') }}\n"),
        (
            "models/marts/visits.sql",
            "{{ config(materialized='table') }}\nselect a.id from {{ ref('people') }} a join {{ ref('places') }} b on a.id = b.id\n",
        ),
        ("models/marts/report.sql", "{{ config(tags=['pii', 'nightly']) }}\nselect id from {{ ref('visits') }}\n"),
        ("models/marts/alone.sql", "select id from {{ ref('orders') }}\n"),
        ("models/marts/marts.yml", "models: [{ name: visits, columns: [{ name: id, data_tests: [unique] }] }]\n"),
    ])
}

#[test]
fn selectors() {
    let project = graph();
    let mut told = String::new();
    for select in [
        "visits",
        "+visits",
        "visits+",
        "+visits+",
        "1+report",
        "people+1",
        "@places",
        "tag:pii",
        "tag:pii,tag:nightly",
        "tag:pii source:crm.places",
        "source:crm+",
        "source:crm.people+1",
        "path:models/staging",
        "marts",
        "shop.marts.*",
        "p*",
        "file:alone.sql",
        "config.materialized:table",
        "resource_type:source",
        "test_name:unique",
        "package:shop,resource_type:seed",
    ] {
        let mut command = vec!["ls", "--output", "name", "-s"];
        command.extend(select.split(' '));
        let listed = project.output(&command);
        told += &format!("{select:<28} {}\n", listed.lines().collect::<Vec<_>>().join(" "));
    }
    for (select, exclude) in [("+report", "staging"), ("*", "source:* tag:pii+"), ("tag:pii", "report")] {
        let mut command = vec!["ls", "--output", "name", "-s", select, "--exclude"];
        command.extend(exclude.split(' '));
        let listed = project.output(&command);
        let asked = format!("{select} --exclude {exclude}");
        told += &format!("{asked:<28} {}\n", listed.lines().collect::<Vec<_>>().join(" "));
    }
    told += &session(&project, &[&["ls", "-s", "tga:pii"], &["ls", "-s", "tag:pi"], &["ls", "-s", "+"]]);
    super::keep("selectors", &project, &told);
}
