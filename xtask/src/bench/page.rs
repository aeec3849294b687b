//! The results as a page of Markdown.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use super::alone::Alone;
use super::beside::Section;
use super::ground::Ground;
use super::{HEADWATER, TOOLS, peak_megabytes, seconds};
use crate::error::TaskError;
use crate::process::{output, say};

/// Writes bench/RESULTS.md.
pub(super) fn write(ground: &Ground, sections: &[Section], alone: &Alone) -> Result<(), TaskError> {
    let rows: Vec<String> = sections.iter().map(|section| section.rows.to_string()).collect();
    let mut text = format!(
        "# Benchmark results\n\nWritten by `cargo xtask bench ingest --rows {}`; not edited by hand. How it is measured, and \
         what was learned: [README](README.md).\n\n",
        rows.join(",")
    );
    for section in sections {
        text.push_str(&of_section(section));
    }
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
    for (what, is) in [("machine", machine()), ("versions", versions(ground)?), ("date", date()?)] {
        let _ = writeln!(text, "- {what}: {is}");
    }
    let path = ground.bench.join("RESULTS.md");
    fs::write(&path, text).map_err(TaskError::file("write", &path))?;
    say(&format!("wrote {}", path.display()));
    Ok(())
}

fn of_section(section: &Section) -> String {
    let Section { rows, bytes, rounds, measured } = section;
    let mut text = format!(
        "## {} million rentals, {} MB of CSV, 8 typed columns\n\nMedian of {rounds} round{}.\n\n\
         | tool | median | fastest - slowest | time, Headwater = 1 | peak memory |\n|---|---|---|---|---|\n",
        *rows as f64 / 1_000_000.0,
        bytes / 1_000_000,
        if *rounds == 1 { "" } else { "s" }
    );
    let of = |tool: &str| measured.get(tool).map(Vec::as_slice).unwrap_or_default();
    let base = seconds(of(HEADWATER)).1;
    for tool in TOOLS.iter().filter(|tool| !of(tool.name).is_empty()) {
        let (fastest, median, slowest) = seconds(of(tool.name));
        let peak = peak_megabytes(of(tool.name));
        let _ = writeln!(
            text,
            "| {} | {median:.2} s | {fastest:.2} - {slowest:.2} s | {:.2} | {peak} MB |",
            tool.name,
            median / base
        );
    }
    text.push('\n');
    text
}

fn of_alone(alone: &Alone) -> String {
    let (clean, dirty) = (seconds(&alone.clean).1, seconds(&alone.dirty).1);
    let (small, peak) = (seconds(&alone.small).1, peak_megabytes(&alone.small));
    format!(
        "## Headwater alone\n\n\
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

fn versions(ground: &Ground) -> Result<String, TaskError> {
    let headwater = output(Command::new(&ground.headwater).arg("--version"))?;
    let commit = output(Command::new("git").current_dir(&ground.root).args(["rev-parse", "--short", "HEAD"]))?;
    let packages = "from importlib.metadata import version as v; import platform; \
                    print(', '.join(f'{p} {v(p)}' for p in ['duckdb', 'pysail', 'polars', 'datafusion', 'pyspark']), \
                    '(Python packages), Python', platform.python_version(), end='')";
    let packages = output(Command::new(&ground.python).args(["-c", packages]))?;
    Ok(format!("{} (from {}), {}", line(&headwater), line(&commit), line(&packages)))
}

fn date() -> Result<String, TaskError> {
    Ok(line(&output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?))
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
