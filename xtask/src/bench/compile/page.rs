//! The part of the page about compiling.

use std::fmt::Write;
use std::path::Path;

use super::super::ground::Ground;
use super::super::measured::{Measured, plural, table};
use super::super::page::{self, Part};
use super::project::Written;
use super::{Options, TOOLS, Times};
use crate::error::TaskError;

pub(super) fn write(
    ground: &Ground,
    python: &Path,
    options: &Options,
    written: &Written,
    times: &[Times],
) -> Result<(), TaskError> {
    let rounds = options.rounds.max(1);
    let mut text = format!(
        "{} models, {} tables of sources, {} tests; median of {rounds} round{}.\n\n### Cold\n\n{}### After one file changed\n\n{}\
         What each does:\n\n",
        written.models,
        written.sources,
        written.tests,
        plural(rounds),
        of_tools(times, |times| &times.cold),
        of_tools(times, |times| &times.changed)
    );
    // Writing to a String cannot fail.
    for (tool, _) in TOOLS.iter().zip(times).filter(|(_, times)| !times.cold.is_empty()) {
        let _ = writeln!(text, "- {}: {}.", tool.name, tool.does);
    }
    text.push_str(
        "\nStaging models name and cast the columns of sources; the others join two to four models or aggregate one; a fifth \
         call a macro; every key has two tests. Cold is without anything that the tool keeps between two turns, but with the \
         files in the page cache. Whole-process wall time, the tools in turn; peak memory of the worst round.\n\n",
    );
    let mut arguments = format!("--models {} --rounds {rounds}", options.models);
    if !options.without.is_empty() {
        let _ = write!(arguments, " --without {}", options.without.join(","));
    }
    let packages = (python, ["dbt-core", "dbt-duckdb", "sqlmesh"].as_slice());
    page::write(ground, &Part { name: "compile", heading: "Compile", arguments, text, packages })
}

fn of_tools(times: &[Times], which: impl Fn(&Times) -> &Vec<Measured>) -> String {
    table(TOOLS.iter().zip(times).map(|(tool, times)| (tool.name, which(times).as_slice())))
}
