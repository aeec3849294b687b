//! What a source may ask for beside its files and its contract.

use std::fs;
use std::time::{Duration, Instant, SystemTime};

use headwater_plan::{
    AfterLoad, BatchLimits, Code, CsvOptions, DataType, FileFormat, OnFileChange, OnSchemaChange, Pending, Ragged,
    TableLayout,
};

use crate::world::{World, block_on, built, noon, with};

const ALL: &str = "select id, car from bronze.rentals order by id, car";

#[test]
fn a_changed_file_is_left_alone_or_loaded_again() {
    block_on(async {
        let world = World::new().await;
        let ignore = with(world.rentals(), |ingest| ingest.on_file_change = OnFileChange::Ignore);
        let again = with(world.rentals(), |ingest| ingest.on_file_change = OnFileChange::LoadAgain);
        world.file("rentals_1.csv", "id,car\n1,Audi\n");
        world.run(&ignore).await.unwrap();
        world.file("rentals_1.csv", "id,car\n1,Seat\n");
        world.file("rentals_2.csv", "id,car\n2,Fiat\n");
        let pending = world.state(&ignore).await.unwrap().pending;
        assert_eq!((pending.files, pending.changed_files), (1, 0));
        assert_eq!(world.run(&ignore).await.unwrap().files, 1);
        assert_eq!(world.state(&ignore).await.unwrap().pending, Pending::default());
        assert_eq!(world.query(ALL).await, ["1,Audi", "2,Fiat"]);

        let pending = world.state(&again).await.unwrap().pending;
        assert_eq!((pending.files, pending.changed_files), (1, 1));
        assert_eq!(world.run(&again).await.unwrap().files, 1);
        assert_eq!(world.query(ALL).await, ["1,Audi", "1,Seat", "2,Fiat"]);
        assert_eq!(world.state(&again).await.unwrap().pending, Pending::default());
        assert_eq!(world.run(&again).await.unwrap().files, 0);
    });
}

#[test]
fn batches_hold_so_many_files_and_bytes() {
    block_on(async {
        let world = World::new().await;
        for number in 0..5 {
            world.file(&format!("rentals_{number}.csv"), &format!("id,car\n{number},Audi\n"));
        }
        let limits = |max_files, max_bytes| BatchLimits { max_files, max_bytes };
        let node = with(world.rentals(), |ingest| ingest.batch = limits(2, 1 << 30));
        let report = world.run(&node).await.unwrap();
        assert_eq!((report.files, report.rows.written, report.version.unwrap().version), (5, 5, 2), "three commits");
        for number in 5..8 {
            world.file(&format!("rentals_{number}.csv"), &format!("id,car\n{number},Audi\n"));
        }
        // 14 bytes each: no two fit, and one that is too large is loaded alone.
        let node = with(world.rentals(), |ingest| ingest.batch = limits(10, 20));
        assert_eq!(world.run(&node).await.unwrap().version.unwrap().version, 5);
        let node = with(world.rentals(), |ingest| ingest.batch = limits(10, 1));
        world.file("rentals_9.csv", "id,car\n9,Audi\n");
        assert_eq!(world.run(&node).await.unwrap().rows.written, 1);
        assert_eq!(world.query("select count(*), count(distinct id) from bronze.rentals").await, ["9,9"]);
    });
}

#[test]
fn a_batch_that_fails_leaves_those_before_it() {
    block_on(async {
        let world = World::new().await;
        let node = with(world.rentals(), |ingest| ingest.batch.max_files = 1);
        world.file("rentals_1.csv", "id,car\n1,Audi\n");
        world.file("rentals_2.csv", "id,car\ntwo,Audi\n");
        assert_eq!(world.run(&node).await.unwrap_err().code, Code::InvalidCell);
        assert_eq!(world.query(ALL).await, ["1,Audi"]);
        let pending = world.state(&node).await.unwrap().pending;
        assert_eq!((pending.files, pending.resumed_files), (1, 0), "the refused one is free");
    });
}

