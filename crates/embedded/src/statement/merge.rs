//! MERGE: rows of a source that change, take out or join the rows of a table, in one commit.
//!
//! The source is computed once. Risk: a row of the table that several rows of the source match, so that which of them
//! changes it is chance. That is refused, as Delta refuses it: when rows are to be added too, any second match is one;
//! else a second match for which a clause's condition holds.

use headwater_plan::TableName;
use headwater_sql::{MergeAction, MergeClause, MergeStatement};

use super::naming::Naming;
use super::pruning;
use super::rewriting::{Rewriting, file_of, finished, rows_in, source_rows};
use crate::change::{Touched, target_rows};
use crate::error::EmbeddedError;
use crate::incremental::quoted;
use crate::spool::ROW;

/// A merge with its texts as the queries of it have them.
struct Merging<'a> {
    statement: &'a MergeStatement,
    target: Naming,
    source: Naming,
    on: String,
}

pub(super) async fn merge(mut rewriting: Rewriting<'_>, statement: &MergeStatement) -> Result<u64, EmbeddedError> {
    let merging = Merging::of(statement);
    let spool = rewriting.spool(source_rows(), &format!("SELECT * FROM {}", statement.source)).await?;
    if spool.rows() == 0 && statement.not_matched_by_source.is_empty() {
        return Ok(0);
    }
    if statement.not_matched_by_source.is_empty() {
        rewriting.only = Some(pruning::candidates(&rewriting, &spool, &merging.joined("true")).await?);
    }
    let fired = merging.fired(&mut rewriting).await?;
    let unmatched = merging.unmatched(&rewriting).await?;
    let mut files = fired.files.clone();
    files.extend(unmatched.files.iter().filter(|file| !fired.files.contains(file)).cloned());
    files.sort_by(|one, other| {
        (&one.partition, one.modified, &one.path).cmp(&(&other.partition, other.modified, &other.path))
    });

    let change = rewriting.begin("MERGE")?;
    let (mut parts, mut deleted) = (Vec::new(), 0);
    if !files.is_empty() {
        let rewritten = rewriting.rewrite(&change, &files, &merging.rewritten(&rewriting)).await?;
        deleted = rows_in(&files).saturating_sub(rewritten.rows);
        parts = finished(rewritten.parts)?;
    }
    let mut inserted = 0;
    if !statement.not_matched.is_empty() {
        let (added, rows) = rewriting.add(&change, &merging.inserted()).await?;
        parts.extend(added);
        inserted = rows;
    }
    let changed = fired.rows + unmatched.rows;
    if files.is_empty() && inserted == 0 {
        return Ok(0);
    }
    let metrics = vec![
        ("numSourceRows", spool.rows()),
        ("numTargetRowsInserted", inserted),
        ("numTargetRowsUpdated", changed.saturating_sub(deleted)),
        ("numTargetRowsDeleted", deleted),
        ("numTargetFilesRemoved", files.len() as u64),
    ];
    rewriting.commit(change, parts, &files, metrics).await?;
    Ok(changed + inserted)
}

impl<'a> Merging<'a> {
    fn of(statement: &'a MergeStatement) -> Self {
        let target = Naming::of(&statement.target, statement.alias.as_deref());
        // A source without an alias is a table, called by its name.
        let source = Naming::of(&written_name(&statement.source), statement.source_alias.as_deref());
        let mut merging = Self { statement, target, source, on: String::new() };
        merging.on = merging.text(&statement.on);
        merging
    }

    fn text(&self, text: &str) -> String {
        self.source.text(&self.target.text(text)).into_owned()
    }

    fn tables(&self) -> [String; 2] {
        [
            format!("{} AS {}", target_rows().quoted(), self.target.alias),
            format!("{} AS {}", source_rows().quoted(), self.source.alias),
        ]
    }

    /// The condition of a clause.
    fn condition(&self, clause: &MergeClause) -> String {
        clause.condition.as_ref().map_or_else(|| "true".to_owned(), |condition| format!("({})", self.text(condition)))
    }

    /// That any of some clauses is done.
    fn any(&self, clauses: &[MergeClause]) -> String {
        match clauses.iter().any(|clause| clause.condition.is_none()) {
            true => "true".to_owned(),
            false => clauses.iter().map(|clause| self.condition(clause)).collect::<Vec<_>>().join(" OR "),
        }
    }

    /// Whether every match counts, and not only those that a clause is done for.
    fn counts_all(&self) -> bool {
        !self.statement.not_matched.is_empty() || !self.statement.not_matched_by_source.is_empty()
    }

    /// The condition by which the rows of both are joined.
    fn joined_on(&self) -> String {
        if self.counts_all() {
            format!("({})", self.on)
        } else {
            format!("({}) AND ({})", self.on, self.any(&self.statement.matched))
        }
    }

    /// A value for every match.
    fn joined(&self, value: &str) -> String {
        let [target, source] = self.tables();
        format!("SELECT {value} FROM {source} JOIN {target} ON {}", self.joined_on())
    }

