//! What turns took: seconds and memory, summed up.

use std::fmt::Write;

use serde::Deserialize;

use super::HEADWATER;
use crate::process::say;

/// What `bench/measure.py` answers.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Measured {
    pub(super) exit: i32,
    pub(super) seconds: f64,
    pub(super) peak_bytes: u64,
}

impl Measured {
    /// Two processes, one after the other, as one turn.
    pub(super) fn and(&self, next: &Self) -> Self {
        Self {
            exit: self.exit.max(next.exit),
            seconds: self.seconds + next.seconds,
            peak_bytes: self.peak_bytes.max(next.peak_bytes),
        }
    }

    /// Tells the person who waits.
    pub(super) fn tell(&self, round: usize, what: &str) {
        say(&format!("round {} {what}: {:.2} s, {} MB", round + 1, self.seconds, self.peak_bytes / 1_000_000));
    }
}

/// The fastest, the median and the slowest time in seconds; 0 without any.
pub(super) fn seconds(measured: &[Measured]) -> (f64, f64, f64) {
    let mut seconds: Vec<f64> = measured.iter().map(|one| one.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    let at = |position: usize| seconds.get(position).copied().unwrap_or_default();
    let last = seconds.len().saturating_sub(1);
    (at(0), (at(last / 2) + at(last.div_ceil(2))) / 2.0, at(last))
}

/// The largest memory of any turn, in megabytes.
pub(super) fn peak_megabytes(measured: &[Measured]) -> u64 {
    measured.iter().map(|one| one.peak_bytes).max().unwrap_or_default() / 1_000_000
}

/// `s` for more than one.
pub(super) fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// A table of tools, in their order, beside Headwater; those without a turn are left out.
pub(super) fn table<'a>(tools: impl IntoIterator<Item = (&'a str, &'a [Measured])>) -> String {
    let tools: Vec<(&str, &[Measured])> = tools.into_iter().filter(|(_, measured)| !measured.is_empty()).collect();
    let base = tools.iter().find(|(name, _)| *name == HEADWATER).map(|(_, measured)| seconds(measured).1);
    let mut text =
        "| tool | median | fastest - slowest | time, Headwater = 1 | peak memory |\n|---|---|---|---|---|\n".to_owned();
    for (name, measured) in tools {
        let (fastest, median, slowest) = seconds(measured);
        let ratio = base.map_or("-".to_owned(), |base| format!("{:.2}", median / base));
        let peak = peak_megabytes(measured);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {name} | {median:.2} s | {fastest:.2} - {slowest:.2} s | {ratio} | {peak} MB |");
    }
    text.push('\n');
    text
}
