//! Merge and delete+insert: which rows change, which files, what is refused.

use headwater_plan::{Code, DataType, Strategy};

use crate::increments::{
    Row, by_day, delete_insert, events, giving, merge, model, newest_commit, of, row, rows, things, with,
};
use crate::world::{World, block_on};

fn merging(
    change: impl FnOnce(&mut Vec<String>, &mut Option<Vec<String>>, &mut Vec<String>, &mut Vec<String>),
) -> Strategy {
    let mut strategy = merge();
    if let Strategy::Merge { unique_key, update_columns, exclude_columns, predicates } = &mut strategy {
        change(unique_key, update_columns, exclude_columns, predicates);
    }
    strategy
}

#[test]
fn a_merge_replaces_and_adds() {
    block_on(async {
        let world = World::new().await;
        events(&world, &[row(1, 1, "one"), row(2, 2, "two"), row(3, 3, "three")]).await;
        let node = by_day(model(merge()));
        let first = world.run(&node).await.unwrap();
        assert_eq!((first.rows.read, first.rows.written), (3, 3));
        let before = things(&world).await.paths();
        assert_eq!(before.len(), 3, "a file for each day");

        events(&world, &[row(2, 2, "TWO"), row(4, 4, "four")]).await;
        let second = world.run(&node).await.unwrap();
        assert_eq!((second.rows.read, second.rows.written), (2, 2));
        assert_eq!(rows(&world).await, ["1 1 one", "2 2 TWO", "3 3 three", "4 4 four"]);
        let table = things(&world).await;
        assert_eq!(before.iter().filter(|path| table.paths().contains(path)).count(), 2, "what holds no match stays");
        insta::assert_snapshot!(newest_commit(&world, &table), @"MERGE: numOutputRows=2 numSourceRows=2 numTargetFilesAdded=2 numTargetFilesRemoved=1 numTargetRowsCopied=0 numTargetRowsDeleted=0 numTargetRowsInserted=1 numTargetRowsUpdated=1");
        assert_eq!(table.built().unwrap().inputs.len(), 1);
        assert_eq!(world.state(&node).await.unwrap().version, second.version);
    });
}

#[test]
fn an_increment_without_rows_is_done_and_changes_nothing() {
    block_on(async {
        let world = World::new().await;
        events(&world, &[row(1, 1, "one")]).await;
        for strategy in [merge(), delete_insert(), Strategy::Append] {
            let sql = "select id, at, day, name from `bronze`.`events`";
            let node = of(&crate::increments::columns(), sql, &format!("{sql} where id > 7"), strategy);
            world.run(&node).await.unwrap();
            let version = world.state(&node).await.unwrap().version;
            let report = world.run(&node).await.unwrap();
            assert_eq!(report.rows.written, 0);
            assert_eq!(world.state(&node).await.unwrap().version, version, "nothing that reads it has work");
            assert_eq!(rows(&world).await, ["1 1 one"]);
        }
    });
}

