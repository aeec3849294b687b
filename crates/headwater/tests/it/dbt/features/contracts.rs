//! Contracts of models.

use super::{project, tell};

#[test]
fn contracts() {
    let project = project(&[
        ("models/kept.sql", "{{ config(materialized='table') }}\nselect id, status, amount from {{ ref('orders') }}\n"),
        (
            "models/kept.yml",
            "models:
  - name: kept
    config: { contract: { enforced: true } }
    columns:
      - { name: id, data_type: bigint, constraints: [{ type: not_null }] }
      - { name: status, data_type: string }
      - { name: amount, data_type: 'decimal(4,2)', constraints: [{ type: check, expression: amount > 0 }] }
",
        ),
    ]);
    tell("a_contract_that_is_broken", &project, &[&["check"]]);
    project.replace("models/kept.sql", "amount from", "cast(amount as decimal(4,2)) as amount from");
    tell("a_contract_that_holds", &project, &[&["build"], &["query", "select * from main.kept order by id"]]);
    project.replace("seeds/orders.csv", "3,8,new,5.25", "3,8,new,-5.25");
    tell("a_constraint_that_a_row_breaks", &project, &[&["build"]]);
}