#[test]
fn a_loaded_file_is_deleted_or_archived() {
    block_on(async {
        let world = World::new().await;
        let delete = with(world.rentals(), |ingest| ingest.after_load = AfterLoad::Delete);
        world.file("rentals_1.csv", "id,car\n1,Audi\n");
        world.run(&delete).await.unwrap();
        assert!(!world.path("rentals_1.csv").exists());
        assert_eq!(world.state(&delete).await.unwrap().pending, Pending::default());

        let archive_folder = world.folder.path().join("archive");
        let archive = with(world.rentals(), |ingest| {
            ingest.after_load = AfterLoad::Archive(archive_folder.display().to_string());
        });
        world.file("rentals_2.csv", "id,car\n2,Seat\n");
        world.run(&archive).await.unwrap();
        assert!(!world.path("rentals_2.csv").exists());
        assert_eq!(fs::read_to_string(archive_folder.join("rentals_2.csv")).unwrap(), "id,car\n2,Seat\n");
        assert_eq!(world.query(ALL).await, ["1,Audi", "2,Seat"]);
    });
}

#[test]
fn a_refused_file_is_neither_deleted_nor_archived() {
    block_on(async {
        let world = World::new().await;
        let node = with(world.rentals(), |ingest| ingest.after_load = AfterLoad::Delete);
        world.file("rentals_1.csv", "id,car\none,Audi\n");
        world.run(&node).await.unwrap_err();
        assert!(world.path("rentals_1.csv").exists());
    });
}

