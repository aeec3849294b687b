//! What dbt's users ask for: compiled SQL, lineage, differences, documentation, packages.

use std::path::Path;

use headwater_ops::clean::CleanReport;
use headwater_ops::compile::CompileReport;
use headwater_ops::deps::DepsReport;
use headwater_ops::diff::{Change, ColumnDiff, DiffReport};
use headwater_ops::docs::DocsReport;
use headwater_ops::lineage::{LineageReport, Trace};
use headwater_plan::{ColumnInput, InputKind, NodeKind, TableName};

use super::number::counted;
use super::project::shown;
use super::style::{Style, left, width};
use super::table::{Align, Cell, Table};

/// The SQL of the one node that is meant, or how many files were written.
pub(crate) fn compiled(report: &CompileReport, style: Style) -> String {
    let is_test = |kind: NodeKind| matches!(kind, NodeKind::Test | NodeKind::UnitTest);
    let wanted: Vec<_> = report.nodes.iter().filter(|node| !is_test(node.kind)).collect();
    let one = match (wanted.as_slice(), report.nodes.as_slice()) {
        ([node], _) => Some(*node),
        ([], [node]) => Some(node),
        _ => None,
    };
    if let Some(node) = one.filter(|_| report.late.is_empty()) {
        return format!("{}\n", node.sql.trim_end());
    }
    let written = report.nodes.iter().filter(|node| node.path.is_some()).count() as u64;
    let mut text = format!("{} {} written to target/compiled\n", style.green("✓"), counted(written, "file"));
    if !report.late.is_empty() {
        text += &format!("  compiled later, as they ask for rows: {}\n", report.late.join(", "));
    }
    text
}

fn input(input: &ColumnInput) -> String {
    let how = match input.kind {
        InputKind::Identity => "",
        InputKind::Transformation => " (computed)",
        InputKind::Aggregation => " (aggregated)",
        InputKind::Indirect => " (deciding)",
    };
    format!("{}.{}{how}", input.relation, input.column)
}

/// Each table's columns and what they are made of.
pub(crate) fn lineage(report: &LineageReport, style: Style) -> String {
    let mut text = String::new();
    for node in &report.nodes {
        if !text.is_empty() {
            text.push('\n');
        }
        text += &format!("{} {}\n", style.bold(&node.relation), style.dim(node.kind.word()));
        let longest = node.lineage.columns.iter().map(|column| width(&column.name)).max().unwrap_or(0);
        for column in &node.lineage.columns {
            let inputs: Vec<String> = column.inputs.iter().map(input).collect();
            let inputs = if inputs.is_empty() { style.dim("made of no column") } else { inputs.join(", ") };
            text += &format!("  {}  {inputs}\n", left(&column.name, longest));
        }
        let rows: Vec<String> =
            node.lineage.rows.iter().map(|input| format!("{}.{}", input.relation, input.column)).collect();
        for line in folded("rows decided by ", &rows) {
            text += &format!("  {}\n", style.dim(line));
        }
    }
    if text.is_empty() { "no selected node has columns to follow\n".to_owned() } else { text }
}

/// A list after its title, in lines that a narrow terminal holds, each after the first below the first of its items.
fn folded(title: &str, items: &[String]) -> Vec<String> {
    const WIDTH: usize = 78;
    let mut lines: Vec<String> = Vec::new();
    for (number, item) in items.iter().enumerate() {
        let item = if number + 1 < items.len() { format!("{item},") } else { item.clone() };
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(&item) <= WIDTH => *line += &format!(" {item}"),
            Some(_) => lines.push(format!("{}{item}", " ".repeat(title.len()))),
            None => lines.push(format!("{title}{item}")),
        }
    }
    lines
}

/// A column's way through the project.
pub(crate) fn trace(trace: &Trace, style: Style) -> String {
    let mut text = format!("{}.{}\n", style.bold(&trace.relation), trace.column);
    for step in &trace.steps {
        let at = ColumnInput { relation: step.relation.clone(), column: step.column.clone(), kind: step.kind };
        let via =
            if step.depth > 1 { format!("  {}", style.dim(format_args!("by {}", step.via))) } else { String::new() };
        text += &format!("{}{}{via}\n", "  ".repeat(step.depth), input(&at));
    }
    if trace.steps.is_empty() {
        text += if trace.downstream { "  nothing is made of it\n" } else { "  made of no other column\n" };
    }
    text
}

