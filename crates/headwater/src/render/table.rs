//! Tables: a heading, a line of types if there are any, a rule, rows. No boxes; numbers to the right.

use super::style::{Style, cut, left, right, width};

/// A table to be shown.
#[derive(Debug, Default)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

/// A column.
#[derive(Debug)]
pub(crate) struct Column {
    heading: String,
    data_type: Option<String>,
    align: Align,
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// Text, on one line.
    Text(String),
    /// No value.
    Null,
}

/// The side on which a column's cells begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Between columns.
const GAP: &str = "  ";
/// A column of text is cut no narrower than this before columns are left out.
const NARROWEST: usize = 12;

impl Cell {
    /// A cell of one line: what would break the line is written as an escape.
    pub(crate) fn text(text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        if !text.chars().any(char::is_control) {
            return Self::Text(text.to_owned());
        }
        Self::Text(
            text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.into() }).collect(),
        )
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Null => "null",
        }
    }
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new(columns: impl IntoIterator<Item = (&'static str, Align)>) -> Self {
        let columns =
            columns.into_iter().map(|(heading, align)| Column { heading: heading.into(), data_type: None, align });
        Self { columns: columns.collect(), rows: Vec::new() }
    }

    /// Adds a column whose type is shown under its heading.
    pub(crate) fn typed_column(&mut self, heading: &str, data_type: String, align: Align) {
        self.columns.push(Column { heading: heading.to_owned(), data_type: Some(data_type), align });
    }

    /// Adds a row, a cell for each column.
    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// How many rows it has.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The table as text. On a terminal it is made to fit: long texts are cut, then columns in the middle left out; the
    /// second answer is how many were.
    pub(crate) fn render(&self, style: Style) -> (String, usize) {
        let mut widths: Vec<usize> = (0..self.columns.len()).map(|column| self.natural_width(column)).collect();
        let mut shown: Vec<usize> = (0..self.columns.len()).collect();
        let mut hidden = 0;
        if style.terminal {
            self.shrink(&mut widths, style.width);
            hidden = leave_out(&mut shown, &widths, style.width);
        }
        // Where the left half ends, if columns are left out after it.
        let seam = (hidden > 0).then(|| shown.len().div_ceil(2));
        let mut text = String::new();
        let mut line = |cells: Vec<String>| {
            let mut cells = cells;
            if let Some(seam) = seam {
                cells.insert(seam, style.dim("…"));
            }
            text += &format!("{GAP}{}", cells.join(GAP));
            text.truncate(text.trim_end().len());
            text.push('\n');
        };
        let aligned = |column: usize, text: &str| match self.columns[column].align {
            Align::Left => left(&cut(text, widths[column]), widths[column]),
            Align::Right => right(&cut(text, widths[column]), widths[column]),
        };
        line(shown.iter().map(|&column| style.bold(aligned(column, &self.columns[column].heading))).collect());
        if self.columns.iter().any(|column| column.data_type.is_some()) {
            let data_type = |column: usize| self.columns[column].data_type.as_deref().unwrap_or_default();
            line(shown.iter().map(|&column| style.dim(aligned(column, data_type(column)))).collect());
        }
        line(shown.iter().map(|&column| style.dim("─".repeat(widths[column]))).collect());
        for row in &self.rows {
            let cell = |column: usize| match &row[column] {
                Cell::Null => style.dim(aligned(column, "null")),
                Cell::Text(text) => aligned(column, text),
            };
            line(shown.iter().map(|&column| cell(column)).collect());
        }
        (text, hidden)
    }

    fn natural_width(&self, column: usize) -> usize {
        let heading = &self.columns[column];
        let cells = self.rows.iter().map(|row| width(row[column].as_str())).max().unwrap_or(0);
        cells.max(width(&heading.heading)).max(heading.data_type.as_deref().map_or(0, width))
    }

    /// Takes columns of text, the widest first, down until the line fits or all are at their narrowest.
    fn shrink(&self, widths: &mut [usize], page: usize) {
        while line_width(widths.iter().copied()) > page {
            let widest = (0..widths.len())
                .filter(|&column| self.columns[column].align == Align::Left && widths[column] > NARROWEST)
                .max_by_key(|&column| widths[column]);
            let Some(column) = widest else { return };
            widths[column] -= 1;
        }
    }
}

fn line_width(widths: impl Iterator<Item = usize>) -> usize {
    widths.map(|width| GAP.len() + width).sum()
}

/// Takes columns out of the middle until the line fits; the first and the last stay.
fn leave_out(shown: &mut Vec<usize>, widths: &[usize], page: usize) -> usize {
    let all = shown.len();
    let seam = GAP.len() + 1;
    while shown.len() > 2 {
        let taken = line_width(shown.iter().map(|&column| widths[column]));
        if taken + if shown.len() < all { seam } else { 0 } <= page {
            break;
        }
        shown.remove(shown.len() / 2);
    }
    all - shown.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cars() -> Table {
        let mut table = Table::default();
        table.typed_column("brand", "string".into(), Align::Left);
        table.typed_column("total_revenue", "decimal(22,2)".into(), Align::Right);
        table.row(vec![Cell::text("Škoda"), Cell::text("812350.00")]);
        table.row(vec![Cell::text("two\nlines"), Cell::Null]);
        table
    }

    #[test]
    fn numbers_stand_below_each_other() {
        insta::assert_snapshot!(cars().render(Style::plain()).0, @r"
          brand       total_revenue
          string      decimal(22,2)
          ──────────  ─────────────
          Škoda           812350.00
          two\nlines           null
        ");
    }

    #[test]
    fn a_table_is_made_to_fit_a_terminal() {
        let mut table = Table::new([
            ("id", Align::Right),
            ("a long description", Align::Left),
            ("first", Align::Right),
            ("second", Align::Right),
            ("last", Align::Right),
        ]);
        let cells = ["1", "a text that is much longer than a page could hold", "1234567890", "1234567890", "9"];
        table.row(cells.iter().map(Cell::text).collect());
        let terminal = |width| Style { width, terminal: true, ..Style::plain() };
        let (text, hidden) = table.render(terminal(60));
        assert_eq!(hidden, 0);
        insta::assert_snapshot!(text, @r"
        id  a long description             first      second  last
        ──  ────────────────────────  ──────────  ──────────  ────
         1  a text that is much lon…  1234567890  1234567890     9
        ");
        let (text, hidden) = table.render(terminal(40));
        assert_eq!(hidden, 1);
        insta::assert_snapshot!(text, @r"
        id  a long desc…  …      second  last
        ──  ────────────  …  ──────────  ────
         1  a text that…  …  1234567890     9
        ");
    }
}
