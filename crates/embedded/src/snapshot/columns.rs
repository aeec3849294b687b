//! The columns of a snapshot: those of its query, those that it adds, and those that its table has.

use chrono::{DateTime, Utc};
use headwater_plan::{DataType, Field, HardDeletes, Schema, Snapshot, SnapshotStrategy, TableName};

use crate::incremental::quoted;
use crate::statement::rewriting::source_rows;
use headwater_plan::refusal::SnapshotError;

/// The id of the version that a row would begin.
pub(super) const ID: &str = "__headwater_id";
/// When it would begin.
pub(super) const SINCE: &str = "__headwater_since";

/// The column of a part of the key.
pub(super) fn key(position: usize) -> String {
    format!("`__headwater_key_{position}`")
}

/// What a snapshot's queries are made of.
pub(super) struct Columns {
    snapshot: Snapshot,
    /// The columns of the query.
    pub(super) query: Schema,
    /// The type of what says when a row changed.
    pub(super) since: DataType,
    /// The columns that are added, in dbt's order, with their types.
    pub(super) added: Schema,
    /// The time of the run, as SQL.
    pub(super) now: String,
}

impl Columns {
    /// Before the types of the columns that are added are known.
    pub(super) fn new(snapshot: &Snapshot, query: Schema, now: DateTime<Utc>) -> Self {
        let now = format!("timestamp '{}Z'", now.format("%Y-%m-%d %H:%M:%S%.6f"));
        Self { snapshot: snapshot.clone(), query, since: DataType::Timestamp, added: Schema::default(), now }
    }

    /// A query of one column of the type of what says when a row changed.
    pub(super) fn since_type(&self) -> String {
        // The query itself is planned with it: what a column of it means is known there only.
        format!("SELECT {} AS `since` FROM (\n{}\n) AS sbq", self.changed_at(), self.snapshot.query.sql)
    }

    /// A query of one column of the type of what says until when a version is valid.
    pub(super) fn until_type(&self) -> String {
        format!("SELECT {} AS `until`", self.until(&format!("cast(null as {})", self.since)))
    }

    /// Adds dbt's columns, in its order.
    pub(super) fn add(&mut self, until: DataType) {
        let names = &self.snapshot.columns;
        let mut fields = vec![
            Field::new(&names.scd_id, DataType::String),
            Field::new(&names.updated_at, self.since.clone()),
            Field::new(&names.valid_from, self.since.clone()),
            Field::new(&names.valid_to, until),
        ];
        if self.keeps_deletions() {
            fields.push(Field::new(&names.is_deleted, DataType::String));
        }
        self.added = Schema::new(fields);
    }

    pub(super) fn keeps_deletions(&self) -> bool {
        self.snapshot.hard_deletes == HardDeletes::NewRecord
    }

    /// How many parts the key has.
    pub(super) fn keys(&self) -> usize {
        self.snapshot.unique_key.len()
    }

    /// When a row of the query changed.
    fn changed_at(&self) -> String {
        match &self.snapshot.strategy {
            SnapshotStrategy::Timestamp { updated_at }
            | SnapshotStrategy::Check { updated_at: Some(updated_at), .. } => {
                format!("({updated_at})")
            }
            SnapshotStrategy::Check { updated_at: None, .. } => self.now.clone(),
        }
    }

    /// Until when a version that begins is valid, by when it began: null, or what the user says.
    pub(super) fn until(&self, since: &str) -> String {
        let current = self.snapshot.valid_to_current.as_deref().unwrap_or("null");
        format!("coalesce(nullif({since}, {since}), {current})")
    }

    /// The query's rows with their keys, when they changed, and the id of the version that would begin then.
    pub(super) fn source(&self) -> String {
        let (changed_at, keys) = (self.changed_at(), &self.snapshot.unique_key);
        let parts = keys.iter().map(|key| format!("({key})")).chain([changed_at.clone()]);
        let id = hash(parts);
        let keys: String = keys.iter().enumerate().map(|(at, part)| format!("({part}) AS {}, ", key(at))).collect();
        format!(
            "SELECT sbq.*, {keys}{changed_at} AS `{SINCE}`, {id} AS `{ID}` FROM (\n{}\n) AS sbq",
            self.snapshot.query.sql
        )
    }

