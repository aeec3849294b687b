//! Random histories of inserts, updates, deletes and late rows, cut off at random places and taken again: the snapshot is
//! what one without mishap takes, as computed here from dbt's rules alone.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeZone, Utc};
use headwater_plan::{DataType, HardDeletes, Node, SnapshotStrategy};
use proptest::prelude::*;

use crate::histories::{config, killed};
use crate::increments::run_at;
use crate::world::{World, block_on, snapshot, table, with_snapshot};

/// The places that a snapshot passes.
const PLACES: [&str; 5] =
    ["increment-computed", "change-staged", "change-committed", "before-table-commit", "table-committed"];

#[derive(Debug, Clone)]
enum Change {
    /// A row appears, or changes, some minutes ago.
    Set {
        id: i32,
        name: u8,
        ago: i64,
    },
    Delete {
        id: i32,
    },
}

#[derive(Debug, Clone)]
enum Mishap {
    None,
    Dropped(u64),
    Killed(usize),
}

#[derive(Debug, Clone)]
struct Round {
    changes: Vec<Change>,
    mishap: Mishap,
}

fn rounds() -> impl Strategy<Value = Vec<Round>> {
    let change = prop_oneof![
        3 => (0..5_i32, 0..3_u8, 0..200_i64).prop_map(|(id, name, ago)| Change::Set { id, name, ago }),
        1 => (0..5_i32).prop_map(|id| Change::Delete { id }),
    ];
    let mishap = prop_oneof![
        1 => Just(Mishap::None),
        2 => (0_u64..120_000).prop_map(Mishap::Dropped),
        1 => (0..PLACES.len()).prop_map(Mishap::Killed),
    ];
    let round = (prop::collection::vec(change, 0..5), mishap).prop_map(|(changes, mishap)| Round { changes, mishap });
    prop::collection::vec(round, 2..6)
}

/// A row of the source: its name, and the minute in which it changed.
type Source = BTreeMap<i32, (u8, i64)>;

/// A version of a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    id: i32,
    name: u8,
    from: i64,
    to: Option<i64>,
    deleted: bool,
    /// What its id is made of: the key and the time, or the id of the version that was deleted and the time.
    hashed: String,
}

#[derive(Debug, Clone, Copy)]
struct Kind {
    checks: bool,
    deletes: HardDeletes,
}

impl Kind {
    fn node(self) -> Node {
        let strategy = if self.checks {
            SnapshotStrategy::Check { columns: vec!["name".into()], updated_at: None }
        } else {
            SnapshotStrategy::Timestamp { updated_at: "at".into() }
        };
        let node = snapshot("select id, name, at from `gold`.`things`", &["gold.things"], &["id"], strategy);
        with_snapshot(node, |snapshot| snapshot.hard_deletes = self.deletes)
    }

    /// One run of dbt's snapshot: the staging table against the versions that are valid, then the merge by their ids.
    fn take(self, history: &mut Vec<Version>, source: &Source, now: i64) {
        let mut begun: Vec<Version> = Vec::new();
        let mut ended: Vec<(String, i64)> = Vec::new();
        let valid: Vec<Version> = history.iter().filter(|version| version.to.is_none()).cloned().collect();
        for (id, (name, at)) in source {
            let since = if self.checks { now } else { *at };
            let known = valid.iter().find(|version| version.id == *id);
            let changed = |version: &Version| {
                let differs = if self.checks { version.name != *name } else { version.from < *at };
                differs || version.deleted
            };
            if known.is_none_or(changed) {
                let hashed = format!("{id}|{since}");
                begun.push(Version { id: *id, name: *name, from: since, to: None, deleted: false, hashed });
                ended.extend(known.map(|version| (version.hashed.clone(), since)));
            }
        }
        for version in valid.iter().filter(|version| !source.contains_key(&version.id) && !version.deleted) {
            if self.deletes != HardDeletes::Ignore {
                ended.push((version.hashed.clone(), now));
            }
            if self.deletes == HardDeletes::NewRecord {
                let hashed = format!("{}|{now}", version.hashed);
                begun.push(Version { from: now, deleted: true, hashed, ..version.clone() });
            }
        }
        begun.retain(|version| !history.iter().any(|known| known.hashed == version.hashed));
        for version in history.iter_mut().filter(|version| version.to.is_none()) {
            if let Some((_, at)) = ended.iter().find(|(hashed, _)| *hashed == version.hashed) {
                version.to = Some(*at);
            }
        }
        history.extend(begun);
    }
}

