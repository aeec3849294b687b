//! Tests of data and of code.

use headwater_plan::{Comparison, DataType, Node, Severity, TableName, Threshold};

use crate::world::{World, block_on, table, test, unit_test, with_test};

/// A world with numbers from 1 to 12, each with the half of it.
async fn with_numbers() -> World {
    let world = World::new().await;
    let rows: Vec<String> = (1..=12).map(|number| format!("({number}, cast({number} as bigint) div 2)")).collect();
    let sql = format!("select cast(n as int) as n, half from (values {}) as t(n, half)", rows.join(", "));
    world.run(&table("numbers", &[("n", DataType::Int), ("half", DataType::Long)], &sql, &[])).await.unwrap();
    world
}

fn large(severity: Severity) -> Node {
    test("large", "select n, half from `gold`.`numbers` where n > 4 order by n", &["gold.numbers"], severity)
}

fn threshold(comparison: Comparison, count: i64) -> Threshold {
    Threshold { comparison, count }
}

/// What a test comes to: its failures and what it tells.
async fn told(world: &World, node: &Node) -> String {
    let report = world.run(node).await.unwrap();
    let diagnostics: Vec<String> =
        report.diagnostics.iter().map(|told| format!("{:?} {}", told.severity, world.told(told))).collect();
    format!("{:?}\n{}", report.failures, diagnostics.join("\n"))
}

