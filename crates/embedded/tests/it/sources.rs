//! What of a source has arrived, is loaded, waits; and loading a file again.

use std::fs;

use chrono::TimeDelta;
use headwater_embedded::sources::{BatchKind, BatchState, FileStatus, Forget};
use headwater_plan::{Code, OnFileChange, RunId};

use crate::world::{World, block_on, noon, with};

const ALL: &str = "select id, car from bronze.rentals order by id, car";

fn act() -> RunId {
    RunId("act".into())
}

#[test]
fn a_source_tells_what_became_of_every_file() {
    block_on(async {
        let world = World::new().await;
        let node = with(world.sorted(), |ingest| ingest.on_file_change = OnFileChange::Ignore);
        world.file("rentals_1.csv", "id,car\n1,Audi\nx,Seat\n");
        world.file("rentals_2.csv", "id,car\n2,Audi\n");
        world.file("rentals_3.csv", "id,car\n3,Audi\n");
        world.run(&node).await.unwrap();
        fs::remove_file(world.path("rentals_2.csv")).unwrap();
        world.file("rentals_3.csv", "id,car\n33,Audi\n");
        world.file("rentals_4.csv", "id,car\n4,Audi\n");
        world.file("rentals_5.csv", "id,car\n5,Audi\n");
        world.plan_and_die(&["rentals_5.csv"]).await;

        let history = world.engine.source_history(&node).await.unwrap();
        let state = &history.state;
        assert_eq!((state.arrived.files, state.loaded.files, state.waiting.files), (4, 3, 2));
        assert_eq!((state.resumed, state.changed, state.ignored, state.settling), (1, 0, 1, 0));
        assert_eq!((state.rows, state.quarantined, &state.problem), (3, 1, &None));
        assert_eq!(state.loaded_at, Some(noon()));
        let files: Vec<_> = history
            .files
            .iter()
            .map(|file| {
                let name =
                    file.path.rsplit('/').next().unwrap().trim_start_matches("rentals_").trim_end_matches(".csv");
                (name, file.status, file.batch, file.account.map(|it| (it.records, it.loaded, it.quarantined)))
            })
            .collect();
        assert_eq!(
            files,
            [
                ("1", FileStatus::Loaded, Some(1), Some((2, 1, 1))),
                ("2", FileStatus::Gone, Some(1), Some((1, 1, 0))),
                ("3", FileStatus::Ignored, None, None),
                ("3", FileStatus::Loaded, Some(1), Some((1, 1, 0))),
                ("4", FileStatus::Waiting, None, None),
                ("5", FileStatus::Resumed, Some(2), None),
            ]
        );
        let batches: Vec<_> = history.batches.iter().map(|batch| (batch.number, batch.kind, batch.state)).collect();
        assert_eq!(batches, [(2, BatchKind::Files, BatchState::Pending), (1, BatchKind::Files, BatchState::Loaded)]);
    });
}

#[test]
fn what_stands_in_the_way_is_told_and_does_not_stop_the_list() {
    block_on(async {
        let world = World::new().await;
        let node = world.rentals();
        world.file("rentals_1.csv", "id,car\n1,Audi\n");
        world.run(&node).await.unwrap();
        world.file("rentals_1.csv", "id,car\n1,Seat\n");
        assert_eq!(world.engine.source(&node).await.problem.unwrap().code, Code::FileChanged);
        fs::remove_dir_all(world.folder.path().join("incoming")).unwrap();
        assert_eq!(world.engine.source(&node).await.problem.unwrap().code, Code::NoFiles);
    });
}