/// What changed, and what that touches.
pub(crate) fn diff(report: &DiffReport, style: Style) -> String {
    let commit: String = report.commit.chars().take(8).collect();
    if report.nodes.is_empty() {
        return format!("nothing changed since {} ({commit})\n", report.base);
    }
    let mut text =
        format!("{} {}\n\n", style.bold(format_args!("since {}", report.base)), style.dim(format_args!("({commit})")));
    for node in &report.nodes {
        let name = name(node.relation.as_ref(), &node.name);
        let (mark, what) = match node.change {
            Change::Added => (style.green("+"), "new".to_owned()),
            Change::Removed => (style.red("-"), "gone".to_owned()),
            Change::Modified => (style.yellow("~"), node.parts.join(", ")),
        };
        text += &format!("{mark} {name}  {}\n", style.dim(what));
        if node.change == Change::Modified {
            for column in &node.columns {
                text += &format!("    {}\n", column_line(column, style));
            }
            if node.rows {
                text += &format!("    {}\n", style.dim("its rows may be others"));
            }
        }
    }
    let (tests, tables): (Vec<_>, Vec<_>) = report.touched.iter().partition(|touched| touched.relation.is_none());
    if !tables.is_empty() {
        text += &format!("\n{}\n", style.bold("touches"));
    }
    for touched in tables {
        let columns = match touched.rows {
            true => "all columns: its rows may be others".to_owned(),
            false => touched.columns.join(", "),
        };
        text += &format!("  {}  {columns}\n", name(touched.relation.as_ref(), &touched.name));
    }
    if !tests.is_empty() {
        text += &format!("  {}\n", counted(tests.len() as u64, "test"));
    }
    for exposure in &report.exposures {
        text += &format!("  exposure {exposure}\n");
    }
    text
}

fn column_line(column: &ColumnDiff, style: Style) -> String {
    let types = (column.from.as_deref(), column.to.as_deref());
    match (column.change, types) {
        (Change::Added, (_, to)) => format!("{} {}  {}", style.green("+"), column.name, to.unwrap_or_default()),
        (Change::Removed, (from, _)) => format!("{} {}  {}", style.red("-"), column.name, from.unwrap_or_default()),
        (Change::Modified, (Some(from), Some(to))) => format!("{} {}  {from} → {to}", style.yellow("~"), column.name),
        (Change::Modified, _) => format!("{} {}", style.yellow("~"), column.name),
    }
}

fn name(relation: Option<&TableName>, name: &str) -> String {
    relation.map_or_else(|| name.to_owned(), TableName::to_string)
}

/// Where the documentation is.
pub(crate) fn documented(report: &DocsReport, folder: &Path, style: Style) -> String {
    let mark = style.green("✓");
    let pages = counted(report.pages as u64, "page");
    let mut text = format!("{mark} {pages} written: {}\n", shown(&report.index, folder));
    if report.relations == 0 {
        text += "  the lake holds none of its tables yet: `headwater run` builds them\n";
    }
    text
}

/// The packages and their versions.
pub(crate) fn packages(report: &DepsReport, folder: &Path, style: Style) -> String {
    if report.packages.is_empty() {
        return "the project uses no packages\n".to_owned();
    }
    let mut table = Table::new([
        ("package", Align::Left),
        ("version", Align::Left),
        ("from", Align::Left),
        ("newest", Align::Left),
    ]);
    for package in &report.packages {
        let version = package.version.as_deref().unwrap_or("-");
        let version: String =
            if package.source == "git" { version.chars().take(12).collect() } else { version.to_owned() };
        table.row(vec![
            Cell::text(package.name.as_deref().unwrap_or("-")),
            Cell::text(version),
            Cell::text(format!("{} {}", package.source, package.from)),
            Cell::text(package.newest.as_deref().unwrap_or("")),
        ]);
    }
    let (done, place) = match report.installed {
        true => ("installed", format!(" in {}", shown(&report.dir, folder))),
        false => ("locked", String::new()),
    };
    let lock = if report.from_lock { ", as package-lock.yml says" } else { "" };
    let number = counted(report.packages.len() as u64, "package");
    format!("{}\n{} {number} {done}{place}{lock}\n", table.render(style).0, style.green("✓"))
}

/// What was taken away.
pub(crate) fn cleaned(report: &CleanReport, style: Style) -> String {
    if report.removed.is_empty() {
        return "nothing to take away\n".to_owned();
    }
    let names: Vec<String> = report.removed.iter().map(|folder| format!("{}/", folder.display())).collect();
    format!("{} removed {}\n", style.green("✓"), names.join(", "))
}
