//! The part of the page about the two engines.

use std::fmt::Write;

use super::super::ground::Ground;
use super::super::measured::{peak_megabytes, plural, seconds};
use super::super::page::{self, Part};
use super::line::Line;
use super::{ENGINES, EXAMPLE, Options, Size};
use crate::error::TaskError;

/// The processors of the cluster that is calculated, and those that were measured.
const CLUSTER: f64 = 16.0;
const MEASURED: f64 = 2.0;

pub(super) fn write(ground: &Ground, options: &Options, sizes: &[Size]) -> Result<(), TaskError> {
    let rounds = options.rounds.max(1);
    let mut text = format!(
        "All models of examples/{EXAMPLE}, built anew by `headwater run` on either engine. Median of {rounds} round{}, the \
         engines in turn.\n\n| loaded rows | Parquet | models read | {} | peak | {} | peak | Spark takes |\n|---|---|---|---|---|---|---|---|\n",
        plural(rounds),
        ENGINES[0].name,
        ENGINES[1].name
    );
    // Writing to a String cannot fail.
    for size in sizes {
        let [here, spark] = size.measured.each_ref().map(|turns| (seconds(turns).1, peak_megabytes(turns)));
        let _ = writeln!(
            text,
            "| {:.3} million | {} MB | {} MB | {:.2} s | {} MB | {:.2} s | {} MB | {:.1} times as long |",
            size.rows as f64 / 1e6,
            size.loaded / 1_000_000,
            size.reads / 1_000_000,
            here.0,
            here.1,
            spark.0,
            spark.1,
            spark.0 / here.0
        );
    }
    let line = |engine: usize| {
        let points: Vec<_> = sizes.iter().map(|size| (size.reads, seconds(&size.measured[engine]).1)).collect();
        Line::through(&points)
    };
    text.push_str(&switch(line(0), line(1)));
    for engine in &ENGINES {
        let _ = writeln!(text, "- {}: {}.", engine.name, engine.does);
    }
    text.push_str(
        "\n\"Models read\" is what `plan` counts and `engine: auto` compares with `above`: the stored bytes of what each node \
         reads, added up. Whole-process wall time; peak memory of the worst round, of Spark's that of all its \
         processes together. Of every table the rows and a sum for each column were compared.\n\n",
    );
    let arguments = format!("--rows {} --rounds {rounds}", options.rows);
    let packages = (ground.python.as_path(), ["pyspark"].as_slice());
    page::write(ground, &Part { name: "engines", heading: "Engines", arguments, text, packages })
}

/// From which size on Spark is faster.
fn switch(here: Line, spark: Line) -> String {
    let told = |at: Option<u64>| match at {
        Some(bytes) => format!("from {:.0} GB read on", bytes as f64 / 1e9),
        None => "at no size".to_owned(),
    };
    let per_gigabyte = |line: Line| line.slope * 1e9;
    format!(
        "\nA straight line through the smallest and the largest: {} {:.1} s and {:.1} s for each GB that models read, Spark \
         {:.1} s and {:.1} s.\n\nSpark is faster\n\n- on the same two cores: {};\n- calculated, not measured: on {CLUSTER} vCPUs \
         like these beside the embedded engine on two, if all of Spark's work but its start were shared perfectly and the \
         cluster were there already: {};\n- calculated in the same way, both on {CLUSTER}: {}.\n\n",
        ENGINES[0].name,
        here.start,
        per_gigabyte(here),
        spark.start,
        per_gigabyte(spark),
        told(here.beaten_by(spark)),
        told(here.beaten_by(spark.on(CLUSTER / MEASURED))),
        told(here.on(CLUSTER / MEASURED).beaten_by(spark.on(CLUSTER / MEASURED))),
    )
}
