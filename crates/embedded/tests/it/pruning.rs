//! Which files a change and an increment open: the others are made unreadable, and nobody notices.

use std::fs;
use std::path::PathBuf;

use headwater_lake::Relation;
use headwater_plan::{DataType, Strategy, TableName};

use crate::increments::{columns, events, merge, of, row, rows};
use crate::models::many;
use crate::world::{World, block_on, change, operation, table};

const LONG: DataType = DataType::Long;

/// Data files of which nothing can be read meanwhile.
struct Unreadable(Vec<(PathBuf, Vec<u8>)>);

impl Unreadable {
    fn restore(self) {
        self.0.into_iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    }
}

/// The data files of a table, in any order.
async fn files(world: &World, name: &TableName) -> Vec<String> {
    match world.lake.relation(name).await.unwrap() {
        Some(Relation::Table(table)) => table.paths(),
        other => panic!("not a table: {other:?}"),
    }
}

fn unreadable(world: &World, name: &TableName, files: &[String]) -> Unreadable {
    let folder = world.folder.path().join("lake").join(&name.schema).join(&name.name);
    let spoil = |file: &String| {
        let path = folder.join(file);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, vec![0; bytes.len()]).unwrap();
        (path, bytes)
    };
    Unreadable(files.iter().map(spoil).collect())
}

/// A table of numbers in three files; those of the first two.
async fn three_files(world: &World, kind: &str) -> (TableName, Vec<String>) {
    let name = TableName::new("gold", "numbers");
    let number = DataType::parse(kind).unwrap();
    let sql = format!("select cast(n as {kind}) as n, 'old' as name from (values (1), (2), (null)) as t(n)");
    world.run(&table("numbers", &[("n", number), ("name", DataType::String)], &sql, &[])).await.unwrap();
    run(world, &format!("insert into gold.numbers select cast(n as {kind}), 'old' from (values (11), (12)) as t(n)"))
        .await;
    let first = files(world, &name).await;
    run(world, &format!("insert into gold.numbers select cast(n as {kind}), 'old' from (values (21), (22)) as t(n)"))
        .await;
    (name, first)
}

async fn run(world: &World, sql: &str) -> u64 {
    let reads: &[&str] = if sql.contains("gold.changes") { &["gold.changes"] } else { &[] };
    world.run(&operation("hook", change(sql, "gold.numbers", reads))).await.unwrap().rows.written
}

async fn changes(world: &World, kind: &str, numbers: &str) {
    let number = DataType::parse(kind).unwrap();
    let sql = format!("select cast(n as {kind}) as n, true as goes from (values {numbers}) as t(n)");
    world.run(&table("changes", &[("n", number), ("goes", DataType::Boolean)], &sql, &[])).await.unwrap();
}

async fn numbers(world: &World) -> String {
    world.query("select n, name from gold.numbers where name <> 'old' order by n").await.join(" ")
}

#[test]
fn a_merge_opens_the_files_that_may_hold_its_keys() {
    block_on(async {
        for (table_kind, source_kind, expected) in [
            ("bigint", "bigint", "21,new 40,added"),
            // Compared as the wider of both.
            ("int", "bigint", "21,new 40,added"),
            ("bigint", "smallint", "21,new 40,added"),
            ("string", "string", "21,new 40,added"),
            ("decimal(10,2)", "decimal(10,2)", "21.00,new 40.00,added"),
        ] {
            let world = World::new().await;
            let (name, first) = three_files(&world, table_kind).await;
            changes(&world, source_kind, "(21), (40), (null)").await;
            let spoilt = unreadable(&world, &name, &first);
            let merge = "merge into gold.numbers as t using gold.changes as s on s.goes and t.n = s.n \
                         when matched then update set name = 'new' \
                         when not matched and s.n is not null then insert (n, name) values (cast(s.n as KIND), 'added')";
            assert_eq!(run(&world, &merge.replace("KIND", table_kind)).await, 2, "{table_kind} and {source_kind}");
            spoilt.restore();
            assert_eq!(numbers(&world).await, expected, "{table_kind} and {source_kind}");
            assert_eq!(world.query("select count(*) from gold.numbers").await, ["8"]);
        }
    });
}

#[test]
fn a_merge_that_only_adds_or_only_deletes_opens_no_more() {
    block_on(async {
        let world = World::new().await;
        let (name, first) = three_files(&world, "bigint").await;
        changes(&world, "bigint", "(22), (30)").await;
        let spoilt = unreadable(&world, &name, &first);
        let adds = "merge into gold.numbers using gold.changes on gold.numbers.n = gold.changes.n \
                    when not matched then insert (n, name) values (gold.changes.n, 'added')";
        assert_eq!(run(&world, adds).await, 1);
        let deletes = "merge into gold.numbers t using gold.changes s on t.n = s.n and t.name = 'old' \
                       when matched and s.goes then delete";
        assert_eq!(run(&world, deletes).await, 1);
        spoilt.restore();
        assert_eq!(
            world.query("select n from gold.numbers order by n nulls first").await.join(" "),
            " 1 2 11 12 21 30"
        );
    });
}

