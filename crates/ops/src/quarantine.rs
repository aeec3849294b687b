//! `quarantine`: the rows that were set aside, seen, loaded once the contract fits them, or dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
pub use headwater_embedded::{QuarantineRow, RowReason};
use headwater_lake::Relation;
use headwater_plan::{Diagnostics, RunId, StepContext, TableName};
use serde::Serialize;

use crate::Context;
use crate::maintain::Work;
use crate::placed::place;
use crate::sources::Sources;

/// What every source has set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuarantineList {
    /// The lake, as the user wrote it.
    pub lake: String,
    /// The sources that have set rows aside, in the plan's order.
    pub sources: Vec<QuarantineSummary>,
}

/// What a source has set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuarantineSummary {
    /// The source: `rental.rentals`.
    pub name: String,
    /// Its quarantine.
    pub table: TableName,
    /// How many rows are in it.
    pub rows: u64,
    /// From how many files.
    pub files: u64,
    /// What is wrong with them, the most frequent first. A row may be counted for several.
    pub reasons: Vec<ReasonCount>,
    /// When the first of them was set aside.
    pub oldest: Option<DateTime<Utc>>,
    /// When the last of them was.
    pub newest: Option<DateTime<Utc>>,
}

/// Something that is wrong with rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReasonCount {
    /// The kind of situation, as messages name it.
    pub code: String,
    /// The column, if it lies in one.
    pub column: Option<String>,
    /// With how many rows.
    pub rows: u64,
    /// How it is told of one of them.
    pub example: String,
}

/// Rows of a quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuarantineRows {
    /// The source: `rental.rentals`.
    pub name: String,
    /// Its quarantine.
    pub table: TableName,
    /// How many rows are in it.
    pub rows: u64,
    /// The first of them, by file and line.
    pub shown: Vec<QuarantineRow>,
}

/// How a replay ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplayOutcome {
    /// The source: `rental.rentals`.
    pub name: String,
    /// Its table.
    pub table: TableName,
    /// The replay's name in the table's history.
    pub run_id: RunId,
    /// The rows that were in quarantine.
    pub replayed: u64,
    /// Those that are in the table now.
    pub loaded: u64,
    /// Those that are still in quarantine, with today's reasons.
    pub still_quarantined: u64,
}

/// What was dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DropOutcome {
    /// The source: `rental.rentals`.
    pub name: String,
    /// Its quarantine.
    pub table: TableName,
    /// The act's name in the tables' history.
    pub run_id: RunId,
    /// The rows that are gone.
    pub dropped: u64,
    /// The rows that are left.
    pub left: u64,
}

/// What every source has set aside.
///
/// # Errors
/// A mistake in the project, or an unusable lake.
pub async fn list(context: &Context) -> Result<QuarantineList, Diagnostics> {
    let sources = Sources::open(context).await?;
    let mut list = Vec::new();
    for (node, ingest) in sources.all() {
        let mut tally = Tally::default();
        let read = sources.engine.quarantined(node, None, |row| {
            tally.add(row);
            true
        });
        read.await.map_err(|error| place(sources.dir(), error))?;
        if tally.rows > 0 {
            list.push(tally.told(&node.name, &ingest.quarantine));
        }
    }
    Ok(QuarantineList { lake: sources.lake.written().to_owned(), sources: list })
}

/// The first rows that a source has set aside.
///
/// # Errors
/// As [`list`], and a source that is not there.
pub async fn show(context: &Context, name: &str, limit: usize) -> Result<QuarantineRows, Diagnostics> {
    let sources = Sources::open(context).await?;
    let (node, ingest) = sources.find(name)?;
    let relation = sources.lake.relation(&ingest.quarantine).await.map_err(|error| error.diagnostic())?;
    let rows = match relation {
        Some(Relation::Table(table)) => table.rows().unwrap_or(0),
        _ => 0,
    };
    let mut shown = Vec::new();
    let read = sources.engine.quarantined(node, Some(limit), |mut row| {
        row.file = sources.shown(&row.file);
        shown.push(row);
        true
    });
    read.await.map_err(|error| place(sources.dir(), error))?;
    Ok(QuarantineRows { name: node.name.clone(), table: ingest.quarantine.clone(), rows, shown })
}

/// Reads the rows that a source has set aside once more, through today's contract, and loads those that fit, once.
///
/// # Errors
/// As [`show`]; a load that is not finished, a contract that does not fit the table, a lake that cannot be written.
pub async fn replay(context: &Context, name: &str) -> Result<ReplayOutcome, Diagnostics> {
    let sources = Sources::open(context).await?;
    let (node, ingest) = sources.find(name)?;
    let work = Work::begin(context, &sources.lake, "quarantine replay", false)?;
    let replayed = sources.engine.replay(node, &step(context, &work)).await;
    let replayed = replayed.map_err(|error| place(sources.dir(), error))?;
    Ok(ReplayOutcome {
        name: node.name.clone(),
        table: ingest.target.clone(),
        run_id: work.run_id.clone(),
        replayed: replayed.records,
        loaded: replayed.loaded,
        still_quarantined: replayed.quarantined,
    })
}

/// Removes the rows that a source has set aside; those of one file, if one is named.
///
/// # Errors
/// As [`replay`].
pub async fn drop(context: &Context, name: &str, file: Option<&str>) -> Result<DropOutcome, Diagnostics> {
    let sources = Sources::open(context).await?;
    let (node, ingest) = sources.find(name)?;
    let work = Work::begin(context, &sources.lake, "quarantine drop", false)?;
    let dropped = sources.engine.drop_quarantined(node, file, &step(context, &work)).await;
    let dropped = dropped.map_err(|error| place(sources.dir(), error))?;
    Ok(DropOutcome {
        name: node.name.clone(),
        table: ingest.quarantine.clone(),
        run_id: work.run_id.clone(),
        dropped: dropped.dropped,
        left: dropped.quarantined,
    })
}

fn step(context: &Context, work: &Work) -> StepContext {
    StepContext {
        run_id: work.run_id.clone(),
        full_refresh: false,
        clock: Arc::clone(&context.clock),
        cancel: context.cancel.clone(),
        progress: Arc::new(|_| {}),
    }
}

/// What was counted of a quarantine.
#[derive(Default)]
struct Tally {
    rows: u64,
    files: BTreeSet<String>,
    reasons: BTreeMap<(String, Option<String>), (u64, String)>,
    oldest: Option<DateTime<Utc>>,
    newest: Option<DateTime<Utc>>,
}

impl Tally {
    fn add(&mut self, row: QuarantineRow) {
        self.rows += 1;
        self.oldest = self.oldest.map(|oldest| oldest.min(row.ingested_at)).or(Some(row.ingested_at));
        self.newest = self.newest.max(Some(row.ingested_at));
        self.files.insert(row.file);
        for RowReason { code, column, message } in row.reasons {
            let (rows, _) = self.reasons.entry((code, column)).or_insert((0, message));
            *rows += 1;
        }
    }

    fn told(self, name: &str, table: &TableName) -> QuarantineSummary {
        let reason = |((code, column), (rows, example))| ReasonCount { code, column, rows, example };
        let mut reasons: Vec<ReasonCount> = self.reasons.into_iter().map(reason).collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.rows));
        QuarantineSummary {
            name: name.to_owned(),
            table: table.clone(),
            rows: self.rows,
            files: self.files.len() as u64,
            reasons,
            oldest: self.oldest,
            newest: self.newest,
        }
    }
}
