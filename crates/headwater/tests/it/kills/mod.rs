//! Killed by SIGKILL at any moment while increments are computed and snapshots are taken, and run again: the tables are
//! those that nobody interrupted.
//!
//! The source changes at random from round to round: rows are added, late ones too, change, go and come back. In each round
//! runs are killed, most of them while the table's step is going, and mostly one then goes to its end. What the table
//! must hold is told in two ways: by the strategy's meaning, written down here, which also says what a killed run may
//! leave; and, for histories in which the strategy can see every change, by a full refresh of a copy of the project over
//! the same source. A snapshot is compared with one that was taken in the same rounds without a kill.
//!
//! | file | owns |
//! |---|---|
//! | `rounds` | the histories |
//! | `kind` | what is asked of a kind of table |
//! | `increments`, `snapshots` | the kinds, and what they mean |
//! | `source` | the rows and their changes |
//! | `subject` | the project, and what is to be seen of it in the lake |
//! | `kill` | a run, killed when it is time |
#![cfg(unix)]

mod increments;
mod kill;
mod kind;
mod rounds;
mod snapshots;
mod source;
mod subject;

use self::increments::Strategy;
use self::kind::Kind;
use self::rounds::killed;
use self::snapshots::{Gone, Snapshot};
use crate::moments::{Random, kills};
use crate::s3::intake::Place;
use crate::s3::weed::weed;

/// Kills inside the step of each incremental model.
const KILLS: usize = 20;

/// The same for each kind of snapshot: three make a strategy.
const KILLS_OF_A_SNAPSHOT: usize = 7;

/// The same for each of all kinds on S3.
const KILLS_ON_S3: usize = 2;

/// The same for each variant of a merge.
const KILLS_OF_A_VARIANT: usize = 10;

const STRATEGIES: [Strategy; 5] =
    [Strategy::Append, Strategy::Merge, Strategy::DeleteInsert, Strategy::InsertOverwrite, Strategy::Microbatch];

const GONE: [Gone; 3] = [Gone::Ignore, Gone::Invalidate, Gone::NewRecord];

fn kill<K: Kind>(kind: K, place: Place, place_name: &str, wanted: usize) {
    let seed = Random::seed();
    let told = format!("{kind:?} {place_name}, HEADWATER_SEED={seed}");
    let hits = killed(kind, place, wanted, &mut Random::new(seed), &told);
    println!("{told}: {}", hits.told());
}

fn on_this_machine<K: Kind>(kind: K, wanted: usize) {
    kill(kind, Place::Local, "on local files", kills(wanted));
}

fn snapshots(checks: bool) {
    for gone in GONE {
        on_this_machine(Snapshot { checks, gone }, KILLS_OF_A_SNAPSHOT);
    }
}

#[test]
fn appends() {
    on_this_machine(Strategy::Append, KILLS);
}

#[test]
fn merges() {
    on_this_machine(Strategy::Merge, KILLS);
}

#[test]
fn merges_into_columns_that_come_and_go() {
    on_this_machine(Strategy::MergeColumns, KILLS_OF_A_VARIANT);
}

#[test]
fn merges_with_a_statement_after() {
    on_this_machine(Strategy::MergeThenHook, KILLS_OF_A_VARIANT);
}

#[test]
fn deletes_and_inserts() {
    on_this_machine(Strategy::DeleteInsert, KILLS);
}

#[test]
fn overwritten_partitions() {
    on_this_machine(Strategy::InsertOverwrite, KILLS);
}

#[test]
fn microbatches() {
    on_this_machine(Strategy::Microbatch, KILLS);
}

#[test]
fn snapshots_by_time() {
    snapshots(false);
}

#[test]
fn snapshots_by_check() {
    snapshots(true);
}

#[test]
fn every_kind_on_s3() {
    let Some(weed) = weed("every_kind_on_s3") else { return };
    for strategy in STRATEGIES {
        kill(strategy, Place::S3(weed), "on S3", kills(KILLS_ON_S3));
    }
    for gone in GONE {
        for checks in [false, true] {
            kill(Snapshot { checks, gone }, Place::S3(weed), "on S3", kills(KILLS_ON_S3));
        }
    }
}
