//! Append and insert_overwrite, and what becomes of columns that come and go.

use headwater_plan::{Code, OnModelSchemaChange, Strategy};

use crate::increments::{by_day, columns, events, giving, merge, model, newest_commit, of, row, rows, things};
use crate::world::{World, block_on};

const NEWER: &str = "select id, at, day, name from `bronze`.`events` \
                     where id > (select coalesce(max(id), 0) from `gold`.`things`)";

#[test]
fn an_append_adds_what_its_query_says_is_new() {
    block_on(async {
        let world = World::new().await;
        let node = of(&columns(), "select id, at, day, name from `bronze`.`events`", NEWER, Strategy::Append);
        events(&world, &[row(1, 1, "one"), row(2, 1, "two")]).await;
        world.run(&node).await.unwrap();
        events(&world, &[row(1, 1, "ONE"), row(2, 1, "TWO"), row(3, 2, "three")]).await;
        let report = world.run(&node).await.unwrap();
        // The model's own table is no input.
        assert_eq!((report.rows.read, report.rows.written), (3, 1));
        assert_eq!(report.inputs.len(), 1);
        assert_eq!(rows(&world).await, ["1 1 one", "2 1 two", "3 2 three"]);
        insta::assert_snapshot!(newest_commit(&world, &things(&world).await), @"WRITE: numFiles=1 numOutputRows=1 numRemovedFiles=0");
        world.run(&node).await.unwrap();
        assert_eq!(rows(&world).await.len(), 3);
    });
}

#[test]
fn a_view_gives_way_to_the_table() {
    block_on(async {
        let world = World::new().await;
        events(&world, &[row(1, 1, "one")]).await;
        let sql = "select id, at, day, name from `bronze`.`events`";
        world.run(&crate::world::view("things", &columns(), sql, &["bronze.events"])).await.unwrap();
        let node = of(&columns(), sql, NEWER, Strategy::Append);
        assert!(world.state(&node).await.unwrap().built.is_none());
        world.run(&node).await.unwrap();
        assert_eq!(rows(&world).await, ["1 1 one"]);
        assert!(world.state(&node).await.unwrap().built.is_some());
    });
}

#[test]
fn eight_processes_append_one_copy_of_every_row() {
    block_on(async {
        let world = World::new().await;
        let node = of(&columns(), "select id, at, day, name from `bronze`.`events`", NEWER, Strategy::Append);
        events(&world, &[row(1, 1, "one")]).await;
        world.run(&node).await.unwrap();
        let more: Vec<_> = (1..=50).map(|id| row(id, 1, "x")).collect();
        events(&world, &more).await;
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (engine, node, context) = (world.other_engine().await, node.clone(), world.context());
            running.spawn(async move { headwater_plan::Engine::execute(&engine, &node, &context).await.unwrap() });
        }
        let written: u64 = running.join_all().await.into_iter().map(|report| report.rows.written).sum();
        assert_eq!(written, 49);
        assert_eq!(world.query("select count(*), count(distinct id) from gold.things").await, ["50,50"]);
    });
}

#[test]
fn an_overwrite_replaces_the_partitions_that_it_has_rows_for() {
    block_on(async {
        let world = World::new().await;
        events(&world, &[row(1, 1, "one"), row(2, 2, "two"), row(3, 2, "three"), row(4, 3, "four")]).await;
        let node = by_day(model(Strategy::InsertOverwrite));
        world.run(&node).await.unwrap();
        events(&world, &[row(7, 2, "seven"), row(8, 9, "eight")]).await;
        let report = world.run(&node).await.unwrap();
        assert_eq!(report.rows.written, 2);
        assert_eq!(rows(&world).await, ["1 1 one", "4 3 four", "7 2 seven", "8 9 eight"]);
        events(&world, &[]).await;
        world.run(&node).await.unwrap();
        assert_eq!(rows(&world).await.len(), 4, "no row, no partition");

        let whole = World::new().await;
        events(&whole, &[row(1, 1, "one"), row(2, 2, "two")]).await;
        let node = model(Strategy::InsertOverwrite);
        whole.run(&node).await.unwrap();
        events(&whole, &[row(3, 3, "three")]).await;
        whole.run(&node).await.unwrap();
        assert_eq!(rows(&whole).await, ["3 3 three"]);
    });
}

const WIDER: &str = "select id, at, day, name, upper(name) as loud from `bronze`.`events`";
const NARROWER: &str = "select id, at, name from `bronze`.`events`";

