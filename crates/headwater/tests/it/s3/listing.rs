//! Very many objects.

use super::intake::Intake;
use super::pages::Bucket;
use crate::moments::Random;

/// Objects in the bucket.
const OBJECTS: u64 = 100_000;

#[test]
fn a_hundred_thousand_objects_are_listed_in_pages() {
    let seed = Random::seed();
    let bucket = Bucket::of(OBJECTS, seed);
    let intake = Intake::reading("s3://anything/events/**/part-*.csv", &bucket.proxy.endpoint);
    let told = format!("seed {seed}: {}", bucket.proxy.tally());
    let json = intake.succeed(&["sources", "--format", "json"], &told);
    let listed: serde_json::Value = serde_json::from_str(&json).unwrap();
    let waiting = &listed["sources"][0]["waiting"];
    // The n-th object has n bytes: the sum is right only if each was seen once.
    assert_eq!(waiting["files"], OBJECTS, "{told}: {listed}");
    assert_eq!(waiting["bytes"], OBJECTS * (OBJECTS - 1) / 2, "{told}");
    assert!(bucket.pages() >= OBJECTS / 1000, "{told}");
    println!("{} pages served; {}", bucket.pages(), bucket.proxy.tally());
}
