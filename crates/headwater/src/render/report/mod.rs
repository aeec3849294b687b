//! A run's report: a line for each node as it ends, and the lines that add up.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveTime, Utc};
use headwater_ops::plan::PlannedNode;
use headwater_ops::run::Beginning;
use headwater_plan::{Diagnostic, NodeId, NodeKind, NodeReport, NodeStatus, RunReport, RunStatus, Skipped, TableName};

use super::number::{count, counted, seconds, short_id};
use super::style::{Style, cut, left, right, width};

/// The columns beside the name: mark, step, rows in, rows out, set aside, time, and the gaps.
const OTHER_COLUMNS: usize = 54;
/// The reason is shown where it has at least this much room.
const REASON: usize = 16;

/// The step of a table that something else writes.
const EXTERNAL: &str = "external";
/// The steps whose words do not fit the column of steps, and those that do.
const SHORT: [(&str, &str); 5] =
    [(EXTERNAL, "source"), ("incremental", "incr"), ("snapshot", "snap"), ("unit_test", "unit"), ("statement", "hook")];

/// The word for a step in the column of steps.
pub(crate) fn step_word(step: &str) -> &str {
    SHORT.iter().find(|(long, _)| *long == step).map_or(step, |(_, short)| short)
}

/// Whether a node is a test, of data or of code.
pub(crate) fn is_test(kind: NodeKind) -> bool {
    matches!(kind, NodeKind::Test | NodeKind::UnitTest)
}

/// Writes the lines of a report. Passed tests of one table share a line, which comes with the last of them.
#[derive(Debug)]
pub(crate) struct Lines {
    style: Style,
    name_width: usize,
    /// For each test that shares a line, its table.
    groups: BTreeMap<NodeId, TableName>,
    tests: BTreeMap<TableName, Group>,
}

/// The tests of a table.
#[derive(Debug, Default)]
struct Group {
    expected: u64,
    ended: u64,
    passed: u64,
    milliseconds: u64,
}

