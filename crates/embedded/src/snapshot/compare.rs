//! The queries of a snapshot that has a history: which versions end, and which begin.
//!
//! They read the table's files as [`target_rows`] and the query's rows as [`source_rows`], under dbt's names for them.

use headwater_plan::{DataType, Field, HardDeletes, Schema, Snapshot, SnapshotStrategy, TableName};

use super::columns::{Columns, ID, SINCE, fit, hash, key};
use crate::change::target_rows;
use crate::incremental::quoted;
use crate::spool::ROW;
use crate::statement::rewriting::{file_of, source_rows};

/// The table's rows.
const OLD: &str = "snapshotted_data";
/// The query's rows.
const NEW: &str = "source_data";
/// The id of the version that a row of [`changed_rows`] ends.
const ENDS: &str = "__headwater_ends";

/// The name of the query's rows for which a version begins.
pub(super) fn changed_rows() -> TableName {
    TableName::new("_headwater", "changed")
}

/// The query's rows beside a table's.
pub(super) struct Compare<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) columns: &'a Columns,
    /// The table's columns.
    pub(super) table: &'a Schema,
    /// The table's columns after the snapshot.
    pub(super) schema: &'a Schema,
}

impl Compare<'_> {
    fn old(&self, name: &str) -> String {
        format!("{OLD}.{}", quoted(name))
    }

    /// The table's rows with their keys.
    fn old_rows(&self) -> String {
        let keys = self.snapshot.unique_key.iter().enumerate();
        let keys: String = keys.map(|(at, part)| format!(", ({part}) AS {}", key(at))).collect();
        format!("(SELECT *{keys} FROM {}) AS {OLD}", target_rows().quoted())
    }

    fn new_rows(&self) -> String {
        format!("{} AS {NEW}", source_rows().quoted())
    }

    /// Whether a row of the table is valid now.
    fn is_valid(&self) -> String {
        let valid_to = self.old(&self.snapshot.columns.valid_to);
        match &self.snapshot.valid_to_current {
            Some(current) => format!("({valid_to} IS NULL OR {valid_to} = ({current}))"),
            None => format!("{valid_to} IS NULL"),
        }
    }

    /// The condition by which both are joined: the key of a valid row.
    fn on(&self) -> String {
        let keys = (0..self.columns.keys()).map(key).map(|key| format!("{OLD}.{key} = {NEW}.{key}"));
        keys.chain([self.is_valid()]).collect::<Vec<_>>().join(" AND ")
    }

    /// Whether a row of the query is another version than the one that is valid.
    fn is_changed(&self) -> String {
        let mut changed = match &self.snapshot.strategy {
            SnapshotStrategy::Timestamp { .. } => {
                format!("{} < {NEW}.`{SINCE}`", self.old(&self.snapshot.columns.valid_from))
            }
            SnapshotStrategy::Check { columns, .. } => self.differs(columns),
        };
        if self.columns.keeps_deletions() {
            changed = format!("{changed} OR {} = 'True'", self.old(&self.snapshot.columns.is_deleted));
        }
        format!("({changed})")
    }

    /// Whether any of some columns differs; all of them if none is named.
    fn differs(&self, named: &[String]) -> String {
        let all: Vec<String> = self.columns.query.names().map(str::to_owned).collect();
        let compared = if named.is_empty() { &all } else { named };
        let mut any = Vec::new();
        for name in compared {
            let (Some(there), given) = (self.table.field(name), self.columns.query.field(name)) else {
                // It is new, and so is every row.
                return "true".to_owned();
            };
            let (old, new) = (self.old(&there.name), self.new_value(&there.name, given, &there.data_type));
            any.push(format!(
                "{old} != {new} OR ({old} IS NULL AND {new} IS NOT NULL) OR ({old} IS NOT NULL AND {new} IS NULL)"
            ));
        }
        any.join(" OR ")
    }

    fn new_value(&self, name: &str, given: Option<&Field>, wanted: &DataType) -> String {
        let value = format!("{NEW}.{}", quoted(name));
        match given {
            Some(given) => fit(value, &given.data_type, wanted),
            None => value,
        }
    }

    /// Whether a valid row of the table is gone from the query, and that ends it; `None` if nothing does.
    fn is_gone(&self) -> Option<String> {
        let gone = format!("{NEW}.`{ROW}` IS NULL AND {}", self.is_valid());
        match self.snapshot.hard_deletes {
            HardDeletes::Ignore => None,
            HardDeletes::Invalidate => Some(gone),
            HardDeletes::NewRecord => {
                Some(format!("{gone} AND NOT ({} = 'True')", self.old(&self.snapshot.columns.is_deleted)))
            }
        }
    }

    /// The files of the versions that end.
    pub(super) fn ended(&self) -> String {
        let (new, old, on, changed) = (self.new_rows(), self.old_rows(), self.on(), self.is_changed());
        let file = file_of(OLD);
        match self.is_gone() {
            None => format!("SELECT {file} FROM {new} JOIN {old} ON {on} WHERE {changed}"),
            Some(gone) => format!(
                "SELECT {file} FROM {new} RIGHT JOIN {old} ON {on} WHERE ({NEW}.`{ROW}` IS NOT NULL AND {changed}) OR ({gone})"
            ),
        }
    }

    /// What the rows of those files become.
    pub(super) fn rewritten(&self) -> String {
        let valid_to = &self.snapshot.columns.valid_to;
        let column = |field: &Field| {
            let value = match self.table.field(&field.name) {
                None => format!("cast(null as {})", field.data_type),
                Some(there) if there.name.eq_ignore_ascii_case(valid_to) => self.end(&there.data_type),
                Some(there) => self.old(&there.name),
            };
            format!("{value} AS {}", quoted(&field.name))
        };
        let columns: Vec<String> = self.schema.fields.iter().map(column).collect();
        let (new, old, on) = (self.new_rows(), self.old_rows(), self.on());
        format!("SELECT {} FROM {new} RIGHT JOIN {old} ON {on}", columns.join(", "))
    }

    /// When a version ends.
    fn end(&self, wanted: &DataType) -> String {
        let since = fit(format!("{NEW}.`{SINCE}`"), &self.columns.since, wanted);
        let changed = format!("WHEN {NEW}.`{ROW}` IS NOT NULL AND {} THEN {since}", self.is_changed());
        let now = fit(self.columns.now.clone(), &DataType::Timestamp, wanted);
        let gone = self.is_gone().map(|gone| format!("WHEN {gone} THEN {now} ")).unwrap_or_default();
        format!("CASE {changed} {gone}ELSE {} END", self.old(&self.snapshot.columns.valid_to))
    }

    /// The rows of the query for which a version begins, each with the id of the one that it ends.
    pub(super) fn begun(&self) -> String {
        let old_id = self.old(&self.snapshot.columns.scd_id);
        let mut columns: Vec<String> =
            self.columns.query.names().map(|name| format!("{NEW}.{}", quoted(name))).collect();
        columns.extend((0..self.columns.keys()).map(|at| format!("{NEW}.{}", key(at))));
        columns.extend([ID, SINCE].map(|name| format!("{NEW}.`{name}`")));
        format!(
            "SELECT {}, {old_id} AS `{ENDS}` FROM {} LEFT JOIN {} ON {} WHERE {old_id} IS NULL OR {}",
            columns.join(", "),
            self.new_rows(),
            self.old_rows(),
            self.on(),
            self.is_changed()
        )
    }

    /// With an `updated_at` that the user names for a check: how many versions would begin with the id of the one that
    /// they end, and the first of their keys.
    pub(super) fn standing(&self) -> Option<(&str, String)> {
        let SnapshotStrategy::Check { updated_at: Some(updated_at), .. } = &self.snapshot.strategy else { return None };
        let shown = self.columns.shown_key("");
        let changed = changed_rows().quoted();
        Some((updated_at, format!("SELECT count(*), min({shown}) FROM {changed} WHERE `{ENDS}` = `{ID}`")))
    }

    /// The versions that begin: those of an id that the history has are not added to it.
    pub(super) fn added(&self) -> String {
        let since = format!("{NEW}.`{SINCE}`");
        let names = &self.snapshot.columns;
        let column = |field: &Field| {
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            let type_of = |name: &str| self.columns.added.field(name).map(|field| field.data_type.clone());
            let value = if is(&names.scd_id) {
                format!("{NEW}.`{ID}`")
            } else if is(&names.updated_at) || is(&names.valid_from) {
                fit(since.clone(), &self.columns.since, &field.data_type)
            } else if is(&names.valid_to) {
                let until = type_of(&names.valid_to).unwrap_or(DataType::Timestamp);
                fit(self.columns.until(&since), &until, &field.data_type)
            } else if is(&names.is_deleted) && self.columns.keeps_deletions() {
                "'False'".to_owned()
            } else {
                match self.columns.query.field(&field.name) {
                    Some(given) => self.new_value(&given.name, Some(given), &field.data_type),
                    None => format!("cast(null as {})", field.data_type),
                }
            };
            format!("{value} AS {}", quoted(&field.name))
        };
        let columns: Vec<String> = self.schema.fields.iter().map(column).collect();
        let id = quoted(&names.scd_id);
        format!(
            "SELECT {} FROM {} AS {NEW} LEFT ANTI JOIN (SELECT {id} FROM {}) AS {OLD} ON {OLD}.{id} = {NEW}.`{ID}`",
            columns.join(", "),
            changed_rows().quoted(),
            target_rows().quoted()
        )
    }

    /// The versions that say that a row is deleted, if the snapshot keeps such.
    pub(super) fn deletions(&self) -> Option<String> {
        if !self.columns.keeps_deletions() {
            return None;
        }
        let gone = self.is_gone()?;
        let names = &self.snapshot.columns;
        let (now, old_id) = (&self.columns.now, self.old(&names.scd_id));
        let column = |field: &Field| {
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            let value = if is(&names.scd_id) {
                hash([old_id.clone(), now.clone()].into_iter())
            } else if is(&names.updated_at) || is(&names.valid_from) {
                fit(now.clone(), &DataType::Timestamp, &field.data_type)
            } else if is(&names.valid_to) {
                self.old(&names.valid_to)
            } else if is(&names.is_deleted) {
                "'True'".to_owned()
            } else if self.columns.query.field(&field.name).is_some() && self.table.field(&field.name).is_some() {
                self.old(&field.name)
            } else {
                format!("cast(null as {})", field.data_type)
            };
            format!("{value} AS {}", quoted(&field.name))
        };
        let columns: Vec<String> = self.schema.fields.iter().map(column).collect();
        let (new, old, on) = (self.new_rows(), self.old_rows(), self.on());
        Some(format!("SELECT {} FROM {new} RIGHT JOIN {old} ON {on} WHERE {gone}", columns.join(", ")))
    }
}
