//! Eight processes load the same source at once.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use super::intake::{Intake, Place, words};
use super::weed::weed;

const PROCESSES: usize = 8;

const ARCHIVE: &str = "after_load: { archive: ARCHIVE }";

/// What the source asks for, in turn.
const SOURCES: [&[&str]; 2] = [&["max_files_per_batch: 2"], &["max_files_per_batch: 1", ARCHIVE]];

/// How long one of them may be turned away by the others.
const PATIENCE: Duration = Duration::from_secs(180);

/// All run at once; one that finds the lake in use says so and is started again.
fn all_at_once(places: &[Intake]) {
    let barrier = Barrier::new(places.len());
    std::thread::scope(|scope| {
        for (number, intake) in places.iter().enumerate() {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                let began = Instant::now();
                let mut starts = 0;
                loop {
                    starts += 1;
                    let output = intake.output(&["run"]);
                    if output.status.success() {
                        println!("process {number}: done after {starts} starts and {:?}", began.elapsed());
                        return;
                    }
                    let told = words(&output);
                    assert!(
                        told.contains("lake-in-use"),
                        "process {number} failed otherwise than by the others: {told}"
                    );
                    assert!(began.elapsed() < PATIENCE, "process {number} was turned away {starts} times: {told}");
                }
            });
        }
    });
}

fn one_copy_of_every_row(place: Place, options: &[&str]) {
    let mut first = Intake::new(place, options);
    (0..6).for_each(|number| first.arrive(number));
    let mut places: Vec<Intake> = (1..PROCESSES).map(|_| first.elsewhere()).collect();
    places.push(first);
    all_at_once(&places);
    places[0].verify("after all have ended");
    if options.contains(&ARCHIVE) {
        assert_eq!(places[0].in_folder("archive"), places[0].arrived());
    }
    let again = places[0].succeed(&["run"], "once more");
    assert!(again.contains("nothing to do"), "{again}");
}

#[test]
fn eight_processes_on_one_folder_load_every_row_once() {
    SOURCES.iter().for_each(|options| one_copy_of_every_row(Place::Local, options));
}

#[test]
fn eight_processes_on_one_bucket_load_every_row_once() {
    let Some(weed) = weed("eight_processes_on_one_bucket_load_every_row_once") else { return };
    SOURCES.iter().for_each(|options| one_copy_of_every_row(Place::S3(weed), options));
}
