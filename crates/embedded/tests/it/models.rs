use std::time::Duration;

use headwater_plan::{Code, DataType, Fault, Node, Severity, TableName};

use crate::world::{World, block_on, built, external, table, test, view};

const LONG: DataType = DataType::Long;
const STRING: DataType = DataType::String;

/// A world with three rentals in bronze.
async fn with_rentals() -> World {
    let world = World::new().await;
    world.file("rentals_1.csv", "id,car\n1,Audi\n2,Seat\n3,Audi\n");
    world.run(&world.rentals()).await.unwrap();
    world
}

fn cars() -> Node {
    let sql = "select car, count(*) as rentals from `bronze`.`rentals` group by car order by car";
    table("cars", &[("car", STRING), ("rentals", LONG)], sql, &["bronze.rentals"])
}

#[test]
fn a_model_becomes_a_table_that_knows_what_it_was_built_from() {
    block_on(async {
        let world = with_rentals().await;
        let report = world.run(&cars()).await.unwrap();
        assert_eq!((report.rows.read, report.rows.written), (3, 2));
        assert_eq!(world.query("select * from gold.cars order by car").await, ["Audi,2", "Seat,1"]);
        let state = world.state(&cars()).await.unwrap();
        let source = world.state(&world.rentals()).await.unwrap().version.unwrap();
        assert_eq!(built(&state).inputs, [(TableName::new("bronze", "rentals"), source)].into());
        assert_eq!(state.version, report.version);
        // Few rows are one file, however many partitions computed them.
        assert_eq!(world.data_files("gold/cars"), 1);
    });
}

#[test]
fn a_model_of_a_view_of_a_model_reads_through_the_view() {
    block_on(async {
        let world = with_rentals().await;
        let sql = "select id, car from `bronze`.`rentals` where car = 'Audi'";
        let audis = view("audis", &[("id", LONG), ("car", STRING)], sql, &["bronze.rentals"]);
        let report = world.run(&audis).await.unwrap();
        assert_eq!(report.version.as_ref().map(|version| version.id.as_str()), Some("1"));
        let sql = "select max(id) as last_id from `gold`.`audis`";
        let last = table("last", &[("last_id", LONG)], sql, &["gold.audis"]);
        let report = world.run(&last).await.unwrap();
        assert_eq!(world.query("select * from gold.last").await, ["3"]);
        let inputs: Vec<String> = report.inputs.keys().map(ToString::to_string).collect();
        assert_eq!(inputs, ["bronze.rentals", "gold.audis"]);

        // The view shows new rows without being made again.
        world.file("rentals_2.csv", "id,car\n4,Audi\n");
        world.run(&world.rentals()).await.unwrap();
        world.run(&last).await.unwrap();
        assert_eq!(world.query("select * from gold.last").await, ["4"]);
    });
}

#[test]
fn a_table_becomes_a_view_and_a_view_a_table() {
    block_on(async {
        let world = with_rentals().await;
        let columns = [("car", STRING)];
        let as_table = table("names", &columns, "select car from `bronze`.`rentals`", &["bronze.rentals"]);
        let as_view = view("names", &columns, "select distinct car from `bronze`.`rentals`", &["bronze.rentals"]);
        for (node, rows) in [(&as_table, "3"), (&as_view, "2"), (&as_table, "3")] {
            world.run(node).await.unwrap();
            assert_eq!(world.query("select count(*) from gold.names").await, [rows]);
        }
        // Built by another step, it does not count as built by this one.
        assert!(world.state(&as_view).await.unwrap().built.is_none());
        assert!(world.state(&as_table).await.unwrap().built.is_some());
    });
}

