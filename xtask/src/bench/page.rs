//! The results as a page of Markdown.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::{HEADWATER, Measured, TOOLS};
use crate::error::TaskError;
use crate::process::output;

/// What the page tells of.
pub(super) struct Page<'a> {
    pub(super) rows: u64,
    pub(super) rounds: usize,
    pub(super) bytes: u64,
    pub(super) measured: &'a BTreeMap<&'a str, Vec<Measured>>,
    pub(super) python: &'a Path,
    pub(super) headwater: &'a Path,
    pub(super) root: &'a Path,
}

impl Page<'_> {
    /// The text.
    pub(super) fn text(&self) -> Result<String, TaskError> {
        let mut text = format!(
            "# Benchmark results\n\nWritten by `cargo xtask bench ingest --rows {}`; not edited by hand. How it is measured: \
             [README](README.md).\n\n## Ingest: {} rentals, {} MB of CSV, 8 typed columns\n\n",
            self.rows,
            self.rows,
            self.bytes / 1_000_000
        );
        text.push_str(
            "| tool | median | fastest - slowest | time, Headwater = 1 | peak memory |\n|---|---|---|---|---|\n",
        );
        let base = self.seconds(HEADWATER).1;
        for tool in TOOLS {
            let (fastest, median, slowest) = self.seconds(tool.name);
            let peak = self.of(tool.name).map(|one| one.peak_bytes).max().unwrap_or_default();
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "| {} | {median:.2} s | {fastest:.2} - {slowest:.2} s | {:.2} | {} MB |",
                tool.name,
                median / base,
                peak / 1_000_000
            );
        }
        text.push_str("\nWhat each does:\n\n");
        for tool in TOOLS {
            let _ = writeln!(text, "- {}: {}.", tool.name, tool.does);
        }
        let _ = writeln!(
            text,
            "\nWhole-process wall time, median of {} rounds, the tools in turn; peak memory of the worst round. The file was \
             in the page cache. Every tool's rows, sum of amounts and earliest start were compared.\n",
            self.rounds
        );
        for (what, is) in [("machine", machine()), ("versions", self.versions()?), ("date", self.date()?)] {
            let _ = writeln!(text, "- {what}: {is}");
        }
        Ok(text)
    }

    fn of(&self, tool: &str) -> impl Iterator<Item = &Measured> {
        self.measured.get(tool).into_iter().flatten()
    }

    /// The fastest, the median and the slowest time; 0 without any.
    fn seconds(&self, tool: &str) -> (f64, f64, f64) {
        let mut seconds: Vec<f64> = self.of(tool).map(|one| one.seconds).collect();
        seconds.sort_by(f64::total_cmp);
        let at = |position: usize| seconds.get(position).copied().unwrap_or_default();
        let last = seconds.len().saturating_sub(1);
        (at(0), (at(last / 2) + at(last.div_ceil(2))) / 2.0, at(last))
    }

    fn versions(&self) -> Result<String, TaskError> {
        let headwater = output(Command::new(self.headwater).arg("--version"))?;
        let commit = output(Command::new("git").current_dir(self.root).args(["rev-parse", "--short", "HEAD"]))?;
        let packages = "from importlib.metadata import version as v; import platform; \
                        print(', '.join(f'{p} {v(p)}' for p in ['duckdb', 'polars', 'datafusion', 'pyspark']), \
                        '(Python packages), Python', platform.python_version(), end='')";
        let packages = output(Command::new(self.python).args(["-c", packages]))?;
        Ok(format!("{} (from {}), {}", line(&headwater), line(&commit), line(&packages)))
    }

    fn date(&self) -> Result<String, TaskError> {
        Ok(line(&output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?))
    }
}

fn line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// Processor, cores and memory, as Linux tells them.
fn machine() -> String {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let value = text.lines().find(|line| line.starts_with(name)).and_then(|line| line.split(':').nth(1));
        value.map_or("unknown".to_owned(), |value| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processor = field("/proc/cpuinfo", "model name");
    let memory = field("/proc/meminfo", "MemTotal");
    let gigabytes =
        memory.split(' ').next().and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) / 1_000_000;
    format!("{processor}, {cores} cores, {gigabytes} GB, {} {}", std::env::consts::OS, std::env::consts::ARCH)
}
