//! The part of the page about upserts.

use std::fmt::Write;

use super::super::ground::Ground;
use super::super::measured::{plural, table};
use super::super::page::{self, Part};
use super::{CHANGES, NEW, Options, Section, TOOLS};
use crate::error::TaskError;

pub(super) fn write(ground: &Ground, options: &Options, sections: &[Section]) -> Result<(), TaskError> {
    let rounds = options.rounds.max(1);
    let mut text = format!(
        "{CHANGES} rows, {NEW} of them new, into {} million rows in 32 partitions; median of {rounds} round{}.\n\n",
        options.rows as f64 / 1_000_000.0,
        plural(rounds)
    );
    // Writing to a String cannot fail.
    for section in sections {
        let measured = TOOLS.iter().zip(&section.measured);
        let _ = write!(
            text,
            "### Keys in {} of 32 partitions\n\n{}",
            section.partitions,
            table(measured.map(|(tool, measured)| (tool.name, measured.as_slice())))
        );
    }
    text.push_str("What each does:\n\n");
    let has_run = |number: usize| sections.iter().any(|section| !section.measured[number].is_empty());
    for (_, tool) in TOOLS.iter().enumerate().filter(|(number, _)| has_run(*number)) {
        let _ = writeln!(text, "- {}: {}.", tool.name, tool.does);
    }
    text.push_str(
        "\nThe partition is the key modulo 32, so that within a partition no file can be told from another by the keys that \
         it holds. Whole-process wall time, the tools in turn; peak memory of the worst round. Every tool's rows, changed rows \
         and sum of amounts were compared.\n\n",
    );
    let mut arguments = format!("--rows {} --rounds {rounds}", options.rows);
    if !options.without.is_empty() {
        let _ = write!(arguments, " --without {}", options.without.join(","));
    }
    let packages = (ground.python.as_path(), ["deltalake", "duckdb"].as_slice());
    page::write(ground, &Part { name: "upsert", heading: "Upsert", arguments, text, packages })
}