    /// The first versions of all rows.
    pub(super) fn first(&self) -> String {
        let query = self.query.names().map(quoted);
        let since = format!("`{SINCE}`");
        let added = [format!("`{ID}`"), since.clone(), since.clone(), self.until(&since), "'False'".to_owned()];
        let added =
            added.iter().zip(&self.added.fields).map(|(value, field)| format!("{value} AS {}", quoted(&field.name)));
        let all: Vec<String> = query.chain(added).collect();
        format!("SELECT {} FROM {}", all.join(", "), source_rows().quoted())
    }

    /// How many keys have several rows, and the first of them.
    pub(super) fn shared_keys(&self) -> String {
        let keys: Vec<String> = (0..self.keys()).map(key).collect();
        let there: Vec<String> = keys.iter().map(|key| format!("{key} IS NOT NULL")).collect();
        format!(
            "SELECT count(*), min({}) FROM (SELECT {keys} FROM {} WHERE {} GROUP BY {keys} HAVING count(*) > 1) AS shared",
            self.shown_key(""),
            source_rows().quoted(),
            there.join(" AND "),
            keys = keys.join(", ")
        )
    }

    /// A key as messages show it: `id = 7, day = 2024-05-01`.
    pub(super) fn shown_key(&self, qualifier: &str) -> String {
        let parts = self.snapshot.unique_key.iter().enumerate().map(|(at, part)| {
            let name = part.replace('\\', "\\\\").replace('\'', "\\'");
            format!("'{name} = ', coalesce(cast({qualifier}{} as string), 'null')", key(at))
        });
        format!("concat({})", parts.collect::<Vec<_>>().join(", ', ', "))
    }

    /// The table's columns after a snapshot: those of the query that it has not are added.
    pub(super) fn beside(&self, target: &TableName, table: &Schema) -> Result<Schema, SnapshotError> {
        let missing = self.added.fields.iter().filter(|field| table.field(&field.name).is_none());
        let missing: Vec<String> = missing.map(|field| format!("`{}`", field.name)).collect();
        let mut wrong = Vec::new();
        if !missing.is_empty() {
            wrong.push(format!("it lacks {}", missing.join(", ")));
        }
        let mut schema = table.clone();
        for field in &self.query.fields {
            match table.field(&field.name) {
                None => schema.fields.push(Field::new(&field.name, field.data_type.clone())),
                Some(there) if !may_hold(&there.data_type, &field.data_type) => {
                    wrong.push(format!(
                        "`{}` is `{}` there, and `{}` now",
                        there.name, there.data_type, field.data_type
                    ));
                }
                Some(_) => {}
            }
        }
        if wrong.is_empty() {
            return Ok(schema);
        }
        Err(SnapshotError::OtherTable { table: target.clone(), wrong })
    }
}

/// The hash of several values, as dbt-spark has it.
pub(super) fn hash(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.map(|part| format!("coalesce(cast({part} as string), '')")).collect();
    format!("md5(concat({}))", parts.join(", '|', "))
}

/// A value in a column of a type.
pub(super) fn fit(value: String, found: &DataType, wanted: &DataType) -> String {
    if found.to_string() == wanted.to_string() { value } else { format!("cast({value} as {wanted})") }
}

/// Whether a column takes values of another type: those that Spark casts on writing, and fails where one does not fit.
fn may_hold(column: &DataType, found: &DataType) -> bool {
    let is_time =
        |data_type: &DataType| matches!(data_type, DataType::Date | DataType::Timestamp | DataType::TimestampNtz);
    match (column, found) {
        (column, found) if column.to_string() == found.to_string() => true,
        (_, DataType::Null) => true,
        (DataType::String, found) => found.is_numeric() || is_time(found) || *found == DataType::Boolean,
        (column, found) => column.is_numeric() && found.is_numeric() || is_time(column) && is_time(found),
    }
}
