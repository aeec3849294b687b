use std::fs;
use std::sync::Arc;

use headwater_lake::Relation;
use headwater_plan::{Code, DataType, Fault, Pending, RowCounts, TableName};

use crate::world::{World, block_on, built};

const ALL: &str = "select id, car from bronze.rentals order by id";

#[test]
fn files_are_loaded_once_and_new_ones_are_added() {
    block_on(async {
        let world = World::new().await;
        let node = world.rentals();
        world.file("rentals_1.csv", "id,car\n1,Audi\n2,\n");
        let before = world.state(&node).await.unwrap();
        assert_eq!((before.version, before.pending.files, before.pending.bytes), (None, 1, 17));
        let report = world.run(&node).await.unwrap();
        assert_eq!(report.rows, RowCounts { read: 2, written: 2, quarantined: 0 });
        assert_eq!((report.files, report.bytes), (1, 17));

        let after = world.state(&node).await.unwrap();
        assert_eq!(after.pending, Pending::default());
        assert_eq!((&after.version, built(&after).fingerprint.as_str()), (&report.version, "1"));
        let again = world.run(&node).await.unwrap();
        assert_eq!((again.rows.read, again.version), (0, report.version.clone()));

        world.file("rentals_2.csv", "id,car\n3,Seat\n");
        assert_eq!(world.state(&node).await.unwrap().pending.files, 1);
        let second = world.run(&node).await.unwrap();
        assert_eq!((second.rows.read, second.files), (1, 1));
        assert_eq!(world.query(ALL).await, ["1,Audi", "2,", "3,Seat"]);
        let stamps = "select distinct _run_id, _ingested_at from bronze.rentals";
        assert_eq!(world.query(stamps).await, ["0198,2024-05-01T12:00:00Z"]);
    });
}

#[test]
fn what_a_dead_run_had_planned_is_finished_as_it_was_written() {
    block_on(async {
        let world = World::new().await;
        let node = world.rentals();
        world.file("rentals_1.csv", "id,car\n1,Audi\n");
        world.file("rentals_2.csv", "id,car\n2,Seat\n");
        // The dead run: written ahead, a part half written, nothing committed.
        world.plan_and_die(&["rentals_1.csv", "rentals_2.csv"]).await;
        world.file("rentals_3.csv", "id,car\n3,Fiat\n");

        let pending = world.state(&node).await.unwrap().pending;
        assert_eq!((pending.files, pending.resumed_files), (3, 2));
        let report = world.run(&node).await.unwrap();
        assert_eq!((report.rows.read, report.rows.written, report.files), (3, 3, 3));
        assert_eq!(world.query(ALL).await, ["1,Audi", "2,Seat", "3,Fiat"]);
        // Two batches, two commits.
        assert_eq!(report.version.unwrap().version, 1);
        assert_eq!(world.state(&node).await.unwrap().pending, Pending::default());
    });
}

