//! Several processes at once, and processes that die: every row once, those in quarantine included.

use std::sync::Arc;
use std::time::Duration;

use headwater_embedded::sources::BatchState;
use headwater_plan::{AfterLoad, Engine, Node, Pending};
use tokio::task::JoinSet;

use crate::world::{World, block_on, with};

/// How many rows there are of each, and how many different ones.
async fn counts(world: &World) -> [String; 2] {
    let loaded = world.query("select count(*), count(distinct id) from bronze.rentals").await;
    let aside = world.query("select count(*), count(distinct raw) from bronze.rentals_quarantine").await;
    [loaded.join(""), aside.join("")]
}

/// Files of ten rows, every tenth of them bad; every row another one.
fn arrive(world: &World, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let rows: String = (0..10)
            .map(|row| if row == 9 { format!("x{number},Audi\n") } else { format!("{},Audi\n", number * 10 + row) })
            .collect();
        world.file(&format!("rentals_{number}.csv"), &format!("id,car\n{rows}"));
    }
}

async fn all_at_once(world: &World, node: &Node, processes: usize) {
    let mut running = JoinSet::new();
    for _ in 0..processes {
        let engine = world.other_engine().await;
        let (node, context) = (node.clone(), world.context());
        running.spawn(async move { engine.execute(&node, &context).await });
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap().unwrap();
    }
}

#[test]
fn eight_processes_load_one_copy_of_every_row() {
    block_on(async {
        let world = World::new().await;
        let node = with(world.sorted(), |ingest| ingest.batch.max_files = 4);
        arrive(&world, 0..20);
        all_at_once(&world, &node, 8).await;
        assert_eq!(counts(&world).await, ["180,180", "20,20"]);
        let history = world.engine.source_history(&node).await.unwrap();
        assert_eq!(history.state.loaded.files, 20);
        assert!(history.batches.iter().all(|batch| matches!(batch.state, BatchState::Loaded | BatchState::Overtaken)));
        assert_eq!(world.state(&node).await.unwrap().pending, Pending::default());
        // What was staged in vain is gone.
        assert_eq!(world.data_files("bronze/rentals"), files(&world, "rentals").await);
        assert_eq!(world.data_files("bronze/rentals_quarantine"), files(&world, "rentals_quarantine").await);
    });
}

async fn files(world: &World, table: &str) -> usize {
    match world.lake.relation(&headwater_plan::TableName::new("bronze", table)).await.unwrap() {
        Some(headwater_lake::Relation::Table(table)) => table.files(),
        _ => 0,
    }
}

#[test]
fn processes_that_archive_what_they_load_do_not_stand_in_each_others_way() {
    block_on(async {
        let world = World::new().await;
        let archive = world.folder.path().join("archive");
        let node = with(world.sorted(), |ingest| {
            ingest.batch.max_files = 2;
            ingest.after_load = AfterLoad::Archive(archive.display().to_string());
        });
        arrive(&world, 0..12);
        all_at_once(&world, &node, 4).await;
        assert_eq!(counts(&world).await, ["108,108", "12,12"]);
        assert_eq!(std::fs::read_dir(archive).unwrap().count(), 12);
    });
}

#[test]
fn full_refreshes_at_once_leave_one_copy_of_every_row() {
    block_on(async {
        let mut world = World::new().await;
        let node = with(world.sorted(), |ingest| ingest.batch.max_files = 4);
        arrive(&world, 0..6);
        world.run(&node).await.unwrap();
        arrive(&world, 6..12);
        world.full_refresh = true;
        all_at_once(&world, &node, 3).await;
        world.full_refresh = false;
        world.run(&node).await.unwrap();
        assert_eq!(counts(&world).await, ["108,108", "12,12"]);
    });
}

#[test]
fn replays_at_once_load_every_record_once() {
    block_on(async {
        let world = World::new().await;
        arrive(&world, 0..6);
        world.run(&world.sorted()).await.unwrap();
        let mended = with(world.sorted(), |ingest| {
            ingest.contract.columns[0].null_values = (0..6).map(|number| format!("x{number}")).collect();
        });
        let mut running = JoinSet::new();
        for _ in 0..4 {
            let engine = world.other_engine().await;
            let (node, context) = (mended.clone(), world.context());
            running.spawn(async move { engine.replay(&node, &context).await });
        }
        let mut loaded = 0;
        while let Some(ended) = running.join_next().await {
            loaded += ended.unwrap().unwrap().loaded;
        }
        assert_eq!(loaded, 6);
        assert_eq!(world.query("select count(*), count(id) from bronze.rentals").await, ["60,54"]);
        assert_eq!(world.query("select count(*) from bronze.rentals_quarantine").await, ["0"]);
    });
}

#[test]
fn a_run_that_is_cut_off_at_any_moment_is_made_good() {
    block_on(async {
        let world = World::new().await;
        let archive = world.folder.path().join("archive").display().to_string();
        let node = with(world.sorted(), |ingest| {
            ingest.batch.max_files = 2;
            ingest.after_load = AfterLoad::Archive(archive);
        });
        let mut cut = 0;
        for round in 0..40_u32 {
            arrive(&world, round * 2..round * 2 + 2);
            // Earlier and later from round to round, in steps that fall on other moments each time.
            let after = Duration::from_micros(u64::from(round % 20) * 1_700);
            let engine = Arc::new(world.other_engine().await);
            let (node, context) = (node.clone(), world.context());
            let run = async move { engine.execute(&node, &context).await };
            cut += u32::from(tokio::time::timeout(after, run).await.is_err());
        }
        assert!(cut > 5, "{cut} runs were cut off");
        world.run(&node).await.unwrap();
        assert_eq!(counts(&world).await, ["720,720", "80,80"]);
        assert_eq!(std::fs::read_dir(world.folder.path().join("incoming")).unwrap().count(), 0);
        assert_eq!(std::fs::read_dir(world.folder.path().join("archive")).unwrap().count(), 80);
    });
}
