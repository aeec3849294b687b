//! The rows that were set aside.

use headwater_ops::quarantine::{DropOutcome, QuarantineList, QuarantineRows, ReplayOutcome};

use super::number::{count, counted, instant};
use super::style::{Style, cut};
use super::table::{Align, Cell, Table};

/// How many kinds of reasons a source shows.
const KINDS: usize = 5;

/// How many rows each source has set aside, and why.
pub(crate) fn list(list: &QuarantineList, style: Style) -> String {
    if list.sources.is_empty() {
        return format!("{}\n", style.green("nothing is set aside"));
    }
    let mut table = Table::new([
        ("source", Align::Left),
        ("rows", Align::Right),
        ("files", Align::Right),
        ("first (UTC)", Align::Left),
        ("last (UTC)", Align::Left),
    ]);
    for source in &list.sources {
        let at = |at: Option<_>| Cell::text(at.map_or_else(String::new, instant));
        table.row(vec![
            Cell::text(&source.name),
            Cell::text(count(source.rows)),
            Cell::text(count(source.files)),
            at(source.oldest),
            at(source.newest),
        ]);
    }
    let mut text = table.render(style).0;
    for source in &list.sources {
        text += &format!("\n{} {}\n", style.bold(&source.name), style.dim(format_args!("· {}", source.table)));
        let mut reasons = Table::new([("rows", Align::Right), ("reason", Align::Left), ("for example", Align::Left)]);
        for reason in source.reasons.iter().take(KINDS) {
            let example = Cell::text(&reason.example);
            reasons.row(vec![Cell::text(count(reason.rows)), Cell::text(&reason.code), example]);
        }
        text += &reasons.render(style).0;
        if source.reasons.len() > KINDS {
            let rest = counted((source.reasons.len() - KINDS) as u64, "reason");
            text += &format!("  {}\n", style.dim(format_args!("and {rest} more")));
        }
    }
    text
}

/// The rows of one source.
pub(crate) fn rows(rows: &QuarantineRows, style: Style) -> String {
    if rows.rows == 0 {
        return format!("{}\n", style.green(format_args!("nothing of {} is set aside", rows.name)));
    }
    let head = format!("· {} in {}", counted(rows.rows, "row"), rows.table);
    let mut text = format!("{} {}\n", style.bold(&rows.name), style.dim(head));
    for row in &rows.shown {
        text += &format!("\n{}\n", style.bold(format_args!("{}:{}", row.file, row.line)));
        text += &format!("  {}\n", one_line(&row.raw, style));
        for reason in &row.reasons {
            text += &format!("  {} {}\n", style.yellow(format_args!("{}:", reason.code)), reason.message);
        }
    }
    match rows.rows.saturating_sub(rows.shown.len() as u64) {
        0 => text,
        rest => {
            format!("{text}\n{}\n", style.dim(format_args!("and {} more: `--limit` shows more", counted(rest, "row"))))
        }
    }
}

/// A raw record on one line, its end cut on a terminal.
fn one_line(raw: &str, style: Style) -> String {
    let Cell::Text(line) = Cell::text(raw.trim_end_matches(['\n', '\r'])) else { return String::new() };
    if style.terminal { cut(&line, style.width.saturating_sub(2)) } else { line }
}

/// Rows that were loaded after all.
pub(crate) fn replayed(done: &ReplayOutcome, style: Style) -> String {
    let ReplayOutcome { name, table, replayed, loaded, still_quarantined, .. } = done;
    if *replayed == 0 {
        return format!("{}: nothing of {name} is set aside\n", style.green("nothing to do"));
    }
    let mark = if *loaded > 0 { style.green("✓") } else { style.yellow("!") };
    let rows = counted(*replayed, "row");
    let verb = if *still_quarantined == 1 { "is" } else { "are" };
    let mut text = format!("{mark} {rows} replayed = {} loaded into {table}", count(*loaded));
    text += &format!(" + {} that {verb} still set aside\n", count(*still_quarantined));
    if *still_quarantined > 0 {
        text += &format!("  {}\n", style.dim(format_args!("`headwater quarantine show {name}` says why")));
    }
    text
}

/// Rows that are gone.
pub(crate) fn dropped(done: &DropOutcome, style: Style) -> String {
    if done.dropped == 0 {
        return format!("{}: nothing of {} is set aside there\n", style.green("nothing to do"), done.name);
    }
    let rows = counted(done.dropped, "row");
    format!("{} {rows} dropped from {}, {} left\n", style.green("✓"), done.table, count(done.left))
}