impl Lines {
    /// Lines for the nodes that are about to run; `together` puts the passed tests of a table on one line.
    pub(crate) fn new<'a>(nodes: impl Iterator<Item = &'a PlannedNode> + Clone, together: bool, style: Style) -> Self {
        // A test that shares a line does not show its name.
        let named = nodes.clone().filter(|node| !together || node.tested.is_none());
        let tables = nodes.clone().filter_map(|node| node.tested.as_ref()).map(TableName::to_string);
        let mut lines = Self::with_names(named.map(planned_name).chain(tables), style);
        if together {
            for node in nodes {
                if let Some(table) = &node.tested {
                    lines.groups.insert(node.decision.node.clone(), table.clone());
                    lines.tests.entry(table.clone()).or_default().expected += 1;
                }
            }
        }
        lines
    }

    /// Lines for the nodes of an earlier run, one for each.
    pub(crate) fn of_report(report: &RunReport, style: Style) -> Self {
        Self::with_names(report.nodes.iter().map(reported_name), style)
    }

    fn with_names(names: impl Iterator<Item = String>, style: Style) -> Self {
        let longest = names.map(|name| width(&name)).max().unwrap_or(0);
        let room = if style.terminal { style.width.saturating_sub(OTHER_COLUMNS).max(20) } else { usize::MAX };
        Self { style, name_width: longest.max(12).min(room), groups: BTreeMap::new(), tests: BTreeMap::new() }
    }

    /// The heading of the columns.
    pub(crate) fn heading(&self) -> String {
        let cells = ["rows in", "rows out", "set aside", "time"].map(str::to_owned);
        format!("{}\n", self.style.dim(self.columns(" ", "step", "table", &cells).trim_end()))
    }

    /// The line of a node that ended; `None` if it shares a line with others that have not, or is not worth one.
    pub(crate) fn line(&mut self, node: &NodeReport) -> Option<String> {
        // That what something else writes is there is no news.
        if node.status == NodeStatus::UpToDate || (node.status == NodeStatus::Success && node.step == EXTERNAL) {
            return None;
        }
        if let Some(table) = self.groups.get(&node.id).cloned() {
            let together = self.share(&table, node);
            // What did not pass has a line of its own.
            return match node.status {
                NodeStatus::Failed | NodeStatus::Warned => Some(self.own_line(node) + &together.unwrap_or_default()),
                _ => together,
            };
        }
        Some(self.own_line(node))
    }

    /// The line of a node of an earlier run, whatever became of it.
    pub(crate) fn every_line(&self, node: &NodeReport) -> String {
        self.own_line(node)
    }

    fn share(&mut self, table: &TableName, node: &NodeReport) -> Option<String> {
        let group = self.tests.get_mut(table)?;
        group.ended += 1;
        group.milliseconds += node.duration_ms;
        group.passed += u64::from(node.status == NodeStatus::Success);
        if group.ended < group.expected || group.passed == 0 {
            return None;
        }
        let cells =
            [format!("{} passed", count(group.passed)), String::new(), String::new(), seconds(group.milliseconds)];
        Some(self.columns(&self.style.green("✓"), "tests", &table.to_string(), &cells) + "\n")
    }

    fn own_line(&self, node: &NodeReport) -> String {
        let style = self.style;
        let name = reported_name(node);
        let time = seconds(node.duration_ms);
        let told = |text: String| [text, String::new(), String::new(), time.clone()];
        let failures = node.step_report.failures;
        match node.status {
            NodeStatus::Success | NodeStatus::UpToDate if is_test(node.kind) => {
                let mark = if node.status == NodeStatus::Success { style.green("✓") } else { style.dim("=") };
                self.columns(&mark, &node.step, &name, &told("passed".into())) + "\n"
            }
            NodeStatus::UpToDate => self.with_note(&style.dim("="), node, &name),
            NodeStatus::Success => {
                let line = self.with_reason(self.columns(&style.green("✓"), &node.step, &name, &rows(node)), node);
                line + &spans(node).map_or_else(String::new, |text| format!("          {}\n", style.dim(text)))
            }
            NodeStatus::Warned => {
                let rows = counted(failures.unwrap_or_default(), "row");
                self.columns(&style.yellow("!"), &node.step, &name, &told(rows)) + "\n"
            }
            NodeStatus::Failed => {
                let told = told(failures.map_or("failed".into(), |failures| counted(failures, "row")));
                self.columns(&style.red("✗"), &node.step, &name, &told) + "\n"
            }
            NodeStatus::Skipped | NodeStatus::Cancelled => self.with_note(&style.yellow("–"), node, &name),
        }
    }

    fn columns(&self, mark: &str, step: &str, name: &str, cells: &[String; 4]) -> String {
        let step = step_word(step);
        let [read, written, aside, time] = cells;
        if width(name) > self.name_width {
            // Its name tells a failed test from another, so it is not cut to the columns of the others.
            let cells: Vec<&str> = cells.iter().map(String::as_str).filter(|cell| !cell.is_empty()).collect();
            let room = if self.style.terminal { self.style.width.saturating_sub(30).max(20) } else { usize::MAX };
            return format!("{mark} {}  {}  {}", left(step, 6), cut(name, room), cells.join("  "));
        }
        let name = left(name, self.name_width);
        let text = format!(
            "{mark} {}  {name}  {}  {}  {}  {}",
            left(step, 6),
            right(read, 10),
            right(written, 10),
            right(aside, 9),
            right(time, 7)
        );
        text.trim_end().to_owned()
    }

    /// A line that says why in place of numbers.
    fn with_note(&self, mark: &str, node: &NodeReport, name: &str) -> String {
        let note = node.step_report.diagnostics.first().map_or(node.reason.as_str(), |told| told.message.as_str());
        let name = left(&cut(name, self.name_width), self.name_width);
        format!("{mark} {}  {name}  {}\n", left(step_word(&node.step), 6), self.style.dim(note))
    }

    fn with_reason(&self, line: String, node: &NodeReport) -> String {
        let room = self.style.width.saturating_sub(OTHER_COLUMNS + self.name_width + 2);
        if room < REASON {
            return line + "\n";
        }
        format!("{line}  {}\n", self.style.dim(cut(&node.reason, room)))
    }
}

fn rows(node: &NodeReport) -> [String; 4] {
    let rows = node.step_report.rows;
    let time = seconds(node.duration_ms);
    match node.step.as_str() {
        "ingest" | "seed" => [count(rows.read), count(rows.written), count(rows.quarantined), time],
        "table" | "incremental" | "snapshot" => [count(rows.read), count(rows.written), String::new(), time],
        _ => [String::new(), String::new(), String::new(), time],
    }
}

/// The spans of event time that a step computed, in words.
fn spans(node: &NodeReport) -> Option<String> {
    let spans = node.step_report.spans?;
    let instant = |at: DateTime<Utc>| match at.time() == NaiveTime::MIN {
        true => at.format("%Y-%m-%d").to_string(),
        false => at.format("%Y-%m-%d %H:%M").to_string(),
    };
    let before = match spans.done_before {
        0 => String::new(),
        done => format!(", {} done before", count(done)),
    };
    let (from, to) = (instant(spans.from), instant(spans.to));
    Some(format!("{}, {from} to {to}{before}", counted(spans.count, "span")))
}

fn planned_name(node: &PlannedNode) -> String {
    node.relation.as_ref().map_or_else(|| node.name.clone(), TableName::to_string)
}

fn reported_name(node: &NodeReport) -> String {
    node.relation.as_ref().map_or_else(|| node.name.clone(), TableName::to_string)
}

/// The first line of a run.
pub(crate) fn opening(run: &Beginning, style: Style) -> String {
    let engine = on_engine(&run.engine);
    let place = format!("· {} · {}{engine} · lake {}", run.project, run.environment, run.lake);
    format!("{} {}\n\n", style.bold(format_args!("run {}", short_id(&run.run_id.0))), style.dim(place))
}