#[test]
fn what_is_not_built_yet_is_named() {
    block_on(async {
        let world = World::new().await;
        let missing = world.run(&cars()).await.unwrap_err();
        insta::assert_snapshot!(world.told(&missing), @r#"
        unknown-table: `cars` reads `bronze.rentals`, which is not in the lake
          at models/cars.sql:1:1
          -
          help: build what it reads first: `headwater run --select +cars`
        "#);
    });
}

#[test]
fn a_query_of_other_columns_than_planned_is_refused() {
    block_on(async {
        let world = with_rentals().await;
        let mut stale = cars();
        stale.schema.fields[1].data_type = STRING;
        stale.schema.fields[0].name = "brand".into();
        let refused = world.run(&stale).await.unwrap_err();
        insta::assert_snapshot!(world.told(&refused), @r#"
        schema-mismatch: `cars` cannot run: the query gives other columns now than when the project was checked: `brand` is missing, `rentals` is `bigint`, not `string`, `car` is new
          at models/cars.sql:1:1
          -
          help: what it reads is out of date: run that too, with a `+` before the name
        "#);
        assert_eq!(world.data_files("gold/cars"), 0);
    });
}

#[test]
fn a_failing_query_names_its_node_and_leaves_the_table_as_it_was() {
    block_on(async {
        let world = with_rentals().await;
        let columns = [("number", DataType::Int)];
        let good = table("numbers", &columns, "select cast('7' as int) as number", &[]);
        world.run(&good).await.unwrap();
        let sql = "select cast(car as int) as number from `bronze`.`rentals`";
        let failed = world.run(&table("numbers", &columns, sql, &["bronze.rentals"])).await.unwrap_err();
        assert_eq!((failed.code, failed.fault), (Code::ExecutionFailed, Fault::User));
        insta::assert_snapshot!(world.told(&failed), @r#"
        execution-failed: `numbers` failed while it ran: `Audi` cannot be cast to `int`: `try_cast` gives null instead
          at models/numbers.sql:1:1
          -
        "#);
        let sql = "select cast(id div (id - 2) as int) as number from `bronze`.`rentals`";
        let failed = world.run(&table("numbers", &columns, sql, &["bronze.rentals"])).await.unwrap_err();
        insta::assert_snapshot!(world.told(&failed), @r#"
        execution-failed: `numbers` failed while it ran: division by zero: `try_divide` gives null instead, and `nullif(x, 0)` turns a zero into null
          at models/numbers.sql:1:1
          -
        "#);
        assert_eq!(world.query("select * from gold.numbers").await, ["7"]);
        assert_eq!(world.data_files("gold/numbers"), 1);
    });
}

#[test]
fn a_test_passes_or_shows_what_it_found() {
    block_on(async {
        let world = with_rentals().await;
        let sql = "select id, car from `bronze`.`rentals` where car is null";
        let report = world.run(&test("no_null", sql, &["bronze.rentals"], Severity::Error)).await.unwrap();
        assert_eq!((report.failures, report.diagnostics.len(), report.rows.read), (Some(0), 0, 3));
        assert_eq!(report.inputs.len(), 1);

        let sql = "select id, car from `bronze`.`rentals` where car = 'Audi' order by id";
        let report = world.run(&test("no_audi", sql, &["bronze.rentals"], Severity::Error)).await.unwrap();
        assert_eq!(report.failures, Some(2));
        assert_eq!(report.diagnostics[0].fault, Fault::Check);
        insta::assert_snapshot!(world.told(&report.diagnostics[0]), @r#"
        test-failed: test `no_audi` found 2 rows
          at models/no_audi.sql:1:1
          -
          because: id = 1, car = Audi
          because: id = 3, car = Audi
        "#);

        let report = world.run(&test("no_audi", sql, &["bronze.rentals"], Severity::Warning)).await.unwrap();
        assert!(!report.diagnostics[0].is_error());
    });
}

#[test]
fn a_table_of_somebody_else_must_be_there_and_have_what_is_declared() {
    block_on(async {
        let world = with_rentals().await;
        let fits = external("bronze.rentals", &[("car", STRING)]);
        assert!(world.state(&fits).await.unwrap().built.is_some());
        world.run(&fits).await.unwrap();
        let other = external("bronze.rentals", &[("car", LONG), ("colour", STRING)]);
        assert!(world.state(&other).await.unwrap().built.is_none());
        insta::assert_snapshot!(world.told(&world.run(&other).await.unwrap_err()), @r#"
        schema-mismatch: `bronze.rentals` does not have the columns that are declared for it: `car` is `string`, not `bigint`, `colour` is missing
          at models/bronze.rentals.sql:1:1
          -
          help: change the declared columns, or whatever writes the table
        "#);
        let nowhere = external("bronze.nowhere", &[("car", STRING)]);
        assert_eq!(world.run(&nowhere).await.unwrap_err().code, Code::UnknownTable);
        // Of which no column is known: nothing reads it, or the project would not have compiled.
        let unread = external("bronze.nowhere", &[]);
        assert_eq!(world.run(&unread).await.unwrap().version, None);
    });
}

#[test]
fn a_typed_query_says_which_name_was_meant() {
    block_on(async {
        let world = with_rentals().await;
        let wrong = world.engine.query("select * from bronze.rental").await.err().unwrap();
        assert_eq!(wrong[0].code, Code::UnknownTable);
        assert!(wrong[0].help.as_ref().is_some_and(|help| help.contains("bronze.rentals")), "{wrong:?}");
        let location = wrong[0].location.as_ref().unwrap();
        assert_eq!(location.file.to_str(), Some("<query>"));
        assert_eq!(location.text.as_deref(), Some("select * from bronze.rental"));
        assert_eq!(world.query("select count(*) from bronze.rentals").await, ["3"]);
    });
}

/// A query that makes many rows: numbers from 0, four digits a join.
pub(crate) fn many(digits: usize) -> String {
    let digit = "(select 0 as d union all select 1 union all select 2 union all select 3 union all select 4 \
                 union all select 5 union all select 6 union all select 7 union all select 8 union all select 9)";
    let tables: Vec<String> = (0..digits).map(|number| format!("{digit} t{number}")).collect();
    let parts: Vec<String> = (0..digits).map(|number| format!("t{number}.d * {}", 10_i64.pow(number as u32))).collect();
    format!("select cast({} as bigint) as n from {}", parts.join(" + "), tables.join(" cross join "))
}

#[test]
fn a_result_larger_than_memory_spills() {
    block_on(async {
        let world = World::with_memory(32 << 20).await;
        let numbers = table("numbers", &[("n", LONG)], &many(5), &[]);
        assert_eq!(world.run(&numbers).await.unwrap().rows.written, 100_000);
        let sql = "select concat('a rather long text, so that there is something to sort: ', cast(n as string)) as t, \
                   count(*) as c from `gold`.`numbers` group by 1 order by t desc";
        let sorted = table("sorted", &[("t", STRING), ("c", LONG)], sql, &["gold.numbers"]);
        assert_eq!(world.run(&sorted).await.unwrap().rows.written, 100_000);
        // It did spill, and nothing is left of it.
        assert_eq!(std::fs::read_dir(world.folder.path().join("spill")).unwrap().count(), 0);
        let ends = "select count(*), count(distinct t) from gold.sorted";
        assert_eq!(world.query(ends).await, ["100000,100000"]);
    });
}

/// What DataFusion's repartition cannot hold it spilled to files that it read in an order that nobody could serve
/// (<https://github.com/apache/datafusion/issues/24883>). The query is that of the issue, and each attempt may meet it.
#[test]
fn rows_on_their_way_between_operators_do_not_wait_for_ever() {
    block_on(async {
        let world = World::with_memory(8 << 20).await;
        let numbers = table("numbers", &[("n", LONG)], &many(5), &[]);
        world.run(&numbers).await.unwrap();
        let sql = "select g, count(id) as ids from (select n % 200 as g, concat('the id of a trace that is rather long: ', \
                   cast(n as string)) as id from `gold`.`numbers` group by 1, 2) group by g";
        for _ in 0..6 {
            let counted = table("counted", &[("g", LONG), ("ids", LONG)], sql, &["gold.numbers"]);
            let ended = tokio::time::timeout(Duration::from_secs(60), world.run(&counted)).await;
            assert_eq!(ended.expect("it waits for ever").unwrap().rows.written, 200);
        }
    });
}

#[test]
fn a_stopped_query_leaves_the_table_as_it_was() {
    block_on(async {
        let world = World::new().await;
        let columns = [("n", LONG)];
        world.run(&table("numbers", &columns, "select cast(7 as bigint) as n", &[])).await.unwrap();
        let sql = format!("select sum(n) as n from ({})", many(9));
        let (cancel, endless) = (world.cancel.clone(), table("numbers", &columns, &sql, &[]));
        let (stopped, ()) = tokio::join!(world.run(&endless), async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            cancel.cancel();
        });
        assert_eq!(stopped.unwrap_err().code, Code::Cancelled);
        assert_eq!(world.query("select * from gold.numbers").await, ["7"]);
        assert_eq!(world.data_files("gold/numbers"), 1);
    });
}
