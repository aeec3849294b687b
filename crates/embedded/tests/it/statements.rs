//! Statements that change a table, by themselves and around a node's step.

use headwater_plan::{Code, DataType, Engine, Node, Statement};

use crate::histories::killed;
use crate::models::many;
use crate::world::{World, block_on, built, change, noon, operation, table};

const LONG: DataType = DataType::Long;
const STRING: DataType = DataType::String;

/// A table of numbers with their names, in several files, by whatever else is in the tests.
fn numbers(rows: &str) -> Node {
    let sql = format!("select cast(n as bigint) as n, name from (values {rows}) as t(n, name)");
    table("numbers", &[("n", LONG), ("name", STRING)], &sql, &[])
}

async fn with_numbers() -> World {
    let world = World::new().await;
    world.run(&numbers("(1, 'one'), (2, 'two'), (3, 'three'), (null, 'none')")).await.unwrap();
    world
}

async fn run(world: &World, sql: &str, reads: &[&str]) -> u64 {
    world.run(&operation("hook", change(sql, "gold.numbers", reads))).await.unwrap().rows.written
}

async fn rows(world: &World) -> String {
    world.query("select n, name from gold.numbers order by n nulls last, name").await.join(" ")
}

#[test]
fn rows_are_inserted_and_overwritten() {
    block_on(async {
        let world = with_numbers().await;
        assert_eq!(run(&world, "insert into gold.numbers values (4, 'four'), (5, null)", &[]).await, 2);
        assert_eq!(rows(&world).await, "1,one 2,two 3,three 4,four 5, ,none");
        assert_eq!(
            run(
                &world,
                "insert into gold.numbers select n + 10, name from gold.numbers where n < 3",
                &["gold.numbers"]
            )
            .await,
            2
        );
        assert_eq!(rows(&world).await, "1,one 2,two 3,three 4,four 5, 11,one 12,two ,none");
        assert_eq!(
            run(
                &world,
                "insert overwrite gold.numbers select n, upper(name) from gold.numbers where n = 11",
                &["gold.numbers"]
            )
            .await,
            1
        );
        assert_eq!(rows(&world).await, "11,ONE");
    });
}

#[test]
fn rows_are_deleted() {
    block_on(async {
        let world = with_numbers().await;
        run(&world, "insert into gold.numbers values (7, 'seven')", &[]).await;
        assert_eq!(run(&world, "delete from gold.numbers where n > 1 and n < 3", &[]).await, 1);
        // A condition that is null does not hold.
        assert_eq!(rows(&world).await, "1,one 3,three 7,seven ,none");
        assert_eq!(run(&world, "delete from gold.numbers as t where t.n = 100", &[]).await, 0);
        let version = world.state(&numbers("(1, '')")).await.unwrap().version;
        assert_eq!(
            run(
                &world,
                "delete from `gold`.`numbers` where `gold`.`numbers`.n = (select max(n) from gold.numbers)",
                &[]
            )
            .await,
            1
        );
        assert_eq!(rows(&world).await, "1,one 3,three ,none");
        assert_ne!(world.state(&numbers("(1, '')")).await.unwrap().version, version);
        world.run(&table("other", &[("n", LONG)], "select cast(3 as bigint) as n", &[])).await.unwrap();
        let sql = "delete from gold.numbers where n in (select n from gold.other) or name = 'none'";
        assert_eq!(run(&world, sql, &["gold.other"]).await, 2);
        assert_eq!(rows(&world).await, "1,one");
        assert_eq!(run(&world, "delete from gold.numbers", &[]).await, 1);
        assert_eq!(rows(&world).await, "");
    });
}

#[test]
fn rows_are_updated() {
    block_on(async {
        let world = with_numbers().await;
        assert_eq!(
            run(&world, "update gold.numbers set name = concat(name, '!'), n = n * 10 where n >= 2", &[]).await,
            2
        );
        assert_eq!(rows(&world).await, "1,one 20,two! 30,three! ,none");
        world.run(&table("other", &[("n", LONG)], "select cast(20 as bigint) as n", &[])).await.unwrap();
        let sql = "update gold.numbers t set name = 'x' where exists (select 1 from gold.other o where o.n = t.n)";
        assert_eq!(run(&world, sql, &["gold.other"]).await, 1);
        let sql = "update gold.numbers set n = (select max(n) from gold.other) where n is null";
        assert_eq!(run(&world, sql, &["gold.other"]).await, 1);
        assert_eq!(rows(&world).await, "1,one 20,none 20,x 30,three!");
        assert_eq!(run(&world, "update gold.numbers set n = 0", &[]).await, 4);
        assert_eq!(rows(&world).await, "0,none 0,one 0,three! 0,x");
    });
}

