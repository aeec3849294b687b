//! Random histories of inserts, updates, deletes and late rows, each strategy cut off at random places and run again:
//! the table holds what a run without mishap leaves.
//!
//! A run is cut off in two ways: its future is dropped, as by a cancelled request, or its process is killed at a named
//! place of the commit protocol. What the table should hold is computed here from the strategy's meaning alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use headwater_connect::files::Stores;
use headwater_embedded::{EmbeddedEngine, Settings};
use headwater_lake::Lake;
use headwater_plan::clock::FixedClock;
use headwater_plan::{BatchSize, Cancel, Engine, Node, RunId, StepContext, Strategy as How};
use proptest::prelude::*;

use crate::increments::{
    Row, by_day, columns, delete_insert, events, january, merge, microbatch, model, of, row, rows, run_at, with,
};
use crate::world::{World, block_on};

/// The places that a run of an incremental model passes.
const PLACES: [&str; 5] =
    ["increment-computed", "change-staged", "change-committed", "before-table-commit", "table-committed"];

#[derive(Debug, Clone)]
enum Change {
    /// A row with a key of its own, on the newest day or, late, on an earlier one.
    Insert { late: u32 },
    /// Another text for one of the rows.
    Update { which: usize },
    /// One of the rows goes.
    Delete { which: usize },
}

#[derive(Debug, Clone)]
enum Mishap {
    None,
    /// The run is dropped after so many microseconds.
    Dropped(u64),
    /// Its process dies at a place, when it passes it for the nth time.
    Killed(usize, u32),
}

#[derive(Debug, Clone)]
struct Round {
    changes: Vec<Change>,
    days: u32,
    mishap: Mishap,
}

fn round() -> impl Strategy<Value = Round> {
    let change = prop_oneof![
        4 => (0_u32..4).prop_map(|late| Change::Insert { late }),
        2 => any::<usize>().prop_map(|which| Change::Update { which }),
        1 => any::<usize>().prop_map(|which| Change::Delete { which }),
    ];
    let mishap = prop_oneof![
        1 => Just(Mishap::None),
        2 => (0_u64..120_000).prop_map(Mishap::Dropped),
        2 => (0..PLACES.len(), 1_u32..3).prop_map(|(place, passing)| Mishap::Killed(place, passing)),
    ];
    (proptest::collection::vec(change, 0..6), 0_u32..3, mishap).prop_map(|(changes, days, mishap)| Round {
        changes,
        days,
        mishap,
    })
}

/// The source as it is, by key.
#[derive(Default)]
struct Source {
    rows: BTreeMap<i64, Row>,
    next: i64,
    day: u32,
    edits: u32,
}

impl Source {
    fn apply(&mut self, round: &Round) {
        self.day = (self.day + round.days).clamp(1, 28);
        for change in &round.changes {
            self.edits += 1;
            let some = |which: usize| self.rows.keys().nth(which % self.rows.len().max(1)).copied();
            match change {
                Change::Insert { late } => {
                    self.next += 1;
                    let day = self.day.saturating_sub(*late).max(1);
                    self.rows.insert(self.next, row(self.next, day, &format!("v{}", self.edits)));
                }
                Change::Update { which } => {
                    if let Some(id) = some(*which) {
                        self.rows.get_mut(&id).unwrap().name = format!("v{}", self.edits);
                    }
                }
                Change::Delete { which } => {
                    if let Some(id) = some(*which) {
                        self.rows.remove(&id);
                    }
                }
            }
        }
    }

    fn all(&self) -> Vec<Row> {
        self.rows.values().cloned().collect()
    }
}

/// What the table should hold, by key.
type Table = BTreeMap<i64, Row>;

#[derive(Debug, Clone, Copy)]
enum Kind {
    Merge,
    DeleteInsert,
    Append,
    InsertOverwrite,
    Microbatch,
}

