//! Whether two tools made the same tables.

use std::collections::BTreeMap;

use super::super::HEADWATER;

/// What `bench/models/check.py` answers: tables, and a figure for each of their columns.
pub(in crate::bench) type Tables = BTreeMap<String, BTreeMap<String, f64>>;

/// How far two figures may be apart, as a share. DuckDB's averages of decimals are doubles, whose rounding to two digits goes
/// the other way for one value in thousands.
const APART: f64 = 1e-4;

/// Where a tool's tables are not those of Headwater.
pub(in crate::bench) fn disagreements(results: &[(&str, Tables)]) -> Vec<String> {
    let Some((_, expected)) = results.iter().find(|(name, _)| *name == HEADWATER) else { return Vec::new() };
    let mut complaints = Vec::new();
    for (name, tables) in results {
        if !tables.keys().eq(expected.keys()) {
            complaints.push(format!("{name} made other tables: {:?}", tables.keys()));
            continue;
        }
        for (table, columns) in expected {
            for (column, figure) in columns {
                let found = tables.get(table).and_then(|columns| columns.get(column));
                if !found.is_some_and(|found| (found - figure).abs() <= APART * figure.abs()) {
                    complaints.push(format!("{name}, `{table}.{column}`: {found:?}, expected {figure}"));
                }
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(figure: f64) -> Tables {
        BTreeMap::from([("orders".to_owned(), BTreeMap::from([("amount".to_owned(), figure)]))])
    }

    #[test]
    fn a_hair_is_allowed_and_a_row_is_not() {
        let results = |figure| [(HEADWATER, tables(1000.0)), ("DuckDB", tables(figure))];
        assert!(disagreements(&results(1000.05)).is_empty());
        assert_eq!(disagreements(&results(1001.0)), ["DuckDB, `orders.amount`: Some(1001.0), expected 1000"]);
    }

    #[test]
    fn a_table_more_is_told() {
        let mut more = tables(1.0);
        more.insert("customers".to_owned(), BTreeMap::new());
        let complaints = disagreements(&[("DuckDB", more), (HEADWATER, tables(1.0))]);
        assert_eq!(complaints, ["DuckDB made other tables: [\"customers\", \"orders\"]"]);
    }
}