#[test]
fn a_merge_without_bounds_opens_all_files() {
    block_on(async {
        for on in ["t.n + 0 = s.n", "t.n = s.n or t.n = s.n + 20", "t.n <=> s.n", "cast(t.n as string) = '' || s.n"] {
            let world = World::new().await;
            three_files(&world, "bigint").await;
            changes(&world, "bigint", "(1), (12)").await;
            let merge = format!(
                "merge into gold.numbers t using gold.changes s on {on} when matched then update set name = 'new' \
                 when not matched then insert (n, name) values (s.n, 'added')"
            );
            run(&world, &merge).await;
            let expected = if on.contains(" or ") { "1,new 12,new 21,new" } else { "1,new 12,new" };
            assert_eq!(numbers(&world).await, expected, "{on}");
        }
    });
}

#[test]
fn rows_of_a_source_that_match_nothing_change_what_no_source_matches() {
    block_on(async {
        let world = World::new().await;
        three_files(&world, "bigint").await;
        changes(&world, "bigint", "(21), (40)").await;
        let merge = "merge into gold.numbers t using gold.changes s on t.n = s.n \
                     when matched then update set name = 'new' \
                     when not matched by source and t.n < 10 then update set name = 'alone'";
        assert_eq!(run(&world, merge).await, 3);
        assert_eq!(numbers(&world).await, "1,alone 2,alone 21,new");
    });
}

#[test]
fn a_key_that_a_narrower_column_cannot_hold_matches_nothing() {
    block_on(async {
        let world = World::new().await;
        three_files(&world, "smallint").await;
        changes(&world, "bigint", "(-9000000000), (12), (9000000000)").await;
        let merge = "merge into gold.numbers t using gold.changes s on t.n = s.n \
                     when matched then update set name = 'new'";
        assert_eq!(run(&world, merge).await, 1);
        assert_eq!(numbers(&world).await, "12,new");
    });
}

/// Batches of few rows come from a join of many partitions.
#[test]
fn a_merge_from_many_small_batches_changes_each_row_once() {
    block_on(async {
        let world = World::new().await;
        let columns = [("n", LONG), ("name", DataType::String)];
        let rows = format!("select n, cast(n as string) as name from ({})", many(4));
        world.run(&table("numbers", &columns, &rows, &[])).await.unwrap();
        world.run(&table("changes", &columns, &rows, &[])).await.unwrap();
        let merge = "merge into gold.numbers t using (select * from gold.changes where n % 1000 = 7) s on t.n = s.n \
                     when matched then update set name = concat(s.name, '!') when not matched then insert *";
        assert_eq!(run(&world, merge).await, 10);
        let counts = "select count(*), count(distinct n), count_if(name = concat(n, '!')) from gold.numbers";
        assert_eq!(world.query(counts).await, ["10000,10000,10"]);
    });
}

#[test]
fn an_increment_opens_the_files_that_are_newer_than_its_table() {
    block_on(async {
        let all = "select id, at, day, name from `bronze`.`events`";
        for newer in [
            "at > (select max(at) from `gold`.`things`)",
            "at > (select coalesce(max(at), timestamp '1900-01-01') from `gold`.`things`) and id is not null",
            "day >= (select max(day) + 1 from `gold`.`things`)",
        ] {
            for strategy in [merge(), Strategy::Append] {
                let world = World::new().await;
                let name = TableName::new("bronze", "events");
                events(&world, &[row(1, 1, "one"), row(2, 2, "two")]).await;
                let node = of(&columns(), all, &format!("{all} where {newer}"), strategy);
                world.run(&node).await.unwrap();
                let first = files(&world, &name).await;
                let add = "insert into bronze.events \
                           select id + 10, at + interval 9 days, day + 9, upper(name) from bronze.events";
                world.run(&operation("hook", change(add, "bronze.events", &[]))).await.unwrap();
                let spoilt = unreadable(&world, &name, &first);
                assert_eq!(world.run(&node).await.unwrap().rows.written, 2, "{newer}");
                // Nothing is newer than the table now.
                assert_eq!(world.run(&node).await.unwrap().rows.written, 0, "{newer}");
                spoilt.restore();
                assert_eq!(rows(&world).await, ["1 1 one", "2 2 two", "11 10 ONE", "12 11 TWO"], "{newer}");
            }
        }
    });
}

#[test]
fn an_increment_that_asks_for_several_values_as_one_is_refused() {
    block_on(async {
        let world = World::new().await;
        events(&world, &[row(1, 1, "one"), row(2, 2, "two")]).await;
        let all = "select id, at, day, name from `bronze`.`events`";
        let node = of(&columns(), all, &format!("{all} where at > (select at from `gold`.`things`)"), merge());
        world.run(&node).await.unwrap();
        let refused = world.run(&node).await.unwrap_err();
        insta::assert_snapshot!(world.told(&refused), @"
        execution-failed: `things` failed while it ran: Scalar subquery returned more than one row
          at models/things.sql:1:1
          -
        ");
    });
}
