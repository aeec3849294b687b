//! Snapshots by example, as dbt takes them.

use chrono::{DateTime, TimeZone, Utc};
use headwater_plan::{DataType, HardDeletes, Node, SnapshotStrategy, StepReport, TableName};

use crate::increments::run_at;
use crate::models::many;
use crate::world::{World, block_on, built, snapshot, table, view, with_snapshot};

const INT: DataType = DataType::Int;
const STRING: DataType = DataType::String;

fn by_time() -> SnapshotStrategy {
    SnapshotStrategy::Timestamp { updated_at: "at".into() }
}

fn by_check(columns: &[&str]) -> SnapshotStrategy {
    SnapshotStrategy::Check { columns: columns.iter().map(|column| (*column).to_owned()).collect(), updated_at: None }
}

fn of(strategy: SnapshotStrategy) -> Node {
    snapshot("select * from `gold`.`cars`", &["gold.cars"], &["id"], strategy)
}

fn hour(hour: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2024, 5, 1, hour, 0, 0).unwrap()
}

/// Cars as they are: id, name, the hour of the last change.
async fn cars(world: &World, cars: &[(i32, &str, u32)]) {
    let row = |(id, name, at): &(i32, &str, u32)| {
        let name = if *name == "null" { "null".to_owned() } else { format!("'{name}'") };
        format!("select {id} as id, cast({name} as string) as name, timestamp '2024-05-01 {at:02}:00:00' as at")
    };
    let rows: Vec<String> = cars.iter().map(row).collect();
    let sql = if rows.is_empty() {
        "select 1 as id, '' as name, timestamp '2024-05-01' as at where false".into()
    } else {
        rows.join(" union all ")
    };
    world.run(&table("cars", &[("id", INT), ("name", STRING), ("at", DataType::Timestamp)], &sql, &[])).await.unwrap();
}

async fn take(world: &World, node: &Node, at: u32) -> StepReport {
    run_at(world, node, hour(at)).await.unwrap()
}

/// The history, one line for each version: from when until when.
async fn history(world: &World) -> String {
    let sql = "select id, name, date_format(dbt_valid_from, 'HH') as f, date_format(dbt_valid_to, 'HH') as t, \
               date_format(dbt_updated_at, 'HH') as u from gold.history order by id, f, t";
    world.query(sql).await.join("\n")
}

