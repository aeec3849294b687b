//! What the lake holds.

use headwater_ops::tables::{DetailsKind, RelationKind, TableDetails, TableHistory, TableList};
use headwater_plan::TableName;

use super::number::{bytes, count, counted, instant, short_id};
use super::style::{Style, left, width};
use super::table::{Align, Cell, Table};

/// All tables and views.
pub(crate) fn list(list: &TableList, style: Style) -> String {
    if list.tables.is_empty() {
        return format!("the lake {} is empty: `headwater run` fills it\n", list.lake);
    }
    let mut table = Table::new([
        ("table", Align::Left),
        ("kind", Align::Left),
        ("rows", Align::Right),
        ("size", Align::Right),
        ("columns", Align::Right),
        ("version", Align::Right),
        ("written (UTC)", Align::Left),
    ]);
    for relation in &list.tables {
        let blank = || Cell::text("");
        let is_table = relation.kind == RelationKind::Table;
        let of_table = |text: String| if is_table { Cell::text(text) } else { blank() };
        table.row(vec![
            Cell::text(relation.name.to_string()),
            Cell::text(if is_table { "table" } else { "view" }),
            relation.rows.map_or_else(blank, |rows| Cell::text(count(rows))),
            of_table(bytes(relation.bytes)),
            Cell::text(count(relation.columns as u64)),
            of_table(relation.version.version.to_string()),
            relation.written_at.map_or_else(blank, |at| Cell::text(instant(at))),
        ]);
    }
    table.render(style).0
}

/// One table or view.
pub(crate) fn details(details: &TableDetails, style: Style) -> String {
    let mut facts: Vec<(&str, String)> = Vec::new();
    let mut sql = None;
    let word = match &details.kind {
        DetailsKind::Table { version, rows, bytes: size, files, path } => {
            if let Some(rows) = rows {
                facts.push(("rows", count(*rows)));
            }
            facts.push(("size", format!("{} in {}", bytes(*size), counted(*files as u64, "file"))));
            facts.push(("version", version.version.to_string()));
            facts.push(("path", path.clone()));
            if let Some(built) = details.built.as_ref().filter(|built| !built.inputs.is_empty()) {
                facts.push(("built from", names(built.inputs.keys())));
            }
            "table"
        }
        DetailsKind::View { sql: text, reads } => {
            facts.push(("reads", names(reads.iter())));
            sql = Some(text);
            "view"
        }
    };
    let mut text = format!("{} {}\n\n", style.bold(&details.name), style.dim(format_args!("· {word}")));
    let longest = facts.iter().map(|(fact, _)| width(fact)).max().unwrap_or(0);
    for (fact, value) in facts {
        text += &format!("  {}  {value}\n", style.dim(left(fact, longest)));
    }
    let mut columns = Table::new([("column", Align::Left), ("type", Align::Left)]);
    for field in &details.schema.fields {
        columns.row(vec![Cell::text(&field.name), Cell::text(field.data_type.to_string())]);
    }
    text += &format!("\n{}", columns.render(style).0);
    if let Some(sql) = sql {
        text += &format!("\n  {}\n", sql.trim().replace('\n', "\n  "));
    }
    text
}

fn names<'a>(names: impl Iterator<Item = &'a TableName>) -> String {
    names.map(TableName::to_string).collect::<Vec<_>>().join(", ")
}

/// The versions of a table.
pub(crate) fn history(history: &TableHistory, style: Style) -> String {
    let mut table = Table::new([
        ("version", Align::Right),
        ("written (UTC)", Align::Left),
        ("operation", Align::Left),
        ("rows added", Align::Right),
        ("files", Align::Right),
        ("run", Align::Left),
    ]);
    for version in &history.versions {
        let files = match (version.files_added, version.files_removed) {
            (added, 0) => format!("+{added}"),
            (added, removed) => format!("+{added} -{removed}"),
        };
        table.row(vec![
            Cell::text(version.version.to_string()),
            Cell::text(instant(version.timestamp)),
            Cell::text(&version.operation),
            version.rows_added.map_or(Cell::text(""), |rows| Cell::text(count(rows))),
            Cell::text(files),
            Cell::text(version.run_id.as_ref().map_or("", |run| short_id(&run.0))),
        ]);
    }
    format!("{}\n\n{}", style.bold(&history.name), table.render(style).0)
}
