//! The part of the page about models.

use std::fmt::Write;

use super::super::ground::Ground;
use super::super::measured::{Measured, plural, table};
use super::super::page::{self, Part};
use super::{Options, Section, TOOLS};
use crate::error::TaskError;

pub(super) fn write(ground: &Ground, options: &Options, sections: &[Section]) -> Result<(), TaskError> {
    let rounds = options.rounds.max(1);
    let rows: u64 = sections.iter().map(|section| section.rows).sum();
    let mut text = format!(
        "### All models, {:.1} million rows\n\nMedian of {rounds} round{}; the examples one after the other.\n\n{}",
        rows as f64 / 1_000_000.0,
        plural(rounds),
        of_tools(&together(sections))
    );
    // Writing to a String cannot fail.
    for section in sections {
        let (rows, megabytes) = (section.rows as f64 / 1_000_000.0, section.bytes / 1_000_000);
        let _ = write!(
            text,
            "### examples/{}: {rows:.1} million rows, {megabytes} MB of Parquet\n\n{}",
            section.example,
            of_tools(&section.measured)
        );
    }
    text.push_str("What each does:\n\n");
    let has_run = |number: usize| sections.iter().any(|section| !section.measured[number].is_empty());
    for (_, tool) in TOOLS.iter().enumerate().filter(|(number, _)| has_run(*number)) {
        let _ = writeln!(text, "- {}: {}.", tool.name, tool.does);
    }
    text.push_str(
        "\nAll read the Parquet files that `headwater run` had loaded, and build every model anew, tests left out. \
         Whole-process wall time, the tools in turn; peak memory of the worst round. Of every table the rows and a sum \
         for each column were compared.\n\n",
    );
    let mut arguments = format!("--rows {} --rounds {rounds}", options.rows);
    if !options.without.is_empty() {
        let _ = write!(arguments, " --without {}", options.without.join(","));
    }
    let packages = (ground.python.as_path(), ["duckdb", "pyspark"].as_slice());
    page::write(ground, &Part { name: "models", heading: "Models", arguments, text, packages })
}

fn of_tools(measured: &[Vec<Measured>]) -> String {
    table(TOOLS.iter().zip(measured).map(|(tool, measured)| (tool.name, measured.as_slice())))
}

/// The turns of all examples, each round's added up.
fn together(sections: &[Section]) -> Vec<Vec<Measured>> {
    let Some((first, rest)) = sections.split_first() else { return Vec::new() };
    let mut sums = first.measured.clone();
    for section in rest {
        for (sums, measured) in sums.iter_mut().zip(&section.measured) {
            for (sum, one) in sums.iter_mut().zip(measured) {
                *sum = sum.and(one);
            }
        }
    }
    sums
}