#[test]
fn a_full_refresh_does_not_lose_what_is_there_no_more() {
    block_on(async {
        let mut world = World::new().await;
        let delete = with(world.rentals(), |ingest| ingest.after_load = AfterLoad::Delete);
        world.file("rentals_1.csv", "id,car\n1,Audi\n");
        world.run(&delete).await.unwrap();
        world.file("rentals_2.csv", "id,car\n2,Seat\n");
        world.full_refresh = true;
        let refused = world.run(&delete).await.unwrap_err();
        insta::assert_snapshot!(world.told(&refused), @r"
        no-files: `--full-refresh` would lose the rows of `DIR/incoming/rentals_1.csv` in `bronze.rentals`
          at models/rental.rentals.sql:1:1
          -
          help: they were deleted once they were loaded; with `after_load: keep`, the table is built anew from the files that are there
        ");
        assert_eq!(world.query(ALL).await, ["1,Audi"]);
        world.run(&world.rentals()).await.unwrap();
        assert_eq!(world.query(ALL).await, ["2,Seat"]);
    });
}

#[test]
fn a_growing_file_is_waited_for_and_left_alone_if_it_grows_on() {
    block_on(async {
        let world = World::new().await;
        let node = with(world.rentals(), |ingest| ingest.settle_ms = 400);
        world.file("rentals_1.csv", "id,car\n1,Audi\n");
        world.file("rentals_2.csv", "id,car\n2,Seat\n");
        world.changed_before_noon("rentals_2.csv", Duration::from_millis(100));
        let pending = world.state(&node).await.unwrap().pending;
        assert_eq!((pending.files, pending.settling_files), (2, 1));
        let began = Instant::now();
        assert_eq!(world.run(&node).await.unwrap().files, 2, "it stayed as it was");
        assert!(began.elapsed() >= Duration::from_millis(300));
        // Nothing young: no wait.
        let began = Instant::now();
        world.run(&node).await.unwrap();
        assert!(began.elapsed() < Duration::from_millis(300));

        let node = with(world.rentals(), |ingest| ingest.settle_ms = 1_000);
        world.file("rentals_3.csv", "id,car\n3,Fiat\n");
        world.changed_before_noon("rentals_3.csv", Duration::ZERO);
        world.file("rentals_4.csv", "id,car\n4,Opel\n");
        let grow = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            fs::write(world.path("rentals_3.csv"), "id,car\n3,Fiat\n33,Fi").unwrap();
            let file = fs::File::options().write(true).open(world.path("rentals_3.csv")).unwrap();
            file.set_modified(SystemTime::from(noon()) + Duration::from_millis(300)).unwrap();
        };
        let (report, ()) = tokio::join!(world.run(&node), grow);
        let report = report.unwrap();
        assert_eq!((report.files, report.rows.written), (1, 1));
        insta::assert_snapshot!(world.told(&report.diagnostics[0]), @r"
        file-changed: `DIR/incoming/rentals_3.csv` changed while this run waited for it to be whole, and is left for the next one
          help: write files elsewhere and move them here when they are whole; `settle` is how long a file must rest
        ");
        assert_eq!(world.query(ALL).await, ["1,Audi", "2,Seat", "4,Opel"]);
    });
}

#[test]
fn new_columns_are_added_and_old_files_lack_them() {
    block_on(async {
        let world = World::new().await;
        let node = with(world.rentals(), |ingest| ingest.on_schema_change = OnSchemaChange::AddColumns);
        world.file("rentals_1.csv", "id,car\n1,Audi\n");
        world.run(&node).await.unwrap();
        world.file("rentals_2.csv", "id,color,car\n2,red,Seat\n");
        world.run(&node).await.unwrap();
        world.file("rentals_3.csv", "car,id\nFiat,3\n");
        world.run(&node).await.unwrap();
        let all = "select id, car, color from bronze.rentals order by id";
        assert_eq!(world.query(all).await, ["1,Audi,", "2,Seat,red", "3,Fiat,"]);
        assert_eq!(world.state(&node).await.unwrap().pending, Pending::default());
        let mut other = node.clone();
        other.fingerprint = "2".into();
        world.run(&other).await.unwrap();
        assert_eq!(built(&world.state(&other).await.unwrap()).fingerprint, "2");
    });
}

#[test]
fn what_no_column_takes_is_rescued() {
    block_on(async {
        let world = World::new().await;
        let node = with(world.rentals(), |ingest| {
            ingest.on_schema_change = OnSchemaChange::Rescue;
            ingest.format = FileFormat::Csv(CsvOptions { ragged: Ragged::Rescue, ..CsvOptions::default() });
        });
        world.file("rentals_1.csv", "id,car,color\n1,Audi,red\n2,Seat,\n3,Fiat,blue,extra\n");
        assert_eq!(world.run(&node).await.unwrap().rows.written, 3);
        let rescued = world.query("select id, _rescued_data from bronze.rentals order by id").await;
        assert!(rescued[0].starts_with("1,{\"color\":\"red\""), "{rescued:?}");
        assert_eq!(rescued[1], "2,");
        assert!(rescued[2].contains("blue") && rescued[2].contains("extra"), "{rescued:?}");
    });
}

#[test]
fn folders_are_columns_and_columns_are_folders() {
    block_on(async {
        let world = World::new().await;
        let node = with(world.source(&[("id", DataType::Long), ("day", DataType::Date)]), |ingest| {
            ingest.files.pattern = world.path("**/rentals*.csv").display().to_string();
            ingest.layout = TableLayout { partition_by: vec!["day".into()], ..TableLayout::default() };
        });
        for day in ["day=2024-01-05", "day=__HIVE_DEFAULT_PARTITION__"] {
            fs::create_dir(world.path(day)).unwrap();
        }
        world.file("day=2024-01-05/rentals_1.csv", "id\n1\n2\n");
        world.file("day=__HIVE_DEFAULT_PARTITION__/rentals_1.csv", "id\n3\n");
        world.run(&node).await.unwrap();
        assert_eq!(
            world.query("select id, day from bronze.rentals order by id").await,
            ["1,2024-01-05", "2,2024-01-05", "3,"]
        );
        assert_eq!(world.data_files("bronze/rentals/day=2024-01-05"), 1);
        assert_eq!(world.query("select count(*) from bronze.rentals where day = date'2024-01-05'").await, ["2"]);
        // The next load goes into the same folders.
        world.file("day=2024-01-05/rentals_2.csv", "id\n4\n");
        world.run(&node).await.unwrap();
        assert_eq!(world.data_files("bronze/rentals/day=2024-01-05"), 2);
    });
}

#[test]
fn many_small_files_become_one() {
    block_on(async {
        let world = World::new().await;
        let node = with(world.rentals(), |ingest| ingest.layout.compact_after_files = Some(3));
        for number in 0..2 {
            world.file(&format!("rentals_{number}.csv"), &format!("id,car\n{number},Audi\n"));
            world.run(&node).await.unwrap();
        }
        let files = async || match world.lake.relation(&node.relation.clone().unwrap()).await.unwrap() {
            Some(headwater_lake::Relation::Table(table)) => table.files(),
            _ => 0,
        };
        assert_eq!(files().await, 2);
        world.file("rentals_2.csv", "id,car\n2,Audi\n");
        let report = world.run(&node).await.unwrap();
        assert_eq!(files().await, 1);
        let state = world.state(&node).await.unwrap();
        assert_eq!((state.version, state.pending), (report.version, Pending::default()));
        assert_eq!(built(&world.state(&node).await.unwrap()).fingerprint, "1");
        assert_eq!(world.query(ALL).await, ["0,Audi", "1,Audi", "2,Audi"]);
        world.file("rentals_3.csv", "id,car\n3,Audi\n");
        world.run(&node).await.unwrap();
        assert_eq!(world.query(ALL).await.len(), 4, "the ledger knows what was loaded before");
    });
}
