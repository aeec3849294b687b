//! Rows in = rows out + set aside; and back again.

use headwater_embedded::replay::Replayed;
use headwater_lake::Relation;
use headwater_plan::{
    BadRowLimit, Code, Constraint, DataType, Location, OnBadRow, OnSchemaChange, RowCounts, Severity, Skipped,
    TableName,
};

use crate::world::{World, block_on, with};

const ALL: &str = "select id, car from bronze.rentals order by id, car";
const ASIDE: &str =
    "select _source_line, raw, format, batch, _run_id from bronze.rentals_quarantine order by _source_line";

fn aside() -> TableName {
    TableName::new("bronze", "rentals_quarantine")
}

#[test]
fn a_bad_row_is_set_aside_with_everything_that_is_wrong_with_it() {
    block_on(async {
        let world = World::new().await;
        let node = with(world.source(&[("id", DataType::Long), ("day", DataType::Date)]), |ingest| {
            ingest.on_bad_row = OnBadRow::Quarantine;
        });
        world.file("rentals_1.csv", "id,day\n1,2024-01-05\n\ntwo,5.1.2024\n3\n4,2024-01-08\n");
        let report = world.run(&node).await.unwrap();
        assert_eq!(report.rows, RowCounts { read: 4, written: 2, quarantined: 2 });
        assert_eq!(report.skipped, Skipped { blank: 1, header: 1, ..Skipped::default() });
        let [told] = report.diagnostics.as_slice() else { panic!("{:?}", report.diagnostics) };
        assert_eq!(told.severity, Severity::Warning);
        insta::assert_snapshot!(world.told(told), @r"
        invalid-cell: line 4 of `DIR/incoming/rentals_1.csv` cannot be loaded: column `id`: `two` is not a valid `bigint`; column `day`: `5.1.2024` is not a valid `date`; 2 of 4 records were set aside in `bronze.rentals_quarantine`
          at DIR/incoming/rentals_1.csv:4:1
          two,5.1.2024
          because: line 5 of `DIR/incoming/rentals_1.csv` cannot be loaded: it has 1 cell, expected 2
          help: `id`: correct the value, or declare `string`; `day`: declare `format: [d.M.yyyy]`; `headwater quarantine replay rental.rentals` loads what fits then
        ");
        assert_eq!(
            world.query("select id, day from bronze.rentals order by id").await,
            ["1,2024-01-05", "4,2024-01-08"]
        );
        assert_eq!(world.query(ASIDE).await, ["4,two,5.1.2024,csv,1,0198", "5,3,csv,1,0198"]);
        let mut reasons = Vec::new();
        let each = |row: headwater_embedded::QuarantineRow| {
            reasons.extend(row.reasons.into_iter().map(|it| (row.line, it.code, it.column.unwrap_or_default())));
            true
        };
        world.engine.quarantined(&node, Some(10), each).await.unwrap();
        let expected = [(4, "invalid-cell", "id"), (4, "invalid-cell", "day"), (5, "ragged-record", "")];
        assert_eq!(reasons, expected.map(|(line, code, column)| (line, code.to_owned(), column.to_owned())));
        // It is said once: a run with nothing new says nothing.
        assert_eq!(world.run(&node).await.unwrap().diagnostics, []);
    });
}

#[test]
fn there_is_no_quarantine_before_there_is_a_row_for_it() {
    block_on(async {
        let world = World::new().await;
        world.file("rentals_1.csv", "id,car\n1,Audi\n");
        world.run(&world.sorted()).await.unwrap();
        assert!(world.lake.relation(&aside()).await.unwrap().is_none());
        assert_eq!(world.engine.replay(&world.sorted(), &world.context()).await.unwrap(), Replayed::default());
    });
}

#[test]
fn a_file_of_nothing_but_bad_rows_makes_an_empty_table() {
    block_on(async {
        let world = World::new().await;
        world.file("rentals_1.csv", "id,car\nx,Audi\ny,Seat\n");
        let report = world.run(&world.sorted()).await.unwrap();
        assert_eq!(report.rows, RowCounts { read: 2, written: 0, quarantined: 2 });
        assert_eq!(world.query(ALL).await, Vec::<String>::new());
        assert_eq!(world.query("select count(*) from bronze.rentals_quarantine").await, ["2"]);
    });
}

#[test]
fn past_the_limit_a_batch_fails_and_nothing_of_it_is_visible() {
    block_on(async {
        let world = World::new().await;
        let node = with(world.sorted(), |ingest| ingest.max_bad_rows = Some(BadRowLimit::Rows(1)));
        world.file("rentals_1.csv", "id,car\nx,Audi\n2,Seat\ny,Fiat\n");
        let refused = world.run(&node).await.unwrap_err();
        insta::assert_snapshot!(world.told(&refused), @r"
        too-many-bad-rows: line 2 of `DIR/incoming/rentals_1.csv` cannot be loaded: column `id`: `x` is not a valid `bigint`; 2 of 3 records do not fit, more than the 1 of `max_bad_rows`, and nothing was loaded into `bronze.rentals`
          at DIR/incoming/rentals_1.csv:2:1
          x,Audi
          because: line 4 of `DIR/incoming/rentals_1.csv` cannot be loaded: column `id`: `y` is not a valid `bigint`
          help: correct the value, or declare `string`
        ");
        assert!(world.lake.relation(&TableName::new("bronze", "rentals")).await.unwrap().is_none());
        assert_eq!((world.data_files("bronze/rentals"), world.data_files("bronze/rentals_quarantine")), (0, 0));

        // As many as allowed are set aside; the share is of the batch's records.
        let node = with(world.sorted(), |ingest| ingest.max_bad_rows = Some(BadRowLimit::Rows(2)));
        assert_eq!(world.run(&node).await.unwrap().rows.quarantined, 2);
        let share = |percent: u32| Some(BadRowLimit::Millionths(percent * 10_000));
        world.file("rentals_2.csv", "id,car\nx,Audi\n5,Seat\n6,Fiat\n7,Opel\n");
        let node = with(world.sorted(), |ingest| ingest.max_bad_rows = share(24));
        assert_eq!(world.run(&node).await.unwrap_err().code, Code::TooManyBadRows);
        let node = with(world.sorted(), |ingest| ingest.max_bad_rows = share(25));
        assert_eq!(world.run(&node).await.unwrap().rows, RowCounts { read: 4, written: 3, quarantined: 1 });
    });
}

#[test]
fn a_row_that_breaks_a_rule_is_set_aside() {
    block_on(async {
        let world = World::new().await;
        let rule = |written: &str, column: Option<&str>, sql: &str| Constraint {
            written: written.into(),
            column: column.map(str::to_owned),
            sql: sql.into(),
            location: Location::line("models/bronze/sources.yml", 9),
        };
        let node = with(world.sorted(), |ingest| {
            ingest.contract.constraints = vec![
                rule("between 1 and 9", Some("id"), "`id` between 1 and 9"),
                rule("id > length(car)", None, "id > length(car)"),
            ];
        });
        world.file("rentals_1.csv", "id,car\n5,Audi\n50,Audi\n3,Audi\n,Audi\n,\n");
        let report = world.run(&node).await.unwrap();
        assert_eq!(report.rows, RowCounts { read: 5, written: 3, quarantined: 2 });
        insta::assert_snapshot!(world.told(&report.diagnostics[0]), @r"
        constraint-violated: line 3 of `DIR/incoming/rentals_1.csv` cannot be loaded: column `id` breaks the rule `between 1 and 9`; 2 of 5 records were set aside in `bronze.rentals_quarantine`
          at DIR/incoming/rentals_1.csv:3:1
          50,Audi
          because: line 4 of `DIR/incoming/rentals_1.csv` cannot be loaded: it breaks the rule `id > length(car)`
          help: correct the value, or change the rule and replay the quarantine; `headwater quarantine replay rental.rentals` loads what fits then
        ");
        assert_eq!(world.query(ALL).await, [",", ",Audi", "5,Audi"]);
    });
}

#[test]
fn a_replay_gives_what_a_right_contract_would_have_given_from_the_start() {
    block_on(async {
        let text = "id,day\n1,2024-01-05\n2,6.1.2024\nx,2024-01-07\n4,8.1.2024\n";
        let wrong = |world: &World| {
            with(world.source(&[("id", DataType::Long), ("day", DataType::Date)]), |ingest| {
                ingest.on_bad_row = OnBadRow::Quarantine;
            })
        };
        let right = |world: &World| {
            with(wrong(world), |ingest| {
                ingest.contract.columns[1].format = vec!["yyyy-MM-dd".into(), "d.M.yyyy".into()];
                ingest.contract.columns[0].null_values = vec!["x".into()];
            })
        };
        let (late, early) = (World::new().await, World::new().await);
        for world in [&late, &early] {
            world.file("rentals_1.csv", text);
            world.file("rentals_2.csv", "id,day\n5,9.1.2024\n");
        }
        assert_eq!(late.run(&wrong(&late)).await.unwrap().rows.quarantined, 4);
        assert_eq!(early.run(&right(&early)).await.unwrap().rows.quarantined, 0);

        // A contract that is half right loads half of it, and the rest has today's reasons.
        let half = with(wrong(&late), |ingest| ingest.contract.columns[0].null_values = vec!["x".into()]);
        let replayed = late.engine.replay(&half, &late.context()).await.unwrap();
        assert_eq!((replayed.records, replayed.loaded, replayed.quarantined), (4, 1, 3));
        let replayed = late.engine.replay(&right(&late), &late.context()).await.unwrap();
        assert_eq!((replayed.records, replayed.loaded, replayed.quarantined), (3, 3, 0));

        let all = "select id, day, _source_line, substring(_source_file, length(_source_file) - 4) from bronze.rentals \
                   order by _source_file, _source_line";
        assert_eq!(late.query(all).await, early.query(all).await);
        assert_eq!(late.query("select count(*) from bronze.rentals_quarantine").await, ["0"]);
        // And once is enough.
        let again = late.engine.replay(&right(&late), &late.context()).await.unwrap();
        assert_eq!((again.records, again.loaded), (0, 0));
        assert_eq!(late.query(all).await, early.query(all).await);
        assert_eq!(late.run(&right(&late)).await.unwrap().rows.read, 0);
    });
}

#[test]
fn a_replay_brings_new_columns_along() {
    block_on(async {
        let world = World::new().await;
        let add = |ingest: &mut headwater_plan::Ingest| ingest.on_schema_change = OnSchemaChange::AddColumns;
        let node = with(world.sorted(), add);
        world.file("rentals_1.csv", "id,car,color\n1,Audi,red\nx,Seat,blue\n");
        world.file("rentals_2.csv", "id,car,size\ny,Fiat,small\n");
        world.run(&node).await.unwrap();
        let mended = with(world.sorted(), |ingest| {
            add(ingest);
            ingest.contract.columns[0].null_values = vec!["x".into(), "y".into()];
        });
        let replayed = world.engine.replay(&mended, &world.context()).await.unwrap();
        assert_eq!((replayed.loaded, replayed.quarantined), (2, 0));
        let all = "select id, car, color, size from bronze.rentals order by car";
        assert_eq!(world.query(all).await, ["1,Audi,red,", ",Fiat,,small", ",Seat,blue,"]);
    });
}

#[test]
fn rows_are_dropped_of_one_file_or_all() {
    block_on(async {
        let world = World::new().await;
        let node = world.sorted();
        world.file("rentals_1.csv", "id,car\nx,Audi\n2,Seat\n");
        world.file("rentals_2.csv", "id,car\ny,Fiat\nz,Opel\n");
        world.run(&node).await.unwrap();
        let dropped =
            world.engine.drop_quarantined(&node, Some("incoming/rentals_1.csv"), &world.context()).await.unwrap();
        assert_eq!((dropped.dropped, dropped.quarantined), (1, 2));
        assert_eq!(
            world.query("select raw, batch from bronze.rentals_quarantine order by raw").await,
            ["y,Fiat,1", "z,Opel,1"]
        );
        let dropped = world.engine.drop_quarantined(&node, None, &world.context()).await.unwrap();
        assert_eq!((dropped.dropped, dropped.quarantined), (2, 0));
        assert_eq!(world.query("select count(*) from bronze.rentals_quarantine").await, ["0"]);
        assert_eq!(world.query(ALL).await, ["2,Seat"]);
        assert_eq!(world.run(&node).await.unwrap().rows.read, 0);
    });
}

#[test]
fn a_full_refresh_empties_the_quarantine_too() {
    block_on(async {
        let mut world = World::new().await;
        let node = world.sorted();
        world.file("rentals_1.csv", "id,car\nx,Audi\n2,Seat\n");
        world.run(&node).await.unwrap();
        world.file("rentals_1.csv", "id,car\n1,Audi\ny,Seat\n");
        world.full_refresh = true;
        world.run(&node).await.unwrap();
        assert_eq!(world.query(ALL).await, ["1,Audi"]);
        assert_eq!(world.query("select raw from bronze.rentals_quarantine").await, ["y,Seat"]);
        world.file("rentals_1.csv", "id,car\n1,Audi\n2,Seat\n");
        world.run(&node).await.unwrap();
        assert_eq!(world.query("select raw from bronze.rentals_quarantine").await, Vec::<String>::new());
    });
}

#[test]
fn a_replay_waits_for_a_load_that_did_not_end() {
    block_on(async {
        let world = World::new().await;
        let node = world.sorted();
        world.file("rentals_1.csv", "id,car\nx,Audi\n");
        world.run(&node).await.unwrap();
        world.file("rentals_2.csv", "id,car\n2,Seat\n");
        world.plan_and_die(&["rentals_2.csv"]).await;
        let refused = world.engine.replay(&node, &world.context()).await.unwrap_err();
        insta::assert_snapshot!(world.told(&refused), @r"
        lake-in-use: an earlier run did not finish loading `bronze.rentals`
          at models/rental.rentals.sql:1:1
          -
          help: finish it first: `headwater run`
        ");
        assert_eq!(world.run(&node).await.unwrap().rows.written, 1);
        assert_eq!(world.engine.replay(&node, &world.context()).await.unwrap().quarantined, 1);
    });
}

#[test]
fn a_replay_that_died_before_its_commit_is_forgotten_and_its_rows_are_still_there() {
    block_on(async {
        let world = World::new().await;
        let node = world.sorted();
        world.file("rentals_1.csv", "id,car\nx,Audi\n2,Seat\n");
        world.run(&node).await.unwrap();
        world.plan_replay_and_die().await;
        assert_eq!(world.state(&node).await.unwrap().pending, Default::default());
        world.file("rentals_2.csv", "id,car\n3,Fiat\n");
        assert_eq!(world.run(&node).await.unwrap().rows.written, 1);
        assert_eq!(world.query("select raw from bronze.rentals_quarantine").await, ["x,Audi"]);
        let Some(Relation::Table(table)) = world.lake.relation(&aside()).await.unwrap() else { panic!("it is there") };
        assert_eq!(table.rows(), Some(1));
    });
}

#[test]
fn a_replay_asks_for_todays_rules() {
    block_on(async {
        let world = World::new().await;
        let rule = |sql: &str| Constraint {
            written: sql.into(),
            column: None,
            sql: sql.into(),
            location: Location::line("models/bronze/sources.yml", 9),
        };
        let ruled = |sql: &str| with(world.sorted(), |ingest| ingest.contract.constraints = vec![rule(sql)]);
        world.file("rentals_1.csv", "id,car\n1,Audi\n2,Seat\n3,Fiat\n");
        assert_eq!(world.run(&ruled("id > 2")).await.unwrap().rows.quarantined, 2);
        let replayed = world.engine.replay(&ruled("id > 1"), &world.context()).await.unwrap();
        assert_eq!((replayed.loaded, replayed.quarantined), (1, 1));
        assert_eq!(world.query(ALL).await, ["2,Seat", "3,Fiat"]);
    });
}

#[test]
fn a_lost_table_is_built_again_and_its_quarantine_with_it() {
    block_on(async {
        let world = World::new().await;
        world.file("rentals_1.csv", "id,car\nx,Audi\n2,Seat\n");
        world.run(&world.sorted()).await.unwrap();
        world.file("rentals_2.csv", "id,car\ny,Fiat\n4,Opel\n");
        world.run(&world.sorted()).await.unwrap();
        std::fs::remove_dir_all(world.folder.path().join("lake/bronze/rentals")).unwrap();
        // The contract is another one by now: what was set aside once must not stay there beside its row.
        let mended = with(world.sorted(), |ingest| ingest.contract.columns[0].null_values = vec!["x".into()]);
        assert_eq!(world.state(&mended).await.unwrap().pending.resumed_files, 2);
        let report = world.run(&mended).await.unwrap();
        assert_eq!(report.rows, RowCounts { read: 4, written: 3, quarantined: 1 });
        assert_eq!(world.query(ALL).await, [",Audi", "2,Seat", "4,Opel"]);
        assert_eq!(world.query("select raw from bronze.rentals_quarantine").await, ["y,Fiat"]);
    });
}
