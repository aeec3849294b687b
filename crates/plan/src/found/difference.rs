//! What differs between the rows that were expected and those that came, as a small table.

use std::collections::BTreeMap;

use serde_json::Value;

/// The most lines of the table, beside its header.
const LINES: usize = 20;
/// How wide the table may be: a screen of 80 columns less what stands before it.
const WIDTH: usize = 66;
/// The widest cell.
const CELL: usize = 28;
/// The narrowest that a cell is cut to.
const NARROW: usize = 8;

/// Rows that are on one side only.
#[derive(Debug, Default)]
pub struct Difference {
    /// Expected rows and actual ones that are most alike.
    changed: Vec<(Vec<Value>, Vec<Value>)>,
    missing: Vec<Vec<Value>>,
    unexpected: Vec<Vec<Value>>,
}

impl Difference {
    /// Compares rows as bags: their order means nothing, and how often a row is there does.
    pub fn between(expected: Vec<Vec<Value>>, actual: Vec<Vec<Value>>) -> Self {
        let mut balance = bag(expected);
        for (key, (row, times)) in bag(actual) {
            balance.entry(key).or_insert((row, 0)).1 -= times;
        }
        let (mut missing, mut unexpected) = (Vec::new(), Vec::new());
        for (row, times) in balance.into_values() {
            let side = if times > 0 { &mut missing } else { &mut unexpected };
            side.extend(std::iter::repeat_n(row, usize::try_from(times.unsigned_abs()).unwrap_or(0)));
        }
        let mut difference = Self::default();
        // Only what is shown is paired: pairing compares every row with every other.
        if missing.len().saturating_mul(unexpected.len()) <= 250_000 {
            difference.changed = pair(&mut missing, &mut unexpected);
        }
        (difference.missing, difference.unexpected) = (missing, unexpected);
        difference
    }

    /// How many rows differ.
    pub fn rows(&self) -> u64 {
        (self.changed.len() + self.missing.len() + self.unexpected.len()) as u64
    }

