//! What of the sources has arrived, is loaded, waits.

use headwater_ops::sources::{
    BatchKind, BatchLine, BatchState, FileLine, FileStatus, Forgotten, SourceDetails, SourceList, SourceState,
};

use super::number::{bytes, count, counted, instant};
use super::style::Style;
use super::table::{Align, Cell, Table};

/// Every source, a line each.
pub(crate) fn list(list: &SourceList, style: Style) -> String {
    if list.sources.is_empty() {
        return "no source is loaded from files: give a table of a source an `ingest:`\n".to_owned();
    }
    let mut table = Table::new([
        ("source", Align::Left),
        ("arrived", Align::Right),
        ("loaded", Align::Right),
        ("waits", Align::Right),
        ("lag", Align::Right),
        ("set aside", Align::Right),
        ("last load (UTC)", Align::Left),
    ]);
    for source in &list.sources {
        let state = &source.state;
        let lag = if state.waiting.files > 0 { bytes(state.waiting.bytes) } else { String::new() };
        table.row(vec![
            Cell::text(&source.name),
            Cell::text(count(state.arrived.files)),
            Cell::text(count(state.loaded.files)),
            Cell::text(count(state.waiting.files)),
            Cell::text(lag),
            Cell::text(count(state.quarantined)),
            Cell::text(state.loaded_at.map_or_else(String::new, instant)),
        ]);
    }
    let mut text = table.render(style).0;
    let notes: Vec<String> =
        list.sources.iter().filter_map(|source| Some(format!("{}: {}", source.name, notes(&source.state)?))).collect();
    if !notes.is_empty() {
        text += &format!("\n{}\n", notes.join("\n"));
    }
    text
}

/// What a line of numbers does not say.
fn notes(state: &SourceState) -> Option<String> {
    let kinds = [
        (state.resumed, "of a batch that the next run finishes"),
        (state.changed, "changed after loading"),
        (state.settling, "still settling"),
        (state.ignored, "changed after loading and left alone"),
    ];
    let kinds = kinds.into_iter().filter(|(files, _)| *files > 0);
    let mut words: Vec<String> = kinds.map(|(files, why)| format!("{} {why}", counted(files, "file"))).collect();
    if let Some(since) = state.waiting_since {
        words.push(format!("the oldest waits since {}", instant(since)));
    }
    (!words.is_empty()).then(|| words.join(", "))
}

/// One source, batch by batch and file by file.
pub(crate) fn details(details: &SourceDetails, limit: usize, style: Style) -> String {
    let limit = if limit == 0 { usize::MAX } else { limit };
    let state = &details.history.state;
    let place = format!("· {} · {}", details.table, details.pattern);
    let mut text = format!("{} {}\n\n", style.bold(&details.name), style.dim(place));
    let size = |files: u64, of: u64| format!("{}, {}", counted(files, "file"), bytes(of));
    text += &format!("  arrived    {}\n", size(state.arrived.files, state.arrived.bytes));
    text += &format!("  loaded     {}\n", size(state.loaded.files, state.loaded.bytes));
    text += &format!("  waits      {}\n", size(state.waiting.files, state.waiting.bytes));
    text += &format!("  rows       {}\n", count(state.rows));
    text += &format!("  set aside  {}\n", count(state.quarantined));
    if let Some(notes) = notes(state) {
        text += &format!("\n  {notes}\n");
    }
    let batches = &details.history.batches;
    if !batches.is_empty() {
        text += &format!("\n{}", self::batches(&batches[..batches.len().min(limit)], style));
        text += &more(batches.len(), limit, "batch", style);
    }
    let files = &details.history.files;
    if !files.is_empty() {
        text += &format!("\n{}", self::files(&newest(files, limit), style));
        text += &more(files.len(), limit, "file", style);
    }
    let forgotten = &details.history.forgotten;
    if !forgotten.is_empty() {
        text += "\nforgotten\n";
        for file in forgotten.iter().take(limit) {
            text += &format!("  {}  {}\n", style.dim(instant(file.at)), file.path);
        }
        text += &more(forgotten.len(), limit, "file", style);
    }
    text
}

fn more(all: usize, limit: usize, word: &str, style: Style) -> String {
    match all.saturating_sub(limit) as u64 {
        0 => String::new(),
        rest => format!("  {}\n", style.dim(format_args!("and {} more: `--limit 0` shows all", counted(rest, word)))),
    }
}