#[test]
fn a_planned_file_that_is_gone_is_told_and_a_changed_one_is_planned_anew() {
    block_on(async {
        let world = World::new().await;
        let node = world.rentals();
        world.file("rentals_1.csv", "id,car\n1,Audi\n");
        world.plan_and_die(&["rentals_1.csv"]).await;

        fs::rename(world.path("rentals_1.csv"), world.path("aside.csv")).unwrap();
        let gone = world.run(&node).await.unwrap_err();
        insta::assert_snapshot!(world.told(&gone), @r#"
        no-files: `DIR/incoming/rentals_1.csv` is gone, and an earlier run had begun to load it into `bronze.rentals`
          at models/rental.rentals.sql:1:1
          -
          help: put it back and run again, or let it go with `headwater sources forget`
        "#);

        world.file("rentals_1.csv", "id,car\n7,Opel\n8,Fiat\n");
        let report = world.run(&node).await.unwrap();
        assert_eq!((report.rows.written, report.files), (2, 1));
        assert_eq!(world.query(ALL).await, ["7,Opel", "8,Fiat"]);
    });
}

#[test]
fn a_loaded_file_that_changed_needs_a_full_refresh() {
    block_on(async {
        let mut world = World::new().await;
        let node = world.rentals();
        world.file("rentals_1.csv", "id,car\n1,Audi\n");
        world.run(&node).await.unwrap();
        world.file("rentals_1.csv", "id,car\n1,Audi\n2,Seat\n");
        let pending = world.state(&node).await.unwrap().pending;
        assert_eq!((pending.files, pending.changed_files), (1, 1));
        let changed = world.run(&node).await.unwrap_err();
        insta::assert_snapshot!(world.told(&changed), @r#"
        file-changed: `DIR/incoming/rentals_1.csv` changed after it was loaded into `bronze.rentals`
          at models/rental.rentals.sql:1:1
          -
          help: files are loaded once: give new content a new name, or say what to do with it: `on_file_change: ignore` or `load_again`; `--full-refresh` loads everything again
        "#);

        world.full_refresh = true;
        world.run(&node).await.unwrap();
        assert_eq!(world.query(ALL).await, ["1,Audi", "2,Seat"]);
        world.full_refresh = false;
        assert_eq!(world.state(&node).await.unwrap().pending, Pending::default());
        world.file("rentals_2.csv", "id,car\n3,Fiat\n");
        world.run(&node).await.unwrap();
        assert_eq!(world.query(ALL).await, ["1,Audi", "2,Seat", "3,Fiat"]);
    });
}

#[test]
fn bad_records_are_named_and_nothing_is_loaded() {
    block_on(async {
        let world = World::new().await;
        let node = world.source(&[("id", DataType::Long), ("amount", DataType::Decimal { precision: 6, scale: 2 })]);
        world.file("rentals_1.csv", "id,amount\n1,2.50\ntwo,3\n3,4,5\n");
        let many: String = (0..9).map(|number| format!("{number},no\n")).collect();
        world.file("rentals_2.csv", &format!("id,amount\n{many}"));
        let bad = world.run(&node).await.unwrap_err();
        insta::assert_snapshot!(world.told(&bad), @r#"
        invalid-cell: line 3 of `DIR/incoming/rentals_1.csv` cannot be loaded: column `id`: `two` is not a valid `bigint`; 11 of 12 records do not fit, and nothing was loaded into `bronze.rentals`
          at DIR/incoming/rentals_1.csv:3:1
          two,3
          because: line 4 of `DIR/incoming/rentals_1.csv` cannot be loaded: it has 3 cells, expected 2
          because: line 2 of `DIR/incoming/rentals_2.csv` cannot be loaded: column `amount`: `no` is not a valid `decimal(6,2)`
          because: line 3 of `DIR/incoming/rentals_2.csv` cannot be loaded: column `amount`: `no` is not a valid `decimal(6,2)`
          because: line 4 of `DIR/incoming/rentals_2.csv` cannot be loaded: column `amount`: `no` is not a valid `decimal(6,2)`
          because: and 6 more
          help: correct the value, or declare `string`
        "#);
        assert_eq!(world.data_files("bronze/rentals"), 0);
        assert!(world.lake.relation(&TableName::new("bronze", "rentals")).await.unwrap().is_none());

        // Mended, under the same names, it loads; and what was refused before is not in the way.
        let pending = world.state(&node).await.unwrap().pending;
        assert_eq!((pending.files, pending.resumed_files, pending.changed_files), (2, 0, 0));
        world.file("rentals_1.csv", "id,amount\n1,2.50\n");
        fs::remove_file(world.path("rentals_2.csv")).unwrap();
        assert_eq!(world.run(&node).await.unwrap().rows.written, 1);
    });
}

#[test]
fn wrong_headers_are_told_before_anything_is_written() {
    block_on(async {
        let world = World::new().await;
        let node = world.rentals();
        world.file("rentals_1.csv", "id;car\n1;Audi\n");
        let planned = world.state(&node).await.unwrap_err();
        let run = world.run(&node).await.unwrap_err();
        assert_eq!((planned.code, run.code), (Code::WrongDelimiter, Code::WrongDelimiter));
        world.file("rentals_1.csv", "id,cra\n1,Audi\n");
        let wrong = world.run(&node).await.unwrap_err();
        insta::assert_snapshot!(world.told(&wrong), @r#"
        missing-column: `DIR/incoming/rentals_1.csv` has no column `car`, which the contract requires
          at DIR/incoming/rentals_1.csv:1:1
          id,cra
          because: `DIR/incoming/rentals_1.csv` has a column `cra`, which the contract has not
          help: did you mean `cra`? `source_name: cra` reads it
        "#);
        assert!(!world.folder.path().join("lake").exists());
    });
}

#[test]
fn no_files_are_a_mistake_until_the_table_is_there() {
    block_on(async {
        let world = World::new().await;
        let node = world.rentals();
        let none = world.state(&node).await.unwrap_err();
        insta::assert_snapshot!(world.told(&none), @r#"
        no-files: no file matches `incoming/rentals*.csv`, and `bronze.rentals` was never loaded
          at models/bronze/sources.yml:4:1
          -
          help: looked for `DIR/incoming/rentals*.csv`: put the files there, or change `files:`
        "#);
        assert_eq!(none.fault, Fault::User);

        world.file("rentals_1.csv", "id,car\n1,Audi\n");
        world.run(&node).await.unwrap();
        fs::remove_file(world.path("rentals_1.csv")).unwrap();
        assert_eq!(world.state(&node).await.unwrap().pending, Pending::default());

        fs::remove_dir(world.folder.path().join("incoming")).unwrap();
        let no_folder = world.state(&node).await.unwrap_err();
        insta::assert_snapshot!(world.told(&no_folder), @r#"
        no-files: no file matches `incoming/rentals*.csv`: the folder `DIR/incoming` does not exist
          at models/bronze/sources.yml:4:1
          -
          help: looked for `DIR/incoming/rentals*.csv`: make the folder, or change `files:`
        "#);
    });
}

#[test]
fn another_contract_asks_for_a_full_refresh() {
    block_on(async {
        let mut world = World::new().await;
        let node = world.rentals();
        world.file("rentals_1.csv", "id,car\n1,Audi\n");
        world.run(&node).await.unwrap();
        let mut wider = world.source(&[("id", DataType::Int), ("car", DataType::String)]);
        wider.fingerprint = "2".into();
        // Without new files too: the table is not what the project says.
        assert_eq!(world.run(&wider).await.unwrap_err().code, Code::SchemaMismatch);
        world.file("rentals_2.csv", "id,car\n2,Seat\n");
        let mismatch = world.run(&wider).await.unwrap_err();
        insta::assert_snapshot!(world.told(&mismatch), @r#"
        schema-mismatch: table `bronze.rentals` has other columns than what would be added to it: `id` is `bigint` in the table, not `int`
          at models/rental.rentals.sql:1:1
          -
          help: run with `--full-refresh` to build the table anew, or give the columns back their old form
        "#);
        // Nothing was written down for the file either.
        assert_eq!(world.state(&wider).await.unwrap().pending.resumed_files, 0);
        world.full_refresh = true;
        world.run(&wider).await.unwrap();
        assert_eq!(world.query(ALL).await, ["1,Audi", "2,Seat"]);
    });
}

#[test]
fn other_settings_are_noted_on_a_table_that_fits_them() {
    block_on(async {
        let world = World::new().await;
        let mut node = world.rentals();
        world.file("rentals_1.csv", "id,car\n1,Audi\n");
        world.run(&node).await.unwrap();
        node.fingerprint = "2".into();
        world.run(&node).await.unwrap();
        assert_eq!(built(&world.state(&node).await.unwrap()).fingerprint, "2");
        assert_eq!(world.query(ALL).await, ["1,Audi"]);
    });
}

#[test]
fn a_stopped_load_leaves_nothing_visible_and_is_finished_later() {
    block_on(async {
        let mut world = World::new().await;
        let node = world.rentals();
        world.file("rentals_1.csv", "id,car\n1,Audi\n");
        let cancel = world.cancel.clone();
        world.progress = Arc::new(move |_| cancel.cancel());
        assert_eq!(world.run(&node).await.unwrap_err().code, Code::Cancelled);
        assert_eq!(world.data_files("bronze/rentals"), 0);
        assert!(world.lake.relation(&TableName::new("bronze", "rentals")).await.unwrap().is_none());
        world.progress = Arc::new(|_| {});
        world.cancel = Default::default();
        assert_eq!(world.state(&node).await.unwrap().pending.resumed_files, 1);
        assert_eq!(world.run(&node).await.unwrap().rows.written, 1);
    });
}

#[test]
fn a_large_file_is_loaded_by_several_threads_and_every_line_is_there_once() {
    block_on(async {
        let world = World::new().await;
        let node = world.rentals();
        let lines: String = (0..600_000).map(|number| format!("{number},Car {}\n", number % 7)).collect();
        world.file("rentals_1.csv", &format!("id,car\n{lines}"));
        let report = world.run(&node).await.unwrap();
        assert_eq!((report.rows.read, report.rows.written), (600_000, 600_000));
        let sums = "select count(*), count(distinct id), min(_source_line), max(_source_line) from bronze.rentals";
        assert_eq!(world.query(sums).await, ["600000,600000,2,600001"]);
        let Some(Relation::Table(table)) = world.lake.relation(&TableName::new("bronze", "rentals")).await.unwrap()
        else {
            panic!("an ingest makes a table")
        };
        assert_eq!(table.rows(), Some(600_000));
    });
}

#[test]
fn a_seed_replaces_its_table() {
    block_on(async {
        let world = World::new().await;
        let node = world.seed("cities[1].csv", &[("city", DataType::String), ("people", DataType::Long)]);
        world.file("cities[1].csv", "city,people\nUlm,126000\nBonn,330000\n");
        let report = world.run(&node).await.unwrap();
        assert_eq!((report.rows.read, report.rows.written), (2, 2));
        world.file("cities[1].csv", "city,people\nUlm,127000\n");
        world.run(&node).await.unwrap();
        assert_eq!(world.query("select * from seeds.cities").await, ["Ulm,127000"]);
        assert_eq!(built(&world.state(&node).await.unwrap()).fingerprint, "1");
    });
}

#[test]
fn a_lake_of_the_first_headwater_is_gone_on_with() {
    block_on(async {
        let world = World::new().await;
        let node = world.rentals();
        world.file("rentals_1.csv", "id,car\n1,Audi\n");
        world.run(&node).await.unwrap();
        // What the first Headwater left of that: one file, with the paths as they were listed.
        let ledger = world.folder.path().join("lake/_headwater/ledger/bronze.rentals/1");
        for file in fs::read_dir(&ledger).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
        let noted = world.noted("rentals_1.csv");
        let first = format!(
            r#"{{"version":1,"batch":1,"run_id":"0","planned_at":"2024-01-01T00:00:00Z","replace":true,"files":[{{"path":"{}","size":{},"tag":"{}"}}]}}"#,
            noted.path, noted.size, noted.tag
        );
        fs::write(ledger.join("00000000000000000001.json"), first).unwrap();

        assert_eq!(world.state(&node).await.unwrap().pending, Pending::default());
        world.file("rentals_2.csv", "id,car\n2,Seat\n");
        assert_eq!(world.run(&node).await.unwrap().files, 1);
        assert_eq!(world.query(ALL).await, ["1,Audi", "2,Seat"]);
        assert_eq!(world.state(&node).await.unwrap().pending, Pending::default());
    });
}
