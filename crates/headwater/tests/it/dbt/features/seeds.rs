//! Seeds and the types of their columns.

use super::{project, tell};

#[test]
fn seeds_with_column_types() {
    let project = project(&[
        ("seeds/prices.csv", "sku;price;from_day;code;note\n007;12.50;2024-01-02;1e3;\"a; b\"\n008;1;2024-02-29;x;\n"),
        (
            "seeds/seeds.yml",
            "seeds:
  - name: prices
    description: What things cost.
    config:
      delimiter: ';'
      column_types: { sku: string, price: 'decimal(10,2)', from_day: date }
    columns:
      - { name: sku, description: With its zeros., data_tests: [unique] }
",
        ),
    ]);
    tell(
        "seeds_with_column_types",
        &project,
        &[
            &["build"],
            &["query", "select * from main.prices order by sku"],
            &["query", "select * from main.orders order by id"],
        ],
    );
    project.replace("seeds/prices.csv", "008;1;", "008;cheap;");
    tell("a_seed_that_does_not_fit_its_types", &project, &[&["seed"]]);
    project.replace("seeds/seeds.yml", "price: 'decimal(10,2)'", "prise: 'decimal(10,2)'");
    tell("a_seed_without_that_column", &project, &[&["check"]]);
}
