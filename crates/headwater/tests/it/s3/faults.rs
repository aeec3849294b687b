//! A load through a network that fails in a tenth of the requests ends right, or fails with a message that names what
//! was being done, and leaves whole files or nothing.

use super::intake::{Intake, Place, words};
use super::proxy::Proxy;
use super::weed::weed;
use crate::moments::Random;

/// Loads through the trouble.
const LOADS: u64 = 5;

/// An attempt waits so many seconds for its answer.
const TIMEOUT: &str = "2";

/// Loads once through a proxy, however that ends, and then without it.
fn load(place: Place, seed: u64, attempts: Option<&str>) -> (bool, Proxy) {
    let Place::S3(weed) = place else { unreachable!("the proxy stands before S3") };
    let proxy = Proxy::before(weed.address, seed);
    let mut intake = Intake::new(place, &["max_files_per_batch: 2", "after_load: { archive: ARCHIVE }"]);
    (0..4).for_each(|number| intake.arrive(number));
    intake.through(&proxy.endpoint);
    intake.set("HEADWATER_S3_TIMEOUT", TIMEOUT);
    if let Some(attempts) = attempts {
        intake.set("AWS_MAX_ATTEMPTS", attempts);
    }
    let output = intake.output(&["run"]);
    let told = format!("seed {seed}, attempts {attempts:?}: {}\n{}", proxy.tally(), words(&output));
    intake.through(&weed.endpoint());
    if output.status.success() {
        intake.verify(&told);
    } else {
        assert_eq!(output.status.code(), Some(4), "not told as the fault of an outside system: {told}");
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(message.contains("]: cannot "), "does not name the operation: {told}");
        intake.verify_whole_files(&told);
    }
    intake.succeed(&["run"], &told);
    intake.verify(&told);
    assert_eq!(intake.in_folder("archive"), intake.arrived(), "{told}");
    (output.status.success(), proxy)
}

#[test]
fn a_load_goes_on_through_faults() {
    let Some(weed) = weed("a_load_goes_on_through_faults") else { return };
    let seed = Random::seed();
    let (mut ended_right, mut faults) = (0, 0);
    for number in 0..LOADS {
        let (right, proxy) = load(Place::S3(weed), seed.wrapping_add(number), None);
        println!("ended right: {right}; {}", proxy.tally());
        ended_right += u64::from(right);
        faults += proxy.tally().faults();
    }
    assert!(faults > LOADS, "seed {seed}: the proxy made no trouble");
    // Eight attempts outlast a fault in ten.
    assert!(ended_right + 1 >= LOADS, "seed {seed}: only {ended_right} of {LOADS} loads ended right");
}

#[test]
fn a_load_that_gives_up_says_why_and_leaves_nothing_half() {
    let Some(weed) = weed("a_load_that_gives_up_says_why_and_leaves_nothing_half") else { return };
    let seed = Random::seed();
    // With a single attempt it ends soon; with two, somewhere on the way or not at all.
    let attempts = |number| if number == 0 { "1" } else { "2" };
    let ends_right = |number| load(Place::S3(weed), seed.wrapping_add(number), Some(attempts(number))).0;
    let gave_up = (0..LOADS).filter(|number| !ends_right(*number)).count();
    println!("seed {seed}: {gave_up} of {LOADS} loads gave up");
}