fn minute(minute: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(1_700_000_000 + minute * 60, 0).unwrap()
}

async fn write(world: &World, source: &Source) {
    let row = |(id, (name, at)): (&i32, &(u8, i64))| {
        format!("select {id} as id, 'n{name}' as name, timestamp '{}' as at", minute(*at).format("%Y-%m-%d %H:%M:%S"))
    };
    let mut rows: Vec<String> = source.iter().map(row).collect();
    if rows.is_empty() {
        rows.push("select 0 as id, '' as name, timestamp '2024-01-01' as at where false".into());
    }
    let columns = [("id", DataType::Int), ("name", DataType::String), ("at", DataType::Timestamp)];
    world.run(&table("things", &columns, &rows.join(" union all "), &[])).await.unwrap();
}

async fn found(world: &World, kind: Kind) -> Vec<String> {
    let deleted = if kind.deletes == HardDeletes::NewRecord { "dbt_is_deleted" } else { "'False'" };
    let sql = format!(
        "select id, name, unix_timestamp(dbt_valid_from), unix_timestamp(dbt_valid_to), {deleted}, \
         unix_timestamp(dbt_updated_at), dbt_scd_id from gold.history order by all"
    );
    let mut rows = world.query(&sql).await;
    rows.sort();
    rows
}

async fn expected(world: &World, history: &[Version]) -> Vec<String> {
    let mut rows = Vec::new();
    for version in history {
        let second = |at: i64| minute(at).timestamp();
        let to = version.to.map(|to| second(to).to_string()).unwrap_or_default();
        let from = second(version.from);
        let deleted = if version.deleted { "True" } else { "False" };
        let id = id_of(world, &version.hashed).await;
        rows.push(format!("{},n{},{from},{to},{deleted},{from},{id}", version.id, version.name));
    }
    rows.sort();
    rows
}

/// The id of a version: dbt-spark's hash of what it is made of.
async fn id_of(world: &World, hashed: &str) -> String {
    let mut parts = hashed.split('|');
    let mut id = format!("'{}'", parts.next().unwrap());
    for at in parts {
        let at = minute(at.parse().unwrap()).format("%Y-%m-%d %H:%M:%S");
        id = format!("md5(concat({id}, '|{at}'))");
    }
    world.query(&format!("select {id}")).await.join("")
}

async fn tell(kind: Kind, rounds: Vec<Round>) -> Result<(), TestCaseError> {
    let world = World::new().await;
    let (mut source, mut history) = (Source::new(), Vec::new());
    for (number, round) in rounds.iter().enumerate() {
        let now = (number as i64 + 1) * 100;
        for change in &round.changes {
            match change {
                Change::Set { id, name, ago } => source.insert(*id, (*name, now - ago)),
                Change::Delete { id } => source.remove(id),
            };
        }
        write(&world, &source).await;
        let node = kind.node();
        match round.mishap {
            Mishap::None => {}
            Mishap::Dropped(after) => {
                let _ = tokio::time::timeout(Duration::from_micros(after), run_at(&world, &node, minute(now))).await;
            }
            Mishap::Killed(place) => killed(&world, &node, minute(now), PLACES[place]),
        }
        run_at(&world, &node, minute(now)).await.map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
        kind.take(&mut history, &source, now);
        prop_assert_eq!(found(&world, kind).await, expected(&world, &history).await, "round {}: {:?}", number, round);
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn by_time(rounds in rounds()) {
        block_on(tell(Kind { checks: false, deletes: HardDeletes::Ignore }, rounds))?;
    }

    #[test]
    fn by_time_with_ends(rounds in rounds()) {
        block_on(tell(Kind { checks: false, deletes: HardDeletes::Invalidate }, rounds))?;
    }

    #[test]
    fn by_time_with_deletions(rounds in rounds()) {
        block_on(tell(Kind { checks: false, deletes: HardDeletes::NewRecord }, rounds))?;
    }

    #[test]
    fn by_check(rounds in rounds()) {
        block_on(tell(Kind { checks: true, deletes: HardDeletes::Ignore }, rounds))?;
    }

    #[test]
    fn by_check_with_ends(rounds in rounds()) {
        block_on(tell(Kind { checks: true, deletes: HardDeletes::Invalidate }, rounds))?;
    }

    #[test]
    fn by_check_with_deletions(rounds in rounds()) {
        block_on(tell(Kind { checks: true, deletes: HardDeletes::NewRecord }, rounds))?;
    }
}