/// An engine that goes without saying is not named.
pub(crate) fn on_engine(engine: &str) -> String {
    if engine == "embedded" { String::new() } else { format!(" · engine {engine}") }
}

/// The last lines of a run: how it ended, what was done, and that the rows add up.
pub(crate) fn closing(report: &RunReport, style: Style) -> String {
    let took = report.finished_at.map_or(0, |end| (end - report.started_at).num_milliseconds().max(0).unsigned_abs());
    let took = seconds(took);
    let head = match report.status {
        RunStatus::Success => style.green(format_args!("✓ done in {took}")),
        RunStatus::Failed => style.red(format_args!("✗ failed after {took}")),
        RunStatus::Cancelled => style.yellow(format_args!("– stopped after {took}")),
        RunStatus::Running => style.yellow("… running"),
    };
    let mut text = format!("{head}{}\n", done(report).map_or(String::new(), |done| format!(": {done}")));
    for line in sum(report).into_iter().chain(skipped(report)) {
        text += &format!("  {line}\n");
    }
    text
}

fn done(report: &RunReport) -> Option<String> {
    let number = |wanted: &dyn Fn(&NodeReport) -> bool| report.nodes.iter().filter(|node| wanted(node)).count() as u64;
    let is_test = |node: &NodeReport| is_test(node.kind);
    let is_built = |step: &str| matches!(step, "table" | "view" | "incremental");
    let well = |node: &NodeReport| matches!(node.status, NodeStatus::Success | NodeStatus::Warned);
    let ended = |status| number(&|node| node.status == status);
    let parts = [
        (number(&|node| well(node) && matches!(node.step.as_str(), "ingest" | "seed")), "loaded"),
        (number(&|node| well(node) && is_built(&node.step)), "built"),
        (number(&|node| well(node) && node.step == "snapshot"), "snapshotted"),
        (number(&|node| node.status == NodeStatus::Failed && !is_test(node)), "failed"),
        (ended(NodeStatus::Skipped), "left out"),
        (ended(NodeStatus::Cancelled), "stopped"),
    ];
    let mut words: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{} {word}", count(*number)))
        .collect();
    let tests = [
        (number(&|node| node.status == NodeStatus::Success && is_test(node)), "passed"),
        (number(&|node| node.status == NodeStatus::Warned && is_test(node)), "warned"),
        (number(&|node| node.status == NodeStatus::Failed && is_test(node)), "failed"),
    ];
    for (number, word) in tests {
        if number > 0 {
            words.push(format!("{} {word}", counted(number, "test")));
        }
    }
    let idle = ended(NodeStatus::UpToDate);
    if idle > 0 {
        words.push(format!("{} up to date", count(idle)));
    }
    (!words.is_empty()).then(|| words.join(", "))
}

/// Rows in = rows out + set aside, over all that was loaded.
fn sum(report: &RunReport) -> Option<String> {
    let loads = || report.nodes.iter().filter(|node| node.step == "ingest" && node.status == NodeStatus::Success);
    let total = |part: fn(&NodeReport) -> u64| loads().map(part).sum::<u64>();
    let read = total(|node| node.step_report.rows.read);
    let written = total(|node| node.step_report.rows.written);
    let aside = total(|node| node.step_report.rows.quarantined);
    loads().next()?;
    let sign = if read == written + aside { "=" } else { "≠" };
    Some(format!("files: {} in {sign} {} out + {} set aside", counted(read, "row"), count(written), count(aside)))
}

/// What of the loaded files was no row, unless it is nothing but the one header that each file should have.
fn skipped(report: &RunReport) -> Option<String> {
    let loads = report.nodes.iter().filter(|node| node.step == "ingest" && node.status == NodeStatus::Success);
    let (mut skipped, mut files) = (Skipped::default(), 0);
    for load in loads {
        skipped += load.step_report.skipped;
        files += load.step_report.files;
    }
    if skipped.total() == skipped.header && skipped.header <= files {
        return None;
    }
    let kinds = [
        (skipped.header, "header"),
        (skipped.blank, "blank line"),
        (skipped.comment, "comment"),
        (skipped.preamble, "preamble line"),
        (skipped.footer, "footer"),
    ];
    let words: Vec<String> =
        kinds.into_iter().filter(|(number, _)| *number > 0).map(|(number, kind)| counted(number, kind)).collect();
    Some(format!("skipped: {}", words.join(", ")))
}

/// What went wrong in a run, apart from the nodes that were left out because of it.
pub(crate) fn told(report: &RunReport) -> Vec<Diagnostic> {
    let own = |node: &&NodeReport| !matches!(node.status, NodeStatus::Skipped | NodeStatus::Cancelled);
    report.nodes.iter().filter(own).flat_map(|node| node.step_report.diagnostics.clone()).collect()
}

#[cfg(test)]
mod tests;