/// Those that ask for attention first, then those of the newest batches.
fn newest(files: &[FileLine], limit: usize) -> Vec<&FileLine> {
    let mut sorted: Vec<&FileLine> = files.iter().collect();
    let is_done = |file: &FileLine| matches!(file.status, FileStatus::Loaded | FileStatus::Gone);
    sorted.sort_by_key(|file| (is_done(file), std::cmp::Reverse(file.batch)));
    sorted.truncate(limit);
    sorted
}

fn batches(batches: &[BatchLine], style: Style) -> String {
    let mut table = Table::new([
        ("batch", Align::Right),
        ("state", Align::Left),
        ("planned (UTC)", Align::Left),
        ("files", Align::Right),
        ("rows in", Align::Right),
        ("rows out", Align::Right),
        ("set aside", Align::Right),
    ]);
    for batch in batches {
        let rows = |of: fn(&headwater_ops::sources::Account) -> u64| {
            Cell::text(batch.account.as_ref().map_or_else(String::new, |account| count(of(account))))
        };
        let files = match batch.kind {
            BatchKind::Files => count(batch.files.files),
            BatchKind::Replay => "replay".to_owned(),
            BatchKind::Drop => "drop".to_owned(),
        };
        table.row(vec![
            Cell::text(batch.number.to_string()),
            Cell::text(batch_state(batch.state)),
            Cell::text(instant(batch.planned_at)),
            Cell::text(files),
            rows(|account| account.records),
            rows(|account| account.loaded),
            rows(|account| account.quarantined),
        ]);
    }
    let mut text = table.render(style).0;
    for batch in batches {
        if let Some(reason) = &batch.reason {
            text += &format!("  {} {reason}\n", style.dim(format_args!("batch {} was withdrawn:", batch.number)));
        }
    }
    text
}

fn batch_state(state: BatchState) -> &'static str {
    match state {
        BatchState::Loaded => "loaded",
        BatchState::Unfinished => "unfinished",
        BatchState::Pending => "waits",
        BatchState::Withdrawn => "withdrawn",
        BatchState::Overtaken => "overtaken",
    }
}

fn files(files: &[&FileLine], style: Style) -> String {
    let mut table = Table::new([
        ("file", Align::Left),
        ("state", Align::Left),
        ("size", Align::Right),
        ("batch", Align::Right),
        ("rows in", Align::Right),
        ("rows out", Align::Right),
        ("set aside", Align::Right),
        ("skipped", Align::Right),
    ]);
    for file in files {
        let rows = |of: fn(&headwater_ops::sources::Account) -> u64| {
            Cell::text(file.account.as_ref().map_or_else(String::new, |account| count(of(account))))
        };
        table.row(vec![
            Cell::text(&file.path),
            Cell::text(file_state(file.status)),
            Cell::text(bytes(file.size)),
            Cell::text(file.batch.map_or_else(String::new, |batch| batch.to_string())),
            rows(|account| account.records),
            rows(|account| account.loaded),
            rows(|account| account.quarantined),
            rows(|account| account.skipped.total()),
        ]);
    }
    table.render(style).0
}

fn file_state(state: FileStatus) -> &'static str {
    match state {
        FileStatus::Waiting => "waits",
        FileStatus::Settling => "settling",
        FileStatus::Resumed => "waits, to finish",
        FileStatus::Changed => "changed",
        FileStatus::Ignored => "changed, ignored",
        FileStatus::Loaded => "loaded",
        FileStatus::Gone => "loaded, gone",
        FileStatus::Vanished => "vanished",
    }
}

/// Files that count as never loaded.
pub(crate) fn forgotten(done: &Forgotten, style: Style) -> String {
    let mut table = Table::new([("source", Align::Left), ("file", Align::Left), ("size", Align::Right)]);
    for file in &done.files {
        table.row(vec![Cell::text(&file.source), Cell::text(&file.path), Cell::text(bytes(file.size))]);
    }
    let files = counted(done.files.len() as u64, "file");
    let verb = if done.files.len() == 1 { "counts" } else { "count" };
    let note = "the next run loads what is still there once more, beside the rows that are in the table";
    let head = format!("{} {files} {verb} as never loaded", style.green("✓"));
    format!("{}\n{head}\n  {}\n", table.render(style).0, style.dim(note))
}
