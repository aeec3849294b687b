//! One file by all tools in turn.

use std::collections::BTreeMap;
use std::fs;

use super::super::HEADWATER;
use super::super::ground::{Ground, empty};
use super::super::measured::Measured;
use super::{Checked, TOOLS, Tool, check, generate, headwater, peer};
use crate::error::{TaskError, complain};

/// What the tools took for a file.
pub(super) struct Section {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) rounds: usize,
    pub(super) measured: BTreeMap<&'static str, Vec<Measured>>,
}

/// Times all tools on a file of so many rows.
pub(super) fn measure(ground: &Ground, rows: u64, rounds: usize, without: &[String]) -> Result<Section, TaskError> {
    let source = generate(ground, rows, &[])?;
    let incoming = source.parent().unwrap_or(&source);
    let left_out = |tool: &&Tool| !without.iter().any(|name| name.eq_ignore_ascii_case(tool.name));
    let tools: Vec<&Tool> = TOOLS.iter().filter(left_out).collect();
    let mut measured: BTreeMap<&'static str, Vec<Measured>> = BTreeMap::new();
    let mut results: Vec<(&str, Checked)> = Vec::new();
    for round in 0..rounds {
        for turn in 0..tools.len() {
            let tool = tools[(round + turn) % tools.len()];
            let (one, written) =
                if tool.name == HEADWATER { headwater(ground, incoming)? } else { peer(ground, tool.name, &source)? };
            results.push((tool.name, check(ground, &written)?));
            empty(&ground.work.join("target"))?;
            one.tell(round, tool.name);
            measured.entry(tool.name).or_default().push(one);
        }
    }
    complain(disagreements(&results, rows))?;
    let bytes = fs::metadata(&source).map_err(TaskError::file("look at", &source))?.len();
    Ok(Section { rows, bytes, rounds, measured })
}

/// Tools that did not write what Headwater wrote.
fn disagreements(results: &[(&str, Checked)], rows: u64) -> Vec<String> {
    let Some((_, expected)) = results.iter().find(|(name, _)| *name == HEADWATER) else { return Vec::new() };
    let mut complaints = Vec::new();
    for (name, result) in results {
        if result != expected || result.rows != rows {
            complaints.push(format!("{name} wrote {result:?}, expected {rows} rows and {expected:?}"));
        }
    }
    complaints
}
