//! The part of the page about ingestion.

use std::fmt::Write;
use std::fs;

use super::super::ground::Ground;
use super::super::measured::{peak_megabytes, plural, seconds, table};
use super::super::page::{self, Part};
use super::TOOLS;
use super::alone::Alone;
use super::beside::Section;
use crate::error::TaskError;

const PACKAGES: &[&str] = &["duckdb", "pysail", "polars", "datafusion", "pyspark"];

pub(super) fn write(ground: &Ground, sections: &[Section], alone: &Alone) -> Result<(), TaskError> {
    let rows: Vec<String> = sections.iter().map(|section| section.rows.to_string()).collect();
    let mut text: String = sections.iter().map(of_section).collect();
    text.push_str("What each does:\n\n");
    // Writing to a String cannot fail.
    for tool in TOOLS {
        let _ = writeln!(text, "- {}: {}.", tool.name, tool.does);
    }
    text.push_str(
        "\nWhole-process wall time, the tools in turn; peak memory of the worst round. The file was in the page cache. \
         Every tool's rows, sum of amounts and earliest start were compared.\n\n",
    );
    text.push_str(&of_alone(alone));
    // Written by whoever profiled last: no number of it comes from this run.
    let profile = ground.bench.join("profile.md");
    text.push_str(&fs::read_to_string(&profile).map_err(TaskError::file("read", &profile))?);
    let arguments = format!("--rows {}", rows.join(","));
    let packages = (ground.python.as_path(), PACKAGES);
    page::write(ground, &Part { name: "ingest", heading: "Ingest", arguments, text, packages })
}

fn of_section(section: &Section) -> String {
    let Section { rows, bytes, rounds, measured } = section;
    let of = |tool: &str| measured.get(tool).map(Vec::as_slice).unwrap_or_default();
    format!(
        "### {} million rentals, {} MB of CSV, 8 typed columns\n\nMedian of {rounds} round{}.\n\n{}",
        *rows as f64 / 1_000_000.0,
        bytes / 1_000_000,
        plural(*rounds),
        table(TOOLS.iter().map(|tool| (tool.name, of(tool.name))))
    )
}

fn of_alone(alone: &Alone) -> String {
    let (clean, dirty) = (seconds(&alone.clean).1, seconds(&alone.dirty).1);
    let (small, peak) = (seconds(&alone.small).1, peak_megabytes(&alone.small));
    format!(
        "### Headwater alone\n\n\
         | what | median | ratio | peak memory |\n|---|---|---|---|\n\
         | 5 million rows, clean | {clean:.2} s | 1.00 | {} MB |\n\
         | 5 million rows, {} of them bad and set aside | {dirty:.2} s | {:.2} | {} MB |\n\
         | 10,000 files, {} MB together | {small:.2} s | | {peak} MB |\n\n",
        peak_megabytes(&alone.clean),
        alone.set_aside,
        dirty / clean,
        peak_megabytes(&alone.dirty),
        alone.small_bytes / 1_000_000
    )
}