#[test]
fn rows_are_merged() {
    block_on(async {
        let world = with_numbers().await;
        let source = table(
            "changes",
            &[("n", LONG), ("name", STRING), ("gone", DataType::Boolean)],
            "select cast(n as bigint) as n, name, gone from (values (1, 'ONE', false), (2, 'TWO', true), (4, 'FOUR', false), (5, 'FIVE', true), (null, 'NONE', false)) as t(n, name, gone)",
            &[],
        );
        world.run(&source).await.unwrap();
        let sql = "merge into gold.numbers as t using (select * from gold.changes) as s on t.n = s.n \
                   when matched and s.gone then delete \
                   when matched then update set t.name = s.name \
                   when not matched and not s.gone then insert (n, name) values (s.n, lower(s.name)) \
                   when not matched by source and t.n is not null then update set name = concat(t.name, '?')";
        assert_eq!(run(&world, sql, &["gold.changes"]).await, 5);
        assert_eq!(rows(&world).await, "1,ONE 3,three? 4,four ,none ,none");
        // Without aliases both are called by their names.
        let sql = "merge into gold.numbers using gold.changes on gold.numbers.n = gold.changes.n \
                   when matched then update set name = gold.changes.name";
        assert_eq!(run(&world, sql, &["gold.changes"]).await, 2);
        assert_eq!(rows(&world).await, "1,ONE 3,three? 4,FOUR ,none ,none");
        let sql = "merge into gold.numbers t using gold.changes s on t.n = s.n when matched then delete";
        assert_eq!(run(&world, sql, &["gold.changes"]).await, 2);
        let sql = "merge into gold.numbers t using gold.changes s on t.n = s.n when matched then delete when not matched then insert *";
        let mixed = "merge into gold.numbers t using (select n, name from gold.changes) s on t.n = s.n when not matched then insert *";
        assert!(world.run(&operation("hook", change(sql, "gold.numbers", &["gold.changes"]))).await.is_ok());
        assert_eq!(rows(&world).await, "1,ONE 2,TWO 3,three? 4,FOUR 5,FIVE ,NONE ,none ,none");
        assert_eq!(run(&world, mixed, &["gold.changes"]).await, 1);
    });
}