/// How many days before the newest a microbatch looks back.
const LOOKBACK: u32 = 2;

impl Kind {
    fn node(self) -> Node {
        let all = "select id, at, day, name from `bronze`.`events`";
        let newer = format!("{all} where id > (select coalesce(max(id), 0) from `gold`.`things`)");
        match self {
            Self::Merge => by_day(model(merge())),
            Self::DeleteInsert => model(delete_insert()),
            Self::Append => of(&columns(), all, &newer, How::Append),
            Self::InsertOverwrite => by_day(model(How::InsertOverwrite)),
            Self::Microbatch => by_day(model(How::Microbatch(microbatch(BatchSize::Day, LOOKBACK)))),
        }
    }

    /// What a run leaves. `newest` is the newest day that one computed.
    fn run(self, table: &mut Table, source: &Source, newest: &mut Option<u32>) {
        let rows = source.rows.iter().map(|(id, row)| (*id, row.clone()));
        match self {
            Self::Merge | Self::DeleteInsert => table.extend(rows),
            Self::Append => {
                let last = table.keys().last().copied().unwrap_or(0);
                table.extend(rows.filter(|(id, _)| *id > last));
            }
            Self::InsertOverwrite => {
                let days: BTreeSet<u32> = source.rows.values().map(|row| row.day).collect();
                table.retain(|_, row| !days.contains(&row.day));
                table.extend(rows);
            }
            Self::Microbatch => {
                let first = newest.map_or(1, |newest| newest.saturating_sub(LOOKBACK).max(1));
                table.retain(|_, row| row.day < first);
                table.extend(rows.filter(|(_, row)| (first..=source.day).contains(&row.day)));
                *newest = (*newest).max(Some(source.day));
            }
        }
    }
}

fn lines(table: &Table) -> Vec<String> {
    table.iter().map(|(id, row)| format!("{id} {} {}", row.day, row.name)).collect()
}

/// The microbatch of a round runs in the afternoon of its newest day.
fn now(source: &Source) -> DateTime<Utc> {
    january(source.day, 15)
}

async fn tell(kind: Kind, rounds: Vec<Round>) -> Result<(), TestCaseError> {
    let world = World::new().await;
    let node = kind.node();
    let (mut source, mut table, mut newest) = (Source::default(), Table::new(), None);
    for (number, round) in rounds.iter().enumerate() {
        source.apply(round);
        events(&world, &source.all()).await;
        // Another round, another code, so that a run that was cut off is only gone on with in its own round.
        let node = Node { fingerprint: format!("{number}"), ..node.clone() };
        match round.mishap {
            Mishap::None => {}
            Mishap::Dropped(after) => {
                let run = run_at(&world, &node, now(&source));
                let _ = tokio::time::timeout(Duration::from_micros(after), run).await;
            }
            Mishap::Killed(place, passing) => {
                killed(&world, &node, now(&source), &format!("{}:{passing}", PLACES[place]))
            }
        }
        run_at(&world, &node, now(&source)).await.map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
        kind.run(&mut table, &source, &mut newest);
        prop_assert_eq!(rows(&world).await, lines(&table), "round {}: {:?}", number, round);
    }
    // A clean full refresh of another lake gives the same for what no run has forgotten.
    if matches!(kind, Kind::Merge | Kind::DeleteInsert) {
        let clean = World::new().await;
        events(&clean, &source.all()).await;
        clean.run(&node).await.map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
        table.retain(|id, _| source.rows.contains_key(id));
        prop_assert_eq!(rows(&clean).await, lines(&table));
    }
    Ok(())
}

/// Runs a step in a process of its own that dies at a place, if it comes there.
pub(crate) fn killed(world: &World, node: &Node, now: DateTime<Utc>, place: &str) {
    let folder = world.folder.path();
    std::fs::write(folder.join("node.json"), serde_json::to_vec(node).unwrap()).unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "histories::the_process_that_dies"])
        .env("HEADWATER_FAULT", place)
        .env("HEADWATER_TEST_FOLDER", folder)
        .env("HEADWATER_TEST_NOW", now.to_rfc3339())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.unwrap();
}

