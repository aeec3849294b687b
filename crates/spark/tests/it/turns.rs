//! Two runs that know nothing of each other, on one table: the rows of one of them are there, once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use headwater_lake::{AppTransaction, ChangeOptions, Outcome, Relation, Removal, Table};
use headwater_plan::clock::FixedClock;
use headwater_plan::{Cancel, Node, RunId, StepContext, Strategy};

use crate::project::at;
use crate::spark::{Lake, ORDERS, diagnostics, incremental, merge, orders, rows, spark, well};

/// Computing it takes as long as the other run needs to come in between.
const SLOW: &str = "select id, day, amount from `silver`.`orders`\n\
    where case when id = 7 then java_method('java.lang.Thread', 'sleep', 15000L) is not null else true end";
/// The longest that the start of Spark, and of the first query, may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// A strategy that computes its rows inside of the statement that writes them, and one that does so before.
fn models(sql: &str) -> Vec<Node> {
    vec![
        incremental("gold.appended", sql, Strategy::Append, ORDERS),
        incremental("gold.merged", sql, merge(&["id"]), ORDERS),
    ]
}

/// Waits until the run on Spark says that it is about to compute each node, and then commits, beside no rows, what a run of
/// the embedded engine commits that began later.
async fn overtake(lake: &headwater_lake::Lake, nodes: &[Node]) {
    let began = Instant::now();
    for node in nodes {
        while opened(lake, node).await.version().version == 0 {
            assert!(began.elapsed() < PATIENCE, "no turn of {} began", node.name);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let clock = FixedClock(at("2024-06-01T12:00:00Z"));
    let context = StepContext {
        run_id: RunId("of-the-other".to_owned()),
        full_refresh: false,
        clock: Arc::new(clock),
        cancel: Cancel::default(),
        progress: Arc::new(|_| {}),
    };
    for node in nodes {
        let table = opened(lake, node).await;
        let turn = Some(AppTransaction::of_step(&node.id, context.clock.now()));
        let options = ChangeOptions { turn, ..ChangeOptions::new(&table, "WRITE", &context) };
        let change = lake.begin_change(&table, options).unwrap();
        let nothing = Outcome { removal: Removal::Nothing, metrics: Vec::new() };
        change.commit(Vec::new(), &nothing).await.unwrap();
    }
}

async fn opened(lake: &headwater_lake::Lake, node: &Node) -> Table {
    match lake.relation(node.relation.as_ref().unwrap()).await.unwrap() {
        Some(Relation::Table(table)) => table,
        other => panic!("{}: {other:?}", node.name),
    }
}

#[test]
fn a_job_that_a_later_run_overtook_writes_nothing() {
    let Some(spark) = spark("turns", "HEADWATER_TEST_PYTHON", "HEADWATER_TEST_DELTA_JARS") else { return };
    let mut lake = Lake::new(&spark);
    let first = "(1, '2024-01-01', 1), (2, '2024-01-02', 2)";
    let mut nodes = vec![orders(first)];
    nodes.extend(models("select id, day, amount from `silver`.`orders`"));
    well(&lake.run(&nodes));

    let slow = models(SLOW);
    let mut nodes = vec![orders("(7, '2024-01-07', 7), (2, '2024-01-02', 20)")];
    nodes.extend(slow.clone());
    let path = lake.path().display().to_string();
    let result = std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let lake = headwater_lake::Lake::open(&path, "lake", None).await.unwrap();
                overtake(&lake, &slow).await;
            });
        });
        let result = lake.run(&nodes);
        other.join().unwrap();
        result
    });
    let told = diagnostics(&result, &nodes);
    for name in ["appended", "merged"] {
        let line = format!("lake-in-use: a run that began later has written `gold.{name}` already");
        assert!(told.contains(&line), "{told}");
    }
    let kept = |name: &str| {
        let expected =
            format!("select cast(col1 as int), cast(col2 as date), cast(col3 as decimal(10,2)) from values {first}");
        let from = format!("gold.{name}");
        rows(&format!("{name}_rows"), &format!("select * from `gold`.`{name}`"), &[&from], &expected)
    };
    well(&lake.run(&[kept("appended"), kept("merged")]));
}