#[test]
fn columns_that_differ_are_refused_or_left_out() {
    block_on(async {
        let world = World::new().await;
        events(&world, &[row(1, 1, "one")]).await;
        world.run(&model(merge())).await.unwrap();
        let refused = |query: &'static str, on_change| {
            let (world, node) = (&world, giving(model(merge()), query, on_change));
            async move { world.told(&world.run(&node).await.unwrap_err()) }
        };
        insta::assert_snapshot!(refused(NARROWER, OnModelSchemaChange::Ignore).await, @"
        schema-mismatch: the query does not give the column `day` of `gold.things`
          at models/things.sql:1:1
          -
          help: give them back to the query, let `on_schema_change` be `append_new_columns` (they become null) or `sync_all_columns` (they are dropped), or run with `--full-refresh`
        ");
        insta::assert_snapshot!(refused(NARROWER, OnModelSchemaChange::Fail).await, @"
        schema-mismatch: the query does not give the columns of `gold.things`: `day` is missing
          at models/things.sql:1:1
          -
          help: change the query, let `on_schema_change` be `append_new_columns` or `sync_all_columns`, or run with `--full-refresh` to build the table anew
        ");
        insta::assert_snapshot!(refused(WIDER, OnModelSchemaChange::Fail).await, @"
        schema-mismatch: the query does not give the columns of `gold.things`: `loud` is new
          at models/things.sql:1:1
          -
          help: change the query, let `on_schema_change` be `append_new_columns` or `sync_all_columns`, or run with `--full-refresh` to build the table anew
        ");
        let report = world.run(&giving(model(merge()), WIDER, OnModelSchemaChange::Ignore)).await.unwrap();
        insta::assert_snapshot!(world.told(&report.diagnostics[0]), @"
        schema-mismatch: the column `loud` of the query is not in `gold.things` and left out
          at models/things.sql:1:1
          -
          help: let `on_schema_change` be `append_new_columns` to have them from now on
        ");
        assert!(!report.diagnostics[0].is_error());
        assert_eq!(things(&world).await.schema().names().collect::<Vec<_>>(), ["id", "at", "day", "name"]);
    });
}

#[test]
fn new_columns_are_appended_and_missing_ones_keep_their_values() {
    block_on(async {
        for strategy in [merge(), crate::increments::delete_insert(), Strategy::Append] {
            let world = World::new().await;
            events(&world, &[row(1, 1, "one"), row(2, 2, "two")]).await;
            world.run(&model(strategy.clone())).await.unwrap();
            events(&world, &[row(2, 2, "zwei"), row(3, 3, "drei")]).await;
            let wider = giving(model(strategy.clone()), WIDER, OnModelSchemaChange::AppendNewColumns);
            world.run(&wider).await.unwrap();
            let found = world.query("select id, name, loud from gold.things order by id, name").await;
            match strategy {
                Strategy::Append => assert_eq!(found, ["1,one,", "2,two,", "2,zwei,ZWEI", "3,drei,DREI"]),
                _ => assert_eq!(found, ["1,one,", "2,zwei,ZWEI", "3,drei,DREI"]),
            }
        }
        // What the query does not give is null in new rows, and as it was in matched ones.
        let world = World::new().await;
        events(&world, &[row(1, 1, "one")]).await;
        world.run(&model(merge())).await.unwrap();
        events(&world, &[row(1, 5, "ONE"), row(2, 5, "TWO")]).await;
        world.run(&giving(model(merge()), NARROWER, OnModelSchemaChange::AppendNewColumns)).await.unwrap();
        assert_eq!(rows(&world).await, ["1 1 ONE", "2  TWO"]);
    });
}

#[test]
fn columns_in_sync_are_dropped_too() {
    block_on(async {
        let world = World::new().await;
        events(&world, &[row(1, 1, "one"), row(2, 2, "two")]).await;
        world.run(&model(merge())).await.unwrap();
        events(&world, &[row(2, 2, "zwei")]).await;
        let query = "select id, at, name, length(name) as letters from `bronze`.`events`";
        let report = world.run(&giving(model(merge()), query, OnModelSchemaChange::SyncAllColumns)).await.unwrap();
        assert_eq!(report.rows.written, 1);
        insta::assert_snapshot!(world.told(&report.diagnostics[0]), @"
        schema-mismatch: the column `day` was dropped from `gold.things`, and its file was written anew
          at models/things.sql:1:1
          -
          help: earlier versions of the table still hold them, until a vacuum
        ");
        let found = world.query("select id, name, letters from gold.things order by id").await;
        assert_eq!(found, ["1,one,", "2,zwei,4"]);
        assert_eq!(things(&world).await.schema().names().collect::<Vec<_>>(), ["id", "at", "name", "letters"]);

        let partitioned = World::new().await;
        events(&partitioned, &[row(1, 1, "one")]).await;
        let node = by_day(model(merge()));
        partitioned.run(&node).await.unwrap();
        let refused = partitioned.run(&giving(node, NARROWER, OnModelSchemaChange::SyncAllColumns)).await.unwrap_err();
        assert_eq!(refused.code, Code::SchemaMismatch);
        insta::assert_snapshot!(partitioned.told(&refused), @"
        schema-mismatch: the query does not give `day`, by which `gold.things` is partitioned
          at models/things.sql:1:1
          -
          help: change `partition_by` and run with `--full-refresh`, or give the column back to the query
        ");
    });
}

#[test]
fn of_several_merges_at_once_each_lands() {
    block_on(async {
        let world = World::new().await;
        let rows_of = |name: &str| (0..40).map(|id| row(id, 1, name)).collect::<Vec<_>>();
        events(&world, &rows_of("old")).await;
        world.run(&model(merge())).await.unwrap();
        events(&world, &rows_of("new")).await;
        let mut running = tokio::task::JoinSet::new();
        for number in 0..4 {
            let query = format!("select id, at, day, name from `bronze`.`events` where id % 4 = {number}");
            let node = giving(model(merge()), &query, OnModelSchemaChange::Ignore);
            let (engine, context) = (world.other_engine().await, world.context());
            running.spawn(async move { headwater_plan::Engine::execute(&engine, &node, &context).await.unwrap() });
        }
        let written: u64 = running.join_all().await.into_iter().map(|report| report.rows.written).sum();
        assert_eq!(written, 40);
        assert_eq!(world.query("select count(*), count_if(name = 'new') from gold.things").await, ["40,40"]);
    });
}
