//! Killed at any moment, and run again: no row is lost, none is there twice, those in quarantine included. On this
//! machine and on S3.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::moments::{Random, kills};
use crate::s3::intake::{Intake, Place, words};
use crate::s3::weed::weed;

/// Runs that are killed at random, on this machine and on S3 each.
const KILLS: usize = 200;

/// Kills after which a project has to make good everything, and another one begins.
const ROUND: usize = 10;

/// Runs of a round that are started to be killed: one that ends before its moment is not counted.
const STARTS: usize = 10 * ROUND;

/// The options of the rounds in turn.
const ROUNDS: [&[&str]; 4] = [
    &[],
    &["max_files_per_batch: 1", "after_load: { archive: ARCHIVE }"],
    &["max_files_per_batch: 2", "partition_by: [region]"],
    &["max_files_per_batch: 2", "after_load: delete", "compact_after_files: 3"],
];

/// What of the commit protocol is to be seen in the lake.
#[derive(PartialEq, Eq)]
struct Traces {
    ledger: Vec<String>,
    /// Versions of the table.
    versions: usize,
}

impl Traces {
    fn of(intake: &Intake) -> Self {
        let log = intake.in_folder("lake/bronze/orders/_delta_log");
        let versions = log.iter().filter(|name| name.ends_with(".json")).count();
        Self { ledger: intake.in_folder("lake/_headwater/ledger"), versions }
    }

    /// What the ledger says of each batch: the ends of its files' names.
    fn batches(&self) -> BTreeMap<(&str, &str), Vec<&str>> {
        let mut batches: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for name in &self.ledger {
            // `<table>/<generation>/<batch>.json`, and beside it `<batch>.<attempt>.attempt.json` and the like.
            let (folder, file) = name.rsplit_once('/').unwrap();
            let (batch, end) = file.split_once('.').unwrap();
            batches.entry((folder, batch)).or_default().push(end);
        }
        batches
    }
}

/// Where in the protocol the runs were killed, as the lake tells right after.
#[derive(Default)]
struct Hits {
    kills: usize,
    /// A batch was written ahead, and nothing more.
    written: usize,
    /// Rows of a batch were staged for a commit, and not committed.
    staged: usize,
    /// A batch was committed and not finished: quarantine, files and books were still to be put in order.
    committed: usize,
}

impl Hits {
    fn add(&mut self, before: &Traces, after: &Traces) {
        self.kills += 1;
        // What an earlier kill left open is not where this one hit.
        if before == after {
            return;
        }
        let batches = after.batches();
        let has = |ends: &[&str], end: &str| ends.iter().any(|found| found.ends_with(end));
        let open = batches.values().find(|ends| !has(ends, "done.json") && !has(ends, "withdrawn.json"));
        match open {
            None => {}
            Some(_) if after.versions > before.versions => self.committed += 1,
            Some(ends) if has(ends, "attempt.json") => self.staged += 1,
            Some(_) => self.written += 1,
        }
    }

    fn inside(&self) -> usize {
        self.written + self.staged + self.committed
    }

    fn told(&self, place: &str) -> String {
        let inside = self.inside();
        format!(
            "{} kills {place}: {inside} inside a commit ({} between the ledger and the staged rows, {} between those and \
             the table's commit, {} behind that)",
            self.kills, self.written, self.staged, self.committed
        )
    }
}

