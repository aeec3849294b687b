//! Increments whose rows replace those of the table that have their keys: merge, and delete+insert.
//!
//! The increment's rows are computed once. Their keys say which files may hold a match, by partition and statistics; a
//! first pass over the key columns of those says which do; only these are written anew. A null in a key matches nothing.
//!
//! Risk: a row that has no match because its file was left out, and is added a second time. A file is left out by the
//! log only where no key can lie in it, and the passes read the table at one version, on which the commit insists.

mod ready;

use headwater_lake::{DataFile, FILE_NUMBER, Outcome, Removal};
use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Schema, TableName};
use serde_json::Value;

use self::ready::Ready;
use super::{Increment, Written, quoted};
use crate::change::target_rows;
use crate::error::EmbeddedError;
use crate::spool::{ROW, RowSet, spooled_rows};
use headwater_plan::refusal::IncrementalError;

/// The increment's rows, as dbt names them.
const SOURCE: &str = "DBT_INTERNAL_SOURCE";
/// The table's rows, as dbt names them.
const DEST: &str = "DBT_INTERNAL_DEST";
/// A column of our own: whether the predicates hold for a row of the table.
const GOES: &str = "__headwater_goes";

/// The columns that a match updates.
#[derive(Clone, Copy)]
pub(super) struct Updates<'a> {
    /// These, if it is said.
    pub(super) only: Option<&'a [String]>,
    /// All but these.
    pub(super) except: &'a [String],
}

/// A row replaces the one that has its key, or is added.
pub(super) async fn merge(
    increment: &Increment<'_>,
    unique_key: &[String],
    updates: Updates<'_>,
    predicates: &[String],
) -> Result<Written, EmbeddedError> {
    let keys = key_columns(increment, unique_key)?;
    let updated = updated_columns(increment, updates)?;
    let change = increment.begin("MERGE")?;
    let ready = Ready::of(increment, &keys).await?;
    ready.check_keys(increment, &keys).await?;
    let on = condition(&keys, predicates);
    let from = |join: &str| {
        format!("FROM {} AS {SOURCE} {join} {} AS {DEST} ON {on}", relation(&spooled_rows()), relation(&target_rows()))
    };
    let found = format!("SELECT {DEST}.`{FILE_NUMBER}` AS `{FILE_NUMBER}`, {SOURCE}.`{ROW}` AS `{ROW}`");
    let touched = ready.find(increment, &format!("{found} {}", from("JOIN"))).await?;
    let base = increment.base.schema();
    let columns: Vec<String> =
        increment.schema().names().map(|name| merged(name, base, updated.iter().any(|other| other == name))).collect();
    let rows_sql = format!("SELECT {} {}", columns.join(", "), from("RIGHT JOIN"));
    let mut rewritten = ready.rewrite(increment, &change, &touched.files, &rows_sql).await?;
    let copied = rewritten.rows.saturating_sub(touched.rows);
    ready.insert(increment, &mut rewritten.parts, &touched.matched)?;
    let inserted = ready.spool.rows().saturating_sub(touched.matched.len());
    let outcome = Outcome {
        removal: Removal::Files(paths(&touched.files)),
        metrics: vec![
            ("numSourceRows", ready.spool.rows()),
            ("numTargetRowsInserted", inserted),
            ("numTargetRowsUpdated", touched.rows),
            ("numTargetRowsDeleted", 0),
            ("numTargetRowsCopied", copied),
            ("numOutputRows", inserted + touched.rows + copied),
        ],
    };
    let change = change.with_parameters(vec![("predicate", Value::from(on))]);
    let committed = change.commit(rewritten.finish()?, &outcome).await?;
    Ok(Written { committed, rows: inserted + touched.rows })
}

