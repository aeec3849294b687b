//! What was done for tables: `tables optimize|vacuum|restore`.

use headwater_ops::maintain::{Maintained, MaintainedTable, Optimized, Restored, Vacuumed};

use super::number::{bytes, count, counted};
use super::style::Style;
use super::table::{Align, Cell, Table};

/// How many files a dry run names of each table.
const NAMED: usize = 10;

/// Tables with fewer and larger files.
pub(crate) fn optimized(done: &Maintained<Optimized>, style: Style) -> String {
    let rewritten: Vec<_> = done.tables.iter().filter(|table| table.done.files_removed > 0).collect();
    if rewritten.is_empty() {
        let all = counted(done.tables.len() as u64, "table");
        return format!("{}: the files of {all} are as they should be\n", style.green("nothing to do"));
    }
    // What the files will be is known once they are written.
    let after: &[_] = if done.dry_run { &[] } else { &[("files after", Align::Right), ("size after", Align::Right)] };
    let before = [("table", Align::Left), ("files", Align::Right), ("size", Align::Right)];
    let mut shown = Table::new(before.iter().chain(after).copied());
    for MaintainedTable { name, done: table } in &rewritten {
        let files = [count(table.files_removed), bytes(table.bytes_removed)];
        let after = [count(table.files_added), bytes(table.bytes_added)];
        let cells = std::iter::once(name.to_string()).chain(files).chain(after.into_iter().filter(|_| !done.dry_run));
        shown.row(cells.map(Cell::text).collect());
    }
    let tables = counted(rewritten.len() as u64, "table");
    let last = match done.dry_run {
        true => format!("{tables} would be rewritten; nothing was written"),
        false => format!("{} {tables} rewritten; no row changed", style.green("✓")),
    };
    format!("{}\n{last}\n", shown.render(style).0)
}

/// Tables without the files that nobody needs.
pub(crate) fn vacuumed(done: &Maintained<Vacuumed>, style: Style) -> String {
    let cleaned: Vec<_> = done.tables.iter().filter(|table| !table.done.files.is_empty()).collect();
    if cleaned.is_empty() {
        let all = counted(done.tables.len() as u64, "table");
        return format!("{}: every file of {all} is needed\n", style.green("nothing to do"));
    }
    let mut shown = Table::new([("table", Align::Left), ("files", Align::Right), ("size", Align::Right)]);
    for MaintainedTable { name, done: table } in &cleaned {
        let files = count(table.files.len() as u64);
        shown.row(vec![Cell::text(name.to_string()), Cell::text(files), Cell::text(bytes(table.bytes))]);
    }
    let mut text = shown.render(style).0;
    if done.dry_run {
        for table in &cleaned {
            let files = &table.done.files;
            text += &format!("\n{}\n", style.dim(&table.name));
            for file in files.iter().take(NAMED) {
                text += &format!("  {}\n", file.path);
            }
            if files.len() > NAMED {
                text += &format!("  {}\n", style.dim(format_args!("and {} more", count((files.len() - NAMED) as u64))));
            }
        }
    }
    let files = counted(cleaned.iter().map(|table| table.done.files.len() as u64).sum(), "file");
    let size = bytes(cleaned.iter().map(|table| table.done.bytes).sum());
    let last = match done.dry_run {
        true => format!("{files} ({size}) would be removed; nothing was"),
        false => format!("{} {files} ({size}) removed", style.green("✓")),
    };
    format!("{text}\n{last}\n")
}

/// A table at an earlier version.
pub(crate) fn restored(table: &MaintainedTable<Restored>, style: Style) -> String {
    let MaintainedTable { name, done } = table;
    if done.files_added == 0 && done.files_removed == 0 && done.version.version == done.from {
        return format!("{}: {name} is as it was in version {}\n", style.green("nothing to do"), done.to);
    }
    let files = format!("{} back, {} taken out", counted(done.files_added, "file"), count(done.files_removed));
    if done.dry_run {
        return format!("{name} would be as it was in version {}: {files}; nothing was written\n", done.to);
    }
    let mark = style.green("✓");
    let note = "files that were loaded since then are not loaded again: `headwater sources forget FILE` lets them";
    format!(
        "{mark} {name} is as it was in version {}: {files}; this is version {}\n  {}\n",
        done.to,
        done.version.version,
        style.dim(note)
    )
}
