//! The history of a query's rows: the versions that end and those that begin, in one MERGE.
//!
//! The queries are those of the embedded engine, with the same ids. What differs: the columns that the query has and the
//! table not yet are added before, so that every statement can name them.

use headwater_plan::{HardDeletes, Node, Snapshot, SnapshotStrategy, TableName};

use super::table::head;
use super::{Lowering, always, literal, quoted};
use crate::bundle::placeholder::{NEW_COLUMNS, NOW};
use crate::bundle::{self, Action, Column, Purpose, Work};

/// The rows of the query with their keys, when they changed, and the id of the version that would begin then.
const SOURCE_ROWS: &str = "headwater_source";
/// The rows of the query for which a version begins, each with the id of the one that it ends.
const CHANGED_ROWS: &str = "headwater_changed";
const OLD: &str = "snapshotted_data";
const NEW: &str = "source_data";
const ID: &str = "`__headwater_id`";
const SINCE: &str = "`__headwater_since`";
const ENDS: &str = "`__headwater_ends`";

pub(super) fn actions(lowering: &Lowering<'_>, node: &Node, snapshot: &Snapshot) -> Vec<Action> {
    let Some(target) = &node.relation else { return Vec::new() };
    let names = &snapshot.columns;
    let mut added: Vec<String> =
        [&names.scd_id, &names.updated_at, &names.valid_from, &names.valid_to].map(Clone::clone).into();
    if snapshot.hard_deletes == HardDeletes::NewRecord {
        added.push(names.is_deleted.clone());
    }
    let is_added = |name: &str| added.iter().any(|other| other.eq_ignore_ascii_case(name));
    let columns: Vec<Column> = Column::all(&node.schema).into_iter().filter(|column| !is_added(&column.name)).collect();
    let taking = Taking { snapshot, target, columns: &columns };
    let (updated_at, compared) = match &snapshot.strategy {
        SnapshotStrategy::Timestamp { .. } => (None, Vec::new()),
        SnapshotStrategy::Check { columns, updated_at } => (updated_at.clone(), taking.compared(columns)),
    };
    let work = bundle::Snapshot {
        head: head(lowering, target, &[]),
        source: taking.source(),
        shared_keys: taking.shared_keys(),
        first: taking.first(),
        changed: taking.changed(),
        standing: updated_at.is_some().then(|| taking.standing()),
        known: taking.known(),
        pending: taking.pending(),
        statement: taking.statement(&added),
        unique_key: snapshot.unique_key.join(", "),
        updated_at,
        compared,
        query_columns: columns.clone(),
        added_columns: added,
        transaction: lowering.turn(node),
    };
    vec![always(Purpose::Merge, Work::Snapshot(Box::new(work)))]
}

struct Taking<'a> {
    snapshot: &'a Snapshot,
    target: &'a TableName,
    /// Those of the query.
    columns: &'a [Column],
}