    /// `1 row differs, 2 are missing`
    pub fn words(&self) -> String {
        let count = |rows: usize, one: &str, many: &str| match rows {
            0 => None,
            1 => Some(format!("1 row {one}")),
            rows => Some(format!("{rows} rows {many}")),
        };
        let parts = [
            count(self.changed.len(), "differs", "differ"),
            count(self.missing.len(), "is missing", "are missing"),
            count(self.unexpected.len(), "was not expected", "were not expected"),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// The rows that differ below the names of the columns.
    pub fn table(&self, columns: &[String]) -> String {
        let mut lines: Vec<(char, Vec<String>)> = Vec::new();
        for (expected, actual) in &self.changed {
            let cell = |(expected, actual): (&Value, &Value)| {
                if expected == actual { cut(&text(expected), CELL) } else { change(&text(expected), &text(actual)) }
            };
            lines.push(('~', expected.iter().zip(actual).map(cell).collect()));
        }
        let plain = |row: &Vec<Value>| row.iter().map(|value| cut(&text(value), CELL)).collect();
        lines.extend(self.missing.iter().map(|row| ('-', plain(row))));
        lines.extend(self.unexpected.iter().map(|row| ('+', plain(row))));
        let more = lines.len().saturating_sub(LINES);
        lines.truncate(LINES);
        let mut shown = self.shown(columns, &lines);
        if more > 0 {
            shown.push_str(&format!("\nand {more} more"));
        }
        shown
    }

    fn shown(&self, columns: &[String], lines: &[(char, Vec<String>)]) -> String {
        let kept = self.columns_that_fit(columns, lines);
        let mut widths: Vec<usize> = kept.iter().map(|column| width(columns, lines, *column)).collect();
        // Still too wide: the widest cells are cut.
        while widths.iter().map(|width| width + 2).sum::<usize>() > WIDTH {
            match widths.iter_mut().max() {
                Some(widest) if *widest > NARROW => *widest -= 1,
                _ => break,
            }
        }
        let line = |mark: char, cell: &dyn Fn(usize) -> String| {
            let mut text = mark.to_string();
            for (column, width) in kept.iter().zip(&widths) {
                let cell = cut(&cell(*column), *width);
                text.push_str(&format!("  {cell}{}", " ".repeat(width.saturating_sub(cell.chars().count()))));
            }
            text.trim_end().to_owned()
        };
        let mut text = vec![line(' ', &|column| columns.get(column).cloned().unwrap_or_default())];
        text.extend(
            lines.iter().map(|(mark, cells)| line(*mark, &|column| cells.get(column).cloned().unwrap_or_default())),
        );
        let left_out = columns.len() - kept.len();
        if left_out > 0 {
            let noun = if left_out == 1 { "column" } else { "columns" };
            text.push(format!("({left_out} {noun} without a difference left out)"));
        }
        text.join("\n")
    }

    /// The first column and those that differ, and as many others as there is room for.
    fn columns_that_fit(&self, columns: &[String], lines: &[(char, Vec<String>)]) -> Vec<usize> {
        let whole_rows = self.changed.is_empty();
        let differs = |column: usize| {
            whole_rows || self.changed.iter().any(|(expected, actual)| expected.get(column) != actual.get(column))
        };
        let mut room = WIDTH;
        let mut kept: Vec<usize> = Vec::new();
        let needed = (0..columns.len()).filter(|column| *column == 0 || differs(*column));
        let others = (0..columns.len()).filter(|column| *column != 0 && !differs(*column));
        for (needed, column) in needed.map(|column| (true, column)).chain(others.map(|column| (false, column))) {
            let takes = width(columns, lines, column) + 2;
            if needed || takes <= room {
                room = room.saturating_sub(takes);
                kept.push(column);
            }
        }
        kept.sort_unstable();
        kept
    }
}

/// How often each row is there.
fn bag(rows: Vec<Vec<Value>>) -> BTreeMap<String, (Vec<Value>, i64)> {
    let mut bag: BTreeMap<String, (Vec<Value>, i64)> = BTreeMap::new();
    for row in rows {
        let key = serde_json::to_string(&row).unwrap_or_default();
        bag.entry(key).or_insert((row, 0)).1 += 1;
    }
    bag
}

/// Takes out of both sides the rows that are most alike: with at least half of their cells equal.
fn pair(missing: &mut Vec<Vec<Value>>, unexpected: &mut Vec<Vec<Value>>) -> Vec<(Vec<Value>, Vec<Value>)> {
    let mut pairs = Vec::new();
    for at in (0..missing.len()).rev() {
        let Some(expected) = missing.get(at) else { continue };
        let alike = |actual: &Vec<Value>| expected.iter().zip(actual).filter(|(one, other)| one == other).count();
        let nearest = unexpected
            .iter()
            .enumerate()
            .map(|(at, actual)| (alike(actual), at))
            .max_by_key(|it| (it.0, usize::MAX - it.1));
        if let Some((equal, other)) = nearest
            && equal > 0
            && equal * 2 >= expected.len()
        {
            pairs.push((missing.remove(at), unexpected.remove(other)));
        }
    }
    pairs.reverse();
    pairs
}

/// The widest cell of a column, its name included.
fn width(columns: &[String], lines: &[(char, Vec<String>)], column: usize) -> usize {
    let cells = lines.iter().filter_map(|(_, cells)| cells.get(column));
    cells.chain(columns.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
}

/// A cell as it is shown; a text that would be taken for something else stands in quotes.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) if text.trim() != text || text.is_empty() || text == "null" => format!("'{text}'"),
        Value::String(text) => text.replace(['\n', '\r', '\t'], " "),
        other => other.to_string(),
    }
}

fn change(expected: &str, actual: &str) -> String {
    let room = (CELL - 3) / 2;
    format!("{} → {}", cut(expected, room), cut(actual, room))
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(rows: Value) -> Vec<Vec<Value>> {
        serde_json::from_value(rows).unwrap()
    }

    fn told(columns: &[&str], expected: Value, actual: Value) -> String {
        let difference = Difference::between(rows(expected), rows(actual));
        let columns: Vec<String> = columns.iter().map(|column| (*column).to_owned()).collect();
        format!("{}\n{}", difference.words(), difference.table(&columns))
    }

    #[test]
    fn rows_are_bags() {
        let difference = |expected, actual| Difference::between(rows(expected), rows(actual)).rows();
        assert_eq!(difference(json!([[1, "a"], [2, "b"]]), json!([[2, "b"], [1, "a"]])), 0);
        assert_eq!(difference(json!([[1], [1], [2]]), json!([[1], [2]])), 1);
        assert_eq!(difference(json!([[null]]), json!([["null"]])), 2);
    }

    #[test]
    fn what_differs_is_told_cell_by_cell() {
        let expected = json!([[1, "cool@example.com", true], [2, "cool@unknown.com", false], [3, "", null]]);
        let actual = json!([[1, "cool@example.com", false], [2, "cool@unknown.com", false], [9, "who", true]]);
        insta::assert_snapshot!(told(&["id", "email", "is_valid"], expected, actual), @"
        1 row differs, 1 row is missing, 1 row was not expected
           id  email             is_valid
        ~  1   cool@example.com  true → false
        -  3   ''                null
        +  9   who               true
        ");
    }

    #[test]
    fn a_wide_table_fits_a_screen() {
        let columns: Vec<String> = (0..12).map(|number| format!("a_rather_long_name_{number}")).collect();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let row = |number: i64| -> Vec<Value> {
            (0..12)
                .map(|column| if column == 7 { json!(number) } else { json!("the same text in all of them") })
                .collect()
        };
        let text = told(&columns, json!([row(1)]), json!([row(2)]));
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        insta::assert_snapshot!(text, @"
        1 row differs
           a_rather_long_name_0          a_rather_long_name_7
        ~  the same text in all of them  1 → 2
        (10 columns without a difference left out)
        ");
    }
}