#[test]
fn thresholds_say_when_a_count_is_an_error_and_when_a_warning() {
    block_on(async {
        let world = with_numbers().await;
        let limits = |severity, error, warn| {
            with_test(large(severity), |test| {
                test.error_if = threshold(Comparison::Greater, error);
                test.warn_if = threshold(Comparison::Greater, warn);
            })
        };
        insta::assert_snapshot!(told(&world, &limits(Severity::Error, 7, 2)).await, @"
        Some(8)
        Error test-failed: test `large` found 8 rows, an error if `> 7`
          at models/large.sql:1:1
          -
          because: n = 5, half = 2
          because: n = 6, half = 3
          because: n = 7, half = 3
          because: n = 8, half = 4
          because: n = 9, half = 4
          because: and 3 more
        ");
        insta::assert_snapshot!(told(&world, &limits(Severity::Error, 8, 7)).await, @"
        Some(8)
        Warning test-failed: test `large` found 8 rows, a warning if `> 7`
          at models/large.sql:1:1
          -
          because: n = 5, half = 2
          because: n = 6, half = 3
          because: n = 7, half = 3
          because: n = 8, half = 4
          because: n = 9, half = 4
          because: and 3 more
        ");
        // Nothing is told, and the count stays.
        assert_eq!(told(&world, &limits(Severity::Error, 8, 8)).await, "Some(8)\n");
        insta::assert_snapshot!(told(&world, &limits(Severity::Warning, 1, 0)).await, @"
        Some(8)
        Warning test-failed: test `large` found 8 rows, a warning if `> 0`
          at models/large.sql:1:1
          -
          because: n = 5, half = 2
          because: n = 6, half = 3
          because: n = 7, half = 3
          because: n = 8, half = 4
          because: n = 9, half = 4
          because: and 3 more
        ");
    });
}

#[test]
fn a_calculation_may_stand_for_the_count() {
    block_on(async {
        let world = with_numbers().await;
        let sum = |calc: &str| with_test(large(Severity::Error), |test| test.fail_calc = calc.to_owned());
        insta::assert_snapshot!(told(&world, &sum("sum(half)")).await, @"
        Some(32)
        Error test-failed: test `large` found `sum(half)` = 32
          at models/large.sql:1:1
          -
          because: n = 5, half = 2
          because: n = 6, half = 3
          because: n = 7, half = 3
          because: n = 8, half = 4
          because: n = 9, half = 4
        ");
        assert_eq!(told(&world, &sum("count(*) - 8")).await, "Some(0)\n");
        let none = with_test(sum("sum(half)"), |test| test.limit = Some(0));
        insta::assert_snapshot!(world.told(&world.run(&none).await.unwrap_err()), @"
        execution-failed: `fail_calc: sum(half)` of test `large` gives null
          at models/large.sql:1:1
          -
          help: make it a number for no rows too: `coalesce(sum(n), 0)`
        ");
    });
}

#[test]
fn a_limit_stops_the_count() {
    block_on(async {
        let world = with_numbers().await;
        let limited = with_test(large(Severity::Error), |test| test.limit = Some(3));
        insta::assert_snapshot!(told(&world, &limited).await, @"
        Some(3)
        Error test-failed: test `large` found at least 3 rows
          at models/large.sql:1:1
          -
          because: n = 5, half = 2
          because: n = 6, half = 3
          because: n = 7, half = 3
        ");
        let sum = with_test(limited, |test| test.fail_calc = "sum(n - n + 1)".to_owned());
        assert_eq!(world.run(&sum).await.unwrap().failures, Some(3));
    });
}

#[test]
fn failures_are_kept_and_replaced() {
    block_on(async {
        let world = with_numbers().await;
        let kept = with_test(large(Severity::Error), |test| {
            test.store_failures = Some(TableName::new("gold_dbt_test__audit", "large"));
        });
        insta::assert_snapshot!(told(&world, &kept).await, @r#"
        Some(8)
        Error test-failed: test `large` found 8 rows
          at models/large.sql:1:1
          -
          because: n = 5, half = 2
          because: n = 6, half = 3
          because: n = 7, half = 3
          because: n = 8, half = 4
          because: n = 9, half = 4
          because: and 3 more
          help: all of them are kept: `headwater query "select * from gold_dbt_test__audit.large"`
        "#);
        let count = "select count(*), min(n) from gold_dbt_test__audit.large";
        assert_eq!(world.query(count).await, ["8,5"]);
        let sum = with_test(kept.clone(), |test| test.fail_calc = "sum(half)".to_owned());
        assert_eq!(world.run(&sum).await.unwrap().failures, Some(32));
        let passes = with_test(kept, |test| test.query.sql = test.query.sql.replace("> 4", "> 40"));
        let report = world.run(&passes).await.unwrap();
        assert_eq!((report.failures, report.rows.written), (Some(0), 0));
        assert_eq!(world.query(count).await, ["0,"]);
    });
}

#[test]
fn a_test_of_code_compares_rows_as_bags() {
    block_on(async {
        let world = World::new().await;
        let actual =
            "select * from (values (1, 'Audi', 2.50), (2, 'Seat', 1.00), (2, 'Seat', 1.00)) as t(id, car, price)";
        let same =
            "select * from (values (2, 'Seat', 1.00), (1, 'Audi', 2.50), (2, 'Seat', 1.00)) as t(id, car, price)";
        let report = world.run(&unit_test("cars_are_priced", actual, same, &["car", "id", "price"])).await.unwrap();
        assert_eq!((report.failures, report.diagnostics.len(), report.rows.read), (Some(0), 0, 3));
        let other = "select * from (values (2, 'Seat', 1.00), (1, 'Audi', 2.75), (3, null, 1.00)) as t(id, car, price)";
        let node = unit_test("cars_are_priced", actual, other, &["id", "car", "price"]);
        insta::assert_snapshot!(told(&world, &node).await, @"
        Some(3)
        Error test-failed: unit test `cars_are_priced` of `cars` failed: 1 row differs, 1 row is missing, 1 row was not expected
          at models/cars_are_priced.sql:1:1
          -
          because:    id  car   price
        ~  1   Audi  2.75 → 2.5
        -  3   null  1.0
        +  2   Seat  1.0
          help: `-` is expected and missing, `+` was not expected, `~` differs: expected → actual
        ");
        // A column that nobody wrote an expectation for is not compared.
        let fewer = "select 1 as id union all select 2 union all select 2";
        let report = world.run(&unit_test("ids", actual, fewer, &["id"])).await.unwrap();
        assert_eq!(report.failures, Some(0));
    });
}
