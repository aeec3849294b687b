//! The results as a page of Markdown: each benchmark replaces its own part, the others stay as they are.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::ground::Ground;
use crate::error::TaskError;
use crate::process::{output, say};

const TITLE: &str = "# Benchmark results\n\nWritten by `cargo xtask bench`, each part by its own command; not edited by \
                     hand. How it is measured, and what was learned: [README](README.md).\n";

/// The parts, in the order of the page.
const PARTS: &[&str] = &["ingest", "models", "engines", "compile", "upsert"];

/// A benchmark's part of the page.
pub(super) struct Part<'a> {
    /// The subcommand.
    pub(super) name: &'a str,
    /// The heading.
    pub(super) heading: &'a str,
    /// The arguments that repeat it.
    pub(super) arguments: String,
    /// Markdown, with headings of the third level.
    pub(super) text: String,
    /// The Python packages whose versions count, and the interpreter that knows them.
    pub(super) packages: (&'a Path, &'a [&'a str]),
}

/// Puts a part into the page.
pub(super) fn write(ground: &Ground, part: &Part<'_>) -> Result<(), TaskError> {
    let path = &ground.page;
    let old =
        if path.exists() { fs::read_to_string(path).map_err(TaskError::file("read", path))? } else { String::new() };
    let command = format!("cargo xtask bench {} {}", part.name, part.arguments);
    let new = format!(
        "## {}\n\nBy `{}`.\n\n{}- machine: {}\n- versions: {}\n- date: {}\n",
        part.heading,
        command.trim_end(),
        part.text,
        machine(),
        versions(ground, part.packages)?,
        date()?
    );
    fs::write(path, replace(&old, part.name, &new)).map_err(TaskError::file("write", path))?;
    say(&format!("wrote {}", path.display()));
    Ok(())
}

fn marks(name: &str) -> (String, String) {
    (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"))
}

/// The text between a part's marks.
fn of<'a>(page: &'a str, name: &str) -> Option<&'a str> {
    let (begin, end) = marks(name);
    let (_, rest) = page.split_once(&begin)?;
    rest.split_once(&end).map(|(text, _)| text)
}

/// The page with one part anew.
fn replace(page: &str, name: &str, new: &str) -> String {
    let mut text = TITLE.to_owned();
    for part in PARTS {
        let body = if *part == name { Some(new) } else { of(page, part) };
        if let Some(body) = body {
            let (begin, end) = marks(part);
            text.push_str(&format!("\n{begin}{body}{end}"));
        }
    }
    text
}

fn versions(ground: &Ground, (python, packages): (&Path, &[&str])) -> Result<String, TaskError> {
    let headwater = output(Command::new(&ground.headwater).arg("--version"))?;
    let commit = output(Command::new("git").current_dir(&ground.root).args(["rev-parse", "--short", "HEAD"]))?;
    let script = "from importlib.metadata import version as v; import platform, sys; \
                  print(', '.join(f'{p} {v(p)}' for p in sys.argv[1:]), \
                  '(Python packages), Python', platform.python_version(), end='')";
    let packages = output(Command::new(python).args(["-c", script]).args(packages))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_replaced_and_the_others_stay() {
        let first = replace("", "models", "## Models\n");
        let both = replace(&first, "ingest", "## Ingest\n");
        assert!(both.starts_with(TITLE) && both.find("## Ingest") < both.find("## Models"));
        let again = replace(&both, "models", "## Models again\n");
        assert_eq!(of(&again, "ingest"), Some("## Ingest\n"));
        assert_eq!(of(&again, "models"), Some("## Models again\n"));
        assert_eq!(replace(&again, "models", "## Models again\n"), again);
    }
}