/// Starts a run and kills it after a while; how long it took if it ended before that.
fn run_and_kill(intake: &Intake, after: Duration) -> Option<Duration> {
    let began = Instant::now();
    let mut child = intake.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while began.elapsed() < after {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "a run that nobody killed ended with {status}");
            return Some(began.elapsed());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

/// How long runs take: the moments are chosen by it.
struct Pace {
    /// One that finds nothing to do.
    idle: Duration,
    /// One that loads.
    busy: Duration,
}

impl Pace {
    fn of(intake: &Intake, told: &str) -> Self {
        let timed = || {
            let began = Instant::now();
            intake.succeed(&["run"], told);
            began.elapsed()
        };
        let busy = timed();
        Self { idle: timed(), busy }
    }

    /// A moment of a run: rarely while it only starts, sometimes when it should have ended.
    fn moment(&self, random: &mut Random) -> Duration {
        let first = self.idle / 2;
        first + random.moment((self.busy + self.busy / 5).saturating_sub(first))
    }
}

fn killed_at_random(place: Place, place_name: &str) {
    let seed = Random::seed();
    let mut random = Random::new(seed);
    let mut hits = Hits::default();
    let mut round = 0;
    let wanted = kills(KILLS);
    while hits.kills < wanted {
        let mut intake = Intake::new(place, ROUNDS[round % ROUNDS.len()]);
        let told = format!("HEADWATER_SEED={seed}, round {round}");
        let mut files = 0..;
        let mut arrive = |intake: &mut Intake| files.by_ref().take(2).for_each(|number| intake.arrive(number));
        arrive(&mut intake);
        let mut pace = Pace::of(&intake, &told);
        let end = hits.kills + ROUND;
        for _ in 0..STARTS {
            if hits.kills == end {
                break;
            }
            arrive(&mut intake);
            let before = Traces::of(&intake);
            match run_and_kill(&intake, pace.moment(&mut random)) {
                None => hits.add(&before, &Traces::of(&intake)),
                Some(took) => pace.busy = took,
            }
        }
        assert_eq!(hits.kills, end, "{told}: too many runs ended before they could be killed");
        intake.succeed(&["run"], &told);
        intake.verify(&told);
        round += 1;
    }
    let told = hits.told(place_name);
    println!("{told} (HEADWATER_SEED={seed})");
    assert!(hits.inside() > 0, "{told}");
}

#[test]
fn killed_at_random_on_local_files() {
    killed_at_random(Place::Local, "on local files");
}

#[test]
fn killed_at_random_on_s3() {
    let Some(weed) = weed("killed_at_random_on_s3") else { return };
    killed_at_random(Place::S3(weed), "on S3");
}

/// The steps that only a load of files passes that are archived, or that fails.
const OF_FILES: [&str; 3] = ["file-copied", "after-load-done", "batch-withdrawn"];

/// Dies at the n-th passing of a named step, and is run again.
fn killed_at(point: &str, passing: u32, place: Place) {
    let fault = format!("{point}:{passing}");
    let archive = "after_load: { archive: ARCHIVE }";
    let withdraws = point == "batch-withdrawn";
    let options: &[&str] = if withdraws { &["max_bad_rows: 3", archive] } else { &["max_files_per_batch: 2", archive] };
    let mut intake = Intake::new(place, options);
    (0..4).for_each(|number| intake.arrive(number));
    let output = intake.command(&["run"]).env("HEADWATER_FAULT", &fault).output().unwrap();
    assert!(output.status.signal().is_some(), "`{fault}` was not passed: {}", words(&output));
    intake.verify_whole_files(&fault);
    if withdraws {
        intake.options(&[archive]);
    }
    intake.succeed(&["run"], &fault);
    intake.verify(&fault);
    let left = intake.in_folder("incoming");
    assert!(left.is_empty(), "{fault}: not archived: {left:?}");
    assert_eq!(intake.in_folder("archive"), intake.arrived(), "{fault}");
}

/// Dies while everything is loaded anew, and is run again.
fn killed_while_refreshing(point: &str, place: Place) {
    let mut intake = Intake::new(place, &[]);
    (0..2).for_each(|number| intake.arrive(number));
    intake.succeed(&["run"], point);
    intake.arrive(2);
    let output = intake.command(&["run", "--full-refresh"]).env("HEADWATER_FAULT", point).output().unwrap();
    assert!(output.status.signal().is_some(), "`{point}` was not passed: {}", words(&output));
    intake.verify_whole_files(point);
    intake.succeed(&["run"], point);
    intake.verify(&format!("{point}, anew"));
}

/// Dies while the quarantine is replayed, and is replayed again.
fn killed_while_replaying(point: &str, place: Place) {
    const REPLAY: [&str; 3] = ["quarantine", "replay", "shop.orders"];
    let mut intake = Intake::new(place, &[]);
    (0..2).for_each(|number| intake.arrive(number));
    intake.succeed(&["run"], point);
    intake.mend();
    let output = intake.command(&REPLAY).env("HEADWATER_FAULT", point).output().unwrap();
    assert!(output.status.signal().is_some(), "`{point}` was not passed: {}", words(&output));
    intake.succeed(&REPLAY, point);
    intake.verify_mended(&format!("{point}, replayed"));
}

/// Dies at every step, in the first batch and in one that follows another.
fn killed_at_every_step(place: Place) {
    for point in headwater_lake::fault::POINTS {
        killed_at(point, 1, place);
        // Only a batch that failed is withdrawn, and none follows it.
        if *point != "batch-withdrawn" {
            killed_at(point, 2, place);
        }
        if !OF_FILES.contains(point) {
            killed_while_refreshing(point, place);
            killed_while_replaying(point, place);
        }
    }
}

#[test]
fn killed_at_every_named_step_on_local_files() {
    killed_at_every_step(Place::Local);
}

#[test]
fn killed_at_every_named_step_on_s3() {
    let Some(weed) = weed("killed_at_every_named_step_on_s3") else { return };
    killed_at_every_step(Place::S3(weed));
}