#[test]
fn a_row_that_several_rows_would_change_is_refused() {
    block_on(async {
        let world = with_numbers().await;
        let sql = "merge into gold.numbers t using (values (1, 'a'), (1, 'b'), (2, 'c')) s(n, name) on t.n = s.n \
                   when matched then update set name = s.name";
        let refused = world.run(&operation("hook", change(sql, "gold.numbers", &[]))).await.unwrap_err();
        insta::assert_snapshot!(world.told(&refused), @"
        execution-failed: rows of `gold.numbers` match several rows of the source: there are 3 matches for 2 rows
          at models/hook.sql:1:1
          -
          help: let the source have one row for each: `qualify row_number() over (partition by <key>) = 1`
        ");
        assert_eq!(rows(&world).await, "1,one 2,two 3,three ,none");
        // Where a condition leaves one of them, it is told which.
        let sql = sql.replace("matched then", "matched and s.name <> 'b' then");
        assert_eq!(run(&world, &sql, &[]).await, 2);
        assert_eq!(rows(&world).await, "1,a 2,c 3,three ,none");
    });
}

#[test]
fn what_is_no_change_of_a_table_is_refused() {
    block_on(async {
        let world = with_numbers().await;
        let refused = async |sql: &str| {
            let told =
                world.run(&operation("hook", Statement { sql: sql.into(), reads: Vec::new(), writes: None })).await;
            world.told(&told.unwrap_err())
        };
        insta::assert_snapshot!(refused("vacuum gold.numbers").await, @"
        unsupported-sql: `hook` cannot run: the statement `VACUUM` is not supported
          at models/hook.sql:1:1
          -
          help: a statement here is a query, `INSERT`, `DELETE`, `UPDATE`, `MERGE` or `DROP TABLE IF EXISTS`: headwater itself creates and keeps the tables
        ");
        insta::assert_snapshot!(refused("delete from gold.nowhere").await, @"
        unknown-table: `hook` cannot run: there is no table `gold.nowhere`
          at models/hook.sql:1:1
          -
          help: did you mean `gold.numbers`?
        ");
        insta::assert_snapshot!(refused("update gold.numbers set n = 'x'").await, @"
        type-mismatch: `hook` cannot run: the column `n` of `gold.numbers` is `bigint`, not `string`
          at models/hook.sql:1:1
          -
          help: cast the value: `cast(... as bigint)`
        ");
        assert!(
            world
                .run(&operation("hook", Statement { sql: "select 1".into(), reads: Vec::new(), writes: None }))
                .await
                .is_ok()
        );
    });
}

#[test]
fn statements_of_one_table_at_once_all_happen() {
    block_on(async {
        let world = World::new().await;
        world.run(&numbers("(0, 'begin')")).await.unwrap();
        let mut running = tokio::task::JoinSet::new();
        for number in 1..=6 {
            let engine = world.other_engine().await;
            let context = world.context();
            let sql = match number % 3 {
                0 => format!("insert into gold.numbers values ({number}, 'inserted')"),
                1 => format!("insert into gold.numbers select {number}, max(name) from gold.numbers where n = 0"),
                _ => "update gold.numbers set name = concat(name, '!') where n = 0".to_owned(),
            };
            let reads: &[&str] = if number % 3 == 1 { &["gold.numbers"] } else { &[] };
            let node = operation("hook", change(&sql, "gold.numbers", reads));
            running.spawn(async move { engine.execute(&node, &context).await });
        }
        while let Some(ended) = running.join_next().await {
            ended.unwrap().unwrap();
        }
        assert_eq!(world.query("select n from gold.numbers order by n").await.join(" "), "0 1 3 4 6");
        assert_eq!(world.query("select name from gold.numbers where n = 0").await, ["begin!!"]);
    });
}

#[test]
fn a_merge_larger_than_memory_spills() {
    block_on(async {
        let world = World::with_memory(48 << 20).await;
        let columns = [("n", LONG), ("name", STRING)];
        let rows = |from: u64| {
            format!(
                "select n + {from} as n, concat('a text to fill some memory with, number ', cast(n as string)) as name from ({})",
                many(5)
            )
        };
        world.run(&table("numbers", &columns, &rows(0), &[])).await.unwrap();
        world.run(&table("changes", &columns, &rows(50_000), &[])).await.unwrap();
        let sql = "merge into gold.numbers t using gold.changes s on t.n = s.n \
                   when matched then update set name = 'new' when not matched then insert *";
        assert_eq!(run(&world, sql, &["gold.changes"]).await, 100_000);
        let counts = "select count(*), count(distinct n), count_if(name = 'new') from gold.numbers";
        assert_eq!(world.query(counts).await, ["150000,150000,50000"]);
    });
}

#[test]
fn a_run_that_dies_before_the_statements_after_its_step_owes_them() {
    block_on(async {
        let world = World::new().await;
        with_log(&world).await;
        let node = hooked(numbers("(1, 'one')"), &[says("before")], &[says("after")]);
        killed(&world, &node, noon(), "table-committed");
        assert_eq!((rows(&world).await, log(&world).await), ("1,one".into(), "before,1".into()));
        let version = world.state(&node).await.unwrap().version;
        world.run(&node).await.unwrap();
        assert_eq!(log(&world).await, "after,1 before,1");
        let state = world.state(&node).await.unwrap();
        assert_eq!((built(&state).fingerprint.as_str(), &state.version), ("1", &version));
    });
}

pub(crate) fn hooked(mut node: Node, before: &[Statement], after: &[Statement]) -> Node {
    (node.hooks.before, node.hooks.after) = (before.to_vec(), after.to_vec());
    node
}

pub(crate) async fn with_log(world: &World) {
    world.run(&table("log", &[("said", STRING)], "select 'begin' as said", &[])).await.unwrap();
}

pub(crate) fn says(text: &str) -> Statement {
    change(&format!("insert into gold.log values ('{text}')"), "gold.log", &[])
}

pub(crate) async fn log(world: &World) -> String {
    world.query("select said, count(*) from gold.log where said <> 'begin' group by said order by said").await.join(" ")
}

#[test]
fn statements_run_around_a_step() {
    block_on(async {
        let world = World::new().await;
        with_log(&world).await;
        let own = change("delete from gold.numbers where n > 1", "gold.numbers", &[]);
        let node = hooked(numbers("(1, 'one'), (2, 'two')"), &[says("before")], &[own, says("after")]);
        let report = world.run(&node).await.unwrap();
        assert_eq!(rows(&world).await, "1,one");
        assert_eq!(log(&world).await, "after,1 before,1");
        // The table is what the node built, with what its statements did to it.
        let state = world.state(&node).await.unwrap();
        assert_eq!((built(&state).fingerprint.as_str(), &state.version), ("1", &report.version));
    });
}

#[test]
fn a_statement_that_fails_fails_the_node_and_is_owed() {
    block_on(async {
        let world = World::new().await;
        with_log(&world).await;
        let wrong = change("insert into gold.log select nowhere from gold.log", "gold.log", &["gold.log"]);
        let node = |last: &Statement| hooked(numbers("(1, 'one')"), &[says("before")], &[says("after"), last.clone()]);
        let failed = world.run(&node(&wrong)).await.unwrap_err();
        assert_eq!(failed.code, Code::UnknownColumn);
        insta::assert_snapshot!(world.told(&failed), @"
        unknown-column: the post-hook of `numbers` failed: there is no column `nowhere`
          at models/numbers.sql:1:1
          -
          because: it is statement 2 of 2
          help: the columns here are: `said`
        ");
        // The rows are there, and the node is not done.
        assert_eq!(rows(&world).await, "1,one");
        let state = world.state(&node(&wrong)).await.unwrap();
        assert_eq!(built(&state).fingerprint, "1 without its post-hooks");
        let version = state.version;
        // A run that finds nothing but that missing does not build again.
        world.run(&node(&says("last"))).await.unwrap();
        let state = world.state(&node(&wrong)).await.unwrap();
        assert_eq!((built(&state).fingerprint.as_str(), &state.version), ("1", &version));
        assert_eq!(log(&world).await, "after,2 before,1 last,1");
        let first = hooked(numbers("(1, 'one')"), &[wrong], &[]);
        let failed = world.run(&first).await.unwrap_err();
        assert!(failed.message.starts_with("the pre-hook of `numbers` failed: "), "{failed}");
    });
}