/// Every row of the table whose key is in the increment goes, and the increment's rows are added.
pub(super) async fn delete_insert(
    increment: &Increment<'_>,
    unique_key: &[String],
    predicates: &[String],
) -> Result<Written, EmbeddedError> {
    let keys = key_columns(increment, unique_key)?;
    let change = increment.begin("WRITE")?;
    let ready = Ready::of(increment, &keys).await?;
    // The predicates see the table alone, so that a bare name means its column.
    let goes = if predicates.is_empty() { "true".to_owned() } else { all_of(predicates) };
    let dest = format!("(SELECT *, {goes} AS `{GOES}` FROM {} AS {DEST})", relation(&target_rows()));
    let on = format!("{} AND {DEST}.`{GOES}`", condition(&keys, &[]));
    let from = |join: &str| format!("FROM {} AS {SOURCE} {join} {dest} AS {DEST} ON {on}", relation(&spooled_rows()));
    let found = format!("SELECT {DEST}.`{FILE_NUMBER}` AS `{FILE_NUMBER}`");
    let touched = ready.find(increment, &format!("{found} {}", from("JOIN"))).await?;
    let base = increment.base.schema();
    let columns: Vec<String> = increment.schema().names().map(|name| kept(name, base)).collect();
    let rows_sql = format!("SELECT {} {} WHERE {SOURCE}.`{ROW}` IS NULL", columns.join(", "), from("RIGHT JOIN"));
    let mut rewritten = ready.rewrite(increment, &change, &touched.files, &rows_sql).await?;
    let copied = rewritten.rows;
    ready.insert(increment, &mut rewritten.parts, &RowSet::default())?;
    let inserted = ready.spool.rows();
    let mut metrics = vec![("numOutputRows", inserted), ("numCopiedRows", copied)];
    let before = touched.files.iter().map(|file| file.rows).sum::<Option<u64>>();
    metrics.extend(before.map(|before| ("numDeletedRows", before.saturating_sub(copied))));
    let outcome = Outcome { removal: Removal::Files(paths(&touched.files)), metrics };
    let parameters = vec![("mode", Value::from("Overwrite")), ("predicate", Value::from(on))];
    let committed = change.with_parameters(parameters).commit(rewritten.finish()?, &outcome).await?;
    Ok(Written { committed, rows: inserted })
}

/// The key's columns in the table's spelling.
fn key_columns(increment: &Increment<'_>, unique_key: &[String]) -> Result<Vec<String>, EmbeddedError> {
    let base: Vec<String> = increment.base.schema().names().map(str::to_owned).collect();
    unique_key.iter().map(|key| column(increment, "unique_key", key, &base)).collect()
}

/// The columns that a match updates, in the table's spelling.
fn updated_columns(increment: &Increment<'_>, updates: Updates<'_>) -> Result<Vec<String>, EmbeddedError> {
    let given = &increment.planned.fitted.given;
    let named = |setting, names: &[String]| {
        names.iter().map(|name| column(increment, setting, name, given)).collect::<Result<Vec<_>, _>>()
    };
    if let Some(only) = updates.only {
        return named("merge_update_columns", only);
    }
    let except = named("merge_exclude_columns", updates.except)?;
    Ok(given.iter().filter(|name| !except.contains(name)).cloned().collect())
}

/// A column that a setting names: one that the query gives, and one of `known`.
fn column(
    increment: &Increment<'_>,
    setting: &'static str,
    name: &str,
    known: &[String],
) -> Result<String, EmbeddedError> {
    let given = &increment.planned.fitted.given;
    let found = known.iter().find(|known| known.eq_ignore_ascii_case(name) && given.contains(known));
    found.cloned().ok_or_else(|| {
        let meant = did_you_mean(name, given.iter().map(String::as_str)).map(str::to_owned);
        let (table, column) = (increment.step.target.clone(), name.to_owned());
        IncrementalError::NoColumn { setting: setting.into(), column, table, meant }.into()
    })
}

/// When a row of the increment matches one of the table.
fn condition(keys: &[String], predicates: &[String]) -> String {
    let equal = keys.iter().map(|key| format!("{SOURCE}.{key} = {DEST}.{key}", key = quoted(key)));
    let mut terms: Vec<String> = equal.collect();
    if !predicates.is_empty() {
        terms.push(all_of(predicates));
    }
    terms.join(" AND ")
}

/// Conditions that must all hold. Each ends with a line break, since it may end with a comment.
fn all_of(predicates: &[String]) -> String {
    let each: Vec<String> = predicates.iter().map(|predicate| format!("({predicate}\n)")).collect();
    format!("({})", each.join(" AND "))
}

/// A column of the table after a match: the increment's, or what was there.
fn merged(name: &str, base: &Schema, is_updated: bool) -> String {
    let column = quoted(name);
    match (base.field(name).is_some(), is_updated) {
        (true, false) => format!("{DEST}.{column} AS {column}"),
        (true, true) => {
            format!("CASE WHEN {SOURCE}.`{ROW}` IS NULL THEN {DEST}.{column} ELSE {SOURCE}.{column} END AS {column}")
        }
        // New: null where nothing matches.
        (false, true) => format!("{SOURCE}.{column} AS {column}"),
        (false, false) => format!("CASE WHEN false THEN {SOURCE}.{column} END AS {column}"),
    }
}

/// A column of a row that stays.
fn kept(name: &str, base: &Schema) -> String {
    let column = quoted(name);
    match base.field(name) {
        Some(_) => format!("{DEST}.{column} AS {column}"),
        None => format!("{SOURCE}.{column} AS {column}"),
    }
}

fn paths(files: &[DataFile]) -> Vec<String> {
    files.iter().map(|file| file.path.clone()).collect()
}

/// A relation in Spark SQL.
fn relation(name: &TableName) -> String {
    format!("{}.{}", quoted(&name.schema), quoted(&name.name))
}
