//! New projects, checked projects, generated files.

use std::path::Path;

use headwater_ops::check::CheckReport;
use headwater_ops::generate::GenerateReport;
use headwater_ops::init::InitReport;

use super::number::{bytes, count, counted};
use super::plan::words;
use super::style::Style;
use super::table::{Align, Cell, Table};

/// A project without errors.
pub(crate) fn checked(report: &CheckReport, style: Style) -> String {
    format!("{} {} is sound: {}\n", style.green("✓"), report.project, words(&report.counts))
}

/// A new project.
pub(crate) fn made(report: &InitReport, folder: &Path, style: Style) -> String {
    let made = format!("made {} from the template `{}`", counted(report.files.len() as u64, "file"), report.template);
    format!("{} {} in {}\n", style.green("✓"), made, shown(&report.dir, folder))
}

/// What to type next, a line each.
pub(crate) fn next(steps: &[(&str, &str)], style: Style) -> String {
    let longest = steps.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
    let mut text = format!("{}\n", style.bold("next"));
    for (command, why) in steps {
        let padding = " ".repeat(longest - command.len());
        let why = if why.is_empty() { String::new() } else { format!("{padding}  {}", style.dim(why)) };
        text += &format!("  {}{why}\n", style.cyan(command));
    }
    text
}

/// Generated files.
pub(crate) fn generated(report: &GenerateReport, folder: &Path, style: Style) -> String {
    let mut table = Table::new([
        ("table", Align::Left),
        ("rows", Align::Right),
        ("spoiled", Align::Right),
        ("size", Align::Right),
        ("file", Align::Left),
    ]);
    for file in &report.files {
        table.row(vec![
            Cell::text(&file.table),
            Cell::text(count(file.rows)),
            Cell::text(count(file.dirty.values().sum())),
            Cell::text(bytes(file.bytes)),
            Cell::text(shown(&file.path, folder)),
        ]);
    }
    table.render(style).0
}

/// A path as it is reached from the folder that the user stands in.
pub(crate) fn shown(path: &Path, folder: &Path) -> String {
    match path.strip_prefix(folder) {
        Ok(inside) if inside.as_os_str().is_empty() => ".".to_owned(),
        Ok(inside) => inside.display().to_string(),
        Err(_) => path.display().to_string(),
    }
}