#[test]
fn a_newer_row_begins_a_version_and_ends_the_one_before() {
    block_on(async {
        let world = World::new().await;
        cars(&world, &[(1, "Audi", 1), (2, "Seat", 1), (3, "Opel", 1)]).await;
        let report = take(&world, &of(by_time()), 9).await;
        assert_eq!((report.rows.read, report.rows.written), (3, 3));
        // The second is newer, the third older than what is known, the first is gone, the fourth is new.
        cars(&world, &[(2, "Cupra", 3), (3, "old", 0), (4, "Fiat", 2)]).await;
        assert_eq!(take(&world, &of(by_time()), 10).await.rows.written, 3);
        insta::assert_snapshot!(history(&world).await, @"
        1,Audi,01,,01
        2,Seat,01,03,01
        2,Cupra,03,,03
        3,Opel,01,,01
        4,Fiat,02,,02
        ");
        let columns = world.query("select * from gold.history where id = 4").await;
        let id = world.query("select md5('4|2024-05-01 02:00:00')").await.join("");
        assert_eq!(columns, [format!("4,Fiat,2024-05-01T02:00:00Z,{id},2024-05-01T02:00:00Z,2024-05-01T02:00:00Z,")]);
        // The same rows once more are no change, and no commit.
        let before = world.state(&of(by_time())).await.unwrap();
        let report = take(&world, &of(by_time()), 11).await;
        assert_eq!((report.rows.written, report.version), (0, None));
        assert_eq!(world.state(&of(by_time())).await.unwrap().version, before.version);
        assert_eq!(built(&before).inputs.keys().collect::<Vec<_>>(), [&TableName::new("gold", "cars")]);
    });
}

#[test]
fn a_column_that_differs_begins_a_version() {
    block_on(async {
        let world = World::new().await;
        let some = of(by_check(&["name"]));
        cars(&world, &[(1, "Audi", 1), (2, "null", 1), (3, "Opel", 1)]).await;
        take(&world, &some, 9).await;
        // A column that is not checked changes nothing; a null is another value.
        cars(&world, &[(1, "Audi", 2), (2, "Seat", 1), (3, "null", 1)]).await;
        assert_eq!(take(&world, &some, 10).await.rows.written, 4);
        insta::assert_snapshot!(history(&world).await, @"
        1,Audi,09,,09
        2,,09,10,09
        2,Seat,10,,10
        3,Opel,09,10,09
        3,,10,,10
        ");
        assert_eq!(take(&world, &of(by_check(&[])), 11).await.rows.written, 2);
    });
}

#[test]
fn rows_that_are_gone_end_if_that_is_asked_for() {
    block_on(async {
        let world = World::new().await;
        let node = with_snapshot(of(by_time()), |snapshot| snapshot.hard_deletes = HardDeletes::Invalidate);
        cars(&world, &[(1, "Audi", 1), (2, "Seat", 1)]).await;
        take(&world, &node, 9).await;
        cars(&world, &[(2, "Seat", 1)]).await;
        assert_eq!(take(&world, &node, 10).await.rows.written, 1);
        assert_eq!(take(&world, &node, 11).await.rows.written, 0);
        // Back, and newer.
        cars(&world, &[(1, "Audi", 12), (2, "Seat", 1)]).await;
        take(&world, &node, 12).await;
        insta::assert_snapshot!(history(&world).await, @"
        1,Audi,01,10,01
        1,Audi,12,,12
        2,Seat,01,,01
        ");
        // Back with the time that it had: dbt keeps its version ended, and so it is told.
        cars(&world, &[(1, "Audi", 12)]).await;
        take(&world, &node, 13).await;
        cars(&world, &[(1, "Audi", 12), (2, "Seat", 1)]).await;
        let report = take(&world, &node, 14).await;
        assert_eq!(report.rows.written, 0);
        insta::assert_snapshot!(world.told(&report.diagnostics[0]), @"
        execution-failed: 1 row is back with an `updated_at` that the history of `gold.history` has already
          at models/history.sql:1:1
          -
          help: no version begins for them, as in dbt: the row must get a new `updated_at` when it comes back
        ");
    });
}

#[test]
fn a_version_may_say_that_a_row_is_deleted() {
    block_on(async {
        let world = World::new().await;
        let node = with_snapshot(of(by_check(&["name"])), |snapshot| snapshot.hard_deletes = HardDeletes::NewRecord);
        cars(&world, &[(1, "Audi", 1), (2, "Seat", 1)]).await;
        take(&world, &node, 9).await;
        cars(&world, &[(2, "Seat", 1)]).await;
        assert_eq!(take(&world, &node, 10).await.rows.written, 2);
        assert_eq!(take(&world, &node, 11).await.rows.written, 0);
        cars(&world, &[(1, "Audi", 1), (2, "Seat", 1)]).await;
        assert_eq!(take(&world, &node, 12).await.rows.written, 2);
        insta::assert_snapshot!(history(&world).await, @"
        1,Audi,09,10,09
        1,Audi,10,12,10
        1,Audi,12,,12
        2,Seat,09,,09
        ");
        let deleted = "select id, dbt_is_deleted, count(*) from gold.history group by all order by 1, 2";
        assert_eq!(world.query(deleted).await, ["1,False,2", "1,True,1", "2,False,1"]);
        assert_eq!(world.query("select count(distinct dbt_scd_id) from gold.history").await, ["4"]);
    });
}

#[test]
fn a_key_of_several_columns_and_a_date_for_what_is_valid() {
    block_on(async {
        let world = World::new().await;
        let sql = "select id % 2 as odd, id, name, at from `gold`.`cars`";
        let node = snapshot(sql, &["gold.cars"], &["odd", "id div 2"], by_time());
        let node = with_snapshot(node, |snapshot| {
            snapshot.valid_to_current = Some("to_timestamp('9999-12-31')".into());
            snapshot.columns.valid_to = "until".into();
        });
        cars(&world, &[(1, "Audi", 1), (2, "Seat", 1)]).await;
        take(&world, &node, 9).await;
        cars(&world, &[(1, "Audi A3", 2), (2, "Seat", 1)]).await;
        take(&world, &node, 10).await;
        let sql = "select id, name, dbt_valid_from, until from gold.history order by id, dbt_valid_from";
        insta::assert_snapshot!(world.query(sql).await.join("\n"), @"
        1,Audi,2024-05-01T01:00:00Z,2024-05-01T02:00:00Z
        1,Audi A3,2024-05-01T02:00:00Z,9999-12-31T00:00:00Z
        2,Seat,2024-05-01T01:00:00Z,9999-12-31T00:00:00Z
        ");
        assert_eq!(take(&world, &node, 11).await.rows.written, 0);
    });
}

#[test]
fn columns_come_and_go() {
    block_on(async {
        let world = World::new().await;
        cars(&world, &[(1, "Audi", 1), (2, "Seat", 1)]).await;
        let of = |columns: &str| {
            snapshot(&format!("select {columns} from `gold`.`cars`"), &["gold.cars"], &["id"], by_time())
        };
        take(&world, &of("id, name, at"), 9).await;
        cars(&world, &[(1, "Audi", 2), (2, "Seat", 1)]).await;
        // A new column is null in the versions that are there, and a column that is gone in those that begin.
        take(&world, &of("id, length(name) as letters, at"), 10).await;
        let sql = "select id, name, letters, dbt_valid_to is null from gold.history order by id, letters nulls first";
        assert_eq!(world.query(sql).await, ["1,Audi,,false", "1,,4,true", "2,Seat,,true"]);
        // With a check of all columns, a new column is a change of every row.
        let check =
            snapshot("select id, name, at, 'x' as more from `gold`.`cars`", &["gold.cars"], &["id"], by_check(&[]));
        assert_eq!(take(&world, &check, 11).await.rows.written, 4);
        // A wider type is cast to the table's.
        take(&world, &of("id, cast(length(name) as bigint) + 1 as letters, at"), 12).await;
        let refused = run_at(&world, &of("id, name as letters, at"), hour(13)).await.unwrap_err();
        insta::assert_snapshot!(world.told(&refused), @"
        schema-mismatch: `gold.history` is not a snapshot that this one can go on with: `letters` is `int` there, and `string` now
          at models/history.sql:1:1
          -
          help: give the snapshot another `alias`, or move the table away: its history is not thrown away
        ");
    });
}

#[test]
fn what_would_be_chance_is_refused() {
    block_on(async {
        let world = World::new().await;
        cars(&world, &[(7, "Audi", 1), (7, "Seat", 1), (8, "Opel", 1)]).await;
        let refused = run_at(&world, &of(by_time()), hour(9)).await.unwrap_err();
        insta::assert_snapshot!(world.told(&refused), @"
        execution-failed: the snapshot's query gives several rows for 1 key of `unique_key: id`
          at models/history.sql:1:1
          -
          because: the first is id = 7
          help: let the query give one row for each key, or name further columns in `unique_key`
        ");
        assert!(world.state(&of(by_time())).await.unwrap().version.is_none());

        let stands = SnapshotStrategy::Check { columns: vec!["name".into()], updated_at: Some("at".into()) };
        cars(&world, &[(7, "Audi", 1)]).await;
        take(&world, &of(stands.clone()), 9).await;
        cars(&world, &[(7, "Audi A3", 1)]).await;
        let refused = run_at(&world, &of(stands), hour(10)).await.unwrap_err();
        insta::assert_snapshot!(world.told(&refused), @"
        execution-failed: 1 row changed, and `updated_at: at` did not
          at models/history.sql:1:1
          -
          because: the first is id = 7
          help: the old and the new version of a row would have one id: leave `updated_at` out, so that the time of the run stands for it
        ");
    });
}

#[test]
fn a_table_of_something_else_is_left_alone() {
    block_on(async {
        let world = World::new().await;
        cars(&world, &[(1, "Audi", 1)]).await;
        world.run(&table("history", &[("id", INT)], "select 1 as id", &[])).await.unwrap();
        let refused = run_at(&world, &of(by_time()), hour(9)).await.unwrap_err();
        insta::assert_snapshot!(world.told(&refused), @"
        schema-mismatch: `gold.history` is not a snapshot that this one can go on with: it lacks `dbt_scd_id`, `dbt_updated_at`, `dbt_valid_from`, `dbt_valid_to`
          at models/history.sql:1:1
          -
          help: give the snapshot another `alias`, or move the table away: its history is not thrown away
        ");
        world.run(&view("history", &[("id", INT)], "select 1 as id", &[])).await.unwrap();
        let refused = run_at(&world, &of(by_time()), hour(9)).await.unwrap_err();
        assert!(refused.message.ends_with("it is a view"), "{refused}");
    });
}

#[test]
fn a_snapshot_larger_than_memory_spills() {
    block_on(async {
        let world = World::with_memory(48 << 20).await;
        let columns = [("id", DataType::Long), ("name", STRING), ("at", DataType::Timestamp)];
        let rows = |changed: u32, hour: u32| {
            let text = "concat('a text to fill some memory with, number ', cast(n as string))";
            format!(
                "select n as id, {text} as name, case when n < {changed} then timestamp '2024-05-01 {hour:02}:00:00' \
                 else timestamp '2024-05-01 00:00:00' end as at from ({}) where n >= {}",
                many(5),
                changed / 100
            )
        };
        let node = with_snapshot(of(by_time()), |snapshot| snapshot.hard_deletes = HardDeletes::Invalidate);
        world.run(&table("cars", &columns, &rows(0, 1), &[])).await.unwrap();
        assert_eq!(take(&world, &node, 9).await.rows.written, 100_000);
        // Half of them change, and of these some are gone.
        world.run(&table("cars", &columns, &rows(50_000, 2), &[])).await.unwrap();
        assert_eq!(take(&world, &node, 10).await.rows.written, 50_000 + 49_500);
        let counts = "select count(*), count(distinct id), count_if(dbt_valid_to is null) from gold.history";
        assert_eq!(world.query(counts).await, ["149500,100000,99500"]);
        assert_eq!(take(&world, &node, 11).await.rows.written, 0);
    });
}