#[test]
fn a_forgotten_file_is_loaded_again_beside_its_rows() {
    block_on(async {
        let world = World::new().await;
        let node = world.rentals();
        world.file("rentals_1.csv", "id,car\n1,Audi\n");
        world.file("rentals_2.csv", "id,car\n2,Seat\n");
        world.run(&node).await.unwrap();
        let forgotten = world.engine.forget(&node, Forget::File("rentals_1.csv"), &act(), noon()).await.unwrap();
        assert_eq!(forgotten.len(), 1);
        assert_eq!(world.state(&node).await.unwrap().pending.files, 1);
        world.run(&node).await.unwrap();
        assert_eq!(world.query(ALL).await, ["1,Audi", "1,Audi", "2,Seat"]);
        assert_eq!(world.run(&node).await.unwrap().files, 0);
        let history = world.engine.source_history(&node).await.unwrap();
        assert_eq!(history.forgotten.len(), 1);
        assert_eq!((&history.forgotten[0].run_id, history.forgotten[0].at), (&act(), noon()));

        // A file that changed and may not: forgotten, it is new.
        world.file("rentals_2.csv", "id,car\n2,Fiat\n");
        assert_eq!(world.run(&node).await.unwrap_err().code, Code::FileChanged);
        world.engine.forget(&node, Forget::File("incoming/rentals_2.csv"), &act(), noon()).await.unwrap();
        world.run(&node).await.unwrap();
        assert_eq!(world.query(ALL).await, ["1,Audi", "1,Audi", "2,Fiat", "2,Seat"]);
    });
}

#[test]
fn a_name_that_is_none_or_several_is_told() {
    block_on(async {
        let world = World::new().await;
        let node = with(world.rentals(), |ingest| {
            ingest.files.pattern = world.path("**/rentals*.csv").display().to_string();
        });
        for folder in ["a", "b"] {
            fs::create_dir(world.path(folder)).unwrap();
            world.file(&format!("{folder}/rentals_1.csv"), "id,car\n1,Audi\n");
        }
        world.run(&node).await.unwrap();
        let none = world.engine.forget(&node, Forget::File("rental_1.csv"), &act(), noon()).await.unwrap_err();
        insta::assert_snapshot!(world.told(&none), @r"
        unknown-file: `rental_1.csv` was never loaded into `bronze.rentals`
          at models/rental.rentals.sql:1:1
          -
          help: did you mean `rentals_1.csv`?
        ");
        let several = world.engine.find_loaded(&node, Forget::File("rentals_1.csv")).await.unwrap_err();
        insta::assert_snapshot!(world.told(&several), @r"
        unknown-file: `rentals_1.csv` may be any of 2 files that were loaded into `bronze.rentals`
          at models/rental.rentals.sql:1:1
          -
          because: `DIR/incoming/a/rentals_1.csv`
          because: `DIR/incoming/b/rentals_1.csv`
          help: write its whole path
        ");
        assert_eq!(world.engine.find_loaded(&node, Forget::File("a/rentals_1.csv")).await.unwrap().len(), 1);
    });
}

#[test]
fn all_files_since_an_instant_are_loaded_again() {
    block_on(async {
        let world = World::new().await;
        let node = world.rentals();
        world.file("rentals_1.csv", "id,car\n1,Audi\n");
        world.run(&node).await.unwrap();
        let later = noon() + TimeDelta::seconds(1);
        assert_eq!(world.engine.forget(&node, Forget::Since(later), &act(), noon()).await.unwrap(), []);
        assert_eq!(world.engine.forget(&node, Forget::Since(noon()), &act(), noon()).await.unwrap().len(), 1);
        world.run(&node).await.unwrap();
        assert_eq!(world.query(ALL).await, ["1,Audi", "1,Audi"]);
    });
}

#[test]
fn a_file_that_vanished_from_a_planned_batch_is_let_go() {
    block_on(async {
        let world = World::new().await;
        let node = world.rentals();
        world.file("rentals_1.csv", "id,car\n1,Audi\n");
        world.file("rentals_2.csv", "id,car\n2,Seat\n");
        world.plan_and_die(&["rentals_1.csv", "rentals_2.csv"]).await;
        fs::remove_file(world.path("rentals_1.csv")).unwrap();
        assert_eq!(world.run(&node).await.unwrap_err().code, Code::NoFiles);
        world.engine.forget(&node, Forget::File("rentals_1.csv"), &act(), noon()).await.unwrap();
        world.run(&node).await.unwrap();
        assert_eq!(world.query(ALL).await, ["2,Seat"]);
    });
}