    /// The rows of the table that a clause for matches changes. From then on, files without a match are not read.
    async fn fired(&self, rewriting: &mut Rewriting<'_>) -> Result<Touched, EmbeddedError> {
        let matched = &self.statement.matched;
        if matched.is_empty() {
            return Ok(Touched::default());
        }
        let files = self.joined(&file_of(&self.target.alias));
        let found = rewriting.find(&files).await?;
        if self.statement.not_matched_by_source.is_empty() {
            rewriting.only = Some(found.files.clone());
        }
        let joined = found.rows;
        let touched = match self.any(matched).as_str() {
            // Whatever is joined fires.
            "true" => found,
            _ if !self.counts_all() => found,
            any => rewriting.find(&format!("{files} WHERE {any}")).await?,
        };
        let only_deletes = matches!(matched.as_slice(), [MergeClause { condition: None, action: MergeAction::Delete }]);
        if touched.rows == 0 || only_deletes {
            return Ok(touched);
        }
        let ([target, source], on) = (self.tables(), self.joined_on());
        let rows = rewriting.number(&format!("SELECT count(*) FROM {target} LEFT SEMI JOIN {source} ON {on}")).await?;
        if joined > rows {
            let table = self.statement.target.clone();
            return Err(EmbeddedError::SeveralMatches { target: table, matches: joined, rows });
        }
        Ok(touched)
    }

    /// The rows of the table that no row of the source matches, and that a clause for those changes.
    async fn unmatched(&self, rewriting: &Rewriting<'_>) -> Result<Touched, EmbeddedError> {
        let clauses = &self.statement.not_matched_by_source;
        if clauses.is_empty() {
            return Ok(Touched::default());
        }
        let [target, source] = self.tables();
        let any = self.any(clauses);
        let (file, on) = (file_of(&self.target.alias), &self.on);
        rewriting.find(&format!("SELECT {file} FROM {target} LEFT ANTI JOIN {source} ON ({on}) WHERE {any}")).await
    }

    /// What the rows of the table become.
    fn rewritten(&self, rewriting: &Rewriting<'_>) -> String {
        let row = self.source.column(ROW);
        let matched = self.statement.matched.iter().map(|clause| (format!("{row} IS NOT NULL"), clause));
        let unmatched = self.statement.not_matched_by_source.iter().map(|clause| (format!("{row} IS NULL"), clause));
        let cases: Vec<(String, &MergeAction)> = matched
            .chain(unmatched)
            .map(|(side, clause)| (format!("WHEN {side} AND {}", self.condition(clause)), &clause.action))
            .collect();
        let column = |name: &str| {
            let own = self.target.column(name);
            let is_changed = cases.iter().any(|(_, action)| becomes(action, name).is_some());
            let value = |(when, action): &(String, &MergeAction)| {
                let value = becomes(action, name).map_or_else(|| own.clone(), |value| self.text(value));
                format!("{when} THEN {value}")
            };
            let whens: Vec<String> = cases.iter().map(value).collect();
            match is_changed {
                true => format!("CASE {} ELSE {own} END AS {}", whens.join(" "), quoted(name)),
                false => format!("{own} AS {}", quoted(name)),
            }
        };
        let columns: Vec<String> = rewriting.base.schema().names().map(column).collect();
        let [target, source] = self.tables();
        let from = format!("FROM {source} RIGHT JOIN {target} ON {}", self.joined_on());
        let goes = |(when, action): &(String, &MergeAction)| format!("{when} THEN {}", **action == MergeAction::Delete);
        let goes: Vec<String> = cases.iter().map(goes).collect();
        format!("SELECT {} {from} WHERE NOT CASE {} ELSE false END", columns.join(", "), goes.join(" "))
    }

    /// The rows that are added.
    fn inserted(&self) -> String {
        let clauses = &self.statement.not_matched;
        let [target, source] = self.tables();
        let first = clauses.first().map(|clause| &clause.action);
        let Some(MergeAction::Insert(columns)) = first else { return String::new() };
        let column = |(position, (name, _)): (usize, &(String, String))| {
            let value = |clause: &MergeClause| match &clause.action {
                MergeAction::Insert(values) => values.get(position).map(|(_, value)| self.text(value)),
                _ => None,
            };
            let cases: Vec<String> = clauses
                .iter()
                .filter_map(|clause| Some(format!("WHEN {} THEN {}", self.condition(clause), value(clause)?)))
                .collect();
            let value = match (clauses.as_slice(), clauses.first().and_then(value)) {
                ([_], Some(value)) => value,
                _ => format!("CASE {} END", cases.join(" ")),
            };
            format!("{value} AS {}", quoted(name))
        };
        let columns: Vec<String> = columns.iter().enumerate().map(column).collect();
        let any = self.any(clauses);
        format!("SELECT {} FROM {source} LEFT ANTI JOIN {target} ON ({}) WHERE {any}", columns.join(", "), self.on)
    }
}

/// What an action lets a column become; `None` if it stays.
fn becomes<'a>(action: &'a MergeAction, name: &str) -> Option<&'a str> {
    match action {
        MergeAction::Update(assignments) => {
            assignments.iter().find(|(column, _)| column == name).map(|(_, value)| value.as_str())
        }
        _ => None,
    }
}

/// The table that a source without an alias names: `` `schema`.`name` ``.
fn written_name(source: &str) -> TableName {
    let plain = source.replace('`', "");
    let (schema, name) = plain.split_once('.').unwrap_or(("", plain.as_str()));
    TableName::new(schema.trim(), name.trim())
}