impl Taking<'_> {
    /// When a row of the query changed.
    fn changed_at(&self) -> String {
        match &self.snapshot.strategy {
            SnapshotStrategy::Timestamp { updated_at }
            | SnapshotStrategy::Check { updated_at: Some(updated_at), .. } => format!("({updated_at})"),
            SnapshotStrategy::Check { updated_at: None, .. } => NOW.to_owned(),
        }
    }

    /// Until when a version that begins is valid.
    fn until(&self, since: &str) -> String {
        let current = self.snapshot.valid_to_current.as_deref().unwrap_or("null");
        format!("coalesce(nullif({since}, {since}), {current})")
    }

    fn source(&self) -> String {
        let changed_at = self.changed_at();
        let keys = &self.snapshot.unique_key;
        let id = hash(keys.iter().map(|key| format!("({key})")).chain([changed_at.clone()]));
        let keys: String = keys.iter().enumerate().map(|(at, part)| format!("  ({part}) AS {},\n", key(at))).collect();
        format!(
            "SELECT sbq.*,\n{keys}  {changed_at} AS {SINCE},\n  {id} AS {ID}\nFROM (\n{}\n) AS sbq",
            self.snapshot.query.sql
        )
    }

    fn keys(&self) -> Vec<String> {
        (0..self.snapshot.unique_key.len()).map(key).collect()
    }

    /// A key as messages show it: `id = 7, day = 2024-05-01`.
    fn shown_key(&self) -> String {
        let parts = self.snapshot.unique_key.iter().enumerate();
        let parts = parts.map(|(at, part)| {
            format!("{}, coalesce(cast({} as string), 'null')", literal(&format!("{part} = ")), key(at))
        });
        format!("concat({})", parts.collect::<Vec<_>>().join(", ', ', "))
    }

    fn shared_keys(&self) -> String {
        let keys = self.keys();
        let there: Vec<String> = keys.iter().map(|key| format!("{key} IS NOT NULL")).collect();
        let keys = keys.join(", ");
        format!(
            "SELECT count(*), min({})\nFROM (\n  SELECT {keys} FROM {SOURCE_ROWS} WHERE {} GROUP BY {keys} HAVING count(*) > 1\n)",
            self.shown_key(),
            there.join(" AND ")
        )
    }

    fn first(&self) -> String {
        let names = &self.snapshot.columns;
        let mut columns: Vec<String> = self.columns.iter().map(|column| quoted(&column.name)).collect();
        columns.extend([
            format!("{ID} AS {}", quoted(&names.scd_id)),
            format!("{SINCE} AS {}", quoted(&names.updated_at)),
            format!("{SINCE} AS {}", quoted(&names.valid_from)),
            format!("{} AS {}", self.until(SINCE), quoted(&names.valid_to)),
        ]);
        if self.keeps_deletions() {
            columns.push(format!("'False' AS {}", quoted(&names.is_deleted)));
        }
        format!("SELECT {}\nFROM {SOURCE_ROWS}", columns.join(", "))
    }

    fn keeps_deletions(&self) -> bool {
        self.snapshot.hard_deletes == HardDeletes::NewRecord
    }

    fn old(&self, name: &str) -> String {
        format!("{OLD}.{}", quoted(name))
    }

    /// The table's rows with their keys.
    fn old_rows(&self) -> String {
        let keys = self.snapshot.unique_key.iter().enumerate();
        let keys: String = keys.map(|(at, part)| format!(", ({part}) AS {}", key(at))).collect();
        format!("(SELECT *{keys} FROM {}) AS {OLD}", self.target.quoted())
    }

    /// Whether a row of the table is valid now.
    fn is_valid(&self, rows: &str) -> String {
        let valid_to = format!("{rows}.{}", quoted(&self.snapshot.columns.valid_to));
        match &self.snapshot.valid_to_current {
            Some(current) => format!("({valid_to} IS NULL OR {valid_to} = ({current}))"),
            None => format!("{valid_to} IS NULL"),
        }
    }

    fn on(&self) -> String {
        let keys = self.keys().into_iter().map(|key| format!("{OLD}.{key} = {NEW}.{key}"));
        keys.chain([self.is_valid(OLD)]).collect::<Vec<_>>().join(" AND ")
    }

    /// The columns that a check compares.
    fn compared(&self, named: &[String]) -> Vec<String> {
        if named.is_empty() { self.columns.iter().map(|column| column.name.clone()).collect() } else { named.to_vec() }
    }

    /// Whether a row of the query is another version than the one that is valid.
    fn is_changed(&self) -> String {
        let mut changed = match &self.snapshot.strategy {
            SnapshotStrategy::Timestamp { .. } => {
                format!("{} < {NEW}.{SINCE}", self.old(&self.snapshot.columns.valid_from))
            }
            SnapshotStrategy::Check { columns, .. } => {
                let compared = self.compared(columns);
                let differs = compared.iter().map(|name| {
                    let (old, new) = (self.old(name), format!("{NEW}.{}", quoted(name)));
                    format!("{old} != {new} OR ({old} IS NULL AND {new} IS NOT NULL) OR ({old} IS NOT NULL AND {new} IS NULL)")
                });
                // A column that the table has not yet makes every row another version.
                [NEW_COLUMNS.to_owned()].into_iter().chain(differs).collect::<Vec<_>>().join("\n  OR ")
            }
        };
        if self.keeps_deletions() {
            changed = format!("{changed} OR {} = 'True'", self.old(&self.snapshot.columns.is_deleted));
        }
        format!("({changed})")
    }

    fn changed(&self) -> String {
        let old_id = self.old(&self.snapshot.columns.scd_id);
        format!(
            "SELECT {NEW}.*, {old_id} AS {ENDS}\nFROM {SOURCE_ROWS} AS {NEW}\nLEFT JOIN {}\nON {}\nWHERE {old_id} IS NULL\n  OR {}",
            self.old_rows(),
            self.on(),
            self.is_changed()
        )
    }

    fn standing(&self) -> String {
        format!("SELECT count(*), min({})\nFROM {CHANGED_ROWS}\nWHERE {ENDS} = {ID}", self.shown_key())
    }

    fn known(&self) -> String {
        let (target, id) = (self.target.quoted(), quoted(&self.snapshot.columns.scd_id));
        format!(
            "SELECT count(*)\nFROM {CHANGED_ROWS} AS {NEW}\nLEFT SEMI JOIN {target} AS {OLD} ON {OLD}.{id} = {NEW}.{ID}"
        )
    }

    /// The valid rows of the table that the query has no more, if they end.
    fn gone(&self) -> Option<String> {
        let mut condition = self.is_valid(OLD);
        match self.snapshot.hard_deletes {
            HardDeletes::Ignore => return None,
            HardDeletes::Invalidate => {}
            HardDeletes::NewRecord => {
                condition = format!("{condition} AND NOT ({} = 'True')", self.old(&self.snapshot.columns.is_deleted));
            }
        }
        let on: Vec<String> = self.keys().into_iter().map(|key| format!("{OLD}.{key} = {NEW}.{key}")).collect();
        let (old, on) = (self.old_rows(), on.join(" AND "));
        Some(format!("FROM {old}\n  LEFT ANTI JOIN {SOURCE_ROWS} AS {NEW} ON {on}\n  WHERE {condition}"))
    }

    /// How many versions begin or end.
    fn pending(&self) -> String {
        let gone = self.gone().map(|gone| format!(" + (\n  SELECT count(*) {gone})")).unwrap_or_default();
        format!("SELECT (SELECT count(*) FROM {CHANGED_ROWS}){gone}")
    }

    fn statement(&self, added: &[String]) -> String {
        let names = &self.snapshot.columns;
        let (scd_id, valid_to) = (quoted(&names.scd_id), quoted(&names.valid_to));
        let mut rows = vec![
            format!(
                "  SELECT true AS ends, {ENDS} AS id, {SINCE} AS until, null AS begins\n  FROM {CHANGED_ROWS} WHERE {ENDS} IS NOT NULL"
            ),
            format!(
                "  SELECT false, null, null, {}\n  FROM {CHANGED_ROWS} AS {NEW}\n  \
                 LEFT ANTI JOIN {} AS {OLD} ON {OLD}.{scd_id} = {NEW}.{ID}",
                self.begun(added),
                self.target.quoted()
            ),
        ];
        if let Some(gone) = self.gone() {
            rows.push(format!("  SELECT true, {}, {NOW}, null\n  {gone}", self.old(&names.scd_id)));
            if self.keeps_deletions() {
                rows.push(format!("  SELECT false, null, null, {}\n  {gone}", self.deleted(added)));
            }
        }
        let all: Vec<&str> =
            self.columns.iter().map(|column| column.name.as_str()).chain(added.iter().map(String::as_str)).collect();
        let columns: Vec<String> = all.iter().map(|name| quoted(name)).collect();
        let values: Vec<String> = columns.iter().map(|name| format!("s.begins.{name}")).collect();
        format!(
            "MERGE INTO {} AS d\nUSING (\n{}\n) AS s\nON s.ends AND s.id = d.{scd_id} AND {}\n\
             WHEN MATCHED THEN UPDATE SET d.{valid_to} = s.until\n\
             WHEN NOT MATCHED AND NOT s.ends THEN INSERT ({})\n  VALUES ({})",
            self.target.quoted(),
            rows.join("\n  UNION ALL\n"),
            self.is_valid("d"),
            columns.join(", "),
            values.join(", ")
        )
    }

    /// A version that begins, as a struct.
    fn begun(&self, added: &[String]) -> String {
        let given = |column: &Column| field(&column.name, &format!("{NEW}.{}", quoted(&column.name)));
        let since = format!("{NEW}.{SINCE}");
        let values = [format!("{NEW}.{ID}"), since.clone(), since.clone(), self.until(&since), "'False'".to_owned()];
        let own = added.iter().zip(&values).map(|(name, value)| field(name, value));
        named_struct(self.columns.iter().map(given).chain(own))
    }

    /// The version that says that a row is deleted, as a struct.
    fn deleted(&self, added: &[String]) -> String {
        let names = &self.snapshot.columns;
        let given = |column: &Column| field(&column.name, &self.old(&column.name));
        let id = hash([self.old(&names.scd_id), NOW.to_owned()].into_iter());
        let values = [id, NOW.to_owned(), NOW.to_owned(), self.old(&names.valid_to), "'True'".to_owned()];
        let own = added.iter().zip(&values).map(|(name, value)| field(name, value));
        named_struct(self.columns.iter().map(given).chain(own))
    }
}

fn field(name: &str, value: &str) -> String {
    format!("{}, {value}", literal(name))
}

fn named_struct(fields: impl Iterator<Item = String>) -> String {
    format!("named_struct({})", fields.collect::<Vec<_>>().join(", "))
}

/// The column of a part of the key.
fn key(position: usize) -> String {
    format!("`__headwater_key_{position}`")
}

/// The hash of several values, as dbt-spark has it.
fn hash(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.map(|part| format!("coalesce(cast({part} as string), '')")).collect();
    format!("md5(concat({}))", parts.join(", '|', "))
}