/// Not a test by itself: what [`killed`] starts.
#[test]
fn the_process_that_dies() {
    let Some(folder) = std::env::var_os("HEADWATER_TEST_FOLDER") else { return };
    let now = std::env::var_os("HEADWATER_TEST_NOW").unwrap().into_string().unwrap().parse().unwrap();
    block_on(async {
        let folder = Path::new(&folder);
        let node: Node = serde_json::from_slice(&std::fs::read(folder.join("node.json")).unwrap()).unwrap();
        let lake = Lake::open(folder.join("lake").to_str().unwrap(), "lake", None).await.unwrap();
        let clock = Arc::new(FixedClock(now));
        let spill_dir = folder.join("spill");
        let settings = Settings { threads: 2, memory_limit: 256 << 20, spill_dir, clock: clock.clone() };
        let context = StepContext {
            run_id: RunId("dead".into()),
            full_refresh: false,
            clock,
            cancel: Cancel::default(),
            progress: Arc::new(|_| {}),
        };
        EmbeddedEngine::new(lake, Stores::local(), settings).execute(&node, &context).await.unwrap();
    });
}

#[test]
fn a_process_dies_at_each_place() {
    block_on(async {
        for (place, rows_after) in [("increment-computed", 1), ("change-staged", 1), ("change-committed", 2)] {
            let world = World::new().await;
            events(&world, &[row(1, 1, "one")]).await;
            let node = Kind::Merge.node();
            killed(&world, &node, january(1, 0), "table-committed");
            assert_eq!(rows(&world).await.len(), 1, "it died after its first commit");
            events(&world, &[row(1, 1, "ONE"), row(2, 2, "two")]).await;
            killed(&world, &node, january(1, 0), place);
            assert_eq!(rows(&world).await.len(), rows_after, "{place}");
            world.run(&node).await.unwrap();
            assert_eq!(rows(&world).await, ["1 1 ONE", "2 2 two"]);
        }
    });
}

/// A case takes the better part of a second. `PROPTEST_CASES` asks for another number of them.
pub(crate) fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { usual.cases } else { 8 };
    ProptestConfig { cases, max_shrink_iters: 20, failure_persistence: None, ..usual }
}

fn rounds() -> impl Strategy<Value = Vec<Round>> {
    proptest::collection::vec(round(), 2..7)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn merges(rounds in rounds()) {
        block_on(tell(Kind::Merge, rounds))?;
    }

    #[test]
    fn deletes_and_inserts(rounds in rounds()) {
        block_on(tell(Kind::DeleteInsert, rounds))?;
    }

    #[test]
    fn appends(rounds in rounds()) {
        block_on(tell(Kind::Append, rounds))?;
    }

    #[test]
    fn overwritten_partitions(rounds in rounds()) {
        block_on(tell(Kind::InsertOverwrite, rounds))?;
    }

    #[test]
    fn spans(rounds in rounds()) {
        block_on(tell(Kind::Microbatch, rounds))?;
    }
}

/// Every span of a first build is cut off once, at every place.
#[test]
fn a_build_of_many_spans_survives_a_death_at_each() {
    block_on(async {
        let world = World::new().await;
        let history: Vec<_> = (1..=6).map(|day| row(i64::from(day), day, "x")).collect();
        events(&world, &history).await;
        let node = Kind::Microbatch.node();
        for _ in 0..7 {
            killed(&world, &node, january(6, 3), "change-committed:1");
        }
        let report = run_at(&world, &with(node, |_| {}), january(6, 3)).await.unwrap();
        assert!(report.spans.unwrap().count <= 3, "{:?}", report.spans);
        assert_eq!(rows(&world).await.len(), 6);
    });
}