#[test]
fn rows_that_share_a_key_are_refused() {
    block_on(async {
        let world = World::new().await;
        events(&world, &[row(1, 1, "one")]).await;
        let node = model(merging(|key, _, _, _| key.push("DAY".into())));
        world.run(&node).await.unwrap();
        let twice = [row(1, 1, "a"), row(7, 2, "b"), row(7, 2, "c"), row(7, 2, "d"), row(8, 2, "e"), row(8, 2, "f")];
        events(&world, &twice).await;
        let refused = world.run(&node).await.unwrap_err();
        insta::assert_snapshot!(world.told(&refused), @"
        execution-failed: 3 rows of the increment have the key `id` = 7, `day` = 2, and 1 further key has several rows
          at models/things.sql:1:1
          -
          help: keep one row of each key: `qualify row_number() over (partition by id, day order by ...) = 1`
        ");
        assert_eq!(rows(&world).await, ["1 1 one"]);
        assert_eq!(world.data_files("gold/things"), 1);
    });
}

#[test]
fn a_null_key_matches_nothing() {
    block_on(async {
        let world = World::new().await;
        let unknown = Row { id: None, ..row(0, 1, "unknown") };
        for (strategy, times) in [(merge(), 2), (delete_insert(), 2)] {
            events(&world, &[unknown.clone(), row(1, 1, "one")]).await;
            let node = model(strategy);
            let fresh = World::new().await;
            events(&fresh, &[unknown.clone(), row(1, 1, "one")]).await;
            fresh.run(&node).await.unwrap();
            fresh.run(&node).await.unwrap();
            assert_eq!(fresh.query("select count(*) from gold.things where id is null").await, [times.to_string()]);
            assert_eq!(fresh.query("select count(*) from gold.things where id = 1").await, ["1"]);
        }
    });
}

#[test]
fn a_match_updates_the_columns_that_it_may() {
    block_on(async {
        for (only, except, expected) in [
            (Some(vec!["NAME".to_owned()]), vec![], "1 1 new"),
            (None, vec!["name".to_owned()], "1 2 old"),
            (None, vec![], "1 2 new"),
        ] {
            let world = World::new().await;
            events(&world, &[row(1, 1, "old")]).await;
            let node = model(merging(|_, update, exclude, _| {
                *update = only;
                *exclude = except;
            }));
            world.run(&node).await.unwrap();
            events(&world, &[row(1, 2, "new"), row(2, 2, "added")]).await;
            world.run(&node).await.unwrap();
            assert_eq!(rows(&world).await, [expected, "2 2 added"]);
        }
    });
}

#[test]
fn predicates_narrow_what_matches() {
    block_on(async {
        let world = World::new().await;
        events(&world, &[row(1, 1, "one"), row(2, 5, "two")]).await;
        let predicate = "DBT_INTERNAL_DEST.day >= 5 -- only the newest days\n and DBT_INTERNAL_SOURCE.name <> 'x'";
        let node = by_day(model(merging(|_, _, _, predicates| predicates.push(predicate.into()))));
        world.run(&node).await.unwrap();
        events(&world, &[row(1, 1, "ONE"), row(2, 5, "TWO")]).await;
        world.run(&node).await.unwrap();
        assert_eq!(rows(&world).await, ["1 1 ONE", "1 1 one", "2 5 TWO"], "without a match a row is added");

        // Of delete+insert they see the table alone.
        let world = World::new().await;
        events(&world, &[row(1, 1, "one"), row(2, 5, "two")]).await;
        let strategy = Strategy::DeleteInsert {
            unique_key: vec!["id".into()],
            predicates: vec!["day >= 5".into(), "DBT_INTERNAL_DEST.name is not null".into()],
        };
        let node = model(strategy);
        world.run(&node).await.unwrap();
        events(&world, &[row(1, 1, "ONE"), row(2, 5, "TWO"), row(2, 5, "TOO")]).await;
        let report = world.run(&node).await.unwrap();
        assert_eq!(report.rows.written, 3);
        assert_eq!(rows(&world).await, ["1 1 ONE", "1 1 one", "2 5 TOO", "2 5 TWO"]);
        insta::assert_snapshot!(newest_commit(&world, &things(&world).await), @"WRITE: numCopiedRows=1 numDeletedRows=1 numFiles=1 numOutputRows=3 numRemovedFiles=1");
    });
}

#[test]
fn a_setting_that_names_no_column_is_refused() {
    block_on(async {
        let world = World::new().await;
        events(&world, &[row(1, 1, "one")]).await;
        world.run(&model(merge())).await.unwrap();
        let wrong_key = model(merging(|key, _, _, _| *key = vec!["idd".into()]));
        insta::assert_snapshot!(world.told(&world.run(&wrong_key).await.unwrap_err()), @"
        unknown-column: `unique_key` names `idd`, which is no column of `gold.things`; did you mean `id`?
          at models/things.sql:1:1
          -
          help: name a column that the query gives
        ");
        let wrong_column = model(merging(|_, _, exclude, _| exclude.push("title".into())));
        insta::assert_snapshot!(world.told(&world.run(&wrong_column).await.unwrap_err()), @"
        unknown-column: `merge_exclude_columns` names `title`, which is no column of `gold.things`
          at models/things.sql:1:1
          -
          help: name a column that the query gives
        ");
        let wrong_predicate = model(merging(|_, _, _, predicates| predicates.push("DBT_INTERNAL_DEST.dya > 1".into())));
        let refused = world.run(&wrong_predicate).await.unwrap_err();
        assert_eq!(refused.code, Code::UnknownColumn, "{refused:?}");
    });
}

#[test]
fn types_that_a_table_holds_are_cast_and_others_refused() {
    block_on(async {
        let world = World::new().await;
        events(&world, &[row(1, 1, "one")]).await;
        world.run(&model(merge())).await.unwrap();
        let narrow = "select cast(id as int) as ID, at, cast(day as smallint) as day, name from `bronze`.`events`";
        let same = giving(model(merge()), narrow, Default::default());
        world.run(&same).await.unwrap();
        let other = "select id, at, cast(day as string) as day, cast(name as binary) as name from `bronze`.`events`";
        let refused = world.run(&giving(model(merge()), other, Default::default())).await.unwrap_err();
        insta::assert_snapshot!(world.told(&refused), @"
        schema-mismatch: the columns of `gold.things` have other types than those of the query: `day` is `bigint`, not `string`, `name` is `string`, not `binary`
          at models/things.sql:1:1
          -
          help: `cast` the columns to the table's types, or run with `--full-refresh` to build the table anew
        ");
        assert_eq!(things(&world).await.schema().field("day").unwrap().data_type, DataType::Long);
    });
}

#[test]
fn a_full_refresh_builds_anew_unless_the_model_says_no() {
    block_on(async {
        let mut world = World::new().await;
        events(&world, &[row(1, 1, "one")]).await;
        let node = model(merge());
        world.run(&node).await.unwrap();
        events(&world, &[row(2, 2, "two")]).await;
        world.full_refresh = true;
        world.run(&with(node.clone(), |incremental| incremental.keep_on_full_refresh = true)).await.unwrap();
        assert_eq!(rows(&world).await, ["1 1 one", "2 2 two"]);
        world.run(&node).await.unwrap();
        assert_eq!(rows(&world).await, ["2 2 two"]);
        world.full_refresh = false;
        let other = world.run(&by_day(node)).await.unwrap_err();
        insta::assert_snapshot!(world.told(&other), @"
        schema-mismatch: table `gold.things` is partitioned by no column, not by `day`
          at models/things.sql:1:1
          -
          help: run with `--full-refresh` to build the table anew, or give `partition_by` back its old form
        ");
    });
}

#[test]
fn many_rows_are_merged_in_little_memory() {
    block_on(async {
        // The last rows of the table do not match by the predicates, and stay beside those of the same keys.
        let predicates = vec!["DBT_INTERNAL_DEST.id < 110000".to_owned()];
        let delete_insert = Strategy::DeleteInsert { unique_key: vec!["id".into()], predicates: predicates.clone() };
        let with_predicates = merging(|_, _, _, all| all.extend(predicates));
        for (strategy, counts) in [
            (merge(), "180000,180000,300000,120000"),
            (with_predicates, "190000,180000,310000,120000"),
            (delete_insert, "190000,180000,310000,120000"),
        ] {
            // So little that the increment goes to a file and joins sort.
            let world = World::with_memory(48 << 20).await;
            let rows: Vec<_> = (0..120_000).map(|id| row(id, 1, &format!("name {id} {}", "x".repeat(40)))).collect();
            events(&world, &rows).await;
            let node = model(strategy);
            world.run(&node).await.unwrap();
            let later = (60_000..180_000).map(|id| row(id, 2, &format!("other {id} {}", "y".repeat(40))));
            events(&world, &later.collect::<Vec<_>>()).await;
            let report = world.run(&node).await.unwrap();
            assert_eq!(report.rows.written, 120_000);
            let counted =
                "select count(*), count(distinct id), sum(day), count_if(name like 'other%') from gold.things";
            assert_eq!(world.query(counted).await, [counts]);
        }
    });
}

#[test]
fn only_the_partitions_and_files_that_are_touched_are_written_anew() {
    block_on(async {
        let world = World::new().await;
        let rows: Vec<_> = (0..3_200).map(|id| row(id, u32::try_from(id / 100).unwrap() + 1, "old")).collect();
        events(&world, &rows).await;
        let node = by_day(model(merging(|key, _, _, _| key.push("day".into()))));
        world.run(&node).await.unwrap();
        let before = things(&world).await.paths();
        assert_eq!(before.len(), 32);
        // Rows of two days, and a new one of a third.
        let later = (300..350).map(|id| row(id, 4, "new")).chain((900..910).map(|id| row(id, 10, "new")));
        let later: Vec<_> = later.chain([row(9_999, 32, "new")]).collect();
        events(&world, &later).await;
        world.run(&node).await.unwrap();
        let table = things(&world).await;
        assert_eq!(before.iter().filter(|path| table.paths().contains(path)).count(), 30);
        insta::assert_snapshot!(newest_commit(&world, &table), @"MERGE: numOutputRows=201 numSourceRows=61 numTargetFilesAdded=3 numTargetFilesRemoved=2 numTargetRowsCopied=140 numTargetRowsDeleted=0 numTargetRowsInserted=1 numTargetRowsUpdated=60");
        assert_eq!(world.query("select count(*), count_if(name = 'new') from gold.things").await, ["3201,61"]);

        // A second increment of the same rows leaves as many files: what is added joins what is written anew.
        world.run(&node).await.unwrap();
        assert_eq!(things(&world).await.files(), 33);
    });
}
