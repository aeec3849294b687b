//! DELETE and UPDATE: the files that hold a row that goes or changes are written anew.

use headwater_lake::{Outcome, Removal};
use headwater_plan::TableName;

use super::naming::Naming;
use super::rewriting::{Rewriting, file_of, finished, rows_in};
use crate::change::target_rows;
use crate::error::EmbeddedError;
use crate::incremental::quoted;

/// Which rows change, and how.
pub(super) struct Update<'a> {
    pub(super) assignments: &'a [(String, String)],
    pub(super) condition: Option<&'a str>,
    /// The other relations that the texts read.
    pub(super) reads: &'a [TableName],
}

/// Takes rows out; all of them without a condition.
pub(super) async fn delete(
    rewriting: &Rewriting<'_>,
    naming: &Naming,
    condition: Option<&str>,
) -> Result<u64, EmbeddedError> {
    let Some(condition) = condition else { return delete_all(rewriting).await };
    let (condition, from) = (naming.text(condition), from(naming));
    let touched = rewriting.find(&format!("SELECT {} {from} WHERE ({condition})", file_of(&naming.alias))).await?;
    if touched.files.is_empty() {
        return Ok(0);
    }
    let change = rewriting.begin("DELETE")?;
    let columns = columns(rewriting, naming);
    let kept = format!("SELECT {columns} {from} WHERE {}", does_not_hold(&condition));
    let rewritten = rewriting.rewrite(&change, &touched.files, &kept).await?;
    let metrics = vec![("numDeletedRows", touched.rows), ("numCopiedRows", rewritten.rows)];
    rewriting.commit(change, finished(rewritten.parts)?, &touched.files, metrics).await?;
    Ok(touched.rows)
}

async fn delete_all(rewriting: &Rewriting<'_>) -> Result<u64, EmbeddedError> {
    let rows = rows_in(&rewriting.base.data_files());
    if rewriting.base.files() > 0 {
        let outcome = Outcome { removal: Removal::Everything, metrics: vec![("numDeletedRows", rows)] };
        rewriting.begin("DELETE")?.commit(Vec::new(), &outcome).await?;
    }
    Ok(rows)
}

/// Changes rows in place; all of them without a condition.
pub(super) async fn update(
    rewriting: &Rewriting<'_>,
    naming: &Naming,
    update: Update<'_>,
) -> Result<u64, EmbeddedError> {
    let (condition, from) = (naming.text(update.condition.unwrap_or("true")), from(naming));
    let touched = rewriting.find(&format!("SELECT {} {from} WHERE ({condition})", file_of(&naming.alias))).await?;
    if touched.files.is_empty() {
        return Ok(0);
    }
    let value = |name: &str| {
        let assigned = update.assignments.iter().find(|(column, _)| column == name);
        assigned.map(|(_, value)| format!("({})", naming.text(value)))
    };
    let select = |column: &dyn Fn(&str) -> String| {
        let columns = rewriting.base.schema().names().map(|name| format!("{} AS {}", column(name), quoted(name)));
        format!("SELECT {} {from}", columns.collect::<Vec<_>>().join(", "))
    };
    let sql = if update.reads.is_empty() {
        select(&|name| match value(name) {
            Some(value) => format!("CASE WHEN ({condition}) THEN {value} ELSE {} END", naming.column(name)),
            None => naming.column(name),
        })
    } else {
        // A subquery stands in a WHERE only.
        let changed = select(&|name| value(name).unwrap_or_else(|| naming.column(name)));
        let others = select(&|name| naming.column(name));
        format!("{changed} WHERE ({condition}) UNION ALL {others} WHERE {}", does_not_hold(&condition))
    };
    let change = rewriting.begin("UPDATE")?;
    let rewritten = rewriting.rewrite(&change, &touched.files, &sql).await?;
    let copied = rewritten.rows.saturating_sub(touched.rows);
    let metrics = vec![("numUpdatedRows", touched.rows), ("numCopiedRows", copied)];
    rewriting.commit(change, finished(rewritten.parts)?, &touched.files, metrics).await?;
    Ok(touched.rows)
}

fn from(naming: &Naming) -> String {
    format!("FROM {} AS {}", target_rows().quoted(), naming.alias)
}

fn columns(rewriting: &Rewriting<'_>, naming: &Naming) -> String {
    let columns = rewriting.base.schema().names();
    columns.map(|name| format!("{} AS {}", naming.column(name), quoted(name))).collect::<Vec<_>>().join(", ")
}

/// A condition that is null does not hold.
fn does_not_hold(condition: &str) -> String {
    format!("NOT coalesce(({condition}), false)")
}
